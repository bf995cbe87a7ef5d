//! What we sign and seal ourselves, come back changed.

use std::sync::OnceLock;

use jiff::Timestamp;
use realmwright_keys::{KeyId, Material, PublicJwk};
use realmwright_protocol::jose::{SigningKey, TokenType, VerificationKeys};
use realmwright_protocol::seal::{SealPurpose, Sealer};
use realmwright_snapshot::SigningAlgorithm;
use serde_json::json;

use crate::splice::splice;

/// An Ed25519 key of RFC 5958 whose seed is all ones: signing with it gives the same text always.
fn pkcs8() -> Vec<u8> {
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend_from_slice(&[1; 32]);
    der
}

fn signed() -> &'static (VerificationKeys, String) {
    static SIGNED: OnceLock<(VerificationKeys, String)> = OnceLock::new();
    SIGNED.get_or_init(|| {
        let alg = SigningAlgorithm::EdDSA;
        let key = SigningKey::from_pkcs8("k", alg, &pkcs8()).expect("a key");
        let public = PublicJwk::of_private_key(&KeyId::new("k"), alg, &Material::new(pkcs8()))
            .expect("its public key");
        let jwk = serde_json::to_value(public).expect("a JWK is JSON");
        let keys = VerificationKeys::from_jwks(&[jwk]).expect("a usable key");
        let claims = json!({"iss": "https://id.example", "sub": "s", "exp": 1_900_000_000});
        let token = key.sign(TokenType::AccessToken, &claims).expect("signs");
        (keys, token)
    })
}

/// A token of ours with foreign bytes in it verifies for what it is only unchanged, and never for
/// another type.
pub(crate) fn signed_token(bytes: &[u8]) {
    let (keys, token) = signed();
    let Ok(spliced) = String::from_utf8(splice(token.as_bytes(), bytes)) else {
        return;
    };
    let verified = keys.verify(TokenType::AccessToken, &spliced).is_ok();
    assert_eq!(verified, spliced == *token, "{spliced}");
    assert!(keys.verify(TokenType::IdToken, &spliced).is_err());
}

/// A sealed text with foreign bytes in it opens only unchanged, and never for another purpose,
/// context or realm.
pub(crate) fn sealed_state(bytes: &[u8]) {
    const PLAIN: &[u8] = b"{\"v\":1}";
    static SEALED: OnceLock<String> = OnceLock::new();
    let sealer = |realm: &str| {
        Sealer::new(realm, "k", [("j", &[3; 32][..]), ("k", &[5; 32][..])]).expect("two keys")
    };
    let now = Timestamp::UNIX_EPOCH;
    let login = SealPurpose::LoginRequest;
    let ours = SEALED.get_or_init(|| {
        sealer("realm")
            .seal(login, b"cookie", PLAIN, None)
            .expect("seals")
    });
    let Ok(spliced) = String::from_utf8(splice(ours.as_bytes(), bytes)) else {
        return;
    };
    let opened = sealer("realm").open(login, b"cookie", &spliced, now);
    assert_eq!(opened.is_ok(), spliced == *ours, "{spliced}");
    assert!(opened.is_err() || opened.as_deref() == Ok(&PLAIN.to_vec()));
    for foreign in [
        sealer("realm").open(SealPurpose::LogoutRequest, b"cookie", &spliced, now),
        sealer("realm").open(login, b"", &spliced, now),
        sealer("other").open(login, b"cookie", &spliced, now),
    ] {
        assert!(foreign.is_err());
    }
}
