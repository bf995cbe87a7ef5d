//! Token revocation, RFC 7009: the request. What it is answered with is said at the head of the
//! engine's module of the same name.

use zeroize::Zeroizing;

use super::error::EndpointError;
use super::introspect::TokenHint;
use super::token::required;
use crate::Parameters;

/// What an application gives back.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationRequest {
    /// The token, of any form.
    pub token: Zeroizing<String>,
    /// Where to look first.
    pub hint: TokenHint,
}

impl std::fmt::Debug for RevocationRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevocationRequest")
            .field("hint", &self.hint)
            .finish_non_exhaustive()
    }
}

impl RevocationRequest {
    /// Reads the form.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth2::ErrorCode;

    #[test]
    fn one_token_is_read_and_nothing_else_is_needed() {
        let parse =
            |form: &str| RevocationRequest::parse(&Parameters::parse(form.as_bytes()).unwrap());
        let request = parse("token=t&token_type_hint=access_token").unwrap();
        assert_eq!(request.hint, TokenHint::AccessToken);
        assert_eq!(request.token.as_str(), "t");
        for form in ["", "token=", "token=a&token=b"] {
            assert_eq!(parse(form).unwrap_err().code, ErrorCode::InvalidRequest);
        }
    }
}
