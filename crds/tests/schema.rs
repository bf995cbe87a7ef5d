//! What every definition keeps, whatever its kind: what Kubernetes asks of a structural schema,
//! what `design.md` calls the shapes that cannot change later, and that generated files are current.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use kube::core::cel::{compile_schema, estimate_rule_cost};
use realmwright_crds::conditions::{ConditionType, Reason};
use realmwright_crds::{crds, definitions, json_schemas, reference};
use serde_json::{Map, Value, json};

fn schemas() -> Vec<(String, Value)> {
    definitions()
        .into_iter()
        .map(|definition| {
            let schema = definition.spec.versions[0].schema.clone().unwrap();
            (
                definition.spec.names.kind,
                serde_json::to_value(schema.open_api_v3_schema.unwrap()).unwrap(),
            )
        })
        .collect()
}

/// Calls `visit` with the path and the schema of every node, the root's first.
fn walk(path: &str, schema: &Value, visit: &mut dyn FnMut(&str, &Map<String, Value>)) {
    let Some(object) = schema.as_object() else {
        return;
    };
    visit(path, object);
    if let Some(properties) = object.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            walk(&format!("{path}.{name}"), property, visit);
        }
    }
    if let Some(items) = object.get("items") {
        walk(&format!("{path}[]"), items, visit);
    }
    if let Some(values) = object.get("additionalProperties") {
        walk(&format!("{path}{{}}"), values, visit);
    }
}

fn every_node(mut visit: impl FnMut(&str, &Map<String, Value>)) {
    for (kind, schema) in schemas() {
        walk(&kind, &schema, &mut visit);
    }
}

/// Conditions are Kubernetes' own type.
fn is_foreign(path: &str) -> bool {
    path.contains(".status.conditions[]")
}

#[test]
fn committed_files_are_current() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let hint = "run `cargo run -p realmwright-crds --bin crdgen`";
    let json = json_schemas().unwrap().into_iter().map(|(name, schema)| {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        (format!("{name}.json"), text)
    });
    let yaml = crds().unwrap().into_iter();
    let yaml = yaml.map(|(name, yaml)| (format!("{name}.yaml"), yaml));
    for (folder, files) in [
        ("yaml", yaml.collect::<BTreeMap<_, _>>()),
        ("json", json.collect()),
    ] {
        let mut found: Vec<String> = fs::read_dir(package.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        let expected: Vec<String> = files.keys().cloned().collect();
        assert_eq!(found, expected, "crds/{folder} has other files");
        for (file, text) in files {
            let committed = fs::read_to_string(package.join(folder).join(&file)).unwrap();
            assert!(
                committed == text,
                "crds/{folder}/{file} is not current: {hint}"
            );
        }
    }
    let committed = fs::read_to_string(package.join("../docs/reference/resources.md")).unwrap();
    assert!(
        committed == reference::markdown(),
        "docs/reference/resources.md is not current: {hint}"
    );
}

#[test]
fn yaml_says_the_same_as_the_definition() {
    for ((name, yaml), definition) in crds().unwrap().into_iter().zip(definitions()) {
        let read: Value = serde_saphyr::from_str(&yaml).unwrap();
        let expected = serde_json::to_value(definition).unwrap();
        assert_eq!(floats(read), floats(expected), "{name}");
    }
}

/// Numbers compared as numbers: `1` and `1.0` are one in JSON.
fn floats(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(floats).collect(),
        Value::Object(object) => object
            .into_iter()
            .map(|(key, value)| (key, floats(value)))
            .collect(),
        other => other,
    }
}

#[test]
fn no_definition_exceeds_200_kib() {
    for (name, yaml) in crds().unwrap() {
        assert!(yaml.len() < 200 * 1024, "{name} has {} bytes", yaml.len());
    }
}

#[test]
fn every_property_says_what_it_means() {
    every_node(|path, schema| {
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let description = property["description"].as_str().unwrap_or_default();
            let root = !path.contains('.') && name == "spec";
            assert!(
                root || description.len() > 5 && description.ends_with('.'),
                "{path}.{name}: {description:?}"
            );
        }
    });
}

