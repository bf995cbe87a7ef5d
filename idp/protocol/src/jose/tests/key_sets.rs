use super::*;

#[test]
fn unknown_kinds_and_uses_are_left_out() {
    let mut encryption = key(SigningAlgorithm::RS256).jwk.clone();
    encryption["use"] = json!("enc");
    let set = json!({"keys": [
        encryption,
        {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
        {"kty": "EC", "crv": "P-256", "alg": "ES512", "x": "AA", "y": "AA"},
        key(SigningAlgorithm::ES256).jwk,
    ]});
    let keys = VerificationKeys::parse(set.to_string().as_bytes()).unwrap();
    assert_eq!(keys.keys().len(), 1);
    assert!(keys.contains(key(SigningAlgorithm::ES256).signing.kid()));
    assert!(!keys.contains("another"));
}

#[test]
fn an_rsa_key_without_algorithm_may_verify_both() {
    let mut jwk = key(SigningAlgorithm::RS256).jwk.clone();
    jwk.as_object_mut().unwrap().remove("alg");
    let keys = VerificationKeys::from_jwks(&[jwk]).unwrap();
    let algorithms: Vec<_> = keys.keys()[0].algorithms().collect();
    assert_eq!(
        algorithms,
        [SigningAlgorithm::RS256, SigningAlgorithm::PS256]
    );
}

#[test]
fn private_and_symmetric_keys_are_refused() {
    let mut private = key(SigningAlgorithm::ES256).jwk.clone();
    private["d"] = json!("AA");
    for jwk in [private, json!({"kty": "oct", "k": "AA"})] {
        assert_eq!(
            VerificationKeys::from_jwks(&[jwk]).unwrap_err(),
            JwkFault::Private
        );
    }
}

#[rstest]
#[case(json!({"keys": []}), JwkFault::Empty)]
#[case(json!({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}), JwkFault::Empty)]
#[case(json!({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}), JwkFault::Empty)]
#[case(json!({"keys": {}}), JwkFault::Form)]
#[case(json!({"keys": [{"crv": "P-256"}]}), JwkFault::Form)]
#[case(json!({"keys": [1]}), JwkFault::Form)]
#[case(json!([]), JwkFault::Form)]
fn a_set_without_a_usable_key_is_refused(#[case] set: Value, #[case] fault: JwkFault) {
    assert_eq!(VerificationKeys::from_set(&set).unwrap_err(), fault);
}

#[test]
fn a_set_that_is_too_large_or_ambiguous_is_refused() {
    let jwk = key(SigningAlgorithm::ES256).jwk.clone();
    assert_eq!(
        VerificationKeys::from_jwks(&[jwk.clone(), jwk.clone()]).unwrap_err(),
        JwkFault::Duplicate
    );
    let many = vec![jwk; crate::jose::jwk::MAX_KEYS + 1];
    assert_eq!(
        VerificationKeys::from_jwks(&many).unwrap_err(),
        JwkFault::TooLarge
    );
    let long = vec![b' '; crate::jose::jwk::MAX_BYTES + 1];
    assert_eq!(
        VerificationKeys::parse(&long).unwrap_err(),
        JwkFault::TooLarge
    );
    assert_eq!(VerificationKeys::parse(b"{").unwrap_err(), JwkFault::Form);
}

/// RFC 7638 thumbprints are the key ids of our own keys.
#[test]
fn our_keys_are_found_by_their_thumbprint() {
    let made = key(SigningAlgorithm::EdDSA);
    let jwk: PublicJwk = serde_json::from_value(made.jwk.clone()).unwrap();
    assert_eq!(KeyId::new(jwk.members.thumbprint()), jwk.kid);
    assert!(all_keys().contains(jwk.kid.as_str()));
}
