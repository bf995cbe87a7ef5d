//! Who may use an application (APP-10 to APP-12).

use realmwright_snapshot::{AccessSnapshot, OnDeny};

use crate::expression::{Compiled, Environment, ExpressionFault, Truth};
use crate::facts::Facts;
use crate::why::{JudgedRule, Why};

/// Access rules with their conditions compiled.
#[derive(Clone, Debug)]
pub struct Access {
    rules: Option<Vec<(String, Compiled)>>,
    on_deny: OnDeny,
}

/// Who gets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessDecision {
    /// In.
    Allowed {
        /// The rule that allows, for the audit; none where access is not restricted.
        rule: Option<String>,
    },
    /// Out.
    Denied {
        /// What the denial looks like (APP-12).
        on_deny: OnDeny,
        /// The rules that were tried, with what each came to.
        why: Why,
    },
}

impl Access {
    /// Compiles the rules. `environment` is of the scope `Condition`.
    ///
    /// # Errors
    /// Every fault with the place of its rule.
    pub fn compile(
        access: &AccessSnapshot,
        environment: &Environment,
    ) -> Result<Self, Vec<(usize, ExpressionFault)>> {
        let mut faults = Vec::new();
        let rules = access.rules.as_ref().map(|rules| {
            let mut compiled = Vec::new();
            for (index, rule) in rules.iter().enumerate() {
                match Compiled::condition(&rule.when, environment) {
                    Ok(when) => compiled.push((rule.name.clone(), when)),
                    Err(found) => faults.extend(found.into_iter().map(|fault| (index, fault))),
                }
            }
            compiled
        });
        if faults.is_empty() {
            Ok(Self {
                rules,
                on_deny: access.on_deny,
            })
        } else {
            Err(faults)
        }
    }

    /// One rule that holds is enough. A rule that cannot be evaluated does not hold, and a list
    /// without a rule lets nobody in: a missing decision denies.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> AccessDecision {
        let Some(rules) = &self.rules else {
            return AccessDecision::Allowed { rule: None };
        };
        let holds = |(_, when): &&(String, Compiled)| when.holds(facts) == Truth::True;
        if let Some((name, when)) = rules.iter().find(holds) {
            return AccessDecision::Allowed {
                rule: Some(audit_name(name, when)),
            };
        }
        let judged = |(name, when): &(String, Compiled)| JudgedRule::of_access(name, when, facts);
        AccessDecision::Denied {
            on_deny: self.on_deny,
            why: Why::Access {
                rules: rules.iter().map(judged).collect(),
            },
        }
    }
}

/// The rule's name in the audit; its text when it has none (APP-10).
fn audit_name(name: &str, when: &Compiled) -> String {
    if name.is_empty() {
        when.source().to_owned()
    } else {
        name.to_owned()
    }
}
