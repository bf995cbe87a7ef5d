//! The database with a span and a measurement around each call. A span says which call it was and
//! how it ended, never what was looked for.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use realmwright_snapshot::{ClientId, RealmId};
use realmwright_store::{
    AccessTokenRow, AttemptKey, AttemptRow, Attempts, AuthenticationRow, Change, CodeRow, Commit,
    ConnectionUse, ConsentRow, CredentialRow, DenialId, DenialRow, Denials, EventQuery, EventRow,
    Events, GrantId, GrantRow, Grants, LoginId, LoginRow, Logins, LookupKey, Maintenance, OutboxId,
    OutboxRow, Outcome, Owner, Page, PersonalData, Presented, Purged, RefreshTokenRow, Result,
    Retention, SessionClientRow, SessionId, SessionRow, Sessions, Standing, Store, StoreError,
    StoredAttributes, StoredPerson, SubjectId, SubjectQuery, SubjectRow, Subjects, TokenHash,
};
use tracing::{Instrument as _, Span, field};

/// Upper bounds in seconds: a local database, one across a network, one in trouble, the limit of a
/// statement.
const BUCKETS: [f64; 10] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    operation: &'static str,
    kind: &'static str,
}

/// How the database answers.
#[derive(Clone, Debug)]
pub(crate) struct StoreMetrics {
    seconds: Family<Operation, Histogram, fn() -> Histogram>,
    failures: Family<Failure, Counter>,
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self {
            seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            failures: Family::default(),
        }
    }
}

impl StoreMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "database_call_seconds",
            "Time that a call of the database took, with the wait for a connection, by operation",
            self.seconds.clone(),
        );
        registry.register(
            "database_failures",
            "Calls of the database that had no answer, by operation and kind",
            self.failures.clone(),
        );
    }
}

const fn kind(fault: &StoreError) -> &'static str {
    match fault {
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Inconsistent { .. } => "inconsistent",
        StoreError::Refused(_) => "refused",
    }
}

/// A database that is watched.
pub(crate) struct WatchedStore {
    store: Arc<dyn Store>,
    metrics: StoreMetrics,
}

impl fmt::Debug for WatchedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedStore").finish_non_exhaustive()
    }
}

impl WatchedStore {
    pub(crate) fn new(store: Arc<dyn Store>, metrics: StoreMetrics) -> Self {
        Self { store, metrics }
    }

    /// Watches a call. `table` is the one that it is about; none where several are, or none is.
    async fn watch<T>(
        &self,
        operation: &'static str,
        table: Option<&'static str>,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let span = span(self.store.system(), operation, table);
        let begun = Instant::now();
        let answer = call.instrument(span.clone()).await;
        self.metrics
            .seconds
            .get_or_create(&Operation { operation })
            .observe(begun.elapsed().as_secs_f64());
        if let Err(fault) = &answer {
            let kind = kind(fault);
            span.record("error.type", kind);
            span.record("otel.status_code", "ERROR");
            self.metrics
                .failures
                .get_or_create(&Failure { operation, kind })
                .inc();
        }
        answer
    }
}

/// A part of what is under way, by the OpenTelemetry conventions for databases. What runs beside
/// the requests would fill traces with calls that find nothing.
fn span(system: &'static str, operation: &'static str, table: Option<&'static str>) -> Span {
    let parent = Span::current();
    if parent.is_none() {
        return parent;
    }
    tracing::info_span!(
        parent: &parent,
        "database",
        otel.name = operation,
        otel.kind = "client",
        db.system.name = system,
        db.operation.name = operation,
        db.collection.name = table,
        error.type = field::Empty,
        otel.status_code = field::Empty,
    )
}

impl Store for WatchedStore {
    fn set_clock_offset(&self, offset: SignedDuration) {
        self.store.set_clock_offset(offset);
    }

    fn connections(&self) -> ConnectionUse {
        self.store.connections()
    }

    fn system(&self) -> &'static str {
        self.store.system()
    }
}

#[async_trait]
impl Subjects for WatchedStore {
    async fn subject(&self, realm: &RealmId, sub: &SubjectId) -> Result<Option<SubjectRow>> {
        self.watch("subject", Some("subjects"), self.store.subject(realm, sub))
            .await
    }

    async fn person(&self, realm: &RealmId, sub: &SubjectId) -> Result<Option<StoredPerson>> {
        self.watch("person", None, self.store.person(realm, sub))
            .await
    }

