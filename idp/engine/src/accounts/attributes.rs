//! Attributes on their way in: type, transform, required and unique values, search keys
//! (ATTR-STORED-01, ATTR-IN-01). Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use realmwright_snapshot::{
    AttributeName, AttributeSnapshot, AttributeValue, Attributes, ValueKind,
};
use realmwright_store::{LookupKey, lookup_value};
use regex::Regex;
use serde_json::Value;

use super::types::{AccountsError, AttributeMap};
use crate::runtime_realm::PrepareFault;

/// Longest value of one attribute, in bytes of its text form.
const LONGEST_VALUE: usize = 8 * 1024;

/// The schema with its transforms compiled.
#[derive(Debug)]
pub(crate) struct PreparedSchema {
    attributes: Vec<PreparedAttribute>,
    by_name: BTreeMap<AttributeName, usize>,
}

#[derive(Debug)]
struct PreparedAttribute {
    schema: AttributeSnapshot,
    input: Option<(Regex, String)>,
}

/// Attributes that may be written, with their search keys; `true` marks unique ones.
#[derive(Debug, Default)]
pub(crate) struct AcceptedAttributes {
    pub(crate) set: Attributes,
    pub(crate) remove: Vec<AttributeName>,
    pub(crate) lookup: Vec<(LookupKey, bool)>,
}

impl PreparedSchema {
    pub(crate) fn prepare(schema: &[AttributeSnapshot]) -> Result<Self, PrepareFault> {
        let attributes = schema
            .iter()
            .map(|schema| {
                let input = schema
                    .input
                    .as_ref()
                    .map(|transform| {
                        Regex::new(&format!("^(?:{})$", transform.pattern))
                            .map(|regex| (regex, transform.format.clone()))
                    })
                    .transpose()
                    .map_err(|fault| PrepareFault::Expression {
                        place: format!("input of attribute {}", schema.name),
                        detail: fault.to_string(),
                    })?;
                Ok(PreparedAttribute {
                    schema: schema.clone(),
                    input,
                })
            })
            .collect::<Result<Vec<_>, PrepareFault>>()?;
        let by_name = attributes
            .iter()
            .enumerate()
            .map(|(index, attribute)| (attribute.schema.name.clone(), index))
            .collect();
        Ok(Self {
            attributes,
            by_name,
        })
    }

    fn find(&self, name: &str) -> Option<&PreparedAttribute> {
        self.by_name
            .get(name)
            .and_then(|index| self.attributes.get(*index))
    }

    /// The declared attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&AttributeSnapshot> {
        self.find(name).map(|attribute| &attribute.schema)
    }

    /// Judges what is to be written for a new account: required ones must be there.
    pub(crate) fn accept_new(
        &self,
        input: &AttributeMap,
    ) -> Result<AcceptedAttributes, AccountsError> {
        let accepted = self.accept_change(input)?;
        let missing = self.attributes.iter().find(|attribute| {
            attribute.schema.required && !accepted.set.contains_key(&attribute.schema.name)
        });
        missing.map_or(Ok(accepted), |attribute| {
            Err(AccountsError::invalid(
                format!("attributes.{}", attribute.schema.name),
                "is required",
            ))
        })
    }

    /// Judges a change: null removes, and a required attribute cannot be removed.
    pub(crate) fn accept_change(
        &self,
        input: &AttributeMap,
    ) -> Result<AcceptedAttributes, AccountsError> {
        let mut accepted = AcceptedAttributes::default();
        for (name, json) in input {
            let field = || format!("attributes.{name}");
            let attribute = self
                .find(name)
                .ok_or_else(|| AccountsError::invalid(field(), "is not declared"))?;
            if attribute.schema.computed.is_some() {
                return Err(AccountsError::invalid(field(), "is computed"));
            }
            if json.is_null() {
                if attribute.schema.required {
                    return Err(AccountsError::invalid(field(), "is required"));
                }
                accepted.remove.push(attribute.schema.name.clone());
                continue;
            }
            let value = attribute
                .value(json)
                .map_err(|problem| AccountsError::invalid(field(), problem))?;
            accepted.lookup.extend(attribute.keys(&value));
            accepted.set.insert(attribute.schema.name.clone(), value);
        }
        Ok(accepted)
    }

    /// Search keys of values that are already in their normal form.
    pub(crate) fn keys(&self, attributes: &Attributes) -> Vec<(LookupKey, bool)> {
        attributes
            .iter()
            .filter_map(|(name, value)| self.find(name.as_str()).map(|a| a.keys(value)))
            .flatten()
            .collect()
    }

    /// The search key for a typed value of a searchable attribute; none for another attribute.
    /// The value goes through the input transform when it matches, so that people may type what
    /// they once gave.
    pub(crate) fn search_key(
        &self,
        name: &str,
        typed: &str,
        any_case: AnyCase,
    ) -> Option<LookupKey> {
        let attribute = self
            .find(name)
            .filter(|attribute| attribute.schema.searchable || attribute.schema.unique)?;
        let typed = typed.trim();
        let normal = attribute
            .transformed(typed)
            .unwrap_or_else(|| typed.to_owned());
        let name = attribute.schema.name.clone();
        Some(
            if any_case == AnyCase::Login && !attribute.schema.case_insensitive {
                folded_key(name, &normal)
            } else {
                LookupKey::new(
                    name,
                    lookup_value(&normal, attribute.schema.case_insensitive),
                )
            },
        )
    }
}

