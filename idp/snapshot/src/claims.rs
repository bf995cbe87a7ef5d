//! Claims: what leaves about a person, from where, and into which token.

use serde::{Deserialize, Serialize};

use crate::{AttributeName, ClientId, DataClass, Expression, RoleName};

/// Where a claim's value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClaimSource {
    /// An attribute of the person (KC-MAP-01).
    Attribute(AttributeName),
    /// A fixed JSON value (KC-MAP-02).
    Constant(serde_json::Value),
    /// An expression over person, client, session and request.
    Expression(Expression),
    /// The realm roles that the client may see (KC-MAP-05).
    RealmRoles,
    /// Client roles that the client may see: of one client, or of all as an object by client.
    ClientRoles(Option<ClientId>),
    /// Groups of the person: the full path with a leading slash, or the last segment (KC-MAP-04).
    Groups {
        /// Whether the value is the full path.
        full_path: bool,
    },
    /// A claim that the flow put into the session (OIDC-63).
    SessionClaim(String),
}

/// Which answers carry a claim (KC-MAP-07).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimTargets {
    /// In the id token.
    pub id_token: bool,
    /// In JWT access tokens and in introspection.
    pub access_token: bool,
    /// In the userinfo answer.
    pub userinfo: bool,
}

/// One claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimSnapshot {
    /// Name in the token; dots make nested objects (`address.country`).
    pub claim: String,
    /// Where its value comes from.
    pub source: ClaimSource,
    /// Which answers carry it.
    pub targets: ClaimTargets,
    /// Strictest class of what the source reads, worked out by the compiler.
    pub data_class: DataClass,
}

/// A role, of the realm or of a client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoleRef {
    /// The client whose role it is; none for a realm role.
    pub client: Option<ClientId>,
    /// The role's name.
    pub role: RoleName,
}
