//! `/.well-known/openid-configuration` (OIDC-50), and the same as RFC 8414 metadata before the
//! path of the issuer.

use axum::response::{IntoResponse, Response};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use realmwright_engine::CachedDocument;

use crate::visit::Visit;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub(crate) async fn get(visit: Visit) -> Response {
    document(visit.realm.discovery(), &visit.headers)
}

/// A public document, conditional by its entity tag (RFC 9110 section 13.1.2).
pub(crate) fn document(document: &CachedDocument, request: &HeaderMap) -> Response {
    let mut headers = HeaderMap::new();
    let max_age = format!("public, max-age={}", document.max_age.as_secs());
    for (name, value) in [(CACHE_CONTROL, max_age.as_str()), (ETAG, &*document.etag)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    let known = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag == &*document.etag);
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (headers, document.body.to_vec()).into_response()
}
