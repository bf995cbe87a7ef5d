//! Settings of OpenID Connect and OAuth 2.0 clients.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use realmwright_crds::ClientSpec;
use realmwright_crds::client::{
    AccessTokenSettings, AssertionKeys as SpecKeys, Authentication, GeneratedSecret,
    GrantType as SpecGrant, IdTokenSettings, JwkSet, Logout, NoAuthentication, OidcSpec,
    Pkce as SpecPkce, RefreshTokenSettings, RequestRequirements, RequestedScopes,
    ResponseType as SpecResponse, SecretAuthentication, SecretMethod as SpecSecretMethod,
    SecretRotation as SpecRotation,
};
use realmwright_crds::names::{ScopeToken, WebOrigin};
use realmwright_crds::realm::{SigningAlgorithm as SpecAlgorithm, TokenFormat as SpecFormat};
use realmwright_snapshot::{
    AssertionKeys, ClientAuthentication, ClientScopes, DataClass, GrantType, LOGOUT_PARAMETERS,
    LogoutSettings, OidcClient, Pkce, RESPONSE_PARAMETERS, RefreshSettings, ResponseType,
    ScopeName, SecretHandle, SecretMethod, SecretRotation, SigningAlgorithm, TokenFormat,
    own_parameter,
};
use url::{Host, Url};

use super::{Context, defaults, not_longer, period};
use crate::diagnostics::Code;
use crate::doubts::Absent;
use crate::fault::Fault;
use crate::index::Typed;
use crate::object::Kind;
use crate::path::{FieldPath, field};
use crate::secrets::{SecretKey, SecretNeed, SecretOrigin, SecretPurpose};

/// The settings, and the secrets that they need.
pub(crate) struct Lowered {
    pub(crate) client: OidcClient,
    pub(crate) secrets: Vec<(FieldPath, SecretNeed)>,
}

pub(crate) const fn algorithm(algorithm: SpecAlgorithm) -> SigningAlgorithm {
    match algorithm {
        SpecAlgorithm::ES256 => SigningAlgorithm::ES256,
        SpecAlgorithm::RS256 => SigningAlgorithm::RS256,
        SpecAlgorithm::PS256 => SigningAlgorithm::PS256,
        SpecAlgorithm::EdDSA => SigningAlgorithm::EdDSA,
    }
}

pub(crate) const fn token_format(format: SpecFormat) -> TokenFormat {
    match format {
        SpecFormat::Jwt => TokenFormat::Jwt,
        SpecFormat::Opaque => TokenFormat::Opaque,
    }
}

