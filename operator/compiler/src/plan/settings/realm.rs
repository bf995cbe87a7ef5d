//! Settings of the realm, its methods and scopes.

use std::collections::{BTreeMap, BTreeSet};

use realmwright_decision::facts::role_text;
use realmwright_snapshot::{
    AttributeSnapshot, BootstrapAccount, KeyPolicy, MethodKind, MethodName, MethodSnapshot,
    PasswordHashing, PasswordLockout, PasswordMethod, PasswordPolicy, Period, Protection,
    RealmCore, Retention, RoleName, RoleSnapshot, ScopeName, ScopeSnapshot, SessionPolicy,
    SigningAlgorithm, TokenPolicy, TotpMethod,
};

use super::{Weaker, items, number, or_none, said, time, value, warned, yes_no};
use crate::plan::changes::{Change, Effect};

const WEAKER_GUARD: &str = "guessing becomes easier";

pub(super) fn core(old: &RealmCore, new: &RealmCore, found: &mut Vec<Change>) {
    let RealmCore {
        // A placement is found by these two.
        id: _,
        region: _,
        country,
        instance,
        issuer,
        backend_url,
        layout,
        profile,
        display_name,
        locales,
        attributes,
        purposes,
        session_claims,
        // Seen in logins.
        required_factors: _,
        sessions,
        tokens,
        keys,
        flow: _,
        protection,
        retention,
        roles,
        default_roles,
        bootstrap_accounts,
    } = old;
    found.extend(
        value(
            Effect::Placement,
            "the instance that serves it",
            (instance, &new.instance),
            |name| name.to_string(),
        )
        .map(|change| change.risky("another instance may have another database")),
    );
    found.extend(
        value(
            Effect::Placement,
            "the country of its region",
            (country, &new.country),
            |name| name.to_string(),
        )
        .map(|change| change.risky("people's data falls under another law")),
    );
    found.extend(
        value(
            Effect::Issuer,
            "the issuer",
            (issuer, &new.issuer),
            ToString::to_string,
        )
        .map(|change| change.risky("applications refuse tokens of an issuer they do not know")),
    );
    found.extend(value(
        Effect::Issuer,
        "the address of back-channel endpoints",
        (backend_url, &new.backend_url),
        |url| or_none(url.as_ref()),
    ));
    found.extend(
        value(
            Effect::Issuer,
            "the layout of endpoints",
            (layout, &new.layout),
            |layout| format!("{layout:?}"),
        )
        .map(|change| change.risky("applications with fixed addresses find nothing")),
    );
    found.extend(value(
        Effect::Issuer,
        "the profile",
        (profile, &new.profile),
        |profile| format!("{profile:?}"),
    ));
    if *display_name != new.display_name || *locales != new.locales {
        found.push(Change::new(
            Effect::Texts,
            "the realm's name or languages differ",
        ));
    }
    attribute_schema(attributes, &new.attributes, found);
    if *purposes != new.purposes {
        found.push(Change::new(
            Effect::Attributes,
            "other attributes are a person's name, addresses or phones",
        ));
    }
    found.extend(items(
        session_claims,
        &new.session_claims,
        said(Effect::Session, "sessions may hold"),
        said(Effect::Session, "sessions no longer hold"),
    ));
    session_policy(*sessions, new.sessions, found);
    let TokenPolicy { code_lifetime } = *tokens;
    found.extend(time(
        Effect::TokenLifetime,
        "authorization codes live",
        (code_lifetime, new.tokens.code_lifetime),
        Some((Weaker::Longer, "an intercepted code is of use for longer")),
    ));
    key_policy(keys, &new.keys, found);
    guards(*protection, new.protection, found);
    records(*retention, new.retention, found);
    role_catalogue(
        (roles, default_roles),
        (&new.roles, &new.default_roles),
        found,
    );
    accounts(bootstrap_accounts, &new.bootstrap_accounts, found);
}

