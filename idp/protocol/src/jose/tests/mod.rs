use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use proptest::prelude::*;
use realmwright_keys::{Generate, KeyId, PublicJwk, Purpose, RsaSize, SystemGenerator};
use realmwright_snapshot::{ClientId, SigningAlgorithm};
use rstest::rstest;
use serde_json::{Value, json};

use super::assertion::{self, AssertionFault};
use super::jws::{ExpectedType, SignFault};
use super::{JwkFault, JwsFault, SeenSignatures, SigningKey, TokenType, VerificationKeys};

mod assertions;
mod key_sets;
mod tokens;

const ALGORITHMS: [SigningAlgorithm; 4] = [
    SigningAlgorithm::ES256,
    SigningAlgorithm::RS256,
    SigningAlgorithm::PS256,
    SigningAlgorithm::EdDSA,
];

struct Made {
    signing: SigningKey,
    jwk: Value,
    pkcs8: Vec<u8>,
}

fn make(alg: SigningAlgorithm) -> Made {
    let mut generator = SystemGenerator {
        rsa: RsaSize::Bits2048,
    };
    let key = generator.key(Purpose::Sign { alg }).unwrap();
    let jwk = PublicJwk::of_private_key(&key.kid, alg, &key.material).unwrap();
    Made {
        signing: SigningKey::from_pkcs8(key.kid.as_str(), alg, key.material.expose()).unwrap(),
        jwk: serde_json::to_value(jwk).unwrap(),
        pkcs8: key.material.expose().to_vec(),
    }
}

/// One key of each algorithm, made once: RSA keys take their time.
fn key(alg: SigningAlgorithm) -> &'static Made {
    static KEYS: OnceLock<Vec<Made>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| ALGORITHMS.into_iter().map(make).collect());
    &keys[ALGORITHMS.iter().position(|other| *other == alg).unwrap()]
}

fn all_keys() -> VerificationKeys {
    let jwks: Vec<Value> = ALGORITHMS.map(|alg| key(alg).jwk.clone()).to_vec();
    VerificationKeys::from_jwks(&jwks).unwrap()
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with a header of one's own, signed by us.
fn forged(alg: SigningAlgorithm, header: &Value, claims: &Value) -> String {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    assert_eq!(alg, SigningAlgorithm::ES256);
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key(alg).pkcs8).unwrap();
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What signing and verifying cost; run by hand with `--release --ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a check"]
fn measure() {
    use std::time::Instant;
    let claims = json!({
        "iss": "https://id.example.com/quickstart", "sub": "5ab16a86-6977-41f8-a50c-735b89ecd812",
        "aud": "api", "client_id": "demo", "scope": "openid profile email", "iat": 1, "exp": 2,
        "jti": "fff04dfe-20c5-4868-8900-2ee959ef1d12", "sid": "4f61dc0c-0dd6-4f89-adec-de3d0a45cdc7",
    });
    for alg in ALGORITHMS {
        let rounds = 500;
        let signing = &key(alg).signing;
        let start = Instant::now();
        let mut token = String::new();
        for _ in 0..rounds {
            token = signing.sign(TokenType::AccessToken, &claims).unwrap();
        }
        let sign = start.elapsed() / rounds;
        let keys = all_keys();
        let start = Instant::now();
        for _ in 0..rounds {
            keys.verify(TokenType::AccessToken, &token).unwrap();
        }
        println!(
            "{}: sign {sign:?}, verify {:?}",
            alg.as_str(),
            start.elapsed() / rounds
        );
    }
}
