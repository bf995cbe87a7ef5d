//! What a login would come to, without one (KC-EVAL-01): the decision crate that serves answers a
//! question in the words of a RealmTest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use realmwright_crds::names::{ClientIdentifier, GroupPath, RoleName};
use realmwright_crds::realm_test::{Case, TestPerson};
use realmwright_crds::{Json as SpecJson, RoleRef};
use realmwright_decision::expression::Truth;
use realmwright_decision::flow::{Evaluated, Offer, OfferKind};
use realmwright_decision::realm::{RealmDecisions, RealmFault};
use realmwright_decision::simulate::{
    Admitted, Simulated, SimulatedResult, SimulatedStep, simulate,
};
use realmwright_snapshot::{
    AttributeValue, ClientId, LocalizedText, RealmId, RealmSnapshot, RegionName,
};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::config_test::{Bench, login};
use crate::diagnostics::{Colour, Painter};
use crate::object::RealmKey;
use crate::path::FieldPath;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateFault {
    /// The question names what the realm does not have.
    #[error("the realm does not have what is asked for")]
    Question(Vec<BadQuestion>),
    /// A snapshot that no compiler of ours has made.
    #[error("the snapshot does not compile: {0:?}")]
    Snapshot(Vec<RealmFault>),
}

/// One thing that is wrong with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadQuestion {
    /// The field of the case.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// How it is put right, where that is known.
    pub fix: Option<String>,
}

/// What a login comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// The realm.
    pub realm: RealmId,
    /// The region.
    pub region: RegionName,
    /// The application.
    pub client: ClientId,
    /// What is asked, in order.
    pub steps: Vec<Step>,
    /// The rules that were evaluated, at entry and after each step, in words.
    pub rules: Vec<Vec<String>>,
    /// How it ends.
    #[serde(flatten)]
    pub ending: Ending,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What is offered, the first one first.
    pub offers: Vec<OfferedMethod>,
    /// The one that the person takes.
    pub taken: String,
}

/// A method of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferedMethod {
    /// Its name.
    pub method: String,
    /// Whether the person sets it up in this login.
    pub set_up: bool,
}

/// How a login ends.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "result",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Ending {
    /// The person is in. Claims are those beside the protocol's (`iss`, `exp`, ...).
    Allowed(Box<Admitted>),
    /// The person, or the request, is refused.
    Denied {
        /// The rule.
        denial: String,
        /// Its message.
        message: LocalizedText,
    },
}

/// What comes of a case, whatever it expects.
///
/// # Errors
/// [`EvaluateFault`].
pub fn evaluate(realm: &RealmSnapshot, case: &Case) -> Result<Evaluation, EvaluateFault> {
    let decisions = RealmDecisions::compile(realm, None).map_err(EvaluateFault::Snapshot)?;
    // Of a snapshot, nobody knows which objects it is of.
    let key = RealmKey {
        namespace: String::new(),
        name: realm.core.id.to_string(),
    };
    let bench = Bench {
        key: &key,
        snapshot: realm,
        decisions: &decisions,
        left_out: BTreeSet::new(),
    };
    let mut faults = Vec::new();
    let login = login(&bench, case, &FieldPath::root(), &mut faults);
    if !faults.is_empty() {
        let wrong = faults.into_iter().map(|fault| BadQuestion {
            field: fault.path.to_string(),
            message: fault.message,
            fix: fault.fix,
        });
        return Err(EvaluateFault::Question(wrong.collect()));
    }
    let Simulated {
        steps,
        result,
        path,
    } = simulate(realm, &decisions, &login);
    Ok(Evaluation {
        realm: realm.core.id.clone(),
        region: realm.core.region.clone(),
        client: login.client,
        steps: steps.iter().map(Step::from).collect(),
        rules: rules_in_words(&path),
        ending: result.into(),
    })
}

/// A bootstrap account as the person of a case; none when there is no such account.
#[must_use]
pub fn bootstrap_person(realm: &RealmSnapshot, name: &str) -> Option<TestPerson> {
    let mut accounts = realm.core.bootstrap_accounts.iter();
    let account = accounts.find(|account| account.name == name)?;
    let attributes: BTreeMap<String, SpecJson> = account
        .attributes
        .iter()
        .map(|(name, value)| (name.to_string(), SpecJson(plain(value))))
        .collect();
    Some(TestPerson {
        attributes,
        roles: account
            .roles
            .iter()
            .map(|role| RoleRef {
                client: role
                    .client
                    .as_ref()
                    .map(|id| ClientIdentifier(id.to_string())),
                role: RoleName(role.role.to_string()),
            })
            .collect(),
        groups: account.groups.iter().cloned().map(GroupPath).collect(),
        ..TestPerson::default()
    })
}

fn plain(value: &AttributeValue) -> Json {
    match value {
        AttributeValue::String(text) => json!(text),
        AttributeValue::Number(number) => json!(number),
        AttributeValue::Boolean(flag) => json!(flag),
        AttributeValue::StringList(texts) => json!(texts),
        AttributeValue::Bytes(bytes) => json!(STANDARD.encode(bytes)),
    }
}

