use super::*;

/// KC-VAL-01
#[test]
fn what_each_key_signs_verifies() {
    for alg in ALGORITHMS {
        for typ in [TokenType::IdToken, TokenType::AccessToken] {
            let token = key(alg).signing.sign(typ, &json!({"sub": "s"})).unwrap();
            let verified = all_keys().verify(typ, &token).unwrap();
            assert_eq!(verified.alg, alg);
            assert_eq!(verified.claims.text("sub"), Some("s"));
        }
    }
}

/// KC-VAL-01: an independent library reads what we sign.
#[test]
fn another_implementation_verifies_what_we_sign() {
    for alg in ALGORITHMS {
        let token = key(alg)
            .signing
            .sign(TokenType::AccessToken, &json!({"sub": "s"}))
            .unwrap();
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key(alg).jwk.clone()).unwrap();
        let mut validation = jsonwebtoken::Validation::new(alg.as_str().parse().unwrap());
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        let decoded = jsonwebtoken::decode::<Value>(
            &token,
            &jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap(),
            &validation,
        )
        .unwrap();
        assert_eq!(decoded.claims["sub"], "s");
        assert_eq!(decoded.header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(decoded.header.kid.as_deref(), Some(key(alg).signing.kid()));
    }
}

/// RFC 7515 appendices A.2 and A.3
#[test]
fn vectors_of_the_rfc_verify() {
    let payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let ec = json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let rsa = json!({
        "kty": "RSA", "e": "AQAB",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    });
    let es256 =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let rs256 = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let anything = ExpectedType::OneOfOrNone(&[]);
    for (jwk, header, signature) in [
        (&ec, "eyJhbGciOiJFUzI1NiJ9", es256),
        (&rsa, "eyJhbGciOiJSUzI1NiJ9", rs256),
    ] {
        let keys = VerificationKeys::from_jwks(std::slice::from_ref(jwk)).unwrap();
        let token = format!("{header}.{payload}.{signature}");
        let verified = keys.verify_as(anything, &token, None).unwrap();
        assert_eq!(verified.claims.text("iss"), Some("joe"));
        assert_eq!(
            verified.claims.instant("exp"),
            Some(Timestamp::from_second(1_300_819_380).unwrap())
        );
    }
    // The same payload under the signature of the other key.
    let keys = VerificationKeys::from_jwks(&[ec]).unwrap();
    let token = format!("eyJhbGciOiJFUzI1NiJ9.{payload}.{rs256}");
    assert_eq!(
        keys.verify_as(anything, &token, None),
        Err(JwsFault::Signature)
    );
}

/// RFC 8037 appendix A.4
#[test]
fn the_ed25519_vector_of_the_rfc_verifies() {
    let keys = VerificationKeys::from_jwks(&[json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    })])
    .unwrap();
    let signature = URL_SAFE_NO_PAD
        .decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
        .unwrap();
    let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let key = &keys.keys()[0];
    assert!(key.verifies(SigningAlgorithm::EdDSA, message, &signature, None));
    assert!(!key.verifies(SigningAlgorithm::ES256, message, &signature, None));
}

/// KC-VAL-02: `none`, MAC algorithms and another algorithm than the key's.
#[rstest]
#[case("none")]
#[case("None")]
#[case("")]
#[case("HS256")]
#[case("ES384")]
#[case("es256")]
fn an_algorithm_that_is_not_ours_is_refused(#[case] alg: &str) {
    let kid = key(SigningAlgorithm::ES256).signing.kid();
    let header = json!({"alg": alg, "typ": "JWT", "kid": kid});
    let token = forged(SigningAlgorithm::ES256, &header, &json!({}));
    assert_eq!(
        all_keys().verify(TokenType::IdToken, &token),
        Err(JwsFault::Algorithm)
    );
    let unsigned = format!("{}.{}.", encode(&header), encode(&json!({})));
    assert_eq!(
        all_keys().verify(TokenType::IdToken, &unsigned),
        Err(JwsFault::Algorithm)
    );
}

