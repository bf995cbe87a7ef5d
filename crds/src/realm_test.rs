//! `RealmTest`: tests of the configuration, in the configuration.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::ObjectStatus;
use crate::duration::Duration;
use crate::names::{ClientIdentifier, GroupPath, IpAddress, Label, ObjectName, ScopeToken};
use crate::references::{RealmRef, RoleRef};
use crate::rules::{forbidden, immutable};
use crate::texts::Json;
use crate::transform::undescribed;

/// Tests of a realm's configuration. A case that fails stops the realm's change.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "realmwright.dev",
    version = "v1alpha1",
    kind = "RealmTest",
    namespaced,
    shortname = "rwtest",
    category = "realmwright",
    doc = "Tests of a realm's configuration. A case that fails stops the realm's change.",
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
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RealmTestSpec {
    /// The realm. Immutable.
    #[x_kube(validation = immutable("realmRef cannot change: create the object anew"))]
    pub realm_ref: RealmRef,
    /// The cases, each on its own; at least one.
    #[schemars(
        length(min = 1, max = 128),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub cases: Vec<Case>,
}

/// One case: given a person, a client, a request and a context, expect an outcome.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// Name in the report.
    pub name: Label,
    /// Who logs in. Default: somebody with no attributes who holds the credentials of every method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<TestPerson>,
    /// Identifier of the application.
    pub client: ClientIdentifier,
    /// What the application asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<TestRequest>,
    /// From where, when, and with which session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<TestContext>,
    /// What must come of it; what is left out is not compared.
    pub expect: Expectation,
}

/// A person of a test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestPerson {
    /// Attributes by name, invented. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 128))]
    pub attributes: BTreeMap<String, Json>,
    /// Names of the `AuthMethod`s whose credential the person holds. Default: all of the realm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"))]
    pub credentials: Option<Vec<ObjectName>>,
    /// How many factors the person demands, 1 or 2. Default: none demanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2))]
    pub required_factors: Option<i32>,
    /// Roles that the person holds beside the default ones. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub roles: Vec<RoleRef>,
    /// Groups of the person, as full paths. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub groups: Vec<GroupPath>,
    /// Whether the account is locked. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
}

/// An authorization request of a test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(self.prompt) || !('none' in self.prompt) || self.prompt.size() == 1")
        .message("prompt `none` stands alone").field_path(".prompt"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestRequest {
    /// Scopes asked for. Default: the client's default scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "set"))]
    pub scopes: Option<Vec<ScopeToken>>,
    /// Values of `prompt`. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "set"))]
    pub prompt: Vec<Prompt>,
    /// `max_age`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
    /// Values of `acr_values`, the preferred first. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        extend("x-kubernetes-list-type" = "atomic"),
        inner(length(min = 1, max = 255))
    )]
    pub acr_values: Vec<String>,
}

/// Values of `prompt`, OpenID Connect Core section 3.1.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = undescribed)]
pub enum Prompt {
    /// Ask nothing.
    None,
    /// Authenticate anew.
    Login,
    /// Ask for consent anew.
    Consent,
    /// Let the person choose an account.
    SelectAccount,
}

/// From where, when, and with which session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestContext {
    /// Address of the browser. Default: `203.0.113.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddress>,
    /// When, RFC 3339. Default: `2026-01-01T00:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// Text of `User-Agent`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub user_agent: Option<String>,
    /// The single sign-on session that the browser brings. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<TestSession>,
}

/// A session of a test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestSession {
    /// Names of the `AuthMethod`s passed in it, in order; at least one.
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub methods: Vec<ObjectName>,
    /// How long ago they were passed. Default: `1m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<Duration>,
    /// Claims that a flow put into it. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub claims: BTreeMap<String, Json>,
}

/// What must come of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = forbidden("denial", "!has(self.denial) || self.result == 'Denied'", "only a denied case has a denial"))]
#[x_kube(validation = forbidden("claims", "!has(self.claims) || self.result == 'Allowed'", "a denied case has no claims"))]
#[x_kube(validation = forbidden("consent", "!has(self.consent) || self.result == 'Allowed'", "a denied case has no consent"))]
#[x_kube(validation = forbidden("singleSession", "!has(self.singleSession) || self.result == 'Allowed'", "a denied case has no singleSession"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectation {
    /// The methods offered at each step, in order; the test passes the first of each. An empty
    /// list expects that nothing is asked. Default: not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 16),
        extend(
            "x-kubernetes-list-type" = "atomic",
            "items" = {
                "type": "array",
                "minItems": 1,
                "maxItems": 32,
                "x-kubernetes-list-type": "set",
                "items": { "type": "string", "minLength": 1, "maxLength": 253 }
            }
        )
    )]
    pub steps: Option<Vec<Vec<ObjectName>>>,
    /// How it ends.
    pub result: TestResult,
    /// Name of the rule that denies; only with `Denied`. Default: not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denial: Option<Label>,
    /// Claims in the answers; only with `Allowed`. Default: not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<ExpectedClaims>,
    /// Scopes that the consent page asks for, in any order; an empty list expects no page. Only
    /// with `Allowed`. Default: not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "set"))]
    pub consent: Option<Vec<ScopeToken>>,
    /// Whether the person's other sessions end (FLOW-25). Only with `Allowed`. Default: not
    /// compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_session: Option<bool>,
}

/// How a case ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum TestResult {
    /// The application gets its answer.
    #[default]
    Allowed,
    /// A deny rule or an access rule refuses.
    Denied,
}

/// Claims in the answers. Each named claim must have the value, `null` that it is absent; claims
/// that are not named are not compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectedClaims {
    /// Claims of the id token. Default: not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 128))]
    pub id_token: Option<BTreeMap<String, Json>>,
    /// Claims of the access token. Default: not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 128))]
    pub access_token: Option<BTreeMap<String, Json>>,
    /// Claims of the userinfo answer. Default: not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 128))]
    pub user_info: Option<BTreeMap<String, Json>>,
}
