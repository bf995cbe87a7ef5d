use jiff::Timestamp;
use realmwright_store::Refusal;

use super::Writing;
use crate::error::{Halt, OnTable as _};

const USE: &str = "INSERT INTO used_once (realm, kind, key, expires_at)
    VALUES ($1, $3, $4, $5)
    ON CONFLICT (realm, kind, key) DO UPDATE SET expires_at = excluded.expires_at
    WHERE used_once.expires_at <= clock_micros($2)";
const REVOKE: &str = "INSERT INTO revoked (realm, jti, expires_at)
    VALUES ($1, $2, $3)
    ON CONFLICT (realm, jti) DO UPDATE SET expires_at = greatest(revoked.expires_at, excluded.expires_at)";

impl Writing<'_> {
    pub(super) async fn use_once(
        &mut self,
        kind: &str,
        key: &str,
        expires_at: Timestamp,
    ) -> Result<(), Halt> {
        let used = sqlx::query(USE)
            .bind(self.realm)
            .bind(self.shift)
            .bind(kind)
            .bind(key.as_bytes())
            .bind(expires_at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("used_once")?;
        if used.rows_affected() == 1 {
            Ok(())
        } else {
            Err(Refusal::AlreadyUsed.into())
        }
    }

    pub(super) async fn revoke_jti(
        &mut self,
        jti: &str,
        expires_at: Timestamp,
    ) -> Result<(), Halt> {
        sqlx::query(REVOKE)
            .bind(self.realm)
            .bind(jti)
            .bind(expires_at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("revoked")?;
        Ok(())
    }
}
