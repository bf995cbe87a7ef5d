//! The proof that a flow ends as its author meant (design, "Flows end by construction").
//!
//! Every run of the machine ends, because a pass asks for each method once and there is one reset.
//! What is checked is how it ends, for every kind of person (set of enrolled credentials), with
//! and without a session, and for every answer of the conditions. What the run itself knows (the
//! factors and methods of login and session, whether the person is known) is computed; every
//! other part of a condition is an atom that may come out either way, or have no value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use realmwright_snapshot::MethodName;

use super::machine::{Machine, Oracle, Situation};
use super::outcome::{BuiltIn, Decided, Decision, RuleName, SessionEffect};
use super::step::{Method, Offer, OfferKind, Pass};
use super::{Flow, Then};
use crate::expression::{Compiled, Judged, Skeleton, Truth, Unevaluable};
use crate::facts::{Application, Authentication, Facts, Person, Prompt, Request, Session};

/// Most atoms of one flow.
pub const MAX_ATOMS: usize = 12;

/// Most decisions that one check tries.
const MAX_WORK: usize = 400_000;

/// Why a flow is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowProblem {
    /// Nobody ever gets in, whatever the conditions come to.
    EverybodyDenied(Witness),
    /// Somebody is asked for more, but there is nothing to ask with. An exclusion that is meant
    /// is written as `deny` with a message.
    DeadEnd(Witness),
    /// A rule says `enough` where nothing was passed, neither now nor in a session.
    NoFactor {
        /// The rule.
        rule: RuleName,
        /// How it is reached.
        witness: Witness,
    },
    /// More than [`MAX_ATOMS`] different conditions.
    TooManyAtoms {
        /// How many.
        count: usize,
    },
    /// The conditions are too entangled to try all of their answers.
    TooComplex,
}

/// A run that shows the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Kinds of credentials that the person holds.
    pub credentials: BTreeSet<String>,
    /// How many factors the person demands.
    pub required_factors: u8,
    /// Methods of the session at entry, if there is one.
    pub session: Option<Vec<MethodName>>,
    /// Whether the request asks for a new login (`prompt=login`, `max_age`).
    pub login_again: bool,
    /// Parts of conditions and what they came to, in the order in which they were asked.
    pub atoms: Vec<(String, Answer)>,
    /// What happened, in order.
    pub steps: Vec<WitnessStep>,
}

/// One step of a [`Witness`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessStep {
    /// The rule that decided.
    pub rule: RuleName,
    /// The method that was then passed; none at the end.
    pub passed: Option<MethodName>,
}

/// What an atom comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It has no value.
    Absent,
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials: Vec<&str> = self.credentials.iter().map(String::as_str).collect();
        let credentials = if credentials.is_empty() {
            "nothing".to_owned()
        } else {
            credentials.join(" and ")
        };
        write!(f, "a person with {credentials}")?;
        if self.required_factors > 1 {
            write!(f, " who demands {} factors", self.required_factors)?;
        }
        match &self.session {
            None => f.write_str(", no session")?,
            Some(methods) => {
                let methods: Vec<&str> = methods.iter().map(MethodName::as_str).collect();
                write!(f, ", a session by {}", methods.join(" and "))?;
            }
        }
        if self.login_again {
            f.write_str(", asked to log in again")?;
        }
        for (atom, answer) in &self.atoms {
            match answer {
                Answer::True => write!(f, ", `{atom}` is true")?,
                Answer::False => write!(f, ", `{atom}` is false")?,
                Answer::Absent => write!(f, ", `{atom}` has no value")?,
            }
        }
        f.write_str(": ")?;
        for (at, step) in self.steps.iter().enumerate() {
            if at > 0 {
                f.write_str(", then ")?;
            }
            write!(f, "{}", step.rule)?;
            if let Some(method) = &step.passed {
                write!(f, " asks for {method}, passed")?;
            }
        }
        Ok(())
    }
}

