//! Token requests and answers: RFC 6749 sections 4.1.3, 4.4.2, 5 and 6, RFC 7636 section 4.5,
//! RFC 8707 section 2.2. Not here: the password grant, token exchange, device codes.

use realmwright_snapshot::{GrantType, ScopeName};
use serde::Serialize;
use zeroize::Zeroizing;

use super::authorize::resource;
use super::error::{EndpointError, ErrorCode};
use super::scope::parse_scope;
use crate::Parameters;

/// A grant that an application presents. `Debug` shows no codes or tokens.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// KC-TK-01.
    AuthorizationCode {
        /// The code.
        code: Zeroizing<String>,
        /// As it was in the authorization request.
        redirect_uri: Option<String>,
        /// RFC 7636.
        code_verifier: Option<Zeroizing<String>>,
        /// RFC 8707: a part of what was granted.
        resource: Vec<String>,
    },
    /// KC-TK-04.
    RefreshToken {
        /// The token.
        refresh_token: Zeroizing<String>,
        /// A part of the granted scopes; none for all of them.
        scope: Option<Vec<ScopeName>>,
        /// RFC 8707: a part of what was granted.
        resource: Vec<String>,
    },
    /// KC-TK-08.
    ClientCredentials {
        /// Scopes as asked for; none for the default ones.
        scope: Option<Vec<ScopeName>>,
        /// RFC 8707.
        resource: Vec<String>,
    },
}

impl std::fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TokenRequest")
            .field(&self.grant_type())
            .finish()
    }
}

impl TokenRequest {
    /// Which grant it is.
    #[must_use]
    pub const fn grant_type(&self) -> GrantType {
        match self {
            Self::AuthorizationCode { .. } => GrantType::AuthorizationCode,
            Self::RefreshToken { .. } => GrantType::RefreshToken,
            Self::ClientCredentials { .. } => GrantType::ClientCredentials,
        }
    }

    /// Reads the form of a token request. Client authentication is read by
    /// [`crate::client_authentication`].
    ///
    /// # Errors
    /// [`EndpointError`] with `invalid_request`, `unsupported_grant_type`, `invalid_scope` or
    /// `invalid_target`.
    pub fn parse(form: &Parameters) -> Result<Self, EndpointError> {
        form.refuse_repeated()?;
        let resource = resource(form).ok_or_else(|| {
            EndpointError::new(
                ErrorCode::InvalidTarget,
                "resource is not an absolute URI without fragment",
            )
        })?;
        match required(form, "grant_type")? {
            "authorization_code" => Ok(Self::AuthorizationCode {
                code: Zeroizing::new(required(form, "code")?.to_owned()),
                redirect_uri: form.get("redirect_uri").map(str::to_owned),
                code_verifier: form
                    .get("code_verifier")
                    .map(|verifier| Zeroizing::new(verifier.to_owned())),
                resource,
            }),
            "refresh_token" => Ok(Self::RefreshToken {
                refresh_token: Zeroizing::new(required(form, "refresh_token")?.to_owned()),
                scope: scope(form)?,
                resource,
            }),
            "client_credentials" => Ok(Self::ClientCredentials {
                scope: scope(form)?,
                resource,
            }),
            _ => Err(EndpointError::new(
                ErrorCode::UnsupportedGrantType,
                "grant_type is not supported",
            )),
        }
    }
}

pub(super) fn required<'a>(
    form: &'a Parameters,
    name: &'static str,
) -> Result<&'a str, EndpointError> {
    form.get(name)
        .ok_or_else(|| EndpointError::new(ErrorCode::InvalidRequest, format!("{name} is missing")))
}

fn scope(form: &Parameters) -> Result<Option<Vec<ScopeName>>, EndpointError> {
    form.get("scope")
        .map(parse_scope)
        .transpose()
        .map_err(|fault| EndpointError::new(ErrorCode::InvalidScope, fault.to_string()))
}

/// A successful answer (KC-TK-02). `Cache-Control: no-store` always belongs to it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: TokenKind,
    /// Its life in seconds.
    pub expires_in: u64,
    /// The refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Life of the refresh token in seconds, as it is left (KC-TK-07).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_expires_in: Option<u64>,
    /// The id token, when `openid` was granted (KC-TK-03).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What was granted, which may be less than was asked for.
    pub scope: String,
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// RFC 6750.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum TokenKind {
    /// Whoever bears it may use it.
    #[default]
    Bearer,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn parse(form: &str) -> Result<TokenRequest, EndpointError> {
        TokenRequest::parse(&Parameters::parse(form.as_bytes()).unwrap())
    }

    /// KC-TK-01
    #[test]
    fn a_code_is_read_with_its_verifier_and_address() {
        let request = parse(
            "grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fa.example%2Fcb\
             &code_verifier=v&client_id=demo",
        )
        .unwrap();
        assert_eq!(
            request,
            TokenRequest::AuthorizationCode {
                code: Zeroizing::new("c".to_owned()),
                redirect_uri: Some("https://a.example/cb".to_owned()),
                code_verifier: Some(Zeroizing::new("v".to_owned())),
                resource: Vec::new(),
            }
        );
    }

    /// KC-TK-04, KC-TK-08
    #[test]
    fn an_absent_scope_differs_from_a_named_one() {
        let TokenRequest::RefreshToken { scope, .. } =
            parse("grant_type=refresh_token&refresh_token=r").unwrap()
        else {
            panic!("another grant");
        };
        assert_eq!(scope, None);
        let TokenRequest::ClientCredentials { scope, resource } =
            parse("grant_type=client_credentials&scope=a+b&resource=https%3A%2F%2Fapi.example")
                .unwrap()
        else {
            panic!("another grant");
        };
        assert_eq!(scope.map(|scope| scope.len()), Some(2));
        assert_eq!(resource, ["https://api.example"]);
    }

    #[rstest]
    #[case("", "invalid_request")]
    #[case("grant_type=authorization_code", "invalid_request")]
    #[case("grant_type=authorization_code&code=", "invalid_request")]
    #[case("grant_type=authorization_code&code=a&code=b", "invalid_request")]
    #[case("grant_type=refresh_token", "invalid_request")]
    #[case("grant_type=refresh_token&refresh_token=r&scope=%22", "invalid_scope")]
    #[case("grant_type=client_credentials&resource=api", "invalid_target")]
    #[case(
        "grant_type=client_credentials&resource=https://a.example/%23f",
        "invalid_target"
    )]
    // KC-TK-09
    #[case("grant_type=password&username=u&password=p", "unsupported_grant_type")]
    #[case("grant_type=AUTHORIZATION_CODE&code=a", "unsupported_grant_type")]
    fn anything_else_is_refused(#[case] form: &str, #[case] code: &str) {
        assert_eq!(parse(form).unwrap_err().code.as_str(), code);
    }

    /// KC-TK-02, KC-TK-03
    #[test]
    fn what_was_not_issued_is_absent_from_the_answer() {
        let answer = TokenResponse {
            access_token: "a".to_owned(),
            token_type: TokenKind::Bearer,
            expires_in: 300,
            refresh_token: None,
            refresh_expires_in: None,
            id_token: None,
            scope: "api".to_owned(),
        };
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            serde_json::json!({
                "access_token": "a", "token_type": "Bearer", "expires_in": 300, "scope": "api",
            })
        );
    }

    #[test]
    fn debug_shows_no_tokens() {
        let request = parse("grant_type=refresh_token&refresh_token=hush").unwrap();
        assert!(!format!("{request:?}").contains("hush"));
    }
}
