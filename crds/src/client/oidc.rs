//! Settings of OpenID Connect and OAuth 2.0.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::names::{Audience, HttpUrl, RedirectUri, RedirectUriPrefix, ScopeToken, WebOrigin};
use crate::realm::{SigningAlgorithm, TokenFormat};
use crate::references::SecretKeyRef;
use crate::rules::{alternatives, default_is_allowed, exactly_one_of, forbidden, positive};
use crate::texts::Json;
use crate::transform::{empty, exactly_one, undescribed};

/// Settings of an OpenID Connect or OAuth 2.0 client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = default_is_allowed())]
#[x_kube(validation = Rule::new("!('authorization_code' in (has(self.grantTypes) ? self.grantTypes : ['authorization_code'])) || (has(self.redirectUris) && self.redirectUris.size() > 0) || (has(self.redirectUriPrefixes) && self.redirectUriPrefixes.size() > 0)")
        .message("authorization_code needs redirectUris or redirectUriPrefixes").reason(Reason::FieldValueRequired).field_path(".redirectUris"))]
#[x_kube(validation = forbidden("responseTypes",
        "!has(self.responseTypes) || 'authorization_code' in (has(self.grantTypes) ? self.grantTypes : ['authorization_code'])",
        "responseTypes are for authorization_code, which grantTypes leaves out"))]
#[x_kube(validation = Rule::new("!has(self.authentication.none) || !has(self.pkce) || self.pkce == 'Required'")
        .message("a public client must use PKCE").field_path(".pkce"))]
#[x_kube(validation = Rule::new("!has(self.authentication.none) || !('client_credentials' in (has(self.grantTypes) ? self.grantTypes : ['authorization_code']))")
        .message("a public client has no credentials for client_credentials").field_path(".grantTypes"))]
#[x_kube(validation = Rule::new("!has(self.authentication.privateKeyJwt) || !has(self.authentication.privateKeyJwt.jwksUri) || self.authentication.privateKeyJwt.jwksUri.startsWith('https://')")
        .message("jwksUri is https").field_path(".authentication.privateKeyJwt.jwksUri"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OidcSpec {
    /// How it proves who it is: exactly one of `none`, `secret` and `privateKeyJwt`.
    pub authentication: Authentication,
    /// Addresses that a browser is sent back to, compared whole as parsed URLs; loopback ones with
    /// any port (RFC 8252 section 7.3, KC-CL-05). No fragment. `https`, `http` on loopback, or a
    /// custom scheme that is a reversed domain (KC-CL-11). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub redirect_uris: Vec<RedirectUri>,
    /// Prefixes of such addresses, compared at segment boundaries (OIDC-13). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub redirect_uri_prefixes: Vec<RedirectUriPrefix>,
    /// Used when a request names none (OIDC-12); one that is allowed above. Default: the only
    /// address, where `redirectUris` has one and there are no prefixes; else none, and such a
    /// request is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_redirect_uri: Option<RedirectUri>,
    /// Allowed grants (OIDC-19). Default: `[authorization_code]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "set"))]
    pub grant_types: Option<Vec<GrantType>>,
    /// Allowed response types (OIDC-20). Default: `[code]` with the grant `authorization_code`, else
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub response_types: Option<Vec<ResponseType>>,
    /// Whether a request without PKCE challenge is refused (OIDC-17). Default: `Required`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkce: Option<Pkce>,
    /// What an authorization request must carry beside (KC-AZ-08).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require: Option<RequestRequirements>,
    /// Scopes; nothing outside these is ever granted (OIDC-14).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<RequestedScopes>,
    /// Access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<AccessTokenSettings>,
    /// Id tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<IdTokenSettings>,
    /// Refresh tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<RefreshTokenSettings>,
    /// Signature of id tokens and JWT access tokens. Default: the realm's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_algorithm: Option<SigningAlgorithm>,
    /// Origins whose pages may call the token and userinfo endpoints from a browser; `+` stands
    /// for those of all redirect addresses (KC-CL-01). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub web_origins: Vec<WebOrigin>,
    /// Logout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logout: Option<Logout>,
}

/// How a client proves who it is: exactly one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = exactly_one)]
pub enum Authentication {
    /// It does not: a public client, which must use PKCE.
    None(NoAuthentication),
    /// With a shared secret.
    Secret(SecretAuthentication),
    /// With an assertion signed by its own key, RFC 7523.
    PrivateKeyJwt(AssertionKeys),
}

/// No authentication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = empty)]
pub struct NoAuthentication {}

/// A shared secret: exactly one of `generated` and `secretRef`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = exactly_one_of(&["generated", "secretRef"]))]
#[schemars(extend("oneOf" = alternatives(&["generated", "secretRef"])))]
#[x_kube(validation = forbidden("additionalSecretRef", "!has(self.additionalSecretRef) || has(self.secretRef)",
        "additionalSecretRef is only for a secret that secretRef names"))]
