//! The span of a request, by the HTTP conventions of OpenTelemetry: what it was and how it ended.
//! Never what stands in the address, the headers or the body: no query, no path but the endpoint's
//! pattern, no network address, no browser.

use axum::extract::Request;
use http::{Method, StatusCode};
use realmwright_snapshot::RealmId;
use tracing::{Span, field, info_span};

use crate::connection::Transport;
use crate::metrics::known;
use crate::web::WebSettings;

/// A new trace, or part of one that a trusted proxy has begun. Strangers name no trace: they could
/// make ours look like another one, or make us keep all of theirs.
pub(crate) fn begin(settings: &WebSettings, request: &Request) -> Span {
    let span = info_span!(
        parent: None,
        "request",
        otel.kind = "server",
        http.request.method = known(request.method()),
        http.route = field::Empty,
        http.response.status_code = field::Empty,
        url.scheme = field::Empty,
        realmwright.realm = field::Empty,
        realmwright.client = field::Empty,
        error.type = field::Empty,
        otel.status_code = field::Empty,
    );
    let transport = request.extensions().get::<Transport>();
    let is_trusted = transport.is_some_and(|t| settings.trusted_proxies.contains(t.peer.ip()));
    if is_trusted && !span.is_disabled() {
        (settings.traces.join)(&span, request.headers());
    }
    span
}

pub(crate) fn name_scheme(https: bool) {
    Span::current().record("url.scheme", if https { "https" } else { "http" });
}

pub(crate) fn name_realm(realm: &RealmId) {
    Span::current().record("realmwright.realm", realm.as_str());
}

pub(crate) fn end(
    settings: &WebSettings,
    span: &Span,
    (method, endpoint): (&Method, Option<&str>),
    status: StatusCode,
) {
    if span.is_disabled() {
        return;
    }
    let method = known(method);
    let name = match endpoint {
        Some(endpoint) => {
            span.record("http.route", endpoint);
            format!("{method} {endpoint}")
        }
        None => method.to_owned(),
    };
    (settings.traces.rename)(span, name);
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("error.type", status.as_str());
        span.record("otel.status_code", "ERROR");
    }
}
