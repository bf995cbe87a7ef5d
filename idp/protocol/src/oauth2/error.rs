//! Errors as OAuth says them, and what HTTP sends for them.

use serde::Serialize;

use crate::Fault;
use crate::client_authentication::ClientAuthenticationError;
use crate::parameters::ParametersFault;

macro_rules! codes {
    ($($name:ident = $text:literal,)*) => {
        /// Registered error codes (RFC 6749, OpenID Connect Core 1.0 section 3.1.2.6, RFC 6750,
        /// RFC 8707).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each is the registered code of its name")]
        pub enum ErrorCode {
            $($name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The registered text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    InvalidRequest = "invalid_request",
    InvalidClient = "invalid_client",
    InvalidGrant = "invalid_grant",
    UnauthorizedClient = "unauthorized_client",
    UnsupportedGrantType = "unsupported_grant_type",
    UnsupportedResponseType = "unsupported_response_type",
    InvalidScope = "invalid_scope",
    InvalidTarget = "invalid_target",
    InvalidToken = "invalid_token",
    InsufficientScope = "insufficient_scope",
    AccessDenied = "access_denied",
    LoginRequired = "login_required",
    ConsentRequired = "consent_required",
    RequestNotSupported = "request_not_supported",
    RequestUriNotSupported = "request_uri_not_supported",
    RegistrationNotSupported = "registration_not_supported",
    ServerError = "server_error",
    TemporarilyUnavailable = "temporarily_unavailable",
}

impl ErrorCode {
    /// Whose fault it is.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::ServerError => Fault::Internal,
            Self::TemporarilyUnavailable => Fault::Upstream,
            _ => Fault::Client,
        }
    }

    /// The status of a JSON answer with this code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }
}

/// An error of an endpoint that answers in JSON: token, introspection, revocation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", .code.as_str())]
pub struct EndpointError {
    /// What applications branch on.
    pub code: ErrorCode,
    /// For whoever reads the application's log: no personal data, no secrets.
    pub description: String,
}

impl EndpointError {
    /// An error with a description.
    pub fn new(code: ErrorCode, description: impl Into<String>) -> Self {
        Self {
            code,
            description: description.into(),
        }
    }

    /// `invalid_client`: one answer for an unknown client, a wrong secret and a wrong method.
    #[must_use]
    pub fn invalid_client() -> Self {
        Self::new(ErrorCode::InvalidClient, "client authentication failed")
    }

    /// `invalid_grant`: one answer for a code or refresh token that is unknown, used, expired or
    /// of another client.
    #[must_use]
    pub fn invalid_grant() -> Self {
        Self::new(
            ErrorCode::InvalidGrant,
            "the grant is invalid, expired or revoked",
        )
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.code.fault()
    }

    /// What HTTP sends (RFC 6749 section 5.2). Never cached.
    #[must_use]
    pub fn answer(&self, issuer: &str) -> ErrorAnswer {
        ErrorAnswer {
            status: self.code.status(),
            www_authenticate: (self.code == ErrorCode::InvalidClient)
                .then(|| format!("Basic realm=\"{issuer}\", charset=\"UTF-8\"")),
            retry_after: (self.code == ErrorCode::TemporarilyUnavailable).then_some(1),
            body: ErrorBody {
                error: self.code.as_str(),
                error_description: descriptive(&self.description),
            },
        }
    }
}

/// What HTTP sends for an error: `Cache-Control: no-store` always belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// HTTP status.
    pub status: u16,
    /// Value of `WWW-Authenticate`.
    pub www_authenticate: Option<String>,
    /// Value of `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// Body, as JSON.
    pub body: ErrorBody,
}

/// The JSON of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// Registered code.
    pub error: &'static str,
    /// Description.
    pub error_description: String,
}

/// RFC 6749 section 5.2 allows printable ASCII without `"` and `\` in a description.
pub(crate) fn descriptive(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '"' | '\\' => '\'',
            ' '..='~' => letter,
            _ => '?',
        })
        .take(256)
        .collect()
}

impl From<ParametersFault> for EndpointError {
    fn from(fault: ParametersFault) -> Self {
        Self::new(ErrorCode::InvalidRequest, fault.to_string())
    }
}

impl From<ClientAuthenticationError> for EndpointError {
    fn from(fault: ClientAuthenticationError) -> Self {
        match fault {
            ClientAuthenticationError::Request(what) => Self::new(ErrorCode::InvalidRequest, what),
            ClientAuthenticationError::Failed => Self::invalid_client(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// KC-TK-11
    #[test]
    fn invalid_client_asks_for_authentication_and_others_do_not() {
        let answer = EndpointError::invalid_client().answer("https://id.example");
        assert_eq!(answer.status, 401);
        assert!(answer.www_authenticate.unwrap().starts_with("Basic realm="));
        let answer = EndpointError::invalid_grant().answer("https://id.example");
        assert_eq!(answer.status, 400);
        assert_eq!(answer.www_authenticate, None);
        assert_eq!(answer.body.error, "invalid_grant");
    }

    #[test]
    fn a_description_has_only_the_letters_that_the_rfc_allows() {
        let error = EndpointError::new(ErrorCode::InvalidRequest, "a \"b\" \\ ä\n");
        assert_eq!(error.answer("x").body.error_description, "a 'b' ' ??");
    }
}
