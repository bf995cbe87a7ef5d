//! The realm itself, once for each placement.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use realmwright_crds::RealmSpec;
use realmwright_crds::realm::{
    AccessTokenPolicy, BootstrapAccount as SpecAccount, IdTokenPolicy, KeyPolicy as SpecKeys,
    Layout as SpecLayout, Locales as SpecLocales, PasswordQueue as SpecQueue,
    Protection as SpecProtection, RefreshTokenPolicy, Retention as SpecRetention, Sessions,
    TokenPolicy as SpecTokens,
};
use realmwright_snapshot::{
    AttributeName, AttributeSnapshot, AttributeValue, Attributes, BootstrapAccount, Country,
    FlowName, InstanceName, KeyPolicy, Layout, Locale, Locales, PasswordQueue, Period, Profile,
    Protection, RealmCore, RealmId, RegionName, Retention, RoleName, SessionPolicy,
    SigningAlgorithm, TokenPolicy, ValueKind,
};
use serde_json::Value as Json;
use url::Url;

use super::{
    Context, attributes, count, declared, defaults, oidc, period, roles, unknown_attribute,
};
use crate::compiler::CompileProfile;
use crate::diagnostics::Code;
use crate::fault::Fault;
use crate::path::{FieldPath, field};
use crate::secrets::{SecretKey, SecretNeed, SecretOrigin, SecretPurpose};

pub(crate) fn locales(spec: Option<&SpecLocales>) -> Locales {
    let Some(SpecLocales {
        supported,
        default,
        ignore_browser,
    }) = spec
    else {
        return defaults::locales();
    };
    let supported: Vec<Locale> = supported
        .iter()
        .map(|locale| Locale::from(locale.as_str()))
        .collect();
    let first = supported.first().cloned();
    Locales {
        default: default
            .as_ref()
            .map(|locale| Locale::from(locale.as_str()))
            .or(first)
            .unwrap_or_else(|| defaults::locales().default),
        supported,
        ignore_browser: ignore_browser.unwrap_or(false),
    }
}

pub(crate) fn tokens(realm: &RealmSpec) -> defaults::Tokens {
    let SpecTokens {
        code_lifetime,
        access_token,
        id_token,
        refresh_token,
    } = realm.tokens.unwrap_or_default();
    let AccessTokenPolicy { format, lifetime } = access_token.unwrap_or_default();
    let IdTokenPolicy {
        lifetime: id_lifetime,
    } = id_token.unwrap_or_default();
    let RefreshTokenPolicy {
        idle,
        lifetime: refresh_lifetime,
        reuse_interval,
    } = refresh_token.unwrap_or_default();
    let SpecKeys {
        signing_algorithm,
        rotation_interval: _,
        publish_ahead: _,
        jwks_max_age: _,
    } = realm.keys.unwrap_or_default();
    defaults::Tokens {
        code_lifetime: period(code_lifetime, defaults::CODE_LIFETIME),
        access_format: format.map_or(defaults::ACCESS_TOKEN_FORMAT, oidc::token_format),
        access_lifetime: period(lifetime, defaults::ACCESS_TOKEN_LIFETIME),
        id_lifetime: period(id_lifetime, defaults::ID_TOKEN_LIFETIME),
        refresh_idle: period(idle, defaults::REFRESH_IDLE),
        refresh_lifetime: period(refresh_lifetime, defaults::REFRESH_LIFETIME),
        reuse_interval: period(reuse_interval, defaults::REUSE_INTERVAL),
        algorithm: signing_algorithm.map_or(defaults::SIGNING_ALGORITHM, oidc::algorithm),
    }
}

/// What only the whole realm knows.
#[derive(Clone, Debug)]
pub(crate) struct Gathered {
    /// Algorithms that some client uses.
    pub(crate) algorithms: BTreeSet<SigningAlgorithm>,
    pub(crate) longest_token_life: Period,
    /// How many realms the manifests declare.
    pub(crate) realms: usize,
}

/// A placement with what was found out about it.
#[derive(Clone, Debug)]
pub(crate) struct ResolvedPlacement<'a> {
    pub(crate) region: &'a str,
    pub(crate) country: &'a str,
    pub(crate) instance: &'a str,
    /// As declared.
    pub(crate) issuer: Url,
    pub(crate) backend_url: Option<Url>,
}

