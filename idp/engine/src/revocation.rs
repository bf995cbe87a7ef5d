//! Token revocation, RFC 7009.
//!
//! - A token of the client that asks ends; a refresh token takes its whole family along.
//! - What is no token (not ours, over, revoked before) gets the same empty 200: what the client
//!   wants is so already (section 2.2).
//! - A token of another client is left alone, and the request refused (section 2.1) with
//!   `invalid_grant`, the code of RFC 6749 section 5.2 for what "was issued to another client".
//!   Whoever asks learns of a token that they hold that it is not theirs. That a refresh token is
//!   used or its family ended is not said, and an access token tells its holder whether it lives at
//!   every endpoint that takes it. Which client it is of is said nowhere.

use realmwright_decision::audit::AuditEvent;
use realmwright_protocol::oauth2::revoke::RevocationRequest;
use realmwright_protocol::oauth2::{EndpointError, ErrorCode};
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

/// Whom a token was issued to, and what there is to take back.
struct Issued {
    client: ClientId,
    change: Change,
    sub: Option<SubjectId>,
    scopes: Vec<ScopeName>,
}

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
        let issued = self.issued_token(cx, &request.token).await?;
        let is_other = issued.as_ref().is_some_and(|token| token.client != client);
        let mut changes = Vec::new();
        if let Some(token) = issued.filter(|_| !is_other) {
            changes.push(token.change);
            let event = AuditEvent::AuthzRevoked {
                oauth_scopes: token.scopes,
            };
            let context = circumstances(cx, Some(&client));
            let record = by_person(context, token.sub.as_ref(), event);
            changes.extend(self.audit(realm, &record));
        }
        self.commit_call(cx, &call, &caller, changes).await?;
        if is_other {
            let error = EndpointError::new(
                ErrorCode::InvalidGrant,
                "the token was not issued to this client",
            );
            return Err(of_client(refusal(realm, &error), client));
        }
        Ok(JsonAnswer {
            body: Value::Null,
            client: Some(client),
        })
    }

    /// The token, as far as it is one.
    async fn issued_token(
        &self,
        cx: &RequestContext,
        token: &str,
    ) -> Result<Option<Issued>, EngineFault> {
        let realm = &cx.realm;
        if let Some(presented) = self.presented_token(realm, token).await? {
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
            return Ok(Some(Issued {
                client: presented.client,
                change,
                sub: presented.standing.and_then(|standing| standing.grant.sub),
                scopes,
            }));
        }
        let Some(token) = RandomToken::parse(token) else {
            return Ok(None);
        };
        let hash = token_hash(token.expose());
        let Some(row) = self.ports.store.refresh_token(realm.id(), &hash).await? else {
            return Ok(None);
        };
        let at = self.ports.clock.now();
        let grant = self.ports.store.grant(realm.id(), &row.grant).await?;
        Ok(grant.map(|grant| Issued {
            client: grant.client,
            change: Change::EndGrant { id: grant.id, at },
            sub: grant.sub,
            scopes: grant.scopes,
        }))
    }
}
