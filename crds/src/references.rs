//! References to other objects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{ClientIdentifier, Namespace, ObjectName, RoleName, SecretKey};

/// The realm that an object belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RealmRef {
    /// Name of the `Realm`.
    pub name: ObjectName,
    /// Namespace of the `Realm`. Default: the object's own. Another one must admit this kind and
    /// namespace in `Realm.spec.attach`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
}

/// One value in a Secret. The value itself never enters a snapshot, a status or a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKeyRef {
    /// Name of the Secret.
    pub name: ObjectName,
    /// Key in it.
    pub key: SecretKey,
    /// Namespace of the Secret. Default: the object's own. Another one must hold a
    /// `ReferenceGrant` for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
}

/// One value in a Secret, named from an object that has no namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSecretKeyRef {
    /// Namespace of the Secret.
    pub namespace: Namespace,
    /// Name of the Secret.
    pub name: ObjectName,
    /// Key in it.
    pub key: SecretKey,
}

/// A role, of the realm or of a client.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleRef {
    /// Identifier of the client whose role it is. Default: none, a role of the realm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientIdentifier>,
    /// Name of the role.
    pub role: RoleName,
}
