//! What people read with `kubectl get`: pure from an outcome to a status, and the writer that
//! writes only what differs from what is there.

pub mod conditions;
mod write;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use realmwright_compiler::{Code, Compilation, CompiledRealm, Diagnostic, Severity};
use realmwright_crds::conditions::{ConditionType, ObjectStatus, Reason};
use realmwright_crds::realm::{PlacementStatus, RealmStatus};
use serde_json::Value;

use crate::catalogue::{Known, ObjectName};
use crate::names::Placement;
use crate::publish::{PublishFault, Published};
use conditions::{Say, conditions};

pub use write::StatusWriter;

/// What became of the placements of a realm.
pub type Outcomes<'a> = BTreeMap<Placement, Result<&'a Published, &'a PublishFault>>;

/// The conditions that an object has now.
fn former(known: &Known) -> Vec<Condition> {
    let conditions = known.status.get("conditions").cloned();
    conditions
        .and_then(|conditions| serde_json::from_value(conditions).ok())
        .unwrap_or_default()
}

/// A diagnostic in one line: code, what, where, cure.
fn told(diagnostic: &Diagnostic) -> String {
    let mut text = format!("{}: {}", diagnostic.code.as_str(), diagnostic.message);
    if let Some(field) = &diagnostic.field {
        text += &format!(" ({field})");
    }
    if let Some(fix) = &diagnostic.fix {
        text += &format!("; {fix}");
    }
    text
}

fn errors_of<'a>(
    compilation: &'a Compilation,
    object: &'a str,
) -> impl Iterator<Item = &'a Diagnostic> {
    compilation.diagnostics.iter().filter(move |diagnostic| {
        diagnostic.severity == Severity::Error && diagnostic.object.as_deref() == Some(object)
    })
}

/// The reason that a code stands for.
fn reason_of(code: Code) -> Reason {
    match code {
        Code::RealmNotFound
        | Code::RegionNotFound
        | Code::InstanceNotFound
        | Code::ScopeNotFound
        | Code::FlowNotFound
        | Code::MethodNotFound
        | Code::AttributeNotFound
        | Code::RoleNotFound
        | Code::ClientNotFound
        | Code::SecretMissing
        | Code::SecretKeyMissing => Reason::ReferenceNotFound,
        Code::AttachmentRefused | Code::SecretNotGranted => Reason::ReferenceNotPermitted,
        Code::HostConflict => Reason::HostConflict,
        Code::DuplicateObject
        | Code::DuplicateRealmId
        | Code::DuplicateIssuer
        | Code::DuplicateClientIdentifier
        | Code::DuplicateScope => Reason::Conflict,
        _ => Reason::Invalid,
    }
}

/// Whether nothing is wrong with an object.
#[must_use]
pub fn is_accepted(compilation: &Compilation, object: &str) -> bool {
    errors_of(compilation, object).next().is_none()
}

fn accepted(compilation: &Compilation, object: &str) -> Say {
    let mut faults = errors_of(compilation, object).peekable();
    let Some(first) = faults.peek() else {
        return Say::yes(ConditionType::Accepted, Reason::Accepted);
    };
    let reason = reason_of(first.code);
    let message: Vec<String> = faults.map(told).collect();
    Say::no(ConditionType::Accepted, reason, message.join("\n"))
}

/// The status of an object that belongs to a realm.
#[must_use]
pub fn of_object(
    name: &ObjectName,
    known: &Known,
    compilation: &Compilation,
    now: Timestamp,
) -> ObjectStatus {
    let say = vec![accepted(compilation, &name.to_string())];
    ObjectStatus {
        observed_generation: Some(known.generation),
        conditions: conditions(&former(known), say, known.generation, now),
    }
}

/// The status of a realm.
#[must_use]
pub fn of_realm(
    name: &ObjectName,
    known: &Known,
    compilation: &Compilation,
    outcomes: &Outcomes<'_>,
    now: Timestamp,
) -> RealmStatus {
    let is_this = |realm: &&CompiledRealm| {
        name.namespace.as_deref() == Some(realm.namespace.as_str()) && realm.name == name.name
    };
    let compiled: Vec<&CompiledRealm> = compilation.realms.iter().filter(is_this).collect();
    let mut say = vec![accepted(compilation, &name.to_string())];
    say.push(if compiled.is_empty() {
        not_compiled(name, compilation)
    } else {
        Say::yes(ConditionType::Compiled, Reason::Compiled)
    });
    say.push(published(&compiled, outcomes));
    RealmStatus {
        observed_generation: Some(known.generation),
        conditions: conditions(&former(known), say, known.generation, now),
        id: compiled.first().map(|realm| realm.id.as_str().into()),
        placements: placements(&compiled, outcomes),
    }
}

