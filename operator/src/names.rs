//! Names of what the operator writes (`design.md` sections 4 and 5).

use realmwright_snapshot::{Digest, InstanceName, RealmId, RegionName};

/// Field manager of what the operator applies, and value of [`MANAGED_BY`].
pub const OPERATOR: &str = "realmwright-operator";

/// Who keeps an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Which artefact an object holds.
pub const ARTEFACT: &str = "realmwright.dev/artefact";

/// Which realm an artefact is of: label values are shorter than ids may be, so it is a digest.
pub const REALM: &str = "realmwright.dev/realm";

/// The id that [`REALM`] stands for.
pub const REALM_ID: &str = "realmwright.dev/realm-id";

/// Where one realm is served in one region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Placement {
    /// The region.
    pub region: RegionName,
    /// The instance whose pods serve it.
    pub instance: InstanceName,
    /// The realm.
    pub realm: RealmId,
}

impl Placement {
    /// Namespace of the pods, and of the artefacts that they read.
    #[must_use]
    pub fn namespace(&self) -> String {
        instance_namespace(&self.region, &self.instance)
    }
}

/// Namespace of one Deployment of a region.
#[must_use]
pub fn instance_namespace(region: &RegionName, instance: &InstanceName) -> String {
    format!("rw-{region}-{instance}")
}

/// Namespace of the authoritative keyrings of a region, which is never deleted.
#[must_use]
pub fn keys_namespace(region: &RegionName) -> String {
    format!("rw-{region}-keys")
}

/// Value of [`REALM`].
#[must_use]
pub fn realm_label(realm: &RealmId) -> String {
    Digest::of(realm.as_str().as_bytes())
        .to_string()
        .chars()
        .take(40)
        .collect()
}
