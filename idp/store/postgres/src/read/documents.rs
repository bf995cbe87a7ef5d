//! Statements that read several tables at once (see `realmwright_store::documents`).

/// The person `p`.
macro_rules! person {
    () => {
        "json_build_object(
            'subject', to_json(p),
            'attributes', (SELECT coalesce(json_agg(json_build_object('name', name, 'kind', kind,
                    'value', value, 'class', class)), '[]')
                FROM attributes WHERE realm = p.realm AND sub = p.sub),
            'credentials', (SELECT coalesce(json_agg(kind), '[]')
                FROM credentials WHERE realm = p.realm AND sub = p.sub),
            'roles', (SELECT coalesce(json_agg(role ORDER BY role), '[]')
                FROM subject_roles WHERE realm = p.realm AND sub = p.sub),
            'groups', (SELECT coalesce(json_agg(path ORDER BY path), '[]')
                FROM subject_groups WHERE realm = p.realm AND sub = p.sub))"
    };
}

/// The grant `g`, at the time of the clock shifted by $2.
macro_rules! standing {
    () => {
        concat!(
            "json_build_object(
            'grant', to_json(g),
            'session', (SELECT json_build_object(
                'row', to_json(s),
                'authentications', (SELECT coalesce(json_agg(to_json(a) ORDER BY at, method), '[]')
                    FROM authentications a WHERE a.realm = s.realm AND a.session_id = s.id))
                FROM sessions s WHERE s.realm = g.realm AND s.id = g.session_id
                    AND least(s.expires_at, s.idle_expires_at) > clock_micros($2)),
            'person', (SELECT ",
            person!(),
            "
                FROM subjects p WHERE p.realm = g.realm AND p.sub = g.sub))"
        )
    };
}

pub(super) const PERSON: &str = concat!(
    "SELECT ",
    person!(),
    "::text FROM subjects p WHERE p.realm = $1 AND p.sub = $2"
);
pub(super) const STANDING: &str = concat!(
    "SELECT ",
    standing!(),
    "::text FROM grants g WHERE g.realm = $1 AND g.id = $3 AND g.expires_at > clock_micros($2)"
);
pub(super) const PRESENTED: &str = concat!(
    "SELECT json_build_object(
        'revoked', EXISTS (SELECT 1 FROM revoked
            WHERE realm = $1 AND jti = $4 AND expires_at > clock_micros($2)),
        'standing', (SELECT ",
    standing!(),
    " FROM grants g WHERE g.realm = $1 AND g.id = $3 AND g.expires_at > clock_micros($2)))::text"
);
