//! Token revocation, RFC 7009: an empty answer whatever there was.

use realmwright_decision::audit::AuditEvent;
use realmwright_protocol::oauth2::revoke::RevocationRequest;
use realmwright_protocol::secret::RandomToken;
use realmwright_snapshot::{ClientId, ScopeName};
use realmwright_store::{Change, SubjectId};
use serde_json::Value;

use crate::Engine;
use crate::api::{BackChannelCall, CallFault, EngineFault, JsonAnswer, RequestContext};
use crate::audit::{by_person, circumstances};
use crate::crypto::token_hash;
use crate::grants::{of_client, refusal};
use crate::sessions::{CLOCKS_DIFFER, later};

/// What is taken back: the changes, whose it was, and which scopes.
type Revoked = (Vec<Change>, Option<SubjectId>, Vec<ScopeName>);

impl Engine {
    /// `POST /oauth2/revoke`.
    ///
    /// # Errors
    /// [`CallFault`].
    pub async fn revoke(
        &self,
        cx: &RequestContext,
        call: BackChannelCall<'_>,
    ) -> Result<JsonAnswer, CallFault> {
        let realm = &cx.realm;
        let (form, caller) = self.authenticate_client(cx, &call).await?;
        let client = caller.client.snapshot().id.clone();
        let request = RevocationRequest::parse(&form)
            .map_err(|error| of_client(refusal(realm, &error), client.clone()))?;
        let mut changes = Vec::new();
        if let Some((revoked, sub, scopes)) = self.revoked(cx, &client, &request.token).await? {
            changes.extend(revoked);
            let event = AuditEvent::AuthzRevoked {
                oauth_scopes: scopes,
            };
            let context = circumstances(cx, Some(&client));
            changes.extend(self.audit(realm, &by_person(context, sub.as_ref(), event)));
        }
        self.commit_call(cx, &call, &caller, changes).await?;
        Ok(JsonAnswer {
            body: Value::Null,
            client: Some(client),
        })
    }

    /// What a token of this client hangs on; a token of another one is left alone.
    async fn revoked(
        &self,
        cx: &RequestContext,
        client: &ClientId,
        token: &str,
    ) -> Result<Option<Revoked>, EngineFault> {
        let realm = &cx.realm;
        let now = self.ports.clock.now();
        if let Some(presented) = self.presented_token(realm, token).await? {
            if presented.client != *client {
                return Ok(None);
            }
            let scopes = presented.scopes(realm);
            let jti = presented.claims.get("jti").and_then(Value::as_str);
            let change = match jti {
                _ if presented.opaque => Change::DeleteAccessToken {
                    hash: token_hash(token),
                },
                Some(jti) => Change::RevokeJti {
                    jti: jti.to_owned(),
                    expires_at: later(presented.expires_at, CLOCKS_DIFFER),
                },
                None => return Ok(None),
            };
            let sub = presented.grant.and_then(|grant| grant.sub);
            return Ok(Some((vec![change], sub, scopes)));
        }
        let Some(token) = RandomToken::parse(token) else {
            return Ok(None);
        };
        let hash = token_hash(token.expose());
        let Some(row) = self.ports.store.refresh_token(realm.id(), &hash).await? else {
            return Ok(None);
        };
        let grant = self.ports.store.grant(realm.id(), &row.grant).await?;
        Ok(grant.filter(|grant| grant.client == *client).map(|grant| {
            let change = Change::EndGrant {
                id: grant.id,
                at: now,
            };
            (vec![change], grant.sub, grant.scopes)
        }))
    }
}
