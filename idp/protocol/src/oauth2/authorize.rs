//! Authorization requests: RFC 6749 section 4.1.1, OpenID Connect Core 1.0 section 3.1.2.1,
//! RFC 7636, RFC 8707. Not here: request objects (RFC 9101), pushed requests (RFC 9126), the
//! `claims` parameter (ignored, as discovery says), response types other than `code`.
//!
//! The order is the safety: client, then redirect address; a fault there is a page and never a
//! redirect (KC-AZ-01, OIDC-13). Every later fault goes to the application.

use std::fmt;

use realmwright_snapshot::{
    ClientAuthentication, ClientId, GrantType, Locale, OidcClient, Pkce, RESPONSE_PARAMETERS,
    ResponseMode, ResponseType, ScopeName,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::error::ErrorCode;
use super::pkce::CodeChallenge;
use super::response::ResponseTarget;
use super::scope::parse_scope;
use crate::redirect::{RedirectFault, RedirectUri, Registered};
use crate::{Fault, Parameters};

const MAX_CLIENT_ID: usize = 256;
const MAX_STATE: usize = 4 * 1024;
const MAX_NONCE: usize = 1024;
const MAX_HINT: usize = 512;
const MAX_LIST: usize = 16;
/// Ten years: a larger `max_age` says nothing.
const MAX_MAX_AGE: u64 = 10 * 366 * 24 * 3600;

/// A validated request. It travels sealed until the first submission, so it has a stable form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The application.
    pub client_id: ClientId,
    /// Where the response goes.
    pub target: ResponseTarget,
    /// `redirect_uri` as the request named it: it must come again with the code (RFC 6749
    /// section 4.1.3). None when the default address was used.
    pub redirect_uri: Option<String>,
    /// What is asked for.
    pub response_type: ResponseType,
    /// Scopes as asked for; empty when the request named none (OIDC-15).
    pub scope: Vec<ScopeName>,
    /// For the id token.
    pub nonce: Option<String>,
    /// Which interactions are wanted or forbidden.
    pub prompt: Prompt,
    /// Seconds after which a former authentication does not count any more (KC-AZ-04).
    pub max_age: Option<u64>,
    /// Prefills the login (KC-AZ-05).
    pub login_hint: Option<String>,
    /// Who is expected to be logged in; unverified.
    pub id_token_hint: Option<String>,
    /// Languages, most wanted first.
    pub ui_locales: Vec<Locale>,
    /// Authentication context classes, most wanted first.
    pub acr_values: Vec<String>,
    /// RFC 7636.
    pub code_challenge: Option<CodeChallenge>,
    /// RFC 8707.
    pub resource: Vec<String>,
}

impl fmt::Debug for AuthorizationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationRequest")
            .field("client_id", &self.client_id)
            .field("target", &self.target)
            .field("scope", &self.scope)
            .field("prompt", &self.prompt)
            .finish_non_exhaustive()
    }
}

/// `prompt`, OpenID Connect Core 1.0 section 3.1.2.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prompt {
    /// Whatever is needed.
    #[default]
    Unspecified,
    /// `none`: no page at all (KC-AZ-02, INT-OIDC-04).
    Silent,
    /// These at least.
    Interactive(Interactions),
}

/// Interactions that a request insists on; one at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interactions {
    /// Authenticate again (KC-AZ-03).
    pub login: bool,
    /// Ask for consent again.
    pub consent: bool,
    /// Choose an account (INT-OIDC-05).
    pub select_account: bool,
}

impl Prompt {
    /// Whether nothing may be shown.
    #[must_use]
    pub const fn forbids_pages(self) -> bool {
        matches!(self, Self::Silent)
    }

    /// What the request insists on.
    #[must_use]
    pub const fn interactions(self) -> Interactions {
        match self {
            Self::Interactive(interactions) => interactions,
            Self::Unspecified | Self::Silent => Interactions {
                login: false,
                consent: false,
                select_account: false,
            },
        }
    }

    /// The registered values, for conditions.
    #[must_use]
    pub fn values(self) -> Vec<&'static str> {
        let asked = self.interactions();
        [
            ("none", self.forbids_pages()),
            ("login", asked.login),
            ("consent", asked.consent),
            ("select_account", asked.select_account),
        ]
        .into_iter()
        .filter_map(|(value, is_asked)| is_asked.then_some(value))
        .collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut asked = Interactions::default();
        let mut silent = false;
        for value in text.split(' ').filter(|value| !value.is_empty()) {
            match value {
                "none" => silent = true,
                "login" => asked.login = true,
                "consent" => asked.consent = true,
                "select_account" => asked.select_account = true,
                _ => return None,
            }
        }
        match (silent, asked == Interactions::default()) {
            (true, true) => Some(Self::Silent),
            (true, false) => None,
            (false, true) => Some(Self::Unspecified),
            (false, false) => Some(Self::Interactive(asked)),
        }
    }
}

