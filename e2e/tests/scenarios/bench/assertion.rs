//! A client that proves itself by its own key, RFC 7523.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKeyId, PrivateSigningKey as _};
use serde_json::json;
use url::Url;

pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const KEY_ID: &str = "bench";

pub(super) struct AssertionKey {
    key: CoreEdDsaPrivateSigningKey,
    made: AtomicU64,
}

impl AssertionKey {
    pub(super) fn generate() -> Self {
        let pem = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let id = JsonWebKeyId::new(KEY_ID.to_owned());
        let key = CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem.serialize_pem(), Some(id));
        Self {
            key: key.unwrap(),
            made: AtomicU64::new(0),
        }
    }

    /// Its public half.
    pub(super) fn jwk(&self) -> String {
        serde_json::to_string(&self.key.as_verification_key()).unwrap()
    }

    /// One that was never sent.
    #[expect(
        clippy::disallowed_methods,
        reason = "the server goes by the real time"
    )]
    pub(super) fn assertion(&self, issuer: &Url) -> String {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let head = json!({ "alg": "EdDSA", "typ": "JWT", "kid": KEY_ID });
        let now = jiff::Timestamp::now().as_second();
        let claims = json!({
            "iss": "signed-service",
            "sub": "signed-service",
            "aud": issuer.as_str().trim_end_matches('/'),
            "jti": format!("bench-{number}"),
            "iat": now,
            "exp": now + 60,
        });
        let text = format!(
            "{}.{}",
            BASE64.encode(head.to_string()),
            BASE64.encode(claims.to_string())
        );
        let signed = self
            .key
            .sign(&CoreJwsSigningAlgorithm::EdDsa, text.as_bytes());
        format!("{text}.{}", BASE64.encode(signed.unwrap()))
    }
}
