//! `refresh_token`: every use rotates; a retry gets the same successor, a later reuse ends the
//! family (KC-TK-04, KC-TK-05, RFC 9700 section 4.14.2).

use jiff::Timestamp;
use realmwright_decision::scopes::{narrow_scopes, scope_text};
use realmwright_decision::why::Moment;
use realmwright_protocol::oauth2::token::{TokenKind, TokenResponse};
use realmwright_protocol::oauth2::{EndpointError, ErrorCode};
use realmwright_protocol::secret::RandomToken;
use realmwright_snapshot::{GrantType, OidcClient, ScopeName};
use realmwright_store::{Change, RefreshTokenRow, Refusal};

use super::code::narrowed;
use super::{invalid_grant, refusal};
use crate::Engine;
use crate::api::{BackChannelCall, CallFault, RequestContext};
use crate::client_authentication::{CallOutcome, Caller};
use crate::crypto::{open_successor, seal_successor, token, token_hash};
use crate::runtime_realm::RuntimeRealm;
use crate::sessions::{later, remaining};
use crate::tokens::{LiveGrant, TokenScope};

/// A refresh token that was made.
#[derive(Debug)]
pub(super) struct NewRefreshToken {
    pub(super) token: RandomToken,
    pub(super) expires_in: u64,
    pub(super) change: Change,
}

/// The end of a refresh token made now: by idleness, by the family's life, by the session.
fn expiry(live: &LiveGrant, oidc: &OidcClient, now: Timestamp) -> Timestamp {
    let family = later(live.grant.created_at, oidc.refresh.lifetime);
    let end = later(now, oidc.refresh.idle)
        .min(family)
        .min(live.grant.expires_at);
    live.session
        .as_ref()
        .map_or(end, |session| end.min(session.row.expires_at))
}

pub(super) fn new_refresh_token(
    engine: &Engine,
    live: &LiveGrant,
    oidc: &OidcClient,
) -> NewRefreshToken {
    let now = engine.ports.clock.now();
    let token = token(&*engine.ports.random);
    let expires_at = expiry(live, oidc, now);
    NewRefreshToken {
        expires_in: remaining(now, expires_at).as_secs(),
        change: Change::InsertRefreshToken(RefreshTokenRow {
            hash: token_hash(token.expose()),
            grant: live.grant.id,
            expires_at,
            used_at: None,
            successor: None,
        }),
        token,
    }
}

pub(super) fn invalid_target() -> EndpointError {
    EndpointError::new(
        ErrorCode::InvalidTarget,
        "the resource is not part of the grant",
    )
}