/// KC-VAL-02: a public key never serves as a MAC secret.
#[test]
fn a_mac_made_with_a_public_key_is_refused() {
    use aws_lc_rs::hmac;
    let made = key(SigningAlgorithm::RS256);
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": made.signing.kid()});
    let signed = format!("{}.{}", encode(&header), encode(&json!({"sub": "root"})));
    let modulus = URL_SAFE_NO_PAD
        .decode(made.jwk["n"].as_str().unwrap())
        .unwrap();
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &modulus),
        signed.as_bytes(),
    );
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
    assert_eq!(
        all_keys().verify(TokenType::IdToken, &token),
        Err(JwsFault::Algorithm)
    );
}

/// KC-VAL-02: an RSA key is bound to one padding, whatever the header says.
#[test]
fn a_key_is_not_used_with_its_sister_algorithm() {
    let made = key(SigningAlgorithm::RS256);
    let keys = VerificationKeys::from_jwks(std::slice::from_ref(&made.jwk)).unwrap();
    let sister =
        SigningKey::from_pkcs8(made.signing.kid(), SigningAlgorithm::PS256, &made.pkcs8).unwrap();
    let token = sister.sign(TokenType::IdToken, &json!({})).unwrap();
    assert_eq!(
        keys.verify(TokenType::IdToken, &token),
        Err(JwsFault::Algorithm)
    );
}

/// KC-VAL-02: keys that a header brings along are never read.
#[test]
fn a_key_in_the_header_is_not_used() {
    let own = make(SigningAlgorithm::ES256);
    let header = json!({"alg": "ES256", "typ": "JWT", "jwk": key(SigningAlgorithm::ES256).jwk,
        "jku": "https://evil.example/jwks", "x5u": "https://evil.example/x5u"});
    let token = forged(SigningAlgorithm::ES256, &header, &json!({}));
    let keys = VerificationKeys::from_jwks(&[own.jwk]).unwrap();
    assert_eq!(
        keys.verify(TokenType::IdToken, &token),
        Err(JwsFault::Signature)
    );
}

/// KC-VAL-01: one kind of token never passes for another.
#[test]
fn a_token_of_another_type_is_refused() {
    let signing = &key(SigningAlgorithm::ES256).signing;
    let id_token = signing.sign(TokenType::IdToken, &json!({})).unwrap();
    let access_token = signing.sign(TokenType::AccessToken, &json!({})).unwrap();
    let keys = all_keys();
    assert_eq!(
        keys.verify(TokenType::AccessToken, &id_token),
        Err(JwsFault::Type)
    );
    assert_eq!(
        keys.verify(TokenType::IdToken, &access_token),
        Err(JwsFault::Type)
    );
    let untyped = forged(
        SigningAlgorithm::ES256,
        &json!({"alg": "ES256", "kid": signing.kid()}),
        &json!({}),
    );
    assert_eq!(
        keys.verify(TokenType::AccessToken, &untyped),
        Err(JwsFault::Type)
    );
    let long = forged(
        SigningAlgorithm::ES256,
        &json!({"alg": "ES256", "kid": signing.kid(), "typ": "application/AT+JWT"}),
        &json!({}),
    );
    assert!(keys.verify(TokenType::AccessToken, &long).is_ok());
}

#[test]
fn a_critical_header_is_refused() {
    let header = json!({"alg": "ES256", "typ": "JWT", "crit": ["b64"], "b64": false});
    let token = forged(SigningAlgorithm::ES256, &header, &json!({}));
    assert_eq!(
        all_keys().verify(TokenType::IdToken, &token),
        Err(JwsFault::Critical)
    );
}

#[test]
fn an_unknown_key_is_told_apart_for_the_log() {
    let other = make(SigningAlgorithm::ES256);
    let token = other.signing.sign(TokenType::IdToken, &json!({})).unwrap();
    assert_eq!(
        all_keys().verify(TokenType::IdToken, &token),
        Err(JwsFault::UnknownKey)
    );
    assert_eq!(
        crate::jose::jws::unverified_kid(&token).as_deref(),
        Some(other.signing.kid())
    );
}

