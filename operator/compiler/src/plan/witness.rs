//! One login for which a change makes a difference, and what the difference is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use realmwright_decision::claims::Target;
use realmwright_decision::facts::{Person, Prompt, Request, Session, role_text};
use realmwright_decision::own_token::OwnRequest;
use realmwright_decision::simulate::{Admitted, Simulated, SimulatedLogin, SimulatedResult};
use realmwright_snapshot::{AttributeValue, ClientId, ScopeName};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::Class;
use super::programs::{Answer, OwnFinding};

/// How one login differs between two configurations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// In before, refused after.
    LoginStops,
    /// Refused before, in after.
    LoginOpens,
    /// In without a page (`prompt=none`) before, a page is needed after.
    SilentStops,
    /// A page was needed before, in without one after.
    SilentOpens,
    /// A scope is refused that was not.
    ScopeStops,
    /// A scope was refused that is not any more.
    ScopeOpens,
    /// Refused by something else, or let in by another rule.
    RefusalChanges,
    /// More steps than before.
    StepsAdded,
    /// Fewer steps than before.
    StepsRemoved,
    /// Other steps.
    StepsChange,
    /// Other scopes are granted.
    Scopes,
    /// Consent is asked for something that it was not asked for.
    ConsentAsked,
    /// Consent is no longer asked for something.
    ConsentDropped,
    /// Other audiences.
    Audiences,
    /// Other session claims, or other sessions end.
    Session,
    /// A claim that was not there.
    ClaimAppears(Target, String),
    /// A claim that is no longer there.
    ClaimDisappears(Target, String),
    /// A claim with another value.
    ClaimDiffers(Target, String),
}

impl Finding {
    /// Where it was announced.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::LoginStops
            | Self::LoginOpens
            | Self::SilentStops
            | Self::SilentOpens
            | Self::ScopeStops
            | Self::ScopeOpens
            | Self::RefusalChanges => Class::Result,
            Self::StepsAdded | Self::StepsRemoved | Self::StepsChange => Class::Steps,
            Self::Scopes => Class::Scopes,
            Self::ConsentAsked | Self::ConsentDropped => Class::Consent,
            Self::Audiences => Class::Audiences,
            Self::Session => Class::Session,
            Self::ClaimAppears(target, name)
            | Self::ClaimDisappears(target, name)
            | Self::ClaimDiffers(target, name) => Class::Claim(*target, name.clone()),
        }
    }
}

/// How two outcomes of one login differ. Steps are compared where both end alike: a login that is
/// refused earlier or later is one thing that differs, not two.
#[must_use]
pub fn findings(old: &Simulated, new: &Simulated) -> BTreeSet<Finding> {
    let mut found = BTreeSet::new();
    let ends = (End::of(&old.result), End::of(&new.result));
    match (&old.result, &new.result) {
        (SimulatedResult::Allowed(before), SimulatedResult::Allowed(after)) => {
            found.extend(steps(old, new));
            admitted(before, after, &mut found);
        }
        (before, after) if before == after => found.extend(steps(old, new)),
        _ => {
            found.insert(match ends {
                (End::In, End::Refused) => Finding::LoginStops,
                (End::Refused, End::In) => Finding::LoginOpens,
                (End::In, End::NeedsPage) => Finding::SilentStops,
                (End::NeedsPage, End::In) => Finding::SilentOpens,
                (End::Scope, _) => Finding::ScopeOpens,
                (_, End::Scope) => Finding::ScopeStops,
                _ => Finding::RefusalChanges,
            });
        }
    }
    found
}

/// The end of a login, as far as it matters to whom it happens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    In,
    /// The request forbids the page that would be needed.
    NeedsPage,
    /// The request names a scope that the application may not ask for.
    Scope,
    Refused,
}

impl End {
    fn of(result: &SimulatedResult) -> Self {
        match result {
            SimulatedResult::Allowed(_) => Self::In,
            SimulatedResult::Denied(refused) => match refused.denial.as_str() {
                "login-required" | "consent-required" => Self::NeedsPage,
                "invalid-scope" => Self::Scope,
                _ => Self::Refused,
            },
        }
    }
}

/// Whether a login ends with this claim.
pub(super) fn gets(outcome: &Simulated, target: Target, name: &str) -> bool {
    match &outcome.result {
        SimulatedResult::Denied(_) => false,
        SimulatedResult::Allowed(admitted) => {
            claims_of(admitted, target).is_some_and(|claims| claims.contains_key(name))
        }
    }
}

