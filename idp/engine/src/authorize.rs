//! The authorization endpoint: a request is validated, then the flow decides at entry, single
//! sign-on included.

use std::fmt;

use realmwright_decision::facts::{Application, Prompt, Request};
use realmwright_decision::scopes::{Granted, Grantor, decide_scopes};
use realmwright_protocol::Parameters;
use realmwright_protocol::oauth2::ErrorCode;
use realmwright_protocol::oauth2::authorize::{
    self as protocol, AuthorizationRequest, AuthorizeError, PageError,
};
use realmwright_snapshot::{Locale, OidcClient, Period};

use crate::Engine;
use crate::api::{
    ClientResponse, ClientView, Cookies, EngineFault, ErrorKind, ErrorPage, Reply, RequestContext,
    Step,
};
use crate::client_source::FoundClient;
use crate::runtime_realm::RuntimeRealm;

/// A request that may be served.
#[derive(Clone)]
pub(crate) struct ValidRequest {
    /// As it came; what a login stores.
    pub(crate) raw: String,
    pub(crate) client: FoundClient,
    pub(crate) request: AuthorizationRequest,
    pub(crate) granted: Granted,
    pub(crate) locale: Locale,
}

impl fmt::Debug for ValidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValidRequest")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

impl ValidRequest {
    pub(crate) fn oidc(&self) -> Result<&OidcClient, EngineFault> {
        self.client
            .snapshot()
            .oidc
            .as_ref()
            .ok_or_else(|| EngineFault::internal("the client has no protocol"))
    }

    /// The request as decisions see it.
    pub(crate) fn facts(&self, cx: &RequestContext) -> Request {
        let prompt = self.request.prompt;
        let asked = prompt.interactions();
        let wanted = [
            (prompt.forbids_pages(), Prompt::None),
            (asked.login, Prompt::Login),
            (asked.consent, Prompt::Consent),
            (asked.select_account, Prompt::SelectAccount),
        ];
        Request {
            prompt: wanted
                .into_iter()
                .filter_map(|(wanted, prompt)| wanted.then_some(prompt))
                .collect(),
            scopes: self.granted.scopes().to_vec(),
            max_age: self.request.max_age.map(Period::from_secs),
            ip: cx.address.map(|address| address.to_canonical()),
            acr_values: self.request.acr_values.clone(),
            login_hint: self.request.login_hint.clone(),
            ui_locales: self
                .request
                .ui_locales
                .iter()
                .map(Locale::to_string)
                .collect(),
        }
    }

    pub(crate) fn application(&self) -> Application {
        Application::from(&**self.client.snapshot())
    }

    pub(crate) fn client_view(&self, realm: &RuntimeRealm) -> ClientView {
        realm.client_view(self.client.snapshot(), &self.locale)
    }

    /// An error for the application, at its redirect address.
    pub(crate) fn refuse(&self, realm: &RuntimeRealm, code: ErrorCode, why: &str) -> Step {
        let target = &self.request.target;
        Step::Respond(ClientResponse {
            redirect_uri: target.redirect_uri.url().clone(),
            mode: target.mode,
            parameters: target.error(realm.issuer(), code, why),
        })
    }
}

impl RuntimeRealm {
    pub(crate) fn client_view(
        &self,
        client: &realmwright_snapshot::ClientSnapshot,
        locale: &Locale,
    ) -> ClientView {
        let default = &self.snapshot.core.locales.default;
        ClientView {
            id: client.id.clone(),
            name: client
                .display_name
                .get(locale, default)
                .map_or_else(|| client.id.to_string(), str::to_owned),
            url: client.url.clone(),
            start_url: client.start_url.clone(),
        }
    }
}

impl Engine {
    /// `GET` and `POST /oauth2/authorize`: `parameters` is the raw query or form body.
    ///
    /// # Errors
    /// [`EngineFault`]; everything wrong with the request is an answer.
    pub async fn authorize(
        &self,
        cx: &RequestContext,
        parameters: &str,
        cookies: &Cookies,
    ) -> Result<Reply, EngineFault> {
        match self.valid_request(cx, parameters).await? {
            Ok(valid) => Box::pin(self.enter_login(cx, valid, cookies, None)).await,
            Err(step) => Ok(Reply::new(step)),
        }
    }

    /// Validates a request: a page while the redirect address is not known to be the
    /// application's, a response to it from then on (KC-AZ-01).
    pub(crate) async fn valid_request(
        &self,
        cx: &RequestContext,
        raw: &str,
    ) -> Result<Result<ValidRequest, Step>, EngineFault> {
        let page = |kind, detail: String| {
            Ok(Err(Step::Error(Box::new(ErrorPage {
                detail: Some(detail),
                ..ErrorPage::new(kind)
            }))))
        };
        let parameters = match Parameters::parse(raw.as_bytes()) {
            Ok(parameters) => parameters,
            Err(fault) => return page(ErrorKind::BadRequest, fault.to_string()),
        };
        let id = match protocol::client_id(&parameters) {
            Ok(id) => id,
            Err(fault) => return page(ErrorKind::BadRequest, fault.to_string()),
        };
        let unknown = || {
            page(
                ErrorKind::UnknownClient,
                PageError::UnknownClient.to_string(),
            )
        };
        let Some(client) = self.clients.find(&cx.realm, id.as_str()).await? else {
            return unknown();
        };
        let Some(oidc) = &client.snapshot().oidc else {
            return unknown();
        };
        let request = match protocol::validate(&parameters, &id, oidc) {
            Ok(request) => request,
            Err(AuthorizeError::Page(fault)) => {
                let kind = match fault {
                    PageError::ClientId => ErrorKind::BadRequest,
                    PageError::UnknownClient => ErrorKind::UnknownClient,
                    PageError::MissingRedirect
                    | PageError::RepeatedRedirect
                    | PageError::Redirect(_) => ErrorKind::RedirectUri,
                };
                return Ok(Err(Step::Error(Box::new(ErrorPage {
                    detail: Some(fault.to_string()),
                    client: Some(cx.realm.client_view(client.snapshot(), &cx.locale)),
                    ..ErrorPage::new(kind)
                }))));
            }
            Err(AuthorizeError::Response(error)) => {
                return Ok(Err(Step::Respond(ClientResponse {
                    redirect_uri: error.target.redirect_uri.url().clone(),
                    mode: error.target.mode,
                    parameters: error.parameters(cx.realm.issuer()),
                })));
            }
        };
        let scopes = &cx.realm.snapshot.scopes;
        let granted = decide_scopes(scopes, &oidc.scopes, &request.scope, Grantor::Person);
        let audiences = cx.realm.audiences(oidc, granted.as_ref().ok());
        let valid = ValidRequest {
            raw: raw.to_owned(),
            granted: granted.clone().unwrap_or_default(),
            client,
            request,
            locale: cx.locale.clone(),
        };
        let refuse = |code, why: &str| Ok(Err(valid.refuse(&cx.realm, code, why)));
        if let Err(fault) = granted {
            return refuse(ErrorCode::InvalidScope, &fault.to_string());
        }
        if !valid
            .request
            .resource
            .iter()
            .all(|resource| audiences.contains(resource))
        {
            return refuse(ErrorCode::InvalidTarget, "the resource is not available");
        }
        Ok(Ok(valid))
    }
}
