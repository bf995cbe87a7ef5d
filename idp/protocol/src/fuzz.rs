//! One entry for each parser of foreign bytes. None may panic, whatever the bytes are; what
//! comes out is dropped.

use jiff::Timestamp;
use realmwright_snapshot::{ClientId, RESPONSE_PARAMETERS, sample};

use crate::client_authentication::Presented;
use crate::jose::{TokenType, VerificationKeys, assertion};
use crate::oauth2::introspect::IntrospectionRequest;
use crate::oauth2::revoke::RevocationRequest;
use crate::oauth2::token::TokenRequest;
use crate::oauth2::{authorize, parse_scope, pkce};
use crate::oidc::logout;
use crate::oidc::userinfo::BearerToken;
use crate::parameters::Parameters;
use crate::redirect::{self, Registered};
use crate::seal::{SealPurpose, Sealer};
use crate::secret::RandomToken;

/// Query and form parameters, and every request that is read from them.
pub fn parameters(bytes: &[u8]) {
    let Ok(parameters) = Parameters::parse(bytes) else {
        return;
    };
    let client_id = authorize::client_id(&parameters);
    let client = sample::client("fuzz").oidc;
    if let (Ok(client_id), Some(client)) = (client_id, client) {
        let _ = authorize::validate(&parameters, &client_id, &client);
    }
    let _ = logout::parse(
        &parameters,
        &VerificationKeys::default(),
        "https://id.example",
    );
    let _ = TokenRequest::parse(&parameters);
    let _ = IntrospectionRequest::parse(&parameters);
    let _ = RevocationRequest::parse(&parameters);
    let _ = Presented::parse(None, &parameters);
    let _ = BearerToken::parse(None, Some(&parameters));
}

/// The `Authorization` header.
pub fn authorization_header(bytes: &[u8]) {
    let _ = Presented::parse(Some(bytes), &Parameters::default());
    let _ = BearerToken::parse(Some(bytes), None);
}

/// Redirect addresses.
pub fn redirect_uri(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(url) = redirect::parse(text) {
        let registered = [url];
        let _ = Registered {
            exact: &[],
            prefixes: &registered,
            added: RESPONSE_PARAMETERS,
        }
        .find(text);
    }
}

/// Tokens, assertions, scopes, verifiers and sealed texts.
pub fn tokens(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let keys = VerificationKeys::default();
    let _ = keys.verify(TokenType::AccessToken, text);
    let _ = assertion::claimed_client(text);
    let _ = assertion::verify(
        text,
        &ClientId::from("c"),
        &keys,
        &[],
        Timestamp::UNIX_EPOCH,
    );
    let _ = parse_scope(text);
    let _ = pkce::may_redeem(Some(text), Some(text));
    let _ = RandomToken::parse(text);
    if let Ok(sealer) = Sealer::new("r", "k", [("k", &[0; 32][..])]) {
        let _ = sealer.open(SealPurpose::LoginRequest, b"", text, Timestamp::UNIX_EPOCH);
    }
}

/// JWK sets.
pub fn jwk_set(bytes: &[u8]) {
    let _ = VerificationKeys::parse(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_parser_panics_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            super::parameters(&bytes);
            super::authorization_header(&bytes);
            super::redirect_uri(&bytes);
            super::tokens(&bytes);
            super::jwk_set(&bytes);
        }

        #[test]
        fn no_parser_panics_on_nearly_right_text(
            form in "(grant_type|code|client_id|scope|resource|client_assertion)=[%a-z0-9.+&=]{0,60}",
            header in "(Basic|Bearer) [A-Za-z0-9+/=.]{0,40}",
            uri in "(https?|[a-z.]{1,8}):/{0,3}[a-z0-9.@:%\\[\\]/;?#-]{0,40}",
            token in "[A-Za-z0-9_-]{0,30}\\.[A-Za-z0-9_-]{0,30}\\.[A-Za-z0-9_-]{0,30}",
            set in "\\{\"keys\":\\[\\{(\"kty\":\"(EC|RSA|OKP|oct)\",?|\"[a-z]\":\"[A-Za-z0-9_-]{0,8}\",?){0,6}\\}\\]\\}",
        ) {
            super::parameters(form.as_bytes());
            super::authorization_header(header.as_bytes());
            super::redirect_uri(uri.as_bytes());
            super::tokens(token.as_bytes());
            super::jwk_set(set.as_bytes());
        }
    }
}
