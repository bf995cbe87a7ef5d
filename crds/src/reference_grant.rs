//! `ReferenceGrant`: which namespaces may name this namespace's Secrets.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{Namespace, ObjectName};
use crate::transform::undescribed;

/// Permission for objects of other namespaces to name Secrets of this one.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "realmwright.dev",
    version = "v1alpha1",
    kind = "ReferenceGrant",
    namespaced,
    shortname = "rwgrant",
    category = "realmwright",
    doc = "Permission for objects of other namespaces to name Secrets of this one.",
    derive = "PartialEq",
    cel,
    printcolumn(name = "From", type_ = "string", json_path = ".spec.from[*].namespace"),
    printcolumn(name = "To", type_ = "string", json_path = ".spec.to[*].name"),
    printcolumn(name = "Verbs", type_ = "string", json_path = ".spec.verbs"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReferenceGrantSpec {
    /// Who may refer: each entry is one more permission; at least one.
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub from: Vec<GrantFrom>,
    /// What may be referred to: each entry is one more permission; at least one.
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub to: Vec<GrantTo>,
    /// What may be done. Default: `[Read]`. With `Write` the operator may also keep what it
    /// generates there; it never overwrites a Secret that it did not create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2), extend("x-kubernetes-list-type" = "set"))]
    pub verbs: Option<Vec<GrantVerb>>,
}

/// Objects that may refer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrantFrom {
    /// Kind of the referring objects.
    pub kind: GrantFromKind,
    /// Their namespace.
    pub namespace: Namespace,
}

/// Kinds that can refer to Secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum GrantFromKind {
    /// Applications, for their secrets.
    Client,
    /// Realms, for the password hashes of bootstrap accounts.
    Realm,
}

/// Objects that may be referred to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrantTo {
    /// Kind of the objects.
    pub kind: GrantToKind,
    /// Name of the one object. Default: every object of the kind in this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ObjectName>,
}

/// Kinds that can be referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum GrantToKind {
    /// A `v1` `Secret`.
    Secret,
}

/// What a grant allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum GrantVerb {
    /// Use the values.
    Read,
    /// Keep generated values there.
    Write,
}
