use async_trait::async_trait;
use realmwright_snapshot::{ClientId, RealmId};
use realmwright_store::{
    AccessTokenRow, CodeRow, ConsentRow, GrantId, GrantRow, Grants, Presented, RefreshTokenRow,
    Result, Standing, SubjectId, TokenHash, documents,
};

use super::all;
use super::documents::{PRESENTED, STANDING};
use crate::error::OnTable as _;
use crate::{SqliteStore, rows};

const CODE: &str = "SELECT hash, grant_id, redirect_uri, code_challenge, expires_at, used_at
    FROM codes WHERE realm = $1 AND hash = $3 AND expires_at > $2";
const GRANT: &str = "SELECT id, sub, session_id, client, scopes, resource, authorization_details,
        claims, cnf, nonce, auth_time, acr, amr, created_at, expires_at, ended_at
    FROM grants WHERE realm = $1 AND id = $3 AND expires_at > $2";
const GRANTS_OF: &str = "SELECT id, sub, session_id, client, scopes, resource,
        authorization_details, claims, cnf, nonce, auth_time, acr, amr, created_at, expires_at,
        ended_at
    FROM grants WHERE realm = $1 AND sub = $3 AND expires_at > $2 AND ended_at IS NULL
    ORDER BY created_at, id";
const REFRESH_TOKEN: &str = "SELECT hash, grant_id, expires_at, used_at, successor
    FROM refresh_tokens WHERE realm = $1 AND hash = $3 AND expires_at > $2";
const ACCESS_TOKEN: &str = "SELECT t.hash, t.grant_id, t.client, t.claims, t.expires_at
    FROM access_tokens t LEFT JOIN grants g ON g.realm = t.realm AND g.id = t.grant_id
    WHERE t.realm = $1 AND t.hash = $3 AND t.expires_at > $2
        AND (t.grant_id IS NULL OR (g.ended_at IS NULL AND g.expires_at > $2))";
const REVOKED: &str = "SELECT EXISTS (
    SELECT 1 FROM revoked WHERE realm = $1 AND jti = $3 AND expires_at > $2)";
const CONSENT: &str = "SELECT sub, client, scopes, granted_at, updated_at
    FROM consents WHERE realm = $1 AND sub = $2 AND client = $3";
const CONSENTS_OF: &str = "SELECT sub, client, scopes, granted_at, updated_at
    FROM consents WHERE realm = $1 AND sub = $2 ORDER BY client";

#[async_trait]
impl Grants for SqliteStore {
    async fn code(&self, realm: &RealmId, hash: &TokenHash) -> Result<Option<CodeRow>> {
        let found = sqlx::query(CODE)
            .bind(realm.as_str())
            .bind(self.clock.now())
            .bind(hash.0.as_slice())
            .fetch_optional(&self.readers)
            .await
            .reading("codes")?;
        found.as_ref().map(rows::code).transpose()
    }

    async fn grant(&self, realm: &RealmId, id: &GrantId) -> Result<Option<GrantRow>> {
        let found = sqlx::query(GRANT)
            .bind(realm.as_str())
            .bind(self.clock.now())
            .bind(id.0)
            .fetch_optional(&self.readers)
            .await
            .reading("grants")?;
        found.as_ref().map(rows::grant).transpose()
    }

    async fn standing(&self, realm: &RealmId, id: &GrantId) -> Result<Option<Standing>> {
        let found: Option<String> = sqlx::query_scalar(STANDING)
            .bind(realm.as_str())
            .bind(self.clock.now())
            .bind(id.0)
            .fetch_optional(&self.readers)
            .await
            .reading("grants")?;
        found
            .map(|document| documents::read("grants", &document))
            .transpose()
    }

    async fn presented(&self, realm: &RealmId, id: &GrantId, jti: &str) -> Result<Presented> {
        let found: String = sqlx::query_scalar(PRESENTED)
            .bind(realm.as_str())
            .bind(self.clock.now())
            .bind(id.0)
            .bind(jti)
            .fetch_one(&self.readers)
            .await
            .reading("grants")?;
        documents::read("grants", &found)
    }

    async fn refresh_token(
        &self,
        realm: &RealmId,
        hash: &TokenHash,
    ) -> Result<Option<RefreshTokenRow>> {
        let found = sqlx::query(REFRESH_TOKEN)
            .bind(realm.as_str())
            .bind(self.clock.now())
            .bind(hash.0.as_slice())
            .fetch_optional(&self.readers)
            .await
            .reading("refresh_tokens")?;
        found.as_ref().map(rows::refresh_token).transpose()
    }

    async fn access_token(
        &self,
        realm: &RealmId,
        hash: &TokenHash,
    ) -> Result<Option<AccessTokenRow>> {
        let found = sqlx::query(ACCESS_TOKEN)
            .bind(realm.as_str())
            .bind(self.clock.now())
            .bind(hash.0.as_slice())
            .fetch_optional(&self.readers)
            .await
            .reading("access_tokens")?;
        found.as_ref().map(rows::access_token).transpose()
    }

    async fn is_revoked(&self, realm: &RealmId, jti: &str) -> Result<bool> {
        sqlx::query_scalar(REVOKED)
            .bind(realm.as_str())
            .bind(self.clock.now())
            .bind(jti)
            .fetch_one(&self.readers)
            .await
            .reading("revoked")
    }

    async fn consent(
        &self,
        realm: &RealmId,
        sub: &SubjectId,
        client: &ClientId,
    ) -> Result<Option<ConsentRow>> {
        let found = sqlx::query(CONSENT)
            .bind(realm.as_str())
            .bind(&sub.0)
            .bind(client.as_str())
            .fetch_optional(&self.readers)
            .await
            .reading("consents")?;
        found.as_ref().map(rows::consent).transpose()
    }

    async fn consents_of(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<ConsentRow>> {
        let found = sqlx::query(CONSENTS_OF)
            .bind(realm.as_str())
            .bind(&sub.0)
            .fetch_all(&self.readers)
            .await
            .reading("consents")?;
        all(&found, rows::consent)
    }

    async fn grants_of(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<GrantRow>> {
        let found = sqlx::query(GRANTS_OF)
            .bind(realm.as_str())
            .bind(self.clock.now())
            .bind(&sub.0)
            .fetch_all(&self.readers)
            .await
            .reading("grants")?;
        all(&found, rows::grant)
    }
}
