//! One entry for each parser of foreign bytes. None may panic, whatever the bytes are, and what
//! comes out keeps its promises.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use realmwright_snapshot::{ClientId, RESPONSE_PARAMETERS, sample};
use url::{Url, form_urlencoded};

use crate::client_authentication::{MAX_HEADER, Presented, Proof};
use crate::jose::{TokenType, VerificationKeys, assertion};
use crate::oauth2::authorize::AuthorizeError;
use crate::oauth2::introspect::IntrospectionRequest;
use crate::oauth2::revoke::RevocationRequest;
use crate::oauth2::token::TokenRequest;
use crate::oauth2::{authorize, parse_scope, pkce, scope_text};
use crate::oidc::logout;
use crate::oidc::userinfo::BearerToken;
use crate::parameters::{MAX_BYTES, Parameters};
use crate::redirect::{self, Registered};
use crate::seal::{SealPurpose, Sealer};
use crate::secret::RandomToken;

/// Query and form parameters, and every request that is read from them. Written out and read
/// again they are the same; a request is answered at registered addresses only.
pub fn parameters(bytes: &[u8]) {
    let Ok(parameters) = Parameters::parse(bytes) else {
        return;
    };
    let written = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters.iter())
        .finish();
    if written.len() <= MAX_BYTES {
        assert_eq!(
            Parameters::parse(written.as_bytes()),
            Ok(parameters.clone())
        );
    }
    let client_id = authorize::client_id(&parameters);
    let client = sample::client("fuzz").oidc;
    if let (Ok(client_id), Some(client)) = (client_id, client) {
        let to = match authorize::validate(&parameters, &client_id, &client) {
            Ok(request) => Some(request.target.redirect_uri),
            Err(AuthorizeError::Response(error)) => Some(error.target.redirect_uri),
            Err(AuthorizeError::Page(_)) => None,
        };
        assert!(to.is_none_or(|to| client.redirect_uris.contains(to.url())));
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

/// The `Authorization` header: what it says can be said again, and its secret is not printed.
pub fn authorization_header(bytes: &[u8]) {
    let none = Parameters::default();
    if let Ok(Presented {
        client_id,
        proof: Proof::Secret { method, secret },
    }) = Presented::parse(Some(bytes), &none)
    {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pair = format!("{}:{}", encoded(client_id.as_str()), encoded(&secret));
        let header = format!("Basic {}", STANDARD.encode(pair));
        let another = Presented {
            client_id: client_id.clone(),
            proof: Proof::Secret {
                method,
                secret: "another".to_owned().into(),
            },
        };
        let same = Presented {
            client_id,
            proof: Proof::Secret { method, secret },
        };
        assert_eq!(format!("{same:?}"), format!("{another:?}"));
        if header.len() <= MAX_HEADER {
            assert_eq!(Presented::parse(Some(header.as_bytes()), &none), Ok(same));
        }
    }
    if let Ok(token) = BearerToken::parse(Some(bytes), None) {
        let header = format!("Bearer {}", token.expose());
        let again = BearerToken::parse(Some(header.as_bytes()), None);
        assert!(again.is_ok_and(|again| again.expose() == token.expose()));
    }
}

/// Redirect addresses: the parsed one is read as itself, and nothing outside the registered ones
/// is found, however often whoever gets it decodes.
pub fn redirect_uri(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(url) = redirect::parse(text) else {
        return;
    };
    // Encoding what was left plain makes it longer.
    if url.as_str().len() <= redirect::MAX_BYTES {
        assert_eq!(redirect::parse(url.as_str()), Ok(url.clone()));
    }
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
    let (Ok(exact), Ok(prefix)) = (
        Url::parse("https://app.example/cb?a=b"),
        Url::parse("https://app.example/under"),
    ) else {
        return;
    };
    let found = Registered {
        exact: std::slice::from_ref(&exact),
        prefixes: &[prefix],
        added: RESPONSE_PARAMETERS,
    }
    .find(text);
    let Ok(found) = found else {
        return;
    };
    let found = found.url();
    assert_eq!(*found, url);
    assert_eq!(found.origin(), exact.origin());
    let path = percent_decode_str(found.path()).decode_utf8_lossy();
    let path = percent_decode_str(&path)
        .decode_utf8_lossy()
        .replace('\\', "/");
    let inside = path == "/under" || path.starts_with("/under/");
    assert!(*found == exact || inside, "{found}");
    assert!(!path.split('/').any(|segment| segment == ".."), "{found}");
}

/// Tokens, assertions, scopes, verifiers and sealed texts: without a key nothing is accepted.
pub fn tokens(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let keys = VerificationKeys::default();
    assert!(keys.verify(TokenType::AccessToken, text).is_err());
    let client = assertion::claimed_client(text).unwrap_or_else(|| ClientId::from("c"));
    let issuer = ["https://id.example"];
    let now = Timestamp::UNIX_EPOCH;
    assert!(assertion::verify(text, &client, &keys, &issuer, now).is_err());
    if let Ok(scopes) = parse_scope(text) {
        assert_eq!(parse_scope(&scope_text(&scopes)), Ok(scopes));
    }
    assert!(!pkce::may_redeem(Some(text), Some(text)));
    if let Some(token) = RandomToken::parse(text) {
        assert_eq!(token.expose(), text);
    }
    if let Ok(sealer) = Sealer::new("r", "k", [("k", &[0; 32][..])]) {
        assert!(
            sealer
                .open(SealPurpose::LoginRequest, b"", text, now)
                .is_err()
        );
    }
}

/// JWK sets: each key that is taken verifies with something, and no two share an identifier.
pub fn jwk_set(bytes: &[u8]) {
    let Ok(keys) = VerificationKeys::parse(bytes) else {
        return;
    };
    assert!(!keys.keys().is_empty());
    for key in keys.keys() {
        assert!(key.algorithms().next().is_some());
        assert!(key.kid().is_none_or(|kid| keys.contains(kid)));
    }
    let named: Vec<_> = keys.keys().iter().filter_map(|key| key.kid()).collect();
    let distinct: std::collections::BTreeSet<_> = named.iter().collect();
    assert_eq!(named.len(), distinct.len());
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
