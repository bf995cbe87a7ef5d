//! Attributes on their way in: JSON to values, what the realm's schema says of them, and the keys
//! that people are searched by (ATTR-STORED-01, ATTR-IN-01). Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use realmwright_decision::attributes::{InputFault, Schema};
use realmwright_decision::audit::AuditEvent;
use realmwright_snapshot::{
    AttributeName, AttributeSnapshot, AttributeValue, Attributes, DataClass, ValueKind,
};
use realmwright_store::{LookupKey, StoredAttribute, StoredAttributes, lookup_value};
use serde_json::Value;

use super::types::{AccountsError, AttributeMap};

/// The schema with what is declared of each attribute.
#[derive(Debug)]
pub(crate) struct PreparedSchema {
    schema: Arc<Schema>,
    attributes: BTreeMap<AttributeName, AttributeSnapshot>,
}

/// Attributes that may be written, with their search keys; `true` marks unique ones.
#[derive(Debug, Default)]
pub(crate) struct AcceptedAttributes {
    pub(crate) set: Attributes,
    pub(crate) remove: Vec<AttributeName>,
    pub(crate) lookup: Vec<(LookupKey, bool)>,
}

fn refused(name: &AttributeName, fault: &InputFault) -> AccountsError {
    let problem = match fault {
        InputFault::Unknown(_) => "is not declared",
        InputFault::Computed(_) => "is computed",
        InputFault::Kind(_) => "is of another type",
        InputFault::Form(_) => "does not have the form that the realm declares",
        InputFault::TooLong(_) => "is too long",
        InputFault::Required(_) => "is required",
    };
    AccountsError::invalid(format!("attributes.{name}"), problem)
}

impl PreparedSchema {
    pub(crate) fn new(schema: Arc<Schema>, attributes: &[AttributeSnapshot]) -> Self {
        Self {
            schema,
            attributes: attributes
                .iter()
                .map(|attribute| (attribute.name.clone(), attribute.clone()))
                .collect(),
        }
    }

    /// Judges what is to be written for a new account: required ones must be there.
    pub(crate) fn accept_new(
        &self,
        input: &AttributeMap,
    ) -> Result<AcceptedAttributes, AccountsError> {
        let accepted = self.accept_change(input)?;
        match self.schema.missing(&accepted.set).first() {
            None => Ok(accepted),
            Some(name) => Err(refused(name, &InputFault::Required(name.clone()))),
        }
    }

    /// Judges a change: null removes, and a required attribute cannot be removed.
    pub(crate) fn accept_change(
        &self,
        input: &AttributeMap,
    ) -> Result<AcceptedAttributes, AccountsError> {
        let mut accepted = AcceptedAttributes::default();
        for (name, json) in input {
            let name = AttributeName::from(name.as_str());
            let fault = |fault: InputFault| refused(&name, &fault);
            if json.is_null() {
                self.schema.removal(&name).map_err(fault)?;
                accepted.remove.push(name);
                continue;
            }
            let attribute = self
                .attributes
                .get(&name)
                .ok_or_else(|| fault(InputFault::Unknown(name.clone())))?;
            let value = from_json(attribute.kind, json)
                .ok_or_else(|| fault(InputFault::Kind(name.clone())))?;
            let value = self.schema.input(&name, value).map_err(fault)?;
            accepted.lookup.extend(keys(attribute, &value));
            accepted.set.insert(name, value);
        }
        Ok(accepted)
    }

    /// Search keys of values that are already in their normal form.
    pub(crate) fn keys(&self, attributes: &Attributes) -> Vec<(LookupKey, bool)> {
        attributes
            .iter()
            .filter_map(|(name, value)| self.attributes.get(name).map(|a| keys(a, value)))
            .flatten()
            .collect()
    }

    /// The values with the classes that the realm declares; what it does not declare is personal.
    pub(crate) fn classed(&self, attributes: Attributes) -> StoredAttributes {
        attributes
            .into_iter()
            .map(|(name, value)| {
                let declared = self.attributes.get(&name);
                let class = declared.map_or(DataClass::Personal, |attribute| attribute.data_class);
                (name, StoredAttribute { value, class })
            })
            .collect()
    }

