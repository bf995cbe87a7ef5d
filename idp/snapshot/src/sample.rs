//! A small realm for tests and documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use url::Url;

use crate::{
    AccessSnapshot, ClientAuthentication, ClientScopes, ClientSnapshot, GrantType, KeyPolicy,
    Layout, Locale, Locales, LocalizedText, LogoutSettings, OidcClient, OnDeny, PasswordQueue,
    Period, Pkce, Profile, Protection, Purposes, RealmCore, RealmSnapshot, RefreshSettings,
    ResponseType, Retention, RoleScope, SecretHandle, SecretMethod, SessionPolicy,
    SigningAlgorithm, TokenFormat, TokenPolicy,
};

/// An address that is known to parse.
fn address(text: &str) -> Url {
    match Url::parse(text) {
        Ok(url) => url,
        Err(fault) => unreachable!("{text}: {fault}"),
    }
}

/// A confidential client with the code and refresh grants.
#[must_use]
pub fn client(id: &str) -> ClientSnapshot {
    ClientSnapshot {
        id: id.into(),
        origin: format!("identity/{id}"),
        display_name: LocalizedText::from([("en", id)]),
        url: None,
        start_url: None,
        tags: BTreeSet::new(),
        privacy_domain: None,
        access: AccessSnapshot {
            rules: None,
            on_deny: OnDeny::ProtocolError,
        },
        roles: BTreeMap::new(),
        role_scope: RoleScope::Only(BTreeSet::new()),
        claims: Vec::new(),
        consent_required: false,
        flow: None,
        oidc: Some(OidcClient {
            authentication: ClientAuthentication::Secret {
                methods: BTreeSet::from([SecretMethod::ClientSecretBasic]),
                secret: SecretHandle::new(format!("identity/{id}/client-secret")),
                additional: None,
                rotation: None,
            },
            redirect_uris: vec![address("https://app.example.com/callback")],
            redirect_uri_prefixes: Vec::new(),
            default_redirect_uri: None,
            grant_types: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
            response_types: BTreeSet::from([ResponseType::Code]),
            pkce: Pkce::Required,
            require_state: false,
            require_nonce: false,
            scopes: ClientScopes::default(),
            access_token_format: TokenFormat::Jwt,
            access_token_lifetime: Period::from_secs(300),
            audiences: BTreeSet::new(),
            id_token_lifetime: Period::from_secs(300),
            signing_algorithm: SigningAlgorithm::ES256,
            refresh: RefreshSettings {
                idle: Period::from_secs(1800),
                lifetime: Period::from_secs(36_000),
                reuse_interval: Period::from_secs(10),
                offline: false,
            },
            web_origins: BTreeSet::new(),
            logout: LogoutSettings::default(),
        }),
    }
}

/// A realm without scopes, methods and flows that has the given clients.
#[must_use]
pub fn realm(clients: impl IntoIterator<Item = ClientSnapshot>) -> RealmSnapshot {
    RealmSnapshot {
        core: RealmCore {
            id: "identity.sample".into(),
            region: "ua".into(),
            country: "UA".into(),
            instance: "default".into(),
            issuer: address("https://id.example.com/sample"),
            backend_url: None,
            layout: Layout::Realmwright,
            profile: Profile::Production,
            display_name: LocalizedText::from([("en", "Sample")]),
            locales: Locales {
                supported: vec![Locale::from("en")],
                default: Locale::from("en"),
                ignore_browser: false,
            },
            attributes: Vec::new(),
            purposes: Purposes::default(),
            session_claims: BTreeSet::new(),
            required_factors: 1,
            sessions: SessionPolicy {
                idle: Period::from_secs(1800),
                lifetime: Period::from_secs(36_000),
                login_lifetime: Period::from_secs(1800),
            },
            tokens: TokenPolicy {
                code_lifetime: Period::from_secs(60),
            },
            keys: KeyPolicy {
                algorithms: BTreeSet::from([SigningAlgorithm::ES256]),
                rotation_interval: Period::from_secs(30 * 86_400),
                jwks_max_age: Period::from_secs(3600),
                publish_ahead: Period::from_secs(86_400),
                longest_token_life: Period::from_secs(300),
            },
            flow: None,
            protection: Protection {
                response_floor: Period::from_millis(500),
                attempts_per_address: 100,
                attempts_per_login: 20,
                attempt_window: Period::from_secs(900),
                password_queue: PasswordQueue {
                    length: 200,
                    max_wait: Period::from_secs(5),
                },
            },
            retention: Retention::default(),
            roles: BTreeMap::new(),
            default_roles: BTreeSet::new(),
            bootstrap_accounts: Vec::new(),
        },
        scopes: BTreeMap::new(),
        methods: BTreeMap::new(),
        flows: BTreeMap::new(),
        clients: clients
            .into_iter()
            .map(|client| (client.id.clone(), Arc::new(client)))
            .collect(),
    }
}