/// Checks a flow in a realm with these methods, which demands `required_factors` of everybody.
/// Returns each problem once, with one run that shows it.
#[must_use]
pub fn check(flow: &Flow, methods: &[Method], required_factors: u8) -> Vec<FlowProblem> {
    let mut atoms = Vec::new();
    for condition in flow.conditions() {
        condition.skeleton().collect(&mut atoms);
    }
    if atoms.len() > MAX_ATOMS {
        return vec![FlowProblem::TooManyAtoms { count: atoms.len() }];
    }
    let mut checker = Checker {
        flow,
        machine: Machine::new(flow, methods, required_factors),
        methods,
        client: Application {
            id: "".into(),
            tags: BTreeSet::new(),
        },
        work: 0,
        anybody: false,
        refused: None,
        dead_end: None,
        no_factor: None,
    };
    for start in starts(methods) {
        checker.run(&start, &Run::begin(&start));
        if checker.work > MAX_WORK {
            return vec![FlowProblem::TooComplex];
        }
    }
    checker.problems()
}

/// A kind of person with a kind of session and request.
#[derive(Clone, Debug)]
struct Start {
    person: Person,
    session: Option<Session>,
    login_again: bool,
}

/// Every start: people who hold at least one first factor, and demand no more than they can pass.
fn starts(methods: &[Method]) -> Vec<Start> {
    let credentials: BTreeSet<&str> = methods.iter().map(|method| method.credential).collect();
    let first = methods.iter().map(|method| method.factor).min();
    let mut starts = Vec::new();
    for held in subsets(&credentials.into_iter().collect::<Vec<_>>()) {
        let holds = |method: &&Method| held.contains(&method.credential);
        if !methods.iter().any(|m| Some(m.factor) == first && holds(&m)) {
            continue;
        }
        let open: BTreeSet<u8> = methods
            .iter()
            .filter(|method| method.enrols_at_login || holds(method))
            .map(|method| method.factor)
            .collect();
        let mine: Vec<&Method> = methods.iter().filter(holds).collect();
        for required in 1..=u8::try_from(open.len()).unwrap_or(u8::MAX) {
            let person = Person {
                sub: "witness".to_owned(),
                required_factors: required,
                credentials: held.iter().map(|c| (*c).to_owned()).collect(),
                ..Person::default()
            };
            for passed in subsets(&mine) {
                let session = (!passed.is_empty()).then(|| Session {
                    authentications: passed.iter().map(|method| proof(method)).collect(),
                    ..Session::default()
                });
                for login_again in [false, true] {
                    starts.push(Start {
                        person: person.clone(),
                        session: session.clone(),
                        login_again,
                    });
                }
            }
        }
    }
    if starts.is_empty() {
        // No first factor is switched on: nobody can even begin.
        starts.push(Start {
            person: Person::default(),
            session: None,
            login_again: false,
        });
    }
    starts
}

fn proof(method: &Method) -> Authentication {
    Authentication {
        method: method.name.clone(),
        factor: method.factor,
        at: Timestamp::UNIX_EPOCH,
    }
}

/// All subsets, the empty one first; of at most eight items, beyond which the rest is left out.
fn subsets<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    items
        .iter()
        .take(8)
        .fold(vec![Vec::new()], |subsets, item| {
            let with = subsets.iter().cloned().map(|mut subset| {
                subset.push(item.clone());
                subset
            });
            let with: Vec<Vec<T>> = with.collect();
            subsets.into_iter().chain(with).collect()
        })
}

/// An atom at one time: those that may change during a login are asked anew at every step.
type AtomKey = (String, usize);

/// A run under way.
#[derive(Clone, Debug)]
struct Run {
    /// How often was decided.
    step: usize,
    pass: Option<Pass>,
    person: Person,
    known: bool,
    session: Option<Session>,
    answers: BTreeMap<AtomKey, Answer>,
    asked: Vec<(String, Answer)>,
    taken: Vec<WitnessStep>,
}

