//! One login from request to claims, without a server: what config tests and `plan` run.
//!
//! The order is that of the served login: scopes, flow, access, consent, claims. Credentials are
//! taken as proven when the person holds them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use realmwright_snapshot::{
    ClientId, DenyTarget, LocalizedText, MethodName, OnDeny, RealmSnapshot, ScopeName,
    ScopeSnapshot,
};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::access::AccessDecision;
use crate::claims::{Target, audiences};
use crate::facts::{Authentication, Facts, Login, Person, Prompt, Request, Session};
use crate::flow::{
    Ask, Decided, Decision, Denial, Enough, Evaluated, Machine, Offer, OfferKind, Pass,
    SessionEffect, Situation,
};
use crate::realm::{ClientDecisions, RealmDecisions};
use crate::scopes::{ConsentDecision, ConsentPrompt, Grantor, decide_consent, decide_scopes};

/// A login to simulate.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedLogin {
    /// The person: stored attributes and directly held roles; computed attributes and included
    /// roles are worked out.
    pub person: Person,
    /// The application.
    pub client: ClientId,
    /// The request.
    pub request: Request,
    /// The person's session in this browser.
    pub session: Option<Session>,
    /// Scopes that the person consented to before.
    pub consented: Vec<ScopeName>,
    /// Which of the offered methods the person takes at each step; the first one where this says
    /// nothing or names one that is not offered.
    pub answers: Vec<MethodName>,
    /// Now.
    pub now: Timestamp,
}

/// What a simulated login came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulated {
    /// What was asked, in order.
    pub steps: Vec<SimulatedStep>,
    /// How it ended.
    pub result: SimulatedResult,
    /// The rules evaluated at entry and after each step.
    pub path: Vec<Vec<Evaluated>>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedStep {
    /// What was offered.
    pub offers: Vec<Offer>,
    /// The one that was taken.
    pub taken: MethodName,
    /// What happened to the session before.
    pub session: SessionEffect,
}

/// How a simulated login ended.
#[derive(Clone, Debug, PartialEq)]
pub enum SimulatedResult {
    /// The person is in.
    Allowed(Box<Admitted>),
    /// The person, or the request, was refused.
    Denied(Refused),
}

/// A login that was let through.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Admitted {
    /// Granted scopes, if the person consents.
    pub scopes: Vec<ScopeName>,
    /// Scopes that the person is asked to consent to; empty when nothing is asked.
    pub consent: Vec<ScopeName>,
    /// Whether the person's other sessions end (FLOW-25).
    pub single_session: bool,
    /// Claims of the session after the login.
    pub session_claims: Map<String, Json>,
    /// Claims of the id token, beside those of the protocol; none without `openid`.
    pub id_token: Option<Map<String, Json>>,
    /// Claims of the access token, beside those of the protocol.
    pub access_token: Map<String, Json>,
    /// Claims of the userinfo answer, beside `sub`; none without `openid`.
    pub user_info: Option<Map<String, Json>>,
    /// Audiences of the access token.
    pub audiences: BTreeSet<String>,
    /// The access rule that let the person in, if access is restricted.
    pub access_rule: Option<String>,
}

/// A refusal of a person, or of an application in its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Name of the rule that refused, or one of `unknown-client`, `unauthorized-client`,
    /// `unknown-flow`, `invalid-scope`, `login-required`, `consent-required`, `access`,
    /// `no-credential`, `locked`, `no-method-left`.
    pub denial: String,
    /// The author's message, where the rule has one.
    pub message: LocalizedText,
    /// Who gets it.
    pub show: DenyTarget,
}

impl Refused {
    pub(crate) fn new(denial: &str, show: DenyTarget) -> Self {
        Self {
            denial: denial.to_owned(),
            message: LocalizedText::default(),
            show,
        }
    }
}

impl From<Denial> for Refused {
    fn from(denial: Denial) -> Self {
        Self {
            denial: denial.name().to_owned(),
            message: denial.message,
            show: denial.show,
        }
    }
}