#[rstest]
#[case("")]
#[case("a")]
#[case("a.b")]
#[case("a.b.c.d")]
#[case("..")]
#[case("e30.e30.")]
#[case("!.!.!")]
#[case("W10.e30.AA")]
fn what_is_no_token_is_malformed(#[case] token: &str) {
    assert_eq!(
        all_keys().verify(TokenType::IdToken, token),
        Err(JwsFault::Malformed)
    );
}

#[test]
fn a_payload_that_is_no_object_is_malformed() {
    let kid = key(SigningAlgorithm::ES256).signing.kid();
    let header = json!({"alg": "ES256", "typ": "JWT", "kid": kid});
    let token = forged(SigningAlgorithm::ES256, &header, &json!([1]));
    assert_eq!(
        all_keys().verify(TokenType::IdToken, &token),
        Err(JwsFault::Malformed)
    );
}

#[test]
fn a_token_that_is_too_long_is_not_looked_at() {
    let token = "a".repeat(crate::jose::jws::MAX_BYTES + 1);
    assert_eq!(
        all_keys().verify(TokenType::IdToken, &token),
        Err(JwsFault::TooLarge)
    );
}

#[test]
fn a_key_signs_only_with_its_own_algorithm() {
    let pkcs8 = &key(SigningAlgorithm::ES256).pkcs8;
    for alg in [SigningAlgorithm::RS256, SigningAlgorithm::EdDSA] {
        assert!(matches!(
            SigningKey::from_pkcs8("k", alg, pkcs8),
            Err(SignFault::Key { .. })
        ));
    }
    let shown = format!("{:?}", key(SigningAlgorithm::ES256).signing);
    assert!(shown.contains("ES256") && !shown.contains("pair"));
}

proptest! {
    #[test]
    fn no_altered_token_verifies(position in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_-]") {
        let signing = &key(SigningAlgorithm::ES256).signing;
        let token = signing
            .sign(TokenType::IdToken, &json!({"sub": "someone", "exp": 1}))
            .unwrap();
        let at = position.index(token.len());
        let mut altered = token.clone();
        altered.replace_range(at..=at, &letter);
        // The last letter of each part has bits that no octet uses: a decoder that ignored
        // them would read the same octets, ours refuses them.
        if altered != token {
            prop_assert!(all_keys().verify(TokenType::IdToken, &altered).is_err());
        }
    }
}

/// KC-VAL-01: what was verified before is taken again only under the same key, and unaltered.
#[test]
fn a_signature_that_was_seen_holds_for_its_key_and_message_alone() {
    let key = key(SigningAlgorithm::ES256);
    let typ = TokenType::AccessToken;
    let token = key.signing.sign(typ, &json!({"sub": "s"})).unwrap();
    let seen = SeenSignatures::default();
    let keys = all_keys();
    for _ in 0..2 {
        let verified = keys.verify_again(typ, &token, &seen).unwrap();
        assert_eq!(verified.claims.text("sub"), Some("s"));
    }
    // Another key under the same name, as a realm that was set up anew might have.
    let mut jwk = make(SigningAlgorithm::ES256).jwk;
    jwk["kid"] = key.jwk["kid"].clone();
    let others = VerificationKeys::from_jwks(&[jwk]).unwrap();
    assert_eq!(
        others.verify_again(typ, &token, &seen),
        Err(JwsFault::Signature)
    );
    // The claims of another token under this signature.
    let forged = key.signing.sign(typ, &json!({"sub": "t"})).unwrap();
    let (payload, signature) = (
        forged.rsplit_once('.').unwrap().0,
        token.rsplit_once('.').unwrap().1,
    );
    assert_eq!(
        keys.verify_again(typ, &format!("{payload}.{signature}"), &seen),
        Err(JwsFault::Signature)
    );
    // The type is judged each time.
    assert_eq!(
        keys.verify_again(TokenType::IdToken, &token, &seen),
        Err(JwsFault::Type)
    );
}
