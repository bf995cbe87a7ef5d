//! `Scope`: what an OAuth scope releases, and how people are asked for it.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::claims::Claim;
use crate::conditions::ObjectStatus;
use crate::names::{Audience, ScopeToken};
use crate::references::{RealmRef, RoleRef};
use crate::rules::{forbidden, immutable, immutable_field};
use crate::texts::Texts;

/// An OAuth scope of a realm.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "realmwright.dev",
    version = "v1alpha1",
    kind = "Scope",
    namespaced,
    shortname = "rwscope",
    category = "realmwright",
    doc = "What an OAuth scope of a realm releases, and how people are asked for it.",
    status = "ObjectStatus",
    derive = "PartialEq",
    cel,
    printcolumn(name = "Realm", type_ = "string", json_path = ".spec.realmRef.name"),
    printcolumn(name = "Scope", type_ = "string", json_path = ".spec.scope"),
    printcolumn(name = "System", type_ = "boolean", json_path = ".spec.system"),
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
#[x_kube(validation = immutable_field("scope"))]
#[x_kube(validation = forbidden("consent", "!has(self.system) || !self.system || !has(self.consent)",
        "nobody is asked for a system scope"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScopeSpec {
    /// The realm. Immutable.
    #[x_kube(validation = immutable("realmRef cannot change: create the object anew"))]
    pub realm_ref: RealmRef,
    /// The scope token, RFC 6749 section 3.3. Default: the resource's name. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeToken>,
    /// Short name on the consent page. Default: the scope token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Texts>,
    /// How people are asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ScopeConsent>,
    /// Whether it is granted to `client_credentials` only, never in a person's name. Default:
    /// `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<bool>,
    /// Whether tokens and answers name it once it is granted. Default: `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_in_token: Option<bool>,
    /// Claims that it releases (OIDC-57). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub claims: Vec<Claim>,
    /// Audiences that it adds to access tokens (KC-MAP-03). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub audiences: Vec<Audience>,
    /// Roles of the person that it lets through to the client (KC-ROLE-04). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    pub roles: Vec<RoleRef>,
}

/// How people are asked for a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScopeConsent {
    /// Sentence on the consent page. Default: the display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Texts>,
    /// Whether people are asked for it where the client requires consent. Default: `true`; for
    /// `openid` only where it has a `text` or releases something, because by itself it says no
    /// more than that a person is the same one as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<bool>,
}
