//! The realm's keys made ready: parsed once for a keyring, chosen by the time of preparation.

use std::collections::BTreeMap;

use jiff::Timestamp;
use realmwright_keys::{Keyring, Purpose};
use realmwright_protocol::jose::{SigningKey, VerificationKeys};
use realmwright_protocol::seal::{SealPurpose, Sealer};
use realmwright_snapshot::SigningAlgorithm;
use zeroize::Zeroizing;

use crate::api::EngineFault;
use crate::runtime_realm::{PrepareFault, RuntimeRealm};

/// Keys of one keyring between two changes of the clock.
#[derive(Debug)]
pub(crate) struct RealmKeys {
    signing: BTreeMap<SigningAlgorithm, SigningKey>,
    pub(crate) verification: VerificationKeys,
    sealer: Sealer,
    at_rest: Sealer,
    /// From then on another choice of keys is right.
    pub(crate) until: Option<Timestamp>,
}

fn sealer(keyring: &Keyring, purpose: Purpose, now: Timestamp) -> Result<Sealer, PrepareFault> {
    let current = keyring
        .current(purpose, now)
        .ok_or_else(|| PrepareFault::Unbound(format!("no key is in use for {purpose:?}")))?;
    Sealer::new(
        keyring.realm.as_str(),
        current.kid.as_str(),
        keyring
            .accepted(purpose, now)
            .map(|entry| (entry.kid.as_str(), entry.material.expose())),
    )
    .map_err(|fault| PrepareFault::Other(fault.to_string()))
}

impl RealmKeys {
    pub(crate) fn prepare(keyring: &Keyring, now: Timestamp) -> Result<Self, PrepareFault> {
        let other = |fault: &dyn std::fmt::Display| PrepareFault::Other(fault.to_string());
        let mut signing = BTreeMap::new();
        let mut public = Vec::new();
        for entry in keyring.published(now) {
            let Purpose::Sign { alg } = entry.purpose else {
                continue;
            };
            let jwk = entry.public_jwk().map_err(|fault| other(&fault))?;
            public.push(serde_json::to_value(jwk).map_err(|fault| other(&fault))?);
            let current = keyring.current(entry.purpose, now);
            if current.is_some_and(|current| current.kid == entry.kid) {
                let key = SigningKey::from_pkcs8(entry.kid.as_str(), alg, entry.material.expose())
                    .map_err(|fault| other(&fault))?;
                signing.insert(alg, key);
            }
        }
        Ok(Self {
            signing,
            verification: VerificationKeys::from_jwks(&public).map_err(|fault| other(&fault))?,
            sealer: sealer(keyring, Purpose::Seal, now)?,
            at_rest: sealer(keyring, Purpose::DataKey, now)?,
            until: keyring.next_change(now),
        })
    }
}

impl RuntimeRealm {
    /// The key that signs with this algorithm now.
    pub(crate) fn signing_key(&self, alg: SigningAlgorithm) -> Result<&SigningKey, EngineFault> {
        self.keys
            .signing
            .get(&alg)
            .ok_or_else(|| EngineFault::internal(format!("no key signs {}", alg.as_str())))
    }

    /// Seals what travels through a browser.
    pub(crate) fn seal(
        &self,
        purpose: SealPurpose,
        context: &[u8],
        plain: &[u8],
        end: Timestamp,
    ) -> Result<String, EngineFault> {
        self.keys
            .sealer
            .seal(purpose, context, plain, Some(end))
            .map_err(EngineFault::internal)
    }

    /// Opens what [`Self::seal`] made; none when it is not ours, for something else, or over.
    pub(crate) fn open(
        &self,
        purpose: SealPurpose,
        context: &[u8],
        sealed: &str,
        now: Timestamp,
    ) -> Option<Zeroizing<Vec<u8>>> {
        self.keys.sealer.open(purpose, context, sealed, now).ok()
    }

    /// Seals what rests in the database, for as long as it rests there.
    pub(crate) fn seal_at_rest(
        &self,
        purpose: SealPurpose,
        context: &[u8],
        plain: &[u8],
    ) -> Result<String, EngineFault> {
        self.keys
            .at_rest
            .seal(purpose, context, plain, None)
            .map_err(EngineFault::internal)
    }

    /// Opens what [`Self::seal_at_rest`] made.
    pub(crate) fn open_at_rest(
        &self,
        purpose: SealPurpose,
        context: &[u8],
        sealed: &str,
        now: Timestamp,
    ) -> Option<Zeroizing<Vec<u8>>> {
        self.keys.at_rest.open(purpose, context, sealed, now).ok()
    }
}
