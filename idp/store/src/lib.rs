//! The region's database as traits: rows, reads within a realm, one atomic `commit` for every
//! use case, and the maintenance that has no realm.
//!
//! Rules that both database crates keep, and that the suite in [`contract`] proves:
//! - Every key begins with the realm id. Reads name the realm; nothing is found across realms.
//! - Rows that have expired by the database clock are not found.
//! - [`Commit::commit`] is all or nothing. Single use is one statement that consumes and tells
//!   [`Refusal::AlreadyUsed`] from [`Refusal::Unknown`]: of 64 racers one wins.
//! - "Not found" is `Ok(None)`. A row that cannot be what we wrote is [`StoreError::Inconsistent`].
//! - Times are kept to the microsecond; what is finer is cut off.
//! - Texts beside JSON hold no NUL character, which PostgreSQL cannot keep: the edge refuses it.
//!   A read for one finds nothing, a change with one is `Inconsistent` there.
//!
//! This crate must not know SQL, HTTP or what the rows mean for a login.
//!
//! Recipe for a new table: its row here, a read trait or method, its [`Change`] variants, its
//! erasure and export rule in [`tables`], a migration in both database crates, and a contract
//! test. A table that holds a subject and has no rule fails a test.

pub mod changes;
#[cfg(feature = "testing")]
pub mod contract;
pub mod documents;
pub mod export;
pub mod rows;
pub mod schema;
pub mod tables;
pub mod values;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use realmwright_snapshot::{AttributeName, ClientId, Country, InstanceName, RealmId, RegionName};
use uuid::Uuid;

pub use changes::{Change, Committed, Outcome, Refusal};
pub use documents::{Presented, Standing, StoredPerson, StoredSession};
pub use rows::{
    AccessTokenRow, AttemptKey, AttemptRow, AuthenticationRow, CodeRow, ConsentRow, CredentialId,
    CredentialRow, DenialId, DenialRow, EventRow, GrantId, GrantRow, LoginId, LoginRow, LookupKey,
    OutboxId, OutboxRow, PasswordState, RefreshTokenRow, SessionClientRow, SessionId, SessionRow,
    StoredAttribute, StoredAttributes, SubjectId, SubjectRow, SubjectState, TokenHash,
};

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not reachable, too slow, full, or restarting: try again later. Never means "no".
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row or a schema that this build did not write.
    #[error("inconsistent data in table {table}: {detail}")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// What is wrong, without personal data.
        detail: String,
    },
    /// The database belongs to another region, country or instance, or its schema is too new.
    #[error("the database is refused: {0}")]
    Refused(String),
}

/// Result of every store call.
pub type Result<T> = std::result::Result<T, StoreError>;

/// One page of a list, ordered by a key that `after` continues.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<String>,
}

/// What people are searched by.
#[derive(Clone, Debug, Default)]
pub struct SubjectQuery {
    /// Exact match of searchable attributes, all of them; normalised by the caller.
    pub attributes: Vec<LookupKey>,
    /// Only people in this state.
    pub state: Option<SubjectState>,
    /// At most so many (1 to 500).
    pub limit: u32,
    /// Continues after the `next` of the former page.
    pub after: Option<String>,
}