/// A fault before the redirect address is known to be the application's: a page, never a
/// redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// `client_id` is missing, repeated or too long.
    #[error("client_id is missing or malformed")]
    ClientId,
    /// No such application, or one that does not speak this protocol.
    #[error("the application is unknown")]
    UnknownClient,
    /// No `redirect_uri` and no default one.
    #[error("redirect_uri is missing")]
    MissingRedirect,
    /// `redirect_uri` is repeated.
    #[error("redirect_uri occurs more than once")]
    RepeatedRedirect,
    /// `redirect_uri` is not the application's.
    #[error("redirect_uri is refused")]
    Redirect(#[source] RedirectFault),
}

impl PageError {
    /// Always the caller's.
    #[must_use]
    pub const fn fault(self) -> Fault {
        Fault::Client
    }
}

/// A fault that the application is told about at its redirect address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", .code.as_str())]
pub struct ResponseError {
    /// Where to.
    pub target: ResponseTarget,
    /// What applications branch on.
    pub code: ErrorCode,
    /// For whoever reads the application's log.
    pub description: String,
}

impl ResponseError {
    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.code.fault()
    }

    /// The parameters of the response.
    #[must_use]
    pub fn parameters(&self, issuer: &str) -> Vec<(String, String)> {
        self.target.error(issuer, self.code, &self.description)
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeError {
    /// With a page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// With a response to the application.
    #[error(transparent)]
    Response(#[from] Box<ResponseError>),
}

impl AuthorizeError {
    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Page(error) => error.fault(),
            Self::Response(error) => error.fault(),
        }
    }
}

/// The application that a request names: the first thing to look at.
///
/// # Errors
/// [`PageError::ClientId`].
pub fn client_id(parameters: &Parameters) -> Result<ClientId, PageError> {
    parameters
        .get("client_id")
        .filter(|id| id.len() <= MAX_CLIENT_ID)
        .map(ClientId::from)
        .ok_or(PageError::ClientId)
}

/// Validates a request of a known application. Whether scopes are granted is not decided here.
///
/// # Errors
/// [`AuthorizeError`]: a page until the redirect address is known to be the application's, a
/// response from then on.
pub fn validate(
    parameters: &Parameters,
    client_id: &ClientId,
    client: &OidcClient,
) -> Result<AuthorizationRequest, AuthorizeError> {
    let (redirect_uri, named) = redirect_uri(parameters, client)?;
    let state = parameters.get("state").map(str::to_owned);
    // A mode that we cannot speak is told about in the one that `code` has by default.
    let asked_mode = parameters.get("response_mode");
    let mode = response_mode(asked_mode);
    let target = ResponseTarget {
        redirect_uri,
        mode: mode.unwrap_or(ResponseMode::Query),
        state,
    };
    validate_for(parameters, client_id, client, named, &target)
        .and_then(|request| match (asked_mode, mode) {
            (Some(_), None) => Err(Refusal(
                ErrorCode::InvalidRequest,
                "response_mode is not supported",
            )),
            _ => Ok(request),
        })
        .map_err(|Refusal(code, description)| {
            AuthorizeError::Response(Box::new(ResponseError {
                target,
                code,
                description: description.to_owned(),
            }))
        })
}

fn redirect_uri(
    parameters: &Parameters,
    client: &OidcClient,
) -> Result<(RedirectUri, Option<String>), PageError> {
    match parameters.get("redirect_uri") {
        Some(text) => Registered {
            exact: &client.redirect_uris,
            prefixes: &client.redirect_uri_prefixes,
            added: RESPONSE_PARAMETERS,
        }
        .find(text)
        .map(|found| (found, Some(text.to_owned())))
        .map_err(PageError::Redirect),
        None if parameters.contains("redirect_uri") => Err(PageError::RepeatedRedirect),
        None => client
            .default_redirect_uri
            .clone()
            .map(|url| (RedirectUri::registered(url), None))
            .ok_or(PageError::MissingRedirect),
    }
}

fn response_mode(asked: Option<&str>) -> Option<ResponseMode> {
    match asked? {
        "query" => Some(ResponseMode::Query),
        "fragment" => Some(ResponseMode::Fragment),
        "form_post" => Some(ResponseMode::FormPost),
        _ => None,
    }
}

