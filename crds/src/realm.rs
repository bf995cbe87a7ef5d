//! `Realm`: one body of people, with its issuers, attributes, sessions, tokens and keys.

mod attributes;
mod protection;
mod retention;
mod tokens;

pub use attributes::{AttributeSpec, Input, Purposes, ValueKind};
pub use protection::{PasswordQueue, Protection};
pub use retention::Retention;
pub use tokens::{
    AccessTokenPolicy, IdTokenPolicy, KeyPolicy, RefreshTokenPolicy, Sessions, SigningAlgorithm,
    TokenFormat, TokenPolicy,
};

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{
    ClaimName, GroupPath, HttpUrl, InstanceName, Label, Locale, Namespace, ObjectName, RealmId,
    RoleName, ScopeToken,
};
use crate::references::{RoleRef, SecretKeyRef};
use crate::rules::immutable_field;
use crate::texts::{Json, Texts};
use crate::transform::undescribed;

/// One body of people who log in, and everything that holds for all of its applications.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "realmwright.dev",
    version = "v1alpha1",
    kind = "Realm",
    namespaced,
    shortname = "rwrealm",
    category = "realmwright",
    doc = "One body of people who log in, and everything that holds for all of its applications.",
    status = "RealmStatus",
    derive = "PartialEq",
    cel,
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
        name = "Issuer",
        type_ = "string",
        json_path = ".spec.placements[0].issuer"
    ),
    printcolumn(
        name = "Revision",
        type_ = "integer",
        json_path = ".status.placements[0].revision"
    ),
    printcolumn(
        name = "Pinned",
        type_ = "string",
        priority = 1,
        json_path = r#".status.conditions[?(@.type=="Pinned")].status"#
    ),
    printcolumn(name = "Id", type_ = "string", priority = 1, json_path = ".status.id"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[x_kube(validation = immutable_field("id"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RealmSpec {
    /// The realm's id in every table and key. Default: `<namespace>.<name>`. It must begin with
    /// the realm's own namespace and a dot, unless `Region.spec.adopt` names it. Its presence and
    /// its value are immutable together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RealmId>,
    /// Name on pages. Default: the resource's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Texts>,
    /// Regions that serve the realm; each has its own issuer, keys and people.
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["region"])
    )]
    pub placements: Vec<Placement>,
    /// Where the endpoints lie under the issuer. Default: `Realmwright`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Languages. Default: English, Ukrainian and Russian with English as the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locales: Option<Locales>,
    /// What is known about people, in the order in which people see it (ATTR-STORED-02). `sub`, the
    /// immutable identifier, is built in (pseudonymous text) and cannot be declared. Default:
    /// only `sub`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub attributes: Vec<AttributeSpec>,
    /// Which attributes play which part (ATTR-PURP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purposes: Option<Purposes>,
    /// Names of claims that flows may put into sessions. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub session_claims: Vec<ClaimName>,
    /// How many factors everybody passes at least, 1 or 2 (AUTH-GEN-01). Default: 1. Flows and
    /// people can demand more, never less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2))]
    pub required_factors: Option<i32>,
    /// Single sign-on sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Sessions>,
    /// Tokens, where a client does not say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenPolicy>,
    /// Signing keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeyPolicy>,
    /// Name of the `AuthFlow` of clients that name none. Default: the standard flow: single
    /// sign-on, else any method until the required factors are passed (FLOW-06).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<ObjectName>,
    /// Protection of the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection: Option<Protection>,
    /// How long records are kept that have no end of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Roles of the realm (KC-ROLE-01). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 1000),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub roles: Vec<RealmRole>,
    /// Roles of the realm that everybody holds. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub default_roles: Vec<RoleName>,
    /// Which namespaces may attach which kinds. Default: only the realm's own namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub attach: Vec<Attachment>,
    /// Accounts that are created when absent and never updated. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub bootstrap_accounts: Vec<BootstrapAccount>,
}

/// The realm in one region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("self.issuer.startsWith('https://')")
        .message("an issuer is https").field_path(".issuer"))]
