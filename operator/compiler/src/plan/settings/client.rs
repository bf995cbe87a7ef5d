//! Settings of an application.

use realmwright_snapshot::{
    AssertionKeys, ClientAuthentication, ClientSnapshot, GrantType, LogoutSettings, OidcClient,
    Pkce, RefreshSettings, SecretMethod, SecretRotation, SigningAlgorithm, TokenFormat,
};

use super::{Weaker, items, or_none, said, time, value, warned, yes_no};
use crate::plan::changes::{Change, Effect, period};

const LIVES_LONGER: (Weaker, &str) = (Weaker::Longer, "a stolen token is of use for longer");

pub(super) fn changes(old: &ClientSnapshot, new: &ClientSnapshot, changes: &mut Vec<Change>) {
    let ClientSnapshot {
        id,
        origin,
        display_name,
        url,
        start_url,
        // Read by conditions: seen in logins.
        tags: _,
        privacy_domain,
        access: _,
        roles,
        role_scope: _,
        claims: _,
        consent_required: _,
        flow: _,
        oidc,
    } = old;
    let mut found: Vec<Change> = Vec::new();
    found.extend(
        value(
            Effect::Subjects,
            "people appear under other subjects",
            (privacy_domain, &new.privacy_domain),
            |domain| or_none(domain.as_ref()),
        )
        .map(|change| change.risky("the application no longer recognises its users")),
    );
    found.extend(items(
        roles.keys(),
        new.roles.keys(),
        said(Effect::Roles, "declares the role"),
        said(Effect::Roles, "no longer declares the role"),
    ));
    let texts = [
        *display_name != new.display_name,
        *url != new.url,
        *start_url != new.start_url,
        *origin != new.origin,
    ];
    if texts.contains(&true) {
        found.push(Change::new(Effect::Texts, "its name or links differ"));
    }
    match (oidc, &new.oidc) {
        (Some(before), Some(after)) => {
            oidc_client(before, after, &mut found);
        }
        (Some(_), None) => found.push(
            Change::new(
                Effect::ApplicationRemoved,
                "no longer speaks OpenID Connect",
            )
            .risky("an application stops"),
        ),
        (None, Some(_)) => {
            found.push(Change::new(
                Effect::ApplicationAdded,
                "speaks OpenID Connect",
            ));
        }
        (None, None) => {}
    }
    changes.extend(found.into_iter().map(|change| change.of(id)));
}

