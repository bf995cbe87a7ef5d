//! An independent relying party over real sockets (the `openidconnect` crate).

use openidconnect::{OAuth2TokenResponse, TokenResponse};

use crate::support::application::Application;
use crate::support::dev::{Dev, LOGIN, PASSWORD};
use crate::support::person::Person;

const SECRET: &str = "planted-client-secret-4f1c0e6b9a7d2835";

/// KC-TK-01, KC-TK-04, KC-UI-01, KC-TK-05: login, userinfo, refresh with rotation and a retry.
#[tokio::test]
async fn an_application_logs_a_person_in_and_stays_in_step() {
    let dev = Dev::start();
    let mut application = Application::start(&dev.issuer, "app", Some(SECRET)).await;
    let person = Person::new();

    let begun = application.begin(&["profile", "email"], &[("login_hint", LOGIN)]);
    let page = person.open(&begun.url).await.unwrap().page();
    assert!(page.html.contains("Harbour library"), "{}", page.html);
    let left = person
        .submit(&page, &[("login", LOGIN), ("password", PASSWORD)])
        .await
        .unwrap()
        .left();
    person.open(&left).await.unwrap();
    let logged_in = application.finish(begun).await;
    let email = logged_in
        .claims
        .email()
        .map(|email| email.as_str().to_owned());
    assert_eq!(email.as_deref(), Some(LOGIN));

    let userinfo = application.userinfo(&logged_in.tokens).await.unwrap();
    assert_eq!(userinfo.subject(), logged_in.claims.subject());

    let first = logged_in.tokens.refresh_token().expect("a refresh token");
    let second = application.refresh(first).await.unwrap();
    let third = application
        .refresh(second.refresh_token().expect("a successor"))
        .await
        .unwrap();
    assert_ne!(
        second.refresh_token().unwrap().secret(),
        third.refresh_token().unwrap().secret()
    );
    let again = application
        .refresh(second.refresh_token().unwrap())
        .await
        .unwrap();
    assert_eq!(
        again.refresh_token().unwrap().secret(),
        third.refresh_token().unwrap().secret(),
        "within the reuse interval a retry gets the same successor"
    );
}

/// FLOW-06, KC-AZ-02: single sign-on answers without a page, `prompt=none` never shows one.
#[tokio::test]
async fn a_session_answers_for_a_second_application() {
    let dev = Dev::start();
    let mut first = Application::start(&dev.issuer, "app", Some(SECRET)).await;
    let person = Person::new();

    let silent = first.begin(&[], &[("prompt", "none")]);
    let refused = person.open(&silent.url).await.unwrap().left();
    assert!(
        refused.as_str().contains("error=login_required"),
        "{refused}"
    );

    let begun = first.begin(&[], &[]);
    let page = person.open(&begun.url).await.unwrap().page();
    let left = person
        .submit(&page, &[("login", LOGIN), ("password", PASSWORD)])
        .await
        .unwrap()
        .left();
    person.open(&left).await.unwrap();
    let before = first.finish(begun).await;

    let silent = first.begin(&[], &[("prompt", "none")]);
    let left = person.open(&silent.url).await.unwrap().left();
    person.open(&left).await.unwrap();
    let after = first.finish(silent).await;
    assert_eq!(before.claims.subject(), after.claims.subject());
    assert_eq!(before.claims.auth_time(), after.claims.auth_time());
    assert!(before.tokens.id_token().is_some());
}

/// KC-TK-05, KC-TK-06: without a reuse interval a refresh token works once, and a second use ends
/// the whole family.
#[tokio::test]
async fn a_refresh_token_that_is_used_twice_ends_its_family() {
    let dev = Dev::start();
    let mut application = Application::start(&dev.issuer, "consenting", None).await;
    let person = Person::new();
    let begun = application.begin(&["profile"], &[]);
    let page = person.open(&begun.url).await.unwrap().page();
    let consent = person
        .submit(&page, &[("login", LOGIN), ("password", PASSWORD)])
        .await
        .unwrap()
        .page();
    let left = person
        .submit(&consent, &[("decision", "allow")])
        .await
        .unwrap()
        .left();
    person.open(&left).await.unwrap();
    let logged_in = application.finish(begun).await;
    let first = logged_in.tokens.refresh_token().expect("a refresh token");
    let second = application.refresh(first).await.unwrap();
    assert!(application.userinfo(&second).await.is_ok());
    assert!(application.refresh(first).await.is_err());
    let successor = second.refresh_token().expect("a successor");
    assert!(application.refresh(successor).await.is_err());
    assert!(application.userinfo(&second).await.is_err());
}
