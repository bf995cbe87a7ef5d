//! What goes in and out of the use cases: plain values that the web crate maps to HTTP.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use realmwright_protocol::oauth2::EndpointError;
use realmwright_snapshot::{ClientId, Locale, MethodName, ResponseMode, ScopeName};
use realmwright_store::{LoginId, StoreError};
use secrecy::SecretString;
use url::Url;

use crate::runtime_realm::RuntimeRealm;

/// What every use case knows about its request. The realm is loaded once and used to the end.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The realm, as it is served at the start of the request.
    pub realm: Arc<RuntimeRealm>,
    /// Address of the person or application, after declared proxies.
    pub address: Option<IpAddr>,
    /// Language of the answer, already chosen among the realm's by what the person, the
    /// application (`ui_locales`) and the browser wish.
    pub locale: Locale,
    /// `User-Agent`, cut to 256 characters by the caller.
    pub user_agent: Option<String>,
}

/// Values of our cookies, as the browser sent them.
#[derive(Clone, Debug, Default)]
pub struct Cookies {
    /// Single sign-on session.
    pub session: Option<SecretString>,
    /// Binds logins under way to this browser; common to all its tabs.
    pub login: Option<SecretString>,
}

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CookiePurpose {
    /// See [`Cookies::session`].
    Session,
    /// See [`Cookies::login`].
    Login,
}

/// A cookie to set or to remove.
#[derive(Clone, Debug)]
pub enum CookieChange {
    /// Set it.
    Set {
        /// Which.
        purpose: CookiePurpose,
        /// Its value: letters, digits, `-`, `_` and `.` only.
        value: SecretString,
        /// `Max-Age`.
        max_age: Duration,
    },
    /// Remove it.
    Remove(CookiePurpose),
}

/// An answer to a browser: what to do, and cookies to set whatever it is.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What to do.
    pub step: Step,
    /// Cookies.
    pub cookies: Vec<CookieChange>,
}

impl Reply {
    /// An answer that touches no cookie.
    #[must_use]
    pub const fn new(step: Step) -> Self {
        Self {
            step,
            cookies: Vec::new(),
        }
    }
}

/// What a browser gets.
#[derive(Clone, Debug)]
pub enum Step {
    /// A page of the login.
    Page(Box<LoginPage>),
    /// 303 to `/login/{id}`, where the current step is shown.
    Continue(LoginId),
    /// A response to the application.
    Respond(ClientResponse),
    /// A page of ours that ends here. Never a redirect.
    Error(Box<ErrorPage>),
    /// Ask whether to log out.
    ConfirmLogout(Box<LogoutPage>),
    /// The logout is done.
    LoggedOut(Box<LoggedOutPage>),
}

/// A response to the application, by its redirect address.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientResponse {
    /// The registered address, without the parameters.
    pub redirect_uri: Url,
    /// How the parameters travel.
    pub mode: ResponseMode,
    /// The parameters, in order: `code`, `state`, `iss`, `error`, ...
    pub parameters: Vec<(String, String)>,
}

impl fmt::Debug for ClientResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientResponse")
            .field("redirect_uri", &self.redirect_uri.as_str())
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl ClientResponse {
    /// What `form-action` must name so that the browser follows the response (design, section 8).
    #[must_use]
    pub fn form_action(&self) -> String {
        crate::login::form_action(&self.redirect_uri)
    }
}

/// What pages say about an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientView {
    /// Identifier.
    pub id: ClientId,
    /// Name in the language of the page; the identifier when it has none.
    pub name: String,
    /// Where it lives.
    pub url: Option<Url>,
    /// Where a login begins anew.
    pub start_url: Option<Url>,
}

/// What pages say about a person who is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonView {
    /// Name.
    pub name: Option<String>,
    /// Second line, usually masked.
    pub identifier: Option<String>,
}

/// Where a login page posts to, and what it sends along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormTarget {
    /// The first page: POST `/login` with the sealed request. Nothing is stored yet.
    Sealed(String),
    /// POST `/login/{id}` with the step's version.
    Login {
        /// The login.
        id: LoginId,
        /// Version of the step.
        version: i64,
    },
}