#[test]
fn every_optional_value_of_a_spec_says_its_default() {
    let mut silent = Vec::new();
    every_node(|path, schema| {
        if !path.contains(".spec") || schema.contains_key("oneOf") {
            return;
        }
        let required = schema.get("required").cloned().unwrap_or_default();
        let required = required.as_array().cloned().unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let holds_optional_fields =
                property.get("properties").is_some() && property.get("required").is_none();
            let union_by_rule = schema
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|rule| rule["rule"].as_str())
                .any(|rule| {
                    rule.ends_with("exists_one(set, set)")
                        && rule.contains(&format!("has(self.{name})"))
                });
            if required.contains(&json!(name)) || holds_optional_fields || union_by_rule {
                continue;
            }
            let description = property["description"].as_str().unwrap();
            let unwrapped = description.replace('\n', " ");
            if !unwrapped.contains("Default: ") {
                silent.push(format!("{path}.{name}: {unwrapped}"));
            }
        }
    });
    assert!(silent.is_empty(), "{silent:#?}");
}

/// An empty list never means all: where a list decides who or what is let through, it holds at
/// least one entry (APP-10, OIDC-18, OIDC-19, OIDC-20, AUTH-MATCH-01).
#[test]
fn lists_that_decide_are_never_empty() {
    let mut expected = BTreeSet::from([
        "Region.spec.hosts[].namespaces",
        "Region.spec.allowedExports[].dataClasses",
        "Realm.spec.placements",
        "Realm.spec.attach[].kinds",
        "Realm.spec.attach[].namespaces",
        "Client.spec.access.rules",
        "Client.spec.claims[].targets",
        "Client.spec.oidc.authentication.secret.methods",
        "Client.spec.oidc.authentication.privateKeyJwt.jwks.keys",
        "Client.spec.oidc.grantTypes",
        "Client.spec.oidc.responseTypes",
        "Scope.spec.claims[].targets",
        "AuthMethod.spec.password.match",
        "AuthMethod.spec.password.match[].all",
        "AuthMethod.spec.password.policy.groups",
        "AuthFlow.spec.entry[].then.more.methods",
        "AuthFlow.spec.entry[].then.more.except",
        "RealmTest.spec.cases",
        "RealmTest.spec.cases[].context.session.methods",
        "ReferenceGrant.spec.from",
        "ReferenceGrant.spec.to",
        "ReferenceGrant.spec.verbs",
    ]);
    every_node(|path, schema| {
        if schema.get("minItems").and_then(Value::as_u64) >= Some(1) {
            expected.remove(path);
        }
    });
    assert!(expected.is_empty(), "these may be empty: {expected:#?}");
}

/// AUTH-GEN-01, FLOW-20: one factor or two.
#[test]
fn required_factors_are_one_or_two() {
    let mut found = 0;
    every_node(|path, schema| {
        if path.ends_with(".requiredFactors") {
            assert_eq!(schema["minimum"].as_f64(), Some(1.0), "{path}");
            assert_eq!(schema["maximum"].as_f64(), Some(2.0), "{path}");
            found += 1;
        }
    });
    assert_eq!(found, 3, "realm, flow and person of a test");
}

#[test]
fn integers_are_signed_and_bounded() {
    every_node(|path, schema| {
        if schema.get("type") != Some(&json!("integer")) {
            return;
        }
        let format = schema["format"].as_str().unwrap();
        assert!(["int32", "int64"].contains(&format), "{path}: {format}");
        if path.contains(".spec.") {
            assert!(schema.contains_key("minimum"), "{path} has no minimum");
            assert!(schema.contains_key("maximum"), "{path} has no maximum");
        }
    });
    for (name, yaml) in crds().unwrap() {
        assert!(!yaml.contains("uint"), "{name}");
    }
}

#[test]
fn lists_maps_and_texts_are_bounded() {
    every_node(|path, schema| {
        if is_foreign(path) {
            return;
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("array") => {
                assert!(schema.contains_key("maxItems"), "{path} has no maxItems");
                let list = schema.get("x-kubernetes-list-type").and_then(Value::as_str);
                assert!(
                    matches!(list, Some("atomic" | "set" | "map")),
                    "{path} has no list type"
                );
            }
            Some("object") if schema.contains_key("additionalProperties") => {
                assert!(schema.contains_key("maxProperties"), "{path} is unbounded");
            }
            Some("string") => assert!(
                ["maxLength", "enum", "format"]
                    .iter()
                    .any(|bound| schema.contains_key(*bound)),
                "{path} is unbounded"
            ),
            _ => {}
        }
    });
}