fn session_policy(old: SessionPolicy, new: SessionPolicy, found: &mut Vec<Change>) {
    let SessionPolicy {
        idle,
        lifetime,
        login_lifetime,
    } = old;
    let longer = (
        Weaker::Longer,
        "an unattended browser stays logged in for longer",
    );
    let lives = [
        (
            "sessions without activity live",
            idle,
            new.idle,
            Some(longer),
        ),
        ("sessions live", lifetime, new.lifetime, Some(longer)),
        ("a login may take", login_lifetime, new.login_lifetime, None),
    ];
    for (what, before, after, risk) in lives {
        found.extend(time(Effect::SessionLifetime, what, (before, after), risk));
    }
}

fn key_policy(old: &KeyPolicy, new: &KeyPolicy, found: &mut Vec<Change>) {
    let KeyPolicy {
        algorithms,
        rotation_interval,
        jwks_max_age,
        publish_ahead,
        // Follows from the lives of tokens.
        longest_token_life: _,
    } = old;
    let names = |algorithms: &BTreeSet<SigningAlgorithm>| -> Vec<&'static str> {
        algorithms
            .iter()
            .map(|algorithm| algorithm.as_str())
            .collect()
    };
    found.extend(items(
        names(algorithms),
        names(&new.algorithms),
        said(Effect::Keys, "a key is made for"),
        said(Effect::Keys, "the key is retired of"),
    ));
    let ahead = (
        Weaker::Shorter,
        "applications that ignore cache headers meet an unknown key",
    );
    let lives = [
        (
            "keys rotate every",
            *rotation_interval,
            new.rotation_interval,
            None,
        ),
        (
            "the JWK set may be cached for",
            *jwks_max_age,
            new.jwks_max_age,
            None,
        ),
        (
            "keys are published ahead by",
            *publish_ahead,
            new.publish_ahead,
            Some(ahead),
        ),
    ];
    for (what, before, after, risk) in lives {
        found.extend(time(Effect::Keys, what, (before, after), risk));
    }
}

fn guards(old: Protection, new: Protection, found: &mut Vec<Change>) {
    let Protection {
        response_floor,
        attempts_per_address,
        attempts_per_login,
        attempt_window,
        password_queue,
    } = old;
    let effect = Effect::Protection;
    found.extend(time(
        effect,
        "no answer to a credential comes earlier than",
        (response_floor, new.response_floor),
        Some((Weaker::Shorter, "answers may tell who has an account")),
    ));
    let more = Some((Weaker::Longer, WEAKER_GUARD));
    let counters = [
        (
            "failed logins allowed from one address",
            attempts_per_address,
            new.attempts_per_address,
        ),
        (
            "failed logins allowed with one login name",
            attempts_per_login,
            new.attempts_per_login,
        ),
    ];
    for (what, before, after) in counters {
        found.extend(number(effect, what, (before, after), more));
    }
    found.extend(time(
        effect,
        "failed logins are counted within",
        (attempt_window, new.attempt_window),
        Some((Weaker::Shorter, WEAKER_GUARD)),
    ));
    found.extend(value(
        effect,
        "the queue before password checks",
        (&password_queue, &new.password_queue),
        |queue| {
            let wait = crate::plan::changes::period(queue.max_wait);
            format!("{} waiting at most {wait}", queue.length)
        },
    ));
}

/// No period keeps a record without end.
fn records(old: Retention, new: Retention, found: &mut Vec<Change>) {
    let Retention {
        audit_events,
        dead_letters,
        denials,
    } = old;
    let kept = |period: &Option<Period>| {
        period.map_or_else(|| "for ever".to_owned(), crate::plan::changes::period)
    };
    let forever = Period::from_millis(u64::MAX);
    let earlier = new.audit_events.unwrap_or(forever) < audit_events.unwrap_or(forever);
    found.extend(
        value(
            Effect::Records,
            "audit events are kept",
            (&audit_events, &new.audit_events),
            kept,
        )
        .map(|change| change.risky_if(earlier, "older ones are deleted, and do not come back")),
    );
    found.extend(time(
        Effect::Records,
        "deliveries that were given up are kept",
        (dead_letters, new.dead_letters),
        None,
    ));
    found.extend(time(
        Effect::Records,
        "why people were refused is kept",
        (denials, new.denials),
        None,
    ));
}

type Roles<'a> = (&'a BTreeMap<RoleName, RoleSnapshot>, &'a BTreeSet<RoleName>);

