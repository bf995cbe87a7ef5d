//! Schema, ownership, sweeping and the outbox.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use realmwright_snapshot::RealmId;
use realmwright_store::schema::{self, Build, Stored};
use realmwright_store::{
    Maintenance, OutboxId, OutboxRow, Owner, Purged, Result, Retention, StoreError,
};
use sqlx::{Connection as _, PgConnection};

use crate::PostgresStore;
use crate::connections::{ReadOnly, takes_writes};
use crate::error::{OnTable as _, inconsistent};
use crate::rows::{self, Columns};

/// Each file brings the schema from its index to the next version and writes that into `meta`,
/// with the oldest build that may still read it.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001.sql"),
    include_str!("../migrations/0002.sql"),
    include_str!("../migrations/0003.sql"),
    include_str!("../migrations/0004.sql"),
];
const BUILD: Build = Build {
    version: 4,
    oldest_usable: 4,
};

// One migration at a time, for as long as it takes. The number is arbitrary and must not change.
const PREPARE_MIGRATION: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
    SELECT pg_advisory_xact_lock(7165930104)";
const NOW: &str = "SELECT clock_micros($1)";
const HAS_META: &str = "SELECT to_regclass('meta') IS NOT NULL";
const META: &str = "SELECT schema_version, oldest_reader FROM meta";
const CLAIM: &str = "UPDATE meta SET region = $1, country = $2, instance = $3
    WHERE region IS NULL";
