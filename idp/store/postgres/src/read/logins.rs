use async_trait::async_trait;
use realmwright_snapshot::RealmId;
use realmwright_store::{AttemptKey, AttemptRow, Attempts, LoginId, LoginRow, Logins, Result};

use crate::{PostgresStore, rows};

const LOGIN: &str = "SELECT id, sub, state, revision, version, expires_at FROM logins
    WHERE realm = $1 AND id = $3 AND expires_at > clock_micros($2)";
const ATTEMPTS: &str = "SELECT count, locked_until, expires_at FROM attempts
    WHERE realm = $1 AND purpose = $3 AND key = $4 AND expires_at > clock_micros($2)";

#[async_trait]
impl Logins for PostgresStore {
    async fn login(&self, realm: &RealmId, id: &LoginId) -> Result<Option<LoginRow>> {
        let found = self
            .run(
                "logins",
                sqlx::query(LOGIN)
                    .bind(realm.as_str())
                    .bind(self.clock.shift())
                    .bind(id.0)
                    .fetch_optional(&self.pool),
            )
            .await?;
        found.as_ref().map(rows::login).transpose()
    }
}

#[async_trait]
impl Attempts for PostgresStore {
    async fn attempts(&self, realm: &RealmId, key: &AttemptKey) -> Result<Option<AttemptRow>> {
        let found = self
            .run(
                "attempts",
                sqlx::query(ATTEMPTS)
                    .bind(realm.as_str())
                    .bind(self.clock.shift())
                    .bind(&key.purpose)
                    .bind(&key.key)
                    .fetch_optional(&self.pool),
            )
            .await?;
        found.as_ref().map(rows::attempt).transpose()
    }
}
