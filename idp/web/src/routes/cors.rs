//! Which pages of other origins may read an answer, Fetch standard section 3.2.

use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use realmwright_snapshot::ClientId;

use crate::visit::Visit;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type");
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// A preflight for an answer that everybody may read.
pub(crate) async fn preflight_public() -> Response {
    let mut headers = preflight();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// A preflight for an answer that the `webOrigins` of clients may read. It does not say which
/// client will ask, so any of the realm will do; the answer itself is held to its client.
pub(crate) async fn preflight_clients(visit: Visit) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    share(&visit, None, response.headers_mut());
    if response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        response.headers_mut().extend(preflight());
    }
    response
}

fn preflight() -> HeaderMap {
    [
        (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ]
    .into_iter()
    .collect()
}

/// Lets the page at `Origin` read an answer to this client.
pub(crate) fn share(visit: &Visit, client: Option<&ClientId>, headers: &mut HeaderMap) {
    headers.append(VARY, HeaderValue::from_static("origin"));
    let Some(origin) = visit.headers.get(ORIGIN) else {
        return;
    };
    let allowed = origin
        .to_str()
        .is_ok_and(|origin| visit.realm.allows_origin(client, origin));
    if allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("www-authenticate, retry-after"),
        );
        headers.insert(
            "cross-origin-resource-policy",
            HeaderValue::from_static("cross-origin"),
        );
    }
}
