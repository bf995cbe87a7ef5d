//! The CEL rules of a kind, each compiled once and asked only where it stands. `kube-cel` walks the
//! whole schema, and turns every part of an object into CEL values again at each step of the way
//! down; most parts have no rule.

use std::collections::BTreeMap;

use kube::core::cel::{CompiledSchema, ErrorKind, ValidationError, Validator, compile_schema};
use serde_json::{Map, Value as Json};

use crate::path::FieldPath;

const RULES: &str = "x-kubernetes-validations";

/// The rules of one node of a schema, and the way to those below it.
#[derive(Debug)]
pub(crate) struct Rules {
    own: Option<CompiledSchema>,
    properties: BTreeMap<String, Self>,
    items: Option<Box<Self>>,
    values: Option<Box<Self>>,
}

/// A CEL rule that does not hold.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) path: FieldPath,
    pub(crate) message: String,
    pub(crate) class: RuleClass,
}

/// What a rule objects to: its `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleClass {
    /// A value that cannot be.
    Invalid,
    /// A field that has no place beside others.
    Forbidden,
    /// A field that is needed beside others.
    Required,
    /// A name that is taken.
    Duplicate,
}

impl From<Option<&str>> for RuleClass {
    fn from(reason: Option<&str>) -> Self {
        match reason {
            Some("FieldValueForbidden") => Self::Forbidden,
            Some("FieldValueRequired") => Self::Required,
            Some("FieldValueDuplicate") => Self::Duplicate,
            _ => Self::Invalid,
        }
    }
}

impl Rules {
    /// Compiles the rules of a schema; none when it has none. Alternatives (`oneOf`) hold no rules
    /// in a structural schema.
    pub(crate) fn compile(schema: &Json) -> Option<Self> {
        let below = |key: &str| {
            schema
                .get(key)
                .filter(|schema| schema.is_object())
                .and_then(Self::compile)
                .map(Box::new)
        };
        let rules = Self {
            own: schema.get(RULES).map(|_| compile_schema(&alone(schema))),
            properties: schema
                .get("properties")
                .and_then(Json::as_object)
                .into_iter()
                .flatten()
                .filter_map(|(name, schema)| Some((name.clone(), Self::compile(schema)?)))
                .collect(),
            items: below("items"),
            values: below("additionalProperties"),
        };
        let is_empty = rules.own.is_none()
            && rules.properties.is_empty()
            && rules.items.is_none()
            && rules.values.is_none();
        (!is_empty).then_some(rules)
    }

    /// The rules that `object` breaks. Rules that cannot be evaluated are passed over where the
    /// object's structure is faulty, and are violations where it is not.
    pub(crate) fn violations(&self, object: &Json, structure_holds: bool) -> Vec<Violation> {
        thread_local! {
            static VALIDATOR: Validator = Validator::new();
        }
        let mut found = Vec::new();
        VALIDATOR.with(|validator| {
            self.ask(object, &mut FieldPath::root(), &mut |path, own, value| {
                let errors = validator.validate_compiled(own, value, None).err();
                let errors = errors.into_iter().flatten();
                found.extend(
                    errors
                        .filter(|error| {
                            structure_holds || error.kind == ErrorKind::ValidationFailure
                        })
                        .map(|error| violation(path, error)),
                );
            });
        });
        found
    }

    fn ask(
        &self,
        value: &Json,
        path: &mut FieldPath,
        judge: &mut impl FnMut(&FieldPath, &CompiledSchema, &Json),
    ) {
        // A rule is asked of what is there; of what may be null only the rules around it can speak.
        if let Some(own) = self.own.as_ref().filter(|_| !value.is_null()) {
            judge(path, own, value);
        }
        match value {
            Json::Object(members) => {
                for (name, member) in members {
                    let rules = self.properties.get(name).or(self.values.as_deref());
                    if let Some(rules) = rules {
                        path.push(name);
                        rules.ask(member, path, judge);
                        path.pop();
                    }
                }
            }
            Json::Array(items) => {
                let Some(rules) = &self.items else { return };
                for (index, item) in items.iter().enumerate() {
                    path.push(index);
                    rules.ask(item, path, judge);
                    path.pop();
                }
            }
            _ => {}
        }
    }
}

fn violation(path: &FieldPath, error: ValidationError) -> Violation {
    Violation {
        path: path.join(&FieldPath::parse(&error.field_path)),
        class: RuleClass::from(error.reason.as_deref()),
        message: error.message,
    }
}

/// A schema with its own rules and, of what lies below, only what decides which CEL value a JSON
/// value becomes: the format of texts, defaults, and whether keys are data.
fn alone(schema: &Json) -> Json {
    let mut kept = typed(schema).unwrap_or_default();
    if let Some(rules) = schema.get(RULES) {
        kept.insert(RULES.to_owned(), rules.clone());
    }
    Json::Object(kept)
}

