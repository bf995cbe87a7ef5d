//! The realm's attribute schema and the values that people's accounts hold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AttributeName, Expression, LocalizedText};

/// How far a datum may travel. Ordered: a claim is as sensitive as the strictest attribute read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DataClass {
    /// Identifies nobody without the region's database.
    Pseudonymous,
    /// Personal data; the class of every attribute that does not say otherwise (REGION-RES-01).
    Personal,
    /// Health data: released only to applications of the same country that are allowed it.
    Medical,
}

impl DataClass {
    /// Its name, where it is written in lower case: databases, the accounts API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pseudonymous => "pseudonymous",
            Self::Personal => "personal",
            Self::Medical => "medical",
        }
    }

    /// The opposite of [`Self::as_str`]; none for another text.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Pseudonymous, Self::Personal, Self::Medical]
            .into_iter()
            .find(|class| class.as_str() == name)
    }
}

/// Type of an attribute's value (ATTR-STORED-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ValueKind {
    /// Text.
    String,
    /// Signed 64-bit integer.
    Number,
    /// True or false.
    Boolean,
    /// Octets; base64 in JSON.
    Bytes,
    /// List of texts.
    StringList,
}

/// Value of an attribute of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeValue {
    /// See [`ValueKind::String`].
    String(String),
    /// See [`ValueKind::Number`].
    Number(i64),
    /// See [`ValueKind::Boolean`].
    Boolean(bool),
    /// See [`ValueKind::Bytes`].
    Bytes(Vec<u8>),
    /// See [`ValueKind::StringList`].
    StringList(Vec<String>),
}

impl AttributeValue {
    /// The kind of this value.
    #[must_use]
    pub const fn kind(&self) -> ValueKind {
        match self {
            Self::String(_) => ValueKind::String,
            Self::Number(_) => ValueKind::Number,
            Self::Boolean(_) => ValueKind::Boolean,
            Self::Bytes(_) => ValueKind::Bytes,
            Self::StringList(_) => ValueKind::StringList,
        }
    }
}

/// The attributes of one person.
pub type Attributes = BTreeMap<AttributeName, AttributeValue>;

/// Decompose by a regular expression, compose from its groups (ATTR-IN-01): a value that does not
/// match is refused on the way in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transform {
    /// Regular expression that the whole value must match.
    #[serde(rename = "match")]
    pub pattern: String,
    /// Replacement with `${0}`, `${1}`, ... for the groups.
    pub format: String,
}

/// One attribute of the schema. The order of the list is the order in which people see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeSnapshot {
    /// Name in expressions, claims and the accounts API.
    pub name: AttributeName,
    /// Label for people.
    pub display_name: LocalizedText,
    /// Type of its value.
    pub kind: ValueKind,
    /// How far it may travel.
    pub data_class: DataClass,
    /// People can be found by it.
    pub searchable: bool,
    /// Must be given at creation and cannot be removed.
    pub required: bool,
    /// No two people of the realm share a value.
    pub unique: bool,
    /// Compared without regard to case when people are found by it.
    pub case_insensitive: bool,
    /// Computed on read instead of stored (ATTR-COMP-01).
    pub computed: Option<Expression>,
    /// Check and normal form of what people and applications write.
    pub input: Option<Transform>,
}

/// Which attributes play which part (ATTR-PURP). The identifier is always the built-in `sub`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purposes {
    /// Expression for a person's name on pages and in lists.
    pub display_name: Option<Expression>,
    /// Expression for the second line, usually masked (AUTH-GEN-09).
    pub display_identifier: Option<Expression>,
    /// E-mail addresses, the preferred one first.
    pub emails: Vec<AttributeName>,
    /// Phone numbers, the preferred one first.
    pub phones: Vec<AttributeName>,
}