fn claims_of(admitted: &Admitted, target: Target) -> Option<&Map<String, Json>> {
    match target {
        Target::IdToken => admitted.id_token.as_ref(),
        Target::AccessToken => Some(&admitted.access_token),
        Target::UserInfo => admitted.user_info.as_ref(),
    }
}

fn steps(old: &Simulated, new: &Simulated) -> Option<Finding> {
    match new.steps.len().cmp(&old.steps.len()) {
        std::cmp::Ordering::Greater => Some(Finding::StepsAdded),
        std::cmp::Ordering::Less => Some(Finding::StepsRemoved),
        std::cmp::Ordering::Equal => (old.steps != new.steps).then_some(Finding::StepsChange),
    }
}

fn admitted(old: &Admitted, new: &Admitted, found: &mut BTreeSet<Finding>) {
    let Admitted {
        scopes,
        consent,
        single_session,
        session_claims,
        id_token: _,
        access_token: _,
        user_info: _,
        audiences,
        access_rule,
    } = old;
    if *access_rule != new.access_rule {
        found.insert(Finding::RefusalChanges);
    }
    if *scopes != new.scopes {
        found.insert(Finding::Scopes);
    }
    if new.consent.iter().any(|scope| !consent.contains(scope)) {
        found.insert(Finding::ConsentAsked);
    }
    // A scope that is no longer granted needs no consent.
    let granted_still = |scope: &&_| new.scopes.contains(*scope);
    if consent
        .iter()
        .filter(granted_still)
        .any(|scope| !new.consent.contains(scope))
    {
        found.insert(Finding::ConsentDropped);
    }
    if *audiences != new.audiences {
        found.insert(Finding::Audiences);
    }
    if *single_session != new.single_session || *session_claims != new.session_claims {
        found.insert(Finding::Session);
    }
    let nothing = Map::new();
    for target in Target::ALL {
        let before = claims_of(old, target).unwrap_or(&nothing);
        let after = claims_of(new, target).unwrap_or(&nothing);
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let finding = match (before.get(name), after.get(name)) {
                (None, Some(_)) => Finding::ClaimAppears(target, name.clone()),
                (Some(_), None) => Finding::ClaimDisappears(target, name.clone()),
                (before, after) if before != after => Finding::ClaimDiffers(target, name.clone()),
                _ => continue,
            };
            found.insert(finding);
        }
    }
}

/// Somebody for whom it differs: no real person, but one that the configuration can meet.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Witness {
    /// The application.
    pub application: ClientId,
    /// The person; none where the application asks in its own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The request and its context.
    pub request: String,
    /// What came of it.
    pub before: String,
    /// What comes of it.
    pub after: String,
    /// What was tried, to try it again.
    #[serde(skip)]
    pub trial: Trial,
}

/// What a change is tried on.
#[derive(Clone, Debug, PartialEq)]
pub enum Trial {
    /// Somebody logs in.
    Login(Box<SimulatedLogin>),
    /// An application asks in its own name.
    Own(OwnRequest),
}

impl Witness {
    pub(super) fn new(
        login: SimulatedLogin,
        finding: &Finding,
        old: &Simulated,
        new: &Simulated,
    ) -> Self {
        Self {
            application: login.client.clone(),
            person: Some(person_text(&login.person)),
            request: request_text(&login),
            before: outcome_text(old, finding),
            after: outcome_text(new, finding),
            trial: Trial::Login(Box::new(login)),
        }
    }

    pub(super) fn own(
        request: OwnRequest,
        finding: &OwnFinding,
        old: &Answer,
        new: &Answer,
    ) -> Self {
        Self {
            application: request.client.clone(),
            person: None,
            request: scopes_text(&request.scopes),
            before: answer_text(old, finding),
            after: answer_text(new, finding),
            trial: Trial::Own(request),
        }
    }
}

fn person_text(person: &Person) -> String {
    let Person {
        sub: _,
        attributes,
        roles,
        groups,
        required_factors,
        credentials,
        locked,
    } = person;
    let mut parts = vec![if credentials.is_empty() {
        "a person without credentials".to_owned()
    } else {
        let held: Vec<&str> = credentials.iter().map(String::as_str).collect();
        format!("a person with {}", held.join(" and "))
    }];
    if !roles.is_empty() {
        let names: Vec<String> = roles.iter().map(role_text).collect();
        parts.push(format!("in the roles {}", names.join(", ")));
    }
    if !groups.is_empty() {
        let names: Vec<&str> = groups.iter().map(String::as_str).collect();
        parts.push(format!("in the groups {}", names.join(", ")));
    }
    for (name, value) in attributes {
        parts.push(format!("{name} = {}", value_text(value)));
    }
    if *required_factors > 1 {
        parts.push(format!("who demands {required_factors} factors"));
    }
    if *locked {
        parts.push("locked".to_owned());
    }
    parts.join(", ")
}