impl Engine {
    pub(super) async fn refresh(
        &self,
        cx: &RequestContext,
        call: &BackChannelCall<'_>,
        caller: Caller,
        (presented, scope, resource): (&str, &[ScopeName], &[String]),
    ) -> Result<TokenResponse, CallFault> {
        let realm = &cx.realm;
        let refused = || invalid_grant(realm);
        let now = self.ports.clock.now();
        let presented = RandomToken::parse(presented).ok_or_else(refused)?;
        let hash = token_hash(presented.expose());
        let row = self.ports.store.refresh_token(realm.id(), &hash).await?;
        let row = row.filter(|row| now < row.expires_at).ok_or_else(refused)?;
        let standing = self.ports.store.standing(realm.id(), &row.grant).await?;
        let client_id = caller.client.snapshot().id.clone();
        let standing = standing
            .filter(|standing| standing.grant.client == client_id)
            .ok_or_else(refused)?;
        let sub = standing.grant.sub.clone();
        let family = (standing.grant.id, sub.as_ref());
        let used = row.used_at.is_some();
        if used && !is_retry(&row, caller.oidc()?, now) {
            self.end_family(cx, &caller, family, GrantType::RefreshToken)
                .await?;
            return Err(refused());
        }
        let live = self.live(realm, standing).ok_or_else(refused)?;
        if let Some(why) = self.denial_of(realm, &caller.client, &live)? {
            let refused = self.refuse_grant(cx, call, &caller, (&live, Moment::Refresh, why));
            return Err(refused.await?);
        }
        let granted = narrow_scopes(
            &realm.snapshot.scopes,
            &caller.oidc()?.scopes,
            &live.grant.scopes,
            scope,
        )
        .map_err(|fault| {
            let error = EndpointError::new(ErrorCode::InvalidScope, fault.to_string());
            refusal(realm, &error)
        })?;
        let resource = narrowed(resource, &live.grant.resource)
            .ok_or_else(|| refusal(realm, &invalid_target()))?;
        let wanted = TokenScope {
            scopes: granted.scopes(),
            resource,
        };
        let mut successor = None;
        let mut rotation = Vec::new();
        if !used {
            let next = new_refresh_token(self, &live, caller.oidc()?);
            rotation.push(Change::ConsumeRefreshToken {
                hash,
                at: now,
                successor: seal_successor(presented.expose(), next.token.expose())?,
            });
            rotation.push(next.change);
            rotation.extend(kept_alive(realm, &live, now));
            successor = Some((next.token.expose().to_owned(), next.expires_in));
        }
        let access = self.mint_access_token(realm, &caller.client, Some(&live), wanted)?;
        let id_token =
            self.mint_id_token(realm, &caller.client, &live, wanted, (&access.token, None))?;
        let mut changes: Vec<Change> = access.change.into_iter().collect();
        let issued = (GrantType::RefreshToken, wanted.scopes);
        let record = self.issued(cx, &caller, sub.as_ref(), issued);
        changes.extend(self.audit(realm, &record));
        let all = rotation.into_iter().chain(changes.iter().cloned());
        let outcome = self.commit_call(cx, call, &caller, all.collect());
        match outcome.await? {
            CallOutcome::Done => {}
            CallOutcome::Refused {
                index: 0,
                reason: Refusal::AlreadyUsed,
            } if !used => {
                // A race that another request has won. Nothing of this commit is in, so the
                // answer's own token is written again, without the rotation.
                let known = self.known_successor(cx, &caller, &presented).await?;
                successor = Some(known.ok_or_else(refused)?);
                let outcome = self.commit_call(cx, call, &caller, changes).await?;
                if let CallOutcome::Refused { .. } = outcome {
                    return Err(refused());
                }
            }
            CallOutcome::Refused { .. } => return Err(refused()),
        }
        let (token, expires_in) = match successor {
            Some(successor) => successor,
            // A retry.
            None => self
                .known_successor(cx, &caller, &presented)
                .await?
                .ok_or_else(refused)?,
        };
        Ok(TokenResponse {
            access_token: access.token,
            token_type: TokenKind::Bearer,
            expires_in: access.expires_in,
            refresh_token: Some(token),
            refresh_expires_in: Some(expires_in),
            id_token,
            scope: scope_text(&realm.snapshot.scopes, wanted.scopes),
        })
    }

    /// The successor that the first use of this token was given.
    async fn known_successor(
        &self,
        cx: &RequestContext,
        caller: &Caller,
        presented: &RandomToken,
    ) -> Result<Option<(String, u64)>, CallFault> {
        let realm = &cx.realm;
        let now = self.ports.clock.now();
        let hash = token_hash(presented.expose());
        let row = self.ports.store.refresh_token(realm.id(), &hash).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        if !is_retry(&row, caller.oidc()?, now) {
            return Ok(None);
        }
        let Some(token) = row
            .successor
            .as_ref()
            .and_then(|sealed| open_successor(presented.expose(), sealed, now))
        else {
            return Ok(None);
        };
        let successor = self
            .ports
            .store
            .refresh_token(realm.id(), &token_hash(&token))
            .await?;
        Ok(successor.map(|row| (token, remaining(now, row.expires_at).as_secs())))
    }
}

/// A person who works in an application is not idle, although no other one is entered: a refresh
/// keeps the session from ending by idleness (KC-TK-07), never beyond its age.
fn kept_alive(realm: &RuntimeRealm, live: &LiveGrant, now: Timestamp) -> Option<Change> {
    let session = &live.session.as_ref()?.row;
    Some(Change::TouchSession {
        id: session.id,
        secret: None,
        at: session.last_used_at,
        idle_expires_at: later(now, realm.snapshot.core.sessions.idle).min(session.expires_at),
        address: None,
        claims: serde_json::Map::new(),
        authentications: Vec::new(),
    })
}

/// Whether a second use comes early enough to be the same client that lost the answer. An
/// interval of 0 allows none.
fn is_retry(row: &RefreshTokenRow, oidc: &OidcClient, now: Timestamp) -> bool {
    row.successor.is_some()
        && row
            .used_at
            .is_some_and(|used| now < later(used, oidc.refresh.reuse_interval))
}