/// A page of the login.
#[derive(Clone, Debug)]
pub struct LoginPage {
    /// For which application.
    pub client: ClientView,
    /// The person, once identified by a passed factor or a session.
    pub person: Option<PersonView>,
    /// Where it posts to.
    pub target: FormTarget,
    /// What is asked.
    pub view: StepView,
    /// What went wrong or is good to know.
    pub notice: Option<Notice>,
    /// Whether the person may choose another method instead: [`Answer::OtherWay`].
    pub other_ways: bool,
    /// Origin of the redirect address: `form-action` must name it beside `'self'`. For a custom
    /// scheme, the scheme and a colon.
    pub form_action: String,
    /// When the login ends.
    pub expires_at: Timestamp,
}

/// A method that may be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodView {
    /// Name.
    pub method: MethodName,
    /// `password`, `totp`, ...: for the page's own text and icon.
    pub kind: &'static str,
    /// Label of the author, when there is one.
    pub label: Option<String>,
}

/// What a page asks.
#[derive(Clone, Debug)]
pub enum StepView {
    /// Which method: all that the person may use here, in the order of the flow.
    Choice {
        /// At least two.
        methods: Vec<MethodView>,
    },
    /// Login and password.
    Password {
        /// The method.
        method: MethodName,
        /// Prefilled login: from `login_hint` or what was typed before.
        login: Option<String>,
        /// Whether the person is known already and only the password is asked.
        known: bool,
    },
    /// A one-time password.
    Totp {
        /// The method.
        method: MethodName,
        /// Digits.
        digits: u32,
        /// Whether a recovery code may be typed instead.
        recovery: bool,
    },
    /// Set up a generator.
    EnrolTotp {
        /// The method.
        method: MethodName,
        /// `otpauth://` address for a QR code.
        uri: SecretString,
        /// The seed in base32, for typing.
        seed: SecretString,
        /// Digits.
        digits: u32,
    },
    /// Recovery codes, shown this once.
    RecoveryCodes {
        /// The codes.
        codes: Vec<SecretString>,
    },
    /// A new password.
    NewPassword {
        /// Why.
        reason: NewPasswordReason,
        /// What it must satisfy.
        rules: Vec<PasswordRule>,
        /// Rules that the one just typed broke.
        broken: Vec<PasswordRule>,
        /// Whether it may be left for later.
        skippable: bool,
        /// Whether the current one must be typed as well.
        ask_current: bool,
    },
    /// Release of data to the application.
    Consent {
        /// What it asks for anew; empty where it asks again for what it has.
        scopes: Vec<ConsentScope>,
        /// What was consented to before.
        granted: Vec<ConsentScope>,
    },
}

/// Why a new password is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewPasswordReason {
    /// Somebody who may has said so.
    MustChange,
    /// It is older than the policy allows (AUTH-PWDPOL-07).
    TooOld,
    /// It does not satisfy the policy (AUTH-PWD-03).
    Policy,
}

/// A rule of the password policy (AUTH-PWDPOL).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PasswordRule {
    /// Fewest characters.
    MinLength(u32),
    /// Most characters.
    MaxLength(u32),
    /// So many of these groups must be present.
    Groups {
        /// How many.
        min: u32,
        /// Names of the groups.
        names: Vec<String>,
    },
    /// Not a password of the dictionary.
    Dictionary,
    /// Must not hold the login.
    NotLogin,
    /// None of the last so many, the present one among them.
    NotFormer(u32),
    /// May not be changed again before.
    TooYoung,
    /// So many characters must differ from the former one.
    Differing(u32),
    /// The repetition is another one.
    Repetition,
    /// The current one was typed wrongly.
    Current,
}

/// A scope on the consent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentScope {
    /// Scope token.
    pub scope: ScopeName,
    /// Short name.
    pub name: String,
    /// Sentence.
    pub text: Option<String>,
}

