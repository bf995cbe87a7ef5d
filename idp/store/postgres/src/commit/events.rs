use realmwright_store::{EventRow, OutboxRow};

use super::{Writing, json};
use crate::error::{Halt, OnTable as _};

const RECORD: &str = "INSERT INTO events (realm, id, at, kind, subject, client, fields)
    VALUES ($1, $2, $3, $4, $5, $6, $7::json)";
const ENQUEUE: &str = "INSERT INTO outbox (realm, id, target, subject, payload, attempts, due_at)
    VALUES ($1, $3, $4, $5, $6::json, $7, clock_micros($2))";

impl Writing<'_> {
    pub(super) async fn record_event(&mut self, row: &EventRow) -> Result<(), Halt> {
        sqlx::query(RECORD)
            .bind(self.realm)
            .bind(row.id)
            .bind(row.at.as_microsecond())
            .bind(&row.kind)
            .bind(row.subject.as_ref().map(|sub| &sub.0))
            .bind(row.client.as_ref().map(|client| client.as_str()))
            .bind(json("events", &row.fields)?)
            .execute(&mut *self.connection)
            .await
            .changing("events")?;
        Ok(())
    }

    pub(super) async fn enqueue(&mut self, row: &OutboxRow) -> Result<(), Halt> {
        sqlx::query(ENQUEUE)
            .bind(self.realm)
            .bind(self.shift)
            .bind(row.id.0)
            .bind(&row.target)
            .bind(row.subject.as_ref().map(|sub| &sub.0))
            .bind(json("outbox", &row.payload)?)
            .bind(i64::from(row.attempts))
            .execute(&mut *self.connection)
            .await
            .changing("outbox")?;
        Ok(())
    }
}
