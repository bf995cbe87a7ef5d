//! `Region`: a country's data centre, and what may run and be named there.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::names::{
    CountryCode, HostPattern, InstanceName, Namespace, ObjectName, Quantity, RealmId,
};
use crate::references::ClusterSecretKeyRef;
use crate::rules::immutable;
use crate::transform::{exactly_one, undescribed};

/// A place whose law holds the data of the people who log in there.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "realmwright.dev",
    version = "v1alpha1",
    kind = "Region",
    shortname = "rwregion",
    category = "realmwright",
    doc = "A place whose law holds the data of the people who log in there.",
    status = "RegionStatus",
    derive = "PartialEq",
    cel,
    validation = Rule::new("self.metadata.name.size() <= 30 && !self.metadata.name.contains('.')")
        .message("the name of a region has at most 30 characters and no dot: it is part of names of namespaces"),
    printcolumn(name = "Country", type_ = "string", json_path = ".spec.country"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[x_kube(validation = Rule::new("!has(self.allowedExports) || self.allowedExports.all(export, export.to != self.country)")
        .message("an export goes to another country than the region's own").field_path(".allowedExports"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegionSpec {
    /// Country whose law holds the region's data, ISO 3166-1 alpha-2. Immutable, because to change
    /// it would be an export of everybody (REGION-RES-04).
    #[x_kube(validation = immutable("the country of a region cannot change"))]
    pub country: CountryCode,
    /// Where its pods run: exactly one of `cluster` and `nodeSelector`. Default: any node of the
    /// operator's own cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Hosts that realms may serve here, and whose realms. Default: none, so that no realm can be
    /// placed here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["pattern"])
    )]
    pub hosts: Vec<HostGrant>,
    /// Deployments of the region. Default: one instance called `default`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub instances: Vec<Instance>,
    /// Database of every instance that names none. Default: none; `realmwright dev` brings its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// Countries that data may be sent to, and which. Default: none, nothing leaves the country
    /// (REGION-RES-01).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["to"])
    )]
    pub allowed_exports: Vec<AllowedExport>,
    /// How long the region's law has records kept; a realm that is placed here and declares
    /// otherwise is refused (CONF-STORE-03). Default: no bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionBounds>,
    /// Realms whose id does not begin with their namespace (a namespace was renamed, a realm
    /// restored). Nothing else can let a realm take a foreign id. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub adopt: Vec<Adoption>,
}

/// Where the pods of a region run: exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = exactly_one)]
pub enum Place {
    /// Name of the cluster whose operator handles this region.
    Cluster(ObjectName),
    /// Labels of the nodes of the operator's own cluster.
    NodeSelector(
        #[schemars(extend(
            "maxProperties" = 16,
            "additionalProperties" = { "type": "string", "maxLength": 63 }
        ))]
        BTreeMap<String, String>,
    ),
}

/// A host, or a set of hosts, and the namespaces whose realms may serve it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostGrant {
    /// A host name, or `*.` and a suffix for every host one label below it.
    pub pattern: HostPattern,
    /// Namespaces by name; at least one.
    #[schemars(length(min = 1, max = 256), extend("x-kubernetes-list-type" = "set"))]
    pub namespaces: Vec<Namespace>,
}

/// One Deployment of a region, in the namespace `rw-<region>-<instance>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("self.name != 'keys'")
        .message("an instance cannot be called `keys`: that namespace holds the region's keys").field_path(".name"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Instance {
    /// Name; `Realm.spec.placements[].instance` says it.
    pub name: InstanceName,
    /// How many pods. Default: 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<i32>,
    /// Resources of each pod. Default: those of the operator's settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Its own database. Default: the region's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
}

/// Resources of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// What the scheduler reserves. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<ResourceList>,
    /// What a pod may not exceed. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ResourceList>,
}

/// Quantities of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceList {
    /// CPU time per second, such as `500m`. Default: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Quantity>,
    /// Memory, such as `128Mi`. Default: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
}

/// A database. It must lie in the region's country.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Database {
    /// Secret that holds the connection URL, `postgres://...`.
    pub url_secret_ref: ClusterSecretKeyRef,
}

/// Permission to send data to another country.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedExport {
    /// Country that receives.
    pub to: CountryCode,
    /// Classes of data that may go there; at least one.
    #[schemars(length(min = 1, max = 3), extend("x-kubernetes-list-type" = "set"))]
    pub data_classes: Vec<DataClass>,
}

/// How long records are kept at least and at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetentionBounds {
    /// Bounds of `Realm.spec.retention.auditEvents`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_events: Option<PeriodBounds>,
    /// Bounds of `Realm.spec.retention.denials`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denials: Option<PeriodBounds>,
}

/// A shortest and a longest length of time; both are allowed themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.min) || has(self.max)")
        .message("at least one of min, max must be set"))]
#[x_kube(validation = Rule::new("!has(self.max) || duration(self.max) >= duration('24h')")
        .message("max is 24h or longer: no realm may keep less").field_path(".max"))]
#[x_kube(validation = Rule::new("!has(self.min) || !has(self.max) || duration(self.min) <= duration(self.max)")
        .message("min must not be longer than max").field_path(".min"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PeriodBounds {
    /// Shortest; to keep without end is longer than any. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Duration>,
    /// Longest, `24h` or more; the realm must then say how long. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Duration>,
}

/// How far a datum may travel.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[schemars(transform = undescribed)]
pub enum DataClass {
    /// Identifies nobody without the region's database.
    Pseudonymous,
    /// Personal data.
    Personal,
    /// Health data.
    Medical,
}

/// A realm that may carry a foreign id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Adoption {
    /// The id.
    pub id: RealmId,
    /// Namespace of the realm that may carry it.
    pub namespace: Namespace,
    /// Name of that realm.
    pub name: ObjectName,
}

/// What runs in the region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionStatus {
    /// `metadata.generation` that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions by type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
    /// Pods by instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub instances: Vec<InstanceStatus>,
}

/// Pods of one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatus {
    /// Name of the instance.
    pub name: InstanceName,
    /// Pods wanted.
    pub replicas: i32,
    /// Endpoints marked ready.
    pub ready_replicas: i32,
    /// Ready pods that serve an older revision of some realm than its head names.
    pub lagging_replicas: i32,
    /// Names of the lagging pods, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"))]
    pub lagging_pods: Vec<ObjectName>,
}
