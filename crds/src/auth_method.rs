//! `AuthMethod`: one way in which people prove who they are.

mod password;
mod totp;

pub use password::{
    CharacterGroup, Hashing, Lockout, MatchCondition, MatchRule, PasswordMethod, PasswordPolicy,
    PolicyCheck, PolicyCheckMode,
};
pub use totp::{Enrolment, OtpAlgorithm, TotpMethod};

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::conditions::ObjectStatus;
use crate::references::RealmRef;
use crate::rules::{alternatives, exactly_one_of, immutable};
use crate::texts::Texts;

/// One way in which people of a realm prove who they are.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "realmwright.dev",
    version = "v1alpha1",
    kind = "AuthMethod",
    namespaced,
    shortname = "rwmethod",
    category = "realmwright",
    doc = "One way in which people of a realm prove who they are.",
    status = "ObjectStatus",
    derive = "PartialEq",
    cel,
    printcolumn(name = "Realm", type_ = "string", json_path = ".spec.realmRef.name"),
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
#[x_kube(validation = exactly_one_of(&["password", "totp"]))]
#[schemars(extend("oneOf" = alternatives(&["password", "totp"])))]
#[x_kube(validation = Rule::new("has(self.password) == has(oldSelf.password) && has(self.totp) == has(oldSelf.totp)")
        .message("a method cannot become another one: people hold credentials for it"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthMethodSpec {
    /// The realm. Immutable.
    #[x_kube(validation = immutable("realmRef cannot change: create the object anew"))]
    pub realm_ref: RealmRef,
    /// Label where people choose among methods. Default: the method's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Texts>,
    /// Whether the method is switched off: flows pass it by. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Login and password, a first factor (AUTH-PWD). Exactly one of the methods must be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordMethod>,
    /// Time-based one-time password, RFC 6238, a second factor (AUTH-TOTP-01). Exactly one of the
    /// methods must be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<TotpMethod>,
}

/// The method that a spec sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method<'a> {
    /// Login and password.
    Password(&'a PasswordMethod),
    /// Time-based one-time password.
    Totp(&'a TotpMethod),
}

impl AuthMethodSpec {
    /// The method; none when the schema's rule of exactly one is broken.
    #[must_use]
    pub const fn method(&self) -> Option<Method<'_>> {
        match (&self.password, &self.totp) {
            (Some(password), None) => Some(Method::Password(password)),
            (None, Some(totp)) => Some(Method::Totp(totp)),
            _ => None,
        }
    }
}