fn oidc_client(old: &OidcClient, new: &OidcClient, found: &mut Vec<Change>) {
    let OidcClient {
        authentication,
        redirect_uris,
        redirect_uri_prefixes,
        default_redirect_uri,
        grant_types,
        response_types,
        pkce,
        require_state,
        require_nonce,
        // Seen in logins, and in what programs may ask.
        scopes: _,
        access_token_format,
        access_token_lifetime,
        audiences: _,
        id_token_lifetime,
        signing_algorithm,
        refresh,
        web_origins,
        logout,
    } = old;
    found.extend(authentication_differs(authentication, &new.authentication));
    found.extend(items(
        redirect_uris,
        &new.redirect_uris,
        said(Effect::Addresses, "may be answered at"),
        said(Effect::Addresses, "is no longer answered at"),
    ));
    found.extend(items(
        redirect_uri_prefixes,
        &new.redirect_uri_prefixes,
        warned(
            Effect::Addresses,
            "may be answered anywhere under",
            "every page under the prefix can receive codes",
        ),
        said(Effect::Addresses, "is no longer answered under"),
    ));
    found.extend(value(
        Effect::Addresses,
        "the address of answers to requests that name none",
        (default_redirect_uri, &new.default_redirect_uri),
        |url| or_none(url.as_ref()),
    ));
    found.extend(items(
        grant_types.iter().copied().map(GrantType::as_str),
        new.grant_types.iter().copied().map(GrantType::as_str),
        said(Effect::Protocol, "may use the grant"),
        said(Effect::Protocol, "may no longer use the grant"),
    ));
    found.extend(value(
        Effect::Protocol,
        "allowed response types",
        (response_types, &new.response_types),
        |types| format!("{types:?}"),
    ));
    found.extend(
        value(Effect::Protocol, "PKCE", (pkce, &new.pkce), |pkce| {
            format!("{pkce:?}")
        })
        .map(|change| {
            change.risky_if(
                new.pkce == Pkce::Optional,
                "a code that was intercepted can be redeemed",
            )
        }),
    );
    let guards = [
        ("state must be sent", *require_state, new.require_state),
        ("nonce must be sent", *require_nonce, new.require_nonce),
    ];
    for (what, before, after) in guards {
        found.extend(value(Effect::Protocol, what, (&before, &after), |v| {
            yes_no(*v).to_owned()
        }));
    }
    found.extend(
        value(
            Effect::Protocol,
            "format of access tokens",
            (access_token_format, &new.access_token_format),
            |format| format!("{format:?}"),
        )
        .map(|change| {
            change.risky_if(
                new.access_token_format == TokenFormat::Opaque,
                "services that verify tokens themselves refuse them",
            )
        }),
    );
    let lives = [
        (
            "access tokens live",
            *access_token_lifetime,
            new.access_token_lifetime,
        ),
        ("id tokens live", *id_token_lifetime, new.id_token_lifetime),
    ];
    for (what, before, after) in lives {
        found.extend(time(
            Effect::TokenLifetime,
            what,
            (before, after),
            Some(LIVES_LONGER),
        ));
    }
    found.extend(value(
        Effect::Keys,
        "tokens are signed with",
        (signing_algorithm, &new.signing_algorithm),
        |algorithm| SigningAlgorithm::as_str(*algorithm).to_owned(),
    ));
    found.extend(refresh_tokens(*refresh, new.refresh));
    found.extend(items(
        web_origins,
        &new.web_origins,
        said(Effect::Addresses, "is called by pages of"),
        said(Effect::Addresses, "is no longer called by pages of"),
    ));
    found.extend(logout_differs(logout, &new.logout));
}

fn authentication_differs(old: &ClientAuthentication, new: &ClientAuthentication) -> Vec<Change> {
    use ClientAuthentication::{None, PrivateKeyJwt, Secret};
    let changed = |text: &str| Change::new(Effect::Authentication, text);
    match (old, new) {
        (old, new) if old == new => Vec::new(),
        (
            Secret {
                methods,
                secret: _,
                additional: _,
                rotation,
            },
            Secret {
                methods: ways,
                rotation: new_rotation,
                ..
            },
        ) => {
            let name = |method: &SecretMethod| match method {
                SecretMethod::ClientSecretBasic => "client_secret_basic",
                SecretMethod::ClientSecretPost => "client_secret_post",
            };
            let of_methods = items(
                methods.iter().map(name),
                ways.iter().map(name),
                said(Effect::Authentication, "may use"),
                said(Effect::Authentication, "may no longer use"),
            );
            let of_secrets = items(
                old.secrets(),
                new.secrets(),
                said(Effect::Authentication, "is accepted with the secret"),
                warned(
                    Effect::Authentication,
                    "is refused with the secret",
                    "it has to have the other secret by then",
                ),
            );
            let of_rotation = rotation_differs(*rotation, *new_rotation);
            [of_methods, of_secrets, of_rotation].concat()
        }
        (PrivateKeyJwt(old), PrivateKeyJwt(new)) => {
            let text = |keys: &AssertionKeys| match keys {
                AssertionKeys::Jwks(_) => "keys in the configuration".to_owned(),
                AssertionKeys::JwksUri(url) => url.to_string(),
            };
            vec![
                changed("its keys are others")
                    .values(text(old), text(new))
                    .risky("assertions by keys that are gone are refused"),
            ]
        }
        (old, new) => {
            let text = |authentication: &ClientAuthentication| match authentication {
                None => "none (public)",
                Secret { .. } => "secret",
                PrivateKeyJwt(_) => "private_key_jwt",
            };
            vec![
                changed("proves who it is otherwise")
                    .values(text(old), text(new))
                    .risky("it is refused until it does so"),
            ]
        }
    }
}

