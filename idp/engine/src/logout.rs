//! RP-initiated logout, OpenID Connect RP-Initiated Logout 1.0 (KC-LO-01, OIDC-30 to OIDC-32).

use realmwright_decision::audit::AuditEvent;
use realmwright_protocol::Parameters;
use realmwright_protocol::oidc::logout::{
    LogoutError, LogoutRequest, ReturnTarget, needs_no_confirmation, parse, return_to,
};
use realmwright_protocol::seal::SealPurpose;
use realmwright_snapshot::{ClientId, ClientSnapshot};
use realmwright_store::Change;
use serde::{Deserialize, Serialize};

use crate::Engine;
use crate::api::{
    CookieChange, CookiePurpose, Cookies, EngineFault, ErrorKind, ErrorPage, LoggedOutPage,
    LogoutPage, Reply, RequestContext, Step,
};
use crate::audit::{by_person, circumstances};
use crate::client_source::FoundClient;
use crate::login::form_action;
use crate::sessions::{LiveSession, later};
use crate::subject;

/// What a person answered to the confirmation of a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutAnswer {
    /// End the session.
    LogOut,
    /// Stay.
    Stay,
}

/// A logout that waits for its confirmation. Bound to the session by the context of its seal.
#[derive(Debug, Serialize, Deserialize)]
struct PendingLogout {
    client: Option<ClientId>,
    return_to: Option<ReturnTarget>,
}

impl Engine {
    /// `GET` and `POST /oauth2/logout`: `parameters` is the raw query or form body.
    ///
    /// # Errors
    /// [`EngineFault`].
    pub async fn logout(
        &self,
        cx: &RequestContext,
        parameters: &str,
        cookies: &Cookies,
    ) -> Result<Reply, EngineFault> {
        let realm = &cx.realm;
        let error = |fault: LogoutError| {
            let kind = match fault {
                LogoutError::Redirect(_) | LogoutError::NoClient => ErrorKind::LogoutRedirectUri,
                LogoutError::Malformed | LogoutError::OtherClient => ErrorKind::BadRequest,
            };
            Ok(Reply::new(Step::Error(Box::new(ErrorPage {
                detail: Some(fault.to_string()),
                ..ErrorPage::new(kind)
            }))))
        };
        let Ok(parameters) = Parameters::parse(parameters.as_bytes()) else {
            return error(LogoutError::Malformed);
        };
        let issuer = realm.issuer();
        let request = match parse(&parameters, &realm.keys.verification, issuer) {
            Ok((request, _)) => request,
            Err(fault) => return error(fault),
        };
        let client = match &request.client_id {
            None => None,
            Some(id) => self.clients.find(realm, id.as_str()).await?,
        };
        let settings = client
            .as_ref()
            .and_then(|client| client.snapshot().oidc.as_ref())
            .map(|oidc| &oidc.logout);
        let target = match settings.map(|settings| return_to(&request, settings)) {
            None if request.post_logout_redirect_uri.is_some() => {
                return error(LogoutError::NoClient);
            }
            None => None,
            Some(Ok(target)) => target,
            Some(Err(fault)) => return error(fault),
        };
        let pending = PendingLogout {
            client: client.as_ref().map(|client| client.snapshot().id.clone()),
            return_to: target,
        };
        let Some(session) = self.live_session(realm, cookies).await? else {
            return Ok(logged_out(cx, client.as_ref(), &pending, Ended::Nothing));
        };
        if self.is_certain(cx, &request, client.as_ref(), &session)? {
            return self.end(cx, client.as_ref(), &pending, &session).await;
        }
        self.ask_logout(cx, client.as_ref(), &pending, &session)
            .await
    }

    /// Whether the request proves that it means this very session, and may end it unasked.
    fn is_certain(
        &self,
        cx: &RequestContext,
        request: &LogoutRequest,
        client: Option<&FoundClient>,
        session: &LiveSession,
    ) -> Result<bool, EngineFault> {
        let Some(client) = client.map(FoundClient::snapshot) else {
            return Ok(false);
        };
        let Some(oidc) = &client.oidc else {
            return Ok(false);
        };
        let keyring = &cx.realm.keyring;
        let sid = subject::session_reference(keyring, &session.row.id, &client.id)?;
        let sub = subject::release(keyring, &session.row.sub, client)?;
        Ok(needs_no_confirmation(
            request,
            &oidc.logout,
            &sid,
            sub.as_str(),
        ))
    }

