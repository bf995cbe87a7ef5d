//! The token endpoint: one module for each grant.

mod client_credentials;
mod code;
mod refresh;

use realmwright_decision::audit::{AuditEvent, AuditRecord, ClientAuth};
use realmwright_decision::why::{Moment, Why};
use realmwright_protocol::oauth2::token::TokenRequest;
use realmwright_protocol::oauth2::{EndpointError, ErrorCode};
use realmwright_snapshot::{ClientAuthentication, ClientId, GrantType, ScopeName};
use realmwright_store::{Change, GrantId, SubjectId};

use crate::Engine;
use crate::api::{BackChannelCall, CallFault, JsonAnswer, OAuthError, RequestContext};
use crate::audit::{by_person, circumstances};
use crate::client_authentication::{CallOutcome, Caller};
use crate::denials::Refused;
use crate::ports::Observation;
use crate::runtime_realm::RuntimeRealm;
use crate::tokens::LiveGrant;

pub(crate) fn refusal(realm: &RuntimeRealm, error: &EndpointError) -> CallFault {
    CallFault::OAuth(OAuthError::of(error, realm.issuer()))
}

fn invalid_grant(realm: &RuntimeRealm) -> CallFault {
    refusal(realm, &EndpointError::invalid_grant())
}

impl Engine {
    /// `POST /oauth2/token`.
    ///
    /// # Errors
    /// [`CallFault`].
    pub async fn token(
        &self,
        cx: &RequestContext,
        call: BackChannelCall<'_>,
    ) -> Result<JsonAnswer, CallFault> {
        let refused = |fault: &CallFault| match fault {
            CallFault::OAuth(error) => self
                .ports
                .observer
                .observe(cx.realm.id(), Observation::TokensRefused(error.error)),
            CallFault::Engine(_) => {}
        };
        let authenticated = self.authenticate_client(cx, &call).await;
        let (form, caller) = authenticated.inspect_err(refused)?;
        let client = caller.client.snapshot().id.clone();
        Box::pin(self.grant_tokens(cx, &call, &form, caller))
            .await
            .inspect_err(refused)
            .map_err(|fault| of_client(fault, client))
    }

    async fn grant_tokens(
        &self,
        cx: &RequestContext,
        call: &BackChannelCall<'_>,
        form: &realmwright_protocol::Parameters,
        caller: Caller,
    ) -> Result<JsonAnswer, CallFault> {
        let realm = &cx.realm;
        let request = TokenRequest::parse(form).map_err(|error| refusal(realm, &error))?;
        let grant = request.grant_type();
        if !caller.oidc()?.grant_types.contains(&grant) {
            let error = EndpointError::new(
                ErrorCode::UnauthorizedClient,
                "the grant is not allowed for this client",
            );
            return Err(refusal(realm, &error));
        }
        let client = caller.client.snapshot().id.clone();
        let response = match request {
            TokenRequest::AuthorizationCode {
                code,
                redirect_uri,
                code_verifier,
                resource,
            } => {
                let redemption = code::Redemption {
                    code: &code,
                    redirect_uri: redirect_uri.as_deref(),
                    verifier: code_verifier.as_ref().map(|verifier| verifier.as_str()),
                    resource: &resource,
                };
                self.redeem_code(cx, call, caller, redemption).await?
            }
            TokenRequest::RefreshToken {
                refresh_token,
                scope,
                resource,
            } => {
                let scope = scope.unwrap_or_default();
                self.refresh(cx, call, caller, (&refresh_token, &scope, &resource))
                    .await?
            }
            TokenRequest::ClientCredentials { scope, resource } => {
                let scope = scope.unwrap_or_default();
                self.client_credentials(cx, call, caller, (&scope, &resource))
                    .await?
            }
        };
        self.ports
            .observer
            .observe(realm.id(), Observation::TokensIssued(grant.as_str()));
        Ok(JsonAnswer {
            body: serde_json::to_value(response).map_err(crate::EngineFault::internal)?,
            client: Some(client),
        })
    }

    /// The event of issued tokens.
    fn issued(
        &self,
        cx: &RequestContext,
        caller: &Caller,
        sub: Option<&SubjectId>,
        (grant_type, scopes): (GrantType, &[ScopeName]),
    ) -> AuditRecord {
        let snapshot = caller.client.snapshot();
        let mut context = circumstances(cx, Some(&snapshot.id));
        // The address is the application's server's, not the person's.
        context.user_agent = None;
        context.client_auth = snapshot
            .oidc
            .as_ref()
            .map(|oidc| match &oidc.authentication {
                ClientAuthentication::None => ClientAuth::RedirectUri,
                ClientAuthentication::Secret { methods, .. } => {
                    methods.first().map_or(ClientAuth::RedirectUri, |method| {
                        ClientAuth::Secret(*method)
                    })
                }
                ClientAuthentication::PrivateKeyJwt(_) => ClientAuth::PrivateKeyJwt,
            });
        let event = AuditEvent::TokenGranted {
            grant_type,
            oauth_scopes: scopes.to_vec(),
        };
        by_person(context, sub, event)
    }

    /// Rules refuse now what they once allowed: recorded, and told under a number. A refusal that
    /// no author wrote looks like any other invalid grant.
    async fn refuse_grant(
        &self,
        cx: &RequestContext,
        call: &BackChannelCall<'_>,
        caller: &Caller,
        (live, moment, why): (&LiveGrant, Moment, Why),
    ) -> Result<CallFault, CallFault> {
        let realm = &cx.realm;
        if matches!(why, Why::BuiltIn { .. }) {
            return Ok(invalid_grant(realm));
        }
        let refused = Refused {
            client: &caller.client.snapshot().id,
            sub: live.grant.sub.as_ref(),
            moment,
            why: &why,
        };
        let told = self.tell_denial(realm, refused)?;
        let change = told.row.clone().map(Change::RecordDenial);
        let changes = change.into_iter().collect();
        match self.commit_call(cx, call, caller, changes).await? {
            CallOutcome::Done => {}
            // The person is erased meanwhile.
            CallOutcome::Refused { .. } => return Ok(invalid_grant(realm)),
        }
        let why = format!("access is denied (reference {})", told.id);
        self.remember_denial(told);
        let error = EndpointError::new(ErrorCode::InvalidGrant, why);
        Ok(refusal(realm, &error))
    }

    /// Something came a second time: the whole family ends (KC-AZ-06, RFC 9700 section 4.14.2).
    async fn end_family(
        &self,
        cx: &RequestContext,
        caller: &Caller,
        (grant, sub): (GrantId, Option<&SubjectId>),
        grant_type: GrantType,
    ) -> Result<(), CallFault> {
        let realm = &cx.realm;
        self.ports
            .observer
            .observe(realm.id(), Observation::ReuseDetected);
        let at = self.ports.clock.now();
        let context = circumstances(cx, Some(&caller.client.snapshot().id));
        let record = by_person(context, sub, AuditEvent::TokenReused { grant_type });
        let mut changes = vec![Change::EndGrant { id: grant, at }];
        changes.extend(self.audit(realm, &record));
        self.ports.store.commit(realm.id(), changes).await?;
        Ok(())
    }
}

/// Names the client in a refusal, for CORS.
pub(crate) fn of_client(fault: CallFault, client: ClientId) -> CallFault {
    match fault {
        CallFault::OAuth(error) => CallFault::OAuth(OAuthError {
            client: Some(client),
            ..error
        }),
        fault @ CallFault::Engine(_) => fault,
    }
}
