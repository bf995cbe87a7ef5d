//! Structural check: a YAML tree against the schema of its kind. Unlike typed deserialisation it
//! does not stop at the first fault, and every fault has its place.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use regex::Regex;
use serde_json::Value as Json;

use crate::diagnostics::{Code, did_you_mean, nearest};
use crate::path::FieldPath;
use crate::yaml::{self, Entry, Node, Span, Value};

/// A fault of one document, with its place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StructureFault {
    pub(crate) code: Code,
    pub(crate) path: FieldPath,
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) fix: Option<String>,
}

/// A structural schema (the OpenAPI v3 subset of CustomResourceDefinitions), compiled.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    kind: Option<ShapeKind>,
    nullable: bool,
    preserve_unknown: bool,
    properties: BTreeMap<String, Self>,
    required: Vec<String>,
    additional: Option<Box<Self>>,
    items: Option<Box<Self>>,
    allowed: Vec<Json>,
    pattern: Option<Regex>,
    length: Bounds<u64>,
    items_count: Bounds<u64>,
    properties_count: Bounds<u64>,
    range: Bounds<f64>,
    list_keys: Vec<String>,
    set: bool,
    /// Alternatives of which exactly one property must be set.
    one_of: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ShapeKind {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
    IntOrString,
}

impl ShapeKind {
    const fn words(self) -> &'static str {
        match self {
            Self::Object => "a mapping",
            Self::Array => "a list",
            Self::String => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::IntOrString => "a whole number or a text",
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Bounds<T> {
    min: Option<T>,
    max: Option<T>,
}

impl<T> Default for Bounds<T> {
    fn default() -> Self {
        Self {
            min: None,
            max: None,
        }
    }
}

impl<T: PartialOrd + Copy + std::fmt::Display> Bounds<T> {
    fn complaint(&self, value: T, what: &str) -> Option<String> {
        let Self { min, max } = *self;
        if min.is_some_and(|min| value < min) || max.is_some_and(|max| value > max) {
            let range = match (min, max) {
                (Some(min), Some(max)) => format!("between {min} and {max}"),
                (Some(min), None) => format!("at least {min}"),
                (None, Some(max)) => format!("at most {max}"),
                (None, None) => return None,
            };
            return Some(format!("{what} must be {range}, not {value}"));
        }
        None
    }
}

impl Shape {
    /// Compiles a schema. Keywords that say nothing about structure are passed over.
    pub(crate) fn compile(schema: &Json) -> Self {
        let texts = |key: &str| -> Vec<String> {
            schema
                .get(key)
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
                .filter_map(Json::as_str)
                .map(str::to_owned)
                .collect()
        };
        let flag = |key: &str| schema.get(key).and_then(Json::as_bool).unwrap_or_default();
        let count = |min: &str, max: &str| Bounds {
            min: schema.get(min).and_then(Json::as_u64),
            max: schema.get(max).and_then(Json::as_u64),
        };
        let kind = if flag("x-kubernetes-int-or-string") {
            Some(ShapeKind::IntOrString)
        } else {
            match schema.get("type").and_then(Json::as_str) {
                Some("object") => Some(ShapeKind::Object),
                Some("array") => Some(ShapeKind::Array),
                Some("string") => Some(ShapeKind::String),
                Some("integer") => Some(ShapeKind::Integer),
                Some("number") => Some(ShapeKind::Number),
                Some("boolean") => Some(ShapeKind::Boolean),
                _ => None,
            }
        };
        Self {
            kind,
            nullable: flag("nullable"),
            preserve_unknown: flag("x-kubernetes-preserve-unknown-fields"),
            properties: schema
                .get("properties")
                .and_then(Json::as_object)
                .into_iter()
                .flatten()
                .map(|(name, schema)| (name.clone(), Self::compile(schema)))
                .collect(),
            required: texts("required"),
            additional: schema
                .get("additionalProperties")
                .filter(|schema| schema.is_object())
                .map(|schema| Box::new(Self::compile(schema))),
            items: schema
                .get("items")
                .map(|schema| Box::new(Self::compile(schema))),
            allowed: schema
                .get("enum")
                .and_then(Json::as_array)
                .cloned()
                .unwrap_or_default(),
            pattern: schema
                .get("pattern")
                .and_then(Json::as_str)
                .and_then(|pattern| Regex::new(pattern).ok()),
            length: count("minLength", "maxLength"),
            items_count: count("minItems", "maxItems"),
            properties_count: count("minProperties", "maxProperties"),
            range: Bounds {
                min: schema.get("minimum").and_then(Json::as_f64),
                max: schema.get("maximum").and_then(Json::as_f64),
            },
            list_keys: texts("x-kubernetes-list-map-keys"),
            set: schema.get("x-kubernetes-list-type").and_then(Json::as_str) == Some("set"),
            one_of: schema
                .get("oneOf")
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
                .filter_map(|variant| variant.get("required")?.get(0)?.as_str())
                .map(str::to_owned)
                .collect(),
        }
    }

    /// Every fault of `node`.
    pub(crate) fn check(&self, node: &Node, path: FieldPath) -> Vec<StructureFault> {
        let mut check = Check {
            path,
            faults: Vec::new(),
        };
        check.node(self, node);
        check.faults
    }
}

struct Check {
    path: FieldPath,
    faults: Vec<StructureFault>,
}

impl Check {
    fn fault(&mut self, code: Code, span: Span, message: String, fix: Option<String>) {
        self.faults.push(StructureFault {
            code,
            path: self.path.clone(),
            span,
            message,
            fix,
        });
    }

    fn under(&mut self, step: impl Into<crate::path::Step>, shape: &Shape, node: &Node) {
        self.path.push(step);
        self.node(shape, node);
        self.path.pop();
    }

    fn node(&mut self, shape: &Shape, node: &Node) {
        if matches!(node.value, Value::Null) && shape.nullable {
            return;
        }
        match (&node.value, shape.kind) {
            (Value::Mapping(entries), Some(ShapeKind::Object)) => {
                self.mapping(shape, node.span, entries);
            }
            (Value::Sequence(items), Some(ShapeKind::Array)) => self.sequence(shape, node, items),
            (Value::String(text), Some(ShapeKind::String | ShapeKind::IntOrString)) => {
                self.text(shape, node.span, text);
            }
            (Value::Number(number), Some(ShapeKind::Integer | ShapeKind::IntOrString))
                if number.is_i64() =>
            {
                self.number(shape, node.span, number);
            }
            (Value::Number(number), Some(ShapeKind::Number)) => {
                self.number(shape, node.span, number);
            }
            (Value::Bool(_), Some(ShapeKind::Boolean)) | (_, None) => {}
            (found, Some(kind)) => self.wrong_type(node.span, found, kind),
        }
        if !shape.allowed.is_empty() {
            self.allowed(shape, node);
        }
    }

    fn wrong_type(&mut self, span: Span, found: &Value, kind: ShapeKind) {
        let found_words = match found {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        };
        let fix = match (found, kind) {
            (Value::Bool(_) | Value::Number(_), ShapeKind::String) => {
                Some("write it in quotes".to_owned())
            }
            (Value::String(text), kind) if is_in_needless_quotes(text, kind) => {
                Some("write it without quotes".to_owned())
            }
            (Value::Mapping(_) | Value::String(_), ShapeKind::Array) => {
                Some("write it as a list: `- ...`".to_owned())
            }
            (Value::Null, ShapeKind::Object) => Some("write `{}` for an empty mapping".to_owned()),
            _ => None,
        };
        let message = format!("expected {}, found {found_words}", kind.words());
        self.fault(Code::WrongType, span, message, fix);
    }

    fn mapping(&mut self, shape: &Shape, span: Span, entries: &[Entry]) {
        let count = entries.len() as u64;
        if let Some(message) = shape.properties_count.complaint(count, "number of entries") {
            self.fault(Code::InvalidValue, span, message, None);
        }
        for entry in entries {
            if let Some(property) = shape.properties.get(&entry.key) {
                self.under(&entry.key, property, &entry.value);
            } else if let Some(additional) = &shape.additional {
                self.under(&entry.key, additional, &entry.value);
            } else if !shape.preserve_unknown {
                self.path.push(&entry.key);
                self.unknown_field(shape, entries, entry);
                self.path.pop();
            }
        }
        for name in &shape.required {
            if !entries.iter().any(|entry| entry.key == *name) {
                let message = format!("missing field `{name}`");
                self.fault(Code::MissingField, span, message, None);
            }
        }
        if !shape.one_of.is_empty() {
            self.alternatives(shape, span, entries);
        }
    }

    fn unknown_field(&mut self, shape: &Shape, entries: &[Entry], entry: &Entry) {
        let absent: Vec<&str> = shape
            .properties
            .keys()
            .map(String::as_str)
            .filter(|name| !entries.iter().any(|entry| entry.key == *name))
            .collect();
        let fix = did_you_mean(&entry.key, absent.iter().copied()).or_else(|| {
            let names: Vec<&str> = shape.properties.keys().map(String::as_str).collect();
            (!names.is_empty() && names.len() <= 12)
                .then(|| format!("the fields here are {}", names.join(", ")))
        });
        let message = format!("unknown field `{}`", entry.key);
        self.fault(Code::UnknownField, entry.key_span, message, fix);
    }

    fn alternatives(&mut self, shape: &Shape, span: Span, entries: &[Entry]) {
        let set: Vec<&Entry> = entries
            .iter()
            .filter(|entry| shape.one_of.contains(&entry.key))
            .collect();
        let all = shape.one_of.join(", ");
        match set.as_slice() {
            [_] => {}
            [] => {
                // A mistyped alternative is already an unknown field with its own fix.
                let mistyped = entries.iter().any(|entry| {
                    nearest(&entry.key, shape.one_of.iter().map(String::as_str)).is_some()
                });
                if !mistyped {
                    let message = format!("exactly one of {all} must be set");
                    self.fault(Code::BadVariant, span, message, None);
                }
            }
            [_, second, ..] => {
                let message = format!("exactly one of {all} must be set, not {}", set.len());
                self.fault(Code::BadVariant, second.key_span, message, None);
            }
        }
    }

    fn sequence(&mut self, shape: &Shape, node: &Node, items: &[Node]) {
        let count = items.len() as u64;
        if let Some(message) = shape.items_count.complaint(count, "number of entries") {
            self.fault(Code::InvalidValue, node.span, message, None);
        }
        if let Some(shape) = &shape.items {
            for (index, item) in items.iter().enumerate() {
                self.under(index, shape, item);
            }
        }
        if !shape.list_keys.is_empty() {
            let mut seen = HashMap::new();
            for (index, item) in items.iter().enumerate() {
                let key: Vec<Json> = shape
                    .list_keys
                    .iter()
                    .map(|key| {
                        item.get(key)
                            .map_or(Json::Null, |entry| entry.value.to_json())
                    })
                    .collect();
                if key.iter().all(Json::is_null) {
                    continue;
                }
                let text = key.iter().map(plain).collect::<Vec<_>>().join(", ");
                self.repeated(&mut seen, text, index, item);
            }
        }
        if shape.set {
            let mut seen = HashMap::new();
            for (index, item) in items.iter().enumerate() {
                self.repeated(&mut seen, plain(&item.to_json()), index, item);
            }
        }
    }

    fn repeated(
        &mut self,
        seen: &mut HashMap<String, usize>,
        text: String,
        index: usize,
        item: &Node,
    ) {
        if let Some(first) = seen.get(&text) {
            let message = format!("`{text}` stands twice: also at index {first}");
            self.path.push(index);
            self.fault(Code::DuplicateEntry, item.span, message, None);
            self.path.pop();
        } else {
            seen.insert(text, index);
        }
    }

    fn text(&mut self, shape: &Shape, span: Span, text: &str) {
        let length = text.chars().count() as u64;
        if let Some(message) = shape.length.complaint(length, "number of characters") {
            self.fault(Code::InvalidValue, span, message, None);
        } else if let Some(pattern) = &shape.pattern
            && !pattern.is_match(text)
        {
            let message = format!("`{text}` does not match `{pattern}`");
            let fix = (pattern.as_str() == realmwright_crds::duration::PATTERN)
                .then(|| "write a length of time such as `30s`, `15m` or `1h30m`".to_owned());
            self.fault(Code::InvalidValue, span, message, fix);
        }
    }

    fn number(&mut self, shape: &Shape, span: Span, number: &serde_json::Number) {
        if let Some(value) = number.as_f64()
            && let Some(message) = shape.range.complaint(value, "the number")
        {
            self.fault(Code::InvalidValue, span, message, None);
        }
    }

    fn allowed(&mut self, shape: &Shape, node: &Node) {
        let value = node.to_json();
        if shape.allowed.contains(&value) {
            return;
        }
        let names: BTreeSet<String> = shape.allowed.iter().map(plain).collect();
        let found = plain(&value);
        let fix = did_you_mean(&found, names.iter().map(String::as_str)).or_else(|| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            Some(format!("write one of {}", names.join(", ")))
        });
        let message = format!("`{found}` is not one of the allowed values");
        self.fault(Code::InvalidValue, node.span, message, fix);
    }
}

/// Whether a text would be of the kind without its quotes.
fn is_in_needless_quotes(text: &str, kind: ShapeKind) -> bool {
    match yaml::plain(text) {
        Value::Bool(_) => kind == ShapeKind::Boolean,
        Value::Number(number) => {
            kind == ShapeKind::Number || (kind == ShapeKind::Integer && number.is_i64())
        }
        _ => false,
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::read;

    type Found = (Code, String, (u32, u32), Option<String>);

    fn faults(schema: &Json, text: &str) -> Vec<Found> {
        let (node, faults) = read(text);
        assert_eq!(faults, []);
        Shape::compile(schema)
            .check(&node.expect("a tree"), FieldPath::root())
            .into_iter()
            .map(|fault| {
                (
                    fault.code,
                    fault.path.to_string(),
                    (fault.span.line, fault.span.column),
                    fault.fix,
                )
            })
            .collect()
    }

    #[test]
    fn all_faults_of_a_document_are_found() {
        let schema = json!({
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "size": {"type": "integer", "minimum": 1, "maximum": 2},
                "mode": {"type": "string", "enum": ["Required", "Optional"]},
                "list": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}},
                "texts": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        });
        let text = "nmae: x\nsize: 3\nmode: required\nlist: [a, B, 1]\ntexts: {en: true}\n";
        let found = faults(&schema, text);
        assert_eq!(
            found,
            [
                (
                    Code::UnknownField,
                    "nmae".to_owned(),
                    (0, 0),
                    Some("did you mean `name`?".to_owned())
                ),
                (Code::InvalidValue, "size".to_owned(), (1, 6), None),
                (
                    Code::InvalidValue,
                    "mode".to_owned(),
                    (2, 6),
                    Some("did you mean `Required`?".to_owned())
                ),
                (Code::InvalidValue, "list[1]".to_owned(), (3, 10), None),
                (
                    Code::WrongType,
                    "list[2]".to_owned(),
                    (3, 13),
                    Some("write it in quotes".to_owned())
                ),
                (
                    Code::WrongType,
                    "texts.en".to_owned(),
                    (4, 12),
                    Some("write it in quotes".to_owned())
                ),
                (Code::MissingField, String::new(), (0, 0), None),
            ]
        );
    }

