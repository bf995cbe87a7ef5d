//! The JSON Schemas judge manifests as the compiler's structural check does, for editors.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panic"
)]

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use realmwright_crds::json_schemas;
use serde_json::{Value, json};

fn validator(name: &str) -> Validator {
    let schemas = json_schemas().unwrap();
    let (_, schema) = schemas.iter().find(|(one, _)| one == name).unwrap();
    jsonschema::validator_for(schema).unwrap()
}

fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            found.push(path);
        }
    }
}

/// Every example is good in an editor, by the schema of all kinds and by that of its own.
#[test]
fn the_examples_are_good() {
    let all = validator("realmwright");
    let mut files = Vec::new();
    yaml_files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples"),
        &mut files,
    );
    assert!(files.len() > 20, "the examples are not found");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for document in text.split("\n---\n") {
            let object: Value = serde_saphyr::from_str(document).unwrap();
            // What Kubernetes itself and CI systems read lies among them.
            let version = object.get("apiVersion").and_then(Value::as_str);
            let is_secret = object.get("kind").is_some_and(|kind| kind == "Secret");
            if version.is_none_or(|version| !version.starts_with("realmwright.dev/")) && !is_secret
            {
                continue;
            }
            let errors: Vec<String> = all.iter_errors(&object).map(|e| e.to_string()).collect();
            assert_eq!(errors, [""; 0], "{}", file.display());
            let kind = object.get("kind").and_then(Value::as_str);
            if let Some(kind) = kind.filter(|kind| *kind != "Secret") {
                assert!(validator(kind).is_valid(&object), "{}", file.display());
            }
        }
    }
}

fn scope(patch: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "realmwright.dev/v1alpha1",
        "kind": "Scope",
        "metadata": {"name": "openid", "namespace": "identity"},
        "spec": {"realmRef": {"name": "main"}},
    });
    for (key, value) in patch.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}

/// What is wrong is said at its place.
#[test]
fn faults_are_found_where_they_are() {
    let all = validator("realmwright");
    assert!(all.is_valid(&scope(&json!({}))));
    for (patch, at) in [
        (
            json!({"spec": {"realmRef": {"name": "main"}, "audience": []}}),
            "/spec",
        ),
        (json!({"spec": {}}), "/spec"),
        (
            json!({"spec": {"realmRef": {"name": "main"}, "system": "yes"}}),
            "/spec/system",
        ),
        (json!({"kind": "Scop"}), "/kind"),
        (json!({"apiVersion": "realmwright.dev/v2"}), "/apiVersion"),
        (json!({"metadata": {"name": "openid"}}), "/metadata"),
        (json!({"spce": {}}), ""),
    ] {
        let object = scope(&patch);
        let places: Vec<String> = all
            .iter_errors(&object)
            .map(|error| error.instance_path().to_string())
            .collect();
        assert!(
            places.iter().any(|place| place == at),
            "{patch}: {places:?}"
        );
    }
}

/// What belongs to somebody else is not ours to judge.
#[test]
fn other_groups_are_left_alone() {
    let foreign = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": 1});
    assert!(validator("realmwright").is_valid(&foreign));
}
