//! The flow machine: a pure function from a situation to a decision.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use realmwright_snapshot::{DenyTarget, LocalizedText, MethodSelection};

use super::outcome::{
    Ask, BuiltIn, Decided, Decision, Denial, Enough, Evaluated, RuleName, SessionEffect,
};
use super::step::{Method, Need, Pass, available, offers};
use super::{Flow, Rule, Then};
use crate::expression::{Compiled, Judged, Truth, Unevaluable};
use crate::facts::{Application, Facts, Login, Person, Prompt, Request, Session};
use crate::why::{JudgedRule, RuleList, Why};

/// What a decision is made from.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The person: of the session at entry, else none until a first factor was passed.
    pub person: Option<&'a Person>,
    /// The application.
    pub client: &'a Application,
    /// The request.
    pub request: &'a Request,
    /// The live session of this browser, if it has not been reset.
    pub session: Option<&'a Session>,
    /// The login as typed, once it was.
    pub typed: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

/// Answers conditions; what the check puts in place of evaluation.
pub(super) trait Oracle {
    /// What the condition comes to.
    fn holds(&mut self, condition: &Compiled, facts: &Facts<'_>) -> Truth;
    /// The same atom by atom, of a condition that has refused.
    fn judge(&self, condition: &Compiled, facts: &Facts<'_>) -> Judged;
}

/// Evaluates.
struct Evaluation;

impl Oracle for Evaluation {
    fn holds(&mut self, condition: &Compiled, facts: &Facts<'_>) -> Truth {
        condition.holds(facts)
    }

    fn judge(&self, condition: &Compiled, facts: &Facts<'_>) -> Judged {
        condition.judge(facts)
    }
}

/// A flow in a realm.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    flow: &'a Flow,
    methods: &'a [Method],
    required_factors: u8,
}

/// Where a decision is made.
#[derive(Clone, Copy)]
enum Point {
    Entry,
    AfterStep,
}

impl<'a> Machine<'a> {
    /// A machine for `flow` in a realm with these methods, which demands `required_factors` of
    /// everybody (AUTH-GEN-01).
    #[must_use]
    pub const fn new(flow: &'a Flow, methods: &'a [Method], required_factors: u8) -> Self {
        Self {
            flow,
            methods,
            required_factors,
        }
    }

    /// How many factors this person must have passed: the most that realm, flow or person demand,
    /// at least one.
    #[must_use]
    pub fn required_factors(&self, person: Option<&Person>) -> usize {
        self.required_factors
            .max(self.flow.required_factors)
            .max(person.map_or(1, |person| person.required_factors))
            .max(1)
            .into()
    }

    /// Decides at entry: first for a request without a login under way, session or not.
    #[must_use]
    pub fn at_entry(&self, situation: &Situation<'_>) -> Decided {
        self.entry(situation, &mut Evaluation)
    }

    /// Decides after a completed step; `pass` already holds what was proven.
    #[must_use]
    pub fn after_step(&self, situation: &Situation<'_>, pass: &Pass) -> Decided {
        self.step(situation, pass, &mut Evaluation)
    }

    /// Evaluates the deny rules again: before a code is issued, at its redemption and at refresh.
    /// The session stands for the login, and the request is that of the login (see [`Request`]):
    /// a rule that reads what is no longer known cannot be evaluated and denies.
    #[must_use]
    pub fn denied(&self, situation: &Situation<'_>) -> Option<Denial> {
        let pass = Pass {
            passed: situation
                .session
                .map(|session| session.authentications.clone())
                .unwrap_or_default(),
            ..Pass::default()
        };
        let login = self.login(situation, &pass);
        let facts = facts(situation, &login);
        let mut path = Vec::new();
        self.refusal(&facts, &mut path, &mut Evaluation)
    }

    pub(super) fn entry(&self, situation: &Situation<'_>, oracle: &mut dyn Oracle) -> Decided {
        let pass = Pass {
            session_counts: session_counts(situation),
            ..Pass::default()
        };
        let mut decided = self.decide(Point::Entry, situation, &pass, oracle);
        if situation.request.prompt.contains(&Prompt::None) {
            match &mut decided.decision {
                Decision::Ask(_) => decided.decision = Decision::NeedsInteraction,
                Decision::Deny(denial) => denial.show = DenyTarget::Client,
                Decision::Enough(_) | Decision::NeedsInteraction => {}
            }
        }
        decided
    }

