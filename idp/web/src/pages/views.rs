//! What each page shows. Values only; the words are in `texts/`, the markup in `templates/`.

mod ends;
mod errors;
mod login;
mod messages;
mod samples;

use minijinja::value::{Serde, Value};
use serde::Serialize;

pub use ends::{BackLink, DeniedView, FormPostView, LoggedOutView, LogoutView};
pub use errors::{ErrorKind, ErrorView};
pub use login::{
    ConsentView, MethodChoiceView, PasswordChangeView, PasswordView, RecoveryCodesView, ScopeView,
    TotpEnrolmentView, TotpView,
};
pub use messages::{
    Failure, MethodLabel, MethodOption, Notice, PasswordChangeReason, RuleState, RuleView,
};

/// A page.
#[derive(Clone, Debug)]
pub enum Page {
    /// Login and password.
    Password(PasswordView),
    /// A code from an authenticator app.
    Totp(TotpView),
    /// Setting up an authenticator app.
    TotpEnrolment(TotpEnrolmentView),
    /// Recovery codes, shown once.
    RecoveryCodes(RecoveryCodesView),
    /// A new password.
    PasswordChange(PasswordChangeView),
    /// What an application asks for.
    Consent(ConsentView),
    /// Several methods to choose from.
    MethodChoice(MethodChoiceView),
    /// Whether to log out.
    Logout(LogoutView),
    /// The session has ended.
    LoggedOut(LoggedOutView),
    /// A flow or an application's rules refuse the person.
    Denied(DeniedView),
    /// Something went wrong.
    Error(ErrorView),
    /// The answer to the application as a form, OAuth 2.0 Form Post Response Mode.
    FormPost(FormPostView),
}

impl Page {
    pub(crate) const fn template(&self) -> &'static str {
        match self {
            Self::Password(_) => "password.html",
            Self::Totp(_) => "totp.html",
            Self::TotpEnrolment(_) => "totp_enrolment.html",
            Self::RecoveryCodes(_) => "recovery_codes.html",
            Self::PasswordChange(_) => "password_change.html",
            Self::Consent(_) => "consent.html",
            Self::MethodChoice(_) => "method_choice.html",
            Self::Logout(_) => "logout.html",
            Self::LoggedOut(_) => "logged_out.html",
            Self::Denied(_) => "denied.html",
            Self::Error(_) => "error.html",
            Self::FormPost(_) => "form_post.html",
        }
    }

    pub(crate) fn view(&self) -> Value {
        match self {
            Self::Password(view) => Value::from(Serde(view)),
            Self::Totp(view) => Value::from(Serde(view)),
            Self::TotpEnrolment(view) => Value::from(Serde(view)),
            Self::RecoveryCodes(view) => Value::from(Serde(view)),
            Self::PasswordChange(view) => Value::from(Serde(view)),
            Self::Consent(view) => Value::from(Serde(view)),
            Self::MethodChoice(view) => Value::from(Serde(view)),
            Self::Logout(view) => Value::from(Serde(view)),
            Self::LoggedOut(view) => Value::from(Serde(view)),
            Self::Denied(view) => Value::from(Serde(view)),
            Self::Error(view) => Value::from(Serde(view)),
            Self::FormPost(view) => Value::from(Serde(view)),
        }
    }
}

/// A text that only the page may show: a seed, a recovery code, a sealed request. `Debug` hides
/// it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Shown(String);

impl Shown {
    /// Wraps a text for one page.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Where a form goes and what it carries beside the answer.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Form {
    /// Address.
    pub action: String,
    /// Hidden fields.
    pub hidden: Vec<HiddenField>,
}

impl Form {
    /// A form to `action` without hidden fields.
    pub fn to(action: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            hidden: Vec::new(),
        }
    }

    /// With a hidden field.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.hidden.push(HiddenField {
            name: name.into(),
            value: Shown::new(value),
        });
        self
    }
}

/// A hidden field.
#[derive(Clone, Debug, Serialize)]
pub struct HiddenField {
    /// Name.
    pub name: String,
    /// Value.
    pub value: Shown,
}
