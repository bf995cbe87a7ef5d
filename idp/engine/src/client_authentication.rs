//! Who calls a back-channel endpoint (OIDC-10, 11, 18; KC-TK-11; RFC 7523).

use std::sync::Arc;

use realmwright_decision::audit::{AuditEvent, ClientAuth, ClientAuthError};
use realmwright_protocol::Parameters;
use realmwright_protocol::client_authentication::{ClientAuthenticationError, Presented, Proof};
use realmwright_protocol::endpoints::{self, Endpoint};
use realmwright_protocol::jose::assertion::AssertionFault;
use realmwright_protocol::jose::jws::unverified_kid;
use realmwright_protocol::jose::{VerificationKeys, assertion};
use realmwright_snapshot::{AssertionKeys, ClientAuthentication, OidcClient};
use realmwright_store::{Change, Outcome, Refusal};

use crate::Engine;
use crate::api::{BackChannelCall, CallFault, EngineFault, OAuthError, RequestContext};
use crate::audit::{by_person, circumstances};
use crate::client_source::FoundClient;
use crate::ports::Observation;
use crate::refused_callers::Stranger;
use crate::sessions::{CLOCKS_DIFFER, later};

/// An application that has proved who it is, or a public one that has said so.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) client: FoundClient,
    /// To be committed with what the call comes to: the single use of an assertion.
    pub(crate) once: Option<Change>,
}

impl Caller {
    /// Its settings; a client without OpenID Connect never becomes a caller.
    pub(crate) fn oidc(&self) -> Result<&OidcClient, EngineFault> {
        self.client
            .snapshot()
            .oidc
            .as_ref()
            .ok_or_else(|| EngineFault::internal("the client has no protocol"))
    }
}

pub(crate) fn invalid_client(call: &BackChannelCall<'_>) -> CallFault {
    CallFault::OAuth(OAuthError {
        status: 401,
        error: "invalid_client",
        description: None,
        // RFC 6749 section 5.2: only where the header was used.
        challenge: call
            .authorization
            .map(|_| "Basic realm=\"realmwright\", charset=\"UTF-8\"".to_owned()),
        client: None,
    })
}

pub(crate) fn invalid_request(description: impl Into<String>) -> CallFault {
    CallFault::OAuth(OAuthError {
        status: 400,
        error: "invalid_request",
        description: Some(description.into()),
        challenge: None,
        client: None,
    })
}

impl Engine {
    /// Reads the form and finds out who calls. Who does not prove it is told `invalid_client` and
    /// no more; why is logged, counted and audited.
    pub(crate) async fn authenticate_client(
        &self,
        cx: &RequestContext,
        call: &BackChannelCall<'_>,
    ) -> Result<(Parameters, Caller), CallFault> {
        let form = Parameters::parse(call.form.as_bytes())
            .map_err(|fault| invalid_request(fault.to_string()))?;
        form.refuse_repeated()
            .map_err(|fault| invalid_request(fault.to_string()))?;
        let authorization = call.authorization.map(str::as_bytes);
        let presented = match Presented::parse(authorization, &form) {
            Ok(presented) => presented,
            Err(ClientAuthenticationError::Request(description)) => {
                return Err(invalid_request(description));
            }
            Err(ClientAuthenticationError::Failed) => {
                self.note_stranger(cx, Stranger::Unnamed);
                return Err(invalid_client(call));
            }
        };
        let named = presented.client_id.as_str();
        let Some(client) = self.clients.find(&cx.realm, named).await? else {
            self.note_stranger(cx, Stranger::Unknown);
            return Err(invalid_client(call));
        };
        match self.prove(cx, &presented, &client).await? {
            Ok(once) => Ok((form, Caller { client, once })),
            Err(error) => {
                let (id, proof) = (&client.snapshot().id, &presented.proof);
                self.note_refused_client(cx, id, proof, error).await?;
                Err(invalid_client(call))
            }
        }
    }

    /// Whether what was presented proves this application; what is to be committed once, if so.
    async fn prove(
        &self,
        cx: &RequestContext,
        presented: &Presented,
        client: &FoundClient,
    ) -> Result<Result<Option<Change>, ClientAuthError>, EngineFault> {
        let snapshot = Arc::clone(client.snapshot());
        let Some(oidc) = &snapshot.oidc else {
            return Ok(Err(ClientAuthError::NoProtocol));
        };
        if presented.admit(&oidc.authentication).is_err() {
            return Ok(Err(ClientAuthError::WrongMethod));
        }
        Ok(match (&oidc.authentication, &presented.proof) {
            (ClientAuthentication::None, Proof::None) => Ok(None),
            (ClientAuthentication::Secret { .. }, Proof::Secret { secret, .. }) => {
                let accepted = client.client.accepted_secrets(&cx.realm)?;
                if accepted.verify(secret, self.ports.clock.now()) {
                    Ok(None)
                } else {
                    Err(ClientAuthError::WrongSecret)
                }
            }
            (ClientAuthentication::PrivateKeyJwt(keys), Proof::Assertion(text)) => {
                let once = self.verify_assertion(cx, presented, keys, text).await;
                once.map(Some)
            }
            _ => Err(ClientAuthError::WrongMethod),
        })
    }

