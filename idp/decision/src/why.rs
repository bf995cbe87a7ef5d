//! Why somebody was refused: the rule that decided, and what each atom of its condition came to.
//!
//! An atom is a part of a condition that no `&&`, `||`, `!` or `?:` splits. Of each there is a
//! truth value and no more: no value of an attribute, no text. What an atom says is in the
//! configuration, which the rule's path and the digest of its condition name exactly.
//!
//! Atoms that read medical attributes are left out, and with them what their rule came to.

use std::fmt;

use realmwright_snapshot::{DataClass, Digest, FlowName};
use serde::{Deserialize, Serialize};

use crate::expression::{Compiled, Judged, Truth, Unevaluable};
use crate::facts::Facts;
use crate::flow::BuiltIn;

/// Why somebody was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "camelCase")]
pub enum Why {
    /// A rule of a flow refuses.
    Flow {
        /// The flow.
        flow: FlowName,
        /// The rule.
        rule: JudgedRule,
    },
    /// No access rule of the application lets the person in (APP-10).
    Access {
        /// All of its rules, in their order; none when it has none.
        rules: Vec<JudgedRule>,
    },
    /// The flow machine refuses, and no author.
    BuiltIn {
        /// Which of its rules.
        rule: BuiltIn,
    },
}

/// What is kept of a refusal beside who, when and by which snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusalRecord {
    /// When in the course of things.
    pub moment: Moment,
    /// Revision of the configuration that refused.
    pub revision: u64,
    /// Why.
    pub why: Why,
}

/// When in the course of things somebody was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// At entry, single sign-on included.
    Entry,
    /// After a step of the login.
    AfterStep,
    /// When all was passed, before the code was issued.
    BeforeCode,
    /// When the application redeemed the code.
    Redemption,
    /// When the application refreshed its tokens.
    Refresh,
}

/// A rule and what it came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedRule {
    /// The list that it stands in.
    pub list: RuleList,
    /// Its name in the list.
    pub name: String,
    /// What its condition came to; none where an atom of it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<Verdict>,
    /// Strictest class of what the condition reads, left out or not.
    #[serde(with = "class")]
    pub class: DataClass,
    /// Digest of the source of the condition; none where the rule has no condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Digest>,
    /// The atoms that are shown.
    pub atoms: Vec<JudgedAtom>,
    /// How many are left out, as they read medical attributes.
    pub left_out: usize,
}

/// What an atom came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedAtom {
    /// Its place among the different atoms of the condition, from 0.
    pub at: usize,
    /// What it came to.
    pub truth: Verdict,
    /// Strictest class of what it reads.
    #[serde(with = "class")]
    pub class: DataClass,
}

/// A list of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RuleList {
    /// `spec.deny` of an `AuthFlow`.
    Deny,
    /// `spec.entry` of an `AuthFlow`.
    Entry,
    /// `spec.afterStep` of an `AuthFlow`.
    AfterStep,
    /// `spec.access.rules` of a `Client`.
    Access,
}

/// What a condition or an atom came to, without what it read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Something that it reads has no value.
    Absent,
    /// It reads the person, who was not known yet.
    NotIdentified,
    /// It could not be evaluated: a value of another form, an overflow, too much work.
    Failed,
}

impl From<&Truth> for Verdict {
    fn from(truth: &Truth) -> Self {
        match truth {
            Truth::True => Self::True,
            Truth::False => Self::False,
            Truth::Unknown(Unevaluable::Absent(_)) => Self::Absent,
            Truth::Unknown(Unevaluable::NotIdentified) => Self::NotIdentified,
            Truth::Unknown(Unevaluable::Failed(_) | Unevaluable::TooMuchWork) => Self::Failed,
        }
    }
}

impl RuleList {
    /// Path of the list in its object.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Deny => "spec.deny",
            Self::Entry => "spec.entry",
            Self::AfterStep => "spec.afterStep",
            Self::Access => "spec.access.rules",
        }
    }
}

impl fmt::Display for RuleList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

impl JudgedRule {
    /// Judges a rule of this list and name; one without a condition always holds.
    pub(crate) fn judge(
        list: RuleList,
        name: &str,
        when: Option<&Compiled>,
        judge: impl FnOnce(&Compiled) -> Judged,
    ) -> Self {
        let judged = when.map(judge).unwrap_or_default();
        Self {
            list,
            name: name.to_owned(),
            truth: judged.truth,
            class: judged.class,
            condition: when.map(Compiled::digest),
            atoms: judged.atoms,
            left_out: judged.left_out,
        }
    }

    pub(crate) fn of_access(name: &str, when: &Compiled, facts: &Facts<'_>) -> Self {
        Self::judge(RuleList::Access, name, Some(when), |when| when.judge(facts))
    }
}

impl Why {
    /// The rules that were judged.
    #[must_use]
    pub fn rules(&self) -> &[JudgedRule] {
        match self {
            Self::Flow { rule, .. } => std::slice::from_ref(rule),
            Self::Access { rules } => rules,
            Self::BuiltIn { .. } => &[],
        }
    }

    /// Strictest class of what decided.
    #[must_use]
    pub fn class(&self) -> DataClass {
        let classes = self.rules().iter().map(|rule| rule.class);
        classes.max().unwrap_or(DataClass::Pseudonymous)
    }
}

/// A data class by its name in lower case.
mod class {
    use realmwright_snapshot::DataClass;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(
        class: &DataClass,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(class.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DataClass, D::Error> {
        let name = String::deserialize(deserializer)?;
        DataClass::named(&name).ok_or_else(|| serde::de::Error::custom("no data class"))
    }
}