fn value_text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::String(text) => json!(text).to_string(),
        AttributeValue::Number(number) => number.to_string(),
        AttributeValue::Boolean(truth) => truth.to_string(),
        AttributeValue::Bytes(bytes) => format!("{} bytes", bytes.len()),
        AttributeValue::StringList(items) => json!(items).to_string(),
    }
}

fn request_text(login: &SimulatedLogin) -> String {
    let Request {
        prompt,
        scopes,
        max_age,
        ip,
        acr_values,
        login_hint: _,
        ui_locales: _,
    } = &login.request;
    let mut parts = vec![scopes_text(scopes)];
    if !prompt.is_empty() {
        let names: Vec<&str> = prompt.iter().copied().map(Prompt::as_str).collect();
        parts.push(format!("prompt {}", names.join(" ")));
    }
    if let Some(age) = max_age {
        parts.push(format!("max_age {}", age.as_secs()));
    }
    if let Some(ip) = ip {
        parts.push(format!("from {ip}"));
    }
    if !acr_values.is_empty() {
        parts.push(format!("acr_values {}", acr_values.join(" ")));
    }
    if let Some(session) = &login.session {
        parts.push(session_text(session, login.now));
    }
    if !login.consented.is_empty() {
        let names: Vec<&str> = login.consented.iter().map(AsRef::as_ref).collect();
        parts.push(format!("consented before to {}", names.join(" ")));
    }
    parts.join(", ")
}

fn scopes_text(scopes: &[ScopeName]) -> String {
    if scopes.is_empty() {
        "default scopes".to_owned()
    } else {
        format!("scope {}", names_text(scopes))
    }
}

/// Names of scopes, or that there is none.
pub(super) fn names_text<'a>(scopes: impl IntoIterator<Item = &'a ScopeName>) -> String {
    let names: Vec<&str> = scopes.into_iter().map(AsRef::as_ref).collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(" ")
    }
}

fn audiences_text(audiences: &BTreeSet<String>) -> String {
    let names: Vec<&str> = audiences.iter().map(String::as_str).collect();
    format!("for {}", names.join(" "))
}

fn claim_text(claims: Option<&Map<String, Json>>, name: &str) -> String {
    let value = claims.and_then(|claims| claims.get(name));
    value.map_or_else(|| format!("no {name}"), |value| format!("{name} = {value}"))
}

/// What a reader has to see of an answer to understand the finding.
fn answer_text(answer: &Answer, finding: &OwnFinding) -> String {
    let token = match answer {
        Ok(token) => token,
        Err(refused) => return format!("refused by `{}`", refused.denial),
    };
    match finding {
        OwnFinding::Stops | OwnFinding::Opens | OwnFinding::RefusalChanges | OwnFinding::Scopes => {
            format!("granted {}", names_text(&token.scopes))
        }
        OwnFinding::Audiences => audiences_text(&token.audiences),
        OwnFinding::ClaimAppears(name)
        | OwnFinding::ClaimDisappears(name)
        | OwnFinding::ClaimDiffers(name) => claim_text(Some(&token.claims), name),
    }
}

fn session_text(session: &Session, now: Timestamp) -> String {
    let methods: Vec<&str> = session
        .authentications
        .iter()
        .map(|one| one.method.as_str())
        .collect();
    let oldest = session.authentications.iter().map(|one| one.at).min();
    let age = oldest.map_or_else(String::new, |at| {
        let age = now.duration_since(at).unsigned_abs();
        format!(" {} old", super::changes::period(age.into()))
    });
    let mut text = format!("a session{age} by {}", methods.join(" and "));
    for (name, value) in &session.claims {
        text.push_str(&format!(" with {name} = {value}"));
    }
    text
}

