//! `AttributeStore`: where the accounts of a realm live.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::ObjectStatus;
use crate::references::RealmRef;
use crate::rules::{alternatives, exactly_one_of, immutable};
use crate::texts::Texts;

/// Where accounts of a realm live.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "realmwright.dev",
    version = "v1alpha1",
    kind = "AttributeStore",
    namespaced,
    shortname = "rwstore",
    category = "realmwright",
    doc = "Where accounts of a realm live.",
    status = "ObjectStatus",
    derive = "PartialEq",
    cel,
    printcolumn(name = "Realm", type_ = "string", json_path = ".spec.realmRef.name"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Accepted")].reason"#
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[x_kube(validation = exactly_one_of(&["internal"]))]
#[schemars(extend("oneOf" = alternatives(&["internal"])))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttributeStoreSpec {
    /// The realm. Immutable.
    #[x_kube(validation = immutable("realmRef cannot change: create the object anew"))]
    pub realm_ref: RealmRef,
    /// Name for people. Default: the resource's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Texts>,
    /// The region's own database; every account lives in exactly one store (ATTR-STORE-02). A
    /// realm that declares no store has one of this type; a realm can have one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal: Option<InternalStore>,
}

/// The region's own database as the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InternalStore {
    /// Most accounts that one search returns. Default: 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_results: Option<i32>,
}
