//! Token introspection, RFC 7662 (KC-INT-01, KC-INT-02).

use realmwright_decision::audit::ClientAuthError;
use realmwright_protocol::client_authentication::Proof;
use realmwright_protocol::oauth2::introspect::{IntrospectionRequest, active, inactive};
use realmwright_protocol::secret::RandomToken;
use realmwright_snapshot::ClientAuthentication;
use serde_json::{Map, Value, json};

use crate::Engine;
use crate::api::{BackChannelCall, CallFault, EngineFault, JsonAnswer, RequestContext};
use crate::client_authentication::invalid_client;
use crate::client_source::FoundClient;
use crate::crypto::token_hash;
use crate::grants::{of_client, refusal};

impl Engine {
    /// `POST /oauth2/introspect`.
    ///
    /// # Errors
    /// [`CallFault`].
    pub async fn introspect(
        &self,
        cx: &RequestContext,
        call: BackChannelCall<'_>,
    ) -> Result<JsonAnswer, CallFault> {
        let realm = &cx.realm;
        let (form, caller) = self.authenticate_client(cx, &call).await?;
        let client = caller.client.snapshot().id.clone();
        // Whoever may ask must be known: a public client is not.
        if matches!(caller.oidc()?.authentication, ClientAuthentication::None) {
            let error = ClientAuthError::PublicClient;
            self.note_refused_client(cx, &client, &Proof::None, error)
                .await?;
            return Err(invalid_client(&call));
        }
        let request = IntrospectionRequest::parse(&form)
            .map_err(|error| of_client(refusal(realm, &error), client.clone()))?;
        self.commit_call(cx, &call, &caller, Vec::new()).await?;
        let answer = match self.introspected(cx, &request.token).await? {
            Some(claims) => active(claims, None),
            None => inactive(),
        };
        Ok(JsonAnswer {
            body: Value::Object(answer),
            client: Some(client),
        })
    }

    /// What a live token says; none for any other.
    async fn introspected(
        &self,
        cx: &RequestContext,
        token: &str,
    ) -> Result<Option<Map<String, Value>>, EngineFault> {
        let realm = &cx.realm;
        let Some(presented) = self.presented_token(realm, token).await? else {
            return self.introspected_refresh(cx, token).await;
        };
        let Some(_client) = self.clients.find(realm, presented.client.as_str()).await? else {
            return Ok(None);
        };
        let Some(standing) = presented.standing else {
            return Ok(Some(presented.claims));
        };
        let live = self.live(realm, standing);
        Ok(live.map(|_| presented.claims))
    }

    async fn introspected_refresh(
        &self,
        cx: &RequestContext,
        token: &str,
    ) -> Result<Option<Map<String, Value>>, EngineFault> {
        let realm = &cx.realm;
        let Some(token) = RandomToken::parse(token) else {
            return Ok(None);
        };
        let now = self.ports.clock.now();
        let hash = token_hash(token.expose());
        let row = self.ports.store.refresh_token(realm.id(), &hash).await?;
        let Some(row) = row.filter(|row| row.used_at.is_none() && now < row.expires_at) else {
            return Ok(None);
        };
        let standing = self.ports.store.standing(realm.id(), &row.grant).await?;
        let Some(live) = standing.and_then(|standing| self.live(realm, standing)) else {
            return Ok(None);
        };
        let client: Option<FoundClient> =
            self.clients.find(realm, live.grant.client.as_str()).await?;
        let Some(client) = client else {
            return Ok(None);
        };
        let sub = self.released_subject(realm, &client, Some(&live))?;
        let scopes = &live.grant.scopes;
        let members = json!({
            "iss": realm.issuer(),
            "sub": sub,
            "client_id": live.grant.client,
            "exp": row.expires_at.as_second(),
            "scope": realmwright_decision::scopes::scope_text(&realm.snapshot.scopes, scopes),
        });
        Ok(match members {
            Value::Object(members) => Some(members),
            _ => None,
        })
    }
}
