//! Login and password.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::names::{AttributeName, Expression, Label, Pattern};
use crate::rules::positive;
use crate::transform::undescribed;

/// Login and password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordMethod {
    /// How the typed login finds an account (AUTH-PWD-01, AUTH-MATCH-01): one rule is enough;
    /// nobody or several people found is the same failure.
    #[serde(rename = "match")]
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub matching: Vec<MatchRule>,
    /// What a new password must satisfy (AUTH-PWDPOL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PasswordPolicy>,
    /// Whether the current password is held against the policy at login (AUTH-PWD-03).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_check: Option<PolicyCheck>,
    /// Bar on the method, not on the account, after failures (AUTH-PWD-04).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockout: Option<Lockout>,
    /// Cost of new hashes; weaker ones are upgraded at login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashing: Option<Hashing>,
}

/// All conditions of a rule must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatchRule {
    /// The conditions; at least one.
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub all: Vec<MatchCondition>,
}

/// An attribute equals the value of an expression.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatchCondition {
    /// A searchable attribute, or `sub`.
    pub attribute: AttributeName,
    /// Expression of type string over `login`, which here is the typed text, and `client`.
    pub equals: Expression,
}

/// What a new password must satisfy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("(has(self.minLength) ? self.minLength : 8) <= (has(self.maxLength) ? self.maxLength : 256)")
        .message("minLength must not be greater than maxLength (defaults 8 and 256)").field_path(".minLength"))]
#[x_kube(validation = Rule::new("!has(self.minGroups) || self.minGroups <= (has(self.groups) ? self.groups.size() : 4)")
        .message("minGroups must not be greater than the number of groups (default 4)").field_path(".minGroups"))]
#[x_kube(validation = Rule::new("!has(self.minAge) || !has(self.maxAge) || duration(self.minAge) < duration(self.maxAge)")
        .message("minAge must be shorter than maxAge").field_path(".minAge"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordPolicy {
    /// Fewest characters (AUTH-PWDPOL-01). Default: 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub min_length: Option<i32>,
    /// Most characters. Default: 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub max_length: Option<i32>,
    /// How many of the groups must be present (AUTH-PWDPOL-03). Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 16))]
    pub min_groups: Option<i32>,
    /// Groups of characters (AUTH-PWDPOL-04). Default: digits, lower-case letters, upper-case
    /// letters and other characters, one of each to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub groups: Option<Vec<CharacterGroup>>,
    /// Passwords that are refused, whatever their case (AUTH-PWDPOL-02). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 2000),
        extend("x-kubernetes-list-type" = "atomic"),
        inner(length(min = 1, max = 128))
    )]
    pub dictionary: Vec<String>,
    /// Whether a password that holds the login or the name of an e-mail address is refused.
    /// Default: `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forbid_login: Option<bool>,
    /// How many of a person's last passwords are refused, the present one among them
    /// (AUTH-PWDPOL-05). With 0, people still cannot choose the present one again. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 32))]
    pub history: Option<i32>,
    /// People may not change it again earlier (AUTH-PWDPOL-06). Default: none, they may at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_age: Option<Duration>,
    /// It must be changed after (AUTH-PWDPOL-07). Default: none, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
    /// How many characters must differ from the former password, when that is typed at the change
    /// (AUTH-PWDPOL-08). Default: none, no check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub min_differing: Option<i32>,
}

/// A group of characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CharacterGroup {
    /// Name, for messages.
    pub name: Label,
    /// Regular expression that one character must match, such as `[0-9]`.
    pub characters: Pattern,
    /// Fewest characters for the group to count as present. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub min: Option<i32>,
}

/// Whether the current password is held against the policy at login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyCheck {
    /// When. Default: `Never`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<PolicyCheckMode>,
    /// Whether people may go on without a change. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_skip: Option<bool>,
}

/// When the current password is held against the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum PolicyCheckMode {
    /// At every login.
    Always,
    /// Never.
    Never,
}

/// Bar on the method after failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = positive("duration"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lockout {
    /// Consecutive failures of a person that bar the method. Default: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub failures: Option<i32>,
    /// For how long. Default: `1m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
}

/// Cost of Argon2id, RFC 9106. A check of the dearest takes about a third of a second of one core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("(has(self.memoryKiB) ? self.memoryKiB : 19456) * (has(self.iterations) ? self.iterations : 2) <= 262144")
        .message("memoryKiB times iterations must not be greater than 262144 (defaults 19456 and 2)"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hashing {
    /// Memory of one hash, in KiB. Default: 19456.
    #[serde(default, rename = "memoryKiB", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 7168, max = 262_144))]
    pub memory_kib: Option<i32>,
    /// Passes over the memory. Default: 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 36))]
    pub iterations: Option<i32>,
    /// Lanes. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16))]
    pub parallelism: Option<i32>,
}
