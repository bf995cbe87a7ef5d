//! Relying parties over libraries of others (`e2e/clients`), against `dev` with TLS: login, userinfo,
//! refresh, logout, and that a refresh is refused after it (KC-AZ-01, KC-TK-01, KC-TK-04, KC-UI-01,
//! KC-LO-01).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use crate::support::certificates::Certificates;
use crate::support::child::Running;
use crate::support::dev::{ANY_PORT, Dev, LOGIN, PASSWORD, scenario_folder};
use crate::support::network::Network;
use crate::support::person::Person;

const SECRET: &str = "planted-client-secret-4f1c0e6b9a7d2835";

/// Nobody listens there: the browser's last step is looked at, not gone.
const CALLBACK: &str = "http://127.0.0.1:1/callback";
const HOME: &str = "http://127.0.0.1:1/";

const ANSWER: Duration = Duration::from_secs(60);

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// An application that speaks by lines of JSON.
struct Party {
    process: Running,
    heard: usize,
}

impl Party {
    fn start(command: &mut Command, authority: &Path) -> Self {
        let command = command
            .env("SSL_CERT_FILE", authority)
            .env("NODE_EXTRA_CA_CERTS", authority)
            .env("REQUESTS_CA_BUNDLE", authority);
        Self {
            process: Running::start(command),
            heard: 0,
        }
    }

    fn say(&mut self, value: &Value) {
        self.process.say(&value.to_string());
    }

    fn hear(&mut self, key: &str) -> Value {
        let from = self.heard;
        self.heard = self.process.printed();
        self.process.wait_for(from, ANSWER, key, |line| {
            let said: Value = serde_json::from_str(line).ok()?;
            said.get(key).is_some().then_some(said)
        })
    }
}

async fn log_in_and_out(command: &mut Command) {
    let certificates = Certificates::of("localhost");
    let text = |path: PathBuf| path.to_str().expect("UTF-8").to_owned();
    let (certificate, key) = (text(certificates.certificate()), text(certificates.key()));
    let arguments = [
        "--host",
        "localhost",
        "--tls-cert",
        &certificate,
        "--tls-key",
        &key,
    ];
    let dev = Dev::start_with(scenario_folder(), ANY_PORT, &arguments);
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), &certificates.authority).unwrap();
    let person = Person::over(&Network::trusting(&certificates.authority));

    let mut party = Party::start(command, authority.path());
    party.say(&json!({
        "issuer": dev.issuer.as_str(),
        "clientId": "app",
        "clientSecret": SECRET,
        "redirectUri": CALLBACK,
        "home": HOME,
    }));
    let url = |said: &Value, key: &str| Url::parse(said[key].as_str().unwrap()).unwrap();
    let begun = party.hear("authorize");
    let page = person.open(&url(&begun, "authorize")).await.unwrap().page();
    let fields = [("login", LOGIN), ("password", PASSWORD)];
    let back = person.submit(&page, &fields).await.unwrap().left();
    party.say(&json!({"callback": back.as_str()}));

    let done = party.hear("logout");
    assert_eq!(done["email"], LOGIN);
    assert_eq!(done["refreshed"], true);
    assert!(!done["sub"].as_str().unwrap().is_empty());
    let asked = person.open(&url(&done, "logout")).await.unwrap().page();
    let home = person
        .submit(&asked, &[("answer", "yes")])
        .await
        .unwrap()
        .left();
    assert_eq!(home.as_str(), HOME);
    party.say(&json!({"loggedOut": "yes"}));
    assert_eq!(party.hear("refused")["refused"], "invalid_grant");
}

#[tokio::test]
async fn openid_client_of_node() {
    log_in_and_out(Command::new("node").arg(clients().join("openid_client.mjs"))).await;
}

#[tokio::test]
async fn authlib_of_python() {
    let packages = clients().join("site-packages");
    let mut command = Command::new("python3");
    command.arg(clients().join("authlib_client.py"));
    log_in_and_out(command.env("PYTHONPATH", packages)).await;
}

#[tokio::test]
async fn go_oidc_of_go() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("client");
    let built = Command::new("go")
        .args(["build", "-mod=readonly", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(clients().join("go-oidc"))
        .status()
        .unwrap();
    assert!(built.success(), "the client does not build");
    log_in_and_out(&mut Command::new(program)).await;
}
