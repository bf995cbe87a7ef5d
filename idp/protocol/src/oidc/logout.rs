//! RP-Initiated Logout 1.0 (KC-LO-01, OIDC-30 to OIDC-32). Not here: front-channel and
//! back-channel logout.

use realmwright_snapshot::{ClientId, LOGOUT_PARAMETERS, Locale, LogoutSettings};
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
                added: LOGOUT_PARAMETERS,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{JwsFault, TokenType};
    use crate::samples::{ISSUER, parameters, signing_key};
    use rstest::rstest;
    use serde_json::json;

    fn settings() -> LogoutSettings {
        LogoutSettings {
            redirect_uris: vec![Url::parse("https://app.example/bye").unwrap()],
            redirect_uri_prefixes: vec![Url::parse("https://app.example/out").unwrap()],
            default_redirect_uri: None,
            skip_confirmation: true,
        }
    }

    fn plain(query: &str) -> Result<LogoutRequest, LogoutError> {
        parse(&parameters(query), &VerificationKeys::default(), ISSUER).map(|(request, _)| request)
    }

    /// KC-LO-01
    #[test]
    fn a_good_hint_names_client_person_and_session() {
        let (signing, keys) = signing_key();
        let claims = json!({"iss": ISSUER, "sub": "s", "aud": "demo", "sid": "one", "exp": 1});
        let token = signing.sign(TokenType::IdToken, &claims).unwrap();
        let run = |rest: &str| {
            parse(
                &parameters(&format!("id_token_hint={token}{rest}")),
                &keys,
                ISSUER,
            )
        };
        let (request, fault) = run("&state=x&ui_locales=uk+en").unwrap();
        assert_eq!(fault, None);
        assert_eq!(request.client_id, Some(ClientId::from("demo")));
        assert_eq!(request.state.as_deref(), Some("x"));
        assert_eq!(request.ui_locales.len(), 2);
        assert_eq!(run("&client_id=other"), Err(LogoutError::OtherClient));
        assert!(run("&client_id=demo").is_ok());

        // OIDC-32
        assert!(needs_no_confirmation(&request, &settings(), "one", "s"));
        assert!(!needs_no_confirmation(&request, &settings(), "two", "s"));
        assert!(!needs_no_confirmation(&request, &settings(), "one", "t"));
        let asking = LogoutSettings {
            skip_confirmation: false,
            ..settings()
        };
        assert!(!needs_no_confirmation(&request, &asking, "one", "s"));
    }

    /// KC-LO-01: an invalid hint leads to the confirmation page.
    #[test]
    fn a_hint_of_no_use_counts_as_none() {
        let (request, fault) = parse(
            &parameters("id_token_hint=a.b.c&client_id=demo"),
            &VerificationKeys::default(),
            ISSUER,
        )
        .unwrap();
        assert_eq!(request.hint, None);
        assert_eq!(fault, Some(HintFault::Signature(JwsFault::Malformed)));
        assert!(!needs_no_confirmation(&request, &settings(), "one", "s"));
    }

    #[rstest]
    #[case("client_id=a&client_id=b", LogoutError::Malformed)]
    #[case(
        "post_logout_redirect_uri=https://app.example/bye",
        LogoutError::NoClient
    )]
    fn what_is_ambiguous_is_refused(#[case] query: &str, #[case] error: LogoutError) {
        assert_eq!(plain(query), Err(error));
    }

    /// OIDC-30
    #[rstest]
    #[case("https://app.example/bye", true)]
    #[case("https://app.example/out/there", true)]
    #[case("https://app.example/outside", false)]
    #[case("https://app.example/bye2", false)]
    #[case("https://app.example.evil/bye", false)]
    #[case("https://app.example/out/../bye", false)]
    #[case("https://app.example/out?state=forged", false)]
    #[case("/bye", false)]
    fn a_return_address_is_the_applications_or_the_logout_is_refused(
        #[case] uri: &str,
        #[case] found: bool,
    ) {
        let request = plain(&format!(
            "client_id=demo&state=a%26b&post_logout_redirect_uri={uri}"
        ))
        .unwrap();
        match return_to(&request, &settings()) {
            Ok(target) => {
                assert!(found, "{uri}");
                assert_eq!(target.unwrap().url().as_str(), format!("{uri}?state=a%26b"));
            }
            Err(error) => {
                assert!(!found, "{uri}");
                assert!(matches!(error, LogoutError::Redirect(_)));
            }
        }
    }

    /// OIDC-31
    #[test]
    fn the_default_address_is_used_when_none_is_named() {
        let request = plain("client_id=demo").unwrap();
        assert_eq!(return_to(&request, &settings()), Ok(None));
        let with_default = LogoutSettings {
            default_redirect_uri: Some(Url::parse("https://app.example/start").unwrap()),
            ..settings()
        };
        let target = return_to(&request, &with_default).unwrap().unwrap();
        assert_eq!(target.url().as_str(), "https://app.example/start");
    }
}
