//! Applications.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    ClaimSnapshot, ClientId, Expression, FlowName, LocalizedText, Period, PrivacyDomain, RoleName,
    RoleRef, ScopeName, SecretHandle, SigningAlgorithm,
};

/// One application under one identifier (APP-01).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientSnapshot {
    /// Its identifier in every protocol.
    pub id: ClientId,
    /// `namespace/name` of the resource it came from.
    pub origin: String,
    /// Name on pages.
    pub display_name: LocalizedText,
    /// Where the application lives; where pages link back to (APP-03).
    pub url: Option<Url>,
    /// Where a login is started anew when a page has lost its request (APP-04).
    pub start_url: Option<Url>,
    /// Free labels that conditions read (APP-07).
    pub tags: BTreeSet<String>,
    /// Set when it sees pairwise subjects (APP-06).
    pub privacy_domain: Option<PrivacyDomain>,
    /// Who may use it.
    pub access: AccessSnapshot,
    /// Roles that it declares.
    pub roles: BTreeMap<RoleName, LocalizedText>,
    /// Which of a person's roles it may see.
    pub role_scope: RoleScope,
    /// Claims beside those of its scopes (KC-MAP-06).
    pub claims: Vec<ClaimSnapshot>,
    /// Whether people are asked before data is released to it.
    pub consent_required: bool,
    /// Its own flow; the realm's when none.
    pub flow: Option<FlowName>,
    /// OpenID Connect and OAuth 2.0; refused when absent (APP-20).
    pub oidc: Option<OidcClient>,
}

/// Who may use an application (APP-10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessSnapshot {
    /// One rule that holds is enough. None means that access was not restricted by the author.
    pub rules: Option<Vec<AccessRule>>,
    /// What a denial looks like (APP-12).
    pub on_deny: OnDeny,
}

/// A rule that allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRule {
    /// Name in the audit.
    pub name: String,
    /// Condition of type bool.
    pub when: Expression,
}

/// What a denial looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnDeny {
    /// A page of ours.
    ErrorPage,
    /// The error of the application's protocol.
    ProtocolError,
}

/// Which of a person's roles an application may see (KC-ROLE-02).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoleScope {
    /// All of them.
    Full,
    /// Only these, beside those that its scopes let through.
    Only(BTreeSet<RoleRef>),
}

/// Settings of an OpenID Connect or OAuth 2.0 client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OidcClient {
    /// How it proves who it is.
    pub authentication: ClientAuthentication,
    /// Redirect addresses, compared whole as parsed URLs; loopback ones with any port
    /// (RFC 8252 section 7.3).
    pub redirect_uris: Vec<Url>,
    /// Redirect prefixes, compared at segment boundaries (OIDC-13).
    pub redirect_uri_prefixes: Vec<Url>,
    /// Used when a request names none (OIDC-12).
    pub default_redirect_uri: Option<Url>,
    /// Allowed grants; empty allows none.
    pub grant_types: BTreeSet<GrantType>,
    /// Allowed response types; empty allows none.
    pub response_types: BTreeSet<ResponseType>,
    /// Whether PKCE must be used; always for public clients (OIDC-17).
    pub pkce: Pkce,
    /// Whether an authorization request must carry `state` (KC-AZ-08).
    pub require_state: bool,
    /// Whether an authorization request must carry `nonce` (KC-AZ-08).
    pub require_nonce: bool,
    /// Scopes.
    pub scopes: ClientScopes,
    /// Format of access tokens.
    pub access_token_format: TokenFormat,
    /// Life of access tokens.
    pub access_token_lifetime: Period,
    /// Audiences of access tokens beside those of scopes.
    pub audiences: BTreeSet<String>,
    /// Life of id tokens.
    pub id_token_lifetime: Period,
    /// Signature of id tokens and JWT access tokens.
    pub signing_algorithm: SigningAlgorithm,
    /// Refresh tokens.
    pub refresh: RefreshSettings,
    /// Origins that browsers may call the token and userinfo endpoints from; `+` is expanded.
    pub web_origins: BTreeSet<String>,
    /// Logout.
    pub logout: LogoutSettings,
}

