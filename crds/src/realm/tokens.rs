//! Sessions, tokens and keys of a realm.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::rules::positive;
use crate::transform::undescribed;

/// Single sign-on sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = positive("idle"))]
#[x_kube(validation = positive("loginLifetime"))]
#[x_kube(validation = Rule::new("duration(has(self.idle) ? self.idle : '30m') <= duration(has(self.lifetime) ? self.lifetime : '10h')")
        .message("idle must not be longer than lifetime (defaults 30m and 10h)").field_path(".idle"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sessions {
    /// A session ends after so long without a login to an application (AUTH-GEN-02). Default: `30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Duration>,
    /// A session ends after, whatever the activity (AUTH-GEN-03). Default: `10h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Duration>,
    /// A login must be finished within. Default: `30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_lifetime: Option<Duration>,
}

/// Tokens, where a client does not say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(self.codeLifetime) || (duration(self.codeLifetime) > duration('0s') && duration(self.codeLifetime) <= duration('10m'))")
        .message("codeLifetime must be longer than 0s and at most 10m").field_path(".codeLifetime"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenPolicy {
    /// Life of authorization codes (KC-AZ-06). Default: `60s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_lifetime: Option<Duration>,
    /// Access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<AccessTokenPolicy>,
    /// Id tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<IdTokenPolicy>,
    /// Refresh tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<RefreshTokenPolicy>,
}

/// Access tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = positive("lifetime"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessTokenPolicy {
    /// Format (OIDC-54). Default: `jwt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<TokenFormat>,
    /// Life (OIDC-53). Default: `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Duration>,
}

/// Id tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = positive("lifetime"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdTokenPolicy {
    /// Life. Default: `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Duration>,
}

/// Refresh tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = positive("idle"))]
#[x_kube(validation = Rule::new("duration(has(self.idle) ? self.idle : '30m') <= duration(has(self.lifetime) ? self.lifetime : '10h')")
        .message("idle must not be longer than lifetime (defaults 30m and 10h)").field_path(".idle"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshTokenPolicy {
    /// A token that is not used for so long ends. Default: `30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Duration>,
    /// A family of tokens ends after, whatever its use (OIDC-55). Default: `10h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Duration>,
    /// Within it the same client that retries gets the same successor; later reuse ends the
    /// family. `0s` forbids every reuse. Default: `10s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse_interval: Option<Duration>,
}

/// Format of access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = undescribed)]
pub enum TokenFormat {
    /// A signed token that resource servers verify themselves, RFC 9068.
    Jwt,
    /// A random reference, understood by introspection and userinfo only.
    Opaque,
}

/// Algorithms of signatures, RFC 7518 and RFC 8037.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[schemars(transform = undescribed)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// RSASSA-PKCS1-v1_5 with SHA-256: twenty times dearer, for applications that know no other.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// Ed25519.
    EdDSA,
}

/// Signing keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = positive("jwksMaxAge"))]
#[x_kube(validation = Rule::new("duration(has(self.jwksMaxAge) ? self.jwksMaxAge : '1h') <= duration(has(self.publishAhead) ? self.publishAhead : '24h')")
        .message("publishAhead must not be shorter than jwksMaxAge, or a cache could meet an unknown key (defaults 24h and 1h)").field_path(".publishAhead"))]
#[x_kube(validation = Rule::new("duration(has(self.publishAhead) ? self.publishAhead : '24h') < duration(has(self.rotationInterval) ? self.rotationInterval : '720h')")
        .message("publishAhead must be shorter than rotationInterval (defaults 24h and 720h)").field_path(".publishAhead"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyPolicy {
    /// Algorithm of clients that name none. Default: `ES256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_algorithm: Option<SigningAlgorithm>,
    /// A successor takes over so long after its predecessor did. Default: `720h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation_interval: Option<Duration>,
    /// A successor is published so long before it signs; not shorter than `jwksMaxAge`, so that
    /// every cache knows it first. Default: `24h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_ahead: Option<Duration>,
    /// How long applications may cache the JWKS. Default: `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_max_age: Option<Duration>,
}
