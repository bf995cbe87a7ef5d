//! Several methods in one step, in a real Chromium: the way to the others by keyboard, and without
//! script.

use fantoccini::key::Key;

use crate::support::application::Application;
use crate::support::browser::Browser;
use crate::support::dev::{Dev, LOGIN, PASSWORD};

const CHOICE: &str = "
apiVersion: realmwright.dev/v1alpha1
kind: AuthMethod
metadata: {namespace: identity, name: phone}
spec:
  realmRef: {name: quickstart}
  displayName: {en: Phone number and password, uk: Номер телефону і пароль}
  password: {match: [{all: [{attribute: phone_number, equals: login}]}]}
---
apiVersion: realmwright.dev/v1alpha1
kind: AuthFlow
metadata: {namespace: identity, name: phone-first}
spec:
  realmRef: {name: quickstart}
  entry:
  - {name: either, when: 'login.factors == 0', then: {more: {methods: [phone, password]}}}
---
apiVersion: realmwright.dev/v1alpha1
kind: Client
metadata: {namespace: identity, name: choosing}
spec:
  realmRef: {name: quickstart}
  displayName: {en: Ferry tickets}
  flow: phone-first
  oidc:
    authentication: {none: {}}
    redirectUris: [http://127.0.0.1/callback]
    scopes: {default: [openid]}
";

async fn served() -> (Dev, Application) {
    let dev = Dev::start();
    // They say that the quickstart asks for one method only.
    std::fs::remove_file(dev.folder().join("tests.yaml")).unwrap();
    let said = dev.add("choice.yaml", CHOICE);
    assert_eq!(
        said["diagnostics"].as_array().map(Vec::len),
        Some(0),
        "{said}"
    );
    let application = Application::start(&dev.issuer, "choosing", None).await;
    (dev, application)
}

/// Moves the focus forward to the element and presses it with the keyboard.
async fn enter(browser: &Browser, css: &str) {
    let wanted = browser.one(css).await.text().await.expect("a text");
    for _ in 0..20 {
        let focused = browser.client.active_element().await.expect("a focus");
        if focused.text().await.expect("a text") == wanted {
            return browser.press_by_keyboard(&focused).await;
        }
        let tab = char::from(Key::Tab).to_string();
        focused.send_keys(&tab).await.expect("it takes keys");
    }
    panic!("{css} cannot be reached: {}", browser.describe().await);
}

/// FLOW-21, UI-20: the first method of the flow, the choice in its order, and back, by keyboard
/// alone.
#[tokio::test]
async fn another_way_is_chosen_by_keyboard() {
    let (_dev, mut application) = served().await;
    let browser = Browser::open().await;
    let begun = application.begin(&[], &[]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    browser
        .assert_accessible("the first of several methods")
        .await;
    enter(&browser, "button[value='other-way']").await;
    browser.assert_accessible("choice").await;
    let choices = browser.one("form.choices").await.text().await.unwrap();
    let lines: Vec<&str> = choices.lines().collect();
    assert_eq!(lines, ["Phone number and password", "Password"]);
    enter(&browser, "button[value='password']").await;
    browser.fill("login", LOGIN).await;
    browser.fill("password", PASSWORD).await;
    browser.press("form.form button.primary").await;
    application.finish(begun).await;
    browser.close().await;
}

/// The same without script, in another language.
#[tokio::test]
async fn another_way_is_chosen_without_script() {
    let (_dev, mut application) = served().await;
    let browser = Browser::without_script().await;
    let begun = application.begin(&[], &[("ui_locales", "uk")]);
    browser.client.goto(begun.url.as_str()).await.unwrap();
    assert!(browser.text().await.contains("Увійти іншим способом"));
    browser.press("button[value='other-way']").await;
    assert!(browser.text().await.contains("Номер телефону і пароль"));
    browser.press("button[value='phone']").await;
    browser.fill("login", "+380501234567").await;
    browser.fill("password", PASSWORD).await;
    browser.press("form.form button.primary").await;
    application.finish(begun).await;
    browser.close().await;
}
