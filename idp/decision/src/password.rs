//! Passwords against their policy (AUTH-PWDPOL). Hashing and the comparison with former hashes are
//! the engine's.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use realmwright_snapshot::{PasswordPolicy, Period, PolicyCheck, PolicyCheckMode};
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::expression::helpers;

/// Names shorter than this may be part of a password.
const SHORTEST_NAME: usize = 3;

/// A policy with its character groups compiled.
#[derive(Clone, Debug)]
pub struct Policy {
    settings: PasswordPolicy,
    groups: Vec<Group>,
    dictionary: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Group {
    name: String,
    characters: Regex,
    min: u32,
}

/// A rule that a password violates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "camelCase")]
pub enum Violation {
    /// AUTH-PWDPOL-01.
    TooShort {
        /// Fewest characters.
        min: u32,
    },
    /// Longer than is accepted.
    TooLong {
        /// Most characters.
        max: u32,
    },
    /// In the dictionary (AUTH-PWDPOL-02).
    Common,
    /// Too few groups of characters (AUTH-PWDPOL-03, AUTH-PWDPOL-04).
    TooFewGroups {
        /// How many must be present.
        min: u32,
        /// Those that are not.
        missing: Vec<String>,
    },
    /// Holds the login or an e-mail name.
    HoldsLogin,
    /// One of the last ones (AUTH-PWDPOL-05).
    UsedBefore {
        /// How many are refused, the present one among them.
        history: u32,
    },
    /// The present one is too new to be changed by its owner (AUTH-PWDPOL-06).
    TooSoon {
        /// From when it may be.
        after: Timestamp,
    },
    /// Too near to the present one (AUTH-PWDPOL-08).
    TooSimilar {
        /// How many characters must differ.
        min: u32,
    },
}

/// Who sets a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// Its owner: the youngest age applies.
    Owner,
    /// Its owner because it must be changed: it does not.
    Demand,
    /// An administrator: it does not either, nor does what the present one is, as an answer would
    /// tell it.
    Administrator,
}

/// A new password and what it is held against.
#[derive(Clone, Copy)]
pub struct NewPassword<'a> {
    /// The password.
    pub text: &'a str,
    /// The present one, where it was typed at the change.
    pub present: Option<&'a str>,
    /// Logins and e-mail addresses of its owner.
    pub names: &'a [&'a str],
    /// Whether it equals one of the [`Policy::remembered`].
    pub used_before: bool,
    /// Last change of the present one.
    pub changed_at: Option<Timestamp>,
    /// Who sets it.
    pub set_by: SetBy,
    /// Now.
    pub now: Timestamp,
}

impl std::fmt::Debug for NewPassword<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPassword")
            .field("set_by", &self.set_by)
            .finish_non_exhaustive()
    }
}

/// Why a password must be changed (`alt_pswd_cause` of the audit).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeCause {
    /// It is to be changed at the first login.
    PasswordReset,
    /// It is too old (AUTH-PWDPOL-07).
    PasswordExpired,
    /// It does not satisfy the policy (AUTH-PWD-03).
    PasswordPolicyViolated,
}

impl ChangeCause {
    /// As the audit says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::PasswordExpired => "password_expired",
            Self::PasswordPolicyViolated => "password_policy_violated",
        }
    }
}

/// A demand to change the password within the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeDemand {
    /// Why.
    pub cause: ChangeCause,
    /// Whether the person may go on without.
    pub may_skip: bool,
}

/// A character group whose pattern is faulty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFault {
    /// Which group, from 0.
    pub group: usize,
    /// What is wrong.
    pub message: String,
}

impl Policy {
    /// Compiles a policy.
    ///
    /// # Errors
    /// Every faulty group.
    pub fn compile(policy: &PasswordPolicy) -> Result<Self, Vec<PolicyFault>> {
        let mut faults = Vec::new();
        let mut groups = Vec::new();
        for (index, group) in policy.groups.iter().enumerate() {
            match helpers::whole_match(&group.characters) {
                Ok(characters) => groups.push(Group {
                    name: group.name.clone(),
                    characters,
                    min: group.min,
                }),
                Err(message) => faults.push(PolicyFault {
                    group: index,
                    message,
                }),
            }
        }
        if faults.is_empty() {
            Ok(Self {
                dictionary: policy.dictionary.iter().map(|w| w.to_lowercase()).collect(),
                settings: policy.clone(),
                groups,
            })
        } else {
            Err(faults)
        }
    }