#[x_kube(validation = Rule::new("!has(self.additionalSecretRef) || !has(self.secretRef) || self.additionalSecretRef.name != self.secretRef.name || self.additionalSecretRef.key != self.secretRef.key || (has(self.additionalSecretRef.__namespace__) ? self.additionalSecretRef.__namespace__ : '') != (has(self.secretRef.namespace) ? self.secretRef.namespace : '')")
        .message("additionalSecretRef must name another value than secretRef").reason(Reason::FieldValueDuplicate).field_path(".additionalSecretRef"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretAuthentication {
    /// How it may be sent; no other way is accepted (OIDC-18). Default: `[client_secret_basic]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4), extend("x-kubernetes-list-type" = "set"))]
    pub methods: Option<Vec<SecretMethod>>,
    /// The secret is generated (256 bits) and kept in the Secret `<resource name>-client`, key
    /// `clientSecret`, of the object's namespace (OIDC-10). Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<GeneratedSecret>,
    /// The secret lies in this Secret: at least 128 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeyRef>,
    /// A second secret that is accepted as well, for a rotation without an outage: name the new
    /// one here, change the application, move the name to `secretRef` and take this one away
    /// (OIDC-11). At least 128 bits; refused from the moment it is taken away. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_secret_ref: Option<SecretKeyRef>,
}

/// A generated secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GeneratedSecret {
    /// When it is replaced by a new one. Whoever uses it reads it from its Secret again. A Secret
    /// of that name that you wrote yourself is never replaced. Default: never by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<SecretRotation>,
}

/// When a generated secret is replaced (OIDC-10, OIDC-11). The new value is accepted before it is
/// told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = positive("overlap"))]
#[x_kube(validation = Rule::new("duration(has(self.overlap) ? self.overlap : '24h') < duration(self.interval)")
        .message("overlap, 24h where it is left out, must be shorter than interval").field_path(".overlap"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRotation {
    /// A new value is made so long after the current one was, such as `720h`; longer than
    /// `overlap`.
    pub interval: Duration,
    /// So long the former value is accepted beside the new one. Until then it lies in the Secret
    /// too, at the key `clientSecretPrevious`, and the annotation `realmwright.dev/previous-until`
    /// says the end. Also holds where the value is replaced by hand. Default: `24h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Duration>,
}

/// How a secret may be sent, RFC 6749 section 2.3.1.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = undescribed)]
pub enum SecretMethod {
    /// In the `Authorization` header.
    ClientSecretBasic,
    /// In the form body.
    ClientSecretPost,
}

/// Public keys of a client: exactly one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = exactly_one)]
pub enum AssertionKeys {
    /// The keys themselves, a JWK set of public keys, RFC 7517.
    Jwks(JwkSet),
    /// Address that they are fetched from: https.
    JwksUri(HttpUrl),
}

/// A JWK set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwkSet {
    /// Public keys; at least one. Private members are refused.
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub keys: Vec<Json>,
}

/// OAuth 2.0 grants.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = undescribed)]
pub enum GrantType {
    /// RFC 6749 section 4.1.
    AuthorizationCode,
    /// RFC 6749 section 6.
    RefreshToken,
    /// RFC 6749 section 4.4.
    ClientCredentials,
}

/// OAuth 2.0 response types.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = undescribed)]
pub enum ResponseType {
    /// RFC 6749 section 4.1.1.
    Code,
}

/// Proof key for code exchange, RFC 7636, with `S256` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum Pkce {
    /// A request without a challenge is refused.
    Required,
    /// A challenge is checked when it comes.
    Optional,
}

/// What an authorization request must carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestRequirements {
    /// Whether `state` must be there. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<bool>,
    /// Whether `nonce` must be there. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<bool>,
}

/// Scopes of a client, by scope token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(self.default) || !has(self.optional) || self.default.all(scope, !(scope in self.optional))")
        .message("a scope is either default or optional").reason(Reason::FieldValueDuplicate).field_path(".optional"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestedScopes {
    /// Granted when a request names none (OIDC-15), and allowed when asked for. Default: none;
    /// a request must then name its scopes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "set"))]
    pub default: Vec<ScopeToken>,
    /// Allowed when asked for (OIDC-14). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "set"))]
    pub optional: Vec<ScopeToken>,
}

/// Access tokens of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = positive("lifetime"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessTokenSettings {
    /// Format (OIDC-25). Default: the realm's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<TokenFormat>,
    /// Life (OIDC-21). Default: the realm's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Duration>,
    /// Audiences beside those of scopes. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub audiences: Vec<Audience>,
}

/// Id tokens of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = positive("lifetime"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdTokenSettings {
    /// Life. Default: the realm's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Duration>,
}

/// Refresh tokens of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = positive("idle"))]
#[x_kube(validation = positive("lifetime"))]
#[x_kube(validation = Rule::new("!has(self.idle) || !has(self.lifetime) || duration(self.idle) <= duration(self.lifetime)")
        .message("idle must not be longer than lifetime").field_path(".idle"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshTokenSettings {
    /// A token that is not used for so long ends. Default: the realm's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Duration>,
    /// A family of tokens ends after, whatever its use (OIDC-23). Default: the realm's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Duration>,
    /// Within it the same client that retries gets the same successor. Default: the realm's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse_interval: Option<Duration>,
    /// Whether refresh goes on after the person's session has ended (OIDC-22). Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<bool>,
}

/// Logout that the application starts, OpenID Connect RP-Initiated Logout 1.0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = default_is_allowed())]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logout {
    /// Addresses that a browser is sent back to, compared whole. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub redirect_uris: Vec<RedirectUri>,
    /// Prefixes of such addresses, compared at segment boundaries (OIDC-30). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub redirect_uri_prefixes: Vec<RedirectUriPrefix>,
    /// Used when a request names none (OIDC-31). Default: none, people stay on our page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_redirect_uri: Option<RedirectUri>,
    /// Whether a request with a good `id_token_hint` ends the session without asking (OIDC-32).
    /// Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_confirmation: Option<bool>,
}
