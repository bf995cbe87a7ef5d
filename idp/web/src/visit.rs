//! One request to one realm: what was found out at its entry, and the ways to answer it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use realmwright_engine::{Cookies, EngineFault, Fault, RequestContext, RuntimeRealm};
use realmwright_protocol::endpoints::{self, Endpoint};
use realmwright_snapshot::Locale;

use crate::connection::ConnInfo;
use crate::cookies::CookieNames;
use crate::headers::PagePolicy;
use crate::pages::{AssetLinks, ErrorKind, ErrorView, Frame, Page};
use crate::texts::{Wishes, negotiate};
use crate::web::Web;

/// `User-Agent` is cut to so many characters.
const LONGEST_USER_AGENT: usize = 256;

/// One request to one realm.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) web: Arc<Web>,
    pub(crate) realm: Arc<RuntimeRealm>,
    pub(crate) connection: Arc<ConnInfo>,
    pub(crate) names: Arc<CookieNames>,
    pub(crate) method: Method,
    /// The address as the browser has it, before the issuer's path is taken away.
    pub(crate) uri: Uri,
    pub(crate) headers: Arc<HeaderMap>,
    pub(crate) locale: Locale,
    /// Just chosen in the language menu: to be remembered.
    pub(crate) chosen: Option<Locale>,
}

impl Visit {
    /// Finds out what a request says.
    pub(crate) fn new(
        web: Arc<Web>,
        realm: Arc<RuntimeRealm>,
        connection: ConnInfo,
        parts: &Parts,
    ) -> Self {
        let names = CookieNames::of(&realm.snapshot().core);
        let mut visit = Self {
            web,
            realm,
            connection: Arc::new(connection),
            names: Arc::new(names),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            headers: Arc::new(parts.headers.clone()),
            locale: Locale::from(""),
            chosen: None,
        };
        let ui_locales = visit.query_value("ui_locales");
        visit.choose_language(ui_locales.as_deref());
        visit
    }

    /// The same with the `ui_locales` of a form.
    pub(crate) fn wishing(mut self, ui_locales: Option<&str>) -> Self {
        if ui_locales.is_some() {
            self.choose_language(ui_locales);
        }
        self
    }

    fn choose_language(&mut self, ui_locales: Option<&str>) {
        let locales = &self.realm.snapshot().core.locales;
        let chosen = self.query_value("language");
        let wishes = Wishes {
            chosen: chosen.as_deref(),
            ui_locales,
            remembered: self.names.language(&self.headers),
            accept_language: self
                .headers
                .get(http::header::ACCEPT_LANGUAGE)
                .and_then(|value| value.to_str().ok()),
        };
        let locale = negotiate(locales, &wishes);
        self.chosen = chosen
            .filter(|tag| tag.eq_ignore_ascii_case(locale.as_str()))
            .map(|_| locale.clone());
        self.locale = locale;
    }

    /// The value of a query parameter that consists of letters, digits and a few marks, as
    /// language tags do.
    fn query_value(&self, name: &str) -> Option<String> {
        let query = self.uri.query()?;
        let parameters = realmwright_protocol::Parameters::parse(query.as_bytes()).ok()?;
        parameters.get(name).map(str::to_owned)
    }

    pub(crate) fn context(&self) -> RequestContext {
        let user_agent = self
            .headers
            .get(http::header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .map(|text| text.chars().take(LONGEST_USER_AGENT).collect());
        RequestContext {
            realm: Arc::clone(&self.realm),
            address: Some(self.connection.peer),
            locale: self.locale.clone(),
            user_agent,
        }
    }

    pub(crate) fn cookies(&self) -> Cookies {
        self.names.read(&self.headers)
    }

    /// Scheme, host and port of the issuer, as browsers write it.
    pub(crate) fn origin(&self) -> String {
        let issuer = &self.realm.snapshot().core.issuer;
        issuer.origin().ascii_serialization()
    }

    /// The path of an endpoint on this host.
    pub(crate) fn path(&self, endpoint: Endpoint) -> String {
        let core = &self.realm.snapshot().core;
        endpoints::host_path(core.layout, endpoint, &core.issuer)
    }

    fn frame(&self) -> Frame {
        let core = &self.realm.snapshot().core;
        let name = core
            .display_name
            .get(&self.locale, &core.locales.default)
            .unwrap_or_else(|| core.id.as_str());
        let assets = self.path(Endpoint::Asset);
        let base = assets.trim_end_matches("/{file}");
        Frame::of_realm(
            name,
            core.issuer.host_str(),
            &self.locale,
            AssetLinks::under(base, &self.web.assets),
        )
    }

    /// The frame of a page that a link shows again in another language.
    fn frame_with_menu(&self) -> Frame {
        let supported = &self.realm.snapshot().core.locales.supported;
        self.frame()
            .with_languages(supported, |locale| self.in_language(locale))
    }

    /// This address with another choice of language.
    fn in_language(&self, locale: &Locale) -> String {
        let mut query: Vec<&str> = self
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| {
                let name = pair.split('=').next().unwrap_or_default();
                !pair.is_empty() && !["language", "ui_locales"].contains(&name)
            })
            .collect();
        let choice = format!("language={locale}");
        query.push(&choice);
        format!("{}?{}", self.uri.path(), query.join("&"))
    }

