//! SIGKILL between any two steps of a login: nothing that was acknowledged is lost (design.md
//! promise 7).

use openidconnect::OAuth2TokenResponse;

use crate::support::application::Application;
use crate::support::dev::{Dev, LOGIN, PASSWORD};
use crate::support::person::{Page, Person};

const SECRET: &str = "planted-client-secret-4f1c0e6b9a7d2835";

/// The server dies before every step; each step then still answers, because what the browser and
/// the application hold is all that it needs beside the database.
#[tokio::test]
async fn a_login_survives_a_kill_between_any_two_steps() {
    let mut dev = Dev::start();
    let mut application = Application::start(&dev.issuer, "app", Some(SECRET)).await;
    let person = Person::new();

    let begun = application.begin(&[], &[]);
    dev.kill_and_restart();
    let page = person.open(&begun.url).await.unwrap().page();
    dev.kill_and_restart();
    let wrong = person
        .submit(
            &page,
            &[("login", LOGIN), ("password", "planted-password wrong")],
        )
        .await
        .unwrap()
        .page();
    assert!(wrong.asks_for("password"), "{}", wrong.html);
    dev.kill_and_restart();
    let left = person
        .submit(&wrong, &[("login", LOGIN), ("password", PASSWORD)])
        .await
        .unwrap()
        .left();
    dev.kill_and_restart();
    person.open(&left).await.unwrap();
    let logged_in = application.finish(begun).await;
    dev.kill_and_restart();
    application.userinfo(&logged_in.tokens).await.unwrap();
    dev.kill_and_restart();
    let refreshed = application
        .refresh(logged_in.tokens.refresh_token().expect("a refresh token"))
        .await
        .unwrap();
    dev.kill_and_restart();
    application.userinfo(&refreshed).await.unwrap();
}

/// The counter of wrong passwords is not forgotten with the process (AUTH-PWD-04).
#[tokio::test]
async fn a_lockout_survives_a_kill() {
    let mut dev = Dev::start();
    let application = Application::start(&dev.issuer, "app", Some(SECRET)).await;
    let person = Person::new();
    let mut page = person
        .open(&application.begin(&[], &[]).url)
        .await
        .unwrap()
        .page();
    for attempt in 0..5 {
        if attempt == 3 {
            dev.kill_and_restart();
        }
        page = wrong_password(&person, &page).await;
    }
    let barred = person
        .submit(&page, &[("login", LOGIN), ("password", PASSWORD)])
        .await
        .unwrap()
        .page();
    assert!(
        barred.asks_for("password"),
        "the right password is barred too"
    );
    assert_eq!(page.text_of("problem"), barred.text_of("problem"));
}

async fn wrong_password(person: &Person, page: &Page) -> Page {
    person
        .submit(
            page,
            &[("login", LOGIN), ("password", "planted-password wrong")],
        )
        .await
        .unwrap()
        .page()
}
