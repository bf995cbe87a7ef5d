//! `authorization_code`: a code is redeemed once, and everything is decided again.

use realmwright_decision::scopes::scope_text;
use realmwright_decision::why::Moment;
use realmwright_protocol::oauth2::pkce::may_redeem;
use realmwright_protocol::oauth2::token::{TokenKind, TokenResponse};
use realmwright_protocol::secret::RandomToken;
use realmwright_snapshot::{GrantType, OidcClient};
use realmwright_store::{Change, CodeRow, Refusal};

use super::refresh::new_refresh_token;
use super::{invalid_grant, refusal};
use crate::Engine;
use crate::api::{BackChannelCall, CallFault, RequestContext};
use crate::client_authentication::{CallOutcome, Caller};
use crate::crypto::token_hash;
use crate::tokens::TokenScope;

/// What a client presents with a code.
#[derive(Clone, Copy)]
pub(super) struct Redemption<'a> {
    pub(super) code: &'a str,
    pub(super) redirect_uri: Option<&'a str>,
    pub(super) verifier: Option<&'a str>,
    pub(super) resource: &'a [String],
}

impl Redemption<'_> {
    /// Whether it comes from whoever asked for the code: the same redirect address, and the
    /// verifier of its challenge.
    fn fits(&self, row: &CodeRow, oidc: &OidcClient) -> bool {
        let same_address = match (&row.redirect_uri, self.redirect_uri) {
            (Some(asked), presented) => presented == Some(asked.as_str()),
            (None, None) => true,
            (None, Some(presented)) => oidc
                .default_redirect_uri
                .as_ref()
                .is_some_and(|default| default.as_str() == presented),
        };
        same_address && may_redeem(row.code_challenge.as_deref(), self.verifier)
    }
}

impl Engine {
    pub(super) async fn redeem_code(
        &self,
        cx: &RequestContext,
        call: &BackChannelCall<'_>,
        caller: Caller,
        redemption: Redemption<'_>,
    ) -> Result<TokenResponse, CallFault> {
        let realm = &cx.realm;
        let refused = || invalid_grant(realm);
        let now = self.ports.clock.now();
        let code = RandomToken::parse(redemption.code).ok_or_else(refused)?;
        let hash = token_hash(code.expose());
        let row = self.ports.store.code(realm.id(), &hash).await?;
        let row = row.filter(|row| now < row.expires_at).ok_or_else(refused)?;
        let standing = self.ports.store.standing(realm.id(), &row.grant).await?;
        let client_id = caller.client.snapshot().id.clone();
        // A code of another client is left alone: it is not this client's to spoil.
        let standing = standing
            .filter(|standing| standing.grant.client == client_id)
            .ok_or_else(refused)?;
        let (id, sub) = (standing.grant.id, standing.grant.sub.clone());
        let family = (id, sub.as_ref());
        // Before reuse is judged: a code that leaked without its verifier ends nobody's tokens.
        if !redemption.fits(&row, caller.oidc()?) {
            return Err(refused());
        }
        if row.used_at.is_some() {
            self.end_family(cx, &caller, family, GrantType::AuthorizationCode)
                .await?;
            return Err(refused());
        }
        let live = self.live(realm, standing).ok_or_else(refused)?;
        if let Some(why) = self.denial_of(realm, &caller.client, &live)? {
            let refused = self.refuse_grant(cx, call, &caller, (&live, Moment::Redemption, why));
            return Err(refused.await?);
        }
        let resource = narrowed(redemption.resource, &live.grant.resource)
            .ok_or_else(|| refusal(realm, &super::refresh::invalid_target()))?;
        let wanted = TokenScope {
            scopes: &live.grant.scopes,
            resource,
        };
        let access = self.mint_access_token(realm, &caller.client, Some(&live), wanted)?;
        let nonce = live.grant.nonce.as_deref();
        let id_token =
            self.mint_id_token(realm, &caller.client, &live, wanted, (&access.token, nonce))?;
        let refresh = if caller
            .oidc()?
            .grant_types
            .contains(&GrantType::RefreshToken)
        {
            Some(new_refresh_token(self, &live, caller.oidc()?))
        } else {
            None
        };
        let mut changes = vec![Change::ConsumeCode { hash, at: now }];
        changes.extend(access.change);
        changes.extend(refresh.as_ref().map(|refresh| refresh.change.clone()));
        let record = self.issued(
            cx,
            &caller,
            sub.as_ref(),
            (GrantType::AuthorizationCode, wanted.scopes),
        );
        changes.extend(self.audit(realm, &record));
        match self.commit_call(cx, call, &caller, changes).await? {
            CallOutcome::Done => {}
            CallOutcome::Refused {
                index: 0,
                reason: Refusal::AlreadyUsed,
            } => {
                self.end_family(cx, &caller, family, GrantType::AuthorizationCode)
                    .await?;
                return Err(refused());
            }
            CallOutcome::Refused { .. } => return Err(refused()),
        }
        Ok(TokenResponse {
            access_token: access.token,
            token_type: TokenKind::Bearer,
            expires_in: access.expires_in,
            refresh_expires_in: refresh.as_ref().map(|refresh| refresh.expires_in),
            refresh_token: refresh.map(|refresh| refresh.token.expose().to_owned()),
            id_token,
            scope: scope_text(&realm.snapshot.scopes, wanted.scopes),
        })
    }
}

/// Resources of one token: what is asked for, within what was granted; all of it when nothing
/// is (RFC 8707 section 2.2).
pub(super) fn narrowed<'a>(asked: &'a [String], granted: &'a [String]) -> Option<&'a [String]> {
    if asked.is_empty() {
        return Some(granted);
    }
    asked
        .iter()
        .all(|resource| granted.contains(resource))
        .then_some(asked)
}