    async fn subject_by_store_key(
        &self,
        realm: &RealmId,
        store: &str,
        key: &str,
    ) -> Result<Option<SubjectRow>> {
        self.watch(
            "subject_by_store_key",
            Some("subjects"),
            self.store.subject_by_store_key(realm, store, key),
        )
        .await
    }

    async fn lookup(&self, realm: &RealmId, key: &LookupKey, limit: u32) -> Result<Vec<SubjectId>> {
        self.watch(
            "lookup",
            Some("lookup"),
            self.store.lookup(realm, key, limit),
        )
        .await
    }

    async fn search(&self, realm: &RealmId, query: &SubjectQuery) -> Result<Page<SubjectRow>> {
        self.watch("search", None, self.store.search(realm, query))
            .await
    }

    async fn attributes(&self, realm: &RealmId, sub: &SubjectId) -> Result<StoredAttributes> {
        self.watch(
            "attributes",
            Some("attributes"),
            self.store.attributes(realm, sub),
        )
        .await
    }

    async fn credentials(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<CredentialRow>> {
        self.watch(
            "credentials",
            Some("credentials"),
            self.store.credentials(realm, sub),
        )
        .await
    }

    async fn roles(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<String>> {
        self.watch("roles", Some("subject_roles"), self.store.roles(realm, sub))
            .await
    }

    async fn groups(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<String>> {
        self.watch(
            "groups",
            Some("subject_groups"),
            self.store.groups(realm, sub),
        )
        .await
    }
}

#[async_trait]
impl Logins for WatchedStore {
    async fn login(&self, realm: &RealmId, id: &LoginId) -> Result<Option<LoginRow>> {
        self.watch("login", Some("logins"), self.store.login(realm, id))
            .await
    }
}

#[async_trait]
impl Sessions for WatchedStore {
    async fn session(&self, realm: &RealmId, id: &SessionId) -> Result<Option<SessionRow>> {
        self.watch("session", Some("sessions"), self.store.session(realm, id))
            .await
    }

    async fn authentications(
        &self,
        realm: &RealmId,
        id: &SessionId,
    ) -> Result<Vec<AuthenticationRow>> {
        self.watch(
            "authentications",
            None,
            self.store.authentications(realm, id),
        )
        .await
    }

    async fn session_clients(
        &self,
        realm: &RealmId,
        id: &SessionId,
    ) -> Result<Vec<SessionClientRow>> {
        self.watch(
            "session_clients",
            None,
            self.store.session_clients(realm, id),
        )
        .await
    }

    async fn sessions_of(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<SessionRow>> {
        self.watch(
            "sessions_of",
            Some("sessions"),
            self.store.sessions_of(realm, sub),
        )
        .await
    }
}

#[async_trait]
impl Grants for WatchedStore {
    async fn code(&self, realm: &RealmId, hash: &TokenHash) -> Result<Option<CodeRow>> {
        self.watch("code", Some("codes"), self.store.code(realm, hash))
            .await
    }

    async fn grant(&self, realm: &RealmId, id: &GrantId) -> Result<Option<GrantRow>> {
        self.watch("grant", Some("grants"), self.store.grant(realm, id))
            .await
    }

    async fn standing(&self, realm: &RealmId, id: &GrantId) -> Result<Option<Standing>> {
        self.watch("standing", None, self.store.standing(realm, id))
            .await
    }

    async fn presented(&self, realm: &RealmId, id: &GrantId, jti: &str) -> Result<Presented> {
        self.watch("presented", None, self.store.presented(realm, id, jti))
            .await
    }

    async fn refresh_token(
        &self,
        realm: &RealmId,
        hash: &TokenHash,
    ) -> Result<Option<RefreshTokenRow>> {
        self.watch(
            "refresh_token",
            Some("refresh_tokens"),
            self.store.refresh_token(realm, hash),
        )
        .await
    }

    async fn access_token(
        &self,
        realm: &RealmId,
        hash: &TokenHash,
    ) -> Result<Option<AccessTokenRow>> {
        self.watch("access_token", None, self.store.access_token(realm, hash))
            .await
    }

    async fn is_revoked(&self, realm: &RealmId, jti: &str) -> Result<bool> {
        self.watch(
            "is_revoked",
            Some("revoked"),
            self.store.is_revoked(realm, jti),
        )
        .await
    }

    async fn consent(
        &self,
        realm: &RealmId,
        sub: &SubjectId,
        client: &ClientId,
    ) -> Result<Option<ConsentRow>> {
        self.watch(
            "consent",
            Some("consents"),
            self.store.consent(realm, sub, client),
        )
        .await
    }

    async fn consents_of(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<ConsentRow>> {
        self.watch(
            "consents_of",
            Some("consents"),
            self.store.consents_of(realm, sub),
        )
        .await
    }

    async fn grants_of(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<GrantRow>> {
        self.watch(
            "grants_of",
            Some("grants"),
            self.store.grants_of(realm, sub),
        )
        .await
    }
}

#[async_trait]
impl Events for WatchedStore {
    async fn events(&self, realm: &RealmId, query: &EventQuery) -> Result<Page<EventRow>> {
        self.watch("events", Some("events"), self.store.events(realm, query))
            .await
    }
}

#[async_trait]
impl Denials for WatchedStore {
    async fn denial(&self, realm: &RealmId, id: &DenialId) -> Result<Option<DenialRow>> {
        self.watch("denial", Some("denials"), self.store.denial(realm, id))
            .await
    }

    async fn denials_of(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<DenialRow>> {
        self.watch(
            "denials_of",
            Some("denials"),
            self.store.denials_of(realm, sub),
        )
        .await
    }
}

#[async_trait]
impl Attempts for WatchedStore {
    async fn attempts(&self, realm: &RealmId, key: &AttemptKey) -> Result<Option<AttemptRow>> {
        self.watch(
            "attempts",
            Some("attempts"),
            self.store.attempts(realm, key),
        )
        .await
    }
}

#[async_trait]
impl Commit for WatchedStore {
    async fn commit(&self, realm: &RealmId, changes: Vec<Change>) -> Result<Outcome> {
        self.watch("commit", None, self.store.commit(realm, changes))
            .await
    }
}

#[async_trait]
impl PersonalData for WatchedStore {
    async fn export(
        &self,
        realm: &RealmId,
        sub: &SubjectId,
    ) -> Result<serde_json::Map<String, serde_json::Value>> {
        self.watch("export", None, self.store.export(realm, sub))
            .await
    }
}

#[async_trait]
impl Maintenance for WatchedStore {
    async fn migrate(&self) -> Result<()> {
        self.watch("migrate", None, self.store.migrate()).await
    }

    async fn check_schema(&self) -> Result<()> {
        self.watch("check_schema", None, self.store.check_schema())
            .await
    }

    async fn claim_ownership(&self, owner: &Owner) -> Result<()> {
        self.watch(
            "claim_ownership",
            Some("meta"),
            self.store.claim_ownership(owner),
        )
        .await
    }

    async fn now(&self) -> Result<Timestamp> {
        self.watch("now", None, self.store.now()).await
    }

    async fn sweep(&self, batch: u32) -> Result<u64> {
        self.watch("sweep", None, self.store.sweep(batch)).await
    }

    async fn purge(&self, realm: &RealmId, retention: &Retention, batch: u32) -> Result<Purged> {
        self.watch("purge", None, self.store.purge(realm, retention, batch))
            .await
    }

    async fn claim_outbox(
        &self,
        realms: &[RealmId],
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<OutboxRow>> {
        self.watch(
            "claim_outbox",
            Some("outbox"),
            self.store.claim_outbox(realms, limit, lease),
        )
        .await
    }

    async fn complete_outbox(&self, realm: &RealmId, id: &OutboxId) -> Result<()> {
        self.watch(
            "complete_outbox",
            Some("outbox"),
            self.store.complete_outbox(realm, id),
        )
        .await
    }

    async fn dead_letters(&self, realms: &[RealmId]) -> Result<BTreeMap<RealmId, u32>> {
        let counting = self.store.dead_letters(realms);
        self.watch("dead_letters", Some("outbox"), counting).await
    }

    async fn release_outbox(
        &self,
        realm: &RealmId,
        id: &OutboxId,
        retry_at: Option<Timestamp>,
        error: &str,
    ) -> Result<()> {
        self.watch(
            "release_outbox",
            Some("outbox"),
            self.store.release_outbox(realm, id, retry_at, error),
        )
        .await
    }
}
