//! The attribute schema of a realm.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{AttributeName, Expression, Pattern};
use crate::region::DataClass;
use crate::rules::{forbidden, not_true};
use crate::texts::Texts;
use crate::transform::undescribed;

/// One attribute (ATTR-STORED-01).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("self.name != 'sub'")
        .message("`sub` is built in and cannot be declared").field_path(".name"))]
#[x_kube(validation = not_true("searchable", "!has(self.computed)", "a computed attribute is not stored and cannot be searchable"))]
#[x_kube(validation = not_true("required", "!has(self.computed)", "a computed attribute is not stored and cannot be required"))]
#[x_kube(validation = not_true("unique", "!has(self.computed)", "a computed attribute is not stored and cannot be unique"))]
#[x_kube(validation = forbidden("input", "!has(self.computed) || !has(self.input)", "a computed attribute has no input"))]
#[x_kube(validation = not_true("caseInsensitive", "!has(self.type) || self.type in ['String', 'StringList']", "only texts can be caseInsensitive"))]
#[x_kube(validation = forbidden("input", "!has(self.input) || !has(self.type) || self.type in ['String', 'StringList']", "only texts can have an input"))]
#[x_kube(validation = not_true("searchable", "!has(self.type) || self.type != 'Bytes'", "octets cannot be searchable"))]
#[x_kube(validation = not_true("unique", "!has(self.type) || self.type != 'Bytes'", "octets cannot be unique"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttributeSpec {
    /// Name in expressions, claims and the accounts API. A new name is a new attribute.
    pub name: AttributeName,
    /// Label for people (ATTR-STORED-03). Default: the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Texts>,
    /// Type of its values. Default: `String`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ValueKind>,
    /// How far its values may travel (REGION-RES-01). Default: `Personal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_class: Option<DataClass>,
    /// Whether people can be found by it. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searchable: Option<bool>,
    /// Whether it must be given at creation and cannot be removed. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Whether no two people of the realm share a value. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique: Option<bool>,
    /// Whether upper and lower case are the same when people are found by it (AUTH-MATCH-02).
    /// Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_insensitive: Option<bool>,
    /// Expression over `person` that is computed on each read; nothing is stored (ATTR-COMP-01).
    /// Default: none, the attribute is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed: Option<Expression>,
    /// Check and normal form of what people and applications write (ATTR-IN-01). Default: any
    /// value of the type is kept as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Input>,
}

/// Type of an attribute's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum ValueKind {
    /// Text.
    String,
    /// Signed 64-bit integer.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Octets; base64 in JSON.
    Bytes,
    /// List of texts.
    StringList,
}

/// Decompose by a regular expression, compose from its groups (ATTR-IN-01).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// Regular expression that the whole value must match; another value is refused.
    #[serde(rename = "match")]
    pub pattern: Pattern,
    /// What is kept, with `${0}` for the whole match and `${1}`, `${2}`... for its groups. Default:
    /// `${0}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub format: Option<String>,
}

/// Which attributes play which part (ATTR-PURP).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Purposes {
    /// Expression for a person's name on pages and in lists (AUTH-GEN-08). Default: the identifier
    /// `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Expression>,
    /// Expression for the second line, usually masked (AUTH-GEN-09). Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_identifier: Option<Expression>,
    /// Attributes that hold e-mail addresses, the preferred one first (ATTR-PURP-04). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub emails: Vec<AttributeName>,
    /// Attributes that hold phone numbers, the preferred one first (ATTR-PURP-05). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub phones: Vec<AttributeName>,
}
