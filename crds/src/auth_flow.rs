//! `AuthFlow`: what is asked, of whom, when.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::ObjectStatus;
use crate::names::{ClaimName, Expression, Label, ObjectName};
use crate::references::RealmRef;
use crate::rules::{forbidden, immutable, names_apart};
use crate::texts::Texts;
use crate::transform::{exactly_one, undescribed};

/// For people who know a rule by its name, in audit and tests.
const ONE_NAME: &str = "the name of a rule is unique in its flow";

/// What is asked at a login, of whom, when (FLOW-01).
///
/// Decided at entry, single sign-on included, and after each step (FLOW-03): first the rules of
/// `deny`, then the first rule of the list that holds; when none does, the standard semantics of
/// FLOW-06. A flow can only strengthen what the realm and the person demand.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "realmwright.dev",
    version = "v1alpha1",
    kind = "AuthFlow",
    namespaced,
    shortname = "rwflow",
    category = "realmwright",
    doc = "What is asked at a login, of whom, when.",
    status = "ObjectStatus",
    derive = "PartialEq",
    cel,
    printcolumn(name = "Realm", type_ = "string", json_path = ".spec.realmRef.name"),
    printcolumn(
        name = "Factors",
        type_ = "integer",
        json_path = ".spec.requiredFactors"
    ),
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
#[x_kube(validation = names_apart("entry", "deny", ONE_NAME))]
#[x_kube(validation = names_apart("afterStep", "deny", ONE_NAME))]
#[x_kube(validation = names_apart("afterStep", "entry", ONE_NAME))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthFlowSpec {
    /// The realm. Immutable.
    #[x_kube(validation = immutable("realmRef cannot change: create the object anew"))]
    pub realm_ref: RealmRef,
    /// Name for people who administer it. Default: the resource's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Texts>,
    /// How many factors it demands at least, 1 or 2 (FLOW-20). Default: what realm and person
    /// demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2))]
    pub required_factors: Option<i32>,
    /// Intended exclusions, evaluated at entry and after each step, and again before a code is
    /// issued, at redemption and at refresh. A condition that cannot be evaluated denies. Default:
    /// none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub deny: Vec<DenyRule>,
    /// Rules at entry; the first that holds decides. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub entry: Vec<FlowRule>,
    /// Rules after each completed step; the first that holds decides. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub after_step: Vec<FlowRule>,
}

/// An exclusion that the author means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DenyRule {
    /// Name for audit, tests and messages; unique in its flow.
    pub name: Label,
    /// Condition of type bool.
    pub when: Expression,
    /// What the person reads.
    pub message: Texts,
    /// Who gets the denial. Default: `Page`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show: Option<DenyTarget>,
}

/// Who gets a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum DenyTarget {
    /// The person, on a page of ours.
    Page,
    /// The application, as the error of its protocol.
    Client,
}

/// A rule of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlowRule {
    /// Name for audit, tests and messages; unique in its flow.
    pub name: Label,
    /// Condition of type bool; one that cannot be evaluated does not hold. Default: it always
    /// holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Expression>,
    /// What then happens: exactly one.
    pub then: Outcome,
}

/// What a rule decides (FLOW-07): exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = exactly_one)]
pub enum Outcome {
    /// Ask for more.
    More(MethodSelection),
    /// End the person's session, tell its applications, then ask.
    LogoutThenMore(MethodSelection),
    /// Forget the session in this browser, then ask (FLOW-41).
    ResetSessionThenMore(MethodSelection),
    /// Finish, as soon as the factors that realm, flow and person demand are passed; until then
    /// ask for more.
    Enough(Enough),
    /// Refuse.
    Deny(Deny),
}

/// Which methods are offered: `methods`, or all but `except`, or all when neither is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = forbidden("except", "!has(self.methods) || !has(self.except)",
        "methods and except cannot both be set"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MethodSelection {
    /// Only these `AuthMethod`s; at least one. The first that a person can use is shown, and the
    /// others, in this order, when they ask for another way. Default: all, in the order of their
    /// names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-list-type" = "set"))]
    pub methods: Option<Vec<ObjectName>>,
    /// Every method but these; at least one. Default: none is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-list-type" = "set"))]
    pub except: Option<Vec<ObjectName>>,
}

/// The end of a login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Enough {
    /// Whether the person's other sessions end (FLOW-25). Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_other_sessions: Option<bool>,
    /// Claims that are put into the session (FLOW-26). Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub claims: Vec<SessionClaim>,
}

/// A claim that is put into the session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionClaim {
    /// Name, declared in `Realm.spec.sessionClaims`.
    pub name: ClaimName,
    /// Expression for its value; there is no claim when the value is absent or empty.
    pub value: Expression,
}

/// A refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deny {
    /// What the person reads.
    pub message: Texts,
    /// Who gets the denial. Default: `Page`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show: Option<DenyTarget>,
}
