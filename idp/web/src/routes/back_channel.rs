//! What the endpoints have in common that applications call without a browser.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use realmwright_engine::{BackChannelCall, CallFault, EngineFault, Fault, JsonAnswer, OAuthError};
use realmwright_protocol::oauth2::ErrorCode;
use realmwright_snapshot::ClientId;
use serde_json::{Value, json};

use crate::routes::cors::share;
use crate::routes::form::{self, FormFault};
use crate::visit::{Refused, Visit, log_fault, retry_after};

/// Whether pages of the application's origins may read the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shared {
    /// By `webOrigins`.
    WithClients,
    /// Not at all.
    No,
}

/// The form of a call.
pub(crate) async fn form(visit: &Visit, body: Body, shared: Shared) -> Result<String, Refused> {
    form::read(&visit.headers, body).await.map_err(|fault| {
        let status = match fault {
            FormFault::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            FormFault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            FormFault::TooSlow => StatusCode::REQUEST_TIMEOUT,
            FormFault::Unreadable => StatusCode::BAD_REQUEST,
        };
        let error = ErrorCode::InvalidRequest.as_str();
        let body = json!({"error": error, "error_description": fault.to_string()});
        finish(visit, status, Some(body), None, shared).into()
    })
}

/// The call with its form.
pub(crate) fn call<'a>(visit: &'a Visit, form: &'a str) -> BackChannelCall<'a> {
    BackChannelCall {
        form,
        authorization: visit
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()),
    }
}

/// The answer of the engine as HTTP.
pub(crate) fn answer(
    visit: &Visit,
    answer: Result<JsonAnswer, CallFault>,
    shared: Shared,
) -> Response {
    match answer {
        Ok(JsonAnswer { body, client }) => {
            let body = (!body.is_null()).then_some(body);
            finish(visit, StatusCode::OK, body, client.as_ref(), shared)
        }
        Err(CallFault::OAuth(error)) => refusal(visit, &error, shared),
        Err(CallFault::Engine(fault)) => no_answer(visit, &fault, shared),
    }
}

fn refusal(visit: &Visit, error: &OAuthError, shared: Shared) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = (!error.error.is_empty()).then(|| oauth_body(error));
    let mut response = finish(visit, status, body, error.client.as_ref(), shared);
    challenge(&mut response, error);
    response
}

/// `error` and `error_description`, RFC 6749 section 5.2.
pub(crate) fn oauth_body(error: &OAuthError) -> Value {
    let mut body = json!({"error": error.error});
    if let (Some(description), Some(body)) = (&error.description, body.as_object_mut()) {
        body.insert("error_description".to_owned(), json!(description));
    }
    body
}

/// `WWW-Authenticate`, where the engine says one.
pub(crate) fn challenge(response: &mut Response, error: &OAuthError) {
    if let Some(challenge) = error
        .challenge
        .as_deref()
        .and_then(|challenge| HeaderValue::from_str(challenge).ok())
    {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
}

fn no_answer(visit: &Visit, fault: &EngineFault, shared: Shared) -> Response {
    let id = visit.web.error_id();
    log_fault(&id, visit.realm.id(), fault);
    let (status, error) = match fault.fault() {
        Fault::Client => (
            StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::TemporarilyUnavailable,
        ),
        Fault::Upstream => (
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::TemporarilyUnavailable,
        ),
        Fault::Internal => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::ServerError),
    };
    let body = json!({"error": error.as_str(), "error_description": format!("error {id}")});
    let mut response = finish(visit, status, Some(body), None, shared);
    retry_after(&mut response, fault.retry_after());
    response
}

fn finish(
    visit: &Visit,
    status: StatusCode,
    body: Option<Value>,
    client: Option<&ClientId>,
    shared: Shared,
) -> Response {
    let mut response = match body {
        Some(body) => (
            status,
            [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            body.to_string(),
        )
            .into_response(),
        None => status.into_response(),
    };
    if shared == Shared::WithClients {
        share(visit, client, response.headers_mut());
    }
    response
}
