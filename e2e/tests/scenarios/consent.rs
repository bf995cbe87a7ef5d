//! Consent of an application that wants to know who somebody is, and no more.

use openidconnect::TokenResponse;

use crate::support::application::Application;
use crate::support::dev::{Dev, LOGIN, PASSWORD};
use crate::support::person::Person;

/// KC-CONS-01: `openid` alone is no question, and beside others it is not listed.
#[tokio::test]
async fn who_a_person_is_needs_no_answer() {
    let dev = Dev::start();
    let mut application = Application::start(&dev.issuer, "consenting", None).await;
    let person = Person::new();

    let begun = application.begin(&[], &[]);
    let page = person.open(&begun.url).await.unwrap().page();
    let left = person
        .submit(&page, &[("login", LOGIN), ("password", PASSWORD)])
        .await
        .unwrap()
        .left();
    person.open(&left).await.unwrap();
    let logged_in = application.finish(begun).await;
    assert!(logged_in.tokens.id_token().is_some());

    let begun = application.begin(&["profile"], &[]);
    let asked = person.open(&begun.url).await.unwrap().page();
    assert!(asked.html.contains("See your first and last name"));
    assert!(!asked.html.contains("Your identity"), "{}", asked.html);
    let left = person.submit(&asked, &[("decision", "allow")]).await;
    person.open(&left.unwrap().left()).await.unwrap();
    application.finish(begun).await;
}
