use async_trait::async_trait;
use realmwright_snapshot::RealmId;
use realmwright_store::{EventQuery, EventRow, Events, Page, Result};
use uuid::Uuid;

use super::{all, page, probe};
use crate::{PostgresStore, rows};

const EVENTS: &str = "SELECT id, at, kind, subject, client, fields FROM events
    WHERE realm = $1 AND id > $2 ORDER BY id LIMIT $3";
const EVENTS_OF: &str = "SELECT id, at, kind, subject, client, fields FROM events
    WHERE realm = $1 AND id > $2 AND subject = $4 ORDER BY id LIMIT $3";

#[async_trait]
impl Events for PostgresStore {
    async fn events(&self, realm: &RealmId, query: &EventQuery) -> Result<Page<EventRow>> {
        let after = query.after.as_deref().map(Uuid::try_parse);
        let Ok(after) = after.transpose() else {
            return Ok(page(Vec::new(), query.limit, |_| String::new()));
        };
        let statement = match &query.subject {
            Some(subject) => sqlx::query(EVENTS_OF)
                .bind(realm.as_str())
                .bind(after.unwrap_or_default())
                .bind(probe(query.limit))
                .bind(&subject.0),
            None => sqlx::query(EVENTS)
                .bind(realm.as_str())
                .bind(after.unwrap_or_default())
                .bind(probe(query.limit)),
        };
        let found = self.run("events", statement.fetch_all(&self.pool)).await?;
        let events = all(&found, rows::event)?;
        Ok(page(events, query.limit, |event| event.id.to_string()))
    }
}
