//! Types and values of expressions.

use std::fmt;

use base64::Engine as _;
use jiff::{SignedDuration, Timestamp};
use realmwright_snapshot::{AttributeValue, ValueKind};

/// Type of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// Signed 64-bit integer.
    Int,
    /// Text.
    String,
    /// Octets.
    Bytes,
    /// Point in time.
    Timestamp,
    /// Length of time.
    Duration,
    /// List of one type.
    List(Box<Self>),
    /// Known only when it is read: session claims, and elements of an empty list.
    Any,
}

impl Type {
    /// A list of texts.
    #[must_use]
    pub fn strings() -> Self {
        Self::List(Box::new(Self::String))
    }

    /// Whether a value of type `other` can stand where this one is wanted.
    #[must_use]
    pub fn admits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::List(a), Self::List(b)) => a.admits(b),
            (a, b) => a == b,
        }
    }
}

impl From<ValueKind> for Type {
    fn from(kind: ValueKind) -> Self {
        match kind {
            ValueKind::String => Self::String,
            ValueKind::Number => Self::Int,
            ValueKind::Boolean => Self::Bool,
            ValueKind::Bytes => Self::Bytes,
            ValueKind::StringList => Self::strings(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Any => f.write_str("dyn"),
        }
    }
}

/// Value of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// See [`Type::Bool`].
    Bool(bool),
    /// See [`Type::Int`].
    Int(i64),
    /// See [`Type::String`].
    String(String),
    /// See [`Type::Bytes`].
    Bytes(Vec<u8>),
    /// See [`Type::Timestamp`].
    Timestamp(Timestamp),
    /// See [`Type::Duration`].
    Duration(SignedDuration),
    /// See [`Type::List`].
    List(Vec<Self>),
}

impl Value {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::String(_) => Type::String,
            Self::Bytes(_) => Type::Bytes,
            Self::Timestamp(_) => Type::Timestamp,
            Self::Duration(_) => Type::Duration,
            Self::List(items) => Type::List(Box::new(items.first().map_or(Type::Any, Self::kind))),
        }
    }

    /// As a token carries it: bytes in standard base64, times in seconds since 1970 (the
    /// `NumericDate` of RFC 7519), durations in whole seconds.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::String(value) => value.clone().into(),
            Self::Bytes(value) => base64::engine::general_purpose::STANDARD
                .encode(value)
                .into(),
            Self::Timestamp(value) => value.as_second().into(),
            Self::Duration(value) => value.as_secs().into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
        }
    }

    /// From JSON; none for null, objects and fractions, which the language does not have.
    #[must_use]
    pub fn from_json(json: &serde_json::Value) -> Option<Self> {
        match json {
            serde_json::Value::Bool(value) => Some(Self::Bool(*value)),
            serde_json::Value::Number(value) => value.as_i64().map(Self::Int),
            serde_json::Value::String(value) => Some(Self::String(value.clone())),
            serde_json::Value::Array(items) => items
                .iter()
                .map(Self::from_json)
                .collect::<Option<_>>()
                .map(Self::List),
            serde_json::Value::Null | serde_json::Value::Object(_) => None,
        }
    }

    /// Whether a claim with this value says nothing: an empty text or an empty list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::String(value) => value.is_empty(),
            Self::List(items) => items.is_empty(),
            _ => false,
        }
    }

    /// As a stored attribute of `kind`; none when it is of another type.
    #[must_use]
    pub fn into_attribute(self, kind: ValueKind) -> Option<AttributeValue> {
        Some(match (kind, self) {
            (ValueKind::String, Self::String(value)) => AttributeValue::String(value),
            (ValueKind::Number, Self::Int(value)) => AttributeValue::Number(value),
            (ValueKind::Boolean, Self::Bool(value)) => AttributeValue::Boolean(value),
            (ValueKind::Bytes, Self::Bytes(value)) => AttributeValue::Bytes(value),
            (ValueKind::StringList, Self::List(items)) => AttributeValue::StringList(
                items
                    .into_iter()
                    .map(|item| match item {
                        Self::String(text) => Some(text),
                        _ => None,
                    })
                    .collect::<Option<_>>()?,
            ),
            _ => return None,
        })
    }

    /// Rough size, for the evaluator's budget.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::String(value) => 1 + value.len() / 64,
            Self::Bytes(value) => 1 + value.len() / 64,
            Self::List(items) => 1 + items.len(),
            _ => 1,
        }
    }
}

impl From<&AttributeValue> for Value {
    fn from(value: &AttributeValue) -> Self {
        match value {
            AttributeValue::String(value) => Self::String(value.clone()),
            AttributeValue::Number(value) => Self::Int(*value),
            AttributeValue::Boolean(value) => Self::Bool(*value),
            AttributeValue::Bytes(value) => Self::Bytes(value.clone()),
            AttributeValue::StringList(items) => {
                Self::List(items.iter().cloned().map(Self::String).collect())
            }
        }
    }
}

/// Result of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It cannot be evaluated. Deny rules then deny, other rules do not hold.
    Unknown(Unevaluable),
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unevaluable {
    /// It reads the person, who is not known yet: a deny rule waits until they are.
    #[error("the person is not known yet")]
    NotIdentified,
    /// It reads something that is not there.
    #[error("`{0}` is absent")]
    Absent(String),
    /// A value cannot be used as it is: text that is no time, an overflow, a session claim of
    /// another type.
    #[error("{0}")]
    Failed(&'static str),
    /// More work than one expression may cause.
    #[error("the expression takes too much work")]
    TooMuchWork,
}
