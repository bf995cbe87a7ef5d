//! Schema, ownership, sweeping and the outbox.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use realmwright_snapshot::RealmId;
use realmwright_store::schema::{self, Build, Stored};
use realmwright_store::{Maintenance, OutboxId, OutboxRow, Owner, Purged, Result, Retention};
use sqlx::SqliteConnection;

use crate::SqliteStore;
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

const HAS_META: &str = "SELECT EXISTS (
    SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta')";
const META: &str = "SELECT schema_version, oldest_reader FROM meta";
const CLAIM: &str = "UPDATE meta SET region = $1, country = $2, instance = $3
    WHERE region IS NULL";
const OWNER: &str = "SELECT region, country, instance FROM meta";
// One statement for each table with an end; rows below them go by their foreign keys.
const SWEEPS: &[&str] = &[
    "DELETE FROM logins WHERE (realm, id) IN (
        SELECT realm, id FROM logins WHERE expires_at <= $1 LIMIT $2)",
    "DELETE FROM sessions WHERE (realm, id) IN (
        SELECT realm, id FROM sessions WHERE min(idle_expires_at, expires_at) <= $1 LIMIT $2)",
    "DELETE FROM codes WHERE (realm, hash) IN (
        SELECT realm, hash FROM codes WHERE expires_at <= $1 LIMIT $2)",
    "DELETE FROM refresh_tokens WHERE (realm, hash) IN (
        SELECT realm, hash FROM refresh_tokens WHERE expires_at <= $1 LIMIT $2)",
    "DELETE FROM access_tokens WHERE (realm, hash) IN (
        SELECT realm, hash FROM access_tokens WHERE expires_at <= $1 LIMIT $2)",
    "DELETE FROM grants WHERE (realm, id) IN (
        SELECT realm, id FROM grants WHERE expires_at <= $1 LIMIT $2)",
    "DELETE FROM revoked WHERE (realm, jti) IN (
        SELECT realm, jti FROM revoked WHERE expires_at <= $1 LIMIT $2)",
    "DELETE FROM used_once WHERE (realm, kind, key) IN (
        SELECT realm, kind, key FROM used_once WHERE expires_at <= $1 LIMIT $2)",
    "DELETE FROM attempts WHERE (realm, purpose, key) IN (
        SELECT realm, purpose, key FROM attempts WHERE expires_at <= $1 LIMIT $2)",
    "DELETE FROM denials WHERE (realm, id) IN (
        SELECT realm, id FROM denials WHERE expires_at <= $1 LIMIT $2)",
];
const LEASE: &str = "UPDATE outbox SET due_at = $1 + $2
    WHERE (realm, id) IN (
        SELECT realm, id FROM outbox
        WHERE realm IN (SELECT value FROM json_each($3)) AND due_at <= $1
        ORDER BY due_at, id LIMIT $4)
    RETURNING realm, id, target, subject, payload, attempts";
const COMPLETE: &str = "DELETE FROM outbox WHERE realm = $1 AND id = $2";
const RELEASE: &str = "UPDATE outbox SET due_at = $3, last_error = $4, attempts = attempts + 1,
        dead_at = CASE WHEN $3 IS NULL THEN $5 END
    WHERE realm = $1 AND id = $2 AND due_at IS NOT NULL";
const PURGE_EVENTS: &str = "DELETE FROM events WHERE (realm, id) IN (
    SELECT realm, id FROM events
    WHERE realm = $1 AND id < $2 AND at <= $3 ORDER BY id LIMIT $4)";
const DATE_DEAD_LETTERS: &str = "UPDATE outbox SET dead_at = $2
    WHERE realm = $1 AND due_at IS NULL AND dead_at IS NULL";
const PURGE_DEAD_LETTERS: &str = "DELETE FROM outbox WHERE (realm, id) IN (
    SELECT realm, id FROM outbox
    WHERE realm = $1 AND due_at IS NULL AND dead_at <= $2 ORDER BY dead_at LIMIT $3)";
const DEAD_LETTERS: &str = "SELECT realm, count(*) AS dead FROM outbox
    WHERE realm IN (SELECT value FROM json_each($1)) AND due_at IS NULL GROUP BY realm";
/// Characters of a delivery error that are kept.
const LONGEST_ERROR: usize = 500;

