//! What people see, in a real Chromium.

use fantoccini::Locator;
use openidconnect::TokenResponse;

use crate::support::application::Application;
use crate::support::authenticator::Authenticator;
use crate::support::browser::Browser;
use crate::support::dev::{Dev, LOGIN, PASSWORD};

const SECRET: &str = "planted-client-secret-4f1c0e6b9a7d2835";

/// Password login, single sign-on, logout (KC-LO-01, OIDC-30), and a page for every fault of the
/// request (KC-AZ-01).
#[tokio::test]
async fn a_person_logs_in_and_out() {
    let dev = Dev::start();
    let mut application = Application::start(&dev.issuer, "app", Some(SECRET)).await;
    let browser = Browser::open().await;

    let begun = application.begin(&["profile"], &[]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    assert!(browser.text().await.contains("Harbour library"));
    browser.assert_accessible("login").await;
    browser.fill("login", LOGIN).await;
    browser.fill("password", "planted-password wrong").await;
    browser.press("form.form button.primary").await;
    browser.one("[role='alert']").await;
    browser
        .assert_accessible("login after a wrong password")
        .await;
    browser.log_in(LOGIN, PASSWORD).await;
    let logged_in = application.finish(begun).await;

    let end = application.log_out(&logged_in);
    browser.client.goto(end.as_str()).await.unwrap();
    browser.assert_accessible("logout").await;
    browser.press("button[value='yes']").await;
    assert_eq!(
        browser.client.current_url().await.unwrap(),
        application.home()
    );

    let silent = application.begin(&[], &[("prompt", "none")]);
    browser.client.goto(silent.url.as_str()).await.unwrap();
    let answer = application.answer().await;
    assert!(
        answer.contains(&("error".to_owned(), "login_required".to_owned())),
        "{answer:?}"
    );
    browser.close().await;
}

/// OIDC-13, KC-AZ-10: a wrong redirect address or client is a page with an id that the log has,
/// and never a redirect.
#[tokio::test]
async fn a_wrong_redirect_address_is_a_page() {
    let dev = Dev::start();
    let application = Application::start(&dev.issuer, "app", Some(SECRET)).await;
    let browser = Browser::open().await;
    let wrong = application
        .begin(&[], &[])
        .url
        .as_str()
        .replace("%2Fcallback", "%2Felsewhere");
    browser.client.goto(&wrong).await.unwrap();
    assert_eq!(browser.client.current_url().await.unwrap().as_str(), wrong);
    let id = browser.one(".error-id").await.text().await.unwrap();
    assert!(!id.is_empty());
    browser.assert_accessible("error").await;
    dev.wait_for_log(&id);
    browser.close().await;
}

/// AUTH-TOTP-01, FLOW-20: a second factor is set up when it is first asked for, and asked for
/// afterwards; a recovery code stands in once.
#[tokio::test]
async fn a_second_factor_is_set_up_at_login() {
    let dev = Dev::start();
    let mut application = Application::start(&dev.issuer, "strict", None).await;
    let browser = Browser::open().await;

    let begun = application.begin(&[], &[]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    browser.log_in(LOGIN, PASSWORD).await;
    browser.assert_accessible("enrolment").await;
    browser
        .one("details.more summary")
        .await
        .click()
        .await
        .unwrap();
    let seed = browser.one(".secret code").await.text().await.unwrap();
    let authenticator = Authenticator::with_seed(&seed);
    browser.fill("code", &authenticator.code(0)).await;
    browser.press("form.form button.primary").await;
    browser.assert_accessible("recovery codes").await;
    let mut codes = Vec::new();
    for code in browser
        .client
        .find_all(Locator::Css(".codes code"))
        .await
        .unwrap()
    {
        codes.push(code.text().await.unwrap());
    }
    assert_eq!(codes.len(), 10);
    browser.one("#saved").await.click().await.unwrap();
    browser.press("form.form button.primary").await;
    let first = application.finish(begun).await;
    assert!(first.tokens.id_token().is_some());
    browser.close().await;

    let browser = Browser::open().await;
    let begun = application.begin(&[], &[]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    browser.log_in(LOGIN, PASSWORD).await;
    browser.assert_accessible("code").await;
    browser
        .one("details.more summary")
        .await
        .click()
        .await
        .unwrap();
    browser.fill("recovery_code", &codes[0]).await;
    browser.press("details.more button").await;
    let second = application.finish(begun).await;
    assert_eq!(first.claims.subject(), second.claims.subject());

    let begun = application.begin(&[], &[("prompt", "login")]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    browser.log_in(LOGIN, PASSWORD).await;
    browser
        .one("details.more summary")
        .await
        .click()
        .await
        .unwrap();
    browser.fill("recovery_code", &codes[0]).await;
    browser.press("details.more button").await;
    browser.one("[role='alert']").await;
    browser.close().await;
}

/// KC-CONS-01, KC-SC-04: consent is asked once, and later only for what is new.
#[tokio::test]
async fn consent_is_remembered_and_asks_only_for_what_is_new() {
    let dev = Dev::start();
    let mut application = Application::start(&dev.issuer, "consenting", None).await;
    let browser = Browser::open().await;

    let begun = application.begin(&["profile"], &[]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    browser.log_in(LOGIN, PASSWORD).await;
    assert!(browser.text().await.contains("Photo albums"));
    browser.assert_accessible("consent").await;
    browser.press("button[value='allow']").await;
    application.finish(begun).await;

    let begun = application.begin(&["profile"], &[]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    application.finish(begun).await;

    let begun = application.begin(&["profile", "email"], &[]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    let asked = browser
        .one("[aria-labelledby='new-scopes']")
        .await
        .text()
        .await
        .unwrap();
    assert!(
        asked.contains("e-mail") && !asked.contains("first and last"),
        "{asked}"
    );
    browser.press("button[value='deny']").await;
    let answer = application.answer().await;
    assert!(
        answer.contains(&("error".to_owned(), "access_denied".to_owned())),
        "{answer:?}"
    );
    drop(begun);
    browser.close().await;
}

/// Password login needs no script.
#[tokio::test]
async fn a_person_logs_in_without_script() {
    let dev = Dev::start();
    let mut application = Application::start(&dev.issuer, "app", Some(SECRET)).await;
    let browser = Browser::without_script().await;
    let begun = application.begin(&[], &[]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    browser.log_in(LOGIN, PASSWORD).await;
    application.finish(begun).await;
    browser.close().await;
}