/// Whether letters are compared without regard to case whatever the attribute says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnyCase {
    /// As the attribute says.
    Declared,
    /// A login that was typed (AUTH-MATCH-02).
    Login,
}

impl PreparedAttribute {
    fn transformed(&self, text: &str) -> Option<String> {
        let (regex, format) = self.input.as_ref()?;
        let captures = regex.captures(text)?;
        let mut out = String::new();
        captures.expand(format, &mut out);
        Some(out)
    }

    fn text(&self, text: &str) -> Result<String, String> {
        let text = text.trim();
        if text.len() > LONGEST_VALUE {
            return Err(format!("is longer than {LONGEST_VALUE} bytes"));
        }
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        if text.chars().any(|c| c == '\0') {
            return Err("holds a character that is not allowed".to_owned());
        }
        match &self.input {
            None => Ok(text.to_owned()),
            Some(_) => self
                .transformed(text)
                .ok_or_else(|| "does not have the expected form".to_owned()),
        }
    }

    fn value(&self, json: &Value) -> Result<AttributeValue, String> {
        match (self.schema.kind, json) {
            (ValueKind::String, Value::String(text)) => self.text(text).map(AttributeValue::String),
            (ValueKind::Number, Value::Number(number)) => number
                .as_i64()
                .map(AttributeValue::Number)
                .ok_or_else(|| "is not an integer of 64 bits".to_owned()),
            (ValueKind::Boolean, Value::Bool(value)) => Ok(AttributeValue::Boolean(*value)),
            (ValueKind::Bytes, Value::String(text)) => {
                if text.len() > LONGEST_VALUE * 8 {
                    return Err(format!("is longer than {} bytes", LONGEST_VALUE * 8));
                }
                STANDARD
                    .decode(text)
                    .map(AttributeValue::Bytes)
                    .map_err(|_| "is not base64".to_owned())
            }
            (ValueKind::StringList, Value::Array(items)) => items
                .iter()
                .map(|item| match item {
                    Value::String(text) => self.text(text),
                    _ => Err("holds something that is not a text".to_owned()),
                })
                .collect::<Result<_, _>>()
                .map(AttributeValue::StringList),
            (kind, _) => Err(format!("must be of type {kind:?}")),
        }
    }

    /// Unique attributes are searchable by nature. Where case matters, a second, folded key lets
    /// a login find the account all the same (AUTH-MATCH-02).
    fn keys(&self, value: &AttributeValue) -> Vec<(LookupKey, bool)> {
        if !(self.schema.searchable || self.schema.unique) {
            return Vec::new();
        }
        let texts = match value {
            AttributeValue::String(text) => vec![text.clone()],
            AttributeValue::Number(number) => vec![number.to_string()],
            AttributeValue::Boolean(value) => vec![value.to_string()],
            AttributeValue::Bytes(_) => Vec::new(),
            AttributeValue::StringList(items) => items.clone(),
        };
        let name = &self.schema.name;
        let exact = texts.iter().map(|text| {
            let value = lookup_value(text, self.schema.case_insensitive);
            (LookupKey::new(name.clone(), value), self.schema.unique)
        });
        let folded = texts
            .iter()
            .filter(|_| !self.schema.case_insensitive)
            .map(|text| (folded_key(name.clone(), text), false));
        exact.chain(folded).collect()
    }
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
