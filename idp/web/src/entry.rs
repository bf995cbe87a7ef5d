//! The way in: connection, host, realm, and then the endpoints under its issuer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Uri};
use realmwright_engine::RuntimeRealm;
use realmwright_snapshot::Locale;
use tower::ServiceExt;
use tracing::Instrument as _;

use crate::connection::{ConnInfo, Transport};
use crate::headers::{PagePolicy, harden};
use crate::pages::{AssetLinks, ErrorKind, ErrorView, Frame, Page};
use crate::routes::{assets, missing};
use crate::texts::LANGUAGES;
use crate::trace;
use crate::visit::{Visit, html, retry_after};
use crate::web::{NoRoute, Web};

/// RFC 8414 section 3.1: this comes before the path of the issuer.
pub(crate) const SERVER_METADATA: &str = "/.well-known/oauth-authorization-server";
/// Files for pages outside any realm.
const HOST_ASSETS: &str = "/assets";
/// Another configuration has to come first.
const UNPREPARED_RETRY: Duration = Duration::from_secs(30);

/// What the outermost handler needs.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) web: Arc<Web>,
    pub(crate) endpoints: Router,
}

/// The endpoint that the inner router matched, for the metrics.
#[derive(Clone, Debug)]
struct Matched(String);

/// Answers every request.
pub(crate) async fn enter(State(entry): State<Entry>, request: Request) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let span = trace::begin(&entry.web.settings, &request);
    let (mut response, https) = dispatch(&entry, request).instrument(span.clone()).await;
    harden(response.headers_mut(), https);
    let matched = response.extensions().get::<Matched>();
    let endpoint = matched.map(|matched| matched.0.as_str());
    let settings = &entry.web.settings;
    trace::end(settings, &span, (&method, endpoint), response.status());
    entry
        .web
        .metrics
        .observe(endpoint, &method, response.status(), begun.elapsed());
    response
}

async fn dispatch(entry: &Entry, request: Request) -> (Response, bool) {
    let web = &entry.web;
    let (mut parts, body) = request.into_parts();
    let Some(transport) = parts.extensions.get::<Transport>().copied() else {
        tracing::error!("the listener does not say where a request comes from");
        return (StatusCode::INTERNAL_SERVER_ERROR.into_response(), false);
    };
    let trusted = &web.settings.trusted_proxies;
    let Ok(connection) = ConnInfo::of(transport, &parts.uri, &parts.headers, trusted) else {
        return (neutral(web, ErrorKind::Request), false);
    };
    let https = connection.tls;
    trace::name_scheme(https);
    let (realm, path) = match find_realm(web, &connection.host, parts.uri.path()) {
        Ok(found) => found,
        Err(no_route) => return (without_realm(web, &parts, no_route), https),
    };
    trace::name_realm(realm.id());
    let visit = Visit::new(Arc::clone(web), realm, connection, &parts);
    let Some(uri) = under_issuer(&parts.uri, &path) else {
        return (visit.error(ErrorKind::NotFound, None), https);
    };
    if !is_text(&path) {
        return (missing::path(visit).await, https);
    }
    parts.uri = uri;
    parts.extensions.insert(visit);
    let inner = Request::from_parts(parts, body);
    match entry.endpoints.clone().oneshot(inner).await {
        Ok(response) => (response, https),
    }
}

/// The realm and the path under its issuer.
fn find_realm(web: &Web, host: &str, path: &str) -> Result<(Arc<RuntimeRealm>, String), NoRoute> {
    if let Some(issuer) = path.strip_prefix(SERVER_METADATA)
        && let Ok((realm, "")) = web.realms.route(host, issuer)
    {
        return Ok((realm, SERVER_METADATA.to_owned()));
    }
    match web.realms.route(host, path)? {
        // The metadata has one address for each issuer, before its path.
        (_, SERVER_METADATA) => Err(NoRoute::Unknown),
        (realm, rest) => Ok((realm, rest.to_owned())),
    }
}

/// Files of the neutral pages, and these pages.
fn without_realm(web: &Web, parts: &Parts, no_route: NoRoute) -> Response {
    if let Some(file) = parts.uri.path().strip_prefix(HOST_ASSETS)
        && [Method::GET, Method::HEAD].contains(&parts.method)
        && let Some(answer) = assets::file(web, file.trim_start_matches('/'))
    {
        return answer;
    }
    match no_route {
        NoRoute::Unknown => neutral(web, ErrorKind::NotFound),
        NoRoute::Unprepared => {
            let mut response = neutral(web, ErrorKind::Unavailable);
            retry_after(&mut response, Some(UNPREPARED_RETRY));
            response
        }
    }
}

/// Nothing has a name that is not UTF-8.
fn is_text(path: &str) -> bool {
    percent_encoding::percent_decode_str(path)
        .decode_utf8()
        .is_ok()
}

fn under_issuer(uri: &Uri, path: &str) -> Option<Uri> {
    let path = if path.is_empty() { "/" } else { path };
    let path_and_query: PathAndQuery = match uri.query() {
        Some(query) => format!("{path}?{query}").parse().ok()?,
        None => path.parse().ok()?,
    };
    Uri::builder().path_and_query(path_and_query).build().ok()
}

/// A page that says nothing about which realms there are.
fn neutral(web: &Web, kind: ErrorKind) -> Response {
    let id = web.error_id();
    tracing::info!(error.id = id, error.kind = kind.key(), "error page");
    let language = LANGUAGES.first().map_or("en", |language| language.tag);
    let frame = Frame::neutral(
        &Locale::from(language),
        AssetLinks::under(HOST_ASSETS, &web.assets),
    );
    let page = Page::Error(ErrorView::new(kind, id));
    html(web, &frame, kind.status(), &page, &PagePolicy::default())
}

/// Notes which endpoint matched.
pub(crate) async fn note_endpoint(matched: MatchedPath, request: Request, next: Next) -> Response {
    let path = matched.as_str().to_owned();
    let mut response = next.run(request).await;
    response.extensions_mut().insert(Matched(path));
    response
}
