//! What the machine decides.

use std::fmt;

use realmwright_snapshot::{DenyTarget, LocalizedText};
use serde::{Deserialize, Serialize};

use super::step::{Offer, Pass};
use crate::expression::Truth;
use crate::why::Why;

/// A decision with the rules that led to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// Every rule that was evaluated, in order; the last one decided.
    pub path: Vec<Evaluated>,
}

/// One evaluated rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluated {
    /// Which.
    pub rule: RuleName,
    /// What its condition came to.
    pub truth: Truth,
}

/// A rule by its list and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleName {
    /// Of `deny`.
    Deny(String),
    /// Of `entry`.
    Entry(String),
    /// Of `afterStep`.
    AfterStep(String),
    /// Not written by the author.
    BuiltIn(BuiltIn),
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deny(name) => write!(f, "deny/{name}"),
            Self::Entry(name) => write!(f, "entry/{name}"),
            Self::AfterStep(name) => write!(f, "afterStep/{name}"),
            Self::BuiltIn(rule) => f.write_str(rule.as_str()),
        }
    }
}

/// Rules of every flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BuiltIn {
    /// No rule of the author holds: the standard flow (FLOW-06).
    Standard,
    /// Realm, flow or person demand more factors than were passed.
    RequiredFactors,
    /// More is asked, but nothing is left to ask with.
    NoMethodLeft,
    /// The account is locked.
    Locked,
}

impl BuiltIn {
    /// Name in audit and config tests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::RequiredFactors => "required-factors",
            Self::NoMethodLeft => "no-method-left",
            Self::Locked => "locked",
        }
    }
}

/// A decision.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Ask the person for more.
    Ask(Ask),
    /// The request may not show a page (`prompt=none`), but something must be asked. Only at
    /// entry.
    NeedsInteraction,
    /// The login is done.
    Enough(Enough),
    /// The login is refused.
    Deny(Denial),
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What the person may choose from, the one to show first in front; never empty.
    pub offers: Vec<Offer>,
    /// What happens to the session first.
    pub session: SessionEffect,
    /// State of the login to store; the one to give back after the step.
    pub pass: Pass,
}

/// What happens to the session in this browser before more is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionEffect {
    /// Nothing.
    Keep,
    /// It is forgotten in this browser, and ends when the login has finished (FLOW-41).
    Reset,
    /// It ends, and its applications are told (FLOW-07).
    Logout,
}

/// A login that is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Enough {
    /// End the person's other sessions (FLOW-25).
    pub end_other_sessions: bool,
    /// Claims for the session (FLOW-26): added, or replacing those of the same names.
    pub claims: serde_json::Map<String, serde_json::Value>,
}

/// A refused login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The rule that refuses.
    pub rule: RuleName,
    /// What the person reads; empty where the pages have their own text.
    pub message: LocalizedText,
    /// Who gets the denial. Always the application when the request may not show a page.
    pub show: DenyTarget,
    /// The rule again, with what its condition came to.
    pub why: Why,
}

impl Denial {
    /// The author's name of the rule, or the built-in one: what audit and config tests say.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.rule {
            RuleName::Deny(name) | RuleName::Entry(name) | RuleName::AfterStep(name) => name,
            RuleName::BuiltIn(rule) => rule.as_str(),
        }
    }
}
