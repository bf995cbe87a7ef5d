//! Metadata: OpenID Connect Discovery 1.0 section 3 and RFC 8414 section 2. One document serves
//! both addresses. It lists only what is switched on for some client of the realm (OIDC-50).

use std::collections::BTreeSet;

use realmwright_snapshot::{
    ClientAuthentication, ClientSnapshot, GrantType, RealmSnapshot, ResponseMode, ResponseType,
    ScopeSnapshot, SecretMethod, SigningAlgorithm,
};
use serde::Serialize;

use crate::endpoints::{self, Endpoint};

/// What the clients of a realm have switched on, taken together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    grants: BTreeSet<GrantType>,
    responses: BTreeSet<ResponseType>,
    authentication: BTreeSet<&'static str>,
    has_confidential: bool,
    has_pairwise: bool,
    has_public: bool,
}

impl Features {
    /// The features of some clients.
    pub fn of<'a>(clients: impl IntoIterator<Item = &'a ClientSnapshot>) -> Self {
        let mut features = Self::default();
        for client in clients {
            features.add(client);
        }
        features
    }

    /// Those of several sets of clients together.
    pub fn together<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut together = Self::default();
        for one in all {
            let Self {
                grants,
                responses,
                authentication,
                has_confidential,
                has_pairwise,
                has_public,
            } = one;
            together.grants.extend(grants);
            together.responses.extend(responses);
            together.authentication.extend(authentication);
            together.has_confidential |= has_confidential;
            together.has_pairwise |= has_pairwise;
            together.has_public |= has_public;
        }
        together
    }

    fn add(&mut self, client: &ClientSnapshot) {
        let Some(oidc) = &client.oidc else {
            return;
        };
        self.grants.extend(&oidc.grant_types);
        self.responses.extend(&oidc.response_types);
        match &oidc.authentication {
            ClientAuthentication::None => {
                self.authentication.insert("none");
            }
            ClientAuthentication::Secret { methods, .. } => {
                self.has_confidential = true;
                self.authentication
                    .extend(methods.iter().map(|method| match method {
                        SecretMethod::ClientSecretBasic => "client_secret_basic",
                        SecretMethod::ClientSecretPost => "client_secret_post",
                    }));
            }
            ClientAuthentication::PrivateKeyJwt(_) => {
                self.has_confidential = true;
                self.authentication.insert("private_key_jwt");
            }
        }
        match client.privacy_domain {
            Some(_) => self.has_pairwise = true,
            None => self.has_public = true,
        }
    }
}

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: String,
    end_session_endpoint: String,
    revocation_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint: Option<String>,
    response_types_supported: Vec<&'static str>,
    response_modes_supported: Vec<&'static str>,
    grant_types_supported: Vec<&'static str>,
    subject_types_supported: Vec<&'static str>,
    id_token_signing_alg_values_supported: Vec<&'static str>,
    scopes_supported: Vec<String>,
    claims_supported: Vec<String>,
    claim_types_supported: [&'static str; 1],
    ui_locales_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    code_challenge_methods_supported: [&'static str; 1],
    prompt_values_supported: [&'static str; 4],
    authorization_response_iss_parameter_supported: bool,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

const ASSERTION_ALGORITHMS: [SigningAlgorithm; 4] = [
    SigningAlgorithm::ES256,
    SigningAlgorithm::RS256,
    SigningAlgorithm::PS256,
    SigningAlgorithm::EdDSA,
];

const RESPONSE_MODES: [ResponseMode; 3] = [
    ResponseMode::Query,
    ResponseMode::Fragment,
    ResponseMode::FormPost,
];

/// The document of a realm.
#[must_use]
pub fn metadata(realm: &RealmSnapshot, features: &Features) -> Metadata {
    let core = &realm.core;
    let backend = core.backend_url.as_ref().unwrap_or(&core.issuer);
    let front = |endpoint| endpoints::url(core.layout, endpoint, &core.issuer);
    let back = |endpoint| endpoints::url(core.layout, endpoint, backend);
    let methods: Vec<&'static str> = features.authentication.iter().copied().collect();
    let confidential: Vec<&'static str> = methods
        .iter()
        .copied()
        .filter(|method| *method != "none")
        .collect();
    let uses_assertions = methods.contains(&"private_key_jwt");
    Metadata {
        issuer: endpoints::issuer(&core.issuer),
        authorization_endpoint: front(Endpoint::Authorization),
        token_endpoint: back(Endpoint::Token),
        jwks_uri: back(Endpoint::Jwks),
        userinfo_endpoint: back(Endpoint::UserInfo),
        end_session_endpoint: front(Endpoint::EndSession),
        revocation_endpoint: back(Endpoint::Revocation),
        introspection_endpoint: features
            .has_confidential
            .then(|| back(Endpoint::Introspection)),
        response_types_supported: features
            .responses
            .iter()
            .map(|response| match response {
                ResponseType::Code => "code",
            })
            .collect(),
        response_modes_supported: RESPONSE_MODES.into_iter().map(mode_name).collect(),
        grant_types_supported: features.grants.iter().map(|grant| grant.as_str()).collect(),
        subject_types_supported: [
            ("public", features.has_public || !features.has_pairwise),
            ("pairwise", features.has_pairwise),
        ]
        .into_iter()
        .filter_map(|(name, is_on)| is_on.then_some(name))
        .collect(),
        id_token_signing_alg_values_supported: core
            .keys
            .algorithms
            .iter()
            .map(|alg| alg.as_str())
            .collect(),
        scopes_supported: public_scopes(realm)
            .map(|scope| scope.name.to_string())
            .collect(),
        claims_supported: claims(realm),
        claim_types_supported: ["normal"],
        ui_locales_supported: core
            .locales
            .supported
            .iter()
            .map(ToString::to_string)
            .collect(),
        token_endpoint_auth_signing_alg_values_supported: if uses_assertions {
            ASSERTION_ALGORITHMS.map(SigningAlgorithm::as_str).to_vec()
        } else {
            Vec::new()
        },
        token_endpoint_auth_methods_supported: methods.clone(),
        revocation_endpoint_auth_methods_supported: methods,
        introspection_endpoint_auth_methods_supported: confidential,
        code_challenge_methods_supported: ["S256"],
        prompt_values_supported: ["none", "login", "consent", "select_account"],
        authorization_response_iss_parameter_supported: true,
        claims_parameter_supported: false,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
    }
}

const fn mode_name(mode: ResponseMode) -> &'static str {
    match mode {
        ResponseMode::Query => "query",
        ResponseMode::Fragment => "fragment",
        ResponseMode::FormPost => "form_post",
    }
}

/// System scopes are for agreements, not for discovery (OIDC-57).
fn public_scopes(realm: &RealmSnapshot) -> impl Iterator<Item = &ScopeSnapshot> {
    realm.scopes.values().filter(|scope| !scope.system)
}

fn claims(realm: &RealmSnapshot) -> Vec<String> {
    let built_in = [
        "sub",
        "iss",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "acr",
        "amr",
        "sid",
    ];
    let released = public_scopes(realm)
        .flat_map(|scope| &scope.claims)
        .filter(|claim| claim.targets.id_token || claim.targets.userinfo)
        // A dot makes a member of an object; the claim is the object.
        .filter_map(|claim| claim.claim.split('.').next());
    let names: BTreeSet<&str> = built_in.into_iter().chain(released).collect();
    names.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{client, oidc_client, realm};
    use realmwright_snapshot::{
        ClaimSnapshot, ClaimSource, ClaimTargets, DataClass, LocalizedText, OidcClient, ScopeName,
    };
    use serde_json::{Value, json};
    use url::Url;

    fn document(realm: &RealmSnapshot) -> Value {
        let features = Features::of(realm.clients.values().map(AsRef::as_ref));
        serde_json::to_value(metadata(realm, &features)).unwrap()
    }

    /// OIDC-50, OIDC-51, OIDC-52, FUNC-OIDC-08
    #[test]
    fn the_document_lists_what_is_on_and_nothing_else() {
        let document = document(&realm(vec![client("spa", oidc_client())]));
        insta::assert_json_snapshot!(document);
    }

    /// OIDC-50
    #[test]
    fn another_client_turns_on_what_it_uses() {
        let service = OidcClient {
            authentication: ClientAuthentication::Secret {
                methods: [SecretMethod::ClientSecretBasic].into(),
                secret: "h".into(),
                additional: None,
                rotation: None,
            },
            grant_types: [GrantType::ClientCredentials].into(),
            response_types: [].into(),
            ..oidc_client()
        };
        let mut pairwise = client("service", service);
        pairwise.privacy_domain = Some("partners".into());
        let document = document(&realm(vec![client("spa", oidc_client()), pairwise]));
        assert_eq!(
            document["grant_types_supported"],
            json!(["authorization_code", "client_credentials"])
        );
        assert_eq!(
            document["token_endpoint_auth_methods_supported"],
            json!(["client_secret_basic", "none"])
        );
        assert_eq!(
            document["introspection_endpoint_auth_methods_supported"],
            json!(["client_secret_basic"])
        );
        assert_eq!(
            document["introspection_endpoint"],
            "https://id.example/q/oauth2/introspect"
        );
        assert_eq!(
            document["subject_types_supported"],
            json!(["public", "pairwise"])
        );
    }

    #[test]
    fn applications_call_the_backend_address_and_people_the_issuer() {
        let mut realm = realm(Vec::new());
        realm.core.backend_url = Some(Url::parse("https://idp.internal/q").unwrap());
        let document = document(&realm);
        assert_eq!(document["issuer"], "https://id.example/q");
        assert_eq!(
            document["authorization_endpoint"],
            "https://id.example/q/oauth2/authorize"
        );
        assert_eq!(
            document["token_endpoint"],
            "https://idp.internal/q/oauth2/token"
        );
        assert_eq!(document["grant_types_supported"], json!([]));
    }

    /// OIDC-57: system scopes are not announced.
    #[test]
    fn claims_of_public_scopes_are_listed_once() {
        let scope = |name: &str, system, claim: &str| ScopeSnapshot {
            name: ScopeName::from(name),
            display_name: LocalizedText::default(),
            consent_text: LocalizedText::default(),
            ask_consent: true,
            system,
            in_token: true,
            claims: vec![ClaimSnapshot {
                claim: claim.to_owned(),
                source: ClaimSource::Constant(json!(1)),
                targets: ClaimTargets {
                    userinfo: true,
                    ..ClaimTargets::default()
                },
                data_class: DataClass::Personal,
            }],
            audiences: [].into(),
            roles: [].into(),
        };
        let mut realm = realm(Vec::new());
        for scope in [
            scope("home", false, "address.country"),
            scope("more", false, "address.city"),
            scope("inner", true, "secret"),
        ] {
            realm.scopes.insert(scope.name.clone(), scope);
        }
        let document = document(&realm);
        assert_eq!(document["scopes_supported"], json!(["home", "more"]));
        let claims = document["claims_supported"].as_array().unwrap();
        assert_eq!(claims.iter().filter(|claim| *claim == "address").count(), 1);
        assert!(!claims.contains(&json!("secret")));
    }
}