    #[test]
    fn unions_hold_exactly_one_alternative() {
        let schema = json!({
            "type": "object",
            "properties": {"a": {"type": "object"}, "b": {"type": "object"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        });
        assert_eq!(faults(&schema, "a: {}"), []);
        for text in ["{}", "a: {}\nb: {}"] {
            let codes: Vec<_> = faults(&schema, text).into_iter().map(|f| f.0).collect();
            assert_eq!(codes, [Code::BadVariant], "{text}");
        }
    }

    #[test]
    fn list_maps_and_sets_hold_no_entry_twice() {
        let schema = json!({
            "type": "object",
            "properties": {
                "map": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                },
                "set": {
                    "type": "array",
                    "x-kubernetes-list-type": "set",
                    "items": {"type": "string"},
                },
            },
        });
        let found = faults(
            &schema,
            "map: [{name: a}, {name: b}, {name: a}]\nset: [x, x]\n",
        );
        let found: Vec<_> = found.into_iter().map(|f| (f.0, f.1)).collect();
        assert_eq!(
            found,
            [
                (Code::DuplicateEntry, "map[2]".to_owned()),
                (Code::DuplicateEntry, "set[1]".to_owned()),
            ]
        );
    }

    #[test]
    fn null_stands_only_where_the_schema_allows_it() {
        let schema = json!({
            "type": "object",
            "properties": {
                "a": {"type": "string", "nullable": true},
                "b": {"type": "object"},
            },
        });
        let found: Vec<_> = faults(&schema, "a: ~\nb:\n")
            .into_iter()
            .map(|f| f.1)
            .collect();
        assert_eq!(found, ["b"]);
    }
}
