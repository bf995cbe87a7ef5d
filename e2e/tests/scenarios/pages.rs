//! Pages that people seldom see, in a real Chromium.

use crate::support::application::Application;
use crate::support::browser::Browser;
use crate::support::dev::{Dev, LOGIN, PASSWORD};

const NEW_PASSWORD: &str = "planted-password brand new";

/// AUTH-PWD-07: a password that must change is changed inside the login.
#[tokio::test]
async fn a_password_is_changed_at_login() {
    const NEWCOMER: &str = "planted.newcomer@example.com";
    let dev = Dev::start();
    let attribute = format!("email={NEWCOMER}");
    let create = ["create", &attribute, "--password-stdin", "--must-change"];
    let (done, said) = dev.accounts(&create, &format!("{PASSWORD}\n"));
    assert!(done, "{said}");
    let mut application = Application::start(&dev.issuer, "plain", None).await;
    let browser = Browser::open().await;
    let begun = application.begin(&[], &[]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    browser.log_in(NEWCOMER, PASSWORD).await;
    browser.assert_accessible("password change").await;
    browser.fill("new_password", NEW_PASSWORD).await;
    browser
        .fill("new_password_again", "planted-password other")
        .await;
    browser.press("form.form button.primary").await;
    browser.one("[role='alert']").await;
    browser.assert_accessible("password change refused").await;
    browser.fill("new_password", NEW_PASSWORD).await;
    browser.fill("new_password_again", NEW_PASSWORD).await;
    browser.press("form.form button.primary").await;
    application.finish(begun).await;
    browser.close().await;
}

/// APP-03: whoever may not use an application is told so, and goes back with the error.
#[tokio::test]
async fn a_refusal_is_a_page() {
    let dev = Dev::start();
    let application = Application::start(&dev.issuer, "archive", None).await;
    let browser = Browser::open().await;
    let begun = application.begin(&[], &[]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    browser.log_in(LOGIN, PASSWORD).await;
    let text = browser.text().await;
    assert!(text.contains("Access denied"), "{text}");
    assert!(text.contains("Archive"), "{text}");
    let id = browser.one(".error-id").await.text().await.unwrap();
    dev.wait_for_log(&id);
    browser.assert_accessible("refusal").await;
    browser.close().await;
}

/// KC-LO-01: without an address to return to, the last page is ours.
#[tokio::test]
async fn the_end_of_a_session_is_a_page() {
    let dev = Dev::start();
    let mut application = Application::start(&dev.issuer, "plain", None).await;
    let browser = Browser::open().await;
    let begun = application.begin(&[], &[]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    browser.log_in(LOGIN, PASSWORD).await;
    application.finish(begun).await;
    let mut end = dev.issuer.clone();
    end.set_path(&format!(
        "{}/oauth2/logout",
        end.path().trim_end_matches('/')
    ));
    browser.client.goto(end.as_str()).await.unwrap();
    browser.press("button[value='yes']").await;
    let text = browser.text().await;
    assert!(text.contains("You are logged out"), "{text}");
    browser.assert_accessible("logged out").await;
    browser.close().await;
}

/// OAuth 2.0 Form Post Response Mode: without script a person sends the answer with a button.
#[tokio::test]
async fn an_answer_is_posted_by_a_button() {
    let dev = Dev::start();
    let mut application = Application::start(&dev.issuer, "plain", None).await;
    let browser = Browser::without_script().await;
    let begun = application.begin(&[], &[("response_mode", "form_post")]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    browser.log_in(LOGIN, PASSWORD).await;
    let text = browser.text().await;
    assert!(text.contains("Taking you back to 127.0.0.1"), "{text}");
    browser.one("form button").await.click().await.unwrap();
    application.finish(begun).await;
    browser.close().await;
}