/// What went wrong or is good to know. The page has a text for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Login or password wrong; also when nobody is there, is locked, or is barred.
    WrongPassword,
    /// The code is wrong, was used before, or the method is barred.
    WrongCode,
    /// The page was not the current step: this one is.
    StaleStep,
    /// A method is no longer there: the login began anew.
    Restarted,
    /// The login took too long: it began anew.
    Expired,
    /// Cookies do not come back, so that the login cannot go on.
    NoCookies,
    /// The new password was refused; the broken rules are listed.
    NewPasswordRefused,
}

/// What a person answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Login and password; the login is ignored once the person is known.
    Password {
        /// As typed.
        login: String,
        /// As typed.
        password: SecretString,
    },
    /// A one-time password, for login or to confirm an enrolment.
    Code(SecretString),
    /// A recovery code.
    RecoveryCode(SecretString),
    /// The recovery codes were written down.
    RecoveryCodesSeen,
    /// A new password.
    NewPassword {
        /// The current one, where the page asks for it.
        current: Option<SecretString>,
        /// As typed.
        password: SecretString,
        /// As typed again.
        repeated: SecretString,
    },
    /// Leave the new password for later.
    SkipNewPassword,
    /// Release the data asked for.
    Consent,
    /// Do not release it.
    RefuseConsent,
    /// See which other methods there are.
    OtherWay,
    /// Use this method.
    Choose(MethodName),
    /// Give up: the application gets `access_denied`.
    Cancel,
}

/// A page of ours that ends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorPage {
    /// What kind.
    pub kind: ErrorKind,
    /// Message of a flow's author, in the language of the page.
    pub message: Option<String>,
    /// The application, when it is known.
    pub client: Option<ClientView>,
    /// A word for the log and the page's small print, without personal data: the OAuth error or
    /// the rule.
    pub detail: Option<String>,
    /// What a denial is recorded under; the page of another kind makes a number of its own.
    pub error_id: Option<String>,
}

impl ErrorPage {
    /// A page of this kind and nothing more.
    #[must_use]
    pub const fn new(kind: ErrorKind) -> Self {
        Self {
            kind,
            message: None,
            client: None,
            detail: None,
            error_id: None,
        }
    }
}

/// Kinds of error pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No such application, or not one of this protocol. 400.
    UnknownClient,
    /// The redirect address is not registered (OIDC-13). 400.
    RedirectUri,
    /// The request cannot be read. 400.
    BadRequest,
    /// The login is not there: expired, finished, or of another browser. 400.
    LoginGone,
    /// Denied by a flow or an access rule. 403.
    Denied,
    /// The return address of a logout is not registered (OIDC-30). 400.
    LogoutRedirectUri,
}

/// The page that asks whether to log out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutPage {
    /// The application that asks, when known.
    pub client: Option<ClientView>,
    /// Who is logged in.
    pub person: Option<PersonView>,
    /// To post back to `/oauth2/logout` as `sealed`, with `answer` `yes` or `no`.
    pub sealed: String,
    /// Origin of the return address, when there is one, as in [`LoginPage::form_action`].
    pub form_action: Option<String>,
}

/// The page after a logout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedOutPage {
    /// The application that asked, when known.
    pub client: Option<ClientView>,
    /// Where to go on: redirect at once when there is one.
    pub return_to: Option<Url>,
    /// Whether a session was ended; false when the person declined.
    pub ended: bool,
}

/// Why a use case has no answer. Everything a caller or a person did wrong is an answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineFault {
    /// The database does not answer. 503.
    #[error("the store does not answer")]
    Store(#[from] StoreError),
    /// This process does not serve the configuration that the login needs yet. 503.
    #[error("the configuration of this process is behind the login")]
    Behind {
        /// `Retry-After`.
        retry_after: Duration,
    },
    /// The password queue is full. 503.
    #[error("the password queue is full")]
    Busy {
        /// `Retry-After`.
        retry_after: Duration,
    },
    /// Too many failed logins from one address. 429.
    #[error("too many attempts from this address")]
    TooManyAttempts {
        /// `Retry-After`.
        retry_after: Duration,
    },
    /// A defect, or configuration that cannot be served.
    #[error("internal: {0}")]
    Internal(String),
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller's.
    Client,
    /// Of something behind us; to be tried again.
    Upstream,
    /// Ours.
    Internal,
}

