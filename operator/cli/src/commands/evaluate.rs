//! `realmwright evaluate` (KC-EVAL-01).

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use realmwright_compiler::evaluate::{
    BadQuestion, Ending, EvaluateFault, bootstrap_person, evaluate,
};
use realmwright_compiler::{Severity, human};
use realmwright_crds::Json;
use realmwright_crds::names::{GroupPath, ObjectName};
use realmwright_crds::realm_test::{Case, TestPerson};
use realmwright_idp::Clock;
use realmwright_idp::clock::SystemClock;
use realmwright_snapshot::{RealmSnapshot, ValueKind};
use serde_json::{Value, json};

use crate::Outcome;
use crate::accounts::living;
use crate::arguments::{Assignment, Evaluate, EvaluatedPerson, EvaluatedRequest, Format};
use crate::output::Output;
use crate::sides::{self, Side};

pub(crate) fn run(command: &Evaluate, output: Output) -> anyhow::Result<Outcome> {
    let side = sides::one(&command.configuration)?;
    let Some(realm) = realm(&side, command, output)? else {
        return Ok(Outcome::Wrong);
    };
    let case = case(realm, command)?;
    let evaluation = match evaluate(realm, &case) {
        Ok(evaluation) => evaluation,
        Err(EvaluateFault::Question(wrong)) => {
            for wrong in wrong {
                output.complaint(words(&wrong));
            }
            return Ok(Outcome::Wrong);
        }
        Err(fault) => return Err(fault.into()),
    };
    if output.format == Format::Json {
        output.json(&evaluation)?;
    } else {
        output.text(evaluation.human(output.colour));
    }
    Ok(match evaluation.ending {
        Ending::Allowed(_) => Outcome::Good,
        Ending::Denied { .. } => Outcome::Wrong,
    })
}

fn words(wrong: &BadQuestion) -> String {
    let fix = wrong.fix.as_ref();
    fix.map_or_else(
        || wrong.message.clone(),
        |fix| format!("{}; {fix}", wrong.message),
    )
}

/// The realm that is meant; none when the configuration has faults, which are shown.
fn realm<'a>(
    side: &'a Side,
    command: &Evaluate,
    output: Output,
) -> anyhow::Result<Option<&'a RealmSnapshot>> {
    let meant: Vec<&RealmSnapshot> = side
        .snapshots
        .iter()
        .map(AsRef::as_ref)
        .filter(|realm| {
            command
                .realm
                .as_ref()
                .is_none_or(|id| realm.core.id.as_str() == *id)
        })
        .filter(|realm| {
            let region = command.region.as_ref();
            region.is_none_or(|name| realm.core.region.as_str() == *name)
        })
        .collect();
    match meant.as_slice() {
        [realm] => Ok(Some(realm)),
        [] => {
            let diagnostics = side
                .compiled
                .iter()
                .flat_map(|side| &side.compilation.diagnostics);
            let errors: Vec<_> = diagnostics
                .filter(|diagnostic| diagnostic.severity == Severity::Error)
                .cloned()
                .collect();
            if errors.is_empty() {
                bail!("there is no such realm in {}", command.configuration);
            }
            output.line(human(&errors, output.colour).trim_end());
            Ok(None)
        }
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|realm| format!("--realm {} --region {}", realm.core.id, realm.core.region))
                .collect();
            bail!(
                "several realms are meant; choose one:\n  {}",
                names.join("\n  ")
            )
        }
    }
}

/// The question in the words of a RealmTest, whose meaning it shares.
fn case(realm: &RealmSnapshot, command: &Evaluate) -> anyhow::Result<Case> {
    let case = json!({
        "name": "evaluate",
        "client": command.client,
        "person": person(realm, command)?,
        "request": request(&command.request),
        "context": context(&command.request),
        "expect": {"result": "Allowed"},
    });
    serde_json::from_value(case).context("the question is not well formed")
}

fn person(realm: &RealmSnapshot, command: &Evaluate) -> anyhow::Result<TestPerson> {
    let EvaluatedPerson {
        person,
        account,
        attributes,
        roles,
        groups,
        credentials,
        required_factors,
        locked,
    } = &command.person;
    let mut of = match (person, account) {
        (None, None) => TestPerson::default(),
        (None, Some(meant)) => {
            let account = living::fetch(&command.target, command.realm.as_deref(), meant)?;
            living::person(realm, account)?
        }
        (Some(name), _) => bootstrap_person(realm, name).with_context(|| {
            let accounts = realm.core.bootstrap_accounts.iter();
            let names: Vec<&str> = accounts.map(|account| account.name.as_str()).collect();
            format!(
                "no bootstrap account is named {name}; there are: {}",
                names.join(", ")
            )
        })?,
    };
    of.attributes.extend(given(realm, attributes)?);
    of.roles.extend(roles.iter().map(|text| living::role(text)));
    of.groups.extend(groups.iter().cloned().map(GroupPath));
    if !credentials.is_empty() {
        of.credentials = Some(credentials.iter().cloned().map(ObjectName).collect());
    }
    if let Some(factors) = required_factors {
        of.required_factors = Some(i32::from(*factors));
    }
    of.locked = Some(*locked || of.locked == Some(true));
    Ok(of)
}

/// Typed attributes; what is not declared stays a text, and is refused with the rest.
fn given(
    realm: &RealmSnapshot,
    attributes: &[Assignment],
) -> anyhow::Result<BTreeMap<String, Json>> {
    let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Assignment { name, value } in attributes {
        texts.entry(name).or_default().push(value);
    }
    let mut values = BTreeMap::new();
    for (name, texts) in texts {
        let mut declared = realm.core.attributes.iter();
        let kind = declared
            .find(|attribute| attribute.name.as_str() == name)
            .map_or(ValueKind::String, |attribute| attribute.kind);
        let value = match (kind, texts.as_slice()) {
            (ValueKind::StringList, texts) => json!(texts),
            (ValueKind::Number, [text]) => {
                json!(
                    text.parse::<i64>()
                        .with_context(|| format!("{name} is a number"))?
                )
            }
            (ValueKind::Boolean, [text]) => {
                json!(
                    text.parse::<bool>()
                        .with_context(|| format!("{name} is true or false"))?
                )
            }
            (_, [text]) => json!(text),
            _ => bail!("{name} has one value only"),
        };
        values.insert(name.to_owned(), Json(value));
    }
    Ok(values)
}

fn request(asked: &EvaluatedRequest) -> Value {
    let mut request = json!({"prompt": asked.prompts, "acrValues": asked.acr_values});
    if let Some(request) = request.as_object_mut() {
        if !asked.scopes.is_empty() {
            request.insert("scopes".to_owned(), json!(asked.scopes));
        }
        if let Some(age) = &asked.max_age {
            request.insert("maxAge".to_owned(), json!(age));
        }
    }
    request
}

fn context(asked: &EvaluatedRequest) -> Value {
    let now = || SystemClock.now().to_string();
    let mut context = json!({"at": asked.at.clone().unwrap_or_else(now)});
    if let Some(context) = context.as_object_mut() {
        if let Some(ip) = &asked.ip {
            context.insert("ip".to_owned(), json!(ip));
        }
        if !asked.session.is_empty() {
            let mut session = json!({"methods": asked.session});
            if let (Some(session), Some(age)) = (session.as_object_mut(), &asked.session_age) {
                session.insert("age".to_owned(), json!(age));
            }
            context.insert("session".to_owned(), session);
        }
    }
    context
}
