use std::time::Duration;

use jiff::Timestamp;
use realmwright_store::{AttemptKey, AttemptRow, Refusal};

use super::{Writing, micros};
use crate::error::{Halt, OnTable as _, inconsistent};
use crate::rows;

// $5 limit, $6 end of a window that begins now, $7 end of a bar that begins now (NULL: none).
// A counter that has expired begins anew; one that is barred or full is left alone.
const COUNT: &str = "INSERT INTO attempts AS a (realm, purpose, key, count, window_until,
        locked_until, expires_at)
    VALUES ($1, $3, $4, 1, $6, iif($5 <= 1, $7, NULL), iif($5 <= 1, coalesce($7, $6), $6))
    ON CONFLICT (realm, purpose, key) DO UPDATE SET
        count = iif(a.expires_at <= $2, 1, a.count + 1),
        window_until = iif(a.expires_at <= $2, $6, a.window_until),
        locked_until = iif(iif(a.expires_at <= $2, 1, a.count + 1) >= $5, $7, NULL),
        expires_at = iif(
            iif(a.expires_at <= $2, 1, a.count + 1) >= $5 AND $7 IS NOT NULL,
            $7,
            iif(a.expires_at <= $2, $6, a.window_until))
    WHERE a.expires_at <= $2 OR (a.locked_until IS NULL AND a.count < $5)
    RETURNING count, locked_until, expires_at";
const BARRED_UNTIL: &str = "SELECT expires_at FROM attempts
    WHERE realm = $1 AND purpose = $2 AND key = $3";
const RESET: &str = "DELETE FROM attempts WHERE realm = $1 AND purpose = $2 AND key = $3";
const UNCOUNT: &str = "UPDATE attempts
    SET count = max(count - 1, 0), locked_until = NULL, expires_at = window_until
    WHERE realm = $1 AND purpose = $3 AND key = $4 AND expires_at > $2";

impl Writing<'_> {
    pub(super) async fn count_attempt(
        &mut self,
        key: &AttemptKey,
        limit: u32,
        window: Duration,
        bar: Duration,
    ) -> Result<AttemptRow, Halt> {
        let bar = (!bar.is_zero()).then(|| self.now.saturating_add(micros(bar)));
        let counted = sqlx::query(COUNT)
            .bind(self.realm)
            .bind(self.now)
            .bind(&key.purpose)
            .bind(&key.key)
            .bind(i64::from(limit))
            .bind(self.now.saturating_add(micros(window)))
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
            .bind(self.now)
            .bind(&key.purpose)
            .bind(&key.key)
            .execute(&mut *self.connection)
            .await
            .changing("attempts")?;
        Ok(())
    }
}