    pub(super) fn step(
        &self,
        situation: &Situation<'_>,
        pass: &Pass,
        oracle: &mut dyn Oracle,
    ) -> Decided {
        self.decide(Point::AfterStep, situation, pass, oracle)
    }

    fn login(&self, situation: &Situation<'_>, pass: &Pass) -> Login {
        Login {
            factors: pass.factors(situation.session),
            methods: pass.passed.iter().map(|p| p.method.clone()).collect(),
            available_methods: available(self.methods, situation.person),
            typed: situation.typed.map(str::to_owned),
        }
    }

    fn decide(
        &self,
        point: Point,
        situation: &Situation<'_>,
        pass: &Pass,
        oracle: &mut dyn Oracle,
    ) -> Decided {
        let login = self.login(situation, pass);
        let facts = facts(situation, &login);
        let mut path = Vec::new();
        if let Some(denial) = self.refusal(&facts, &mut path, oracle) {
            return Decided {
                decision: Decision::Deny(denial),
                path,
            };
        }
        let rules = match point {
            Point::Entry => &self.flow.entry,
            Point::AfterStep => &self.flow.after_step,
        };
        let chosen = rules.iter().find(|rule| {
            let truth = rule
                .when
                .as_ref()
                .map_or(Truth::True, |when| oracle.holds(when, &facts));
            let holds = truth == Truth::True;
            path.push(Evaluated {
                rule: point.name(rule),
                truth,
            });
            holds
        });
        let decision = match chosen.map(|rule| (rule, &rule.then)) {
            Some((_, Then::More { selection, session })) => {
                self.more(selection, *session, situation, pass, &mut path)
            }
            Some((rule, Then::Deny { message, show })) => Decision::Deny(Denial {
                rule: point.name(rule),
                message: message.clone(),
                show: *show,
                why: self.why(point.list(), &rule.name, rule.when.as_ref(), |when| {
                    oracle.judge(when, &facts)
                }),
            }),
            Some((
                _,
                Then::Enough {
                    end_other_sessions,
                    claims,
                },
            )) => self.enough(&facts, situation, pass, &mut path, || Enough {
                end_other_sessions: *end_other_sessions,
                claims: session_claims(claims, &facts),
            }),
            None => {
                path.push(built_in(BuiltIn::Standard));
                self.enough(&facts, situation, pass, &mut path, Enough::default)
            }
        };
        Decided { decision, path }
    }

    /// The refusal that comes before every rule. A rule that cannot be evaluated refuses, except
    /// that one about a person who is not known yet waits until they are.
    fn refusal(
        &self,
        facts: &Facts<'_>,
        path: &mut Vec<Evaluated>,
        oracle: &mut dyn Oracle,
    ) -> Option<Denial> {
        if facts.person.is_some_and(|person| person.locked) {
            path.push(built_in(BuiltIn::Locked));
            return Some(refused(BuiltIn::Locked));
        }
        for check in &self.flow.deny {
            let truth = oracle.holds(&check.when, facts);
            let denies = !matches!(
                truth,
                Truth::False | Truth::Unknown(Unevaluable::NotIdentified)
            );
            let rule = RuleName::Deny(check.name.clone());
            path.push(Evaluated {
                rule: rule.clone(),
                truth,
            });
            if denies {
                return Some(Denial {
                    rule,
                    message: check.message.clone(),
                    show: check.show,
                    why: self.why(RuleList::Deny, &check.name, Some(&check.when), |when| {
                        oracle.judge(when, facts)
                    }),
                });
            }
        }
        None
    }

    /// Why a rule of this flow refuses.
    fn why(
        &self,
        list: RuleList,
        name: &str,
        when: Option<&Compiled>,
        judge: impl FnOnce(&Compiled) -> Judged,
    ) -> Why {
        match &self.flow.name {
            Some(flow) => Why::Flow {
                flow: flow.clone(),
                rule: JudgedRule::judge(list, name, when, judge),
            },
            // Not reached: the standard flow has no rules.
            None => Why::BuiltIn {
                rule: BuiltIn::Standard,
            },
        }
    }