#[x_kube(validation = Rule::new("!self.issuer.endsWith('/') && !self.issuer.contains('?') && !self.issuer.contains('#')")
        .message("an issuer has no trailing slash, no query and no fragment").field_path(".issuer"))]
#[x_kube(validation = Rule::new("!has(self.backendUrl) || (!self.backendUrl.endsWith('/') && !self.backendUrl.contains('?') && !self.backendUrl.contains('#'))")
        .message("a backend URL has no trailing slash, no query and no fragment").field_path(".backendUrl"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Placement {
    /// Name of the `Region`. It decides where the people's data lie.
    pub region: ObjectName,
    /// Instance of the region. Default: `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceName>,
    /// Issuer as tokens say it: https, no query, no trailing slash. Its host must be granted by
    /// `Region.spec.hosts`. `realmwright dev` serves it at its own origin instead.
    pub issuer: HttpUrl,
    /// Base of the endpoints that applications call directly (token, userinfo, introspection,
    /// revocation, JWKS), where it differs from the issuer. Default: the issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_url: Option<HttpUrl>,
}

/// Where the endpoints lie under the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum Layout {
    /// `/oauth2/authorize`, `/oauth2/token` and so on.
    Realmwright,
}

/// Languages of a realm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(self.default) || self.default in self.supported")
        .message("the default language must be one of the supported ones").field_path(".default"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Locales {
    /// Languages in the order of the language menu; at least one.
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-list-type" = "set"))]
    pub supported: Vec<Locale>,
    /// Language when nothing else decides; one of `supported`. Default: the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Locale>,
    /// Whether the browser's `Accept-Language` is left aside. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_browser: Option<bool>,
}

/// A role of the realm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RealmRole {
    /// Name in tokens and expressions.
    pub name: RoleName,
    /// Name for people. Default: the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Texts>,
    /// Roles that come with it, transitively; a cycle is refused (KC-ROLE-05). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub includes: Vec<RoleRef>,
}

/// Permission to attach objects of other namespaces to the realm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    /// Kinds that may be attached; at least one.
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "set"))]
    pub kinds: Vec<AttachableKind>,
    /// Namespaces by name; at least one.
    #[schemars(length(min = 1, max = 256), extend("x-kubernetes-list-type" = "set"))]
    pub namespaces: Vec<Namespace>,
    /// Scopes that their clients may name. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "set"))]
    pub scopes: Vec<ScopeToken>,
}

/// Kinds that can be attached from another namespace.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[schemars(transform = undescribed)]
pub enum AttachableKind {
    /// Applications.
    Client,
}

/// An account that is created when absent and never updated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BootstrapAccount {
    /// Name in this list; the key by which a later start knows that the account exists.
    pub name: Label,
    /// Attributes at creation, by name; values of the attribute's type. Default: none. Never put personal data
    /// here: Git and the cluster API lie outside the region (REGION-RES-02).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 128))]
    pub attributes: BTreeMap<String, Json>,
    /// Secret that holds the password hash: PHC text (Argon2id, scrypt, PBKDF2) or bcrypt. Default:
    /// none, the account has no password until one is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash_secret_ref: Option<SecretKeyRef>,
    /// Whether the first login asks for a new password (AUTH-PWD-07). Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub must_change_password: Option<bool>,
    /// Roles at creation. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub roles: Vec<RoleRef>,
    /// Groups at creation, as full paths. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub groups: Vec<GroupPath>,
}

/// What is served.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RealmStatus {
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
    /// The id in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RealmId>,
    /// What each placement serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["region"])
    )]
    pub placements: Vec<PlacementStatus>,
}

/// What one placement serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacementStatus {
    /// Name of the `Region`.
    pub region: ObjectName,
    /// Instance of the region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceName>,
    /// Whether another cluster's operator serves it; then nothing else is known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<bool>,
    /// Compared before the revision; counted up when a restored cluster takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<i64>,
    /// Revision of the snapshot that the head names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// Digest of that snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub digest: Option<String>,
    /// Revision of the keyring that the head names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyring_revision: Option<i64>,
    /// Revision of the secret bundle that the head names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets_revision: Option<i64>,
}
