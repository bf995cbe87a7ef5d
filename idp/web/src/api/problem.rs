//! Errors of the API as problems, RFC 9457.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use realmwright_engine::accounts::AccountsError;
use realmwright_engine::{EngineFault, Fault, PasswordRule};
use serde::Serialize;

use crate::routes::back_channel::challenge;
use crate::routes::form::FormFault;
use crate::visit::{Refused, Visit, log_fault, retry_after};

/// A problem. `type` is a URI reference relative to the description of the API.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Path of the field that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// Rules that a password breaks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<PasswordRule>,
    /// Number that the log has as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
}

impl Problem {
    fn new(name: &str, title: &'static str, status: StatusCode) -> Self {
        Self {
            kind: format!("#{name}"),
            title,
            status: status.as_u16(),
            detail: None,
            field: None,
            rules: Vec::new(),
            instance: None,
        }
    }

    fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The request itself is wrong.
    pub(crate) fn request(detail: impl Into<String>) -> Self {
        Self::new(
            "bad-request",
            "The request is wrong",
            StatusCode::BAD_REQUEST,
        )
        .because(detail)
    }

    /// The body cannot be taken.
    pub(crate) fn body(fault: FormFault) -> Self {
        match fault {
            FormFault::MediaType => Self::media_type("application/json"),
            FormFault::TooLarge => Self::new(
                "too-large",
                "The body is too large",
                StatusCode::PAYLOAD_TOO_LARGE,
            ),
            FormFault::Unreadable => Self::request("the body cannot be read"),
        }
    }

    /// The body has another media type.
    pub(crate) fn media_type(expected: &str) -> Self {
        Self::new(
            "media-type",
            "The body has the wrong media type",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        )
        .because(format!("expected {expected}"))
    }

    /// A change without `If-Match` where one is needed, or with one that is not a version.
    pub(crate) fn precondition(detail: &str) -> Self {
        Self::new(
            "precondition",
            "If-Match is not a version",
            StatusCode::BAD_REQUEST,
        )
        .because(detail)
    }

    /// What the engine refused. Faults of ours are logged under the same number.
    pub(crate) fn of(visit: &Visit, error: &AccountsError) -> Self {
        match error {
            AccountsError::Token(error) => Self::new(
                if error.error.is_empty() {
                    "unauthorized"
                } else {
                    error.error
                },
                "Not allowed",
                StatusCode::from_u16(error.status).unwrap_or(StatusCode::UNAUTHORIZED),
            ),
            AccountsError::NotFound(what) => {
                Self::new("not-found", "Not found", StatusCode::NOT_FOUND)
                    .because(format!("there is no such {what}"))
            }
            AccountsError::Taken { attribute } => {
                let problem = Self::new("taken", "Already taken", StatusCode::CONFLICT);
                match attribute {
                    Some(attribute) => problem.at(format!("attributes.{attribute}")),
                    None => problem.at("name"),
                }
            }
            AccountsError::Stale => Self::new(
                "stale",
                "The account has changed",
                StatusCode::PRECONDITION_FAILED,
            ),
            AccountsError::Invalid { field, problem } => Self::new(
                "invalid",
                "A field is not acceptable",
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .at(field)
            .because(problem),
            AccountsError::Password(rules) => {
                let mut problem = Self::new(
                    "password",
                    "The password does not satisfy the policy",
                    StatusCode::UNPROCESSABLE_ENTITY,
                )
                .at("password");
                problem.rules.clone_from(rules);
                problem
            }
            AccountsError::Engine(fault) => Self::fault(visit, fault),
        }
    }

    fn fault(visit: &Visit, fault: &EngineFault) -> Self {
        let id = visit.web.error_id();
        log_fault(&id, visit.realm.id(), fault);
        let mut problem = match fault.fault() {
            Fault::Client => Self::new(
                "too-many",
                "Too many attempts",
                StatusCode::TOO_MANY_REQUESTS,
            ),
            Fault::Upstream => Self::new(
                "unavailable",
                "Temporarily not available",
                StatusCode::SERVICE_UNAVAILABLE,
            ),
            Fault::Internal => Self::new(
                "internal",
                "Something went wrong",
                StatusCode::INTERNAL_SERVER_ERROR,
            ),
        };
        problem.instance = Some(id);
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (
            status,
            [(
                CONTENT_TYPE,
                HeaderValue::from_static("application/problem+json"),
            )],
            body,
        )
            .into_response()
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        problem.into_response().into()
    }
}

/// The error as an answer, with the headers that belong to it.
pub(crate) fn refuse(visit: &Visit, error: &AccountsError) -> Response {
    let mut response = Problem::of(visit, error).into_response();
    match error {
        AccountsError::Token(error) => challenge(&mut response, error),
        AccountsError::Engine(fault) => retry_after(&mut response, fault.retry_after()),
        _ => {}
    }
    response
}