/// How a client proves who it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClientAuthentication {
    /// A public client.
    None,
    /// A shared secret of at least 128 bits.
    Secret {
        /// How it may be sent; never empty.
        methods: BTreeSet<SecretMethod>,
        /// Where its current values are found: two during a rotation (OIDC-10).
        secret: SecretHandle,
        /// Another one that is accepted as well, for as long as it stands here (OIDC-11).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        additional: Option<SecretHandle>,
        /// How the secret is replaced by schedule; none for one that only its owner replaces. For
        /// whoever keeps the secret bundle: pods accept what the bundle holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rotation: Option<SecretRotation>,
    },
    /// A signed assertion, RFC 7523.
    PrivateKeyJwt(AssertionKeys),
}

impl ClientAuthentication {
    /// The secrets of which each is accepted; none of a client that has no secret.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretHandle> {
        let (secret, additional) = match self {
            Self::Secret {
                secret, additional, ..
            } => (Some(secret), additional.as_ref()),
            Self::None | Self::PrivateKeyJwt(_) => (None, None),
        };
        secret.into_iter().chain(additional)
    }
}

/// When a generated secret is replaced by a new one (OIDC-10, OIDC-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRotation {
    /// A new value is made so long after the current one was told; above zero.
    pub interval: Period,
    /// The former value is accepted so long after the new one was told; above zero and below the
    /// interval.
    pub overlap: Period,
}

/// How a secret may be sent, RFC 6749 section 2.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretMethod {
    /// In the `Authorization` header.
    ClientSecretBasic,
    /// In the form body.
    ClientSecretPost,
}

/// Public keys of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AssertionKeys {
    /// A JWK set, RFC 7517.
    Jwks(serde_json::Value),
    /// Where it is fetched from.
    JwksUri(Url),
}

/// OAuth 2.0 grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 section 4.1.
    AuthorizationCode,
    /// RFC 6749 section 6.
    RefreshToken,
    /// RFC 6749 section 4.4.
    ClientCredentials,
}

impl GrantType {
    /// The registered value of `grant_type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// OAuth 2.0 response types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseType {
    /// RFC 6749 section 4.1.1.
    Code,
}

/// How an authorization response travels, OAuth 2.0 Multiple Response Types and Form Post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect address.
    Query,
    /// In its fragment.
    Fragment,
    /// As a form that posts itself.
    FormPost,
}

/// RFC 7636; only `S256` exists here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pkce {
    /// A request without a challenge is refused.
    Required,
    /// A challenge is checked when it comes.
    Optional,
}

/// Scopes of a client: nothing outside these is ever granted (OIDC-14).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientScopes {
    /// Granted when a request names no scope (OIDC-15).
    pub default: BTreeSet<ScopeName>,
    /// Allowed when asked for; holds the default ones as well.
    pub allowed: BTreeSet<ScopeName>,
}

/// Format of access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenFormat {
    /// RFC 9068.
    Jwt,
    /// A random reference, understood by introspection and userinfo only.
    Opaque,
}

/// Refresh tokens of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshSettings {
    /// A token that is not used for so long ends (KC-LT-02).
    pub idle: Period,
    /// A family ends after, whatever its use.
    pub lifetime: Period,
    /// Within it the same client gets the same successor again; 0 forbids it.
    pub reuse_interval: Period,
    /// Whether refresh goes on after the person's session has ended (OIDC-22 `offline`).
    pub offline: bool,
}

/// RP-initiated logout (OIDC-30 to 32).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutSettings {
    /// Return addresses, compared whole.
    pub redirect_uris: Vec<Url>,
    /// Return prefixes, compared at segment boundaries.
    pub redirect_uri_prefixes: Vec<Url>,
    /// Used when a request names none.
    pub default_redirect_uri: Option<Url>,
    /// Whether a request with a good `id_token_hint` ends the session without asking.
    pub skip_confirmation: bool,
}
