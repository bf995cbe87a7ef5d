//! Errors of the API as problems, RFC 9457.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use realmwright_engine::accounts::AccountsError;
use realmwright_engine::{EngineFault, Fault, OAuthError, PasswordRule};
use serde::Serialize;

use crate::routes::back_channel::challenge;
use crate::routes::form::FormFault;
use crate::visit::{Refused, Visit, log_fault, retry_after};

macro_rules! kinds {
    ($($name:ident = $text:literal, $title:literal, $status:ident;)*) => {
        /// Kinds of problems.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum ProblemKind {
            $($name,)*
        }

        impl ProblemKind {
            /// Every kind, for the reference.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Fragment of `type`.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Value of `title`.
            pub(crate) const fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }

            /// Status of the answer.
            pub(crate) const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                }
            }
        }
    };
}

kinds! {
    BadRequest = "bad-request", "The request is wrong", BAD_REQUEST;
    Precondition = "precondition", "If-Match is not a version", BAD_REQUEST;
    Unauthorized = "unauthorized", "Not allowed", UNAUTHORIZED;
    NotFound = "not-found", "Not found", NOT_FOUND;
    Taken = "taken", "Already taken", CONFLICT;
    Stale = "stale", "The account has changed", PRECONDITION_FAILED;
    TooSlow = "too-slow", "The body came too slowly", REQUEST_TIMEOUT;
    TooLarge = "too-large", "The body is too large", PAYLOAD_TOO_LARGE;
    MediaType = "media-type", "The body has the wrong media type", UNSUPPORTED_MEDIA_TYPE;
    Invalid = "invalid", "A field is not acceptable", UNPROCESSABLE_ENTITY;
    Password = "password", "The password does not satisfy the policy", UNPROCESSABLE_ENTITY;
    TooMany = "too-many", "Too many attempts", TOO_MANY_REQUESTS;
    Internal = "internal", "Something went wrong", INTERNAL_SERVER_ERROR;
    Unavailable = "unavailable", "Temporarily not available", SERVICE_UNAVAILABLE;
}

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
    fn new(kind: ProblemKind) -> Self {
        Self {
            kind: format!("#{}", kind.name()),
            title: kind.title(),
            status: kind.status().as_u16(),
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
        Self::new(ProblemKind::BadRequest).because(detail)
    }

    /// The body cannot be taken.
    pub(crate) fn body(fault: FormFault) -> Self {
        match fault {
            FormFault::MediaType => Self::media_type("application/json"),
            FormFault::TooLarge => Self::new(ProblemKind::TooLarge),
            FormFault::TooSlow => Self::new(ProblemKind::TooSlow),
            FormFault::Unreadable => Self::request("the body cannot be read"),
        }
    }

    /// The body has another media type.
    pub(crate) fn media_type(expected: &str) -> Self {
        Self::new(ProblemKind::MediaType).because(format!("expected {expected}"))
    }

    /// A change without `If-Match` where one is needed, or with one that is not a version.
    pub(crate) fn precondition(detail: &str) -> Self {
        Self::new(ProblemKind::Precondition).because(detail)
    }

    /// A token that is missing or does not open the API; the code of RFC 6750 is the name.
    fn token(error: &OAuthError) -> Self {
        let problem = Self::new(ProblemKind::Unauthorized);
        if error.error.is_empty() {
            return problem;
        }
        Self {
            kind: format!("#{}", error.error),
            status: error.status,
            ..problem
        }
    }

    /// What the engine refused. Faults of ours are logged under the same number.
    pub(crate) fn of(visit: &Visit, error: &AccountsError) -> Self {
        match error {
            AccountsError::Token(error) => Self::token(error),
            AccountsError::NotFound(what) => {
                Self::new(ProblemKind::NotFound).because(format!("there is no such {what}"))
            }
            AccountsError::Taken { attribute } => {
                let problem = Self::new(ProblemKind::Taken);
                match attribute {
                    Some(attribute) => problem.at(format!("attributes.{attribute}")),
                    None => problem.at("name"),
                }
            }
            AccountsError::Stale => Self::new(ProblemKind::Stale),
            AccountsError::Invalid { field, problem } => {
                Self::new(ProblemKind::Invalid).at(field).because(problem)
            }
            AccountsError::Password(rules) => {
                let mut problem = Self::new(ProblemKind::Password).at("password");
                problem.rules.clone_from(rules);
                problem
            }
            AccountsError::Engine(fault) => Self::fault(visit, fault),
        }
    }

    fn fault(visit: &Visit, fault: &EngineFault) -> Self {
        let id = visit.web.error_id();
        log_fault(&id, visit.realm.id(), fault);
        let mut problem = Self::new(match fault.fault() {
            Fault::Client => ProblemKind::TooMany,
            Fault::Upstream => ProblemKind::Unavailable,
            Fault::Internal => ProblemKind::Internal,
        });
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