fn role_catalogue(
    (old, default): Roles<'_>,
    (new, new_default): Roles<'_>,
    found: &mut Vec<Change>,
) {
    found.extend(items(
        old.keys(),
        new.keys(),
        said(Effect::Roles, "the role appears:"),
        said(Effect::Roles, "the role goes, with all who hold it:"),
    ));
    for (name, role) in new {
        let RoleSnapshot {
            display_name,
            includes,
        } = role;
        let Some(before) = old.get(name) else {
            continue;
        };
        let roles = |roles: &BTreeSet<_>| -> Vec<String> { roles.iter().map(role_text).collect() };
        let gained = includes.iter().any(|role| !before.includes.contains(role));
        found.extend(
            value(
                Effect::Roles,
                &format!("the role {name} includes"),
                (&before.includes, includes),
                |included| or_nothing(&roles(included)),
            )
            .map(|change| change.risky_if(gained, "whoever holds the role holds more")),
        );
        if before.display_name != *display_name {
            found.push(Change::new(
                Effect::Texts,
                format!("the role {name} is named otherwise"),
            ));
        }
    }
    found.extend(items(
        default,
        new_default,
        warned(
            Effect::Roles,
            "everybody holds the role",
            "everybody gains what the role allows",
        ),
        said(Effect::Roles, "not everybody holds the role"),
    ));
}

fn or_nothing(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

fn accounts(old: &[BootstrapAccount], new: &[BootstrapAccount], found: &mut Vec<Change>) {
    let name = |account: &BootstrapAccount| account.name.clone();
    for account in new {
        if old.iter().any(|other| other.name == account.name) {
            continue;
        }
        let roles: Vec<String> = account.roles.iter().map(role_text).collect();
        found.push(
            Change::new(
                Effect::Accounts,
                format!("the account {} is created where it is absent", account.name),
            )
            .risky_if(!roles.is_empty(), "it is created with roles"),
        );
    }
    let gone: BTreeSet<String> = old.iter().map(name).collect();
    let there: BTreeSet<String> = new.iter().map(name).collect();
    found.extend(gone.difference(&there).map(|name| {
        Change::new(
            Effect::Accounts,
            format!("the account {name} is no longer created; where it is, it stays"),
        )
    }));
    let both = new.iter().filter_map(|account| {
        let before = old.iter().find(|other| other.name == account.name)?;
        (before != account).then_some(account)
    });
    found.extend(both.map(|account| {
        Change::new(
            Effect::Accounts,
            format!(
                "the account {} is created otherwise; where it is, it stays",
                account.name
            ),
        )
    }));
}

fn attribute_schema(old: &[AttributeSnapshot], new: &[AttributeSnapshot], found: &mut Vec<Change>) {
    let by_name = |attributes: &'_ [AttributeSnapshot]| -> BTreeMap<_, AttributeSnapshot> {
        attributes
            .iter()
            .map(|attribute| (attribute.name.clone(), attribute.clone()))
            .collect()
    };
    let (before, after) = (by_name(old), by_name(new));
    let effect = Effect::Attributes;
    for (name, attribute) in &after {
        match before.get(name) {
            Some(before) => attribute_differs(before, attribute, found),
            None => found.push(Change::new(effect, format!("the attribute {name} appears"))),
        }
    }
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    found.extend(gone.map(|name| {
        Change::new(effect, format!("the attribute {name} goes"))
            .risky("values that are stored are no longer read")
    }));
}