/// Whose fault it is: of the realm's own namespace, because it is compiled whole.
fn not_compiled(name: &ObjectName, compilation: &Compilation) -> Say {
    let namespace = name.namespace.as_deref().unwrap_or_default();
    let realm = format!("{namespace}/");
    let failing: Vec<String> = compilation
        .tests
        .iter()
        .filter(|result| !result.passed() && result.test.starts_with(&realm))
        .map(|result| {
            format!(
                "{} {}: {}",
                result.test,
                result.case,
                result.differences.join("; ")
            )
        })
        .collect();
    let here = format!(" {namespace}/");
    let faults: Vec<String> = compilation
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .filter_map(|diagnostic| {
            let object = diagnostic.object.as_deref()?;
            object
                .contains(&here)
                .then(|| format!("{object}: {}", told(diagnostic)))
        })
        .collect();
    if faults.is_empty() && !failing.is_empty() {
        return Say::no(
            ConditionType::Compiled,
            Reason::TestFailed,
            failing.join("\n"),
        );
    }
    Say::no(
        ConditionType::Compiled,
        Reason::CompileFailed,
        faults.join("\n"),
    )
}

fn published(compiled: &[&CompiledRealm], outcomes: &Outcomes<'_>) -> Say {
    let kind = ConditionType::Published;
    let faults: Vec<String> = compiled
        .iter()
        .filter_map(|realm| match outcomes.get(&placement_of(realm))? {
            Ok(_) => None,
            Err(fault) => Some(format!("region {}: {}", realm.region, chain(*fault))),
        })
        .collect();
    if !faults.is_empty() {
        return Say::no(kind, Reason::HandleUnresolved, faults.join("\n"));
    }
    let waits = compiled
        .iter()
        .any(|realm| !outcomes.contains_key(&placement_of(realm)));
    if compiled.is_empty() || waits {
        return Say {
            kind,
            status: None,
            reason: Reason::Progressing,
            message: "what was published before goes on".to_owned(),
        };
    }
    Say::yes(kind, Reason::Published)
}

/// A fault with its causes.
fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(fault) = cause {
        text += &format!(": {fault}");
        cause = fault.source();
    }
    text
}

fn placement_of(realm: &CompiledRealm) -> Placement {
    Placement {
        region: realm.region.clone(),
        instance: realm.instance.clone(),
        realm: realm.id.clone(),
    }
}

fn placements(compiled: &[&CompiledRealm], outcomes: &Outcomes<'_>) -> Vec<PlacementStatus> {
    let number = |number: u64| i64::try_from(number).ok();
    compiled
        .iter()
        .map(|realm| {
            let outcome = outcomes.get(&placement_of(realm));
            let published = outcome.and_then(|outcome| outcome.ok());
            let head = published.map(Published::head);
            PlacementStatus {
                region: realm.region.as_str().into(),
                instance: Some(realm.instance.as_str().into()),
                elsewhere: None,
                incarnation: head.and_then(|head| number(head.incarnation)),
                revision: head.and_then(|head| number(head.revision)),
                digest: published.map(|published| published.offer.sealed.digest.to_string()),
                keyring_revision: head.and_then(|head| number(head.keyring)),
                secrets_revision: head.and_then(|head| number(head.secrets)),
            }
        })
        .collect()
}

/// Whether what is there says the same already.
fn is_there(known: &Known, wanted: &Value) -> bool {
    known.status == *wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_which_reason_it_is() {
        for (code, reason) in [
            (Code::ScopeNotFound, Reason::ReferenceNotFound),
            (Code::AttachmentRefused, Reason::ReferenceNotPermitted),
            (Code::SecretNotGranted, Reason::ReferenceNotPermitted),
            (Code::HostConflict, Reason::HostConflict),
            (Code::DuplicateClientIdentifier, Reason::Conflict),
            (Code::WeakSecret, Reason::Invalid),
        ] {
            assert_eq!(reason_of(code), reason, "{}", code.as_str());
        }
    }

    /// Whatever says that something is not there is no fault of the object's own form.
    #[test]
    fn every_code_of_something_missing_says_so() {
        for code in Code::ALL {
            if format!("{code:?}").ends_with("NotFound") {
                assert_eq!(reason_of(*code), Reason::ReferenceNotFound, "{code:?}");
            }
        }
    }
}
