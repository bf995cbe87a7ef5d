//! A real Chromium.

use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

use super::child::Running;

/// Ends the driver, and it its browsers, when the other end of its input closes: statics are not
/// dropped, and a test run that is killed drops nothing.
const WATCHED_DRIVER: &str = "chromedriver --port=0 & driver=$!; cat >/dev/null; kill $driver";

/// One driver for all tests; each browser has a profile of its own.
fn driver() -> &'static str {
    static DRIVER: OnceLock<(Running, String)> = OnceLock::new();
    &DRIVER
        .get_or_init(|| {
            let running = Running::start(Command::new("sh").args(["-c", WATCHED_DRIVER]));
            let port: u16 = running.wait_for(0, Duration::from_secs(20), "driver port", |line| {
                line.strip_suffix('.')?
                    .rsplit_once("on port ")?
                    .1
                    .parse()
                    .ok()
            });
            (running, format!("http://127.0.0.1:{port}"))
        })
        .1
}

/// A browser, closed by [`Browser::close`].
pub(crate) struct Browser {
    pub(crate) client: Client,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// A new one, with nothing remembered.
    pub(crate) async fn open() -> Self {
        Self::with_script(true).await
    }

    /// A browser whose pages may not run scripts.
    pub(crate) async fn without_script() -> Self {
        Self::with_script(false).await
    }

    async fn with_script(script: bool) -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let capabilities = json!({
            "goog:chromeOptions": {
                "binary": "/usr/bin/chromium",
                "args": [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync",
                    "--disable-dev-shm-usage", "--lang=en", "--window-size=1280,900",
                    format!("--user-data-dir={}", profile.path().display()),
                ],
                "prefs": {
                    "profile.managed_default_content_settings.javascript": if script { 1 } else { 2 },
                    "intl.accept_languages": "en",
                },
            },
        });
        let client = ClientBuilder::rustls()
            .expect("a TLS provider")
            .capabilities(capabilities.as_object().expect("an object").clone())
            .connect(driver())
            .await
            .expect("a browser");
        Self {
            client,
            _profile: profile,
        }
    }

    /// Ends it.
    pub(crate) async fn close(self) {
        self.client.close().await.expect("the browser closes");
    }

    /// Types into the field with this `name`.
    pub(crate) async fn fill(&self, name: &str, text: &str) {
        let field = self.one(&format!("[name='{name}']")).await;
        field.clear().await.expect("it can be cleared");
        field.send_keys(text).await.expect("it takes text");
    }

    /// Fills in and sends the page that asks for login and password.
    pub(crate) async fn log_in(&self, login: &str, password: &str) {
        self.fill("login", login).await;
        self.fill("password", password).await;
        self.press("form.form button.primary").await;
    }

    /// Presses the element and waits until another document is there.
    pub(crate) async fn press(&self, css: &str) {
        let document = self.one("html").await;
        self.one(css)
            .await
            .click()
            .await
            .expect("it can be pressed");
        self.another_document(&document, css).await;
    }

    /// Presses what has the focus with the Enter key, and waits as [`Self::press`] does.
    pub(crate) async fn press_by_keyboard(&self, focused: &Element) {
        let document = self.one("html").await;
        let enter = char::from(Key::Enter).to_string();
        focused.send_keys(&enter).await.expect("it takes keys");
        self.another_document(&document, "Enter").await;
    }

    async fn another_document(&self, document: &Element, pressed: &str) {
        let gone = async {
            while document.attr("lang").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(20), gone)
            .await
            .is_err()
        {
            panic!(
                "nothing came of pressing {pressed}: {}",
                self.describe().await
            );
        }
        self.one("body").await;
    }

    /// The element, once it is there.
    pub(crate) async fn one(&self, css: &str) -> Element {
        match self
            .client
            .wait()
            .at_most(Duration::from_secs(20))
            .for_element(Locator::Css(css))
            .await
        {
            Ok(element) => element,
            Err(fault) => panic!("no {css}: {fault}\n{}", self.describe().await),
        }
    }

    /// Text of the page.
    pub(crate) async fn text(&self) -> String {
        self.one("body").await.text().await.expect("it has a text")
    }

    /// Address, for messages.
    pub(crate) async fn describe(&self) -> String {
        let url = self.client.current_url().await.map(|url| url.to_string());
        let source = self.client.source().await.unwrap_or_default();
        format!("{url:?}\n{source}")
    }

    /// Fails where axe-core finds a fault of the page, or it must be scrolled sideways: on a desk
    /// and on a telephone, light and dark.
    pub(crate) async fn assert_accessible(&self, page: &str) {
        for (width, height) in [(1280, 900), (360, 740)] {
            for colours in ["light", "dark"] {
                self.look(width, height, colours).await;
                let faults = self.accessibility_faults().await;
                assert!(
                    faults.is_empty(),
                    "{page}, {width} px, {colours}: {faults:#?}"
                );
                let wide = "return document.documentElement.scrollWidth";
                let wide = self.client.execute(wide, Vec::new()).await;
                let wide = wide.expect("a number").as_i64().expect("a number");
                assert!(wide <= width, "{page} is {wide} px wide on {width} px");
            }
        }
        self.look(1280, 900, "light").await;
    }

    async fn look(&self, width: i64, height: i64, colours: &str) {
        let screen = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", screen)
            .await;
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": colours}]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    async fn devtools(&self, command: &str, parameters: Value) {
        self.client
            .issue_cmd(DevTools {
                command: command.to_owned(),
                parameters,
            })
            .await
            .expect("the browser does as told");
    }

    async fn accessibility_faults(&self) -> Vec<String> {
        let axe = std::fs::read_to_string(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/node_modules/axe-core/axe.min.js"
        ))
        .expect("scripts/prepare brings axe-core");
        let script = format!(
            "{axe}; const done = arguments[arguments.length - 1];
             document.getAnimations().forEach(one => one.finish());
             axe.run(document).then(r => done(r.violations.map(v =>
                 v.id + ': ' + v.help + ' ' + v.nodes.map(n => n.html).join(' | '))));"
        );
        let found = self
            .client
            .execute_async(&script, Vec::new())
            .await
            .expect("axe-core runs");
        serde_json::from_value(found).expect("a list of texts")
    }
}

/// A command of the browser's own protocol, through its driver.
#[derive(Debug)]
struct DevTools {
    command: String,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({"cmd": self.command, "params": self.parameters});
        (Method::POST, Some(body.to_string()))
    }
}
