//! `Client`: one application under one identifier.

mod oidc;

pub use oidc::{
    AccessTokenSettings, AssertionKeys, Authentication, GeneratedSecret, GrantType,
    IdTokenSettings, JwkSet, Logout, NoAuthentication, OidcSpec, Pkce, RefreshTokenSettings,
    RequestRequirements, RequestedScopes, ResponseType, SecretAuthentication, SecretMethod,
    SecretRotation,
};

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::claims::Claim;
use crate::conditions::ObjectStatus;
use crate::names::{ClientIdentifier, Expression, HttpUrl, Label, Line, ObjectName, RoleName, Tag};
use crate::references::{RealmRef, RoleRef};
use crate::rules::{alternatives, exactly_one_of, immutable, immutable_field};
use crate::texts::Texts;
use crate::transform::undescribed;

/// One application under one identifier for all protocols (APP-01).
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "realmwright.dev",
    version = "v1alpha1",
    kind = "Client",
    namespaced,
    shortname = "rwclient",
    category = "realmwright",
    doc = "One application under one identifier for all protocols.",
    status = "ObjectStatus",
    derive = "PartialEq",
    cel,
    printcolumn(name = "Realm", type_ = "string", json_path = ".spec.realmRef.name"),
    printcolumn(name = "Identifier", type_ = "string", json_path = ".spec.identifier"),
    printcolumn(name = "Disabled", type_ = "boolean", json_path = ".spec.disabled"),
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
#[x_kube(validation = immutable_field("identifier"))]
#[x_kube(validation = Rule::new("!has(self.oidc) || !has(self.identifier) || (!self.identifier.contains(':') && !self.identifier.contains('~'))")
        .message("an OAuth identifier contains neither `:` nor `~`").field_path(".identifier"))]
#[x_kube(validation = Rule::new("!has(self.identifier) || !self.identifier.startsWith('dyn~')")
        .message("identifiers that begin with `dyn~` are reserved for applications that register themselves").field_path(".identifier"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientSpec {
    /// The realm. Immutable.
    #[x_kube(validation = immutable("realmRef cannot change: create the object anew"))]
    pub realm_ref: RealmRef,
    /// Identifier in every protocol: OAuth `client_id`, SAML `entityID` (APP-01). Default: the
    /// resource's name. With `oidc` it contains neither `:` nor `~`; what begins with `dyn~` is
    /// reserved for applications that register themselves. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<ClientIdentifier>,
    /// Name on pages (APP-02). Default: the identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Texts>,
    /// What it is, for people who administer it. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Texts>,
    /// Where the application lives; where pages link back to (APP-03). Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<HttpUrl>,
    /// Address that starts a login anew, for people who come back to a page that has lost its
    /// request (APP-04). Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_url: Option<HttpUrl>,
    /// Free labels that conditions read as `client.tags` (APP-07). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"))]
    pub tags: Vec<Tag>,
    /// Name of a privacy domain. Applications of one domain see one and the same pairwise subject
    /// for a person, others another (APP-06). Default: none, the application sees the realm's own
    /// identifier. A change gives every person a new subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy_domain: Option<ObjectName>,
    /// Whether the application is switched off: every protocol refuses it. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Name of its `AuthFlow` (FLOW-02). Default: the realm's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<ObjectName>,
    /// Who may use it (APP-10). Default: everybody of the realm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Roles of this application (KC-ROLE-01). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 500),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub roles: Vec<ClientRole>,
    /// Which of a person's roles it may see (KC-ROLE-02). Default: none, but for those that its
    /// scopes let through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_scope: Option<RoleScope>,
    /// Claims that it gets beside those of its scopes (KC-MAP-06). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub claims: Vec<Claim>,
    /// Consent of people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ClientConsent>,
    /// OpenID Connect and OAuth 2.0. Default: none, the protocol refuses it (APP-20).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcSpec>,
}

/// Who may use an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Access {
    /// One rule that holds is enough (APP-10). An empty list is refused, because it could be read
    /// as everybody or as nobody.
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub rules: Vec<AccessRule>,
    /// What a denial looks like (APP-12). Default: `ProtocolError`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_deny: Option<OnDeny>,
}

/// A rule that allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessRule {
    /// Name in the audit.
    pub name: Label,
    /// Why it is there. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Line>,
    /// Whether the rule is left aside. Where every rule is, nobody gets in. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Condition of type bool; one that cannot be evaluated does not hold.
    pub when: Expression,
}

/// What a denial looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum OnDeny {
    /// A page of ours.
    ErrorPage,
    /// The error of the application's protocol: `access_denied`.
    ProtocolError,
}

/// A role of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientRole {
    /// Name in tokens and expressions.
    pub name: RoleName,
    /// Name for people. Default: the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Texts>,
}

/// Which of a person's roles an application may see: exactly one of `full` and `roles`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = exactly_one_of(&["full", "roles"]))]
#[schemars(extend("oneOf" = alternatives(&["full", "roles"])))]
#[x_kube(validation = Rule::new("!has(self.full) || self.full")
        .message("full is `true` or left out").field_path(".full"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleScope {
    /// `true`: all of them. Tokens grow with the person's roles (KC-ROLE-07).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<bool>,
    /// Only these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500), extend("x-kubernetes-list-type" = "atomic"))]
    pub roles: Option<Vec<RoleRef>>,
}

/// Consent of people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientConsent {
    /// Whether people are asked before data is released to it; an answer is remembered, and only
    /// what is new is asked for (OIDC-16). Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
}
