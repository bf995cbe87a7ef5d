//! The definitions of all kinds, as values and as YAML.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

use crate::{
    AttributeStore, AuthFlow, AuthMethod, Client, Realm, RealmTest, ReferenceGrant, Region, Scope,
};

/// The definition of every kind, in the order in which they are explained.
#[must_use]
pub fn definitions() -> Vec<CustomResourceDefinition> {
    vec![
        Region::crd(),
        Realm::crd(),
        Client::crd(),
        Scope::crd(),
        AttributeStore::crd(),
        AuthMethod::crd(),
        AuthFlow::crd(),
        RealmTest::crd(),
        ReferenceGrant::crd(),
    ]
}

/// The name of every definition (`realms.realmwright.dev`) and its YAML, ready for
/// `kubectl apply`. The same bytes on every machine.
///
/// # Errors
/// When a definition cannot be written as YAML, which a test excludes.
pub fn crds() -> Result<Vec<(String, String)>, DefinitionError> {
    definitions()
        .into_iter()
        .map(|definition| {
            let name = definition.metadata.name.clone().unwrap_or_default();
            let value = sorted(serde_json::to_value(definition)?);
            Ok((name, serde_saphyr::to_string(&value)?))
        })
        .collect()
}

/// A definition that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// Not as a value.
    #[error("a resource definition cannot be represented as JSON")]
    Json(#[from] serde_json::Error),
    /// Not as YAML.
    #[error("a resource definition cannot be written as YAML")]
    Yaml(#[from] serde_saphyr::ser::Error),
}

/// Objects with their keys sorted, whatever order `serde_json` was built to keep.
pub(crate) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<(String, Value)> = object.into_iter().collect();
            entries.sort_by(|(left, _), (right, _)| left.cmp(right));
            Value::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, sorted(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
