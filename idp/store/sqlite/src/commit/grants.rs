use jiff::Timestamp;
use realmwright_snapshot::ClientId;
use realmwright_store::{
    AccessTokenRow, CodeRow, ConsentRow, GrantId, GrantRow, RefreshTokenRow, Refusal, SubjectId,
    TokenHash,
};

use super::{Writing, json};
use crate::error::{Halt, OnTable as _};

const INSERT: &str = "INSERT INTO grants (realm, id, sub, session_id, client, scopes, resource,
        authorization_details, claims, cnf, nonce, auth_time, acr, amr, created_at, expires_at,
        ended_at)
    SELECT $1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18
    WHERE $5 IS NULL OR EXISTS (
        SELECT 1 FROM sessions
        WHERE realm = $1 AND id = $5 AND expires_at > $2 AND idle_expires_at > $2)";
const END: &str = "UPDATE grants SET ended_at = $3
    WHERE realm = $1 AND id = $2 AND ended_at IS NULL";
const END_ALL: &str = "UPDATE grants SET ended_at = $4
    WHERE realm = $1 AND sub = $2 AND ($3 IS NULL OR client = $3) AND ended_at IS NULL";
const INSERT_CODE: &str = "INSERT INTO codes (realm, hash, grant_id, redirect_uri, code_challenge,
        expires_at, used_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
// Consumed when a row changes; only a code of a live grant is. From then on the row lives as long
// as the grant, so that a later use is known as reuse.
const CONSUME_CODE: &str = "UPDATE codes SET used_at = $4, expires_at = (
        SELECT g.expires_at FROM grants g
        WHERE g.realm = codes.realm AND g.id = codes.grant_id)
    WHERE realm = $1 AND hash = $3 AND expires_at > $2 AND used_at IS NULL
        AND EXISTS (
            SELECT 1 FROM grants g
            WHERE g.realm = codes.realm AND g.id = codes.grant_id
                AND g.ended_at IS NULL AND g.expires_at > $2)";
const CODE_USED: &str = "SELECT used_at IS NOT NULL FROM codes
    WHERE realm = $1 AND hash = $3 AND expires_at > $2";
const INSERT_REFRESH_TOKEN: &str = "INSERT INTO refresh_tokens (realm, hash, grant_id, expires_at,
        used_at, successor)
    VALUES ($1, $2, $3, $4, $5, $6)";
const CONSUME_REFRESH_TOKEN: &str = "UPDATE refresh_tokens
    SET used_at = $4, successor = $5, expires_at = (
        SELECT g.expires_at FROM grants g
        WHERE g.realm = refresh_tokens.realm AND g.id = refresh_tokens.grant_id)
    WHERE realm = $1 AND hash = $3 AND expires_at > $2 AND used_at IS NULL
        AND EXISTS (
            SELECT 1 FROM grants g
            WHERE g.realm = refresh_tokens.realm AND g.id = refresh_tokens.grant_id
                AND g.ended_at IS NULL AND g.expires_at > $2)";
const REFRESH_TOKEN_LIVES: &str = "SELECT g.ended_at IS NULL AND g.expires_at > $2
    FROM refresh_tokens t JOIN grants g ON g.realm = t.realm AND g.id = t.grant_id
    WHERE t.realm = $1 AND t.hash = $3 AND t.expires_at > $2";
const INSERT_ACCESS_TOKEN: &str = "INSERT INTO access_tokens (realm, hash, grant_id, client,
        claims, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)";
const DELETE_ACCESS_TOKEN: &str = "DELETE FROM access_tokens WHERE realm = $1 AND hash = $2";
const PUT_CONSENT: &str = "INSERT INTO consents (realm, sub, client, scopes, granted_at,
        updated_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (realm, sub, client)
    DO UPDATE SET scopes = excluded.scopes, updated_at = excluded.updated_at";
const DELETE_CONSENT: &str = "DELETE FROM consents WHERE realm = $1 AND sub = $2 AND client = $3";