    /// What a change does to stored values, for the audit. A value that was stored under a stricter
    /// class keeps it there.
    pub(crate) fn changed(
        &self,
        stored: &StoredAttributes,
        accepted: &AcceptedAttributes,
    ) -> Vec<AuditEvent> {
        let names = accepted.set.keys().chain(&accepted.remove);
        names
            .filter_map(|name| {
                let attribute = self.attributes.get(name)?;
                let stored = stored.get(name);
                let old = stored.map(|stored| stored.value.clone());
                let new = accepted.set.get(name).cloned();
                let former = stored.map(|stored| stored.class);
                (old != new).then(|| AuditEvent::AttributeChanged {
                    attr_name: name.clone(),
                    old,
                    new,
                    data_class: former.map_or(attribute.data_class, |former| {
                        former.max(attribute.data_class)
                    }),
                })
            })
            .collect()
    }

    /// Names of the attributes that accounts are found by.
    pub(crate) fn searchable(&self) -> impl Iterator<Item = &str> {
        let searchable = self.attributes.values().filter(|one| is_searchable(one));
        searchable.map(|attribute| attribute.name.as_str())
    }

    /// The search key for a typed value of a searchable attribute; none for another attribute.
    pub(crate) fn search_key(&self, name: &str, typed: &str) -> Option<LookupKey> {
        let attribute = self
            .attributes
            .get(name)
            .filter(|attribute| is_searchable(attribute))?;
        let (value, any_case) = self.schema.login_value(&attribute.name, typed);
        Some(exact_key(attribute.name.clone(), &value, any_case))
    }
}

/// The search key for a login, where case never matters (AUTH-MATCH-02).
pub(crate) fn login_key(name: &AttributeName, value: &str, any_case: bool) -> LookupKey {
    if any_case {
        exact_key(name.clone(), value, true)
    } else {
        folded_key(name.clone(), value)
    }
}

/// Unique attributes are searchable by nature.
const fn is_searchable(attribute: &AttributeSnapshot) -> bool {
    attribute.searchable || attribute.unique
}

fn from_json(kind: ValueKind, json: &Value) -> Option<AttributeValue> {
    match (kind, json) {
        (ValueKind::String, Value::String(text)) => {
            Some(AttributeValue::String(text.trim().to_owned()))
        }
        (ValueKind::Number, Value::Number(number)) => number.as_i64().map(AttributeValue::Number),
        (ValueKind::Boolean, Value::Bool(value)) => Some(AttributeValue::Boolean(*value)),
        (ValueKind::Bytes, Value::String(text)) => {
            STANDARD.decode(text).ok().map(AttributeValue::Bytes)
        }
        (ValueKind::StringList, Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(|text| text.trim().to_owned()))
            .collect::<Option<_>>()
            .map(AttributeValue::StringList),
        _ => None,
    }
}

/// The keys of a value. Where case matters, a second, folded key lets a login find the account all
/// the same (AUTH-MATCH-02).
fn keys(attribute: &AttributeSnapshot, value: &AttributeValue) -> Vec<(LookupKey, bool)> {
    if !is_searchable(attribute) {
        return Vec::new();
    }
    let texts = match value {
        AttributeValue::String(text) => vec![text.clone()],
        AttributeValue::Number(number) => vec![number.to_string()],
        AttributeValue::Boolean(value) => vec![value.to_string()],
        AttributeValue::Bytes(_) => Vec::new(),
        AttributeValue::StringList(items) => items.clone(),
    };
    let name = &attribute.name;
    let exact = texts.iter().map(|text| {
        let key = exact_key(name.clone(), text, attribute.case_insensitive);
        (key, attribute.unique)
    });
    let folded = texts
        .iter()
        .filter(|_| !attribute.case_insensitive)
        .map(|text| (folded_key(name.clone(), text), false));
    exact.chain(folded).collect()
}

/// The key of a value. Where case matters, one that begins with a mark of ours gets another mark
/// in front, so that nobody passes for the folded key of somebody else.
fn exact_key(name: AttributeName, text: &str, any_case: bool) -> LookupKey {
    let value = lookup_value(text, any_case);
    if !any_case && value.starts_with(['~', '=']) {
        return LookupKey::new(name, format!("={value}"));
    }
    LookupKey::new(name, value)
}

/// The key of a value whose case matters, for logins, where it does not. The mark in front keeps
/// it apart from exact values.
fn folded_key(name: AttributeName, text: &str) -> LookupKey {
    LookupKey::new(name, format!("~{}", lookup_value(text, true)))
}

/// A value as the API shows it.
pub(crate) fn to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::String(text) => Value::String(text.clone()),
        AttributeValue::Number(number) => Value::from(*number),
        AttributeValue::Boolean(value) => Value::Bool(*value),
        AttributeValue::Bytes(bytes) => Value::String(STANDARD.encode(bytes)),
        AttributeValue::StringList(items) => Value::from(items.clone()),
    }
}