impl Run {
    fn begin(start: &Start) -> Self {
        Self {
            step: 0,
            pass: None,
            person: start.person.clone(),
            known: start.session.is_some(),
            session: start.session.clone(),
            answers: BTreeMap::new(),
            asked: Vec::new(),
            taken: Vec::new(),
        }
    }

    fn witness(&self, start: &Start, last: RuleName) -> Witness {
        let mut steps = self.taken.clone();
        steps.push(WitnessStep {
            rule: last,
            passed: None,
        });
        Witness {
            credentials: start.person.credentials.clone(),
            required_factors: start.person.required_factors,
            session: start.session.as_ref().map(|session| {
                let methods = session.authentications.iter().map(|a| a.method.clone());
                methods.collect()
            }),
            login_again: start.login_again,
            atoms: self.asked.clone(),
            steps,
        }
    }
}

/// Answers conditions as a run has it, and notes the first question that is open.
struct Trial<'a> {
    run: &'a Run,
    open: &'a mut Option<Question>,
}

impl Oracle for Trial<'_> {
    fn holds(&mut self, condition: &Compiled, facts: &Facts<'_>) -> Truth {
        condition.skeleton().truth(&mut |atom| {
            if self.open.is_some() {
                return Truth::False;
            }
            atom_truth(atom, facts, self.run, self.open)
        })
    }

    /// Nobody is told.
    fn judge(&self, _condition: &Compiled, _facts: &Facts<'_>) -> Judged {
        Judged::default()
    }
}

struct Checker<'a> {
    flow: &'a Flow,
    machine: Machine<'a>,
    methods: &'a [Method],
    client: Application,
    work: usize,
    anybody: bool,
    refused: Option<Witness>,
    dead_end: Option<Witness>,
    no_factor: Option<(RuleName, Witness)>,
}

