//! Attributes of people: what may be written, what is computed, what is shown.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use realmwright_snapshot::{
    AttributeName, AttributeSnapshot, AttributeValue, Attributes, Expression, Purposes, Transform,
    ValueKind,
};
use regex::Regex;

use crate::expression::{Compiled, Environment, ExpressionFault, Scope, Type, Value, helpers};
use crate::facts::Person;

/// Longest text of an attribute, in bytes.
pub const MAX_TEXT: usize = 16 * 1024;

/// Most items of a list attribute.
pub const MAX_ITEMS: usize = 1000;

/// A realm's attribute schema with its expressions and patterns compiled.
#[derive(Clone, Debug)]
pub struct Schema {
    attributes: BTreeMap<AttributeName, Attribute>,
    display_name: Option<Compiled>,
    display_identifier: Option<Compiled>,
}

#[derive(Clone, Debug)]
struct Attribute {
    kind: ValueKind,
    required: bool,
    case_insensitive: bool,
    computed: Option<Compiled>,
    input: Option<Input>,
}

#[derive(Clone, Debug)]
struct Input {
    pattern: Regex,
    format: String,
}

/// Where in a realm's schema a fault lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaPlace {
    /// `attributes[i].computed`.
    Computed(usize),
    /// `attributes[i].input.match`.
    Match(usize),
    /// `attributes[i].input.format`.
    Format(usize),
    /// `purposes.displayName`.
    DisplayName,
    /// `purposes.displayIdentifier`.
    DisplayIdentifier,
}

/// A fault in a realm's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFault {
    /// Where.
    pub place: SchemaPlace,
    /// What is wrong.
    pub kind: SchemaFaultKind,
}

/// See [`SchemaFault`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaFaultKind {
    /// The expression is faulty.
    #[error("{0}")]
    Expression(ExpressionFault),
    /// The regular expression is faulty.
    #[error("{0}")]
    Pattern(String),
    /// The format names a group that the regular expression does not have.
    #[error("the regular expression has no group `{0}`")]
    NoSuchGroup(String),
}

/// Why a value is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputFault {
    /// The realm declares no such attribute.
    #[error("the realm declares no attribute `{0}`")]
    Unknown(AttributeName),
    /// It is computed and cannot be written.
    #[error("`{0}` is computed")]
    Computed(AttributeName),
    /// Its value is of another type.
    #[error("`{0}` is of another type")]
    Kind(AttributeName),
    /// It does not have the declared form (ATTR-IN-01).
    #[error("`{0}` does not have the form that the realm declares")]
    Form(AttributeName),
    /// It is longer than [`MAX_TEXT`] or has more than [`MAX_ITEMS`] items.
    #[error("`{0}` is too long")]
    TooLong(AttributeName),
    /// It is required and cannot be empty or removed.
    #[error("`{0}` is required")]
    Required(AttributeName),
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// Every fault with its place.
    pub fn compile(
        attributes: &[AttributeSnapshot],
        purposes: &Purposes,
    ) -> Result<Self, Vec<SchemaFault>> {
        let mut faults = Vec::new();
        let none = BTreeSet::new();
        let stored = Environment::new(Scope::Computed, attributes, &none);
        let person = Environment::new(Scope::Person, attributes, &none);
        let mut compiled = BTreeMap::new();
        for (index, attribute) in attributes.iter().enumerate() {
            let computed = attribute.computed.as_ref().and_then(|text| {
                let wanted = Type::from(attribute.kind);
                keep(
                    Compiled::compile_as(text, &stored, &wanted),
                    &SchemaPlace::Computed(index),
                    &mut faults,
                )
            });
            let input = attribute
                .input
                .as_ref()
                .and_then(|transform| input(transform, index, &mut faults));
            compiled.insert(
                attribute.name.clone(),
                Attribute {
                    kind: attribute.kind,
                    required: attribute.required,
                    case_insensitive: attribute.case_insensitive,
                    computed,
                    input,
                },
            );
        }
        let mut text = |expression: &Option<Expression>, place| {
            let compiled = Compiled::compile_as(expression.as_ref()?, &person, &Type::String);
            keep(compiled, &place, &mut faults)
        };
        let display_name = text(&purposes.display_name, SchemaPlace::DisplayName);
        let display_identifier = text(&purposes.display_identifier, SchemaPlace::DisplayIdentifier);
        if faults.is_empty() {
            Ok(Self {
                attributes: compiled,
                display_name,
                display_identifier,
            })
        } else {
            Err(faults)
        }
    }

    /// Checks a value that somebody wants to write and brings it into its normal form
    /// (ATTR-IN-01, ATTR-IN-02). Every way in uses this: people, applications, imports.
    ///
    /// # Errors
    /// Why it is not taken. Never repeats the value.
    pub fn input(
        &self,
        name: &AttributeName,
        value: AttributeValue,
    ) -> Result<AttributeValue, InputFault> {
        let attribute = self
            .attributes
            .get(name)
            .ok_or_else(|| InputFault::Unknown(name.clone()))?;
        if attribute.computed.is_some() {
            return Err(InputFault::Computed(name.clone()));
        }
        if value.kind() != attribute.kind {
            return Err(InputFault::Kind(name.clone()));
        }
        let normal = |text: String| -> Result<String, InputFault> {
            if text.len() > MAX_TEXT {
                return Err(InputFault::TooLong(name.clone()));
            }
            match &attribute.input {
                None => Ok(text),
                Some(input) => input
                    .apply(&text)
                    .ok_or_else(|| InputFault::Form(name.clone())),
            }
        };
        let value = match value {
            AttributeValue::String(text) => AttributeValue::String(normal(text)?),
            AttributeValue::StringList(items) if items.len() > MAX_ITEMS => {
                return Err(InputFault::TooLong(name.clone()));
            }
            AttributeValue::StringList(items) => {
                AttributeValue::StringList(items.into_iter().map(normal).collect::<Result<_, _>>()?)
            }
            AttributeValue::Bytes(bytes) if bytes.len() > MAX_TEXT => {
                return Err(InputFault::TooLong(name.clone()));
            }
            other => other,
        };
        if attribute.required && Value::from(&value).is_empty() {
            return Err(InputFault::Required(name.clone()));
        }
        Ok(value)
    }

    /// Required attributes that are not among these.
    #[must_use]
    pub fn missing(&self, attributes: &Attributes) -> Vec<AttributeName> {
        self.attributes
            .iter()
            .filter(|(_, attribute)| attribute.required && attribute.computed.is_none())
            .filter(|(name, _)| !attributes.contains_key(*name))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Whether it may be removed from a person.
    ///
    /// # Errors
    /// Why it may not.
    pub fn removal(&self, name: &AttributeName) -> Result<(), InputFault> {
        match self.attributes.get(name) {
            None => Err(InputFault::Unknown(name.clone())),
            Some(attribute) if attribute.computed.is_some() => {
                Err(InputFault::Computed(name.clone()))
            }
            Some(attribute) if attribute.required => Err(InputFault::Required(name.clone())),
            Some(_) => Ok(()),
        }
    }

    /// Adds the computed attributes to a person's stored ones (ATTR-COMP-01, ATTR-COMP-02). Stored
    /// values that the schema no longer declares, or declares of another type or as computed, are
    /// left out; a computed one whose parts are absent is absent.
    pub fn complete(&self, person: &mut Person, now: Timestamp) {
        person.attributes.retain(|name, value| {
            self.attributes.get(name).is_some_and(|attribute| {
                attribute.computed.is_none() && attribute.kind == value.kind()
            })
        });
        let computed: Vec<(AttributeName, AttributeValue)> = self
            .attributes
            .iter()
            .filter_map(|(name, attribute)| {
                let value = attribute
                    .computed
                    .as_ref()?
                    .evaluate_person(person, now)
                    .ok()?;
                Some((name.clone(), value.into_attribute(attribute.kind)?))
            })
            .collect();
        person.attributes.extend(computed);
    }

    /// A typed login in the normal form of an attribute, so that it finds what was stored
    /// (ATTR-IN-02); as typed where the form does not match. The flag says whether the attribute
    /// is compared without regard to case (AUTH-MATCH-02).
    #[must_use]
    pub fn login_value(&self, name: &AttributeName, text: &str) -> (String, bool) {
        let trimmed = text.trim();
        let Some(attribute) = self.attributes.get(name) else {
            return (trimmed.to_owned(), false);
        };
        let normal = attribute
            .input
            .as_ref()
            .and_then(|input| input.apply(trimmed))
            .unwrap_or_else(|| trimmed.to_owned());
        (normal, attribute.case_insensitive)
    }

    /// The person's name on pages and in lists (AUTH-GEN-08).
    #[must_use]
    pub fn display_name(&self, person: &Person, now: Timestamp) -> Option<String> {
        shown(self.display_name.as_ref()?, person, now)
    }

    /// The second line, usually masked (AUTH-GEN-09).
    #[must_use]
    pub fn display_identifier(&self, person: &Person, now: Timestamp) -> Option<String> {
        shown(self.display_identifier.as_ref()?, person, now)
    }
}

