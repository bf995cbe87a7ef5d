use async_trait::async_trait;
use realmwright_snapshot::RealmId;
use realmwright_store::{DenialId, DenialRow, Denials, Result, SubjectId};

use super::all;
use crate::{PostgresStore, rows};

const DENIAL: &str = "SELECT id, at, subject, client, digest, class, record, expires_at
    FROM denials WHERE realm = $1 AND id = $3 AND expires_at > clock_micros($2)";
const DENIALS_OF: &str = "SELECT id, at, subject, client, digest, class, record, expires_at
    FROM denials WHERE realm = $1 AND subject = $3 AND expires_at > clock_micros($2)
    ORDER BY at DESC, id";

#[async_trait]
impl Denials for PostgresStore {
    async fn denial(&self, realm: &RealmId, id: &DenialId) -> Result<Option<DenialRow>> {
        let query = sqlx::query(DENIAL)
            .bind(realm.as_str())
            .bind(self.clock.shift())
            .bind(&id.0)
            .fetch_optional(&self.pool);
        let found = self.run("denials", query).await?;
        found.as_ref().map(rows::denial).transpose()
    }

    async fn denials_of(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<DenialRow>> {
        let query = sqlx::query(DENIALS_OF)
            .bind(realm.as_str())
            .bind(self.clock.shift())
            .bind(&sub.0)
            .fetch_all(&self.pool);
        let found = self.run("denials", query).await?;
        all(&found, rows::denial)
    }
}