/// People and what hangs on them.
#[async_trait]
pub trait Subjects: Send + Sync {
    /// The person.
    async fn subject(&self, realm: &RealmId, sub: &SubjectId) -> Result<Option<SubjectRow>>;
    /// The person and all that hangs on them, of one moment.
    async fn person(&self, realm: &RealmId, sub: &SubjectId) -> Result<Option<StoredPerson>>;
    /// The person whose account lies under `key` in `store`.
    async fn subject_by_store_key(
        &self,
        realm: &RealmId,
        store: &str,
        key: &str,
    ) -> Result<Option<SubjectRow>>;
    /// People with this value of a searchable attribute; at most `limit`.
    async fn lookup(&self, realm: &RealmId, key: &LookupKey, limit: u32) -> Result<Vec<SubjectId>>;
    /// People by several values.
    async fn search(&self, realm: &RealmId, query: &SubjectQuery) -> Result<Page<SubjectRow>>;
    /// All stored attributes of a person.
    async fn attributes(&self, realm: &RealmId, sub: &SubjectId) -> Result<StoredAttributes>;
    /// All credentials of a person, oldest first.
    async fn credentials(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<CredentialRow>>;
    /// Names of roles held directly: `role` or `client:role`.
    async fn roles(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<String>>;
    /// Full paths of groups, with a leading slash.
    async fn groups(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<String>>;
}

/// Logins under way.
#[async_trait]
pub trait Logins: Send + Sync {
    /// The login.
    async fn login(&self, realm: &RealmId, id: &LoginId) -> Result<Option<LoginRow>>;
}

/// Sessions, common to all protocols.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The session; none once it has ended or expired (idle or absolute).
    async fn session(&self, realm: &RealmId, id: &SessionId) -> Result<Option<SessionRow>>;
    /// What was passed in it, oldest first.
    async fn authentications(
        &self,
        realm: &RealmId,
        id: &SessionId,
    ) -> Result<Vec<AuthenticationRow>>;
    /// Applications entered in it.
    async fn session_clients(
        &self,
        realm: &RealmId,
        id: &SessionId,
    ) -> Result<Vec<SessionClientRow>>;
    /// Live sessions of a person, newest first.
    async fn sessions_of(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<SessionRow>>;
}

/// Codes, grants, tokens and consents.
#[async_trait]
pub trait Grants: Send + Sync {
    /// The code until it expires; a used one until its grant does.
    async fn code(&self, realm: &RealmId, hash: &TokenHash) -> Result<Option<CodeRow>>;
    /// The grant, ended or not, until it expires.
    async fn grant(&self, realm: &RealmId, id: &GrantId) -> Result<Option<GrantRow>>;
    /// The grant with what its tokens hang on, of one moment; none once it has expired.
    async fn standing(&self, realm: &RealmId, id: &GrantId) -> Result<Option<Standing>>;
    /// The same for the JWT with this `jti`, and whether that was revoked.
    async fn presented(&self, realm: &RealmId, id: &GrantId, jti: &str) -> Result<Presented>;
    /// The refresh token until it expires; a used one until its grant does.
    async fn refresh_token(
        &self,
        realm: &RealmId,
        hash: &TokenHash,
    ) -> Result<Option<RefreshTokenRow>>;
    /// The opaque access token; none once it or its grant has ended.
    async fn access_token(
        &self,
        realm: &RealmId,
        hash: &TokenHash,
    ) -> Result<Option<AccessTokenRow>>;
    /// Whether the JWT with this `jti` was revoked.
    async fn is_revoked(&self, realm: &RealmId, jti: &str) -> Result<bool>;
    /// What the person has consented to for a client.
    async fn consent(
        &self,
        realm: &RealmId,
        sub: &SubjectId,
        client: &ClientId,
    ) -> Result<Option<ConsentRow>>;
    /// All consents of a person.
    async fn consents_of(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<ConsentRow>>;
    /// Live grants of a person.
    async fn grants_of(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<GrantRow>>;
}

/// Which audit events, oldest first.
#[derive(Clone, Debug, Default)]
pub struct EventQuery {
    /// Only those about this person.
    pub subject: Option<SubjectId>,
    /// At most so many (1 to 500).
    pub limit: u32,
    /// Continues after the `next` of the former page.
    pub after: Option<String>,
}

/// The audit.
#[async_trait]
pub trait Events: Send + Sync {
    /// Recorded events, in the order of their ids.
    async fn events(&self, realm: &RealmId, query: &EventQuery) -> Result<Page<EventRow>>;
}

/// Why people were refused.
#[async_trait]
pub trait Denials: Send + Sync {
    /// The refusal; none once it has expired.
    async fn denial(&self, realm: &RealmId, id: &DenialId) -> Result<Option<DenialRow>>;
    /// All refusals of a person, newest first.
    async fn denials_of(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<DenialRow>>;
}

/// Counters that hold across processes.
#[async_trait]
pub trait Attempts: Send + Sync {
    /// The counter; none when nothing was counted in its window.
    async fn attempts(&self, realm: &RealmId, key: &AttemptKey) -> Result<Option<AttemptRow>>;
}

/// The one way to write.
#[async_trait]
pub trait Commit: Send + Sync {
    /// Applies all changes in order in one transaction, or none. A refusal is an [`Outcome`],
    /// not an error: it names the change that was refused and why.
    async fn commit(&self, realm: &RealmId, changes: Vec<Change>) -> Result<Outcome>;
}

/// Everything about one person, table by table, for erasure proofs and subject access requests.
#[async_trait]
pub trait PersonalData: Send + Sync {
    /// Rows of every table that [`tables`] marks for export, as JSON by table name. Secrets
    /// (password hashes, seeds, token hashes) are left out.
    async fn export(
        &self,
        realm: &RealmId,
        sub: &SubjectId,
    ) -> Result<serde_json::Map<String, serde_json::Value>>;
}

/// Which region, and for an instance with its own database which instance, owns a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Region.
    pub region: RegionName,
    /// Its country.
    pub country: Country,
    /// The instance, where that instance has its own database.
    pub instance: Option<InstanceName>,
}

/// How long a realm keeps what has no end of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Audit events, from when they happened; none keeps them without end.
    pub events: Option<Duration>,
    /// Outbox rows that are dead, from when they died.
    pub dead_letters: Duration,
}

impl Retention {
    /// The instant before which an audit event is too old, and the lowest id that such an event
    /// cannot have: ids of events begin with their time. None where all are kept.
    #[must_use]
    pub fn oldest_event(&self, now: Timestamp) -> Option<(Timestamp, Uuid)> {
        let oldest = now
            .checked_sub(SignedDuration::try_from(self.events?).ok()?)
            .ok()?;
        let millis = u128::try_from(oldest.as_millisecond()).ok()?;
        Some((oldest, Uuid::from_u128((millis + 1) << 80)))
    }
}

/// What a [`Maintenance::purge`] deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Audit events.
    pub events: u64,
    /// Dead outbox rows.
    pub dead_letters: u64,
}

/// What runs without a realm.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Brings the schema up to this build, under a lock.
    async fn migrate(&self) -> Result<()>;
    /// Refuses a schema that is too new or too old for this build.
    async fn check_schema(&self) -> Result<()>;
    /// Writes the owner at first use; refuses a database of another one.
    async fn claim_ownership(&self, owner: &Owner) -> Result<()>;
    /// The database clock, with the offset of tests.
    async fn now(&self) -> Result<Timestamp>;
    /// Deletes expired rows, at most `batch` of each table; returns how many went.
    async fn sweep(&self, batch: u32) -> Result<u64>;
    /// Deletes what a realm has kept for long enough, oldest first and at most `batch` of each
    /// table; returns how many went.
    async fn purge(&self, realm: &RealmId, retention: &Retention, batch: u32) -> Result<Purged>;
    /// Leases up to `limit` due outbox rows of `realms` for `lease`.
    async fn claim_outbox(
        &self,
        realms: &[RealmId],
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<OutboxRow>>;
    /// Removes a delivered row.
    async fn complete_outbox(&self, realm: &RealmId, id: &OutboxId) -> Result<()>;
    /// Gives a row back: due again at `retry_at`, or dead when none.
    async fn release_outbox(
        &self,
        realm: &RealmId,
        id: &OutboxId,
        retry_at: Option<Timestamp>,
        error: &str,
    ) -> Result<()>;
    /// How many outbox rows of each of these realms are dead; realms without one are left out.
    async fn dead_letters(&self, realms: &[RealmId]) -> Result<BTreeMap<RealmId, u32>>;
}

/// How the connections to the database stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionUse {
    /// In use now.
    pub busy: u32,
    /// Open, and free.
    pub idle: u32,
    /// At most, busy and idle together.
    pub most: u32,
}

/// A whole database.
pub trait Store:
    Subjects
    + Logins
    + Sessions
    + Grants
    + Events
    + Denials
    + Attempts
    + Commit
    + PersonalData
    + Maintenance
{
    /// Shifts the database clock; for tests only.
    fn set_clock_offset(&self, offset: SignedDuration);
    /// How its connections stand.
    fn connections(&self) -> ConnectionUse;
    /// What kind of database it is, as OpenTelemetry names it in `db.system.name`.
    fn system(&self) -> &'static str;
}

/// Searchable form of an attribute value; what [`LookupKey::value`] holds.
#[must_use]
pub fn lookup_value(value: &str, case_insensitive: bool) -> String {
    let trimmed = value.trim();
    if case_insensitive {
        trimmed.to_lowercase()
    } else {
        trimmed.to_owned()
    }
}

impl LookupKey {
    /// A key for `attribute` with an already normalised value.
    #[must_use]
    pub fn new(attribute: AttributeName, value: String) -> Self {
        Self { attribute, value }
    }
}