const OWNER: &str = "SELECT region, country, instance FROM meta";
// One statement for each table with an end; rows below them go by their foreign keys.
const SWEEPS: &[&str] = &[
    "DELETE FROM logins WHERE (realm, id) IN (
        SELECT realm, id FROM logins WHERE expires_at <= clock_micros($1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
    "DELETE FROM sessions WHERE (realm, id) IN (
        SELECT realm, id FROM sessions WHERE least(idle_expires_at, expires_at) <= clock_micros($1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
    "DELETE FROM codes WHERE (realm, hash) IN (
        SELECT realm, hash FROM codes WHERE expires_at <= clock_micros($1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
    "DELETE FROM refresh_tokens WHERE (realm, hash) IN (
        SELECT realm, hash FROM refresh_tokens WHERE expires_at <= clock_micros($1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
    "DELETE FROM access_tokens WHERE (realm, hash) IN (
        SELECT realm, hash FROM access_tokens WHERE expires_at <= clock_micros($1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
    "DELETE FROM grants WHERE (realm, id) IN (
        SELECT realm, id FROM grants WHERE expires_at <= clock_micros($1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
    "DELETE FROM revoked WHERE (realm, jti) IN (
        SELECT realm, jti FROM revoked WHERE expires_at <= clock_micros($1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
    "DELETE FROM used_once WHERE (realm, kind, key) IN (
        SELECT realm, kind, key FROM used_once WHERE expires_at <= clock_micros($1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
    "DELETE FROM attempts WHERE (realm, purpose, key) IN (
        SELECT realm, purpose, key FROM attempts WHERE expires_at <= clock_micros($1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
    "DELETE FROM denials WHERE (realm, id) IN (
        SELECT realm, id FROM denials WHERE expires_at <= clock_micros($1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
];
const LEASE: &str = "UPDATE outbox SET due_at = clock_micros($1) + $2
    WHERE (realm, id) IN (
        SELECT realm, id FROM outbox
        WHERE realm = ANY($3) AND due_at <= clock_micros($1)
        ORDER BY due_at, id LIMIT $4
        FOR UPDATE SKIP LOCKED)
    RETURNING realm, id, target, subject, payload, attempts";
const COMPLETE: &str = "DELETE FROM outbox WHERE realm = $1 AND id = $2";
const RELEASE: &str = "UPDATE outbox SET due_at = $3, last_error = $4, attempts = attempts + 1,
        dead_at = CASE WHEN $3::bigint IS NULL THEN clock_micros($5) END
    WHERE realm = $1 AND id = $2 AND due_at IS NOT NULL";
const PURGE_EVENTS: &str = "DELETE FROM events WHERE (realm, id) IN (
    SELECT realm, id FROM events
    WHERE realm = $1 AND id < $2 AND at <= $3 ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED)";
const DATE_DEAD_LETTERS: &str = "UPDATE outbox SET dead_at = clock_micros($2)
    WHERE realm = $1 AND due_at IS NULL AND dead_at IS NULL";
const PURGE_DEAD_LETTERS: &str = "DELETE FROM outbox WHERE (realm, id) IN (
    SELECT realm, id FROM outbox
    WHERE realm = $1 AND due_at IS NULL AND dead_at <= clock_micros($2) - $3
    ORDER BY dead_at LIMIT $4 FOR UPDATE SKIP LOCKED)";
const DEAD_LETTERS: &str = "SELECT realm, count(*) AS dead FROM outbox
    WHERE realm = ANY($1) AND due_at IS NULL GROUP BY realm";
/// Characters of a delivery error that are kept.
const LONGEST_ERROR: usize = 500;

#[async_trait]
impl Maintenance for PostgresStore {
    async fn migrate(&self) -> Result<()> {
        let mut connection = self.connect_directly().await?;
        let mut transaction = connection.begin().await.reading("meta")?;
        sqlx::raw_sql(PREPARE_MIGRATION)
            .execute(&mut *transaction)
            .await
            .reading("meta")?;
        let stored = stored_schema(&mut transaction).await?;
        BUILD.not_too_new(stored)?;
        let done =
            usize::try_from(stored.version).map_err(|_| inconsistent("meta", "schema_version"))?;
        for migration in MIGRATIONS.iter().skip(done) {
            sqlx::raw_sql(*migration)
                .execute(&mut *transaction)
                .await
                .reading("meta")?;
        }
        transaction.commit().await.reading("meta")
    }

    async fn check_schema(&self) -> Result<()> {
        self.within(async {
            if let Some(mut idle) = self.pool.try_take()
                && takes_writes(&mut idle).await.is_ok()
            {
                return admit(&mut idle).await;
            }
            admit(&mut self.connect_directly().await?).await
        })
        .await
    }

    async fn claim_ownership(&self, owner: &Owner) -> Result<()> {
        let claim = sqlx::query(CLAIM)
            .bind(owner.region.as_str())
            .bind(owner.country.as_str())
            .bind(owner.instance.as_ref().map(|instance| instance.as_str()))
            .execute(&self.pool);
        self.run("meta", claim).await?;
        let row = self
            .run("meta", sqlx::query(OWNER).fetch_one(&self.pool))
            .await?;
        schema::same_owner(&rows::owner(&row)?, owner)
    }

    async fn now(&self) -> Result<Timestamp> {
        let now = sqlx::query_scalar(NOW)
            .bind(self.clock.shift())
            .fetch_one(&self.pool);
        Timestamp::from_microsecond(self.run("meta", now).await?)
            .map_err(|_| inconsistent("meta", "the clock is out of range"))
    }

    async fn sweep(&self, batch: u32) -> Result<u64> {
        let mut swept = 0;
        for statement in SWEEPS {
            let sweep = sqlx::query(*statement)
                .bind(self.clock.shift())
                .bind(i64::from(batch))
                .execute(&self.pool);
            swept += self.run("meta", sweep).await?.rows_affected();
        }
        Ok(swept)
    }

    async fn purge(&self, realm: &RealmId, retention: &Retention, batch: u32) -> Result<Purged> {
        let mut purged = Purged::default();
        if let Some((oldest, below)) = retention.oldest_event(self.now().await?) {
            let purge = sqlx::query(PURGE_EVENTS)
                .bind(realm.as_str())
                .bind(below)
                .bind(oldest.as_microsecond())
                .bind(i64::from(batch))
                .execute(&self.pool);
            purged.events = self.run("events", purge).await?.rows_affected();
        }
        let date = sqlx::query(DATE_DEAD_LETTERS)
            .bind(realm.as_str())
            .bind(self.clock.shift())
            .execute(&self.pool);
        self.run("outbox", date).await?;
        let purge = sqlx::query(PURGE_DEAD_LETTERS)
            .bind(realm.as_str())
            .bind(self.clock.shift())
            .bind(i64::try_from(retention.dead_letters.as_micros()).unwrap_or(i64::MAX))
            .bind(i64::from(batch))
            .execute(&self.pool);
        purged.dead_letters = self.run("outbox", purge).await?.rows_affected();
        Ok(purged)
    }

    async fn claim_outbox(
        &self,
        realms: &[RealmId],
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<OutboxRow>> {
        let realms: Vec<_> = realms.iter().map(RealmId::as_str).collect();
        let claim = sqlx::query(LEASE)
            .bind(self.clock.shift())
            .bind(i64::try_from(lease.as_micros()).unwrap_or(i64::MAX))
            .bind(realms)
            .bind(i64::from(limit))
            .fetch_all(&self.pool);
        let leased = self.run("outbox", claim).await?;
        let mut leased: Vec<_> = leased.iter().map(rows::outbox).collect::<Result<_>>()?;
        leased.sort_by_key(|row| row.id);
        Ok(leased)
    }

    async fn complete_outbox(&self, realm: &RealmId, id: &OutboxId) -> Result<()> {
        let complete = sqlx::query(COMPLETE)
            .bind(realm.as_str())
            .bind(id.0)
            .execute(&self.pool);
        self.run("outbox", complete).await?;
        Ok(())
    }

    async fn release_outbox(
        &self,
        realm: &RealmId,
        id: &OutboxId,
        retry_at: Option<Timestamp>,
        error: &str,
    ) -> Result<()> {
        let error: String = error.chars().take(LONGEST_ERROR).collect();
        let release = sqlx::query(RELEASE)
            .bind(realm.as_str())
            .bind(id.0)
            .bind(retry_at.map(Timestamp::as_microsecond))
            .bind(error)
            .bind(self.clock.shift())
            .execute(&self.pool);
        self.run("outbox", release).await?;
        Ok(())
    }

    async fn dead_letters(&self, realms: &[RealmId]) -> Result<BTreeMap<RealmId, u32>> {
        let realms: Vec<_> = realms.iter().map(RealmId::as_str).collect();
        let count = sqlx::query(DEAD_LETTERS).bind(realms).fetch_all(&self.pool);
        let counted = self.run("outbox", count).await?;
        counted.iter().map(rows::dead_letters).collect()
    }
}

/// Whether this build can serve from the database: by its schema, and by whether it is written to.
async fn admit(connection: &mut PgConnection) -> Result<()> {
    BUILD.admit(stored_schema(connection).await?)?;
    if takes_writes(connection).await.reading("meta")? {
        Ok(())
    } else {
        Err(StoreError::Unavailable(Box::new(ReadOnly)))
    }
}

async fn stored_schema(connection: &mut PgConnection) -> Result<Stored> {
    let has_meta: bool = sqlx::query_scalar(HAS_META)
        .fetch_one(&mut *connection)
        .await
        .reading("meta")?;
    if !has_meta {
        return Ok(Stored {
            version: 0,
            oldest_reader: 0,
        });
    }
    let row = sqlx::query(META)
        .fetch_one(connection)
        .await
        .reading("meta")?;
    let meta = Columns::new("meta", &row);
    Ok(Stored {
        version: meta.get("schema_version")?,
        oldest_reader: meta.get("oldest_reader")?,
    })
}
