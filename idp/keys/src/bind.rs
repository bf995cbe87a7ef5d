//! Whether a snapshot can be served with what this region holds.

use std::collections::BTreeSet;

use jiff::Timestamp;
use realmwright_snapshot::{
    ClientId, ClientSnapshot, RealmSnapshot, SecretHandle, SigningAlgorithm,
};

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

/// Looks up every key and secret that a snapshot needs. `bound` is a snapshot that was bound to this
/// same keyring and bundle: the clients that both share are not looked up again. Algorithms are,
/// as time passes: those that the realm's core lists, where the compiler writes all.
///
/// # Errors
/// Everything that is missing, in a stable order; never empty.
pub fn bind(
    realm: &RealmSnapshot,
    keyring: &Keyring,
    bundle: &SecretBundle,
    now: Timestamp,
    bound: Option<&RealmSnapshot>,
) -> Result<Bound, Vec<Missing>> {
    let mut missing = Vec::new();
    if keyring.realm != realm.core.id || bundle.realm != realm.core.id {
        missing.push(Missing::OtherRealm);
    }
    missing_keys(realm, keyring, now, bound, &mut missing);
    missing_secrets(realm, bundle, bound, &mut missing);
    if missing.is_empty() {
        Ok(Bound {
            min_keyring: keyring.revision,
            min_secrets: bundle.revision,
        })
    } else {
        Err(missing)
    }
}

/// Clients of a realm that `bound` does not share.
fn changed<'a>(
    realm: &'a RealmSnapshot,
    bound: Option<&'a RealmSnapshot>,
) -> impl Iterator<Item = &'a ClientSnapshot> {
    realm
        .clients
        .changed(bound.map(|bound| &bound.clients))
        .flat_map(|(_, clients)| clients.values().map(AsRef::as_ref))
}