    /// `ui_locales` of this request as a query for the next one, so that the steps of a login
    /// keep the application's wish.
    pub(crate) fn carried_query(&self) -> String {
        self.uri
            .query()
            .unwrap_or_default()
            .split('&')
            .find(|pair| pair.starts_with("ui_locales="))
            .map(|pair| format!("?{pair}"))
            .unwrap_or_default()
    }

    /// The page.
    pub(crate) fn page(&self, status: StatusCode, page: &Page, policy: &PagePolicy) -> Response {
        let frame = if self.method == Method::GET || is_same_without_form(page) {
            self.frame_with_menu()
        } else {
            self.frame()
        };
        let mut response = html(&self.web, &frame, status, page, policy);
        if let Some(header) = self
            .chosen
            .as_ref()
            .and_then(|locale| self.names.set_language(locale.as_str()))
        {
            response.headers_mut().append(SET_COOKIE, header);
        }
        response
    }

    /// An error page. Its id is in the log line as well.
    pub(crate) fn error(&self, kind: ErrorKind, detail: Option<&str>) -> Response {
        let id = self.web.error_id();
        self.log(&id, kind.key(), detail);
        self.error_page(ErrorView::new(kind, id))
    }

    pub(crate) fn error_page(&self, view: ErrorView) -> Response {
        let status = view.kind.status();
        self.page(status, &Page::Error(view), &PagePolicy::default())
    }

    pub(crate) fn log(&self, id: &str, kind: &str, detail: Option<&str>) {
        tracing::warn!(
            error.id = id,
            error.kind = kind,
            realm = %self.realm.id(),
            detail = detail.unwrap_or_default(),
            "error page"
        );
    }

    /// A page for a use case that had no answer.
    pub(crate) fn fault(&self, fault: &EngineFault) -> Response {
        let kind = match fault {
            EngineFault::Busy { .. } => ErrorKind::Busy,
            EngineFault::TooManyAttempts { .. } => ErrorKind::TooManyAttempts,
            _ if fault.fault() == Fault::Upstream => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        };
        let id = self.web.error_id();
        log_fault(&id, self.realm.id(), fault);
        let mut response = self.error_page(ErrorView::new(kind, id));
        retry_after(&mut response, fault.retry_after());
        response
    }

    /// 303 within this realm or to an application.
    pub(crate) fn see_other(&self, location: &str) -> Response {
        let Ok(location) = HeaderValue::try_from(location) else {
            return self.error(ErrorKind::Internal, Some("location"));
        };
        (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
    }
}

/// Whether a form led to a page that its address shows without a form too.
const fn is_same_without_form(page: &Page) -> bool {
    matches!(
        page,
        Page::Error(ErrorView {
            kind: ErrorKind::LoginGone | ErrorKind::Request,
            ..
        })
    )
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// An answer in the place of a value.
#[derive(Debug)]
pub(crate) struct Refused(Box<Response>);

impl From<Response> for Refused {
    fn from(answer: Response) -> Self {
        Self(Box::new(answer))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// The page as an answer.
pub(crate) fn html(
    web: &Web,
    frame: &Frame,
    status: StatusCode,
    page: &Page,
    policy: &PagePolicy,
) -> Response {
    match web.pages.render(frame, page) {
        Ok(html) => (
            status,
            [
                (
                    CONTENT_TYPE,
                    HeaderValue::from_static("text/html; charset=utf-8"),
                ),
                (CONTENT_SECURITY_POLICY, policy.header()),
            ],
            html,
        )
            .into_response(),
        Err(fault) => {
            let id = web.error_id();
            tracing::error!(
                error.id = id,
                error = &fault as &dyn std::error::Error,
                "a page cannot be rendered"
            );
            (StatusCode::INTERNAL_SERVER_ERROR, format!("Error {id}\n")).into_response()
        }
    }
}

pub(crate) fn log_fault(id: &str, realm: &realmwright_snapshot::RealmId, fault: &EngineFault) {
    let error = fault as &dyn std::error::Error;
    match fault.fault() {
        Fault::Internal => tracing::error!(error.id = id, %realm, error, "no answer"),
        Fault::Upstream | Fault::Client => {
            tracing::warn!(error.id = id, %realm, error, "no answer");
        }
    }
}

/// Says when to try again, in whole seconds and at least one.
pub(crate) fn retry_after(response: &mut Response, after: Option<Duration>) {
    if let Some(after) = after {
        let seconds = after.as_millis().div_ceil(1000).max(1);
        if let Ok(value) = HeaderValue::try_from(seconds.to_string()) {
            response.headers_mut().insert(RETRY_AFTER, value);
        }
    }
}
