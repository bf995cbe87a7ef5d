//! Authentication flows: what is asked, of whom, when.

use serde::{Deserialize, Serialize};

use crate::{Expression, FlowName, LocalizedText, MethodName};

/// A flow: decided at entry (single sign-on included) and after each step (FLOW-03).
///
/// Deny rules come first at both points, and again before a code is issued, at redemption and at
/// refresh. Then the first rule of the list that holds decides; when none does, the standard
/// semantics of FLOW-06 apply. Whatever a rule says, a login is never shorter than what the
/// realm or the person demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowSnapshot {
    /// Name in its realm.
    pub name: FlowName,
    /// How many factors it demands at least: 1 or 2; none leaves it to realm and person.
    pub required_factors: Option<u8>,
    /// Intended exclusions.
    pub deny: Vec<DenyRule>,
    /// Rules at entry, in order.
    pub entry: Vec<FlowRule>,
    /// Rules after each completed step, in order.
    pub after_step: Vec<FlowRule>,
}

/// An exclusion that the author meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenyRule {
    /// Name for audit, tests and messages; unique in its flow.
    pub name: String,
    /// Condition of type bool; one that cannot be evaluated denies.
    pub when: Expression,
    /// What the person reads.
    pub message: LocalizedText,
    /// Who gets the denial.
    pub show: DenyTarget,
}

/// Who gets a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DenyTarget {
    /// The person, on a page of ours.
    Page,
    /// The application, as the error of its protocol.
    Client,
}

/// A rule of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowRule {
    /// Name for audit, tests and messages; unique in its flow.
    pub name: String,
    /// Condition of type bool; none always holds.
    pub when: Option<Expression>,
    /// What then happens.
    pub then: Outcome,
}

/// What a rule decides (FLOW-07).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Ask for more, with any or with named methods.
    More(MethodSelection),
    /// End the person's session, tell its applications, then ask.
    LogoutThenMore(MethodSelection),
    /// Forget the session in this browser, then ask (FLOW-41).
    ResetSessionThenMore(MethodSelection),
    /// Finish.
    Enough {
        /// End the person's other sessions (FLOW-25).
        end_other_sessions: bool,
        /// Claims put into the session (FLOW-26).
        claims: Vec<SessionClaim>,
    },
    /// Refuse.
    Deny {
        /// What the person reads.
        message: LocalizedText,
        /// Who gets the denial.
        show: DenyTarget,
    },
}

/// Which methods are offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MethodSelection {
    /// Every method of the realm, by name.
    Any,
    /// Only these, offered in this order; never empty.
    Only(Vec<MethodName>),
    /// Every method but these, by name; never empty.
    Except(Vec<MethodName>),
}

/// A claim that a flow puts into the session; its name is declared in the realm (OIDC-63).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionClaim {
    /// Declared name.
    pub name: String,
    /// Expression for its value; no claim when the value is absent or empty.
    pub value: Expression,
}
