use realmwright_snapshot::SecretMethod;
use rstest::rstest;

use super::*;
use crate::samples::{oidc_client, parameters};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const GOOD: &str = "client_id=demo&response_type=code&redirect_uri=https%3A%2F%2Fapp.example%2Fcb\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

fn confidential() -> OidcClient {
    OidcClient {
        authentication: ClientAuthentication::Secret {
            methods: [SecretMethod::ClientSecretBasic].into(),
            secret: "a/demo".into(),
            additional: None,
            rotation: None,
        },
        ..oidc_client()
    }
}

fn run(query: &str, client: &OidcClient) -> Result<AuthorizationRequest, AuthorizeError> {
    validate(&parameters(query), &ClientId::from("demo"), client)
}

fn response(query: &str, client: &OidcClient) -> ResponseError {
    match run(query, client) {
        Err(AuthorizeError::Response(error)) => *error,
        other => panic!("not a response to the application: {other:?}"),
    }
}

fn page(query: &str, client: &OidcClient) -> PageError {
    match run(query, client) {
        Err(AuthorizeError::Page(error)) => error,
        other => panic!("not a page: {other:?}"),
    }
}

/// KC-AZ-01
#[test]
fn a_whole_request_is_read() {
    let request = run(
        &format!(
            "{GOOD}&scope=openid+email&state=s&nonce=n&prompt=login+consent&max_age=600\
             &login_hint=anna&ui_locales=uk+en&acr_values=1+2&response_mode=form_post\
             &resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example&theme=dark&claims=%7B%7D"
        ),
        &oidc_client(),
    )
    .unwrap();
    assert_eq!(request.client_id.as_str(), "demo");
    assert_eq!(
        request.redirect_uri.as_deref(),
        Some("https://app.example/cb")
    );
    assert_eq!(
        request.target.redirect_uri.url().as_str(),
        "https://app.example/cb"
    );
    assert_eq!(request.target.mode, ResponseMode::FormPost);
    assert_eq!(request.target.state.as_deref(), Some("s"));
    assert_eq!(request.scope, ["openid".into(), "email".into()]);
    assert_eq!(request.nonce.as_deref(), Some("n"));
    assert_eq!(request.prompt.values(), ["login", "consent"]);
    assert_eq!(request.max_age, Some(600));
    assert_eq!(request.login_hint.as_deref(), Some("anna"));
    assert_eq!(request.ui_locales, [Locale::from("uk"), Locale::from("en")]);
    assert_eq!(request.acr_values, ["1", "2"]);
    assert_eq!(
        request.code_challenge.as_ref().map(CodeChallenge::as_str),
        Some(CHALLENGE)
    );
    assert_eq!(request.resource, ["https://a.example", "https://b.example"]);
}

/// design.md section 8: what binds the answer, and who is meant, is not printed along.
#[test]
fn a_request_prints_no_value_of_its_own() {
    let query =
        format!("{GOOD}&state=planted&nonce=planted&login_hint=planted&id_token_hint=planted.a.b");
    let request = run(&query, &oidc_client()).unwrap();
    let printed = format!("{request:?}");
    assert!(!printed.contains("planted"), "{printed}");
    assert!(!printed.contains(CHALLENGE), "{printed}");
}

#[test]
fn a_request_survives_its_sealed_form() {
    let request = run(&format!("{GOOD}&prompt=none&max_age=0"), &oidc_client()).unwrap();
    let json = serde_json::to_vec(&request).unwrap();
    assert_eq!(
        serde_json::from_slice::<AuthorizationRequest>(&json).unwrap(),
        request
    );
}

/// KC-AZ-01, OIDC-13: before the address is known to be the application's, nothing is sent there.
#[rstest]
#[case("", PageError::ClientId)]
#[case("client_id=", PageError::ClientId)]
#[case("client_id=a&client_id=b", PageError::ClientId)]
fn a_request_without_one_client_is_a_page(#[case] query: &str, #[case] error: PageError) {
    assert_eq!(client_id(&parameters(query)), Err(error));
}

#[test]
fn a_client_id_that_is_too_long_is_a_page() {
    let query = format!("client_id={}", "a".repeat(MAX_CLIENT_ID + 1));
    assert_eq!(client_id(&parameters(&query)), Err(PageError::ClientId));
}

/// KC-AZ-01, KC-AZ-10, OIDC-12, OIDC-13: whatever else is wrong, a bad address is a page.
#[rstest]
#[case("", PageError::MissingRedirect)]
#[case("redirect_uri=", PageError::MissingRedirect)]
#[case(
    "redirect_uri=https://app.example/cb&redirect_uri=https://app.example/cb",
    PageError::RepeatedRedirect
)]
#[case(
    "redirect_uri=https://app.example.evil/cb",
    PageError::Redirect(RedirectFault::Unregistered)
)]
#[case(
    "redirect_uri=https://app.example/cb/../x",
    PageError::Redirect(RedirectFault::Malformed)
)]
#[case(
    "redirect_uri=javascript:alert(1)",
    PageError::Redirect(RedirectFault::Malformed)
)]
#[case(
    "redirect_uri=https://evil.example&response_type=token&state=s",
    PageError::Redirect(RedirectFault::Unregistered)
)]
fn a_bad_address_is_a_page(#[case] query: &str, #[case] error: PageError) {
    assert_eq!(page(query, &oidc_client()), error);
}

