use async_trait::async_trait;
use realmwright_snapshot::RealmId;
use realmwright_store::{
    AuthenticationRow, Result, SessionClientRow, SessionId, SessionRow, Sessions, SubjectId,
};

use super::all;
use crate::{PostgresStore, rows};

const SESSION: &str = "SELECT id, sub, secret, user_agent, address, claims, created_at,
        last_used_at, idle_expires_at, expires_at
    FROM sessions
    WHERE realm = $1 AND id = $3
        AND least(expires_at, idle_expires_at) > clock_micros($2)";
const SESSIONS_OF: &str = "SELECT id, sub, secret, user_agent, address, claims, created_at,
        last_used_at, idle_expires_at, expires_at
    FROM sessions
    WHERE realm = $1 AND sub = $3
        AND least(expires_at, idle_expires_at) > clock_micros($2)
    ORDER BY created_at DESC, id DESC";
const AUTHENTICATIONS: &str = "SELECT a.session_id, a.method, a.amr, a.factor, a.at
    FROM authentications a JOIN sessions s ON s.realm = a.realm AND s.id = a.session_id
    WHERE a.realm = $1 AND a.session_id = $3
        AND least(s.expires_at, s.idle_expires_at) > clock_micros($2)
    ORDER BY a.at, a.method";
const SESSION_CLIENTS: &str = "SELECT c.session_id, c.client, c.protocol, c.reference,
        c.first_at, c.last_at
    FROM session_clients c JOIN sessions s ON s.realm = c.realm AND s.id = c.session_id
    WHERE c.realm = $1 AND c.session_id = $3
        AND least(s.expires_at, s.idle_expires_at) > clock_micros($2)
    ORDER BY c.first_at, c.client";

#[async_trait]
impl Sessions for PostgresStore {
    async fn session(&self, realm: &RealmId, id: &SessionId) -> Result<Option<SessionRow>> {
        let found = self
            .run(
                "sessions",
                sqlx::query(SESSION)
                    .bind(realm.as_str())
                    .bind(self.clock.shift())
                    .bind(id.0)
                    .fetch_optional(&self.pool),
            )
            .await?;
        found.as_ref().map(rows::session).transpose()
    }

    async fn authentications(
        &self,
        realm: &RealmId,
        id: &SessionId,
    ) -> Result<Vec<AuthenticationRow>> {
        let found = self
            .run(
                "authentications",
                sqlx::query(AUTHENTICATIONS)
                    .bind(realm.as_str())
                    .bind(self.clock.shift())
                    .bind(id.0)
                    .fetch_all(&self.pool),
            )
            .await?;
        all(&found, rows::authentication)
    }

    async fn session_clients(
        &self,
        realm: &RealmId,
        id: &SessionId,
    ) -> Result<Vec<SessionClientRow>> {
        let found = self
            .run(
                "session_clients",
                sqlx::query(SESSION_CLIENTS)
                    .bind(realm.as_str())
                    .bind(self.clock.shift())
                    .bind(id.0)
                    .fetch_all(&self.pool),
            )
            .await?;
        all(&found, rows::session_client)
    }

    async fn sessions_of(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<SessionRow>> {
        let found = self
            .run(
                "sessions",
                sqlx::query(SESSIONS_OF)
                    .bind(realm.as_str())
                    .bind(self.clock.shift())
                    .bind(&sub.0)
                    .fetch_all(&self.pool),
            )
            .await?;
        all(&found, rows::session)
    }
}