#[async_trait]
impl Maintenance for SqliteStore {
    async fn migrate(&self) -> Result<()> {
        let mut transaction = self
            .writer
            .begin_with("BEGIN IMMEDIATE")
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
        let mut connection = self.readers.acquire().await.reading("meta")?;
        BUILD.admit(stored_schema(&mut connection).await?)
    }

    async fn claim_ownership(&self, owner: &Owner) -> Result<()> {
        sqlx::query(CLAIM)
            .bind(owner.region.as_str())
            .bind(owner.country.as_str())
            .bind(owner.instance.as_ref().map(|instance| instance.as_str()))
            .execute(&self.writer)
            .await
            .reading("meta")?;
        let row = sqlx::query(OWNER)
            .fetch_one(&self.writer)
            .await
            .reading("meta")?;
        schema::same_owner(&rows::owner(&row)?, owner)
    }

    async fn now(&self) -> Result<Timestamp> {
        Timestamp::from_microsecond(self.clock.now())
            .map_err(|_| inconsistent("meta", "the clock is out of range"))
    }

    async fn sweep(&self, batch: u32) -> Result<u64> {
        let mut swept = 0;
        for statement in SWEEPS {
            swept += sqlx::query(*statement)
                .bind(self.clock.now())
                .bind(i64::from(batch))
                .execute(&self.writer)
                .await
                .reading("meta")?
                .rows_affected();
        }
        Ok(swept)
    }

    async fn purge(&self, realm: &RealmId, retention: &Retention, batch: u32) -> Result<Purged> {
        let now = self.clock.now();
        let mut purged = Purged::default();
        if let Some((oldest, below)) = retention.oldest_event(self.now().await?) {
            purged.events = sqlx::query(PURGE_EVENTS)
                .bind(realm.as_str())
                .bind(below)
                .bind(oldest.as_microsecond())
                .bind(i64::from(batch))
                .execute(&self.writer)
                .await
                .reading("events")?
                .rows_affected();
        }
        sqlx::query(DATE_DEAD_LETTERS)
            .bind(realm.as_str())
            .bind(now)
            .execute(&self.writer)
            .await
            .reading("outbox")?;
        let kept = i64::try_from(retention.dead_letters.as_micros()).unwrap_or(i64::MAX);
        purged.dead_letters = sqlx::query(PURGE_DEAD_LETTERS)
            .bind(realm.as_str())
            .bind(now.saturating_sub(kept))
            .bind(i64::from(batch))
            .execute(&self.writer)
            .await
            .reading("outbox")?
            .rows_affected();
        Ok(purged)
    }

    async fn claim_outbox(
        &self,
        realms: &[RealmId],
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<OutboxRow>> {
        let leased = sqlx::query(LEASE)
            .bind(self.clock.now())
            .bind(i64::try_from(lease.as_micros()).unwrap_or(i64::MAX))
            .bind(serde_json::json!(realms).to_string())
            .bind(i64::from(limit))
            .fetch_all(&self.writer)
            .await
            .reading("outbox")?;
        let mut leased: Vec<_> = leased.iter().map(rows::outbox).collect::<Result<_>>()?;
        leased.sort_by_key(|row| row.id);
        Ok(leased)
    }

    async fn complete_outbox(&self, realm: &RealmId, id: &OutboxId) -> Result<()> {
        sqlx::query(COMPLETE)
            .bind(realm.as_str())
            .bind(id.0)
            .execute(&self.writer)
            .await
            .reading("outbox")?;
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
        sqlx::query(RELEASE)
            .bind(realm.as_str())
            .bind(id.0)
            .bind(retry_at.map(Timestamp::as_microsecond))
            .bind(error)
            .bind(self.clock.now())
            .execute(&self.writer)
            .await
            .reading("outbox")?;
        Ok(())
    }

    async fn dead_letters(&self, realms: &[RealmId]) -> Result<BTreeMap<RealmId, u32>> {
        let counted = sqlx::query(DEAD_LETTERS)
            .bind(serde_json::json!(realms).to_string())
            .fetch_all(&self.readers)
            .await
            .reading("outbox")?;
        counted.iter().map(rows::dead_letters).collect()
    }
}

async fn stored_schema(connection: &mut SqliteConnection) -> Result<Stored> {
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
