//! Authentication flows: what is asked, of whom, when (FLOW-03 to FLOW-08).
//!
//! [`Flow`] is a flow with its conditions compiled. [`Machine`] decides at entry, single sign-on
//! included, and after every step, over plain values; the check proves of a flow that every run of
//! the machine ends as its author meant.
//!
//! Recipe for a new outcome: a variant of `Then`, its meaning in `machine`, what it means for
//! the end of a run in `check`, and a `RealmTest` among the examples.

pub mod check;
mod machine;
mod outcome;
mod step;

use realmwright_snapshot::{
    DenyTarget, FlowName, FlowSnapshot, LocalizedText, MethodSelection, Outcome, SessionClaim,
};

pub use machine::{Machine, Situation};
pub use outcome::{
    Ask, BuiltIn, Decided, Decision, Denial, Enough, Evaluated, RuleName, SessionEffect,
};
pub use step::{Method, Offer, OfferKind, Pass};

use crate::expression::{Compiled, Environment, ExpressionFault, Scope};

/// A flow with its conditions compiled.
#[derive(Clone, Debug)]
pub struct Flow {
    name: Option<FlowName>,
    required_factors: u8,
    pub(crate) deny: Vec<DenyCheck>,
    pub(crate) entry: Vec<Rule>,
    pub(crate) after_step: Vec<Rule>,
}

#[derive(Clone, Debug)]
pub(crate) struct DenyCheck {
    pub(crate) name: String,
    pub(crate) when: Compiled,
    pub(crate) message: LocalizedText,
    pub(crate) show: DenyTarget,
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) when: Option<Compiled>,
    pub(crate) then: Then,
}

#[derive(Clone, Debug)]
pub(crate) enum Then {
    More {
        selection: MethodSelection,
        session: SessionEffect,
    },
    Enough {
        end_other_sessions: bool,
        claims: Vec<(String, Compiled)>,
    },
    Deny {
        message: LocalizedText,
        show: DenyTarget,
    },
}

/// Where in a flow an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowList {
    /// `deny`.
    Deny,
    /// `entry`.
    Entry,
    /// `afterStep`.
    AfterStep,
}

/// Which expression of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowPart {
    /// Its condition.
    When,
    /// The value of the session claim at this place of `enough.claims`.
    Claim(usize),
}

/// A fault in an expression of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowFault {
    /// Which list.
    pub list: FlowList,
    /// Place in it, from 0.
    pub index: usize,
    /// Which expression.
    pub part: FlowPart,
    /// What is wrong.
    pub fault: FlowFaultKind,
}

/// See [`FlowFault`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowFaultKind {
    /// The expression is faulty.
    Expression(ExpressionFault),
    /// The realm does not declare this session claim (OIDC-63); the nearest declared one.
    UndeclaredClaim(String, Option<String>),
}

impl Flow {
    /// The standard flow (FLOW-06): single sign-on, else any method, as many factors as realm and
    /// person demand.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            name: None,
            required_factors: 1,
            deny: Vec::new(),
            entry: Vec::new(),
            after_step: Vec::new(),
        }
    }

    /// Its name; none for the standard flow.
    #[must_use]
    pub const fn name(&self) -> Option<&FlowName> {
        self.name.as_ref()
    }

    /// Compiles every expression. `environment` is of the scope `Condition`.
    ///
    /// # Errors
    /// Every fault, with its place.
    pub fn compile(flow: &FlowSnapshot, environment: &Environment) -> Result<Self, Vec<FlowFault>> {
        let mut compiler = Compiler {
            environment,
            faults: Vec::new(),
        };
        let compiled = Self {
            name: Some(flow.name.clone()),
            required_factors: flow.required_factors.unwrap_or(1),
            deny: compiler.deny(flow),
            entry: compiler.rules(FlowList::Entry, &flow.entry),
            after_step: compiler.rules(FlowList::AfterStep, &flow.after_step),
        };
        if compiler.faults.is_empty() {
            Ok(compiled)
        } else {
            Err(compiler.faults)
        }
    }

    /// All conditions, for the check.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Compiled> {
        self.deny.iter().map(|deny| &deny.when).chain(
            self.entry
                .iter()
                .chain(&self.after_step)
                .filter_map(|rule| rule.when.as_ref()),
        )
    }
}

