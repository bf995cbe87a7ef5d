use jiff::Timestamp;
use realmwright_store::{
    AuthenticationRow, Refusal, SessionClientRow, SessionId, SessionRow, SubjectId, TokenHash,
};
use serde_json::{Map, Value};

use super::{Writing, json};
use crate::error::{Halt, OnTable as _, inconsistent};

const INSERT: &str = "INSERT INTO sessions (realm, id, sub, secret, user_agent, address, claims,
        created_at, last_used_at, idle_expires_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const ADD_AUTHENTICATION: &str = "INSERT INTO authentications (realm, session_id, at, method, amr,
        factor)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
const TOUCH: &str = "UPDATE sessions
    SET secret = coalesce($4, secret), last_used_at = $5, idle_expires_at = $6,
        address = coalesce($7, address)
    WHERE realm = $1 AND id = $3 AND expires_at > $2 AND idle_expires_at > $2";
const CLAIMS: &str = "SELECT claims FROM sessions WHERE realm = $1 AND id = $2";
const SET_CLAIMS: &str = "UPDATE sessions SET claims = $3 WHERE realm = $1 AND id = $2";
const END: &str = "DELETE FROM sessions WHERE realm = $1 AND id = $2";
const END_ITS_GRANTS: &str = "UPDATE grants SET ended_at = $3
    WHERE realm = $1 AND session_id = $2 AND ended_at IS NULL";
const END_ALL: &str = "DELETE FROM sessions
    WHERE realm = $1 AND sub = $2 AND ($3 IS NULL OR id <> $3)";
const END_ALL_GRANTS: &str = "UPDATE grants SET ended_at = $4
    WHERE realm = $1 AND sub = $2 AND session_id IS NOT NULL AND ($3 IS NULL OR session_id <> $3)
        AND ended_at IS NULL";
const PUT_CLIENT: &str = "INSERT INTO session_clients (realm, session_id, client, protocol,
        reference, first_at, last_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (realm, session_id, client, protocol)
    DO UPDATE SET reference = excluded.reference, last_at = excluded.last_at";

impl Writing<'_> {
    pub(super) async fn insert_session(&mut self, row: SessionRow) -> Result<(), Halt> {
        sqlx::query(INSERT)
            .bind(self.realm)
            .bind(row.id.0)
            .bind(&row.sub.0)
            .bind(row.secret.0.as_slice())
            .bind(&row.user_agent)
            .bind(&row.address)
            .bind(json("sessions", &row.claims)?)
            .bind(row.created_at.as_microsecond())
            .bind(row.last_used_at.as_microsecond())
            .bind(row.idle_expires_at.as_microsecond())
            .bind(row.expires_at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("sessions")?;
        Ok(())
    }

    pub(super) async fn insert_authentications(
        &mut self,
        rows: Vec<AuthenticationRow>,
    ) -> Result<(), Halt> {
        for row in rows {
            sqlx::query(ADD_AUTHENTICATION)
                .bind(self.realm)
                .bind(row.session.0)
                .bind(row.at.as_microsecond())
                .bind(row.method.as_str())
                .bind(&row.amr)
                .bind(i64::from(row.factor))
                .execute(&mut *self.connection)
                .await
                .changing("authentications")?;
        }
        Ok(())
    }

    pub(super) async fn touch_session(
        &mut self,
        id: SessionId,
        secret: Option<TokenHash>,
        at: Timestamp,
        idle_expires_at: Timestamp,
        address: Option<String>,
    ) -> Result<(), Halt> {
        let touched = sqlx::query(TOUCH)
            .bind(self.realm)
            .bind(self.now)
            .bind(id.0)
            .bind(secret.as_ref().map(|secret| secret.0.as_slice()))
            .bind(at.as_microsecond())
            .bind(idle_expires_at.as_microsecond())
            .bind(address)
            .execute(&mut *self.connection)
            .await
            .changing("sessions")?;
        if touched.rows_affected() == 1 {
            Ok(())
        } else {
            Err(Refusal::Unknown.into())
        }
    }

    /// Adds or replaces claims of a session that this transaction has touched.
    pub(super) async fn merge_claims(
        &mut self,
        id: SessionId,
        claims: Map<String, Value>,
    ) -> Result<(), Halt> {
        if claims.is_empty() {
            return Ok(());
        }
        let stored: String = sqlx::query_scalar(CLAIMS)
            .bind(self.realm)
            .bind(id.0)
            .fetch_one(&mut *self.connection)
            .await
            .changing("sessions")?;
        let mut merged: Map<String, Value> =
            serde_json::from_str(&stored).map_err(|_| inconsistent("sessions", "column claims"))?;
        merged.extend(claims);
        sqlx::query(SET_CLAIMS)
            .bind(self.realm)
            .bind(id.0)
            .bind(json("sessions", &merged)?)
            .execute(&mut *self.connection)
            .await
            .changing("sessions")?;
        Ok(())
    }

    pub(super) async fn end_session(&mut self, id: SessionId, at: Timestamp) -> Result<(), Halt> {
        sqlx::query(END)
            .bind(self.realm)
            .bind(id.0)
            .execute(&mut *self.connection)
            .await
            .changing("sessions")?;
        sqlx::query(END_ITS_GRANTS)
            .bind(self.realm)
            .bind(id.0)
            .bind(at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("grants")?;
        Ok(())
    }

    pub(super) async fn end_sessions_of(
        &mut self,
        sub: &SubjectId,
        except: Option<SessionId>,
        at: Timestamp,
    ) -> Result<(), Halt> {
        let except = except.map(|id| id.0);
        sqlx::query(END_ALL)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(except)
            .execute(&mut *self.connection)
            .await
            .changing("sessions")?;
        sqlx::query(END_ALL_GRANTS)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(except)
            .bind(at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("grants")?;
        Ok(())
    }

    pub(super) async fn put_session_client(&mut self, row: SessionClientRow) -> Result<(), Halt> {
        sqlx::query(PUT_CLIENT)
            .bind(self.realm)
            .bind(row.session.0)
            .bind(row.client.as_str())
            .bind(&row.protocol)
            .bind(&row.reference)
            .bind(row.first_at.as_microsecond())
            .bind(row.last_at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("session_clients")?;
        Ok(())
    }
}