    /// How many passwords a new one must differ from, the present one first. An owner always
    /// changes something, or a demanded change would end a theft or an age in name only
    /// (AUTH-PWD-07).
    #[must_use]
    pub fn remembered(&self, set_by: SetBy) -> u32 {
        match set_by {
            SetBy::Owner | SetBy::Demand => self.settings.history.max(1),
            SetBy::Administrator => self.settings.history,
        }
    }

    /// Every rule that a new password violates; empty when it may be set.
    #[must_use]
    pub fn violations(&self, password: &NewPassword<'_>) -> Vec<Violation> {
        let mut violations = self.form_violations(password.text, password.names);
        if matches!(violations.as_slice(), [Violation::TooLong { .. }]) {
            return violations;
        }
        let settings = &self.settings;
        if password.used_before {
            violations.push(Violation::UsedBefore {
                history: self.remembered(password.set_by),
            });
        }
        if let (Some(min_age), Some(changed_at), SetBy::Owner) =
            (settings.min_age, password.changed_at, password.set_by)
        {
            let after = later(changed_at, min_age);
            if password.now < after {
                violations.push(Violation::TooSoon { after });
            }
        }
        if let (Some(min), Some(present)) = (settings.min_differing, password.present) {
            let differing = strsim::levenshtein(present, password.text);
            if differing < usize::try_from(min).unwrap_or(usize::MAX) {
                violations.push(Violation::TooSimilar { min });
            }
        }
        violations
    }

    /// The rules about the password itself.
    fn form_violations(&self, text: &str, names: &[&str]) -> Vec<Violation> {
        let settings = &self.settings;
        let mut violations = Vec::new();
        let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        if length < settings.min_length {
            violations.push(Violation::TooShort {
                min: settings.min_length,
            });
        }
        if length > settings.max_length {
            // Nothing beyond is looked at: the length of what is typed must not cost time.
            return vec![Violation::TooLong {
                max: settings.max_length,
            }];
        }
        let lower = text.to_lowercase();
        if self.dictionary.contains(&lower) {
            violations.push(Violation::Common);
        }
        let missing: Vec<String> = self
            .groups
            .iter()
            .filter(|group| !group.is_present(text))
            .map(|group| group.name.clone())
            .collect();
        let present = u32::try_from(self.groups.len() - missing.len()).unwrap_or(u32::MAX);
        if present < settings.min_groups {
            violations.push(Violation::TooFewGroups {
                min: settings.min_groups,
                missing,
            });
        }
        if settings.forbid_login && names.iter().any(|name| holds(&lower, name)) {
            violations.push(Violation::HoldsLogin);
        }
        violations
    }

    /// Whether the password that was just proven must be changed before the login goes on.
    #[must_use]
    pub fn demand(
        &self,
        check: &PolicyCheck,
        must_change: bool,
        changed_at: Timestamp,
        now: Timestamp,
        (text, names): (&str, &[&str]),
    ) -> Option<ChangeDemand> {
        let demand = |cause, may_skip| Some(ChangeDemand { cause, may_skip });
        if must_change {
            return demand(ChangeCause::PasswordReset, false);
        }
        let expired = self
            .settings
            .max_age
            .is_some_and(|max_age| now >= later(changed_at, max_age));
        if expired {
            return demand(ChangeCause::PasswordExpired, false);
        }
        let checked = match check.mode {
            PolicyCheckMode::Always => true,
            PolicyCheckMode::Never => false,
        };
        if checked && !self.form_violations(text, names).is_empty() {
            return demand(ChangeCause::PasswordPolicyViolated, check.allow_skip);
        }
        None
    }
}

impl Group {
    fn is_present(&self, text: &str) -> bool {
        let mut buffer = [0; 4];
        let found = text
            .chars()
            .filter(|c| self.characters.is_match(c.encode_utf8(&mut buffer)))
            .count();
        u32::try_from(found).unwrap_or(u32::MAX) >= self.min.max(1)
    }
}

/// Whether a password in lower case holds a login, or the part of an address before `@`.
fn holds(lower: &str, name: &str) -> bool {
    let name = name.trim().to_lowercase();
    let local = name.split('@').next().unwrap_or("");
    [name.as_str(), local]
        .into_iter()
        .filter(|part| part.chars().count() >= SHORTEST_NAME)
        .any(|part| lower.contains(part))
}

fn later(at: Timestamp, by: Period) -> Timestamp {
    let by = SignedDuration::try_from(by.as_duration()).unwrap_or(SignedDuration::MAX);
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
