//! Userinfo, OpenID Connect Core 1.0 section 5.3, and bearer tokens, RFC 6750. Not here: signed
//! answers, and tokens in the query, which end up in logs (KC-VAL-03).

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::oauth2::ErrorCode;
use crate::{Fault, Parameters};

const MAX_TOKEN: usize = 16 * 1024;

/// A bearer token, unchecked.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(Zeroizing<String>);

impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BearerToken(redacted)")
    }
}

impl BearerToken {
    /// The token.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Reads the `Authorization` header, or the form of a POST (RFC 6750 sections 2.1 and 2.2).
    /// The scheme's case does not matter (KC-VAL-03).
    ///
    /// # Errors
    /// [`BearerError::Missing`] without a token, [`BearerError::Malformed`] with two or with one
    /// that is none.
    pub fn parse(
        authorization: Option<&[u8]>,
        form: Option<&Parameters>,
    ) -> Result<Self, BearerError> {
        let posted = form.filter(|form| form.contains("access_token"));
        let token = match (authorization, posted) {
            (Some(_), Some(_)) => return Err(BearerError::Malformed),
            (None, None) => return Err(BearerError::Missing),
            (None, Some(form)) => form.get("access_token").ok_or(BearerError::Malformed)?,
            (Some(header), None) => {
                let text = std::str::from_utf8(header).map_err(|_| BearerError::Malformed)?;
                let (scheme, token) = text.split_once(' ').ok_or(BearerError::Missing)?;
                if !scheme.eq_ignore_ascii_case("bearer") {
                    return Err(BearerError::Missing);
                }
                token.trim()
            }
        };
        // RFC 6750 section 2.1: b64token.
        let is_token = !token.is_empty()
            && token.len() <= MAX_TOKEN
            && token.bytes().all(|octet| {
                octet.is_ascii_alphanumeric()
                    || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
            });
        if is_token {
            Ok(Self(Zeroizing::new(token.to_owned())))
        } else {
            Err(BearerError::Malformed)
        }
    }
}

/// Why a request with a bearer token is refused (KC-UI-01, KC-VAL-04).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// No token: the answer names no error (RFC 6750 section 3.1).
    #[error("no access token was sent")]
    Missing,
    /// Two tokens, or one that is malformed.
    #[error("the request is malformed")]
    Malformed,
    /// Unknown, expired, revoked, or of an ended session.
    #[error("the access token is invalid")]
    Invalid,
    /// A scope is missing.
    #[error("scope {0} is missing")]
    Scope(&'static str),
    /// We, or the database, cannot answer now.
    #[error("temporarily unavailable")]
    Unavailable,
}

impl BearerError {
    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Unavailable => Fault::Upstream,
            _ => Fault::Client,
        }
    }

    /// The registered code; none for a missing token.
    #[must_use]
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Missing => None,
            Self::Malformed => Some(ErrorCode::InvalidRequest),
            Self::Invalid => Some(ErrorCode::InvalidToken),
            Self::Scope(_) => Some(ErrorCode::InsufficientScope),
            Self::Unavailable => Some(ErrorCode::TemporarilyUnavailable),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.code() {
            None => 401,
            Some(code) => code.status(),
        }
    }

    /// The value of `WWW-Authenticate`, RFC 6750 section 3.
    #[must_use]
    pub fn www_authenticate(&self, issuer: &str) -> String {
        let mut value = format!("Bearer realm=\"{issuer}\"");
        if let Some(code) = self.code() {
            value.push_str(&format!(
                ", error=\"{}\", error_description=\"{self}\"",
                code.as_str()
            ));
        }
        if let Self::Scope(scope) = self {
            value.push_str(&format!(", scope=\"{scope}\""));
        }
        value
    }
}

/// The answer: released claims and `sub`, nothing about the token (KC-UI-01).
#[must_use]
pub fn answer(subject: &str, mut released: Map<String, Value>) -> Map<String, Value> {
    for reserved in ["iss", "aud", "exp", "iat", "nbf", "jti", "azp"] {
        released.remove(reserved);
    }
    released.insert("sub".to_owned(), json!(subject));
    released
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// KC-VAL-03: the scheme's case does not matter.
    #[rstest]
    #[case("Bearer abc.def-1")]
    #[case("bearer abc.def-1")]
    #[case("BEARER  abc.def-1")]
    fn a_token_is_read_from_the_header(#[case] header: &str) {
        let token = BearerToken::parse(Some(header.as_bytes()), None).unwrap();
        assert_eq!(token.expose(), "abc.def-1");
        assert!(!format!("{token:?}").contains("abc"));
    }

    #[test]
    fn a_token_is_read_from_a_form_but_not_beside_a_header() {
        let form = Parameters::parse(b"access_token=abc").unwrap();
        assert_eq!(
            BearerToken::parse(None, Some(&form)).unwrap().expose(),
            "abc"
        );
        assert_eq!(
            BearerToken::parse(Some(b"Bearer abc"), Some(&form)),
            Err(BearerError::Malformed)
        );
    }

    /// KC-VAL-04
    #[rstest]
    #[case(None, BearerError::Missing)]
    #[case(Some("Basic YTpi"), BearerError::Missing)]
    #[case(Some("Bearer"), BearerError::Missing)]
    #[case(Some("Bearer "), BearerError::Malformed)]
    #[case(Some("Bearer a b"), BearerError::Malformed)]
    #[case(Some("Bearer ä"), BearerError::Malformed)]
    fn anything_else_is_refused(#[case] header: Option<&str>, #[case] error: BearerError) {
        assert_eq!(
            BearerToken::parse(header.map(str::as_bytes), None),
            Err(error)
        );
    }

    /// KC-UI-01, KC-VAL-04
    #[test]
    fn errors_have_the_status_and_challenge_of_the_rfc() {
        let challenge =
            |error: BearerError| (error.status(), error.www_authenticate("https://id.example"));
        assert_eq!(
            challenge(BearerError::Missing),
            (401, "Bearer realm=\"https://id.example\"".to_owned())
        );
        let (status, value) = challenge(BearerError::Invalid);
        assert_eq!(status, 401);
        assert!(value.contains("error=\"invalid_token\""));
        let (status, value) = challenge(BearerError::Scope("openid"));
        assert_eq!(status, 403);
        assert!(value.contains("error=\"insufficient_scope\""));
        assert!(value.ends_with("scope=\"openid\""));
    }

    /// KC-UI-01
    #[test]
    fn the_answer_says_who_and_nothing_about_the_token() {
        let released = Map::from_iter([
            ("iss".to_owned(), json!("x")),
            ("sub".to_owned(), json!("someone else")),
            ("email".to_owned(), json!("a@b.example")),
        ]);
        assert_eq!(
            Value::Object(answer("s", released)),
            json!({"sub": "s", "email": "a@b.example"})
        );
    }
}
