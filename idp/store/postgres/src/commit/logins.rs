use realmwright_store::{LoginId, LoginRow, Refusal};

use super::{Writing, json, signed};
use crate::error::{Halt, OnTable as _};

const INSERT: &str = "INSERT INTO logins (realm, id, sub, state, revision, expires_at, version)
    VALUES ($1, $2, $3, $4::json, $5, $6, 1)";
const UPDATE: &str = "UPDATE logins
    SET sub = $5, state = $6::json, revision = $7, expires_at = $8, version = version + 1
    WHERE realm = $1 AND id = $3 AND version = $4 AND expires_at > clock_micros($2)";
const FINISH: &str = "DELETE FROM logins
    WHERE realm = $1 AND id = $3 AND version = $4 AND expires_at > clock_micros($2)";
const EXISTS: &str = "SELECT EXISTS (
    SELECT 1 FROM logins WHERE realm = $1 AND id = $3 AND expires_at > clock_micros($2))";

impl Writing<'_> {
    pub(super) async fn save_login(&mut self, row: &LoginRow) -> Result<(), Halt> {
        if row.version == 0 {
            self.insert_login(row).await
        } else {
            self.update_login(row).await
        }
    }

    async fn insert_login(&mut self, row: &LoginRow) -> Result<(), Halt> {
        sqlx::query(INSERT)
            .bind(self.realm)
            .bind(row.id.0)
            .bind(row.sub.as_ref().map(|sub| &sub.0))
            .bind(json("logins", &row.state)?)
            .bind(signed("logins", row.revision)?)
            .bind(row.expires_at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("logins")?;
        Ok(())
    }

    async fn update_login(&mut self, row: &LoginRow) -> Result<(), Halt> {
        let updated = sqlx::query(UPDATE)
            .bind(self.realm)
            .bind(self.shift)
            .bind(row.id.0)
            .bind(row.version)
            .bind(row.sub.as_ref().map(|sub| &sub.0))
            .bind(json("logins", &row.state)?)
            .bind(signed("logins", row.revision)?)
            .bind(row.expires_at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("logins")?;
        self.the_same_login(row.id, updated.rows_affected()).await
    }

    pub(super) async fn finish_login(&mut self, id: LoginId, version: i64) -> Result<(), Halt> {
        let finished = sqlx::query(FINISH)
            .bind(self.realm)
            .bind(self.shift)
            .bind(id.0)
            .bind(version)
            .execute(&mut *self.connection)
            .await
            .changing("logins")?;
        self.the_same_login(id, finished.rows_affected()).await
    }

    /// Tells a login that moved on from one that is gone.
    async fn the_same_login(&mut self, id: LoginId, changed: u64) -> Result<(), Halt> {
        if changed == 1 {
            return Ok(());
        }
        let exists: bool = sqlx::query_scalar(EXISTS)
            .bind(self.realm)
            .bind(self.shift)
            .bind(id.0)
            .fetch_one(&mut *self.connection)
            .await
            .changing("logins")?;
        Err(if exists {
            Refusal::Stale
        } else {
            Refusal::Unknown
        }
        .into())
    }
}