#[test]
fn list_types_fit_their_items() {
    every_node(|path, schema| {
        let list = schema.get("x-kubernetes-list-type").and_then(Value::as_str);
        let item = schema.get("items").cloned().unwrap_or_default();
        match list {
            Some("set") => assert_eq!(item["type"], "string", "{path}: a set of scalars"),
            Some("map") => {
                for key in schema["x-kubernetes-list-map-keys"].as_array().unwrap() {
                    let required = item["required"].as_array().unwrap();
                    assert!(required.contains(key), "{path}: {key} is not required");
                    assert_eq!(
                        item["properties"][key.as_str().unwrap()]["type"],
                        "string",
                        "{path}"
                    );
                }
            }
            _ => {}
        }
    });
}

/// Rules of structural schemas that the API server checks when a definition is created.
#[test]
fn schemas_are_structural() {
    every_node(|path, schema| {
        assert_ne!(
            schema.get("additionalProperties"),
            Some(&json!(false)),
            "{path}"
        );
        assert!(
            !(schema.contains_key("properties") && schema.contains_key("additionalProperties")),
            "{path} has both"
        );
        assert!(!schema.contains_key("default"), "{path} has a default");
        assert!(!schema.contains_key("$ref"), "{path}");
        assert!(
            !schema.contains_key("anyOf"),
            "{path} is neither one nor the other"
        );
        assert!(
            schema.get("type").is_some_and(Value::is_string)
                || schema.contains_key("x-kubernetes-preserve-unknown-fields"),
            "{path} has no type"
        );
        for branch in schema
            .get("oneOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let keys: Vec<&String> = branch.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["required"], "{path}");
        }
        let enumeration = schema.get("enum").and_then(Value::as_array);
        for value in enumeration.into_iter().flatten() {
            assert!(!value.is_null(), "{path}: null in an enumeration");
        }
    });
}

/// A union says that exactly one is set twice: to the structure, and in words where CEL sees all
/// members. The source of a claim has a member of free JSON (KC-MAP-01 to KC-MAP-08).
#[test]
fn unions_hold_exactly_one() {
    let mut unions = BTreeSet::new();
    every_node(|path, schema| {
        let Some(branches) = schema.get("oneOf").and_then(Value::as_array) else {
            return;
        };
        unions.insert(path.to_owned());
        let members = schema["properties"].as_object().unwrap();
        let mut alternatives = BTreeSet::new();
        for branch in branches {
            let required = branch["required"].as_array().unwrap();
            assert_eq!(required.len(), 1, "{path}");
            let name = required[0].as_str().unwrap();
            assert!(members.contains_key(name), "{path}.{name}");
            assert!(alternatives.insert(name), "{path}.{name} twice");
        }
        let all_typed = alternatives
            .iter()
            .all(|name| members[*name].get("type").is_some());
        assert_eq!(
            schema.contains_key("x-kubernetes-validations"),
            all_typed,
            "{path}"
        );
    });
    for path in [
        "Region.spec.place",
        "Client.spec.claims[].from",
        "Scope.spec.claims[].from",
        "Client.spec.oidc.authentication",
        "Client.spec.oidc.authentication.privateKeyJwt",
        "Client.spec.oidc.authentication.secret",
        "Client.spec.roleScope",
        "AttributeStore.spec",
        "AuthMethod.spec",
        "AuthFlow.spec.entry[].then",
        "AuthFlow.spec.afterStep[].then",
    ] {
        assert!(unions.remove(path), "{path} is no union");
    }
    assert!(unions.is_empty(), "{unions:?}");
}

/// Kubernetes refuses a rule that names a property without a type.
#[test]
fn rules_read_typed_properties_only() {
    every_node(|path, schema| {
        let rules = schema
            .get("x-kubernetes-validations")
            .map(Value::to_string)
            .unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            assert!(
                property.get("type").is_some() || !rules.contains(&format!("self.{name}")),
                "{path}.{name}"
            );
        }
    });
}

