//! What is asked of a path that is not there, or does not take the method.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE};

use crate::pages::ErrorKind;
use crate::visit::Visit;

pub(crate) async fn path(visit: Visit) -> Response {
    answer(&visit, ErrorKind::NotFound)
}

/// The router adds `Allow`, RFC 9110 section 15.5.6.
pub(crate) async fn method(visit: Visit) -> Response {
    answer(&visit, ErrorKind::Method)
}

/// A page for browsers; for all others the status says enough.
fn answer(visit: &Visit, kind: ErrorKind) -> Response {
    let wants_page = visit
        .headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if wants_page {
        return visit.error(kind, None);
    }
    let status: StatusCode = kind.status();
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
    });
    (
        status,
        [(CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}