impl Writing<'_> {
    pub(super) async fn insert_grant(&mut self, row: GrantRow) -> Result<(), Halt> {
        let inserted = sqlx::query(INSERT)
            .bind(self.realm)
            .bind(self.now)
            .bind(row.id.0)
            .bind(row.sub.as_ref().map(|sub| &sub.0))
            .bind(row.session.map(|id| id.0))
            .bind(row.client.as_str())
            .bind(json("grants", &row.scopes)?)
            .bind(json("grants", &row.resource)?)
            .bind(json("grants", &row.authorization_details)?)
            .bind(json("grants", &row.claims)?)
            .bind(row.cnf.map(|cnf| json("grants", &cnf)).transpose()?)
            .bind(&row.nonce)
            .bind(row.auth_time.map(Timestamp::as_microsecond))
            .bind(&row.acr)
            .bind(json("grants", &row.amr)?)
            .bind(row.created_at.as_microsecond())
            .bind(row.expires_at.as_microsecond())
            .bind(row.ended_at.map(Timestamp::as_microsecond))
            .execute(&mut *self.connection)
            .await
            .changing("grants")?;
        if inserted.rows_affected() == 1 {
            Ok(())
        } else {
            Err(Refusal::Ended.into())
        }
    }

    pub(super) async fn end_grant(&mut self, id: GrantId, at: Timestamp) -> Result<(), Halt> {
        sqlx::query(END)
            .bind(self.realm)
            .bind(id.0)
            .bind(at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("grants")?;
        Ok(())
    }

    pub(super) async fn end_grants_of(
        &mut self,
        sub: &SubjectId,
        client: Option<&ClientId>,
        at: Timestamp,
    ) -> Result<(), Halt> {
        sqlx::query(END_ALL)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(client.map(ClientId::as_str))
            .bind(at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("grants")?;
        Ok(())
    }

    pub(super) async fn insert_code(&mut self, row: CodeRow) -> Result<(), Halt> {
        sqlx::query(INSERT_CODE)
            .bind(self.realm)
            .bind(row.hash.0.as_slice())
            .bind(row.grant.0)
            .bind(&row.redirect_uri)
            .bind(&row.code_challenge)
            .bind(row.expires_at.as_microsecond())
            .bind(row.used_at.map(Timestamp::as_microsecond))
            .execute(&mut *self.connection)
            .await
            .changing("codes")?;
        Ok(())
    }

    pub(super) async fn consume_code(
        &mut self,
        hash: TokenHash,
        at: Timestamp,
    ) -> Result<(), Halt> {
        let consumed = sqlx::query(CONSUME_CODE)
            .bind(self.realm)
            .bind(self.now)
            .bind(hash.0.as_slice())
            .bind(at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("codes")?;
        if consumed.rows_affected() == 1 {
            return Ok(());
        }
        let used: Option<bool> = sqlx::query_scalar(CODE_USED)
            .bind(self.realm)
            .bind(self.now)
            .bind(hash.0.as_slice())
            .fetch_optional(&mut *self.connection)
            .await
            .changing("codes")?;
        Err(match used {
            None => Refusal::Unknown,
            Some(true) => Refusal::AlreadyUsed,
            Some(false) => Refusal::Ended,
        }
        .into())
    }

    pub(super) async fn insert_refresh_token(&mut self, row: RefreshTokenRow) -> Result<(), Halt> {
        sqlx::query(INSERT_REFRESH_TOKEN)
            .bind(self.realm)
            .bind(row.hash.0.as_slice())
            .bind(row.grant.0)
            .bind(row.expires_at.as_microsecond())
            .bind(row.used_at.map(Timestamp::as_microsecond))
            .bind(&row.successor)
            .execute(&mut *self.connection)
            .await
            .changing("refresh_tokens")?;
        Ok(())
    }

    pub(super) async fn consume_refresh_token(
        &mut self,
        hash: TokenHash,
        at: Timestamp,
        successor: &[u8],
    ) -> Result<(), Halt> {
        let consumed = sqlx::query(CONSUME_REFRESH_TOKEN)
            .bind(self.realm)
            .bind(self.now)
            .bind(hash.0.as_slice())
            .bind(at.as_microsecond())
            .bind(successor)
            .execute(&mut *self.connection)
            .await
            .changing("refresh_tokens")?;
        if consumed.rows_affected() == 1 {
            return Ok(());
        }
        let lives: Option<bool> = sqlx::query_scalar(REFRESH_TOKEN_LIVES)
            .bind(self.realm)
            .bind(self.now)
            .bind(hash.0.as_slice())
            .fetch_optional(&mut *self.connection)
            .await
            .changing("refresh_tokens")?;
        Err(match lives {
            None => Refusal::Unknown,
            Some(true) => Refusal::AlreadyUsed,
            Some(false) => Refusal::Ended,
        }
        .into())
    }

    pub(super) async fn insert_access_token(&mut self, row: AccessTokenRow) -> Result<(), Halt> {
        sqlx::query(INSERT_ACCESS_TOKEN)
            .bind(self.realm)
            .bind(row.hash.0.as_slice())
            .bind(row.grant.map(|id| id.0))
            .bind(row.client.as_str())
            .bind(json("access_tokens", &row.claims)?)
            .bind(row.expires_at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("access_tokens")?;
        Ok(())
    }

    pub(super) async fn delete_access_token(&mut self, hash: TokenHash) -> Result<(), Halt> {
        sqlx::query(DELETE_ACCESS_TOKEN)
            .bind(self.realm)
            .bind(hash.0.as_slice())
            .execute(&mut *self.connection)
            .await
            .changing("access_tokens")?;
        Ok(())
    }

    pub(super) async fn put_consent(&mut self, row: ConsentRow) -> Result<(), Halt> {
        sqlx::query(PUT_CONSENT)
            .bind(self.realm)
            .bind(&row.sub.0)
            .bind(row.client.as_str())
            .bind(json("consents", &row.scopes)?)
            .bind(row.granted_at.as_microsecond())
            .bind(row.updated_at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("consents")?;
        Ok(())
    }

    pub(super) async fn delete_consent(
        &mut self,
        sub: &SubjectId,
        client: &ClientId,
    ) -> Result<(), Halt> {
        sqlx::query(DELETE_CONSENT)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(client.as_str())
            .execute(&mut *self.connection)
            .await
            .changing("consents")?;
        Ok(())
    }
}
