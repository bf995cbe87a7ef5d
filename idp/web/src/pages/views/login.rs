//! Steps of a login.

use serde::Serialize;

use super::{Failure, Form, MethodOption, Notice, PasswordChangeReason, RuleView, Shown};
use crate::pages::QrCode;

/// Login and password (AUTH-PWD).
#[derive(Clone, Debug, Serialize)]
pub struct PasswordView {
    /// Where the answer goes: `login`, `password`.
    pub form: Form,
    /// Name of the application.
    pub application: Option<String>,
    /// What was typed before, or `login_hint` (KC-AZ-05).
    pub login: String,
    /// Whether the person is known, so that only the password is asked for.
    pub known: bool,
    /// See [`Notice`].
    pub notice: Option<Notice>,
    /// See [`Failure`].
    pub failure: Option<Failure>,
    /// Whether another method may be chosen: `decision`, `other-way`.
    pub other_ways: bool,
}

/// A code from an authenticator app (AUTH-TOTP).
#[derive(Clone, Debug, Serialize)]
pub struct TotpView {
    /// Where the answer goes: `code` or `recovery_code`.
    pub form: Form,
    /// How many digits the code has.
    pub digits: u32,
    /// Whether a recovery code is accepted as well.
    pub recovery: bool,
    /// See [`Notice`].
    pub notice: Option<Notice>,
    /// See [`Failure`].
    pub failure: Option<Failure>,
    /// Whether another method may be chosen: `decision`, `other-way`.
    pub other_ways: bool,
}

/// Setting up an authenticator app.
#[derive(Clone, Debug, Serialize)]
pub struct TotpEnrolmentView {
    /// Where the answer goes: `code`.
    pub form: Form,
    /// The address as a picture.
    pub qr: QrCode,
    /// `otpauth:` address.
    pub uri: Shown,
    /// The key in base32, in groups of four.
    pub secret: Shown,
    /// Name of the account in the app.
    pub account: String,
    /// How many digits the code has.
    pub digits: u32,
    /// See [`Notice`].
    pub notice: Option<Notice>,
    /// See [`Failure`].
    pub failure: Option<Failure>,
    /// Whether another method may be chosen: `decision`, `other-way`.
    pub other_ways: bool,
}

/// Recovery codes, shown once.
#[derive(Clone, Debug, Serialize)]
pub struct RecoveryCodesView {
    /// Where the answer goes: `saved`.
    pub form: Form,
    /// The codes.
    pub codes: Vec<Shown>,
    /// See [`Notice`].
    pub notice: Option<Notice>,
    /// See [`Failure`].
    pub failure: Option<Failure>,
}

/// A new password (AUTH-PWDPOL).
#[derive(Clone, Debug, Serialize)]
pub struct PasswordChangeView {
    /// Where the answer goes: `current_password`, `new_password`, `new_password_again`, or `skip`.
    pub form: Form,
    /// Why.
    pub reason: PasswordChangeReason,
    /// Login of the person, for the browser's password store.
    pub login: String,
    /// Whether the current password is asked for.
    pub ask_current: bool,
    /// Whether people may go on without a change (AUTH-PWD-03).
    pub can_skip: bool,
    /// All rules, with what the last try violated.
    pub rules: Vec<RuleView>,
    /// See [`Notice`].
    pub notice: Option<Notice>,
    /// See [`Failure`].
    pub failure: Option<Failure>,
}

/// What an application asks for (KC-CONS-01).
#[derive(Clone, Debug, Serialize)]
pub struct ConsentView {
    /// Where the answer goes: `decision`, `allow` or `deny`.
    pub form: Form,
    /// Name of the application.
    pub application: String,
    /// Name of the person.
    pub person: Option<String>,
    /// Scopes that it asks for now.
    pub new: Vec<ScopeView>,
    /// Scopes that it has got already.
    pub granted: Vec<ScopeView>,
    /// See [`Notice`].
    pub notice: Option<Notice>,
    /// Always none; every page has the field, because the title speaks of it.
    pub failure: Option<Failure>,
}

/// A scope on the consent page (OIDC-57).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScopeView {
    /// Short name.
    pub name: String,
    /// Sentence about it.
    pub text: Option<String>,
}

/// Several methods to choose from.
#[derive(Clone, Debug, Serialize)]
pub struct MethodChoiceView {
    /// Where the answer goes: `method`.
    pub form: Form,
    /// Name of the application.
    pub application: Option<String>,
    /// The methods.
    pub methods: Vec<MethodOption>,
    /// See [`Notice`].
    pub notice: Option<Notice>,
    /// See [`Failure`].
    pub failure: Option<Failure>,
}
