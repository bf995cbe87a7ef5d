//! What runs beside the requests: sweeping, deliveries, and batches of audit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::SignedDuration;
use realmwright_engine::ports::{Clock, EventBatch};
use realmwright_snapshot::RealmId;
use realmwright_store::{Change, OutboxRow, Purged, Retention, Store, StoreError};

use crate::hot_swap::HotSwap;
use crate::lifecycle::Lifecycle;
use crate::telemetry::AUDIT;

const SWEEP_EVERY: Duration = Duration::from_secs(60);
const SWEEP_BATCH: u32 = 500;

const COUNT_EVERY: Duration = Duration::from_secs(30);

const DELIVER_EVERY: Duration = Duration::from_secs(1);
const DELIVER_BATCH: u32 = 100;
const LEASE: Duration = Duration::from_secs(30);
/// After so many failures a delivery is dead, some eight hours after the first.
const MOST_ATTEMPTS: u32 = 12;

/// SIGKILL loses at most what came since the last flush.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// One transaction takes so many changes.
const FLUSH_CHUNK: usize = 500;
/// While the database is away so many changes of a realm are held; further ones are counted.
const MOST_HELD: usize = 50_000;

/// Deletes what has expired, and what the served realms have kept for long enough, in batches,
/// until the stop.
pub async fn sweep(store: Arc<dyn Store>, swap: Arc<HotSwap>, life: Lifecycle) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP_EVERY) => {}
            () = life.stopped() => return,
        }
        let swept = match sweep_expired(&*store, &life).await {
            Ok(()) => purge_realms(&*store, &swap, &life).await,
            fault => fault,
        };
        if let Err(fault) = swept {
            tracing::warn!(error = &fault as &dyn std::error::Error, "cannot sweep");
        }
    }
}

async fn sweep_expired(store: &dyn Store, life: &Lifecycle) -> Result<(), StoreError> {
    let mut all = 0;
    while !life.is_stopping() {
        let swept = store.sweep(SWEEP_BATCH).await?;
        if swept == 0 {
            break;
        }
        all += swept;
    }
    if all > 0 {
        tracing::debug!(rows = all, "swept");
    }
    Ok(())
}

async fn purge_realms(
    store: &dyn Store,
    swap: &HotSwap,
    life: &Lifecycle,
) -> Result<(), StoreError> {
    for realm in swap.current().iter() {
        let retention = retention(&realm.outline().retention);
        let mut all = Purged::default();
        while !life.is_stopping() {
            let purged = store.purge(realm.id(), &retention, SWEEP_BATCH).await?;
            if purged == Purged::default() {
                break;
            }
            all.events += purged.events;
            all.dead_letters += purged.dead_letters;
        }
        if all != Purged::default() {
            tracing::info!(
                realm = %realm.id(),
                events = all.events,
                dead_letters = all.dead_letters,
                "deleted what was kept for long enough"
            );
        }
    }
    Ok(())
}

fn retention(declared: &realmwright_snapshot::Retention) -> Retention {
    Retention {
        events: declared.audit_events.map(Duration::from),
        dead_letters: declared.dead_letters.into(),
    }
}

/// Deliveries of the served realms that were given up, at the last count.
#[derive(Debug, Default)]
pub(crate) struct DeadLetters(ArcSwap<BTreeMap<RealmId, u32>>);

impl DeadLetters {
    /// By realm; one that is missing was not counted yet.
    pub(crate) fn counted(&self) -> Arc<BTreeMap<RealmId, u32>> {
        self.0.load_full()
    }

    async fn count(&self, store: &dyn Store, swap: &HotSwap) -> Result<(), StoreError> {
        let realms = served(swap);
        let dead = store.dead_letters(&realms).await?;
        let of_realm = |id: RealmId| {
            let dead = dead.get(&id).copied().unwrap_or_default();
            (id, dead)
        };
        self.0
            .store(Arc::new(realms.into_iter().map(of_realm).collect()));
        Ok(())
    }

