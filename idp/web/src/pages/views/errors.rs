//! Error pages.

use http::StatusCode;
use serde::{Serialize, Serializer};

use super::{BackLink, Failure};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $key:literal, $status:ident;)*) => {
        /// What went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorKind {
            $($(#[$doc])* $name,)*
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Key of the sentence; with `-title` behind it, of the heading. Also the name in the
            /// log.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$name => $key,)*
                }
            }

            /// Status of the answer, RFC 9110 section 15 and RFC 6585 section 4.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                }
            }
        }
    };
}

kinds! {
    /// No such client, or it is switched off.
    UnknownClient = "error-unknown-client", BAD_REQUEST;
    /// The redirect address is not registered (KC-AZ-10, OIDC-13).
    Redirect = "error-redirect", BAD_REQUEST;
    /// The request makes no sense and cannot be answered to the application.
    Request = "error-request", BAD_REQUEST;
    /// The login has ended, or is another browser's.
    LoginGone = "error-login-gone", BAD_REQUEST;
    /// Nothing is here.
    NotFound = "error-not-found", NOT_FOUND;
    /// Another method is needed.
    Method = "error-method", METHOD_NOT_ALLOWED;
    /// The body or the header is too large.
    TooLarge = "error-too-large", PAYLOAD_TOO_LARGE;
    /// The body came too slowly.
    TooSlow = "error-too-slow", REQUEST_TIMEOUT;
    /// The form is not ours, or the browser keeps no cookies.
    ForeignForm = "error-foreign-form", FORBIDDEN;
    /// Too many failures from this address.
    TooManyAttempts = "error-too-many", TOO_MANY_REQUESTS;
    /// The password queue is full.
    Busy = "error-busy", SERVICE_UNAVAILABLE;
    /// The database or another part cannot be reached.
    Unavailable = "error-unavailable", SERVICE_UNAVAILABLE;
    /// A mistake of ours.
    Internal = "error-internal", INTERNAL_SERVER_ERROR;
    /// The return address of a logout is not registered (OIDC-30).
    LogoutReturn = "error-logout-return", BAD_REQUEST;
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