/// OIDC-12
#[test]
fn the_default_address_is_used_when_none_is_named() {
    let client = OidcClient {
        default_redirect_uri: Some(Url::parse("https://app.example/other").unwrap()),
        ..confidential()
    };
    let request = run("response_type=code", &client).unwrap();
    assert_eq!(
        request.target.redirect_uri.url().as_str(),
        "https://app.example/other"
    );
    assert_eq!(request.redirect_uri, None);
}

/// KC-AZ-01, KC-AZ-08, KC-AZ-09, KC-AZ-12, OIDC-17, OIDC-20: each goes to the application.
#[rstest]
#[case("", "invalid_request")]
#[case("response_type=token", "unsupported_response_type")]
#[case("response_type=code+id_token", "unsupported_response_type")]
#[case("response_type=code&response_type=code", "invalid_request")]
#[case("response_type=code&scope=%22", "invalid_scope")]
#[case("response_type=code&response_mode=web_message", "invalid_request")]
#[case("response_type=code&prompt=none+login", "invalid_request")]
#[case("response_type=code&prompt=create", "invalid_request")]
#[case("response_type=code&max_age=-1", "invalid_request")]
#[case("response_type=code&max_age=soon", "invalid_request")]
#[case("response_type=code&max_age=99999999999999999999", "invalid_request")]
#[case("response_type=code&request=e30.e30.", "request_not_supported")]
#[case(
    "response_type=code&request_uri=https://app.example/r",
    "request_uri_not_supported"
)]
#[case("response_type=code&registration=%7B%7D", "registration_not_supported")]
#[case("response_type=code&resource=api", "invalid_target")]
#[case(
    "response_type=code&code_challenge=short&code_challenge_method=S256",
    "invalid_request"
)]
#[case(
    "response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "invalid_request"
)]
#[case(
    "response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=plain",
    "invalid_request"
)]
#[case("response_type=code&code_challenge_method=S256", "invalid_request")]
fn later_faults_go_to_the_application(#[case] query: &str, #[case] code: &str) {
    let query = format!("redirect_uri=https://app.example/cb&state=xyz&{query}");
    let error = response(&query, &confidential());
    assert_eq!(error.code.as_str(), code);
    let sent = error.parameters("https://id.example");
    let value = |name: &str| {
        sent.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(value("state"), Some("xyz"));
    assert_eq!(value("iss"), Some("https://id.example"));
    assert_eq!(value("error"), Some(code));
    assert_eq!(value("code"), None);
}

/// KC-AZ-09, KC-AZ-11, OIDC-17
#[test]
fn public_clients_and_those_that_must_cannot_leave_pkce_out() {
    let bare = "response_type=code&redirect_uri=https://app.example/cb";
    let must = OidcClient {
        pkce: Pkce::Required,
        ..confidential()
    };
    for client in [oidc_client(), must] {
        assert_eq!(response(bare, &client).code, ErrorCode::InvalidRequest);
    }
    assert_eq!(run(bare, &confidential()).unwrap().code_challenge, None);
}

/// KC-AZ-08
#[test]
fn state_and_nonce_can_be_demanded() {
    for (client, parameter) in [
        (
            OidcClient {
                require_state: true,
                ..oidc_client()
            },
            "state=s",
        ),
        (
            OidcClient {
                require_nonce: true,
                ..oidc_client()
            },
            "nonce=n",
        ),
    ] {
        assert_eq!(response(GOOD, &client).code, ErrorCode::InvalidRequest);
        assert!(run(&format!("{GOOD}&{parameter}"), &client).is_ok());
    }
}

/// OIDC-19, OIDC-20: an empty list allows nothing.
#[test]
fn a_client_without_the_grant_or_the_response_type_is_unauthorized() {
    let without_grant = OidcClient {
        grant_types: [].into(),
        ..oidc_client()
    };
    let without_type = OidcClient {
        response_types: [].into(),
        ..oidc_client()
    };
    for client in [without_grant, without_type] {
        assert_eq!(response(GOOD, &client).code, ErrorCode::UnauthorizedClient);
    }
}

/// KC-AZ-02, KC-AZ-03, INT-OIDC-04, INT-OIDC-05
#[test]
fn prompts_are_told_apart() {
    let prompt = |text: &str| {
        run(&format!("{GOOD}&prompt={text}"), &oidc_client())
            .unwrap()
            .prompt
    };
    assert!(prompt("none").forbids_pages());
    assert!(prompt("login").interactions().login);
    assert!(prompt("select_account+consent").interactions().consent);
    assert_eq!(prompt(""), Prompt::Unspecified);
    assert_eq!(prompt("+"), Prompt::Unspecified);
}

#[test]
fn an_error_travels_in_the_mode_that_was_asked_for() {
    let query = "redirect_uri=https://app.example/cb&response_mode=fragment&response_type=token";
    assert_eq!(
        response(query, &confidential()).target.mode,
        ResponseMode::Fragment
    );
}

#[test]
fn what_is_too_long_is_refused_or_left_out() {
    let long = |name: &str, length: usize| format!("{GOOD}&{name}={}", "a".repeat(length));
    for (name, most) in [("state", MAX_STATE), ("nonce", MAX_NONCE)] {
        assert!(run(&long(name, most), &oidc_client()).is_ok());
        assert_eq!(
            response(&long(name, most + 1), &oidc_client()).code,
            ErrorCode::InvalidRequest
        );
    }
    let request = run(&long("login_hint", MAX_HINT + 1), &oidc_client()).unwrap();
    assert_eq!(request.login_hint, None);
}
