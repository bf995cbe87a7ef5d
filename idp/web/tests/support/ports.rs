//! Ports of the engine for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use realmwright_engine::{
    Checked, Clock, EventBatch, FetchFault, Fetcher, HashFault, PasswordHash, PasswordHasher,
    Random, Realms, RuntimeRealm,
};
use realmwright_snapshot::{PasswordHashing, PasswordQueue, RealmId};
use realmwright_store::Change;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// The clock of the test process, so many seconds ahead.
#[derive(Default)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn set_ahead(&self, ahead: SignedDuration) {
        self.0.store(ahead.as_secs(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for TestClock {
    #[expect(clippy::disallowed_methods, reason = "the clock of the test process")]
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }

    async fn sleep_until(&self, _instant: Timestamp) {}
}

pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).unwrap();
    }
}

/// Hashes whose output is the password itself.
pub(crate) struct PlainHasher;

fn output_of(password: &SecretString) -> Vec<u8> {
    format!("output of {}", password.expose_secret()).into_bytes()
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn verify(
        &self,
        password: SecretString,
        hash: PasswordHash,
        _queue: PasswordQueue,
    ) -> Result<Checked, HashFault> {
        let right =
            matches!(hash, PasswordHash::Argon2(hash) if hash.output == output_of(&password));
        Ok(Checked {
            right,
            took: Duration::ZERO,
        })
    }

    async fn hash(
        &self,
        password: SecretString,
        _salt: [u8; 16],
        cost: PasswordHashing,
        _queue: PasswordQueue,
    ) -> Result<String, HashFault> {
        Ok(format!(
            "$argon2id$v=19$m={},t={},p={}$c2FsdHNhbHQ${}",
            cost.memory_kib,
            cost.iterations,
            cost.parallelism,
            STANDARD_NO_PAD.encode(output_of(&password))
        ))
    }
}

pub(crate) struct Unreachable;

#[async_trait]
impl Fetcher for Unreachable {
    async fn get(
        &self,
        _url: &Url,
        _max: usize,
        _timeout: Duration,
    ) -> Result<Vec<u8>, FetchFault> {
        Err(FetchFault::Refused)
    }
}

pub(crate) struct Served(pub(crate) Vec<Arc<RuntimeRealm>>);

#[async_trait]
impl Realms for Served {
    async fn at_least(
        &self,
        realm: &RealmId,
        _order: u64,
        _limit: Duration,
    ) -> Option<Arc<RuntimeRealm>> {
        self.0.iter().find(|served| served.id() == realm).cloned()
    }
}

pub(crate) struct Forgetful;

impl EventBatch for Forgetful {
    fn add(&self, _realm: &RealmId, _changes: Vec<Change>) {}
}
