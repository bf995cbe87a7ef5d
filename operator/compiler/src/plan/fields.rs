//! Which values of the snapshot differ: what is behind the words.

use std::collections::{BTreeMap, BTreeSet};

use realmwright_snapshot::{ClientId, RealmSnapshot};
use serde::Serialize;
use serde_json::Value as Json;

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// The object: `realm`, or a kind and a name.
    pub object: String,
    /// The field of the snapshot's value; empty when the whole object appears or goes.
    pub field: String,
    /// The former value; none when it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    /// The new value; none when it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Json>,
}

/// Every value that differs. A snapshot holds handles of secrets, never their values, so there is
/// nothing to mask but key material that people paste where none belongs: it does not compile.
pub(super) fn differences(
    old: &RealmSnapshot,
    new: &RealmSnapshot,
    edited: &BTreeSet<&ClientId>,
) -> Vec<FieldChange> {
    let RealmSnapshot {
        core,
        scopes,
        methods,
        flows,
        clients,
    } = old;
    let mut found = Vec::new();
    values("realm", &json(core), &json(&new.core), &mut found);
    objects("scope", scopes, &new.scopes, &mut found);
    objects("method", methods, &new.methods, &mut found);
    objects("flow", flows, &new.flows, &mut found);
    for id in edited {
        let (old, new) = (clients.get(*id), new.clients.get(*id));
        object("client", id, (old, new), &mut found);
    }
    found
}

fn json(value: &impl Serialize) -> Json {
    // Values of a snapshot always have a JSON form.
    serde_json::to_value(value).unwrap_or_default()
}

fn objects<K: Ord + ToString, V: Serialize>(
    kind: &str,
    old: &BTreeMap<K, V>,
    new: &BTreeMap<K, V>,
    found: &mut Vec<FieldChange>,
) {
    let names: BTreeSet<&K> = old.keys().chain(new.keys()).collect();
    for name in names {
        object(kind, name, (old.get(name), new.get(name)), found);
    }
}

fn object(
    kind: &str,
    name: &impl ToString,
    sides: (Option<&impl Serialize>, Option<&impl Serialize>),
    found: &mut Vec<FieldChange>,
) {
    let object = format!("{kind} {}", name.to_string());
    match sides {
        (Some(old), Some(new)) => values(&object, &json(old), &json(new), found),
        (old, new) => found.push(FieldChange {
            object,
            field: String::new(),
            before: old.map(json),
            after: new.map(json),
        }),
    }
}

fn values(object: &str, old: &Json, new: &Json, found: &mut Vec<FieldChange>) {
    within(object, "", Some(old), Some(new), found);
}

fn within(
    object: &str,
    field: &str,
    old: Option<&Json>,
    new: Option<&Json>,
    found: &mut Vec<FieldChange>,
) {
    if old == new {
        return;
    }
    if let (Some(Json::Object(old)), Some(new @ Json::Object(inner))) = (old, new) {
        let names: BTreeSet<&String> = old.keys().chain(inner.keys()).collect();
        for name in names {
            let path = match field {
                "" => name.clone(),
                outer => format!("{outer}.{name}"),
            };
            within(object, &path, old.get(name), new.get(name), found);
        }
        return;
    }
    found.push(FieldChange {
        object: object.to_owned(),
        field: field.to_owned(),
        before: old.filter(|value| !value.is_null()).cloned(),
        after: new.filter(|value| !value.is_null()).cloned(),
    });
}