pub(crate) fn lower(
    context: &Context<'_>,
    client: &Typed<'_, ClientSpec>,
    spec: &OidcSpec,
    consent_required: bool,
    faults: &mut Vec<Fault>,
) -> Lowered {
    let OidcSpec {
        authentication: authentication_spec,
        redirect_uris,
        redirect_uri_prefixes,
        default_redirect_uri,
        grant_types,
        response_types,
        pkce,
        require,
        scopes,
        access_token,
        id_token,
        refresh_token,
        signing_algorithm,
        web_origins,
        logout,
    } = spec;
    let path = field!("spec", "oidc");
    let (authentication, secrets) = authentication(client, authentication_spec, &path, faults);
    let grant_types = grants(grant_types.as_deref(), &path, faults);
    let added = RESPONSE_PARAMETERS;
    let uris = redirects(redirect_uris, added, &path.at("redirectUris"), faults);
    let prefixes = redirects(
        redirect_uri_prefixes,
        added,
        &path.at("redirectUriPrefixes"),
        faults,
    );
    let default = default_redirect_uri
        .as_ref()
        .and_then(|uri| redirect(uri, added, &path.at("defaultRedirectUri"), faults))
        .or_else(|| match (uris.as_slice(), prefixes.as_slice()) {
            ([only], []) => Some(only.clone()),
            _ => None,
        });
    if grant_types.contains(&GrantType::AuthorizationCode) {
        openid(context, &path, faults);
    }
    let AccessTokenSettings {
        format,
        lifetime,
        audiences,
    } = access_token.clone().unwrap_or_default();
    let IdTokenSettings {
        lifetime: id_lifetime,
    } = id_token.unwrap_or_default();
    let RequestRequirements { state, nonce } = require.unwrap_or_default();
    let tokens = &context.tokens;
    let lowered = OidcClient {
        authentication,
        web_origins: lower_origins(web_origins, &uris, &prefixes, &path, faults),
        redirect_uris: uris,
        redirect_uri_prefixes: prefixes,
        default_redirect_uri: default,
        response_types: response_types.as_ref().map_or_else(
            || match grant_types.contains(&GrantType::AuthorizationCode) {
                true => [ResponseType::Code].into(),
                false => BTreeSet::new(),
            },
            |types| {
                types
                    .iter()
                    .map(|SpecResponse::Code| ResponseType::Code)
                    .collect()
            },
        ),
        pkce: match pkce {
            Some(SpecPkce::Required) | None => Pkce::Required,
            Some(SpecPkce::Optional) => Pkce::Optional,
        },
        require_state: state.unwrap_or(false),
        require_nonce: nonce.unwrap_or(false),
        scopes: lower_scopes(
            context,
            scopes.clone().unwrap_or_default(),
            &grant_types,
            consent_required,
            faults,
        ),
        grant_types,
        access_token_format: format.map_or(tokens.access_format, token_format),
        access_token_lifetime: period(lifetime, tokens.access_lifetime),
        audiences: audiences.iter().map(ToString::to_string).collect(),
        id_token_lifetime: period(id_lifetime, tokens.id_lifetime),
        signing_algorithm: signing_algorithm.map_or(tokens.algorithm, algorithm),
        refresh: refresh(context, refresh_token.unwrap_or_default(), &path, faults),
        logout: lower_logout(
            logout.clone().unwrap_or_default(),
            &path.at("logout"),
            faults,
        ),
    };
    Lowered {
        client: lowered,
        secrets,
    }
}

