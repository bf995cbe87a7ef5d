//! RP-Initiated Logout 1.0 (KC-LO-01, OIDC-30 to OIDC-32). Not here: front-channel and
//! back-channel logout.

use realmwright_snapshot::{ClientId, Locale, LogoutSettings};
use serde::{Deserialize, Serialize};
use url::Url;

use super::id_token::{HintFault, IdTokenHint, hint};
use crate::jose::VerificationKeys;
use crate::redirect::{RedirectFault, RedirectUri, Registered};
use crate::{Fault, Parameters};

const MAX_STATE: usize = 4 * 1024;
const MAX_LOCALES: usize = 16;

/// A logout request whose hint was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Who is meant, by a token of ours that may have expired. Without one the person is asked.
    pub hint: Option<IdTokenHint>,
    /// The application: that of the hint, or the one named; none when neither came.
    pub client_id: Option<ClientId>,
    /// Where to go afterwards, unchecked: see [`return_to`].
    pub post_logout_redirect_uri: Option<String>,
    /// Echoed.
    pub state: Option<String>,
    /// Languages, most wanted first.
    pub ui_locales: Vec<Locale>,
}

/// Why a logout request is refused: a page, and the session stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoutError {
    /// A parameter occurs more than once, or is too long.
    #[error("the logout request is malformed")]
    Malformed,
    /// `client_id` is not the one the hint was issued to.
    #[error("client_id is not the one that the id token hint was issued to")]
    OtherClient,
    /// There is a return address, and no application whose address it could be.
    #[error("a return address needs client_id or id_token_hint")]
    NoClient,
    /// The return address is not the application's.
    #[error("post_logout_redirect_uri is refused")]
    Redirect(#[source] RedirectFault),
}

impl LogoutError {
    /// Always the caller's.
    #[must_use]
    pub const fn fault(self) -> Fault {
        Fault::Client
    }
}

/// Reads a logout request. A hint that is of no use counts as none, so that the person is asked
/// (KC-LO-01); it is given back for the log.
///
/// # Errors
/// [`LogoutError`].
pub fn parse(
    parameters: &Parameters,
    keys: &VerificationKeys,
    issuer: &str,
) -> Result<(LogoutRequest, Option<HintFault>), LogoutError> {
    parameters
        .refuse_repeated()
        .map_err(|_| LogoutError::Malformed)?;
    let state = parameters.get("state");
    if state.is_some_and(|state| state.len() > MAX_STATE) {
        return Err(LogoutError::Malformed);
    }
    let (hint, fault) = match parameters
        .get("id_token_hint")
        .map(|t| hint(keys, t, issuer))
    {
        Some(Ok(hint)) => (Some(hint), None),
        Some(Err(fault)) => (None, Some(fault)),
        None => (None, None),
    };
    let named = parameters.get("client_id").map(ClientId::from);
    let client_id = match (&hint, named) {
        (Some(hint), Some(named)) if hint.client_id != named => {
            return Err(LogoutError::OtherClient);
        }
        (Some(hint), _) => Some(hint.client_id.clone()),
        (None, named) => named,
    };
    let request = LogoutRequest {
        hint,
        client_id,
        post_logout_redirect_uri: parameters
            .get("post_logout_redirect_uri")
            .map(str::to_owned),
        state: state.map(str::to_owned),
        ui_locales: parameters
            .get("ui_locales")
            .unwrap_or_default()
            .split(' ')
            .filter(|locale| !locale.is_empty())
            .take(MAX_LOCALES)
            .map(Locale::from)
            .collect(),
    };
    if request.client_id.is_none() && request.post_logout_redirect_uri.is_some() {
        return Err(LogoutError::NoClient);
    }
    Ok((request, fault))
}

/// Where a person goes after a logout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnTarget {
    /// A registered address.
    pub uri: RedirectUri,
    /// Echoed.
    pub state: Option<String>,
}

impl ReturnTarget {
    /// The address with `state`.
    #[must_use]
    pub fn url(&self) -> Url {
        let mut url = self.uri.url().clone();
        if let Some(state) = &self.state {
            url.query_pairs_mut().append_pair("state", state);
        }
        url
    }
}

/// Where a request asks to go: its address when it is the application's, the default one when it
/// names none (OIDC-31), else nowhere.
///
/// # Errors
/// [`LogoutError::Redirect`] when the address is not the application's (OIDC-30).
pub fn return_to(
    request: &LogoutRequest,
    settings: &LogoutSettings,
) -> Result<Option<ReturnTarget>, LogoutError> {
    let uri = match &request.post_logout_redirect_uri {
        Some(text) => Some(
            Registered {
                exact: &settings.redirect_uris,
                prefixes: &settings.redirect_uri_prefixes,
            }
            .find(text)
            .map_err(LogoutError::Redirect)?,
        ),
        None => settings
            .default_redirect_uri
            .clone()
            .map(RedirectUri::registered),
    };
    Ok(uri.map(|uri| ReturnTarget {
        uri,
        state: request.state.clone(),
    }))
}

/// Whether a request ends the session without asking (OIDC-32): only with a hint about this very
/// session. `sid` is the session as the application knows it, and `subject` its person.
#[must_use]
pub fn needs_no_confirmation(
    request: &LogoutRequest,
    settings: &LogoutSettings,
    sid: &str,
    subject: &str,
) -> bool {
    settings.skip_confirmation
        && request.hint.as_ref().is_some_and(|hint| {
            hint.subject == subject && hint.sid.as_deref().is_none_or(|hinted| hinted == sid)
        })
}