/// Where the placement is served: as declared, or rewritten to the origin of `dev`. Of several
/// realms each is served under its id.
pub(crate) fn served_issuer(
    declared: &Url,
    id: &RealmId,
    profile: &CompileProfile,
    realms: usize,
) -> Url {
    match profile {
        CompileProfile::Production => declared.clone(),
        CompileProfile::Dev { origin } => {
            let path = declared.path().trim_end_matches('/');
            let mut issuer = origin.clone();
            issuer.set_path(&if realms > 1 {
                format!("/{id}{path}")
            } else {
                path.to_owned()
            });
            issuer
        }
    }
}

/// The realm's core for one placement.
pub(crate) fn lower(
    context: &Context<'_>,
    placement: &ResolvedPlacement<'_>,
    profile: &CompileProfile,
    gathered: &Gathered,
    needs: &mut Vec<(FieldPath, SecretNeed)>,
    faults: &mut Vec<Fault>,
) -> RealmCore {
    let RealmSpec {
        id: _,
        display_name,
        placements: _,
        layout,
        locales: _,
        attributes: _,
        purposes,
        session_claims,
        required_factors,
        sessions,
        tokens: _,
        keys,
        flow,
        protection,
        retention,
        roles: _,
        default_roles,
        attach: _,
        bootstrap_accounts,
    } = context.realm;
    let ResolvedPlacement {
        region,
        country,
        instance,
        issuer,
        backend_url,
    } = placement;
    if let Some(flow) = flow {
        context.check_flow(flow, field!("spec", "flow"), faults);
    }
    RealmCore {
        id: context.id.clone(),
        region: RegionName::from(*region),
        country: Country::from(*country),
        instance: InstanceName::from(*instance),
        issuer: served_issuer(issuer, &context.id, profile, gathered.realms),
        backend_url: match profile {
            CompileProfile::Production => backend_url.clone(),
            CompileProfile::Dev { .. } => None,
        },
        layout: match layout {
            Some(SpecLayout::Realmwright) | None => Layout::Realmwright,
        },
        profile: match profile {
            CompileProfile::Production => Profile::Production,
            CompileProfile::Dev { origin } => Profile::Dev {
                origin: origin.clone(),
            },
        },
        display_name: context.texts(
            display_name.as_ref(),
            Some(&context.key.name),
            &field!("spec", "displayName"),
            faults,
        ),
        locales: context.locales.clone(),
        attributes: attributes::display_names(context, faults),
        purposes: attributes::purposes(context, purposes.as_ref(), faults),
        session_claims: session_claims.iter().map(ToString::to_string).collect(),
        required_factors: required_factors.map_or(defaults::REQUIRED_FACTORS, super::flow::factors),
        sessions: lower_sessions(sessions.unwrap_or_default()),
        tokens: TokenPolicy {
            code_lifetime: context.tokens.code_lifetime,
        },
        keys: lower_keys(keys.unwrap_or_default(), gathered),
        flow: flow.as_ref().map(|flow| FlowName::from(flow.as_str())),
        protection: lower_protection(protection.unwrap_or_default()),
        retention: lower_retention(retention.unwrap_or_default()),
        roles: roles::lower(context, faults),
        default_roles: default_roles
            .iter()
            .map(|role| RoleName::from(role.as_str()))
            .collect(),
        bootstrap_accounts: bootstrap_accounts
            .iter()
            .enumerate()
            .map(|(index, account)| {
                let path = field!("spec", "bootstrapAccounts", index);
                bootstrap(context, account, &path, needs, faults)
            })
            .collect(),
    }
}

fn lower_sessions(spec: Sessions) -> SessionPolicy {
    let Sessions {
        idle,
        lifetime,
        login_lifetime,
    } = spec;
    SessionPolicy {
        idle: period(idle, defaults::SESSION_IDLE),
        lifetime: period(lifetime, defaults::SESSION_LIFETIME),
        login_lifetime: period(login_lifetime, defaults::LOGIN_LIFETIME),
    }
}

fn lower_keys(spec: SpecKeys, gathered: &Gathered) -> KeyPolicy {
    let SpecKeys {
        signing_algorithm: _,
        rotation_interval,
        publish_ahead,
        jwks_max_age,
    } = spec;
    KeyPolicy {
        algorithms: gathered.algorithms.clone(),
        rotation_interval: period(rotation_interval, defaults::ROTATION_INTERVAL),
        publish_ahead: period(publish_ahead, defaults::PUBLISH_AHEAD),
        jwks_max_age: period(jwks_max_age, defaults::JWKS_MAX_AGE),
        longest_token_life: gathered.longest_token_life,
    }
}

