use jiff::Timestamp;
use realmwright_store::{
    AuthenticationRow, Refusal, SessionClientRow, SessionId, SessionRow, SubjectId, TokenHash,
};
use serde_json::{Map, Value};
use sqlx::types::Json;

use super::{Writing, json};
use crate::error::{Halt, OnTable as _};

const INSERT: &str = "INSERT INTO sessions (realm, id, sub, secret, user_agent, address, claims,
        created_at, last_used_at, idle_expires_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7::json, $8, $9, $10, $11)";
const ADD_AUTHENTICATIONS: &str = "INSERT INTO authentications (realm, session_id, at, method, amr,
        factor)
    SELECT $1, given.* FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::bigint[])
        AS given
    ON CONFLICT DO NOTHING";
const TOUCH: &str = "UPDATE sessions
    SET secret = coalesce($4, secret), last_used_at = $5, idle_expires_at = $6,
        address = coalesce($7, address)
    WHERE realm = $1 AND id = $3
        AND least(expires_at, idle_expires_at) > clock_micros($2)";
const CLAIMS: &str = "SELECT claims FROM sessions WHERE realm = $1 AND id = $2";
const SET_CLAIMS: &str = "UPDATE sessions SET claims = $3::json WHERE realm = $1 AND id = $2";
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
    pub(super) async fn insert_session(&mut self, row: &SessionRow) -> Result<(), Halt> {
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
        rows: &[AuthenticationRow],
    ) -> Result<(), Halt> {
        if rows.is_empty() {
            return Ok(());
        }
        let sessions: Vec<_> = rows.iter().map(|row| row.session.0).collect();
        let times: Vec<_> = rows.iter().map(|row| row.at.as_microsecond()).collect();
        let methods: Vec<_> = rows.iter().map(|row| row.method.as_str()).collect();
        let amrs: Vec<_> = rows.iter().map(|row| row.amr.as_str()).collect();
        let factors: Vec<_> = rows.iter().map(|row| i64::from(row.factor)).collect();
        sqlx::query(ADD_AUTHENTICATIONS)
            .bind(self.realm)
            .bind(sessions)
            .bind(times)
            .bind(methods)
            .bind(amrs)
            .bind(factors)
            .execute(&mut *self.connection)
            .await
            .changing("authentications")?;
        Ok(())
    }

    pub(super) async fn touch_session(
        &mut self,
        id: SessionId,
        secret: Option<&TokenHash>,
        at: Timestamp,
        idle_expires_at: Timestamp,
        address: Option<&str>,
    ) -> Result<(), Halt> {
        let touched = sqlx::query(TOUCH)
            .bind(self.realm)
            .bind(self.shift)
            .bind(id.0)
            .bind(secret.map(|secret| secret.0.as_slice()))
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
        claims: &Map<String, Value>,
    ) -> Result<(), Halt> {
        if claims.is_empty() {
            return Ok(());
        }
        let Json(mut merged): Json<Map<String, Value>> = sqlx::query_scalar(CLAIMS)
            .bind(self.realm)
            .bind(id.0)
            .fetch_one(&mut *self.connection)
            .await
            .changing("sessions")?;
        merged.extend(
            claims
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
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

    pub(super) async fn put_session_client(&mut self, row: &SessionClientRow) -> Result<(), Halt> {
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
