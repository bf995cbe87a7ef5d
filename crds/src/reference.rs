//! The reference of all kinds, `docs/reference/resources.md`, from their schema.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::{
    AttributeStore, AttributeStoreSpec, AuthFlow, AuthFlowSpec, AuthMethod, AuthMethodSpec, Client,
    ClientSpec, Realm, RealmSpec, RealmTest, RealmTestSpec, ReferenceGrant, ReferenceGrantSpec,
    Region, RegionSpec, Scope, ScopeSpec, duration,
};

const HEAD: &str = "# Resources

Every kind of `realmwright.dev/v1alpha1`, field by field. This page is generated from the resource
types (`cargo run -p realmwright-crds --bin crdgen`); the same words are in the definitions, where
`kubectl explain realm.spec.sessions` finds them.

How to read the tables:

- `[]` after a field is a list, `{}` a map. Lists keep their order.
- *required* stands in the place of a default. Whoever leaves an optional field out gets the
  default; nothing is ever reset by leaving it out.
- **one of** marks a union: exactly one of its fields is set.
- A *duration* is one to four numbers with a unit (`h`, `m`, `s`, `ms`): `30m`, `1h30m`, `500ms`.
- A *text* is a map from language to text: `{en: Sign in, uk: Увійти}`.
- An *expression* is CEL, in the subset that conditions and claims share.
";

/// The page, in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    section::<Region, RegionSpec>(&mut page);
    section::<Realm, RealmSpec>(&mut page);
    section::<Client, ClientSpec>(&mut page);
    section::<Scope, ScopeSpec>(&mut page);
    section::<AttributeStore, AttributeStoreSpec>(&mut page);
    section::<AuthMethod, AuthMethodSpec>(&mut page);
    section::<AuthFlow, AuthFlowSpec>(&mut page);
    section::<RealmTest, RealmTestSpec>(&mut page);
    section::<ReferenceGrant, ReferenceGrantSpec>(&mut page);
    page
}

fn section<Root: CustomResourceExt, Spec: JsonSchema>(page: &mut String) {
    let definition = Root::crd();
    let names = &definition.spec.names;
    let scope = if definition.spec.scope == "Cluster" {
        "for the whole cluster"
    } else {
        "in a namespace"
    };
    let short: Vec<&str> = names
        .short_names
        .iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let schema = Value::from(
        SchemaSettings::default()
            .with(|settings| settings.inline_subschemas = true)
            .into_generator()
            .into_root_schema_for::<Spec>(),
    );
    let _ = write!(
        page,
        "\n## {kind}\n\n{description}\n\n`{plural}` (`{short}`), {scope}.\n\n\
         | field | type | default | meaning |\n|---|---|---|---|\n",
        kind = names.kind,
        plural = names.plural,
        short = short.join("`, `"),
        description = paragraph(&text(&schema, "description")),
    );
    let mut rows = Vec::new();
    fields(&schema, "spec", &mut rows);
    for row in rows {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            row.path, row.kind, row.default, row.meaning
        );
    }
    let mut rules = rules(&schema, "spec");
    rules.splice(0..0, own_rules(&root_schema(&definition), "the object"));
    if !rules.is_empty() {
        page.push_str("\nRules beside the form of each field:\n\n");
        for (path, message) in rules {
            let _ = writeln!(page, "- `{path}`: {message}");
        }
    }
}

fn root_schema(definition: &CustomResourceDefinition) -> Value {
    definition
        .spec
        .versions
        .first()
        .and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref())
        .and_then(|schema| serde_json::to_value(schema).ok())
        .unwrap_or_default()
}

/// One row of a table.
struct Row {
    path: String,
    kind: String,
    default: String,
    meaning: String,
}

/// Rows for the properties of an object, each followed by those of what it holds.
fn fields(schema: &Value, path: &str, rows: &mut Vec<Row>) {
    for Property {
        name,
        schema: property,
        description,
        presence,
    } in properties(schema)
    {
        let mut path = format!("{path}.{name}");
        let (meaning, default) = split_default(&paragraph(&description));
        let inner = payload(property);
        let default = if presence == Presence::Required {
            "*required*".to_owned()
        } else if presence == Presence::Member {
            String::new()
        } else if default.is_empty() {
            let inner = properties(inner);
            let group = !inner.is_empty()
                && inner
                    .iter()
                    .all(|property| property.presence == Presence::Optional);
            if group { "see its fields" } else { "none" }.to_owned()
        } else {
            default
        };
        let at = rows.len();
        let kind = describe(inner);
        let mut holds = inner;
        while let Some(item) = item(holds) {
            path.push_str(if holds.get("items").is_some() {
                "[]"
            } else {
                "{}"
            });
            holds = payload(item);
        }
        rows.insert(
            at,
            Row {
                path: path.clone(),
                kind,
                default,
                meaning: format!("{meaning}{}", choices(holds)),
            },
        );
        fields(holds, &path, rows);
    }
}

/// A property of an object or of a union.
struct Property<'a> {
    name: &'a str,
    schema: &'a Value,
    description: String,
    presence: Presence,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
    /// One of a union.
    Member,
}

fn properties(schema: &Value) -> Vec<Property<'_>> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let own = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, property)| Property {
            name,
            schema: property,
            description: text(property, "description"),
            presence: if required.contains(&name.as_str()) {
                Presence::Required
            } else {
                Presence::Optional
            },
        });
    let of_union = variants(schema).filter_map(|variant| {
        let (name, property) = variant.get("properties")?.as_object()?.iter().next()?;
        Some(Property {
            name,
            schema: property,
            description: text(variant, "description"),
            presence: Presence::Member,
        })
    });
    own.chain(of_union).collect()
}

