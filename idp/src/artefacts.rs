//! The three artefacts of a placement together: a sealed snapshot with its envelope, the keyring
//! and the secret bundle. Each has its own revision; only together can they be served.

use std::sync::Arc;

use jiff::Timestamp;
use realmwright_engine::{PrepareFault, RuntimeRealm, SnapshotVersion};
use realmwright_keys::{Keyring, SecretBundle};
use realmwright_snapshot::{
    Digest, Envelope, EnvelopeFault, RealmCore, RealmId, SealFault, Sealed,
};

/// What a source offers to serve.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What ships beside the snapshot.
    pub envelope: Envelope,
    /// The snapshot.
    pub sealed: Arc<Sealed>,
    /// Its keys.
    pub keyring: Arc<Keyring>,
    /// Its secrets.
    pub secrets: Arc<SecretBundle>,
}

/// Why an offer is not served. What was served before goes on.
#[derive(Debug, thiserror::Error)]
pub enum OfferFault {
    /// Another format, an unknown feature, or an older revision.
    #[error("the snapshot is not admitted")]
    Envelope(#[from] EnvelopeFault),
    /// The keyring is older than the one served.
    #[error("keyring {offered} is older than the served {served}")]
    OlderKeyring {
        /// Revision offered.
        offered: u64,
        /// Revision served.
        served: u64,
    },
    /// The secret bundle is older than the one served.
    #[error("secret bundle {offered} is older than the served {served}")]
    OlderSecrets {
        /// Revision offered.
        offered: u64,
        /// Revision served.
        served: u64,
    },
    /// The snapshot names a keyring or bundle that has not arrived.
    #[error("the snapshot needs keyring {keyring} and secret bundle {secrets} at least")]
    Incomplete {
        /// Oldest keyring that will do.
        keyring: u64,
        /// Oldest bundle that will do.
        secrets: u64,
    },
    /// The envelope names another snapshot than the one beside it.
    #[error("the snapshot has digest {found}, the envelope names {named}")]
    Digest {
        /// Digest of what came.
        found: Digest,
        /// Digest that the envelope names.
        named: Digest,
    },
    /// An artefact of another realm lies among them.
    #[error("an artefact of realm {0} was offered as one of another")]
    OtherRealm(RealmId),
    /// Altered or malformed bytes.
    #[error("the snapshot cannot be opened")]
    Seal(#[from] SealFault),
    /// It cannot be made ready.
    #[error("the realm cannot be prepared")]
    Prepare(#[from] PrepareFault),
}

impl Offer {
    /// The realm.
    #[must_use]
    pub const fn realm(&self) -> &RealmId {
        &self.envelope.realm
    }

    /// Whether nothing differs that could be seen.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.envelope == other.envelope
            && self.keyring.revision == other.keyring.revision
            && self.secrets.revision == other.secrets.revision
    }

    /// Which snapshot it holds.
    #[must_use]
    pub const fn version(&self) -> SnapshotVersion {
        SnapshotVersion {
            incarnation: self.envelope.incarnation,
            revision: self.envelope.revision,
            digest: self.envelope.digest,
        }
    }

    /// Checks all that can be checked without opening more of it than its core; `former` is what
    /// it would follow.
    ///
    /// # Errors
    /// [`OfferFault`] says why it cannot be served.
    pub(crate) fn admit(&self, former: Option<&Self>) -> Result<RealmCore, OfferFault> {
        self.envelope.admit(former.map(|former| &former.envelope))?;
        self.check_revisions(former)?;
        let core = realmwright_snapshot::open_core(&self.sealed)?;
        self.check_names(&core)?;
        Ok(core)
    }

    /// Makes it ready. Parts that did not change are shared with `former`, which is prepared.
    ///
    /// # Errors
    /// [`OfferFault`] says why it cannot be served.
    pub(crate) fn prepare(
        &self,
        former: Option<(&Self, &RuntimeRealm)>,
        now: Timestamp,
    ) -> Result<RuntimeRealm, OfferFault> {
        let snapshot = match former {
            Some((offer, realm)) if offer.sealed.digest == self.sealed.digest => {
                Arc::clone(realm.snapshot())
            }
            _ => {
                let former = former.map(|(offer, realm)| (&*offer.sealed, &**realm.snapshot()));
                Arc::new(realmwright_snapshot::open(&self.sealed, former)?)
            }
        };
        Ok(RuntimeRealm::prepare(
            snapshot,
            self.version(),
            Arc::clone(&self.keyring),
            Arc::clone(&self.secrets),
            now,
            former.map(|(_, realm)| realm),
        )?)
    }

    fn check_revisions(&self, former: Option<&Self>) -> Result<(), OfferFault> {
        if let Some(former) = former {
            if self.keyring.revision < former.keyring.revision {
                return Err(OfferFault::OlderKeyring {
                    offered: self.keyring.revision,
                    served: former.keyring.revision,
                });
            }
            if self.secrets.revision < former.secrets.revision {
                return Err(OfferFault::OlderSecrets {
                    offered: self.secrets.revision,
                    served: former.secrets.revision,
                });
            }
        }
        let Envelope {
            min_keyring,
            min_secrets,
            digest,
            ..
        } = self.envelope;
        if self.keyring.revision < min_keyring || self.secrets.revision < min_secrets {
            return Err(OfferFault::Incomplete {
                keyring: min_keyring,
                secrets: min_secrets,
            });
        }
        if self.sealed.digest != digest {
            return Err(OfferFault::Digest {
                found: self.sealed.digest,
                named: digest,
            });
        }
        Ok(())
    }

    fn check_names(&self, core: &RealmCore) -> Result<(), OfferFault> {
        let realm = self.realm();
        [&core.id, &self.keyring.realm, &self.secrets.realm]
            .into_iter()
            .find(|other| *other != realm)
            .map_or(Ok(()), |other| Err(OfferFault::OtherRealm(other.clone())))
    }
}