#[test]
fn patterns_compile_and_are_anchored() {
    every_node(|path, schema| {
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
            assert!(
                pattern.starts_with('^') && pattern.ends_with('$'),
                "{path}: {pattern}"
            );
            regex::Regex::new(pattern).unwrap();
        }
    });
}

/// Kubernetes refuses a definition whose rules could cost too much. The product of the bounds
/// above a rule is how often it runs.
#[test]
fn rules_compile_and_stay_within_the_cost_budget() {
    fn visit(path: &str, schema: &Value, runs: u64) {
        let Some(object) = schema.as_object() else {
            return;
        };
        let compiled = compile_schema(schema);
        assert!(!compiled.has_errors(), "{path}");
        for rule in object
            .get("x-kubernetes-validations")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let text = rule["rule"].as_str().unwrap();
            let warnings = estimate_rule_cost(text, &compiled);
            assert!(warnings.is_empty(), "{path}: {warnings:?}");
            assert!(runs <= 1000, "{path}: may run {runs} times");
            let message = rule["message"].as_str().unwrap_or_default();
            assert!(!message.is_empty() && !message.contains('\n'), "{path}");
        }
        for (name, property) in object
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            visit(&format!("{path}.{name}"), property, runs);
        }
        let bound = |key: &str| object.get(key).and_then(Value::as_f64).unwrap_or(1.0) as u64;
        if let Some(items) = object.get("items") {
            visit(&format!("{path}[]"), items, runs * bound("maxItems"));
        }
        if let Some(values) = object.get("additionalProperties") {
            visit(
                &format!("{path}{{}}"),
                values,
                runs * bound("maxProperties"),
            );
        }
    }
    for (kind, schema) in schemas() {
        visit(&kind, &schema, 1);
    }
}

/// A list transition rule needs correlatable items; ours sit on fields that always correlate.
#[test]
fn transition_rules_are_not_inside_lists() {
    every_node(|path, schema| {
        let rules = schema.get("x-kubernetes-validations");
        if rules.is_some_and(|rules| rules.to_string().contains("oldSelf")) {
            assert!(!path.contains("[]"), "{path}");
        }
    });
}

#[test]
fn every_kind_answers_in_kubectl() {
    let mut short_names = Vec::new();
    for definition in definitions() {
        let names = definition.spec.names;
        let kind = names.kind;
        assert_eq!(
            names.categories.as_deref(),
            Some(["realmwright".to_owned()].as_slice())
        );
        short_names.extend(names.short_names.unwrap());
        let version = &definition.spec.versions[0];
        let columns = version.additional_printer_columns.as_ref().unwrap();
        let has = |name: &str| columns.iter().any(|column| column.name == name);
        assert!(has("Age"), "{kind}");
        if kind != "ReferenceGrant" {
            assert!(has("Ready") || has("Accepted"), "{kind}: is it live?");
            assert!(has("Reason"), "{kind}: why not?");
            assert!(version.subresources.as_ref().unwrap().status.is_some());
        }
        assert_eq!(definition.spec.scope == "Cluster", kind == "Region");
    }
    let count = short_names.len();
    short_names.sort();
    short_names.dedup();
    assert_eq!(short_names.len(), count, "short names clash");
}

#[test]
fn printer_columns_point_at_fields_that_exist() {
    for (definition, (kind, schema)) in definitions().into_iter().zip(schemas()) {
        let columns = &definition.spec.versions[0].additional_printer_columns;
        for column in columns.as_ref().unwrap() {
            if column.json_path.starts_with(".metadata") {
                continue;
            }
            let mut node = &schema;
            for step in column.json_path.trim_start_matches('.').split('.') {
                if step.starts_with("type==") {
                    continue;
                }
                let name = step.split('[').next().unwrap();
                if name.ends_with(']') || name.is_empty() {
                    continue;
                }
                node = &node["properties"][name];
                assert!(node.is_object(), "{kind}: {} at {name}", column.json_path);
                if step.contains('[') {
                    node = &node["items"];
                }
            }
        }
    }
}

#[test]
fn conditions_are_a_closed_vocabulary() {
    for kind in ConditionType::ALL {
        assert_eq!(kind.as_str(), format!("{kind:?}"));
    }
    for reason in Reason::ALL {
        assert_eq!(reason.as_str(), format!("{reason:?}"));
    }
}
