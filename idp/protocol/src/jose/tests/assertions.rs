use super::*;

const NOW: i64 = 1_800_000_000;
const AUDIENCES: &[&str] = &["https://id.example/q", "https://id.example/q/oauth2/token"];

fn claims() -> Value {
    json!({
        "iss": "demo", "sub": "demo", "aud": "https://id.example/q",
        "exp": NOW + 60, "iat": NOW, "jti": "one",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn verify_at(claims: &Value, now: i64) -> Result<assertion::Assertion, AssertionFault> {
    let made = key(SigningAlgorithm::ES256);
    let header = json!({"alg": "ES256", "kid": made.signing.kid()});
    let token = forged(SigningAlgorithm::ES256, &header, claims);
    assertion::verify(
        &token,
        &ClientId::from("demo"),
        &all_keys(),
        AUDIENCES,
        Timestamp::from_second(now).unwrap(),
    )
}

fn verify(claims: &Value) -> Result<assertion::Assertion, AssertionFault> {
    verify_at(claims, NOW)
}

/// RFC 7523 section 3
#[test]
fn an_assertion_of_the_client_for_us_holds() {
    for audience in [
        json!("https://id.example/q"),
        json!("https://id.example/q/oauth2/token"),
        json!(["https://id.example/q"]),
    ] {
        let verified = verify(&with("aud", audience)).unwrap();
        assert_eq!(verified.jti, "one");
        assert_eq!(verified.expires_at.as_second(), NOW + 90);
    }
}

#[rstest]
#[case("iss", json!("another"), AssertionFault::Identity)]
#[case("sub", json!("another"), AssertionFault::Identity)]
#[case("sub", Value::Null, AssertionFault::Identity)]
#[case("aud", json!("https://evil.example"), AssertionFault::Audience)]
#[case("aud", json!(["https://id.example/q", "https://evil.example"]), AssertionFault::Audience)]
#[case("aud", json!([]), AssertionFault::Audience)]
#[case("aud", json!(1), AssertionFault::Audience)]
#[case("aud", json!("https://id.example/q/"), AssertionFault::Audience)]
#[case("exp", Value::Null, AssertionFault::Expired)]
#[case("exp", json!("soon"), AssertionFault::Expired)]
#[case("exp", json!(NOW - 31), AssertionFault::Expired)]
#[case("exp", json!(1e300), AssertionFault::Expired)]
#[case("iat", json!(NOW + 31), AssertionFault::Expired)]
#[case("nbf", json!(NOW + 31), AssertionFault::Expired)]
#[case("nbf", json!("later"), AssertionFault::Expired)]
#[case("exp", json!(NOW + 331), AssertionFault::TooLong)]
#[case("jti", Value::Null, AssertionFault::Jti)]
#[case("jti", json!(""), AssertionFault::Jti)]
#[case("jti", json!("j".repeat(257)), AssertionFault::Jti)]
fn anything_else_is_refused(
    #[case] name: &str,
    #[case] value: Value,
    #[case] fault: AssertionFault,
) {
    assert_eq!(verify(&with(name, value)), Err(fault));
}

#[test]
fn the_clock_of_the_client_may_be_off_by_half_a_minute() {
    assert!(verify_at(&claims(), NOW + 89).is_ok());
    assert_eq!(verify_at(&claims(), NOW + 90), Err(AssertionFault::Expired));
    assert!(verify_at(&claims(), NOW - 30).is_ok());
    assert_eq!(verify_at(&claims(), NOW - 31), Err(AssertionFault::Expired));
}

#[test]
fn tokens_of_other_kinds_are_no_assertions() {
    let made = key(SigningAlgorithm::ES256);
    let token = made
        .signing
        .sign(TokenType::AccessToken, &claims())
        .unwrap();
    let verified = assertion::verify(
        &token,
        &ClientId::from("demo"),
        &all_keys(),
        AUDIENCES,
        Timestamp::from_second(NOW).unwrap(),
    );
    assert_eq!(verified, Err(AssertionFault::Signature(JwsFault::Type)));
}

#[test]
fn the_claimed_client_is_read_without_trust() {
    let header = json!({"alg": "none"});
    let token = format!("{}.{}.", encode(&header), encode(&claims()));
    assert_eq!(
        assertion::claimed_client(&token),
        Some(ClientId::from("demo"))
    );
    assert_eq!(assertion::claimed_client("x.y.z"), None);
}