    /// A rule or the standard flow says that it is enough; the floor may say otherwise.
    fn enough(
        &self,
        facts: &Facts<'_>,
        situation: &Situation<'_>,
        pass: &Pass,
        path: &mut Vec<Evaluated>,
        done: impl FnOnce() -> Enough,
    ) -> Decision {
        let needed = self.required_factors(situation.person);
        if situation.person.is_some() && facts.login.factors.len() >= needed {
            return Decision::Enough(done());
        }
        path.push(built_in(BuiltIn::RequiredFactors));
        self.ask(
            &MethodSelection::Any,
            Need::Factor,
            SessionEffect::Keep,
            situation,
            pass.clone(),
            path,
        )
    }

    fn more(
        &self,
        selection: &MethodSelection,
        effect: SessionEffect,
        situation: &Situation<'_>,
        pass: &Pass,
        path: &mut Vec<Evaluated>,
    ) -> Decision {
        if effect == SessionEffect::Keep || pass.was_reset {
            let kept = SessionEffect::Keep;
            return self.ask(selection, Need::Rule, kept, situation, pass.clone(), path);
        }
        let pass = Pass {
            passed: Vec::new(),
            session_counts: false,
            was_reset: true,
        };
        let effect = match situation.session {
            Some(_) => effect,
            None => SessionEffect::Keep,
        };
        self.ask(selection, Need::Rule, effect, situation, pass, path)
    }

    fn ask(
        &self,
        selection: &MethodSelection,
        need: Need,
        session: SessionEffect,
        situation: &Situation<'_>,
        pass: Pass,
        path: &mut Vec<Evaluated>,
    ) -> Decision {
        let counted: BTreeSet<u8> = pass.factors(situation.session);
        let offers = offers(
            self.methods,
            selection,
            need,
            &pass,
            &counted,
            situation.person,
        );
        if offers.is_empty() {
            path.push(built_in(BuiltIn::NoMethodLeft));
            return Decision::Deny(refused(BuiltIn::NoMethodLeft));
        }
        Decision::Ask(Ask {
            offers,
            session,
            pass,
        })
    }
}

impl Point {
    fn name(self, rule: &Rule) -> RuleName {
        match self {
            Self::Entry => RuleName::Entry(rule.name.clone()),
            Self::AfterStep => RuleName::AfterStep(rule.name.clone()),
        }
    }

    const fn list(self) -> RuleList {
        match self {
            Self::Entry => RuleList::Entry,
            Self::AfterStep => RuleList::AfterStep,
        }
    }
}

/// Whether the factors of the session count for this request.
fn session_counts(situation: &Situation<'_>) -> bool {
    let request = situation.request;
    let again =
        request.prompt.contains(&Prompt::Login) || request.prompt.contains(&Prompt::SelectAccount);
    let Some(at) = situation.session.and_then(Session::authenticated_at) else {
        return false;
    };
    let age = situation.now.duration_since(at);
    let too_old = request.max_age.is_some_and(|most| {
        let most = SignedDuration::try_from(most.as_duration()).unwrap_or(SignedDuration::MAX);
        age > most || most.is_zero()
    });
    situation.person.is_some() && !again && !too_old
}

fn facts<'f>(situation: &Situation<'f>, login: &'f Login) -> Facts<'f> {
    Facts {
        person: situation.person,
        client: situation.client,
        request: situation.request,
        session: situation.session,
        login,
        now: situation.now,
    }
}

/// Claims for the session: no claim where the value is absent or empty (FLOW-26).
fn session_claims(
    claims: &[(String, Compiled)],
    facts: &Facts<'_>,
) -> serde_json::Map<String, serde_json::Value> {
    claims
        .iter()
        .filter_map(|(name, value)| {
            let value = value.evaluate(facts).ok()?;
            (!value.is_empty()).then(|| (name.clone(), value.to_json()))
        })
        .collect()
}

fn refused(rule: BuiltIn) -> Denial {
    Denial {
        rule: RuleName::BuiltIn(rule),
        message: LocalizedText::default(),
        show: DenyTarget::Page,
        why: Why::BuiltIn { rule },
    }
}

fn built_in(rule: BuiltIn) -> Evaluated {
    Evaluated {
        rule: RuleName::BuiltIn(rule),
        truth: Truth::True,
    }
}