fn attribute_differs(old: &AttributeSnapshot, new: &AttributeSnapshot, found: &mut Vec<Change>) {
    let AttributeSnapshot {
        name,
        display_name,
        kind,
        data_class,
        searchable,
        required,
        unique,
        case_insensitive,
        computed,
        input,
    } = old;
    let effect = Effect::Attributes;
    found.extend(
        value(
            effect,
            &format!("{name}: data class"),
            (data_class, &new.data_class),
            |class| format!("{class:?}"),
        )
        .map(|change| change.risky_if(new.data_class < *data_class, "it may travel further")),
    );
    found.extend(
        value(
            effect,
            &format!("{name}: type"),
            (kind, &new.kind),
            |kind| format!("{kind:?}"),
        )
        .map(|change| change.risky("values of the former type are no longer read")),
    );
    let flags = [
        ("people are found by it", *searchable, new.searchable, false),
        ("required", *required, new.required, false),
        ("unique", *unique, new.unique, true),
        (
            "compared without regard to case",
            *case_insensitive,
            new.case_insensitive,
            true,
        ),
    ];
    for (what, before, after, risky) in flags {
        found.extend(
            value(effect, &format!("{name}: {what}"), (&before, &after), |v| {
                yes_no(*v).to_owned()
            })
            .map(|change| change.risky_if(risky, "values that are stored may clash")),
        );
    }
    if *computed != new.computed || *input != new.input {
        let text = format!("{name}: computed or checked otherwise");
        found.push(Change::new(effect, text));
    }
    if *display_name != new.display_name {
        found.push(Change::new(
            Effect::Texts,
            format!("{name} is named otherwise"),
        ));
    }
}

/// What of scopes no login shows.
pub(super) fn scopes(
    old: &BTreeMap<ScopeName, ScopeSnapshot>,
    new: &BTreeMap<ScopeName, ScopeSnapshot>,
    found: &mut Vec<Change>,
) {
    for (name, after) in new {
        let ScopeSnapshot {
            name: _,
            display_name,
            consent_text,
            // Seen in logins.
            ask_consent: _,
            system,
            in_token,
            claims: _,
            audiences: _,
            roles: _,
        } = after;
        let Some(before) = old.get(name) else {
            continue;
        };
        found.extend(
            value(
                Effect::ScopesGranted,
                &format!("the scope {name} is for programs only"),
                (&before.system, system),
                |system| yes_no(*system).to_owned(),
            )
            .map(|change| change.risky("who was granted it before is refused")),
        );
        found.extend(value(
            Effect::Protocol,
            &format!("the scope {name} is named in tokens"),
            (&before.in_token, in_token),
            |named| yes_no(*named).to_owned(),
        ));
        if before.display_name != *display_name || before.consent_text != *consent_text {
            found.push(Change::new(
                Effect::Texts,
                format!("the scope {name} reads otherwise"),
            ));
        }
    }
}