fn missing_keys(
    realm: &RealmSnapshot,
    keyring: &Keyring,
    now: Timestamp,
    bound: Option<&RealmSnapshot>,
    missing: &mut Vec<Missing>,
) {
    let used: BTreeSet<SigningAlgorithm> = changed(realm, bound)
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

fn missing_secrets(
    realm: &RealmSnapshot,
    bundle: &SecretBundle,
    bound: Option<&RealmSnapshot>,
    missing: &mut Vec<Missing>,
) {
    let mut of_clients: Vec<(&ClientId, Vec<Missing>)> = changed(realm, bound)
        .map(|client| (&client.id, missing_of_client(client, bundle)))
        .filter(|(_, missing)| !missing.is_empty())
        .collect();
    of_clients.sort_by_key(|(id, _)| *id);
    missing.extend(of_clients.into_iter().flat_map(|(_, missing)| missing));
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

fn missing_of_client(client: &ClientSnapshot, bundle: &SecretBundle) -> Vec<Missing> {
    let authentication = client.oidc.iter().map(|oidc| &oidc.authentication);
    let handles = authentication.flat_map(|authentication| authentication.secrets());
    handles
        .filter_map(|handle| {
            let user = || format!("client {}", client.id);
            let handle = handle.clone();
            match bundle.get(&handle).map(|values| &values.current) {
                None => Some(Missing::Secret {
                    handle,
                    user: user(),
                }),
                Some(value) => {
                    let fault = SupplyFault::check(value).err()?;
                    Some(Missing::Refused {
                        handle,
                        user: user(),
                        fault,
                    })
                }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use realmwright_snapshot::{BootstrapAccount, ClientAuthentication, Period, sample};

    use super::*;
    use crate::{
        Acknowledgements, KeyId, Policy, SecretValue, SecretValues, SystemGenerator, advance,
        apply, compromise,
    };

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn realm(clients: Vec<ClientSnapshot>) -> RealmSnapshot {
        sample::realm(clients)
    }

    fn keyring(realm: &RealmSnapshot) -> Keyring {
        let empty = Keyring::empty(realm.core.id.clone());
        let pods = Acknowledgements::default();
        let plan = advance(&Policy::of(&realm.core), &empty, now(), &pods);
        apply(&empty, &plan, now(), &mut SystemGenerator::default()).unwrap()
    }

    fn bundle(realm: &RealmSnapshot, secrets: &[(&str, &str)]) -> SecretBundle {
        let mut bundle = SecretBundle::empty(realm.core.id.clone());
        bundle.revision = 4;
        for (handle, value) in secrets {
            let values = SecretValues::of(SecretValue::new(*value), now());
            bundle.secrets.insert(SecretHandle::from(*handle), values);
        }
        bundle
    }

    const SECRET: (&str, &str) = ("identity/app/client-secret", "0123456789abcdef0123");

    #[test]
    fn a_realm_with_all_keys_and_secrets_is_bound() {
        let realm = realm(vec![sample::client("app")]);
        let bound = bind(
            &realm,
            &keyring(&realm),
            &bundle(&realm, &[SECRET]),
            now(),
            None,
        );
        assert_eq!(
            bound,
            Ok(Bound {
                min_keyring: 1,
                min_secrets: 4
            })
        );
    }

    /// A realm that nobody has made keys for lacks one of each purpose, and says so.
    #[test]
    fn everything_that_is_missing_is_named() {
        let mut realm = realm(vec![sample::client("app"), sample::client("other")]);
        realm.core.bootstrap_accounts.push(BootstrapAccount {
            name: "admin".to_owned(),
            attributes: [].into(),
            password: Some("identity/admin/password".into()),
            must_change_password: true,
            roles: [].into(),
            groups: [].into(),
        });
        let empty = Keyring::empty(realm.core.id.clone());
        let weak = ("identity/other/client-secret", "short");
        let missing = bind(&realm, &empty, &bundle(&realm, &[weak]), now(), None).unwrap_err();
        let texts: Vec<String> = missing.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "no key signs ES256 yet",
                "no key is in use for Seal",
                "no key is in use for DataKey",
                "no key is in use for BlindIndex",
                "no key is in use for Pairwise",
                "no key is in use for Pepper",
                "secret identity/app/client-secret of client app is missing",
                "secret identity/other/client-secret of client other is refused",
                "secret identity/admin/password of account admin is missing",
            ]
        );
        assert!(!texts.concat().contains("short"));
    }

    /// OIDC-11: the second secret must be there, and be as strong as the first.
    #[test]
    fn the_second_secret_of_a_client_is_bound_too() {
        let mut client = sample::client("app");
        if let Some(oidc) = &mut client.oidc
            && let ClientAuthentication::Secret { additional, .. } = &mut oidc.authentication
        {
            *additional = Some("identity/app/next".into());
        }
        let realm = realm(vec![client]);
        let bound = |secrets: &[(&str, &str)]| {
            bind(
                &realm,
                &keyring(&realm),
                &bundle(&realm, secrets),
                now(),
                None,
            )
            .map_err(|missing| missing.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(
            bound(&[SECRET]).unwrap_err(),
            ["secret identity/app/next of client app is missing"]
        );
        assert_eq!(
            bound(&[SECRET, ("identity/app/next", "short")]).unwrap_err(),
            ["secret identity/app/next of client app is refused"]
        );
        assert!(bound(&[SECRET, ("identity/app/next", "fedcba98765432100000")]).is_ok());
    }

    /// What was bound is not looked up again, and what changed is.
    #[test]
    fn only_changed_clients_are_looked_up_again() {
        let bound = realm(
            (0..300)
                .map(|n| sample::client(&format!("client-{n}")))
                .collect(),
        );
        let keyring = keyring(&bound);
        let empty = bundle(&bound, &[]);
        assert!(bind(&bound, &keyring, &empty, now(), Some(&bound)).is_ok());
        let mut edited = bound.clone();
        edited
            .clients
            .insert("late".into(), Arc::new(sample::client("late")));
        let missing = bind(&edited, &keyring, &empty, now(), Some(&bound)).unwrap_err();
        assert!(missing.len() < 10, "{missing:?}");
        let late = "secret identity/late/client-secret of client late is missing";
        assert!(missing.iter().any(|missing| missing.to_string() == late));
    }

    /// A snapshot that uses a new algorithm waits until a key of it may sign.
    #[test]
    fn a_key_that_may_not_sign_yet_is_not_enough() {
        let realm = realm(Vec::new());
        let mut keyring = keyring(&realm);
        let alg = SigningAlgorithm::ES256;
        let later = now() + Period::from_secs(60).as_duration();
        for entry in &mut keyring.entries {
            if entry.purpose == (Purpose::Sign { alg }) {
                entry.stage = Stage::Active {
                    sign_after: later,
                    since_revision: 1,
                };
            }
        }
        let empty = bundle(&realm, &[]);
        assert_eq!(
            bind(&realm, &keyring, &empty, now(), None),
            Err(vec![Missing::SigningKey {
                alg,
                from: Some(later)
            }])
        );
        assert!(bind(&realm, &keyring, &empty, later, None).is_ok());
    }

    #[test]
    fn a_replaced_key_is_enough() {
        let realm = realm(Vec::new());
        let keyring = keyring(&realm);
        let alg = SigningAlgorithm::ES256;
        let kid: KeyId = keyring
            .of(Purpose::Sign { alg })
            .map(|entry| entry.kid.clone())
            .next()
            .unwrap();
        let plan = compromise(&keyring, &kid, now()).unwrap();
        let keyring = apply(&keyring, &plan, now(), &mut SystemGenerator::default()).unwrap();
        let bound = bind(&realm, &keyring, &bundle(&realm, &[]), now(), None).unwrap();
        assert_eq!(bound.min_keyring, 2);
    }

    #[test]
    fn keys_of_another_realm_are_refused() {
        let realm = realm(Vec::new());
        let mut other = bundle(&realm, &[]);
        other.realm = "identity.other".into();
        assert_eq!(
            bind(&realm, &keyring(&realm), &other, now(), None),
            Err(vec![Missing::OtherRealm])
        );
    }
}
