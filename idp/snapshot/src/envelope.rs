//! The envelope: what ships beside a snapshot and is not covered by its digest.

use serde::{Deserialize, Serialize};

use crate::{Digest, RealmId, RegionName};

/// Version of the snapshot format that this build writes.
pub const FORMAT: u32 = 1;

/// Features that this build enforces. A snapshot that requires another one is refused rather
/// than served with a restriction ignored.
pub const SUPPORTED_FEATURES: &[&str] = &[];

/// What ships beside a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// Snapshot format.
    pub format: u32,
    /// Features a pod must understand to enforce the content.
    pub requires: Vec<String>,
    /// The realm.
    pub realm: RealmId,
    /// The placement's region.
    pub region: RegionName,
    /// Compared before `revision`; grows when a cluster was restored from a backup.
    pub incarnation: u64,
    /// Grows with every shipped change.
    pub revision: u64,
    /// Digest that this one replaced.
    pub parent: Option<Digest>,
    /// Digest of the root manifest.
    pub digest: Digest,
    /// Oldest keyring that holds every key it names.
    pub min_keyring: u64,
    /// Oldest secret bundle that holds every handle it names.
    pub min_secrets: u64,
}

/// Why a pod does not take a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// Another format.
    #[error("snapshot format {0} is not {FORMAT}")]
    Format(u32),
    /// Unknown features.
    #[error("snapshot requires features this build does not enforce: {}", .0.join(", "))]
    Requires(Vec<String>),
    /// Older than what is served.
    #[error("revision {offered:?} is older than the served {served:?}")]
    Older {
        /// Incarnation and revision offered.
        offered: (u64, u64),
        /// Incarnation and revision served.
        served: (u64, u64),
    },
}

impl Envelope {
    /// Order of envelopes of one placement.
    #[must_use]
    pub const fn order(&self) -> (u64, u64) {
        (self.incarnation, self.revision)
    }

    /// Whether this build may serve it after what it serves now.
    ///
    /// # Errors
    /// [`EnvelopeFault`] says which restriction fails.
    pub fn admit(&self, served: Option<&Self>) -> Result<(), EnvelopeFault> {
        if self.format != FORMAT {
            return Err(EnvelopeFault::Format(self.format));
        }
        let unknown: Vec<_> = self
            .requires
            .iter()
            .filter(|feature| !SUPPORTED_FEATURES.contains(&feature.as_str()))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            return Err(EnvelopeFault::Requires(unknown));
        }
        match served {
            Some(served) if self.order() < served.order() => Err(EnvelopeFault::Older {
                offered: self.order(),
                served: served.order(),
            }),
            _ => Ok(()),
        }
    }
}
