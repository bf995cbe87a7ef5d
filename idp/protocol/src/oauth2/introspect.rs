//! Token introspection, RFC 7662. Not here: signed answers (RFC 9701).

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::access_token::SCOPE_POSITIONS;
use super::error::EndpointError;
use super::token::required;
use crate::Parameters;

/// What an application asks about.
#[derive(Clone, PartialEq, Eq)]
pub struct IntrospectionRequest {
    /// The token, of any form.
    pub token: Zeroizing<String>,
    /// Where to look first. Never where to look only.
    pub hint: TokenHint,
}

impl std::fmt::Debug for IntrospectionRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IntrospectionRequest")
            .field("hint", &self.hint)
            .finish_non_exhaustive()
    }
}

/// `token_type_hint`, RFC 7009 section 2.1; an unknown value is no hint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenHint {
    /// No usable hint.
    #[default]
    None,
    /// `access_token`.
    AccessToken,
    /// `refresh_token`.
    RefreshToken,
}

impl TokenHint {
    pub(super) fn parse(form: &Parameters) -> Self {
        match form.get("token_type_hint") {
            Some("access_token") => Self::AccessToken,
            Some("refresh_token") => Self::RefreshToken,
            _ => Self::None,
        }
    }
}

impl IntrospectionRequest {
    /// Reads the form (KC-INT-01).
    ///
    /// # Errors
    /// [`EndpointError`] with `invalid_request`.
    pub fn parse(form: &Parameters) -> Result<Self, EndpointError> {
        form.refuse_repeated()?;
        Ok(Self {
            token: Zeroizing::new(required(form, "token")?.to_owned()),
            hint: TokenHint::parse(form),
        })
    }
}

/// The answer for a token that lives: its claims, and what introspection adds (KC-INT-02).
/// `username` is the person's login name where the caller may see it.
#[must_use]
pub fn active(mut claims: Map<String, Value>, username: Option<&str>) -> Map<String, Value> {
    // Ours alone: they say nothing to whoever asks.
    claims.remove("grant_id");
    claims.remove(SCOPE_POSITIONS);
    claims.insert("active".to_owned(), json!(true));
    claims.insert("token_type".to_owned(), json!("Bearer"));
    if let Some(username) = username {
        claims.insert("username".to_owned(), json!(username));
    }
    claims
}

/// The answer for every other token, whatever is wrong with it: nothing else is said
/// (KC-INT-01, RFC 7662 section 2.2).
#[must_use]
pub fn inactive() -> Map<String, Value> {
    Map::from_iter([("active".to_owned(), json!(false))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth2::ErrorCode;

    fn parse(form: &str) -> Result<IntrospectionRequest, EndpointError> {
        IntrospectionRequest::parse(&Parameters::parse(form.as_bytes()).unwrap())
    }

    /// KC-INT-01
    #[test]
    fn an_unknown_hint_is_no_hint() {
        assert_eq!(parse("token=t").unwrap().hint, TokenHint::None);
        let hinted = parse("token=t&token_type_hint=refresh_token").unwrap();
        assert_eq!(hinted.hint, TokenHint::RefreshToken);
        assert_eq!(
            parse("token=t&token_type_hint=saml").unwrap().hint,
            TokenHint::None
        );
    }

    #[test]
    fn a_request_without_one_token_is_refused() {
        for form in ["", "token=", "token=a&token=b"] {
            assert_eq!(parse(form).unwrap_err().code, ErrorCode::InvalidRequest);
        }
    }

    /// KC-INT-01, KC-INT-02
    #[test]
    fn a_dead_token_tells_nothing_and_a_live_one_its_claims() {
        assert_eq!(Value::Object(inactive()), json!({"active": false}));
        let claims = Map::from_iter([
            ("sub".to_owned(), json!("s")),
            ("grant_id".to_owned(), json!("g")),
            (SCOPE_POSITIONS.to_owned(), json!([0])),
            ("active".to_owned(), json!(false)),
        ]);
        assert_eq!(
            Value::Object(active(claims, Some("anna"))),
            json!({"active": true, "sub": "s", "token_type": "Bearer", "username": "anna"})
        );
    }
}