/// Runs one login. `decisions` are those of `realm`.
#[must_use]
pub fn simulate(
    realm: &RealmSnapshot,
    decisions: &RealmDecisions,
    login: &SimulatedLogin,
) -> Simulated {
    let mut run = Run {
        realm,
        decisions,
        login,
        steps: Vec::new(),
        path: Vec::new(),
    };
    let result = run
        .result()
        .map_or_else(SimulatedResult::Denied, |admitted| {
            SimulatedResult::Allowed(Box::new(admitted))
        });
    Simulated {
        steps: run.steps,
        result,
        path: run.path,
    }
}

struct Run<'a> {
    realm: &'a RealmSnapshot,
    decisions: &'a RealmDecisions,
    login: &'a SimulatedLogin,
    steps: Vec<SimulatedStep>,
    path: Vec<Vec<Evaluated>>,
}

/// State after the flow has said that it is enough.
struct Passed {
    person: Person,
    session: Session,
    facts: Login,
    enough: Enough,
}

impl Run<'_> {
    fn result(&mut self) -> Result<Admitted, Refused> {
        let unknown = || Refused::new("unknown-client", DenyTarget::Page);
        let snapshot = self
            .realm
            .clients
            .get(&self.login.client)
            .ok_or_else(unknown)?;
        let client = self
            .decisions
            .client(&self.login.client)
            .ok_or_else(unknown)?;
        let oidc = snapshot.oidc.as_ref().ok_or_else(unknown)?;
        let request = &self.login.request;
        let granted = decide_scopes(
            &self.realm.scopes,
            &oidc.scopes,
            &request.scopes,
            Grantor::Person,
        )
        .map_err(|_| Refused::new("invalid-scope", DenyTarget::Client))?;
        let passed = self.flow(client)?;
        let request = Request {
            scopes: granted.scopes().to_vec(),
            ..request.clone()
        };
        let facts = Facts {
            person: Some(&passed.person),
            client: &client.application,
            request: &request,
            session: Some(&passed.session),
            login: &passed.facts,
            now: self.login.now,
        };
        let access_rule = match client.access.decide(&facts) {
            AccessDecision::Allowed { rule } => rule,
            AccessDecision::Denied { on_deny, .. } => {
                let show = match on_deny {
                    OnDeny::ErrorPage => DenyTarget::Page,
                    OnDeny::ProtocolError => DenyTarget::Client,
                };
                return Err(Refused::new("access", show));
            }
        };
        let consent = self.consent(snapshot.consent_required, granted.scopes())?;
        let scopes: Vec<&ScopeSnapshot> = granted
            .scopes()
            .iter()
            .filter_map(|name| self.realm.scopes.get(name))
            .collect();
        let roles = self.decisions.roles().visible(
            &passed.person.roles,
            &snapshot.role_scope,
            scopes.iter().copied(),
        );
        let claims = |target| {
            self.decisions
                .program()
                .claims(client, granted.scopes(), target, &facts, &roles)
        };
        let openid = granted.has_openid();
        Ok(Admitted {
            consent,
            single_session: passed.enough.end_other_sessions,
            id_token: openid.then(|| claims(Target::IdToken)),
            access_token: claims(Target::AccessToken),
            user_info: openid.then(|| claims(Target::UserInfo)),
            audiences: audiences(oidc, scopes, self.realm.core.issuer.as_str()),
            access_rule,
            session_claims: passed.session.claims.clone(),
            scopes: granted.into_scopes(),
        })
    }

    fn consent(&self, required: bool, granted: &[ScopeName]) -> Result<Vec<ScopeName>, Refused> {
        let prompts = &self.login.request.prompt;
        let again = match prompts.contains(&Prompt::Consent) {
            true => ConsentPrompt::Again,
            false => ConsentPrompt::AsNeeded,
        };
        let consented = &self.login.consented;
        match decide_consent(&self.realm.scopes, required, granted, consented, again) {
            ConsentDecision::Granted => Ok(Vec::new()),
            ConsentDecision::Ask { .. } if prompts.contains(&Prompt::None) => {
                Err(Refused::new("consent-required", DenyTarget::Client))
            }
            ConsentDecision::Ask { scopes, .. } => Ok(scopes),
        }
    }

    fn flow(&mut self, client: &ClientDecisions) -> Result<Passed, Refused> {
        let mut person = self.login.person.clone();
        person.roles = self.decisions.roles().effective(person.roles);
        let program = self.decisions.program();
        program.schema().complete(&mut person, self.login.now);
        let machine = program
            .machine(client.flow.as_ref())
            .map_err(|_| Refused::new("unknown-flow", DenyTarget::Page))?;
        let mut session = self.login.session.clone();
        let mut pass = Pass::default();
        let mut decided = {
            let known = session.is_some().then_some(&person);
            machine.at_entry(&self.situation(client, known, session.as_ref()))
        };
        loop {
            let Decided { decision, path } = decided;
            self.path.push(path);
            match decision {
                Decision::Deny(denial) => return Err(denial.into()),
                Decision::NeedsInteraction => {
                    return Err(Refused::new("login-required", DenyTarget::Client));
                }
                Decision::Enough(enough) => {
                    return Ok(self.passed(person, session, &pass, enough));
                }
                Decision::Ask(ask) => {
                    if ask.session != SessionEffect::Keep {
                        session = None;
                    }
                    pass = self.answer(ask, &mut person)?;
                    decided = self.next(&machine, client, &person, session.as_ref(), &pass);
                }
            }
        }
    }

    fn next(
        &self,
        machine: &Machine<'_>,
        client: &ClientDecisions,
        person: &Person,
        session: Option<&Session>,
        pass: &Pass,
    ) -> Decided {
        machine.after_step(&self.situation(client, Some(person), session), pass)
    }

    fn situation<'s>(
        &'s self,
        client: &'s ClientDecisions,
        person: Option<&'s Person>,
        session: Option<&'s Session>,
    ) -> Situation<'s> {
        Situation {
            person,
            client: &client.application,
            request: &self.login.request,
            session,
            typed: None,
            now: self.login.now,
        }
    }

    /// Takes one of the offers and passes it, enrolling where the step is that.
    fn answer(&mut self, ask: Ask, person: &mut Person) -> Result<Pass, Refused> {
        let holds = |offer: &&Offer| {
            offer.kind == OfferKind::Enrol
                || self.decisions.program().methods().iter().any(|method| {
                    method.name == offer.method && person.credentials.contains(method.credential)
                })
        };
        let wanted = self.login.answers.get(self.steps.len());
        let taken = ask
            .offers
            .iter()
            .filter(holds)
            .find(|offer| wanted == Some(&offer.method))
            .or_else(|| ask.offers.iter().find(holds))
            .cloned();
        let Some(taken) = taken else {
            return Err(Refused::new("no-credential", DenyTarget::Page));
        };
        let enrolled = self
            .decisions
            .program()
            .methods()
            .iter()
            .find(|method| taken.kind == OfferKind::Enrol && method.name == taken.method);
        if let Some(method) = enrolled {
            person.credentials.insert(method.credential.to_owned());
        }
        self.steps.push(SimulatedStep {
            offers: ask.offers,
            taken: taken.method.clone(),
            session: ask.session,
        });
        Ok(ask.pass.with(Authentication {
            method: taken.method,
            factor: taken.factor,
            at: self.login.now,
        }))
    }

    fn passed(
        &self,
        person: Person,
        session: Option<Session>,
        pass: &Pass,
        enough: Enough,
    ) -> Passed {
        let facts = Login {
            factors: pass.factors(session.as_ref()),
            methods: pass.passed.iter().map(|p| p.method.clone()).collect(),
            available_methods: self
                .decisions
                .program()
                .methods()
                .iter()
                .map(|method| method.name.clone())
                .collect(),
            typed: None,
        };
        let mut session = session.unwrap_or_default();
        session.authentications.extend(pass.passed.iter().cloned());
        session.claims.extend(enough.claims.clone());
        Passed {
            person,
            session,
            facts,
            enough,
        }
    }
}