impl EngineFault {
    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::TooManyAttempts { .. } => Fault::Client,
            Self::Store(StoreError::Unavailable(_)) | Self::Behind { .. } | Self::Busy { .. } => {
                Fault::Upstream
            }
            Self::Store(_) | Self::Internal(_) => Fault::Internal,
        }
    }

    /// What `Retry-After` says, where trying again helps.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Behind { retry_after }
            | Self::Busy { retry_after }
            | Self::TooManyAttempts { retry_after } => Some(*retry_after),
            Self::Store(StoreError::Unavailable(_)) => Some(Duration::from_secs(2)),
            Self::Store(_) | Self::Internal(_) => None,
        }
    }

    pub(crate) fn internal(detail: impl fmt::Display) -> Self {
        Self::Internal(detail.to_string())
    }
}

/// A call of an endpoint that applications use without a browser.
#[derive(Clone, Copy)]
pub struct BackChannelCall<'a> {
    /// The form body, as it came.
    pub form: &'a str,
    /// The `Authorization` header, as it came.
    pub authorization: Option<&'a str>,
}

impl fmt::Debug for BackChannelCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackChannelCall").finish_non_exhaustive()
    }
}

/// An answer to an application: JSON that must not be cached.
#[derive(Clone, PartialEq)]
pub struct JsonAnswer {
    /// The body; null for an empty one.
    pub body: serde_json::Value,
    /// Who asked, once authenticated: its `webOrigins` decide on CORS, see
    /// [`RuntimeRealm::allows_origin`].
    pub client: Option<ClientId>,
}

impl fmt::Debug for JsonAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonAnswer")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// An error to an application, RFC 6749 section 5.2 and RFC 6750 section 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    /// HTTP status.
    pub status: u16,
    /// The registered code; empty for a bare 401.
    pub error: &'static str,
    /// For developers, without personal data.
    pub description: Option<String>,
    /// `WWW-Authenticate`, with 401 and 403.
    pub challenge: Option<String>,
    /// As in [`JsonAnswer`].
    pub client: Option<ClientId>,
}

/// Why a back-channel call has no JSON answer.
#[derive(Debug, thiserror::Error)]
pub enum CallFault {
    /// The application did something wrong.
    #[error("refused: {}", .0.error)]
    OAuth(OAuthError),
    /// We cannot answer now.
    #[error("no answer")]
    Engine(#[from] EngineFault),
}

impl OAuthError {
    /// The wire form of an error that the protocol crate names.
    pub(crate) fn of(error: &EndpointError, issuer: &str) -> Self {
        let answer = error.answer(issuer);
        Self {
            status: answer.status,
            error: answer.body.error,
            description: Some(answer.body.error_description),
            challenge: answer.www_authenticate,
            client: None,
        }
    }
}

impl From<StoreError> for CallFault {
    fn from(error: StoreError) -> Self {
        Self::Engine(EngineFault::Store(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// design.md section 8: secrets are redacted by type.
    #[test]
    fn what_carries_codes_tokens_and_secrets_prints_none_of_them() {
        let response = ClientResponse {
            redirect_uri: Url::parse("https://app.example.com/callback").unwrap(),
            mode: ResponseMode::Query,
            parameters: vec![("code".to_owned(), "planted".to_owned())],
        };
        let answer = JsonAnswer {
            body: serde_json::json!({"access_token": "planted"}),
            client: None,
        };
        let call = BackChannelCall {
            form: "client_secret=planted",
            authorization: Some("Basic planted"),
        };
        let codes = StepView::RecoveryCodes {
            codes: vec!["planted".to_owned().into()],
        };
        let enrolment = StepView::EnrolTotp {
            method: "totp".into(),
            uri: "otpauth://totp/x?secret=planted".to_owned().into(),
            seed: "planted".to_owned().into(),
            digits: 6,
        };
        let printed = format!("{response:?} {answer:?} {call:?} {codes:?} {enrolment:?}");
        assert!(!printed.contains("planted"), "{printed}");
        assert!(printed.contains("app.example.com"));
    }
}