fn authentication(
    client: &Typed<'_, ClientSpec>,
    spec: &Authentication,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> (ClientAuthentication, Vec<(FieldPath, SecretNeed)>) {
    let path = path.at("authentication");
    match spec {
        Authentication::None(NoAuthentication {}) => (ClientAuthentication::None, Vec::new()),
        Authentication::Secret(secret) => shared_secret(client, secret, &path.at("secret"), faults),
        Authentication::PrivateKeyJwt(keys) => {
            let path = path.at("privateKeyJwt");
            (
                ClientAuthentication::PrivateKeyJwt(assertion_keys(keys, &path, faults)),
                Vec::new(),
            )
        }
    }
}

/// OIDC-10, OIDC-11.
fn shared_secret(
    client: &Typed<'_, ClientSpec>,
    spec: &SecretAuthentication,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> (ClientAuthentication, Vec<(FieldPath, SecretNeed)>) {
    let SecretAuthentication {
        methods,
        generated,
        secret_ref,
        additional_secret_ref,
    } = spec;
    let supplied = |field: &str, reference| {
        let key = SecretKey::referred(reference, client.namespace());
        client_secret(path.at(field), SecretOrigin::Secret(key))
    };
    let main = match secret_ref {
        Some(reference) => supplied("secretRef", reference),
        None => client_secret(
            path.clone(),
            SecretOrigin::Generated(SecretKey {
                namespace: client.namespace().to_owned(),
                name: format!("{}-client", client.name()),
                key: "clientSecret".to_owned(),
            }),
        ),
    };
    let additional = additional_secret_ref
        .as_ref()
        .map(|reference| supplied("additionalSecretRef", reference));
    // The rule of the kind compares what is written; a namespace may be written or not.
    if let Some((path, _)) = additional.as_ref().filter(|(_, need)| *need == main.1) {
        faults.push(
            Fault::error(
                Code::NameTaken,
                path.clone(),
                "additionalSecretRef must name another value than secretRef",
            )
            .fix("remove it, or name the Secret of the new value".to_owned()),
        );
    }
    let authentication = ClientAuthentication::Secret {
        methods: secret_methods(methods.as_deref()),
        secret: main.1.handle.clone(),
        additional: additional.as_ref().map(|(_, need)| need.handle.clone()),
        rotation: generated
            .and_then(|GeneratedSecret { rotation }| rotation)
            .map(secret_rotation),
    };
    (
        authentication,
        std::iter::once(main).chain(additional).collect(),
    )
}

fn secret_rotation(spec: SpecRotation) -> SecretRotation {
    let SpecRotation { interval, overlap } = spec;
    SecretRotation {
        interval: interval.get().into(),
        overlap: period(overlap, defaults::SECRET_OVERLAP),
    }
}

fn client_secret(path: FieldPath, origin: SecretOrigin) -> (FieldPath, SecretNeed) {
    let need = SecretNeed {
        handle: origin.handle(),
        purpose: SecretPurpose::ClientSecret,
        origin,
    };
    (path, need)
}

fn secret_methods(methods: Option<&[SpecSecretMethod]>) -> BTreeSet<SecretMethod> {
    methods.map_or_else(
        || [SecretMethod::ClientSecretBasic].into(),
        |methods| {
            methods
                .iter()
                .map(|method| match method {
                    SpecSecretMethod::ClientSecretBasic => SecretMethod::ClientSecretBasic,
                    SpecSecretMethod::ClientSecretPost => SecretMethod::ClientSecretPost,
                })
                .collect()
        },
    )
}

/// Members of a JWK that only its owner may know, RFC 7518 section 6.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

fn assertion_keys(keys: &SpecKeys, path: &FieldPath, faults: &mut Vec<Fault>) -> AssertionKeys {
    match keys {
        SpecKeys::Jwks(JwkSet { keys }) => {
            for (index, key) in keys.iter().enumerate() {
                let complaint = match key.0.as_object() {
                    None => Some("a key is an object".to_owned()),
                    Some(key) => match key.get("kty").and_then(serde_json::Value::as_str) {
                        Some("EC" | "RSA" | "OKP") => PRIVATE_MEMBERS
                            .into_iter()
                            .find(|member| key.contains_key(*member))
                            .map(|member| format!("the key has the private member `{member}`")),
                        Some(other) => Some(format!("`kty: {other}` is not a public key")),
                        None => Some("the key has no `kty`".to_owned()),
                    },
                };
                if let Some(message) = complaint {
                    let path = path.at("jwks").at("keys").at(index);
                    faults.push(Fault::error(Code::BadJwks, path, message));
                }
            }
            let keys: Vec<_> = keys.iter().map(|key| key.0.clone()).collect();
            AssertionKeys::Jwks(serde_json::json!({ "keys": keys }))
        }
        SpecKeys::JwksUri(uri) => match Url::parse(uri) {
            Ok(uri) => AssertionKeys::JwksUri(uri),
            Err(fault) => {
                faults.push(Fault::error(
                    Code::InvalidValue,
                    path.at("jwksUri"),
                    format!("`{uri}` is not an address: {fault}"),
                ));
                AssertionKeys::Jwks(serde_json::json!({ "keys": [] }))
            }
        },
    }
}

fn grants(
    grants: Option<&[SpecGrant]>,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> BTreeSet<GrantType> {
    let Some(grants) = grants else {
        return [GrantType::AuthorizationCode].into();
    };
    let lowered: BTreeSet<GrantType> = grants
        .iter()
        .map(|grant| match grant {
            SpecGrant::AuthorizationCode => GrantType::AuthorizationCode,
            SpecGrant::RefreshToken => GrantType::RefreshToken,
            SpecGrant::ClientCredentials => GrantType::ClientCredentials,
        })
        .collect();
    if lowered.contains(&GrantType::RefreshToken)
        && !lowered.contains(&GrantType::AuthorizationCode)
    {
        faults.push(
            Fault::error(
                Code::GrantUnusable,
                path.at("grantTypes"),
                "`refresh_token` without a grant that issues refresh tokens",
            )
            .fix("add `authorization_code`, or remove `refresh_token`".to_owned()),
        );
    }
    lowered
}

fn openid(context: &Context<'_>, path: &FieldPath, faults: &mut Vec<Fault>) {
    if !context.scopes.contains_key("openid") {
        faults.push(
            Fault::error(
                Code::OpenIdScopeMissing,
                path.clone(),
                "the realm has no Scope `openid`, so no id token could be issued",
            )
            .fix("add a Scope named `openid`".to_owned())
            .lacking(Absent::member(Kind::Scope, context.key, "openid")),
        );
    }
}

/// Nothing outside these is ever granted (OIDC-14).
fn lower_scopes(
    context: &Context<'_>,
    scopes: RequestedScopes,
    grants: &BTreeSet<GrantType>,
    consent_required: bool,
    faults: &mut Vec<Fault>,
) -> ClientScopes {
    let RequestedScopes { default, optional } = scopes;
    let path = field!("spec", "oidc", "scopes");
    let mut check = |list: &str, tokens: &[ScopeToken]| -> BTreeSet<ScopeName> {
        for (index, token) in tokens.iter().enumerate() {
            let path = path.at(list).at(index);
            scope(context, token, grants, consent_required, path, faults);
        }
        tokens
            .iter()
            .map(|token| ScopeName::from(token.as_str()))
            .collect()
    };
    let default = check("default", &default);
    let mut allowed = check("optional", &optional);
    allowed.extend(default.iter().cloned());
    ClientScopes { default, allowed }
}

fn scope(
    context: &Context<'_>,
    token: &str,
    grants: &BTreeSet<GrantType>,
    consent_required: bool,
    path: FieldPath,
    faults: &mut Vec<Fault>,
) {
    let Some(facts) = context.scopes.get(token) else {
        let tokens = context.scopes.keys().copied();
        faults.push(
            Fault::not_found(Code::ScopeNotFound, path, "scope", token, tokens)
                .lacking(Absent::member(Kind::Scope, context.key, token)),
        );
        return;
    };
    if facts.system && !grants.contains(&GrantType::ClientCredentials) {
        faults.push(
            Fault::error(
                Code::SystemScopeUnusable,
                path,
                format!("system scope `{token}` can never be granted to this client"),
            )
            .fix("add `client_credentials` to `grantTypes`, or remove the scope".to_owned()),
        );
    } else if facts.data_class == DataClass::Medical && !consent_required {
        faults.push(
            Fault::error(
                Code::ClaimBeyondDataClass,
                path,
                format!("scope `{token}` releases medical data, and this client asks nobody"),
            )
            .fix("set `consent: {required: true}` on the Client".to_owned()),
        );
    }
}

fn refresh(
    context: &Context<'_>,
    spec: RefreshTokenSettings,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> RefreshSettings {
    let RefreshTokenSettings {
        idle,
        lifetime,
        reuse_interval,
        offline,
    } = spec;
    let tokens = &context.tokens;
    let inherited = lifetime.is_none();
    let settings = RefreshSettings {
        // The realm's idle time does not outlive a shorter life that the client gives.
        idle: match (idle, lifetime) {
            (None, Some(lifetime)) => tokens.refresh_idle.min(lifetime.get().into()),
            (idle, _) => period(idle, tokens.refresh_idle),
        },
        lifetime: period(lifetime, tokens.refresh_lifetime),
        reuse_interval: period(reuse_interval, tokens.reuse_interval),
        offline: offline.unwrap_or(false),
    };
    if inherited {
        not_longer(
            (settings.idle, "idle"),
            (settings.lifetime, "the realm's refreshToken.lifetime"),
            path.at("refreshToken").at("idle"),
            faults,
        );
    }
    settings
}

fn lower_logout(spec: Logout, path: &FieldPath, faults: &mut Vec<Fault>) -> LogoutSettings {
    let Logout {
        redirect_uris,
        redirect_uri_prefixes,
        default_redirect_uri,
        skip_confirmation,
    } = spec;
    let added = LOGOUT_PARAMETERS;
    LogoutSettings {
        redirect_uris: redirects(&redirect_uris, added, &path.at("redirectUris"), faults),
        redirect_uri_prefixes: redirects(
            &redirect_uri_prefixes,
            added,
            &path.at("redirectUriPrefixes"),
            faults,
        ),
        default_redirect_uri: default_redirect_uri
            .as_ref()
            .and_then(|uri| redirect(uri, added, &path.at("defaultRedirectUri"), faults)),
        skip_confirmation: skip_confirmation.unwrap_or(false),
    }
}

fn redirects(
    uris: &[impl AsRef<str>],
    added: &[&str],
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> Vec<Url> {
    uris.iter()
        .enumerate()
        .filter_map(|(index, uri)| redirect(uri.as_ref(), added, &path.at(index), faults))
        .collect()
}

/// OIDC-13, KC-CL-11, RFC 8252 sections 7.1 to 7.3. `added` are the parameters that the answer
/// adds.
fn redirect(text: &str, added: &[&str], path: &FieldPath, faults: &mut Vec<Fault>) -> Option<Url> {
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(fault) => {
            let message = format!("`{text}` is not an address: {fault}");
            faults.push(Fault::error(Code::BadRedirectUri, path.clone(), message));
            return None;
        }
    };
    if let Some(name) = own_parameter(&url, added) {
        let message = format!("`{text}` has the parameter `{name}`, which the answer adds");
        let fix = format!("remove `{name}` from the query, or give it another name");
        faults.push(Fault::error(Code::BadRedirectUri, path.clone(), message).fix(fix));
        return None;
    }
    let Some((complaint, fix)) = complaint(&url) else {
        return Some(url);
    };
    faults.push(
        Fault::error(
            Code::BadRedirectUri,
            path.clone(),
            format!("`{text}` {complaint}"),
        )
        .fix(fix.to_owned()),
    );
    None
}

/// What is wrong with a redirect address, and what is to be done.
fn complaint(url: &Url) -> Option<(&'static str, &'static str)> {
    let wildcard = url.host_str().is_some_and(|host| host.contains('*'));
    if url.fragment().is_some() {
        return Some(("has a fragment", "remove `#` and what follows"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some(("names a user", "remove what stands before `@`"));
    }
    if wildcard {
        return Some(("has a wildcard host", "list the hosts"));
    }
    match url.scheme() {
        "https" => None,
        "http" if is_loopback(url) => None,
        "http" => Some(("is http and not on loopback", "write `https://...`")),
        custom if custom.contains('.') => None,
        _ => Some((
            "has a scheme that anybody could claim",
            "use a reversed domain of yours, such as `com.example.app:/callback`",
        )),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == Ipv6Addr::LOCALHOST,
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// `+` stands for the origins of all redirect addresses (KC-CL-01).
fn lower_origins(
    origins: &[WebOrigin],
    redirects: &[Url],
    prefixes: &[Url],
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> BTreeSet<String> {
    let mut expanded = BTreeSet::new();
    for (index, origin) in origins.iter().enumerate() {
        if origin.as_str() == "+" {
            expanded.extend(
                redirects
                    .iter()
                    .chain(prefixes)
                    .filter(|url| matches!(url.scheme(), "http" | "https"))
                    .map(|url| url.origin().ascii_serialization()),
            );
            continue;
        }
        let parsed = Url::parse(origin)
            .ok()
            .map(|url| url.origin().ascii_serialization());
        if parsed.as_deref() == Some(origin.as_str()) {
            expanded.insert(origin.to_string());
        } else {
            let path = path.at("webOrigins").at(index);
            let fix = parsed.map(|origin| format!("write `{origin}`"));
            let message = format!("`{origin}` is not an origin in its normal form");
            faults.push(Fault::error(Code::BadWebOrigin, path, message).fix(fix));
        }
    }
    expanded
}

impl SecretKey {
    /// What a reference in an object of `namespace` names.
    pub(crate) fn referred(reference: &realmwright_crds::SecretKeyRef, namespace: &str) -> Self {
        Self {
            namespace: reference
                .namespace
                .as_ref()
                .map_or_else(|| namespace.to_owned(), ToString::to_string),
            name: reference.name.to_string(),
            key: reference.key.to_string(),
        }
    }
}

impl SecretOrigin {
    /// How the snapshot names the value.
    pub(crate) fn handle(&self) -> SecretHandle {
        let SecretKey {
            namespace,
            name,
            key,
        } = self.key();
        SecretHandle::new(format!("{namespace}/{name}/{key}"))
    }
}