/// The rules that were evaluated at entry and after each step, in words.
pub(crate) fn rules_in_words(path: &[Vec<Evaluated>]) -> Vec<Vec<String>> {
    path.iter()
        .map(|rules| rules.iter().map(rule_words).collect())
        .collect()
}

/// A line for each point of a login where rules were evaluated.
pub(crate) fn rule_lines(rules: &[Vec<String>]) -> impl Iterator<Item = String> {
    let points = rules.iter().enumerate();
    points
        .filter(|(_, rules)| !rules.is_empty())
        .map(|(step, rules)| match step {
            0 => format!("at entry: {}", rules.join(", ")),
            step => format!("after step {step}: {}", rules.join(", ")),
        })
}

fn rule_words(evaluated: &Evaluated) -> String {
    let Evaluated { rule, truth } = evaluated;
    match truth {
        Truth::True => format!("{rule} holds"),
        Truth::False => format!("{rule} does not hold"),
        Truth::Unknown(reason) => format!("{rule} cannot be evaluated ({reason})"),
    }
}

impl From<&SimulatedStep> for Step {
    fn from(step: &SimulatedStep) -> Self {
        Self {
            offers: step.offers.iter().map(OfferedMethod::from).collect(),
            taken: step.taken.to_string(),
        }
    }
}

impl From<&Offer> for OfferedMethod {
    fn from(offer: &Offer) -> Self {
        Self {
            method: offer.method.to_string(),
            set_up: offer.kind == OfferKind::Enrol,
        }
    }
}

impl From<SimulatedResult> for Ending {
    fn from(result: SimulatedResult) -> Self {
        match result {
            SimulatedResult::Allowed(admitted) => Self::Allowed(admitted),
            SimulatedResult::Denied(refused) => Self::Denied {
                denial: refused.denial,
                message: refused.message,
            },
        }
    }
}

const BOLD: &str = "\u{1b}[1m";
const FAINT: &str = "\u{1b}[2m";
const GREEN: &str = "\u{1b}[1;32m";
const RED: &str = "\u{1b}[1;31m";

impl Evaluation {
    /// As text for people.
    #[must_use]
    pub fn human(&self, colour: Colour) -> String {
        let painter = Painter::new(colour);
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{} {}",
            painter.paint(BOLD, self.client.as_str()),
            painter.paint(FAINT, &format!("of {} in {}", self.realm, self.region))
        );
        for (number, step) in self.steps.iter().enumerate() {
            let offers: Vec<String> = step.offers.iter().map(OfferedMethod::words).collect();
            let _ = writeln!(out, "  step {}     {}", number + 1, offers.join(", or "));
        }
        self.ending.write(&mut out, &painter);
        for line in rule_lines(&self.rules) {
            let _ = writeln!(out, "{}", painter.paint(FAINT, &format!("  {line}")));
        }
        out
    }
}

impl OfferedMethod {
    fn words(&self) -> String {
        if self.set_up {
            format!("{}, set up now", self.method)
        } else {
            self.method.clone()
        }
    }
}

impl Ending {
    fn write(&self, out: &mut String, painter: &Painter) {
        match self {
            Self::Denied { denial, message } => {
                let text = message.0.values().next();
                let text = text.map_or_else(String::new, |text| format!(": {text}"));
                let refused = painter.paint(RED, "refused");
                let _ = writeln!(out, "  {refused}    by {denial}{text}");
            }
            Self::Allowed(admitted) => write_admitted(admitted, out, painter),
        }
    }
}

fn write_admitted(admitted: &Admitted, out: &mut String, painter: &Painter) {
    let Admitted {
        scopes,
        consent,
        single_session,
        session_claims,
        id_token,
        access_token,
        user_info,
        audiences,
        access_rule,
    } = admitted;
    let rule = access_rule.as_ref().map_or_else(String::new, |rule| {
        format!("         by access rule {rule}")
    });
    let _ = writeln!(out, "  {}{rule}", painter.paint(GREEN, "in"));
    for (title, list) in [
        ("scopes", names(scopes.iter().map(AsRef::as_ref))),
        ("consent", names(consent.iter().map(AsRef::as_ref))),
        ("audiences", names(audiences.iter().map(String::as_str))),
    ] {
        let _ = writeln!(out, "  {title:<9}  {list}");
    }
    if *single_session {
        out.push_str("  session    the person's other sessions end\n");
    }
    if !session_claims.is_empty() {
        claims("session", Some(session_claims), out, painter);
    }
    claims("id token", id_token.as_ref(), out, painter);
    claims("access token", Some(access_token), out, painter);
    claims("userinfo", user_info.as_ref(), out, painter);
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(" ")
    }
}

fn claims(name: &str, claims: Option<&Map<String, Json>>, out: &mut String, painter: &Painter) {
    let name = painter.paint(BOLD, name);
    let said = match claims {
        None => "  none without openid",
        Some(claims) if claims.is_empty() => "  nothing beside the claims of the protocol",
        Some(_) => "",
    };
    let _ = writeln!(out, "  {name}{said}");
    for (name, value) in claims.into_iter().flatten() {
        let _ = writeln!(out, "    {name}: {value}");
    }
}