impl Checker<'_> {
    fn problems(self) -> Vec<FlowProblem> {
        let mut problems = Vec::new();
        if let Some(witness) = self.dead_end {
            problems.push(FlowProblem::DeadEnd(witness));
        }
        if let Some((rule, witness)) = self.no_factor {
            problems.push(FlowProblem::NoFactor { rule, witness });
        }
        if let (false, Some(witness)) = (self.anybody, self.refused) {
            problems.push(FlowProblem::EverybodyDenied(witness));
        }
        problems
    }

    /// Follows one run through every answer and every choice.
    fn run(&mut self, start: &Start, run: &Run) {
        self.work += 1;
        if self.work > MAX_WORK {
            return;
        }
        let mut open: Option<Question> = None;
        let decided = self.decide(start, run, &mut open);
        if let Some(question) = open {
            for answer in question.answers() {
                let mut run = run.clone();
                run.answers.insert(question.key.clone(), answer);
                run.asked.push((question.key.0.clone(), answer));
                self.run(start, &run);
            }
            return;
        }
        let Decided { decision, path } = decided;
        let last = path
            .iter()
            .rev()
            .find(|evaluated| evaluated.truth == Truth::True)
            .or_else(|| path.last())
            .map_or(RuleName::BuiltIn(BuiltIn::Standard), |e| e.rule.clone());
        self.note_no_factor(start, run, &path);
        match decision {
            Decision::Enough(_) => self.anybody = true,
            Decision::Deny(denial) => {
                let dead = denial.rule == RuleName::BuiltIn(BuiltIn::NoMethodLeft);
                let place = if dead {
                    &mut self.dead_end
                } else {
                    &mut self.refused
                };
                if place.is_none() {
                    *place = Some(run.witness(start, denial.rule));
                }
            }
            // Not reached: no start asks without pages.
            Decision::NeedsInteraction => {}
            Decision::Ask(ask) => {
                for offer in &ask.offers {
                    if let Some(next) = self.take(run, offer, &ask.pass, ask.session, &last) {
                        self.run(start, &next);
                    }
                }
            }
        }
    }

    fn decide(&self, start: &Start, run: &Run, open: &mut Option<Question>) -> Decided {
        let mut request = Request::default();
        if start.login_again {
            request.prompt.insert(Prompt::Login);
        }
        let situation = Situation {
            person: run.known.then_some(&run.person),
            client: &self.client,
            request: &request,
            session: run.session.as_ref(),
            typed: None,
            now: Timestamp::UNIX_EPOCH,
        };
        let mut oracle = Trial { run, open };
        match &run.pass {
            None => self.machine.entry(&situation, &mut oracle),
            Some(pass) => self.machine.step(&situation, pass, &mut oracle),
        }
    }

    /// The run after an offer was passed; none when this person cannot pass it.
    fn take(
        &self,
        run: &Run,
        offer: &Offer,
        pass: &Pass,
        effect: SessionEffect,
        rule: &RuleName,
    ) -> Option<Run> {
        let method = self.methods.iter().find(|m| m.name == offer.method)?;
        let mut next = run.clone();
        match offer.kind {
            OfferKind::Prove if !run.person.credentials.contains(method.credential) => return None,
            OfferKind::Prove => {}
            OfferKind::Enrol => {
                next.person.credentials.insert(method.credential.to_owned());
            }
        }
        if effect != SessionEffect::Keep {
            next.session = None;
        }
        next.known = true;
        next.pass = Some(pass.clone().with(proof(method)));
        next.step += 1;
        next.taken.push(WitnessStep {
            rule: rule.clone(),
            passed: Some(method.name.clone()),
        });
        Some(next)
    }

    /// Notes a rule of the author that says `enough` where nothing was ever passed. The machine
    /// would ask all the same, but the author meant to let people in without a factor.
    fn note_no_factor(&mut self, start: &Start, run: &Run, path: &[super::Evaluated]) {
        let passed = run
            .pass
            .as_ref()
            .is_some_and(|pass| !pass.passed.is_empty());
        if passed || run.session.is_some() || self.no_factor.is_some() {
            return;
        }
        let chosen = path.iter().find(|evaluated| {
            let (RuleName::Entry(name) | RuleName::AfterStep(name)) = &evaluated.rule else {
                return false;
            };
            let rules = self.flow.entry.iter().chain(&self.flow.after_step);
            evaluated.truth == Truth::True
                && rules
                    .filter(|rule| rule.name == *name)
                    .any(|rule| matches!(rule.then, Then::Enough { .. }))
        });
        if let Some(chosen) = chosen {
            let rule = chosen.rule.clone();
            self.no_factor = Some((rule.clone(), run.witness(start, rule)));
        }
    }
}

/// An atom whose answer a run does not have yet.
#[derive(Debug)]
struct Question {
    key: AtomKey,
    may_fail: bool,
}

impl Question {
    fn answers(&self) -> Vec<Answer> {
        let mut answers = vec![Answer::False, Answer::True];
        if self.may_fail {
            answers.push(Answer::Absent);
        }
        answers
    }
}

/// What an atom comes to in a run; asks when it is free and has no answer yet.
fn atom_truth(atom: &Skeleton, facts: &Facts<'_>, run: &Run, open: &mut Option<Question>) -> Truth {
    let Skeleton::Atom {
        text,
        node,
        reads,
        class: _,
        may_fail,
    } = atom
    else {
        return Truth::False;
    };
    if !run.known && reads.personal {
        return Truth::Unknown(Unevaluable::NotIdentified);
    }
    if reads.structural || (run.session.is_none() && reads.session) {
        return Compiled::truth_of(node, facts);
    }
    let key = (text.clone(), if reads.moving { run.step + 1 } else { 0 });
    match run.answers.get(&key) {
        Some(Answer::True) => Truth::True,
        Some(Answer::False) => Truth::False,
        Some(Answer::Absent) => Truth::Unknown(Unevaluable::Absent(text.clone())),
        None => {
            *open = Some(Question {
                key,
                may_fail: *may_fail,
            });
            Truth::False
        }
    }
}
