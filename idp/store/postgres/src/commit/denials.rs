use realmwright_store::DenialRow;

use super::{Writing, json};
use crate::error::{Halt, OnTable as _};

const RECORD: &str = "INSERT INTO denials (realm, id, at, subject, client, digest, class, record,
        expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8::json, $9)";

impl Writing<'_> {
    pub(super) async fn record_denial(&mut self, row: &DenialRow) -> Result<(), Halt> {
        sqlx::query(RECORD)
            .bind(self.realm)
            .bind(&row.id.0)
            .bind(row.at.as_microsecond())
            .bind(row.subject.as_ref().map(|sub| &sub.0))
            .bind(row.client.as_str())
            .bind(&row.digest)
            .bind(row.class.as_str())
            .bind(json("denials", &row.record)?)
            .bind(row.expires_at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("denials")?;
        Ok(())
    }
}