pub(super) fn methods(
    old: &BTreeMap<MethodName, MethodSnapshot>,
    new: &BTreeMap<MethodName, MethodSnapshot>,
    found: &mut Vec<Change>,
) {
    let effect = Effect::Methods;
    for (name, after) in new {
        let MethodSnapshot {
            name: _,
            display_name,
            kind,
        } = after;
        let Some(before) = old.get(name) else {
            found.push(Change::new(
                effect,
                format!("people may log in with {name}"),
            ));
            continue;
        };
        if before.display_name != *display_name {
            found.push(Change::new(
                Effect::Texts,
                format!("{name} is named otherwise"),
            ));
        }
        match (&before.kind, kind) {
            (MethodKind::Password(old), MethodKind::Password(new)) => {
                password(name, old, new, found);
            }
            (MethodKind::Totp(old), MethodKind::Totp(new)) => totp(name, old, new, found),
            _ => found.push(
                Change::new(effect, format!("{name} is another kind of method"))
                    .risky("who was enrolled for it is not any more"),
            ),
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    found.extend(gone.map(|name| {
        Change::new(
            effect,
            format!("nobody can log in with {name}; logins under way begin anew"),
        )
        .risky("who has nothing else is locked out")
    }));
}

fn password(
    name: &MethodName,
    old: &PasswordMethod,
    new: &PasswordMethod,
    found: &mut Vec<Change>,
) {
    let PasswordMethod {
        matching,
        policy,
        policy_check,
        lockout,
        hashing,
    } = old;
    if *matching != new.matching {
        found.push(
            Change::new(
                Effect::Methods,
                format!("{name}: a typed login finds accounts otherwise"),
            )
            .risky("a login may find nobody, or somebody else"),
        );
    }
    password_policy(name, policy, &new.policy, found);
    if *policy_check != new.policy_check {
        found.push(Change::new(
            Effect::Methods,
            format!("{name}: when a current password is held against the policy differs"),
        ));
    }
    let PasswordLockout { failures, duration } = *lockout;
    found.extend(number(
        Effect::Protection,
        &format!("{name}: wrong passwords that bar a person"),
        (failures, new.lockout.failures),
        Some((Weaker::Longer, WEAKER_GUARD)),
    ));
    found.extend(time(
        Effect::Protection,
        &format!("{name}: a person is barred for"),
        (duration, new.lockout.duration),
        Some((Weaker::Shorter, WEAKER_GUARD)),
    ));
    let cost =
        |hashing: &PasswordHashing| u64::from(hashing.memory_kib) * u64::from(hashing.iterations);
    let weaker = cost(&new.hashing) < cost(hashing);
    found.extend(
        value(
            Effect::Protection,
            &format!("{name}: cost of new hashes"),
            (hashing, &new.hashing),
            |hashing| {
                let PasswordHashing {
                    memory_kib,
                    iterations,
                    parallelism,
                } = hashing;
                format!("m={memory_kib} t={iterations} p={parallelism}")
            },
        )
        .map(|change| change.risky_if(weaker, "a stolen hash is cheaper to guess")),
    );
}

fn password_policy(
    name: &MethodName,
    old: &PasswordPolicy,
    new: &PasswordPolicy,
    found: &mut Vec<Change>,
) {
    if old == new {
        return;
    }
    let PasswordPolicy {
        min_length,
        max_length,
        min_groups,
        groups,
        dictionary,
        forbid_login,
        history,
        min_age,
        max_age,
        min_differing,
    } = old;
    let effect = Effect::Protection;
    let shorter = Some((Weaker::Shorter, WEAKER_GUARD));
    let numbers = [
        ("fewest characters", *min_length, new.min_length, shorter),
        ("most characters", *max_length, new.max_length, None),
        ("groups of characters", *min_groups, new.min_groups, shorter),
        (
            "former passwords that are refused",
            *history,
            new.history,
            shorter,
        ),
    ];
    for (what, before, after, risk) in numbers {
        found.extend(number(
            effect,
            &format!("{name}: {what}"),
            (before, after),
            risk,
        ));
    }
    let rest = (
        groups,
        dictionary,
        forbid_login,
        min_age,
        max_age,
        min_differing,
    );
    let new_rest = (
        &new.groups,
        &new.dictionary,
        &new.forbid_login,
        &new.min_age,
        &new.max_age,
        &new.min_differing,
    );
    if rest != new_rest {
        found.push(Change::new(
            effect,
            format!("{name}: other passwords are refused"),
        ));
    }
}

fn totp(name: &MethodName, old: &TotpMethod, new: &TotpMethod, found: &mut Vec<Change>) {
    let TotpMethod {
        algorithm,
        digits,
        period,
        forward,
        backward,
        total_attempts,
        lock,
        issuer,
        account_label,
        enrol_at_login: _,
        recovery_codes,
    } = old;
    if (*algorithm, *digits, *period) != (new.algorithm, new.digits, new.period) {
        found.push(
            Change::new(Effect::Methods, format!("{name}: codes are made otherwise"))
                .risky("generators that are enrolled give wrong codes"),
        );
    }
    let more = Some((Weaker::Longer, WEAKER_GUARD));
    let numbers = [
        ("steps ahead that are accepted", *forward, new.forward, more),
        (
            "steps behind that are accepted",
            *backward,
            new.backward,
            more,
        ),
        (
            "wrong codes that bar a person",
            *total_attempts,
            new.total_attempts,
            more,
        ),
        ("recovery codes", *recovery_codes, new.recovery_codes, None),
    ];
    for (what, before, after, risk) in numbers {
        found.extend(number(
            Effect::Protection,
            &format!("{name}: {what}"),
            (before, after),
            risk,
        ));
    }
    found.extend(time(
        Effect::Protection,
        &format!("{name}: a person is barred for"),
        (*lock, new.lock),
        Some((Weaker::Shorter, WEAKER_GUARD)),
    ));
    if *issuer != new.issuer || *account_label != new.account_label {
        found.push(Change::new(
            Effect::Texts,
            format!("{name}: its name in the app differs"),
        ));
    }
}
