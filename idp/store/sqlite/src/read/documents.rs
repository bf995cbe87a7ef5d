//! Statements that read several tables at once (see `realmwright_store::documents`).

/// The person `p`.
macro_rules! person {
    () => {
        "json_object(
            'subject', json_object('sub', p.sub, 'store', p.store, 'store_key', p.store_key,
                'state', p.state, 'required_factors', p.required_factors,
                'created_at', p.created_at, 'updated_at', p.updated_at, 'version', p.version),
            'attributes', json((SELECT json_group_array(json_object('name', name, 'kind', kind,
                    'value', json(value), 'class', class))
                FROM attributes WHERE realm = p.realm AND sub = p.sub)),
            'credentials', json((SELECT json_group_array(kind)
                FROM credentials WHERE realm = p.realm AND sub = p.sub)),
            'roles', json((SELECT json_group_array(role ORDER BY role)
                FROM subject_roles WHERE realm = p.realm AND sub = p.sub)),
            'groups', json((SELECT json_group_array(path ORDER BY path)
                FROM subject_groups WHERE realm = p.realm AND sub = p.sub)))"
    };
}

/// The grant `g`, at the time $2.
macro_rules! standing {
    () => {
        concat!(
            "json_object(
            'grant', json_object('id', hex(g.id), 'sub', g.sub,
                'session_id', iif(g.session_id IS NULL, NULL, hex(g.session_id)),
                'client', g.client, 'scopes', json(g.scopes), 'resource', json(g.resource),
                'authorization_details', json(g.authorization_details),
                'claims', json(g.claims), 'cnf', json(g.cnf), 'nonce', g.nonce,
                'auth_time', g.auth_time, 'acr', g.acr, 'amr', json(g.amr),
                'created_at', g.created_at, 'expires_at', g.expires_at, 'ended_at', g.ended_at),
            'session', json((SELECT json_object(
                'row', json_object('id', hex(s.id), 'sub', s.sub, 'secret', hex(s.secret),
                    'user_agent', s.user_agent, 'address', s.address, 'claims', json(s.claims),
                    'created_at', s.created_at, 'last_used_at', s.last_used_at,
                    'idle_expires_at', s.idle_expires_at, 'expires_at', s.expires_at),
                'authentications', json((SELECT json_group_array(
                        json_object('session_id', hex(session_id), 'method', method, 'amr', amr,
                            'factor', factor, 'at', at) ORDER BY at, method)
                    FROM authentications WHERE realm = s.realm AND session_id = s.id)))
                FROM sessions s WHERE s.realm = g.realm AND s.id = g.session_id
                    AND min(s.expires_at, s.idle_expires_at) > $2)),
            'person', json((SELECT ",
            person!(),
            "
                FROM subjects p WHERE p.realm = g.realm AND p.sub = g.sub)))"
        )
    };
}

pub(super) const PERSON: &str = concat!(
    "SELECT ",
    person!(),
    " FROM subjects p WHERE p.realm = $1 AND p.sub = $2"
);
pub(super) const STANDING: &str = concat!(
    "SELECT ",
    standing!(),
    " FROM grants g WHERE g.realm = $1 AND g.id = $3 AND g.expires_at > $2"
);
pub(super) const PRESENTED: &str = concat!(
    "SELECT json_object(
        'revoked', json(iif(EXISTS (SELECT 1 FROM revoked
            WHERE realm = $1 AND jti = $4 AND expires_at > $2), 'true', 'false')),
        'standing', json((SELECT ",
    standing!(),
    " FROM grants g WHERE g.realm = $1 AND g.id = $3 AND g.expires_at > $2)))"
);