fn rotation_differs(old: Option<SecretRotation>, new: Option<SecretRotation>) -> Vec<Change> {
    const EFFECT: Effect = Effect::Authentication;
    match (old, new) {
        (Some(old), Some(new)) => {
            let interval = (old.interval, new.interval);
            let overlap = (old.overlap, new.overlap);
            let stolen = (Weaker::Longer, "a stolen secret is of use for longer");
            let hurried = (Weaker::Shorter, "it has to read the new secret sooner");
            [
                time(
                    EFFECT,
                    "its secret is replaced after",
                    interval,
                    Some(stolen),
                ),
                time(
                    EFFECT,
                    "its former secret is accepted for",
                    overlap,
                    Some(hurried),
                ),
            ]
            .into_iter()
            .flatten()
            .collect()
        }
        (None, None) => Vec::new(),
        (old, new) => {
            let text = |rotation: Option<SecretRotation>| {
                rotation.map_or_else(
                    || "never by itself".to_owned(),
                    |SecretRotation { interval, overlap }| {
                        format!("every {}, overlap {}", period(interval), period(overlap))
                    },
                )
            };
            let why = match new {
                Some(_) => "it has to read the new secret before the former one ends",
                None => "a stolen secret is of use for longer",
            };
            vec![
                Change::new(EFFECT, "its secret is replaced")
                    .values(text(old), text(new))
                    .risky(why),
            ]
        }
    }
}

fn refresh_tokens(old: RefreshSettings, new: RefreshSettings) -> Vec<Change> {
    let RefreshSettings {
        idle,
        lifetime,
        reuse_interval,
        offline,
    } = old;
    let lives = [
        ("refresh tokens that are not used live", idle, new.idle),
        ("a chain of refresh tokens lives", lifetime, new.lifetime),
        (
            "a refresh token may be sent again within",
            reuse_interval,
            new.reuse_interval,
        ),
    ];
    let mut found: Vec<Change> = lives
        .into_iter()
        .filter_map(|(what, before, after)| {
            time(
                Effect::TokenLifetime,
                what,
                (before, after),
                Some(LIVES_LONGER),
            )
        })
        .collect();
    found.extend(
        value(
            Effect::TokenLifetime,
            "refresh goes on after the session has ended",
            (&offline, &new.offline),
            |offline| yes_no(*offline).to_owned(),
        )
        .map(|change| change.risky_if(new.offline, "a logout no longer stops the application")),
    );
    found
}

fn logout_differs(old: &LogoutSettings, new: &LogoutSettings) -> Vec<Change> {
    let LogoutSettings {
        redirect_uris,
        redirect_uri_prefixes,
        default_redirect_uri,
        skip_confirmation,
    } = old;
    let mut found = items(
        redirect_uris,
        &new.redirect_uris,
        said(Effect::Addresses, "logout may return to"),
        said(Effect::Addresses, "logout no longer returns to"),
    );
    found.extend(items(
        redirect_uri_prefixes,
        &new.redirect_uri_prefixes,
        said(Effect::Addresses, "logout may return anywhere under"),
        said(Effect::Addresses, "logout no longer returns under"),
    ));
    found.extend(value(
        Effect::Addresses,
        "where logout returns to when nothing is named",
        (default_redirect_uri, &new.default_redirect_uri),
        |url| or_none(url.as_ref()),
    ));
    found.extend(value(
        Effect::Protocol,
        "logout without asking the person",
        (skip_confirmation, &new.skip_confirmation),
        |skip| yes_no(*skip).to_owned(),
    ));
    found
}