fn variants(schema: &Value) -> impl Iterator<Item = &Value> {
    schema
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The schema behind an `Option`.
fn payload(schema: &Value) -> &Value {
    schema
        .get("anyOf")
        .and_then(Value::as_array)
        .and_then(|alternatives| {
            alternatives
                .iter()
                .find(|schema| schema.get("type").and_then(Value::as_str) != Some("null"))
        })
        .unwrap_or(schema)
}

/// The schema of what a list or map holds.
fn item(schema: &Value) -> Option<&Value> {
    schema
        .get("items")
        .or_else(|| schema.get("additionalProperties"))
        .filter(|item| item.is_object())
        .filter(|_| !is_text(schema))
}

fn is_text(schema: &Value) -> bool {
    schema.get("minProperties").is_some() && schema.get("additionalProperties").is_some()
}

fn type_name(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .unwrap_or_default(),
        _ => "",
    }
}

fn describe(schema: &Value) -> String {
    if is_text(schema) {
        return "text".to_owned();
    }
    if let Some(held) = item(schema) {
        return format!("{} of {}", list_or_map(schema), describe(payload(held)));
    }
    let values = literals(schema);
    if !values.is_empty() {
        return values.join(", ");
    }
    if variants(schema).next().is_some() {
        return "**one of**".to_owned();
    }
    match type_name(schema) {
        "string" => describe_string(schema),
        "integer" => range(schema),
        "boolean" => "boolean".to_owned(),
        "object" => "object".to_owned(),
        _ => "any JSON".to_owned(),
    }
}

fn list_or_map(schema: &Value) -> &'static str {
    if schema.get("items").is_none() {
        "map"
    } else if schema.get("x-kubernetes-list-type").and_then(Value::as_str) == Some("set") {
        "set"
    } else {
        "list"
    }
}

fn describe_string(schema: &Value) -> String {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    if pattern == Some(duration::PATTERN) {
        "duration".to_owned()
    } else if schema.get("format").and_then(Value::as_str) == Some("date-time") {
        "time, RFC 3339".to_owned()
    } else {
        match schema.get("maxLength").and_then(Value::as_u64) {
            Some(length) => format!("string, up to {length}"),
            None => "string".to_owned(),
        }
    }
}

fn range(schema: &Value) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(min), Some(max)) => format!("integer, {min} to {max}"),
        _ => "integer".to_owned(),
    }
}

/// Values of an enumeration.
fn literals(schema: &Value) -> Vec<String> {
    let own = schema
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let documented = variants(schema).filter_map(|variant| variant.get("const"));
    own.chain(documented)
        .filter(|value| !value.is_null())
        .map(|value| match value {
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        })
        .collect()
}

/// What each value of an enumeration means.
fn choices(schema: &Value) -> String {
    let mut sentences = String::new();
    for variant in variants(schema) {
        if let Some(Value::String(value)) = variant.get("const") {
            let meaning = paragraph(&text(variant, "description"));
            let _ = write!(sentences, " `{value}`: {meaning}");
        }
    }
    sentences
}

/// Messages of the CEL rules of a schema and of all it holds, with where they apply.
fn rules(schema: &Value, path: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = schema
        .get("x-kubernetes-validations")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|rule| (path.to_owned(), text(rule, "message")))
        .collect();
    for Property {
        name,
        schema: property,
        ..
    } in properties(schema)
    {
        let mut path = format!("{path}.{name}");
        let mut holds = payload(property);
        if !std::ptr::eq(holds, property) {
            found.extend(own_rules(property, &path));
        }
        while let Some(held) = item(holds) {
            found.extend(own_rules(holds, &path));
            path.push_str(if holds.get("items").is_some() {
                "[]"
            } else {
                "{}"
            });
            holds = payload(held);
        }
        found.extend(rules(holds, &path));
    }
    found
}

fn own_rules(schema: &Value, path: &str) -> Vec<(String, String)> {
    let mut own = schema.clone();
    if let Some(object) = own.as_object_mut() {
        object.retain(|key, _| key == "x-kubernetes-validations");
    }
    rules(&own, path)
}

fn text(schema: &Value, key: &str) -> String {
    schema
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// One line, safe in a table.
fn paragraph(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// A description without its sentence on the default, and that sentence's content.
fn split_default(description: &str) -> (String, String) {
    let Some((before, after)) = description.split_once("Default: ") else {
        return (description.to_owned(), String::new());
    };
    // A full stop inside back quotes or before a digit does not end the sentence.
    let mut quoted = false;
    let mut end = after.len();
    for (at, character) in after.char_indices() {
        match character {
            '`' => quoted = !quoted,
            '.' if !quoted => {
                let rest = after.get(at + 1..).unwrap_or_default();
                if rest.is_empty() || rest.starts_with(' ') {
                    end = at;
                    break;
                }
            }
            _ => {}
        }
    }
    let (default, rest) = after.split_at(end);
    let rest = rest.trim_start_matches('.').trim();
    let meaning = format!("{} {rest}", before.trim());
    (meaning.trim().to_owned(), default.to_owned())
}

#[cfg(test)]
mod tests {
    use super::split_default;

    #[test]
    fn the_default_is_taken_out_of_a_description() {
        for (description, meaning, default) in [
            ("Life. Default: `5m`.", "Life.", "`5m`"),
            ("Life. Default: `1.5`. More.", "Life. More.", "`1.5`"),
            (
                "Life. Default: 1.5 times. More.",
                "Life. More.",
                "1.5 times",
            ),
            ("Life.", "Life.", ""),
        ] {
            let (left, right) = split_default(description);
            assert_eq!((left.as_str(), right.as_str()), (meaning, default));
        }
    }
}