    async fn ask_logout(
        &self,
        cx: &RequestContext,
        client: Option<&FoundClient>,
        pending: &PendingLogout,
        session: &LiveSession,
    ) -> Result<Reply, EngineFault> {
        let now = self.ports.clock.now();
        let realm = &cx.realm;
        let person = self.person(realm, &session.row.sub).await?;
        let plain = serde_json::to_vec(pending).map_err(EngineFault::internal)?;
        let sealed = realm.seal(
            SealPurpose::LogoutRequest,
            session.row.id.0.as_bytes(),
            &plain,
            later(now, realm.snapshot.core.sessions.login_lifetime),
        )?;
        Ok(Reply::new(Step::ConfirmLogout(Box::new(LogoutPage {
            client: client.map(|client| realm.client_view(client.snapshot(), &cx.locale)),
            person: person.map(|record| realm.person_view(&record.person, now)),
            form_action: pending
                .return_to
                .as_ref()
                .map(|target| form_action(&target.url())),
            sealed,
        }))))
    }

    /// The answer to [`crate::Step::ConfirmLogout`].
    ///
    /// # Errors
    /// [`EngineFault`].
    pub async fn confirm_logout(
        &self,
        cx: &RequestContext,
        sealed: &str,
        answer: LogoutAnswer,
        cookies: &Cookies,
    ) -> Result<Reply, EngineFault> {
        let now = self.ports.clock.now();
        let realm = &cx.realm;
        let gone = || Reply::new(Step::Error(Box::new(ErrorPage::new(ErrorKind::LoginGone))));
        let Some(session) = self.live_session(realm, cookies).await? else {
            return Ok(gone());
        };
        let context = session.row.id.0.as_bytes();
        let Some(pending) = realm
            .open(SealPurpose::LogoutRequest, context, sealed, now)
            .and_then(|plain| serde_json::from_slice::<PendingLogout>(&plain).ok())
        else {
            return Ok(gone());
        };
        let client = match &pending.client {
            None => None,
            Some(id) => self.clients.find(realm, id.as_str()).await?,
        };
        match answer {
            LogoutAnswer::LogOut => self.end(cx, client.as_ref(), &pending, &session).await,
            LogoutAnswer::Stay => Ok(logged_out(cx, client.as_ref(), &pending, Ended::Declined)),
        }
    }

    async fn end(
        &self,
        cx: &RequestContext,
        client: Option<&FoundClient>,
        pending: &PendingLogout,
        session: &LiveSession,
    ) -> Result<Reply, EngineFault> {
        let realm = &cx.realm;
        let mut context = circumstances(cx, pending.client.as_ref());
        context.session = Some(session.row.id.to_string());
        let record = by_person(context, Some(&session.row.sub), AuditEvent::Logout);
        let mut changes = vec![Change::EndSession {
            id: session.row.id,
            at: self.ports.clock.now(),
        }];
        changes.extend(self.audit(realm, &record));
        self.ports.store.commit(realm.id(), changes).await?;
        let mut reply = logged_out(cx, client, pending, Ended::Session);
        reply
            .cookies
            .push(CookieChange::Remove(CookiePurpose::Session));
        Ok(reply)
    }
}

/// What a logout came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The session has ended.
    Session,
    /// There was none.
    Nothing,
    /// The person stays logged in.
    Declined,
}

fn logged_out(
    cx: &RequestContext,
    client: Option<&FoundClient>,
    pending: &PendingLogout,
    ended: Ended,
) -> Reply {
    let realm = &cx.realm;
    let view = |client: &ClientSnapshot| realm.client_view(client, &cx.locale);
    Reply::new(Step::LoggedOut(Box::new(LoggedOutPage {
        client: client.map(|client| view(client.snapshot())),
        // Whoever stays must not look logged out to the application.
        return_to: pending
            .return_to
            .as_ref()
            .filter(|_| ended != Ended::Declined)
            .map(ReturnTarget::url),
        ended: ended == Ended::Session,
    })))
}