struct Compiler<'a> {
    environment: &'a Environment,
    faults: Vec<FlowFault>,
}

impl Compiler<'_> {
    fn keep<T>(
        &mut self,
        result: Result<T, Vec<ExpressionFault>>,
        (list, index, part): (FlowList, usize, FlowPart),
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(faults) => {
                self.faults
                    .extend(faults.into_iter().map(|fault| FlowFault {
                        list,
                        index,
                        part: part.clone(),
                        fault: FlowFaultKind::Expression(fault),
                    }));
                None
            }
        }
    }

    fn deny(&mut self, flow: &FlowSnapshot) -> Vec<DenyCheck> {
        let mut checks = Vec::new();
        for (index, rule) in flow.deny.iter().enumerate() {
            let when = Compiled::condition(&rule.when, self.environment);
            let Some(when) = self.keep(when, (FlowList::Deny, index, FlowPart::When)) else {
                continue;
            };
            checks.push(DenyCheck {
                name: rule.name.clone(),
                when,
                message: rule.message.clone(),
                show: rule.show,
            });
        }
        checks
    }

    fn rules(&mut self, list: FlowList, rules: &[realmwright_snapshot::FlowRule]) -> Vec<Rule> {
        let mut compiled = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let when = rule.when.as_ref().map(|when| {
                let when = Compiled::condition(when, self.environment);
                self.keep(when, (list, index, FlowPart::When))
            });
            let then = self.then(list, index, &rule.then);
            let when = match when {
                None => None,
                Some(Some(when)) => Some(when),
                Some(None) => continue,
            };
            compiled.push(Rule {
                name: rule.name.clone(),
                when,
                then,
            });
        }
        compiled
    }

    fn then(&mut self, list: FlowList, index: usize, outcome: &Outcome) -> Then {
        let more = |selection: &MethodSelection, session| Then::More {
            selection: selection.clone(),
            session,
        };
        match outcome {
            Outcome::More(selection) => more(selection, SessionEffect::Keep),
            Outcome::LogoutThenMore(selection) => more(selection, SessionEffect::Logout),
            Outcome::ResetSessionThenMore(selection) => more(selection, SessionEffect::Reset),
            Outcome::Enough {
                end_other_sessions,
                claims,
            } => Then::Enough {
                end_other_sessions: *end_other_sessions,
                claims: self.claims(list, index, claims),
            },
            Outcome::Deny { message, show } => Then::Deny {
                message: message.clone(),
                show: *show,
            },
        }
    }

    fn claims(
        &mut self,
        list: FlowList,
        index: usize,
        claims: &[SessionClaim],
    ) -> Vec<(String, Compiled)> {
        let mut compiled = Vec::new();
        for (at, claim) in claims.iter().enumerate() {
            let place = (list, index, FlowPart::Claim(at));
            let declared = &self.environment.session_claims;
            if !declared.contains(&claim.name) {
                let nearest = crate::nearest(&claim.name, declared.iter().map(String::as_str));
                let fault = FlowFaultKind::UndeclaredClaim(claim.name.clone(), nearest);
                let (list, index, part) = place.clone();
                self.faults.push(FlowFault {
                    list,
                    index,
                    part,
                    fault,
                });
            }
            let environment = self.environment.with_scope(Scope::SessionClaim);
            let value = Compiled::compile(&claim.value, &environment);
            if let Some(value) = self.keep(value, place) {
                compiled.push((claim.name.clone(), value));
            }
        }
        compiled
    }
}
