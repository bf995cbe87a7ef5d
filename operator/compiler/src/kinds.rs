//! The schemas of the kinds, compiled once: structure by [`Shape`], CEL rules by [`Rules`].

use std::sync::LazyLock;

use kube::CustomResourceExt;
use serde_json::{Value as Json, json};

use crate::object::Kind;
use crate::rules::Rules;
use crate::structure::Shape;

/// One kind's schema.
pub(crate) struct KindSchema {
    pub(crate) shape: Shape,
    /// None for a kind without rules.
    pub(crate) rules: Option<Rules>,
}

static SCHEMAS: LazyLock<Vec<(Kind, KindSchema)>> = LazyLock::new(|| {
    Kind::OURS
        .into_iter()
        .chain([Kind::Secret])
        .map(|kind| (kind, KindSchema::of(kind)))
        .collect()
});

/// The schema of a kind.
pub(crate) fn schema(kind: Kind) -> Option<&'static KindSchema> {
    SCHEMAS
        .iter()
        .find(|(candidate, _)| *candidate == kind)
        .map(|(_, schema)| schema)
}

/// The fields of `metadata` that Kubernetes has; what only a cluster fills in is accepted so that
/// `kubectl get -o yaml` can be committed.
fn metadata(kind: Kind) -> Json {
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let open = json!({"x-kubernetes-preserve-unknown-fields": true});
    let mut schema = json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {
                "type": "string", "minLength": 1, "maxLength": 253,
                "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
            },
            "labels": texts, "annotations": texts, "finalizers": open, "ownerReferences": open,
            "managedFields": open, "creationTimestamp": open, "deletionTimestamp": open,
            "deletionGracePeriodSeconds": open, "generation": open, "resourceVersion": open,
            "selfLink": open, "uid": open,
        },
    });
    if kind.is_namespaced()
        && let Some(schema) = schema.as_object_mut()
    {
        schema.insert("required".to_owned(), json!(["name", "namespace"]));
        if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
            properties.insert(
                "namespace".to_owned(),
                json!({
                    "type": "string", "minLength": 1, "maxLength": 63,
                    "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                }),
            );
        }
    }
    schema
}

fn definition(kind: Kind) -> Json {
    fn of<T: CustomResourceExt>() -> Json {
        T::crd()
            .spec
            .versions
            .into_iter()
            .next()
            .and_then(|version| version.schema?.open_api_v3_schema)
            .and_then(|schema| serde_json::to_value(schema).ok())
            .unwrap_or_default()
    }
    match kind {
        Kind::Region => of::<realmwright_crds::Region>(),
        Kind::Realm => of::<realmwright_crds::Realm>(),
        Kind::Client => of::<realmwright_crds::Client>(),
        Kind::Scope => of::<realmwright_crds::Scope>(),
        Kind::AttributeStore => of::<realmwright_crds::AttributeStore>(),
        Kind::AuthMethod => of::<realmwright_crds::AuthMethod>(),
        Kind::AuthFlow => of::<realmwright_crds::AuthFlow>(),
        Kind::RealmTest => of::<realmwright_crds::RealmTest>(),
        Kind::ReferenceGrant => of::<realmwright_crds::ReferenceGrant>(),
        Kind::Secret => {
            let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
            json!({
                "type": "object",
                "properties": {
                    "data": texts, "stringData": texts,
                    "type": {"type": "string"}, "immutable": {"type": "boolean"},
                },
            })
        }
    }
}

impl KindSchema {
    fn of(kind: Kind) -> Self {
        let definition = definition(kind);
        let mut properties = definition
            .get("properties")
            .and_then(Json::as_object)
            .cloned()
            .unwrap_or_default();
        properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
        properties.insert("kind".to_owned(), json!({"type": "string"}));
        properties.insert("metadata".to_owned(), metadata(kind));
        if kind != Kind::Secret {
            let open = json!({"x-kubernetes-preserve-unknown-fields": true});
            properties.insert("status".to_owned(), open);
        }
        let mut required = vec!["metadata"];
        if kind != Kind::Secret {
            required.push("spec");
        }
        let shape = Shape::compile(&json!({
            "type": "object", "required": required, "properties": properties,
        }));
        Self {
            shape,
            rules: Rules::compile(&definition),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many rules a schema holds, wherever they are.
    fn count(schema: &Json) -> usize {
        match schema {
            Json::Object(members) => members
                .iter()
                .map(|(key, value)| match value {
                    Json::Array(rules) if key == "x-kubernetes-validations" => rules.len(),
                    other => count(other),
                })
                .sum(),
            Json::Array(items) => items.iter().map(count).sum(),
            _ => 0,
        }
    }

    #[test]
    fn every_rule_of_every_kind_is_asked_here() {
        for kind in Kind::OURS {
            let mut faults = Vec::new();
            let schema = schema(kind).expect("a schema");
            let asked = schema
                .rules
                .as_ref()
                .map_or(0, |rules| rules.survey(&mut faults));
            assert_eq!(faults, Vec::<String>::new(), "{}", kind.as_str());
            assert_eq!(asked, count(&definition(kind)), "{}", kind.as_str());
        }
    }
}