impl Input {
    fn apply(&self, text: &str) -> Option<String> {
        let captures = self.pattern.captures(text)?;
        let mut normal = String::new();
        captures.expand(&self.format, &mut normal);
        Some(normal)
    }
}

fn shown(expression: &Compiled, person: &Person, now: Timestamp) -> Option<String> {
    match expression.evaluate_person(person, now).ok()? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

fn keep(
    compiled: Result<Compiled, Vec<ExpressionFault>>,
    place: &SchemaPlace,
    faults: &mut Vec<SchemaFault>,
) -> Option<Compiled> {
    match compiled {
        Ok(compiled) => Some(compiled),
        Err(found) => {
            faults.extend(found.into_iter().map(|fault| SchemaFault {
                place: place.clone(),
                kind: SchemaFaultKind::Expression(fault),
            }));
            None
        }
    }
}

fn input(transform: &Transform, index: usize, faults: &mut Vec<SchemaFault>) -> Option<Input> {
    let pattern = match helpers::whole_match(&transform.pattern) {
        Ok(pattern) => pattern,
        Err(message) => {
            faults.push(SchemaFault {
                place: SchemaPlace::Match(index),
                kind: SchemaFaultKind::Pattern(message),
            });
            return None;
        }
    };
    let groups: BTreeSet<String> = (0..pattern.captures_len())
        .map(|group| group.to_string())
        .chain(pattern.capture_names().flatten().map(str::to_owned))
        .collect();
    let missing = references(&transform.format)
        .into_iter()
        .find(|name| !groups.contains(name));
    if let Some(name) = missing {
        faults.push(SchemaFault {
            place: SchemaPlace::Format(index),
            kind: SchemaFaultKind::NoSuchGroup(name),
        });
        return None;
    }
    Some(Input {
        pattern,
        format: transform.format.clone(),
    })
}

/// Groups that a format names, as `${1}` or `$1`; `$$` is a dollar sign.
fn references(format: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('$') {
        if let Some(escaped) = after.strip_prefix('$') {
            rest = escaped;
            continue;
        }
        let name: String = match after.strip_prefix('{') {
            Some(braced) => braced.chars().take_while(|c| *c != '}').collect(),
            None => after
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect(),
        };
        if !name.is_empty() {
            found.push(name);
        }
        rest = after;
    }
    found
}
