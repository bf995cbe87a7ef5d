//! JSON Schemas of all kinds, for editors: the structure of the definitions in the dialect that
//! language servers read. Rules between fields are CEL and are not in them; `validate` has those.

use serde_json::{Map, Value, json};

use crate::definitions::{DefinitionError, definitions, sorted};
use crate::{API_VERSION, GROUP};

const DIALECT: &str = "http://json-schema.org/draft-07/schema#";

/// A schema for each kind, by its kind, and `realmwright` for a folder where every kind may stand.
/// What is of another group is left to whoever it belongs to.
///
/// # Errors
/// When a definition cannot be written as JSON, which a test excludes.
pub fn json_schemas() -> Result<Vec<(String, Value)>, DefinitionError> {
    let mut kinds = Vec::new();
    for definition in definitions() {
        let kind = definition.spec.names.kind;
        let namespaced = definition.spec.scope == "Namespaced";
        let schema = definition
            .spec
            .versions
            .into_iter()
            .find_map(|version| version.schema?.open_api_v3_schema);
        let schema = serde_json::to_value(schema)?;
        kinds.push((kind.clone(), object(&kind, namespaced, &schema)));
    }
    let all = of_all(&kinds);
    Ok(kinds
        .into_iter()
        .chain([("realmwright".to_owned(), all)])
        .map(|(name, mut schema)| {
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("$schema".to_owned(), DIALECT.into());
                schema.insert("title".to_owned(), name.as_str().into());
            }
            (name, sorted(schema))
        })
        .collect())
}

fn object(kind: &str, namespaced: bool, definition: &Value) -> Value {
    let spec = definition
        .pointer("/properties/spec")
        .map_or(json!({}), translated);
    let mut names = vec!["name"];
    if namespaced {
        names.push("namespace");
    }
    json!({
        "description": definition.get("description"),
        "type": "object",
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": kind},
            "metadata": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "namespace": {"type": "string"},
                    "labels": texts(),
                    "annotations": texts(),
                },
                "required": names,
            },
            "spec": spec,
            "status": {"type": "object"},
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
    })
}

fn texts() -> Value {
    json!({"type": "object", "additionalProperties": {"type": "string"}})
}

/// Alternatives by kind: an editor then says what is wrong with the kind that is meant, where
/// `oneOf` would say that none fits.
fn of_all(kinds: &[(String, Value)]) -> Value {
    let is_ours = json!({
        "properties": {"apiVersion": {"type": "string", "pattern": format!("^{GROUP}/")}},
        "required": ["apiVersion"],
    });
    let names: Vec<&str> = kinds.iter().map(|(kind, _)| kind.as_str()).collect();
    let mut alternatives = vec![json!({
        "if": is_ours,
        "then": {"properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"enum": names},
        }},
    })];
    alternatives.extend(kinds.iter().map(|(kind, _)| {
        json!({
            "if": {
                "properties": {
                    "apiVersion": {"const": API_VERSION},
                    "kind": {"const": kind},
                },
                "required": ["apiVersion", "kind"],
            },
            "then": {"$ref": format!("#/definitions/{kind}")},
        })
    }));
    json!({
        "type": "object",
        "required": ["apiVersion", "kind"],
        "allOf": alternatives,
        "definitions": kinds.iter().cloned().collect::<Map<_, _>>(),
    })
}

/// A structural schema of Kubernetes in plain JSON Schema: unknown fields are refused, `null` is a
/// type, and what only Kubernetes reads is left out.
fn translated(schema: &Value) -> Value {
    let Some(schema) = schema.as_object() else {
        return schema.clone();
    };
    let is_set = |key: &str| schema.get(key) == Some(&Value::Bool(true));
    let mut out = Map::new();
    for (key, value) in schema {
        let value = match key.as_str() {
            "properties" => {
                let members = value.as_object().into_iter().flatten();
                let members = members.map(|(name, schema)| (name.clone(), translated(schema)));
                Value::Object(members.collect())
            }
            "items" | "additionalProperties" => translated(value),
            "nullable" => continue,
            key if key.starts_with("x-kubernetes-") => continue,
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    let closed = schema.contains_key("properties")
        && !schema.contains_key("additionalProperties")
        && !is_set("x-kubernetes-preserve-unknown-fields");
    if closed {
        out.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    if is_set("x-kubernetes-int-or-string") {
        out.insert("type".to_owned(), json!(["integer", "string"]));
    }
    if let (true, Some(of)) = (is_set("nullable"), out.get("type").cloned()) {
        out.insert("type".to_owned(), json!([of, "null"]));
    }
    Value::Object(out)
}
