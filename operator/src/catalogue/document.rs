//! An object as the document that somebody wrote: without what the API server adds.

use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::{Map, Value, json};

/// Annotations and labels of others mean nothing to the compiler.
const OURS: &str = "realmwright.dev/";

/// One YAML document, which JSON is.
pub(super) fn of(kind: &str, object: &DynamicObject) -> String {
    let ours = |all: &std::collections::BTreeMap<String, String>| {
        let ours = all.iter().filter(|(key, _)| key.starts_with(OURS));
        let members = ours.map(|(key, value)| (key.clone(), Value::from(value.as_str())));
        Value::Object(members.collect::<Map<_, _>>())
    };
    let mut metadata = Map::new();
    if let Some(namespace) = object.namespace() {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    metadata.insert("name".to_owned(), object.name_any().into());
    metadata.insert("annotations".to_owned(), ours(object.annotations()));
    metadata.insert("labels".to_owned(), ours(object.labels()));
    let spec = object.data.get("spec").cloned();
    let document = json!({
        "apiVersion": realmwright_crds::API_VERSION,
        "kind": kind,
        "metadata": metadata,
        "spec": spec.unwrap_or_else(|| json!({})),
    });
    document.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_adds_is_left_out() {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "realmwright.dev/v1alpha1",
            "kind": "Scope",
            "metadata": {
                "namespace": "a", "name": "email", "uid": "u", "resourceVersion": "7",
                "generation": 3, "creationTimestamp": "2026-01-01T00:00:00Z",
                "managedFields": [{"manager": "kubectl"}],
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": "{}",
                    "realmwright.dev/pinned": "4",
                },
            },
            "spec": {"scope": "email"},
            "status": {"conditions": []},
        }))
        .unwrap();
        let document: Value = serde_json::from_str(&of("Scope", &object)).unwrap();
        assert_eq!(
            document,
            json!({
                "apiVersion": "realmwright.dev/v1alpha1",
                "kind": "Scope",
                "metadata": {
                    "namespace": "a", "name": "email",
                    "annotations": {"realmwright.dev/pinned": "4"}, "labels": {},
                },
                "spec": {"scope": "email"},
            })
        );
    }
}