fn lower_protection(spec: SpecProtection) -> Protection {
    let SpecProtection {
        response_floor,
        attempts_per_address,
        attempts_per_login,
        attempt_window,
        password_queue,
    } = spec;
    let SpecQueue { length, max_wait } = password_queue.unwrap_or_default();
    Protection {
        response_floor: period(response_floor, defaults::RESPONSE_FLOOR),
        attempts_per_address: count(attempts_per_address, defaults::ATTEMPTS_PER_ADDRESS),
        attempts_per_login: count(attempts_per_login, defaults::ATTEMPTS_PER_LOGIN),
        attempt_window: period(attempt_window, defaults::ATTEMPT_WINDOW),
        password_queue: PasswordQueue {
            length: count(length, defaults::QUEUE_LENGTH),
            max_wait: period(max_wait, defaults::QUEUE_MAX_WAIT),
        },
    }
}

fn lower_retention(spec: SpecRetention) -> Retention {
    let SpecRetention {
        audit_events,
        dead_letters,
        denials,
    } = spec;
    Retention {
        audit_events: audit_events.map(|kept| kept.get().into()),
        dead_letters: period(dead_letters, Retention::default().dead_letters),
        denials: period(denials, Retention::default().denials),
    }
}

fn bootstrap(
    context: &Context<'_>,
    account: &SpecAccount,
    path: &FieldPath,
    needs: &mut Vec<(FieldPath, SecretNeed)>,
    faults: &mut Vec<Fault>,
) -> BootstrapAccount {
    let SpecAccount {
        name,
        attributes,
        password_hash_secret_ref,
        must_change_password,
        roles,
        groups,
    } = account;
    let password = password_hash_secret_ref.as_ref().map(|reference| {
        let origin = SecretOrigin::Secret(SecretKey::referred(reference, &context.key.namespace));
        let handle = origin.handle();
        needs.push((
            path.at("passwordHashSecretRef"),
            SecretNeed {
                handle: handle.clone(),
                purpose: SecretPurpose::PasswordHash,
                origin,
            },
        ));
        handle
    });
    let path = path.at("attributes");
    let values = attribute_values(
        &context.schema,
        attributes
            .iter()
            .map(|(name, value)| (name.as_str(), &value.0)),
        &path,
        faults,
    );
    for attribute in &context.schema {
        if attribute.required && !values.contains_key(&attribute.name) {
            faults.push(Fault::error(
                Code::BootstrapAccountUnfit,
                path.clone(),
                format!(
                    "account `{name}` has no `{}`, which is required",
                    attribute.name
                ),
            ));
        }
    }
    BootstrapAccount {
        name: name.to_string(),
        attributes: values,
        password,
        must_change_password: must_change_password.unwrap_or(false),
        roles: roles::references(roles),
        groups: groups.iter().map(ToString::to_string).collect(),
    }
}

/// Attribute values as JSON against the schema.
pub(crate) fn attribute_values<'a>(
    schema: &[AttributeSnapshot],
    values: impl Iterator<Item = (&'a str, &'a Json)>,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> Attributes {
    let mut lowered = Attributes::new();
    for (name, value) in values {
        let path = path.at(name);
        let Some(attribute) = declared(schema, name) else {
            faults.push(unknown_attribute(schema, name, path));
            continue;
        };
        if attribute.computed.is_some() {
            faults.push(Fault::error(
                Code::BootstrapAccountUnfit,
                path,
                format!("`{name}` is computed and cannot be given"),
            ));
            continue;
        }
        match attribute_value(attribute, value) {
            Some(value) => {
                lowered.insert(AttributeName::from(name), value);
            }
            None => faults.push(Fault::error(
                Code::BootstrapAccountUnfit,
                path,
                format!("`{name}` is of type {:?}", attribute.kind),
            )),
        }
    }
    lowered
}

fn attribute_value(attribute: &AttributeSnapshot, value: &Json) -> Option<AttributeValue> {
    Some(match attribute.kind {
        ValueKind::String => AttributeValue::String(value.as_str()?.to_owned()),
        ValueKind::Number => AttributeValue::Number(value.as_i64()?),
        ValueKind::Boolean => AttributeValue::Boolean(value.as_bool()?),
        ValueKind::Bytes => AttributeValue::Bytes(STANDARD.decode(value.as_str()?).ok()?),
        ValueKind::StringList => AttributeValue::StringList(
            value
                .as_array()?
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
        ),
    })
}
