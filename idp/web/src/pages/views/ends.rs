//! Pages at the end of a login or of a session.

use serde::Serialize;

use super::{Failure, Form};

/// A link back to an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackLink {
    /// Name of the application.
    pub name: String,
    /// Where it lives.
    pub href: String,
}

/// Whether to log out (KC-LO-01).
#[derive(Clone, Debug, Serialize)]
pub struct LogoutView {
    /// Where the answer goes: `answer` is `yes` or `no`.
    pub form: Form,
    /// Name of the application that asks.
    pub application: Option<String>,
    /// Always none.
    pub failure: Option<Failure>,
}

/// The end of a logout.
#[derive(Clone, Debug, Serialize)]
pub struct LoggedOutView {
    /// Whether the session has ended; false when the person stays.
    pub ended: bool,
    /// The application that asked, where it has an address.
    pub back: Option<BackLink>,
    /// Always none.
    pub failure: Option<Failure>,
}

/// A flow or an application's rules refuse the person (APP-12).
#[derive(Clone, Debug, Serialize)]
pub struct DeniedView {
    /// Number that the log has as well.
    pub id: String,
    /// The author's message, in the person's language.
    pub message: Option<String>,
    /// Name of the application.
    pub application: Option<String>,
    /// The application, where it has an address.
    pub back: Option<BackLink>,
    /// Always none.
    pub failure: Option<Failure>,
}

/// The answer to the application as a form that sends itself, or is sent by its button.
#[derive(Clone, Debug, Serialize)]
pub struct FormPostView {
    /// The application's address and the parameters.
    pub form: Form,
    /// Name of the application.
    pub application: String,
    /// [`crate::pages::SUBMIT_SCRIPT`].
    pub script: &'static str,
    /// Always none.
    pub failure: Option<Failure>,
}
