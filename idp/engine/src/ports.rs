//! Everything that the engine cannot do by itself, as traits. Implementations live in the
//! process (`realmwright-idp`), tests bring their own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use realmwright_decision::password_hash::PasswordHash;
use realmwright_snapshot::{PasswordHashing, PasswordQueue, RealmId};
use realmwright_store::{Change, Store};
use secrecy::SecretString;
use url::Url;

use crate::runtime_realm::RuntimeRealm;

/// Time. Row expiry is decided by the database clock; everything else by this one.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
    /// Returns once `instant` has come; at once when it has passed.
    async fn sleep_until(&self, instant: Timestamp);
}

/// A cryptographic random source.
pub trait Random: Send + Sync {
    /// Fills the whole buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// Why a password was neither accepted nor refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashFault {
    /// The queue is full, or the wait in it was too long.
    #[error("the password queue is full")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The hash function failed.
    #[error("the password hash failed: {0}")]
    Failed(String),
}

/// What checking a password came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Whether the password has the hash.
    pub right: bool,
    /// How long the hash function ran, without the wait before it.
    pub took: Duration,
}

/// Password hashes on a bounded pool behind a fair queue: callers wait in the order in which they
/// came, at most as long and as many as the realm's [`PasswordQueue`] says.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Whether `password` has the hash `hash`.
    ///
    /// # Errors
    /// See [`HashFault`].
    async fn verify(
        &self,
        password: SecretString,
        hash: PasswordHash,
        queue: PasswordQueue,
    ) -> Result<Checked, HashFault>;

    /// A new Argon2id hash as PHC text, of a cost that [`realmwright_decision::password_hash::cost::admits`] lets pass.
    ///
    /// # Errors
    /// See [`HashFault`].
    async fn hash(
        &self,
        password: SecretString,
        salt: [u8; 16],
        cost: PasswordHashing,
        queue: PasswordQueue,
    ) -> Result<String, HashFault>;
}

/// Why something could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchFault {
    /// The address guard refused it.
    #[error("the address is refused")]
    Refused,
    /// No answer in time, a broken connection, or a status that is not 200.
    #[error("no usable answer: {0}")]
    NoAnswer(String),
    /// More bytes than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// Documents of applications, such as `jwks_uri`: GET over https, no redirects, behind the guard
/// against internal addresses.
#[async_trait]
pub trait Fetcher: Send + Sync {
    /// The body.
    ///
    /// # Errors
    /// See [`FetchFault`].
    async fn get(
        &self,
        url: &Url,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Vec<u8>, FetchFault>;
}

/// The realms of this process, for a login that a newer configuration has touched elsewhere.
#[async_trait]
pub trait Realms: Send + Sync {
    /// The realm once it is served at `order` (see [`crate::SnapshotVersion::order`]) or newer;
    /// none when that has not come within `limit`.
    async fn at_least(
        &self,
        realm: &RealmId,
        order: u64,
        limit: Duration,
    ) -> Option<Arc<RuntimeRealm>>;
}

/// Audit of issuance that writes nothing in its request. The process commits what it gathers at
/// least once a second; SIGKILL may lose at most that.
pub trait EventBatch: Send + Sync {
    /// Takes changes (events and their outbox rows) for the next batch of `realm`.
    fn add(&self, realm: &RealmId, changes: Vec<Change>);
}

/// What the metrics count. Names no person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Observation {
    /// A login came to a response for the application.
    LoginFinished,
    /// A credential was refused.
    CredentialRefused,
    /// A flow or an access rule denied.
    LoginDenied,
    /// Tokens went out; the grant type.
    TokensIssued(&'static str),
    /// A token request was refused; the OAuth error.
    TokensRefused(&'static str),
    /// A caller of a back channel did not prove who it is; why.
    CallerRefused(&'static str),
    /// A refresh token, a code or a client assertion was used twice.
    ReuseDetected,
    /// A stored password hash could not be checked against, so that its owner cannot log in.
    PasswordHashNotUnderstood,
    /// Checking a password took longer than the realm's configured response floor.
    CheckSlowerThanFloor,
    /// The password queue was full.
    PasswordQueueFull,
    /// An address was barred.
    AddressBarred,
}

/// Receives observations as they happen; must not block.
pub trait EventObserver: Send + Sync {
    /// Counts one.
    fn observe(&self, realm: &RealmId, observation: Observation);
}

/// An observer that forgets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl EventObserver for Unobserved {
    fn observe(&self, _realm: &RealmId, _observation: Observation) {}
}

/// All ports of an engine.
#[derive(Clone)]
pub struct Ports {
    /// The region's database.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Password hashes.
    pub passwords: Arc<dyn PasswordHasher>,
    /// Documents of applications.
    pub fetcher: Arc<dyn Fetcher>,
    /// The realms of this process.
    pub realms: Arc<dyn Realms>,
    /// Audit of stateless issuance.
    pub batch: Arc<dyn EventBatch>,
    /// Metrics.
    pub observer: Arc<dyn EventObserver>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}
