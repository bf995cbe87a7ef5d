//! `client_credentials`: a client in its own name. By secret and as JWT it writes nothing in the
//! request; its audit goes in batches (KC-TK-08).

use realmwright_decision::audit::Actor;
use realmwright_decision::scopes::{Grantor, decide_scopes, scope_text};
use realmwright_protocol::oauth2::token::{TokenKind, TokenResponse};
use realmwright_protocol::oauth2::{EndpointError, ErrorCode};
use realmwright_snapshot::{GrantType, ScopeName};

use super::refusal;
use crate::Engine;
use crate::api::{BackChannelCall, CallFault, EngineFault, RequestContext};
use crate::client_authentication::{CallOutcome, Caller};
use crate::tokens::TokenScope;

impl Engine {
    pub(super) async fn client_credentials(
        &self,
        cx: &RequestContext,
        call: &BackChannelCall<'_>,
        caller: Caller,
        (scope, resource): (&[ScopeName], &[String]),
    ) -> Result<TokenResponse, CallFault> {
        let realm = &cx.realm;
        let oidc = caller.oidc()?;
        let scopes = &realm.snapshot.scopes;
        let granted =
            decide_scopes(scopes, &oidc.scopes, scope, Grantor::Client).map_err(|fault| {
                let error = EndpointError::new(ErrorCode::InvalidScope, fault.to_string());
                refusal(realm, &error)
            })?;
        let audiences = realm.audiences(oidc, Some(&granted));
        if !resource.iter().all(|resource| audiences.contains(resource)) {
            return Err(refusal(realm, &super::refresh::invalid_target()));
        }
        let wanted = TokenScope {
            scopes: granted.scopes(),
            resource,
        };
        let access = self.mint_access_token(realm, &caller.client, None, wanted)?;
        let issued = (GrantType::ClientCredentials, wanted.scopes);
        let mut record = self.issued(cx, &caller, None, issued);
        record.context.actor = Some(Actor::Client(caller.client.snapshot().id.clone()));
        let events = self.audit(realm, &record);
        match access.change {
            None => {
                self.commit_call(cx, call, &caller, Vec::new()).await?;
                self.ports.batch.add(realm.id(), events);
            }
            Some(change) => {
                let changes = std::iter::once(change).chain(events).collect();
                let outcome = self.commit_call(cx, call, &caller, changes).await?;
                if let CallOutcome::Refused { reason, .. } = outcome {
                    return Err(EngineFault::internal(format!("{reason:?}")).into());
                }
            }
        }
        Ok(TokenResponse {
            access_token: access.token,
            token_type: TokenKind::Bearer,
            expires_in: access.expires_in,
            refresh_token: None,
            refresh_expires_in: None,
            id_token: None,
            scope: scope_text(scopes, wanted.scopes),
        })
    }
}
