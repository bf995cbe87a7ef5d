//! The head of a placement.

use serde::{Deserialize, Serialize};

use crate::offer::Offer;

/// Which revision of each artefact is to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Head {
    /// Of the snapshot.
    pub incarnation: u64,
    /// Of the snapshot.
    pub revision: u64,
    /// Of the keyring.
    pub keyring: u64,
    /// Of the secret bundle.
    pub secrets: u64,
}

impl Head {
    /// Of what an offer holds.
    #[must_use]
    pub fn of(offer: &Offer) -> Self {
        let (incarnation, revision) = offer.envelope.order();
        Self {
            incarnation,
            revision,
            keyring: offer.keyring.revision,
            secrets: offer.secrets.revision,
        }
    }

    /// Whether none of the three is older than `other` says.
    #[must_use]
    pub fn is_at_least(&self, other: &Self) -> bool {
        (self.incarnation, self.revision) >= (other.incarnation, other.revision)
            && self.keyring >= other.keyring
            && self.secrets >= other.secrets
    }
}
