//! Claims: what leaves about a person, from where, and into which answers. Shared by `Scope` and
//! `Client`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{AttributeName, ClaimName, ClientIdentifier, Expression};
use crate::texts::Json;
use crate::transform::{empty, exactly_one, undescribed};

/// One claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    /// Name in the token. Dots make nested objects: `address.country`.
    pub name: ClaimName,
    /// Where its value comes from. Absent values leave the claim out (KC-MAP-01).
    pub from: ClaimSource,
    /// Which answers carry it (KC-MAP-07). Default: `IdToken` and `UserInfo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3), extend("x-kubernetes-list-type" = "set"))]
    pub targets: Option<Vec<ClaimTarget>>,
}

/// Where a claim's value comes from: exactly one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[schemars(transform = exactly_one)]
pub enum ClaimSource {
    /// An attribute of the person, or `sub` (KC-MAP-01).
    Attribute(AttributeName),
    /// A fixed JSON value (KC-MAP-02).
    Constant(Json),
    /// A value of an expression over person, client, session and request (KC-MAP-08).
    Expression(Expression),
    /// The realm roles of the person that the client may see (KC-MAP-05).
    RealmRoles(RealmRolesSource),
    /// The client roles of the person that the client may see.
    ClientRoles(ClientRolesSource),
    /// The groups of the person (KC-MAP-04).
    Groups(GroupsSource),
    /// A claim that a flow put into the session; declared in `Realm.spec.sessionClaims`.
    SessionClaim(ClaimName),
}

/// The realm roles of the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = empty)]
pub struct RealmRolesSource {}

/// Client roles of the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientRolesSource {
    /// Identifier of the client whose roles make a list. Default: the roles of all clients, as an
    /// object by client identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientIdentifier>,
}

/// Groups of the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupsSource {
    /// `true`: full paths with a leading slash; `false`: the last segments. Default: `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_path: Option<bool>,
}

/// An answer that can carry claims.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[schemars(transform = undescribed)]
pub enum ClaimTarget {
    /// The id token.
    IdToken,
    /// JWT access tokens and introspection.
    AccessToken,
    /// The userinfo answer.
    UserInfo,
}