struct Refusal(ErrorCode, &'static str);

const fn invalid(description: &'static str) -> Refusal {
    Refusal(ErrorCode::InvalidRequest, description)
}

fn validate_for(
    parameters: &Parameters,
    client_id: &ClientId,
    client: &OidcClient,
    named: Option<String>,
    target: &ResponseTarget,
) -> Result<AuthorizationRequest, Refusal> {
    parameters
        .refuse_repeated()
        .map_err(|_| invalid("a parameter occurs more than once"))?;
    refuse_unsupported(parameters)?;
    let response_type = response_type(parameters, client)?;
    let state = within(parameters.get("state"), MAX_STATE, "state is too long")?;
    let nonce = within(parameters.get("nonce"), MAX_NONCE, "nonce is too long")?;
    if client.require_state && state.is_none() {
        return Err(invalid("state is required"));
    }
    if client.require_nonce && nonce.is_none() {
        return Err(invalid("nonce is required"));
    }
    let scope = parse_scope(parameters.get("scope").unwrap_or_default())
        .map_err(|_| Refusal(ErrorCode::InvalidScope, "scope is malformed"))?;
    let prompt = Prompt::parse(parameters.get("prompt").unwrap_or_default())
        .ok_or_else(|| invalid("prompt is not supported, or none is not alone"))?;
    Ok(AuthorizationRequest {
        client_id: client_id.clone(),
        target: target.clone(),
        redirect_uri: named,
        response_type,
        scope,
        nonce: nonce.map(str::to_owned),
        prompt,
        max_age: max_age(parameters)?,
        login_hint: hint(parameters, "login_hint"),
        id_token_hint: parameters.get("id_token_hint").map(str::to_owned),
        ui_locales: list(parameters, "ui_locales").map(Locale::from).collect(),
        acr_values: list(parameters, "acr_values").map(str::to_owned).collect(),
        code_challenge: code_challenge(parameters, client)?,
        resource: resource(parameters).ok_or(Refusal(
            ErrorCode::InvalidTarget,
            "resource is not an absolute URI without fragment",
        ))?,
    })
}

fn refuse_unsupported(parameters: &Parameters) -> Result<(), Refusal> {
    for (name, code) in [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ] {
        if parameters.contains(name) {
            return Err(Refusal(code, "the parameter is not supported"));
        }
    }
    Ok(())
}

fn response_type(parameters: &Parameters, client: &OidcClient) -> Result<ResponseType, Refusal> {
    let response_type = match parameters.get("response_type") {
        None => return Err(invalid("response_type is missing")),
        Some("code") => ResponseType::Code,
        Some(_) => {
            return Err(Refusal(
                ErrorCode::UnsupportedResponseType,
                "only response_type code is supported",
            ));
        }
    };
    if !client.response_types.contains(&response_type)
        || !client.grant_types.contains(&GrantType::AuthorizationCode)
    {
        return Err(Refusal(
            ErrorCode::UnauthorizedClient,
            "the application may not use this response_type",
        ));
    }
    Ok(response_type)
}

fn code_challenge(
    parameters: &Parameters,
    client: &OidcClient,
) -> Result<Option<CodeChallenge>, Refusal> {
    let is_public = matches!(client.authentication, ClientAuthentication::None);
    let is_required = is_public || client.pkce == Pkce::Required;
    match (
        parameters.get("code_challenge"),
        parameters.get("code_challenge_method"),
    ) {
        (None, None) if is_required => Err(invalid("code_challenge is required")),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(invalid("code_challenge_method without code_challenge")),
        (Some(text), Some("S256")) => CodeChallenge::parse(text)
            .map(Some)
            .ok_or_else(|| invalid("code_challenge is malformed")),
        // RFC 7636 section 4.3: without a method it would be `plain`.
        (Some(_), _) => Err(invalid("code_challenge_method must be S256")),
    }
}

fn max_age(parameters: &Parameters) -> Result<Option<u64>, Refusal> {
    parameters
        .get("max_age")
        .map(|text| {
            if text.is_empty() || text.len() > 18 || !text.bytes().all(|o| o.is_ascii_digit()) {
                return Err(invalid("max_age is not a number of seconds"));
            }
            text.parse::<u64>()
                .map(|seconds| seconds.min(MAX_MAX_AGE))
                .map_err(|_| invalid("max_age is not a number of seconds"))
        })
        .transpose()
}

fn within<'a>(
    value: Option<&'a str>,
    most: usize,
    description: &'static str,
) -> Result<Option<&'a str>, Refusal> {
    match value {
        Some(text) if text.len() > most => Err(invalid(description)),
        value => Ok(value),
    }
}

/// Hints are only hints: one that cannot be used is left out.
fn hint(parameters: &Parameters, name: &str) -> Option<String> {
    parameters
        .get(name)
        .filter(|text| text.len() <= MAX_HINT && !text.chars().any(char::is_control))
        .map(str::to_owned)
}

fn list<'a>(parameters: &'a Parameters, name: &str) -> impl Iterator<Item = &'a str> {
    parameters
        .get(name)
        .unwrap_or_default()
        .split(' ')
        .filter(|item| {
            !item.is_empty() && item.len() <= MAX_HINT && !item.chars().any(char::is_control)
        })
        .take(MAX_LIST)
}

/// RFC 8707 section 2; none when one is malformed.
pub(super) fn resource(parameters: &Parameters) -> Option<Vec<String>> {
    let mut resources: Vec<String> = Vec::new();
    for text in parameters.all("resource") {
        let is_resource = text.len() <= crate::redirect::MAX_BYTES
            && !text.contains('#')
            && Url::parse(text).is_ok();
        if !is_resource || resources.len() == MAX_LIST {
            return None;
        }
        if !resources.iter().any(|other| other == text) {
            resources.push(text.to_owned());
        }
    }
    Some(resources)
}

#[cfg(test)]
mod tests;
