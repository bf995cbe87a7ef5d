//! Values that tests of several modules share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use realmwright_keys::{Generate, PublicJwk, Purpose, SystemGenerator};
use realmwright_snapshot::{
    AccessSnapshot, ClientAuthentication, ClientId, ClientScopes, ClientSnapshot, Country,
    GrantType, InstanceName, KeyPolicy, Layout, Locale, Locales, LocalizedText, LogoutSettings,
    OidcClient, OnDeny, PasswordQueue, Period, Pkce, Profile, Protection, Purposes, RealmCore,
    RealmId, RealmSnapshot, RefreshSettings, RegionName, ResponseType, RoleScope, ScopeName,
    SessionPolicy, SigningAlgorithm, TokenFormat, TokenPolicy,
};
use url::Url;

use crate::Parameters;
use crate::jose::{SigningKey, VerificationKeys};

pub(crate) const ISSUER: &str = "https://id.example/q";

pub(crate) fn parameters(text: &str) -> Parameters {
    Parameters::parse(text.as_bytes()).unwrap()
}

/// A public client with `https://app.example/cb`.
pub(crate) fn oidc_client() -> OidcClient {
    OidcClient {
        authentication: ClientAuthentication::None,
        redirect_uris: vec![Url::parse("https://app.example/cb").unwrap()],
        redirect_uri_prefixes: Vec::new(),
        default_redirect_uri: None,
        grant_types: BTreeSet::from([GrantType::AuthorizationCode]),
        response_types: BTreeSet::from([ResponseType::Code]),
        pkce: Pkce::Optional,
        require_state: false,
        require_nonce: false,
        scopes: ClientScopes {
            default: BTreeSet::from([ScopeName::from("openid")]),
            allowed: BTreeSet::from([ScopeName::from("openid")]),
        },
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
    }
}

pub(crate) fn client(id: &str, oidc: OidcClient) -> ClientSnapshot {
    ClientSnapshot {
        id: ClientId::from(id),
        origin: format!("a/{id}"),
        display_name: LocalizedText::from([("en", id)]),
        url: None,
        start_url: None,
        tags: BTreeSet::new(),
        privacy_domain: None,
        access: AccessSnapshot {
            rules: None,
            on_deny: OnDeny::ErrorPage,
        },
        roles: BTreeMap::new(),
        role_scope: RoleScope::Full,
        claims: Vec::new(),
        consent_required: false,
        flow: None,
        oidc: Some(oidc),
    }
}

pub(crate) fn realm(clients: Vec<ClientSnapshot>) -> RealmSnapshot {
    let minute = Period::from_secs(60);
    RealmSnapshot {
        core: RealmCore {
            id: RealmId::from("a.q"),
            region: RegionName::from("ua"),
            country: Country::from("UA"),
            instance: InstanceName::from("default"),
            issuer: Url::parse(ISSUER).unwrap(),
            backend_url: None,
            layout: Layout::Realmwright,
            profile: Profile::Production,
            display_name: LocalizedText::from([("en", "Q")]),
            locales: Locales {
                supported: vec![Locale::from("en"), Locale::from("uk")],
                default: Locale::from("en"),
                ignore_browser: false,
            },
            attributes: Vec::new(),
            purposes: Purposes::default(),
            session_claims: BTreeSet::new(),
            required_factors: 1,
            sessions: SessionPolicy {
                idle: minute,
                lifetime: minute,
                login_lifetime: minute,
            },
            tokens: TokenPolicy {
                code_lifetime: minute,
            },
            keys: KeyPolicy {
                algorithms: BTreeSet::from([SigningAlgorithm::ES256]),
                rotation_interval: minute,
                jwks_max_age: minute,
                publish_ahead: minute,
                longest_token_life: minute,
            },
            flow: None,
            protection: Protection {
                response_floor: Period::ZERO,
                attempts_per_address: 100,
                attempts_per_login: 20,
                attempt_window: minute,
                password_queue: PasswordQueue {
                    length: 1,
                    max_wait: minute,
                },
            },
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

/// A new key and the set that verifies it.
pub(crate) fn signing_key() -> (SigningKey, VerificationKeys) {
    let alg = SigningAlgorithm::ES256;
    let key = SystemGenerator::default()
        .key(Purpose::Sign { alg })
        .unwrap();
    let jwk = PublicJwk::of_private_key(&key.kid, alg, &key.material).unwrap();
    let jwk = serde_json::to_value(jwk).unwrap();
    (
        SigningKey::from_pkcs8(key.kid.as_str(), alg, key.material.expose()).unwrap(),
        VerificationKeys::from_jwks(&[jwk]).unwrap(),
    )
}
