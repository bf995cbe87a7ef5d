//! One step of a login: which methods are offered, and what is kept between steps.

use std::collections::BTreeSet;

use realmwright_snapshot::{MethodKind, MethodName, MethodSelection, MethodSnapshot};
use serde::{Deserialize, Serialize};

use crate::facts::{Authentication, Person, Session};

/// What the machine knows of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its name.
    pub name: MethodName,
    /// Which factor a person passes with it.
    pub factor: u8,
    /// Kind of the credential that it needs.
    pub credential: &'static str,
    /// Whether people without that credential set one up when a login asks for it.
    pub enrols_at_login: bool,
}

impl From<&MethodSnapshot> for Method {
    fn from(method: &MethodSnapshot) -> Self {
        Self {
            name: method.name.clone(),
            factor: method.kind.factor(),
            credential: method.kind.credential(),
            enrols_at_login: match &method.kind {
                MethodKind::Password(_) => false,
                MethodKind::Totp(totp) => totp.enrol_at_login,
            },
        }
    }
}

impl Method {
    /// Whether this person can pass it, now or after enrolling.
    fn is_open_to(&self, person: &Person) -> bool {
        self.enrols_at_login || person.credentials.contains(self.credential)
    }
}

/// A method that a person may choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The method.
    pub method: MethodName,
    /// Which factor it is.
    pub factor: u8,
    /// What the step is.
    pub kind: OfferKind,
}

/// See [`Offer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OfferKind {
    /// Prove a credential.
    Prove,
    /// Set one up, and prove it.
    Enrol,
}

/// State of a login between its steps. A pass begins at entry and again at a reset, of which there
/// is at most one; in a pass every method is passed at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// What was passed, in order.
    pub passed: Vec<Authentication>,
    /// Whether the factors of the session count: not with `prompt=login` or `select_account`,
    /// not beyond `max_age`, not after a reset.
    pub session_counts: bool,
    /// Whether the one reset has happened.
    pub was_reset: bool,
}

impl Pass {
    /// The pass after a step. The engine calls this with what was proven.
    #[must_use]
    pub fn with(mut self, authentication: Authentication) -> Self {
        self.passed.push(authentication);
        self
    }

    /// Distinct factors that count.
    #[must_use]
    pub fn factors(&self, session: Option<&Session>) -> BTreeSet<u8> {
        let recorded = session.filter(|_| self.session_counts);
        self.passed
            .iter()
            .chain(recorded.iter().flat_map(|s| &s.authentications))
            .map(|authentication| authentication.factor)
            .collect()
    }
}

/// Why more is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A rule says so.
    Rule,
    /// Too few factors: only one that does not count yet helps.
    Factor,
}

/// Methods that a person can use, by name.
pub(super) fn available(methods: &[Method], person: Option<&Person>) -> Vec<MethodName> {
    methods
        .iter()
        .filter(|method| person.is_none_or(|person| method.is_open_to(person)))
        .map(|method| method.name.clone())
        .collect()
}

/// What is offered, in the order in which the selection names the methods, else by name. Before the
/// first factor counts, every first factor of the selection, whoever
/// the person may be: the offers reveal nothing. Then the lowest factor that does not count yet,
/// by what the person holds; by enrolment when the person holds nothing of it.
pub(super) fn offers(
    methods: &[Method],
    selection: &MethodSelection,
    need: Need,
    pass: &Pass,
    counted: &BTreeSet<u8>,
    person: Option<&Person>,
) -> Vec<Offer> {
    let mut candidates: Vec<&Method> = methods
        .iter()
        .filter(|method| match selection {
            MethodSelection::Any => true,
            MethodSelection::Only(names) => names.contains(&method.name),
            MethodSelection::Except(names) => !names.contains(&method.name),
        })
        .filter(|method| pass.passed.iter().all(|p| p.method != method.name))
        .collect();
    if let MethodSelection::Only(names) = selection {
        candidates.sort_by_key(|method| names.iter().position(|name| *name == method.name));
    }
    let person = match person {
        Some(person) if !counted.is_empty() => person,
        _ => {
            let first = methods.iter().map(|method| method.factor).min();
            return candidates
                .into_iter()
                .filter(|method| Some(method.factor) == first)
                .map(|method| offer(method, OfferKind::Prove))
                .collect();
        }
    };
    let missing: BTreeSet<u8> = candidates
        .iter()
        .map(|method| method.factor)
        .filter(|factor| !counted.contains(factor))
        .collect();
    for factor in missing {
        let (held, others): (Vec<&Method>, Vec<&Method>) = candidates
            .iter()
            .filter(|method| method.factor == factor)
            .partition(|method| person.credentials.contains(method.credential));
        let found: Vec<Offer> = if held.is_empty() {
            others
                .into_iter()
                .filter(|method| method.enrols_at_login)
                .map(|method| offer(method, OfferKind::Enrol))
                .collect()
        } else {
            held.into_iter()
                .map(|method| offer(method, OfferKind::Prove))
                .collect()
        };
        if !found.is_empty() {
            return found;
        }
    }
    match need {
        Need::Factor => Vec::new(),
        Need::Rule => candidates
            .into_iter()
            .filter(|method| counted.contains(&method.factor))
            .filter(|method| person.credentials.contains(method.credential))
            .map(|method| offer(method, OfferKind::Prove))
            .collect(),
    }
}

fn offer(method: &Method, kind: OfferKind) -> Offer {
    Offer {
        method: method.name.clone(),
        factor: method.factor,
        kind,
    }
}
