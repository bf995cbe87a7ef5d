//! Time-based one-time passwords.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::names::{Expression, Line};
use crate::rules::positive;
use crate::transform::undescribed;

/// Time-based one-time password, RFC 6238 (AUTH-TOTP-01). Each time step is accepted once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = positive("lock"))]
#[x_kube(validation = Rule::new("!has(self.period) || (duration(self.period) >= duration('10s') && duration(self.period) <= duration('5m'))")
        .message("period must be between 10s and 5m").field_path(".period"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TotpMethod {
    /// Hash function of new generators. Default: `SHA1`, the only one that every app knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<OtpAlgorithm>,
    /// Digits of a code of new generators, 6 or 8. Default: 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 6, max = 8), extend("enum" = [6, 8]))]
    pub digits: Option<i32>,
    /// Length of a time step of new generators. Default: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Duration>,
    /// Steps ahead of our clock that are accepted. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub forward: Option<i32>,
    /// Steps behind our clock that are accepted. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub backward: Option<i32>,
    /// Wrong codes of a person, over all logins, that bar the method. Default: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub total_attempts: Option<i32>,
    /// For how long. Default: `15m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Duration>,
    /// Name of the provider in the app. Default: the realm's display name in its default language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Line>,
    /// Expression of type string over `person` for the account's name in the app. Default: the
    /// person's display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_label: Option<Expression>,
    /// How people get a generator. Default: `AtLogin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<Enrolment>,
    /// How many single-use recovery codes come with a generator; 0 for none. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 20))]
    pub recovery_codes: Option<i32>,
}

/// Hash function of one-time passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(transform = undescribed)]
pub enum OtpAlgorithm {
    /// HMAC-SHA-1.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// How people get a generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum Enrolment {
    /// Those who have none set one up when a login asks for it.
    AtLogin,
    /// Not at a login.
    Off,
}