fn typed(schema: &Json) -> Option<Map<String, Json>> {
    let mut kept = Map::new();
    for key in ["format", "default", "x-kubernetes-int-or-string"] {
        if let Some(value) = schema.get(key) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    let mut properties = Map::new();
    for (name, schema) in schema
        .get("properties")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
    {
        if let Some(schema) = typed(schema) {
            properties.insert(name.clone(), Json::Object(schema));
        }
    }
    if !properties.is_empty() {
        kept.insert("properties".to_owned(), Json::Object(properties));
    }
    if let Some(items) = schema.get("items").and_then(typed) {
        kept.insert("items".to_owned(), Json::Object(items));
    }
    if let Some(values) = schema.get("additionalProperties") {
        let is_map = *values != Json::Bool(false);
        let values = typed(values).map_or(Json::Bool(is_map), Json::Object);
        kept.insert("additionalProperties".to_owned(), values);
    }
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
impl Rules {
    /// Every rule that cannot be compiled, and how many there are in all.
    pub(crate) fn survey(&self, faults: &mut Vec<String>) -> usize {
        let own = self.own.iter().map(|own| {
            let errors = own.compilation_errors();
            faults.extend(errors.into_iter().map(ToString::to_string));
            own.validations.len()
        });
        let own: usize = own.sum();
        let below = self.properties.values().chain(self.items.as_deref());
        let below = below.chain(self.values.as_deref());
        own + below.map(|rules| rules.survey(faults)).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn broken(schema: &Json, object: &Json) -> Vec<String> {
        Rules::compile(schema)
            .map(|rules| rules.violations(object, true))
            .unwrap_or_default()
            .into_iter()
            .map(|violation| format!("{}: {}", violation.path, violation.message))
            .collect()
    }

    fn positive(field: &str) -> Json {
        json!([{"rule": format!("self.{field} > 0"), "message": "not positive", "fieldPath": format!(".{field}")}])
    }

    #[test]
    fn rules_are_found_at_every_depth_and_named_by_their_place() {
        let leaf = json!({
            "type": "object", RULES: positive("n"), "properties": {"n": {"type": "integer"}},
        });
        let schema = json!({"type": "object", "properties": {
            "one": leaf,
            "list": {"type": "array", "items": leaf},
            "map": {"type": "object", "additionalProperties": leaf},
            "none": {"type": "object", "properties": {"n": {"type": "integer"}}},
        }});
        let object = json!({
            "one": {"n": 0}, "list": [{"n": 1}, {"n": 0}], "map": {"a.b": {"n": 0}},
            "none": {"n": 0},
        });
        let mut found = broken(&schema, &object);
        found.sort();
        assert_eq!(
            found,
            [
                "list[1].n: not positive",
                "map.a.b.n: not positive",
                "one.n: not positive",
            ]
        );
        assert_eq!(broken(&json!({"type": "object"}), &object), [""; 0]);
    }

    #[test]
    fn null_breaks_no_rule() {
        let schema = json!({"type": "object", "properties": {"uri": {
            "type": "string", "nullable": true,
            RULES: [{"rule": "!self.contains('#')", "message": "fragment"}],
        }}});
        assert_eq!(broken(&schema, &json!({"uri": null})), [""; 0]);
        assert_eq!(broken(&schema, &json!({"uri": "#"})), ["uri: fragment"]);
    }

    /// What lies below a rule is what it would be if the whole schema were there.
    #[test]
    fn formats_and_keys_below_a_rule_keep_their_meaning() {
        let schema = json!({
            "type": "object",
            RULES: [
                {"rule": "self.until > timestamp('2026-01-01T00:00:00Z')", "message": "until"},
                {"rule": "self.texts.all(key, key != 'uk-UA')", "message": "texts"},
                {"rule": "self.__namespace__ != 'x'", "message": "namespace"},
            ],
            "properties": {
                "until": {"type": "string", "format": "date-time"},
                "texts": {"type": "object", "additionalProperties": {"type": "string"}},
                "namespace": {"type": "string"},
            },
        });
        let good = json!({
            "until": "2026-06-01T00:00:00Z", "texts": {"en": "a"}, "namespace": "y",
        });
        assert_eq!(broken(&schema, &good), [""; 0]);
        let bad = json!({
            "until": "2025-06-01T00:00:00Z", "texts": {"uk-UA": "a"}, "namespace": "x",
        });
        assert_eq!(broken(&schema, &bad), [": until", ": texts", ": namespace"]);
    }
}