/// What a reader has to see of an outcome to understand the finding.
fn outcome_text(outcome: &Simulated, finding: &Finding) -> String {
    let asked: Vec<String> = outcome
        .steps
        .iter()
        .map(|step| {
            let offers: Vec<&str> = step.offers.iter().map(|o| o.method.as_str()).collect();
            offers.join(" or ")
        })
        .collect();
    let asked = if asked.is_empty() {
        "asked for nothing".to_owned()
    } else {
        format!("asked for {}", asked.join(", then "))
    };
    let admitted = match &outcome.result {
        SimulatedResult::Denied(refused) => {
            return format!("{asked}; refused by `{}`", refused.denial);
        }
        SimulatedResult::Allowed(admitted) => admitted,
    };
    match finding {
        Finding::LoginStops
        | Finding::LoginOpens
        | Finding::SilentStops
        | Finding::SilentOpens
        | Finding::ScopeStops
        | Finding::ScopeOpens
        | Finding::StepsAdded
        | Finding::StepsRemoved
        | Finding::StepsChange => format!("{asked}; in"),
        Finding::RefusalChanges => match &admitted.access_rule {
            Some(rule) => format!("{asked}; in by `{rule}`"),
            None => format!("{asked}; in"),
        },
        Finding::Scopes => format!("granted {}", names_text(&admitted.scopes)),
        Finding::ConsentAsked | Finding::ConsentDropped => {
            format!("consent asked for {}", names_text(&admitted.consent))
        }
        Finding::Audiences => audiences_text(&admitted.audiences),
        Finding::Session => {
            let claims = Json::Object(admitted.session_claims.clone());
            let others = if admitted.single_session {
                ", other sessions end"
            } else {
                ""
            };
            format!("session claims {claims}{others}")
        }
        Finding::ClaimAppears(target, name)
        | Finding::ClaimDisappears(target, name)
        | Finding::ClaimDiffers(target, name) => claim_text(claims_of(admitted, *target), name),
    }
}

/// A login like `login` with everything left out that `holds` does not need: a witness should say
/// only what matters.
pub(super) fn minimal(
    login: SimulatedLogin,
    holds: &mut dyn FnMut(&SimulatedLogin) -> bool,
) -> SimulatedLogin {
    let mut kept = login;
    let mut attempt = |kept: &mut SimulatedLogin, change: &dyn Fn(&mut SimulatedLogin)| {
        let mut smaller = kept.clone();
        change(&mut smaller);
        if holds(&smaller) {
            *kept = smaller;
        }
    };
    attempt(&mut kept, &|login| login.person.attributes.clear());
    attempt(&mut kept, &|login| login.person.roles.clear());
    attempt(&mut kept, &|login| login.person.groups.clear());
    attempt(&mut kept, &|login| login.session = None);
    attempt(&mut kept, &|login| login.person.locked = false);
    attempt(&mut kept, &|login| login.person.required_factors = 0);
    attempt(&mut kept, &|login| login.consented.clear());
    attempt(&mut kept, &|login| login.answers.clear());
    attempt(&mut kept, &|login| login.request.prompt.clear());
    attempt(&mut kept, &|login| login.request.max_age = None);
    attempt(&mut kept, &|login| login.request.acr_values.clear());
    attempt(&mut kept, &|login| login.request.ip = None);
    attempt(&mut kept, &|login| login.request.scopes.clear());
    for name in kept.person.attributes.keys().cloned().collect::<Vec<_>>() {
        attempt(&mut kept, &|login| {
            login.person.attributes.remove(&name);
        });
    }
    for role in kept.person.roles.clone() {
        attempt(&mut kept, &|login| {
            login.person.roles.remove(&role);
        });
    }
    for group in kept.person.groups.clone() {
        attempt(&mut kept, &|login| {
            login.person.groups.remove(&group);
        });
    }
    for credential in kept.person.credentials.clone() {
        attempt(&mut kept, &|login| {
            login.person.credentials.remove(&credential);
        });
    }
    for scope in kept.request.scopes.clone() {
        attempt(&mut kept, &|login| {
            login.request.scopes.retain(|kept| *kept != scope);
        });
    }
    for scope in kept.consented.clone() {
        attempt(&mut kept, &|login| {
            login.consented.retain(|kept| *kept != scope)
        });
    }
    if let Some(session) = kept.session.clone() {
        attempt(&mut kept, &|login| {
            if let Some(session) = &mut login.session {
                session.claims.clear();
            }
        });
        for one in session.authentications {
            attempt(&mut kept, &|login| {
                if let Some(session) = &mut login.session
                    && session.authentications.len() > 1
                {
                    session.authentications.retain(|kept| *kept != one);
                }
            });
        }
    }
    kept
}

/// Findings with the first login that shows each.
pub(super) type Shown = BTreeMap<Finding, SimulatedLogin>;
