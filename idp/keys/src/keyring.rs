//! The keyring: every key of a realm in a region, with where each is in its life.

use std::fmt;

use jiff::Timestamp;
use realmwright_snapshot::{Period, RealmId, SigningAlgorithm};
use serde::{Deserialize, Serialize};

use crate::jwk::{KeyFault, PublicJwk};
use crate::material::{KeyId, Material};

/// What a key is for. A key has one purpose for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "camelCase")]
pub enum Purpose {
    /// Signs tokens.
    Sign {
        /// The only algorithm it is used with.
        alg: SigningAlgorithm,
    },
    /// Decrypts what is encrypted to the realm (JWE). Made once something asks for it.
    Encrypt,
    /// Seals cookies and state that travel through a browser.
    Seal,
    /// Encrypts fields at rest, such as TOTP seeds.
    DataKey,
    /// Makes keyed look-up values.
    BlindIndex,
    /// Derives pairwise subjects.
    Pairwise,
    /// Keys the hashes of secrets and pseudonyms.
    Pepper,
}

/// How keys of a purpose follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// By schedule; strangers hold public parts in caches, so activation waits for those too.
    Published,
    /// By schedule; only our pods know it, so activation waits for them alone.
    Private,
    /// By schedule, but former keys stay until what they encrypted was written anew.
    Retained,
    /// Never by itself: a change changes identifiers that others have stored, so it takes an
    /// explicit migration.
    Migration,
}

impl Purpose {
    /// How keys of this purpose follow each other.
    #[must_use]
    pub const fn rotation(self) -> Rotation {
        match self {
            Self::Sign { .. } | Self::Encrypt => Rotation::Published,
            Self::Seal => Rotation::Private,
            Self::DataKey => Rotation::Retained,
            Self::BlindIndex | Self::Pairwise | Self::Pepper => Rotation::Migration,
        }
    }
}

/// As people read it: `sign ES256`, `data-key`.
impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sign { alg } => write!(f, "sign {}", alg.as_str()),
            Self::Encrypt => f.write_str("encrypt"),
            Self::Seal => f.write_str("seal"),
            Self::DataKey => f.write_str("data-key"),
            Self::BlindIndex => f.write_str("blind-index"),
            Self::Pairwise => f.write_str("pairwise"),
            Self::Pepper => f.write_str("pepper"),
        }
    }
}

/// Where a key is in its life. Pods act on the instants by their clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Stage {
    /// Pods know it and publish it, none uses it: not every pod has acknowledged it.
    Published,
    /// In use from `sign_after` on, until a successor's `sign_after`.
    Active {
        /// First use.
        sign_after: Timestamp,
        /// Keyring revision that first said so.
        since_revision: u64,
    },
    /// Verifies and opens only; forgotten at `retire_after`.
    Retiring {
        /// First use.
        sign_after: Timestamp,
        /// Nothing that it signed or sealed lives longer.
        retire_after: Timestamp,
    },
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyEntry {
    /// Identifier, the `kid` of what it signs.
    pub kid: KeyId,
    /// What it is for.
    #[serde(flatten)]
    pub purpose: Purpose,
    /// The private or symmetric key.
    pub material: Material,
    /// When it was made.
    pub created_at: Timestamp,
    /// When pods could first read it.
    pub published_at: Timestamp,
    /// Keyring revision that first held it.
    pub published_revision: u64,
    /// Longest life of anything it was allowed to sign or seal so far.
    pub longest_life: Period,
    /// Where it is in its life.
    #[serde(flatten)]
    pub stage: Stage,
}

impl KeyEntry {
    /// Whether it may sign or seal at `now`, were it the youngest that may.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        matches!(self.stage, Stage::Active { sign_after, .. } if sign_after <= now)
    }

    /// Whether it still verifies and opens at `now`.
    #[must_use]
    pub fn is_accepted(&self, now: Timestamp) -> bool {
        match self.stage {
            Stage::Published | Stage::Active { .. } => true,
            Stage::Retiring { retire_after, .. } => now < retire_after,
        }
    }

    /// The public key, for the JWK set.
    ///
    /// # Errors
    /// When it is not a signing key, or its material is not what its algorithm asks for.
    pub fn public_jwk(&self) -> Result<PublicJwk, KeyFault> {
        match self.purpose {
            Purpose::Sign { alg } => PublicJwk::of_private_key(&self.kid, alg, &self.material),
            _ => Err(KeyFault::NotASigningKey),
        }
    }
}

