use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use realmwright_store::{AttemptKey, AttemptRow, Change, Refusal};

use super::{Writing, micros};
use crate::error::{Halt, OnTable as _, inconsistent};
use crate::rows;

// $5 limit, $6 window, $7 bar (NULL: none). A counter that has expired begins anew; one that is
// barred or full is left alone.
const COUNT: &str = "INSERT INTO attempts AS a (realm, purpose, key, count, window_until,
        locked_until, expires_at)
    SELECT $1, $3, $4, 1, c.now + $6,
        CASE WHEN $5 <= 1 THEN c.now + $7 END,
        c.now + CASE WHEN $5 <= 1 THEN coalesce($7, $6) ELSE $6 END
    FROM (SELECT clock_micros($2) AS now) AS c
    ON CONFLICT (realm, purpose, key) DO UPDATE SET
        count = CASE WHEN a.expires_at <= clock_micros($2) THEN 1 ELSE a.count + 1 END,
        window_until = CASE
            WHEN a.expires_at <= clock_micros($2) THEN excluded.window_until
            ELSE a.window_until END,
        locked_until = CASE
            WHEN CASE WHEN a.expires_at <= clock_micros($2) THEN 1 ELSE a.count + 1 END >= $5
            THEN clock_micros($2) + $7 END,
        expires_at = CASE
            WHEN CASE WHEN a.expires_at <= clock_micros($2) THEN 1 ELSE a.count + 1 END >= $5
                AND $7 IS NOT NULL
            THEN clock_micros($2) + $7
            WHEN a.expires_at <= clock_micros($2) THEN excluded.window_until
            ELSE a.window_until END
    WHERE a.expires_at <= clock_micros($2) OR (a.locked_until IS NULL AND a.count < $5)
    RETURNING count, locked_until, expires_at";
const BARRED_UNTIL: &str = "SELECT expires_at FROM attempts
    WHERE realm = $1 AND purpose = $2 AND key = $3";
const RESET: &str = "DELETE FROM attempts WHERE realm = $1 AND purpose = $2 AND key = $3";
const UNCOUNT: &str = "UPDATE attempts
    SET count = greatest(count - 1, 0), locked_until = NULL, expires_at = window_until
    WHERE realm = $1 AND purpose = $3 AND key = $4 AND expires_at > clock_micros($2)";
// The list of a scan is evaluated in the order of the array.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended(key, 0))
    FROM unnest($1::text[]) AS key";

/// The counters that a list of changes touches, in the order in which every commit locks them.
fn counters(changes: &[Change]) -> BTreeSet<(&str, &str)> {
    changes
        .iter()
        .filter_map(|change| match change {
            Change::CountAttempt { key, .. }
            | Change::UncountAttempt { key }
            | Change::ResetAttempts { key } => Some((key.purpose.as_str(), key.key.as_str())),
            _ => None,
        })
        .collect()
}

impl Writing<'_> {
    /// Takes the counters of all changes in one order, before any row is locked: two logins that
    /// count the same address and name in opposite orders would each wait for the other.
    pub(super) async fn lock_counters(
        &mut self,
        changes: &[Change],
    ) -> realmwright_store::Result<()> {
        let counters = counters(changes);
        if counters.len() < 2 {
            return Ok(());
        }
        let keys: Vec<String> = counters
            .into_iter()
            .map(|(purpose, key)| format!("{}/{purpose}/{key}", self.realm))
            .collect();
        sqlx::query(LOCK)
            .bind(keys)
            .execute(&mut *self.connection)
            .await
            .reading("attempts")?;
        Ok(())
    }

    pub(super) async fn count_attempt(
        &mut self,
        key: &AttemptKey,
        limit: u32,
        window: Duration,
        bar: Duration,
    ) -> Result<AttemptRow, Halt> {
        let bar = (!bar.is_zero()).then(|| micros(bar));
        let counted = sqlx::query(COUNT)
            .bind(self.realm)
            .bind(self.shift)
            .bind(&key.purpose)
            .bind(&key.key)
            .bind(i64::from(limit))
            .bind(micros(window))
            .bind(bar)
            .fetch_optional(&mut *self.connection)
            .await
            .changing("attempts")?;
        match counted {
            Some(row) => Ok(rows::attempt(&row)?),
            None => Err(self.barred(key).await?.into()),
        }
    }

    async fn barred(&mut self, key: &AttemptKey) -> Result<Refusal, Halt> {
        let until: i64 = sqlx::query_scalar(BARRED_UNTIL)
            .bind(self.realm)
            .bind(&key.purpose)
            .bind(&key.key)
            .fetch_one(&mut *self.connection)
            .await
            .changing("attempts")?;
        let until = Timestamp::from_microsecond(until)
            .map_err(|_| inconsistent("attempts", "column expires_at"))?;
        Ok(Refusal::Barred { until })
    }

    pub(super) async fn reset_attempts(&mut self, key: &AttemptKey) -> Result<(), Halt> {
        sqlx::query(RESET)
            .bind(self.realm)
            .bind(&key.purpose)
            .bind(&key.key)
            .execute(&mut *self.connection)
            .await
            .changing("attempts")?;
        Ok(())
    }

    pub(super) async fn uncount_attempt(&mut self, key: &AttemptKey) -> Result<(), Halt> {
        sqlx::query(UNCOUNT)
            .bind(self.realm)
            .bind(self.shift)
            .bind(&key.purpose)
            .bind(&key.key)
            .execute(&mut *self.connection)
            .await
            .changing("attempts")?;
        Ok(())
    }
}
