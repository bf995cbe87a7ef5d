//! Whether a snapshot can be served with what this region holds.

use std::collections::BTreeSet;

use jiff::Timestamp;
use realmwright_snapshot::{ClientAuthentication, RealmSnapshot, SecretHandle, SigningAlgorithm};

use crate::bundle::SecretBundle;
use crate::keyring::{Keyring, Purpose, Stage};
use crate::secret_rotation::SupplyFault;

/// The oldest keyring and bundle that a snapshot may be served with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// `minKeyring` of the envelope.
    pub min_keyring: u64,
    /// `minSecrets` of the envelope.
    pub min_secrets: u64,
}

/// What a snapshot needs and this region does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// A key artefact of another realm.
    #[error("the keyring or the secret bundle belongs to another realm")]
    OtherRealm,
    /// No key signs with an algorithm that a client uses.
    #[error("no key signs {} yet{}", .alg.as_str(), .from.map_or_else(String::new, |at| format!(", one will from {at}")))]
    SigningKey {
        /// The algorithm.
        alg: SigningAlgorithm,
        /// When one will, once its use is scheduled.
        from: Option<Timestamp>,
    },
    /// No key of a purpose is in use.
    #[error("no key is in use for {0:?}")]
    Key(Purpose),
    /// A secret that does not exist here.
    #[error("secret {handle} of {user} is missing")]
    Secret {
        /// Its handle.
        handle: SecretHandle,
        /// What names it.
        user: String,
    },
    /// A client secret that cannot be used.
    #[error("secret {handle} of {user} is refused")]
    Refused {
        /// Its handle.
        handle: SecretHandle,
        /// What names it.
        user: String,
        /// Why.
        #[source]
        fault: SupplyFault,
    },
}

/// Looks up every key and secret that a snapshot needs.
///
/// # Errors
/// Everything that is missing, in a stable order; never empty.
pub fn bind(
    realm: &RealmSnapshot,
    keyring: &Keyring,
    bundle: &SecretBundle,
    now: Timestamp,
) -> Result<Bound, Vec<Missing>> {
    let mut missing = Vec::new();
    if keyring.realm != realm.core.id || bundle.realm != realm.core.id {
        missing.push(Missing::OtherRealm);
    }
    missing_keys(realm, keyring, now, &mut missing);
    missing_secrets(realm, bundle, &mut missing);
    if missing.is_empty() {
        Ok(Bound {
            min_keyring: keyring.revision,
            min_secrets: bundle.revision,
        })
    } else {
        Err(missing)
    }
}

fn missing_keys(
    realm: &RealmSnapshot,
    keyring: &Keyring,
    now: Timestamp,
    missing: &mut Vec<Missing>,
) {
    let used: BTreeSet<SigningAlgorithm> = realm
        .clients
        .values()
        .filter_map(|client| client.oidc.as_ref())
        .map(|oidc| oidc.signing_algorithm)
        .chain(realm.core.keys.algorithms.iter().copied())
        .collect();
    for alg in used {
        let purpose = Purpose::Sign { alg };
        if keyring.current(purpose, now).is_none() {
            let from = keyring.of(purpose).find_map(|entry| match entry.stage {
                Stage::Active { sign_after, .. } => Some(sign_after),
                _ => None,
            });
            missing.push(Missing::SigningKey { alg, from });
        }
    }
    for purpose in [
        Purpose::Seal,
        Purpose::DataKey,
        Purpose::BlindIndex,
        Purpose::Pairwise,
        Purpose::Pepper,
    ] {
        if keyring.current(purpose, now).is_none() {
            missing.push(Missing::Key(purpose));
        }
    }
}

fn missing_secrets(realm: &RealmSnapshot, bundle: &SecretBundle, missing: &mut Vec<Missing>) {
    for (id, client) in &realm.clients {
        let Some(ClientAuthentication::Secret { secret, .. }) =
            client.oidc.as_ref().map(|oidc| &oidc.authentication)
        else {
            continue;
        };
        let user = format!("client {id}");
        match bundle.get(secret) {
            None => missing.push(Missing::Secret {
                handle: secret.clone(),
                user,
            }),
            Some(values) => {
                if let Err(fault) = SupplyFault::check(&values.current) {
                    missing.push(Missing::Refused {
                        handle: secret.clone(),
                        user,
                        fault,
                    });
                }
            }
        }
    }
    for account in &realm.core.bootstrap_accounts {
        if let Some(handle) = &account.password
            && bundle.get(handle).is_none()
        {
            missing.push(Missing::Secret {
                handle: handle.clone(),
                user: format!("account {}", account.name),
            });
        }
    }
}
