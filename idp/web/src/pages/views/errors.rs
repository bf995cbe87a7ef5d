//! Error pages.

use http::StatusCode;
use serde::{Serialize, Serializer};

use super::{BackLink, Failure};

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No such client, or it is switched off.
    UnknownClient,
    /// The redirect address is not registered (KC-AZ-10, OIDC-13).
    Redirect,
    /// The request makes no sense and cannot be answered to the application.
    Request,
    /// The login has ended, or is another browser's.
    LoginGone,
    /// Nothing is here.
    NotFound,
    /// Another method is needed.
    Method,
    /// The body or the header is too large.
    TooLarge,
    /// The form is not ours, or the browser keeps no cookies.
    ForeignForm,
    /// Too many failures from this address.
    TooManyAttempts,
    /// The password queue is full.
    Busy,
    /// The database or another part cannot be reached.
    Unavailable,
    /// A mistake of ours.
    Internal,
    /// The return address of a logout is not registered (OIDC-30).
    LogoutReturn,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::UnknownClient,
        Self::Redirect,
        Self::Request,
        Self::LoginGone,
        Self::NotFound,
        Self::Method,
        Self::TooLarge,
        Self::ForeignForm,
        Self::TooManyAttempts,
        Self::Busy,
        Self::Unavailable,
        Self::Internal,
        Self::LogoutReturn,
    ];

    /// Key of the sentence; with `-title` behind it, of the heading. Also the name in the log.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::UnknownClient => "error-unknown-client",
            Self::Redirect => "error-redirect",
            Self::Request => "error-request",
            Self::LoginGone => "error-login-gone",
            Self::NotFound => "error-not-found",
            Self::Method => "error-method",
            Self::TooLarge => "error-too-large",
            Self::ForeignForm => "error-foreign-form",
            Self::TooManyAttempts => "error-too-many",
            Self::Busy => "error-busy",
            Self::Unavailable => "error-unavailable",
            Self::Internal => "error-internal",
            Self::LogoutReturn => "error-logout-return",
        }
    }

    /// Status of the answer, RFC 9110 section 15 and RFC 6585 section 4.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::UnknownClient
            | Self::Redirect
            | Self::Request
            | Self::LoginGone
            | Self::LogoutReturn => StatusCode::BAD_REQUEST,
            Self::ForeignForm => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Something went wrong.
#[derive(Clone, Debug)]
pub struct ErrorView {
    /// What.
    pub kind: ErrorKind,
    /// Number that the log has as well.
    pub id: String,
    /// Where the login begins again.
    pub again_href: Option<String>,
    /// The application, where it has an address.
    pub back: Option<BackLink>,
}

impl ErrorView {
    /// An error without a way on.
    #[must_use]
    pub fn new(kind: ErrorKind, id: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.into(),
            again_href: None,
            back: None,
        }
    }
}

impl Serialize for ErrorView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            title: String,
            text: &'static str,
            id: &'a str,
            again_href: Option<&'a str>,
            back: Option<&'a BackLink>,
            failure: Option<Failure>,
        }
        Fields {
            title: format!("{}-title", self.kind.key()),
            text: self.kind.key(),
            id: &self.id,
            again_href: self.again_href.as_deref(),
            back: self.back.as_ref(),
            failure: None,
        }
        .serialize(serializer)
    }
}
