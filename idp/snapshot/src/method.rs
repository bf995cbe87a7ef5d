//! Authentication methods.

use serde::{Deserialize, Serialize};

use crate::{AttributeName, Expression, LocalizedText, MethodName, Period};

/// A configured method. Methods that are switched off are not in the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodSnapshot {
    /// Name in flows, in session tracks and in the audit.
    pub name: MethodName,
    /// Label where people choose; the page has its own text when empty.
    pub display_name: LocalizedText,
    /// What it is, with its settings.
    pub kind: MethodKind,
}

/// The kinds of methods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MethodKind {
    /// Login and password, a first factor (AUTH-PWD).
    Password(PasswordMethod),
    /// Time-based one-time password, RFC 6238, a second factor (AUTH-TOTP).
    Totp(TotpMethod),
}

impl MethodKind {
    /// Which factor a person passes with it.
    #[must_use]
    pub const fn factor(&self) -> u8 {
        match self {
            Self::Password(_) => 1,
            Self::Totp(_) => 2,
        }
    }

    /// Authentication method reference, RFC 8176.
    #[must_use]
    pub const fn amr(&self) -> &'static str {
        match self {
            Self::Password(_) => "pwd",
            Self::Totp(_) => "otp",
        }
    }

    /// Kind of the credential a person must hold for it, as in the `credentials` table.
    #[must_use]
    pub const fn credential(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Totp(_) => "totp",
        }
    }
}

/// All conditions of a rule must hold; one rule of a list is enough (AUTH-MATCH-01).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchRule {
    /// The conditions; never empty.
    pub all: Vec<MatchCondition>,
}

/// An attribute equals the value of an expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchCondition {
    /// A searchable attribute.
    pub attribute: AttributeName,
    /// Expression of type string over `login` and `client`.
    pub equals: Expression,
}

/// Login and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordMethod {
    /// How the typed login finds an account.
    pub matching: Vec<MatchRule>,
    /// What a new password must satisfy.
    pub policy: PasswordPolicy,
    /// Whether the current password is held against the policy at login (AUTH-PWD-03).
    pub policy_check: PolicyCheck,
    /// Bar on the method after failures (AUTH-PWD-04).
    pub lockout: PasswordLockout,
    /// Cost of new hashes; weaker ones are upgraded at login.
    pub hashing: PasswordHashing,
}

/// Password policy (AUTH-PWDPOL).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    /// Fewest characters (Unicode scalar values).
    pub min_length: u32,
    /// Most characters.
    pub max_length: u32,
    /// How many groups must be present.
    pub min_groups: u32,
    /// The groups.
    pub groups: Vec<CharacterGroup>,
    /// Passwords that are refused, in lower case; compared without regard to case.
    pub dictionary: Vec<String>,
    /// Whether a password that holds the login or an e-mail name is refused.
    pub forbid_login: bool,
    /// How many former passwords are refused.
    pub history: u32,
    /// People may not change it again earlier; none switches the check off.
    pub min_age: Option<Period>,
    /// It must be changed after; none switches the check off.
    pub max_age: Option<Period>,
    /// How many characters must differ from the former one, when that is typed at the change.
    pub min_differing: Option<u32>,
}

/// A group of characters (AUTH-PWDPOL-04).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharacterGroup {
    /// Name, for messages.
    pub name: String,
    /// Regular expression that one character must match.
    pub characters: String,
    /// Fewest characters for the group to count as present.
    pub min: u32,
}

/// When the current password is held against the policy at login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyCheck {
    /// When.
    pub mode: PolicyCheckMode,
    /// Whether people may go on without changing it.
    pub allow_skip: bool,
}

/// See [`PolicyCheck`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyCheckMode {
    /// At every login.
    Always,
    /// Never.
    Never,
}

/// A person is barred from the method for a time after failures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordLockout {
    /// Consecutive failures that bar the method.
    pub failures: u32,
    /// For how long.
    pub duration: Period,
}

/// Argon2id, RFC 9106.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHashing {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// Hash function of a one-time password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OtpAlgorithm {
    /// HMAC-SHA-1: the only one that every authenticator app knows.
    #[serde(rename = "SHA1")]
    Sha1,
    /// HMAC-SHA-256.
    #[serde(rename = "SHA256")]
    Sha256,
    /// HMAC-SHA-512.
    #[serde(rename = "SHA512")]
    Sha512,
}

/// Time-based one-time password (AUTH-TOTP-01).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpMethod {
    /// Hash function.
    pub algorithm: OtpAlgorithm,
    /// Digits of a code: 6 or 8.
    pub digits: u32,
    /// Length of a step.
    pub period: Period,
    /// Steps ahead that are accepted.
    pub forward: u32,
    /// Steps behind that are accepted.
    pub backward: u32,
    /// Wrong codes that bar the method, over all logins of the person.
    pub total_attempts: u32,
    /// For how long.
    pub lock: Period,
    /// Name of the provider in the authenticator app.
    pub issuer: String,
    /// Expression for the account's name in the app.
    pub account_label: Expression,
    /// Whether people without a generator set one up when a login asks for it.
    pub enrol_at_login: bool,
    /// How many recovery codes come with an enrolment; 0 for none.
    pub recovery_codes: u32,
}
