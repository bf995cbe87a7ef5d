//! The three artefacts of a placement together.

use std::sync::Arc;

use realmwright_keys::{Keyring, SecretBundle};
use realmwright_snapshot::{
    Digest, Envelope, EnvelopeFault, FORMAT, RealmCore, RealmId, RegionName, SealFault, Sealed,
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

/// Why an offer may not be served, whoever would serve it.
#[derive(Debug, thiserror::Error)]
pub enum AdmitFault {
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
}

impl Offer {
    /// What follows `former`: the same revision for the same content, else the next one.
    #[must_use]
    pub fn after(
        former: Option<&Self>,
        realm: RealmId,
        region: RegionName,
        sealed: Arc<Sealed>,
        keyring: Arc<Keyring>,
        secrets: Arc<SecretBundle>,
    ) -> Self {
        let former = former.map(|former| &former.envelope);
        let envelope = match former {
            Some(former) if former.digest == sealed.digest => former.clone(),
            _ => Envelope {
                format: FORMAT,
                requires: Vec::new(),
                realm,
                region,
                incarnation: former.map_or(1, |former| former.incarnation),
                revision: former.map_or(1, |former| former.revision + 1),
                parent: former.map(|former| former.digest),
                digest: sealed.digest,
                min_keyring: keyring.revision,
                min_secrets: secrets.revision,
            },
        };
        Self {
            envelope,
            sealed,
            keyring,
            secrets,
        }
    }

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

    /// Checks all that can be checked without opening more of it than its core; `former` is what
    /// it would follow.
    ///
    /// # Errors
    /// [`AdmitFault`] says why it cannot be served.
    pub fn admit(&self, former: Option<&Self>) -> Result<RealmCore, AdmitFault> {
        self.envelope.admit(former.map(|former| &former.envelope))?;
        self.check_revisions(former)?;
        let core = realmwright_snapshot::open_core(&self.sealed)?;
        self.check_names(&core)?;
        Ok(core)
    }

    fn check_revisions(&self, former: Option<&Self>) -> Result<(), AdmitFault> {
        if let Some(former) = former {
            if self.keyring.revision < former.keyring.revision {
                return Err(AdmitFault::OlderKeyring {
                    offered: self.keyring.revision,
                    served: former.keyring.revision,
                });
            }
            if self.secrets.revision < former.secrets.revision {
                return Err(AdmitFault::OlderSecrets {
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
            return Err(AdmitFault::Incomplete {
                keyring: min_keyring,
                secrets: min_secrets,
            });
        }
        if self.sealed.digest != digest {
            return Err(AdmitFault::Digest {
                found: self.sealed.digest,
                named: digest,
            });
        }
        Ok(())
    }

    fn check_names(&self, core: &RealmCore) -> Result<(), AdmitFault> {
        let realm = self.realm();
        [&core.id, &self.keyring.realm, &self.secrets.realm]
            .into_iter()
            .find(|other| *other != realm)
            .map_or(Ok(()), |other| Err(AdmitFault::OtherRealm(other.clone())))
    }
}