    async fn verify_assertion(
        &self,
        cx: &RequestContext,
        presented: &Presented,
        keys: &AssertionKeys,
        text: &str,
    ) -> Result<Change, ClientAuthError> {
        let core = &cx.realm.snapshot.core;
        let base = core.backend_url.as_ref().unwrap_or(&core.issuer);
        let audiences = [
            cx.realm.issuer().to_owned(),
            endpoints::url(core.layout, Endpoint::Token, &core.issuer),
            endpoints::url(core.layout, Endpoint::Token, base),
        ];
        let audiences: Vec<&str> = audiences.iter().map(String::as_str).collect();
        let keys = self.assertion_keys(keys, text).await;
        let keys = keys.ok_or(ClientAuthError::AssertionKeys)?;
        let now = self.ports.clock.now();
        let assertion = assertion::verify(text, &presented.client_id, &keys, &audiences, now)
            .map_err(|fault| match fault {
                AssertionFault::Signature(_) => ClientAuthError::AssertionSignature,
                AssertionFault::Identity => ClientAuthError::AssertionIdentity,
                AssertionFault::Audience => ClientAuthError::AssertionAudience,
                AssertionFault::Expired => ClientAuthError::AssertionExpired,
                AssertionFault::TooLong => ClientAuthError::AssertionTooLong,
                AssertionFault::Jti => ClientAuthError::AssertionJti,
            })?;
        Ok(Change::UseOnce {
            kind: "client_assertion".to_owned(),
            key: format!("{} {}", presented.client_id, assertion.jti),
            expires_at: later(assertion.expires_at, CLOCKS_DIFFER),
        })
    }

    /// The keys of a client; none when they cannot be had, which denies.
    async fn assertion_keys(
        &self,
        keys: &AssertionKeys,
        assertion: &str,
    ) -> Option<Arc<VerificationKeys>> {
        let url = match keys {
            AssertionKeys::Jwks(set) => {
                return VerificationKeys::from_set(set).ok().map(Arc::new);
            }
            AssertionKeys::JwksUri(url) => url,
        };
        let kid = unverified_kid(assertion);
        let (ports, keys) = (&self.ports, &self.fetched_keys);
        keys.find(ports, url, kid.as_deref()).await
    }

    /// Commits what a call comes to, its assertion used once in front. A used assertion is a
    /// failed authentication, and recorded as such.
    pub(crate) async fn commit_call(
        &self,
        cx: &RequestContext,
        call: &BackChannelCall<'_>,
        caller: &Caller,
        changes: Vec<Change>,
    ) -> Result<CallOutcome, CallFault> {
        let guarded = caller.once.is_some();
        let changes: Vec<Change> = caller.once.iter().cloned().chain(changes).collect();
        if changes.is_empty() {
            return Ok(CallOutcome::Done);
        }
        match self.ports.store.commit(cx.realm.id(), changes).await? {
            Outcome::Done(_) => Ok(CallOutcome::Done),
            Outcome::Refused {
                index: 0,
                reason: Refusal::AlreadyUsed,
            } if guarded => {
                self.record_replay(cx, caller).await?;
                Err(invalid_client(call))
            }
            Outcome::Refused { index, reason } => Ok(CallOutcome::Refused {
                index: index - usize::from(guarded),
                reason,
            }),
        }
    }

    /// Nothing of the call is in: the audit says so in a commit of its own.
    async fn record_replay(&self, cx: &RequestContext, caller: &Caller) -> Result<(), CallFault> {
        let realm = &cx.realm;
        self.ports
            .observer
            .observe(realm.id(), Observation::ReuseDetected);
        let client = &caller.client.snapshot().id;
        tracing::info!(
            realm = %realm.id(),
            client = %client,
            reason = "assertion_replayed",
            "client authentication failed"
        );
        let mut context = circumstances(cx, Some(client));
        context.client_auth = Some(ClientAuth::PrivateKeyJwt);
        let record = by_person(context, None, AuditEvent::AssertionReplayed);
        let changes = self.audit(realm, &record);
        self.ports.store.commit(realm.id(), changes).await?;
        Ok(())
    }
}

/// What the changes of a call came to, without its assertion.
#[derive(Debug)]
pub(crate) enum CallOutcome {
    /// All are in.
    Done,
    /// None is.
    Refused {
        /// Position among the changes of the call.
        index: usize,
        /// Why.
        reason: Refusal,
    },
}