/// Every key of a realm in a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keyring {
    /// The realm.
    pub realm: RealmId,
    /// Grows by one with every change. 0 is the keyring that has never been filled.
    pub revision: u64,
    /// The keys, oldest first.
    pub entries: Vec<KeyEntry>,
}

/// Why bytes are not a keyring.
#[derive(Debug, thiserror::Error)]
pub enum KeyringFault {
    /// Not JSON of the expected form. The message never quotes the content.
    #[error("not a keyring (line {line}, column {column})")]
    Form {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Two entries share an identifier.
    #[error("key {0} occurs twice")]
    Duplicate(KeyId),
}

impl Keyring {
    /// A keyring without keys, which [`crate::advance`] fills.
    #[must_use]
    pub const fn empty(realm: RealmId) -> Self {
        Self {
            realm,
            revision: 0,
            entries: Vec::new(),
        }
    }

    /// Reads `keyring.json`.
    ///
    /// # Errors
    /// [`KeyringFault`], without any of the content.
    pub fn from_json(bytes: &[u8]) -> Result<Self, KeyringFault> {
        let keyring: Self = serde_json::from_slice(bytes).map_err(|fault| KeyringFault::Form {
            line: fault.line(),
            column: fault.column(),
        })?;
        let mut seen = std::collections::BTreeSet::new();
        for entry in &keyring.entries {
            if !seen.insert(&entry.kid) {
                return Err(KeyringFault::Duplicate(entry.kid.clone()));
            }
        }
        Ok(keyring)
    }

    /// Writes `keyring.json`. The bytes are secret: a file of mode 0600, or a Secret.
    ///
    /// # Errors
    /// Never for values of this type; the encoder's own error type is passed on.
    pub fn to_json(&self) -> Result<zeroize::Zeroizing<Vec<u8>>, serde_json::Error> {
        serde_json::to_vec_pretty(self).map(zeroize::Zeroizing::new)
    }

    /// Keys of one purpose, oldest first.
    pub fn of(&self, purpose: Purpose) -> impl Iterator<Item = &KeyEntry> {
        self.entries
            .iter()
            .filter(move |entry| entry.purpose == purpose)
    }

    /// The one key of a purpose that signs or seals at `now`: the youngest that may.
    #[must_use]
    pub fn current(&self, purpose: Purpose, now: Timestamp) -> Option<&KeyEntry> {
        self.of(purpose)
            .filter(|entry| entry.is_usable(now))
            .max_by(|a, b| {
                let at = |entry: &KeyEntry| match entry.stage {
                    Stage::Active { sign_after, .. } => Some(sign_after),
                    _ => None,
                };
                at(a).cmp(&at(b)).then_with(|| b.kid.cmp(&a.kid))
            })
    }

    /// Keys of a purpose that verify and open at `now`.
    pub fn accepted(&self, purpose: Purpose, now: Timestamp) -> impl Iterator<Item = &KeyEntry> {
        self.of(purpose).filter(move |entry| entry.is_accepted(now))
    }

    /// Signing keys of every algorithm that the JWK set shows at `now`: those in use, those to
    /// come, and those whose tokens may still live (KC-KEY-01, KC-KEY-02).
    pub fn published(&self, now: Timestamp) -> impl Iterator<Item = &KeyEntry> {
        self.entries.iter().filter(move |entry| {
            matches!(entry.purpose, Purpose::Sign { .. }) && entry.is_accepted(now)
        })
    }

    /// Since when the key that signs has signed, for each algorithm.
    pub fn signing_since(
        &self,
        now: Timestamp,
    ) -> impl Iterator<Item = (SigningAlgorithm, Timestamp)> {
        self.published(now).filter_map(move |entry| {
            let (Purpose::Sign { alg }, Stage::Active { sign_after, .. }) =
                (entry.purpose, entry.stage)
            else {
                return None;
            };
            let current = self.current(entry.purpose, now)?;
            (current.kid == entry.kid).then_some((alg, sign_after))
        })
    }

    /// The key with this identifier.
    #[must_use]
    pub fn find(&self, kid: &KeyId) -> Option<&KeyEntry> {
        self.entries.iter().find(|entry| entry.kid == *kid)
    }

    /// The next instant after `now` at which the clock alone changes which keys are used,
    /// published or accepted: when a pod rebuilds what it derived from the keyring.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.entries
            .iter()
            .filter_map(|entry| match entry.stage {
                Stage::Published => None,
                Stage::Active { sign_after, .. } => Some(sign_after),
                Stage::Retiring { retire_after, .. } => Some(retire_after),
            })
            .filter(|at| *at > now)
            .min()
    }
}