    /// Counts now and then until the stop. While the database is away the last count stands.
    pub(crate) async fn keep_counting(
        self: Arc<Self>,
        store: Arc<dyn Store>,
        swap: Arc<HotSwap>,
        life: Lifecycle,
    ) {
        loop {
            if let Err(fault) = self.count(&*store, &swap).await {
                tracing::warn!(
                    error = &fault as &dyn std::error::Error,
                    "cannot count the dead letters"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(COUNT_EVERY) => {}
                () = life.stopped() => return,
            }
        }
    }
}

fn served(swap: &HotSwap) -> Vec<RealmId> {
    let current = swap.current();
    current.iter().map(|realm| realm.id().clone()).collect()
}

/// 1 s, 2 s, 4 s, ... up to two hours.
fn back_off(attempts: u32) -> SignedDuration {
    SignedDuration::from_secs(1_i64 << attempts.min(13)).min(SignedDuration::from_hours(2))
}

/// Delivers what the outbox holds for the realms of this process, until the stop. A delivery that
/// was claimed by a process that died comes back when its lease ends.
pub async fn deliver(
    store: Arc<dyn Store>,
    swap: Arc<HotSwap>,
    clock: Arc<dyn Clock>,
    life: Lifecycle,
) {
    loop {
        let realms = served(&swap);
        let full = match store.claim_outbox(&realms, DELIVER_BATCH, LEASE).await {
            Ok(rows) => {
                let full = rows.len() == DELIVER_BATCH as usize;
                for row in rows {
                    deliver_one(&*store, &*clock, &row).await;
                }
                full
            }
            Err(fault) => {
                tracing::warn!(
                    error = &fault as &dyn std::error::Error,
                    "cannot read the outbox"
                );
                false
            }
        };
        if full && !life.is_stopping() {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(DELIVER_EVERY) => {}
            () = life.stopped() => return,
        }
    }
}

async fn deliver_one(store: &dyn Store, clock: &dyn Clock, row: &OutboxRow) {
    let done = match row.target.as_str() {
        "log" => {
            tracing::info!(target: AUDIT, realm = %row.realm, event = %row.payload);
            store.complete_outbox(&row.realm, &row.id).await
        }
        unknown => {
            let retry_at =
                (row.attempts < MOST_ATTEMPTS).then(|| clock.now() + back_off(row.attempts));
            let error = format!("this build has no sink {unknown}");
            store
                .release_outbox(&row.realm, &row.id, retry_at, &error)
                .await
        }
    };
    if let Err(fault) = done {
        tracing::warn!(
            error = &fault as &dyn std::error::Error,
            "a delivery is not recorded and will come again"
        );
    }
}

/// Audit of issuance that writes nothing in its own request.
#[derive(Debug, Default)]
pub struct Batches {
    held: Mutex<BTreeMap<RealmId, Vec<Change>>>,
    lost: std::sync::atomic::AtomicU64,
}

impl EventBatch for Batches {
    fn add(&self, realm: &RealmId, changes: Vec<Change>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let of_realm = held.entry(realm.clone()).or_default();
        if of_realm.len() + changes.len() > MOST_HELD {
            self.lost
                .fetch_add(changes.len() as u64, std::sync::atomic::Ordering::Relaxed);
        } else {
            of_realm.extend(changes);
        }
    }
}

impl Batches {
    /// Commits what was gathered; what cannot be committed is kept for the next time.
    pub async fn flush(&self, store: &dyn Store) {
        let gathered = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *held)
        };
        for (realm, mut changes) in gathered {
            while !changes.is_empty() {
                let rest = changes.split_off(changes.len().min(FLUSH_CHUNK));
                match store.commit(&realm, changes.clone()).await {
                    Ok(realmwright_store::Outcome::Done(_)) => changes = rest,
                    Ok(realmwright_store::Outcome::Refused { .. }) => {
                        tracing::error!(%realm, "a batch of audit was refused by the database");
                        changes = rest;
                    }
                    Err(fault) => {
                        tracing::warn!(
                            %realm,
                            error = &fault as &dyn std::error::Error,
                            "a batch of audit waits for the database"
                        );
                        changes.extend(rest);
                        self.add(&realm, changes);
                        break;
                    }
                }
            }
        }
        let lost = self.lost.swap(0, std::sync::atomic::Ordering::Relaxed);
        if lost > 0 {
            tracing::error!(changes = lost, "audit was lost while the database was away");
        }
    }

    /// Flushes twice a second until the stop, and then once more when the requests are done.
    pub async fn keep_flushing(self: Arc<Self>, store: Arc<dyn Store>, life: Lifecycle) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(FLUSH_EVERY) => {}
                () = life.stopped() => return,
            }
            self.flush(&*store).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use realmwright_snapshot::Period;
    use realmwright_store::{Commit as _, EventQuery, EventRow, Events as _, Maintenance as _};
    use realmwright_store_sqlite::SqliteStore;

    use super::*;
    use crate::fixture;

    /// CONF-STORE-03: each realm by what it declares, and none by default.
    #[tokio::test]
    async fn realms_keep_audit_events_as_long_as_they_say() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("test.db"))
            .await
            .unwrap();
        let swap = fixture::swap();
        let mut declared = fixture::snapshot("a.short", "https://id.example.com/short");
        declared.core.retention.audit_events = Some(Period::from_secs(86_400));
        let keyring = fixture::keyring(&declared);
        swap.accept(fixture::offer_of(&declared, keyring, 1), fixture::now())
            .unwrap();
        let silent = fixture::offer("a.silent", "https://id.example.com/silent", 1);
        swap.accept(silent, fixture::now()).unwrap();
        let now = store.now().await.unwrap();
        let event = EventRow {
            id: "0190b6c4-7a10-7cc3-98d1-3f6b0c5a1f2e".parse().unwrap(),
            at: now,
            kind: "login_failed".to_owned(),
            subject: None,
            client: None,
            fields: serde_json::Map::new(),
        };
        let realms = ["a.short", "a.silent", "a.elsewhere"].map(RealmId::from);
        for realm in &realms {
            let record = vec![Change::RecordEvent(event.clone())];
            store.commit(realm, record).await.unwrap();
        }
        let left = async || {
            let mut left = Vec::new();
            for realm in &realms {
                let query = EventQuery {
                    limit: 10,
                    ..EventQuery::default()
                };
                left.push(store.events(realm, &query).await.unwrap().items.len());
            }
            left
        };
        let life = Lifecycle::new();
        for (hours, expected) in [(23, [1, 1, 1]), (25, [0, 1, 1]), (1_000_000, [0, 1, 1])] {
            store.set_clock_offset(SignedDuration::from_hours(hours));
            purge_realms(&store, &swap, &life).await.unwrap();
            assert_eq!(left().await, expected, "{hours}");
        }
    }

    #[test]
    fn back_off_grows_and_has_an_end() {
        let mut former = SignedDuration::ZERO;
        for attempts in 0..40 {
            let now = back_off(attempts);
            assert!(now >= former);
            assert!(now <= SignedDuration::from_hours(2));
            former = now;
        }
        assert_eq!(back_off(0), SignedDuration::from_secs(1));
    }
}
