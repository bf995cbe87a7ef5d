//! Relying parties over libraries of others (`e2e/clients`), against `dev` with TLS: login, userinfo,
//! refresh, a planned rotation of the signing key and one of a compromised key in mid-session,
//! logout, and that a refresh is refused after it (KC-AZ-01, KC-TK-01, KC-TK-04, KC-UI-01, KC-LO-01,
//! KC-KEY-02, KC-KEY-03).

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use crate::support::child::Running;
use crate::support::dev::{LOGIN, edit, scenario_folder};
use crate::support::secured::{Secured, log_in, log_out};

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
        let looked_at = Cell::new(self.heard);
        let said = self.process.wait_for(self.heard, ANSWER, key, |line| {
            looked_at.set(looked_at.get() + 1);
            let said: Value = serde_json::from_str(line).ok()?;
            said.get(key).is_some().then_some(said)
        });
        self.heard = looked_at.get();
        said
    }
}

async fn live_through_rotations(command: &mut Command) {
    let folder = scenario_folder();
    let keys = "  keys: {jwksMaxAge: 1s, publishAhead: 1s}\n  sessions:\n";
    edit(folder.path(), "realm.yaml", "  sessions:\n", keys);
    let served = Secured::start(folder);
    let (dev, person) = (&served.dev, served.person());

    let mut party = Party::start(command, &served.authority());
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
    let back = log_in(&person, &page, LOGIN).await;
    party.say(&json!({"callback": back.as_str()}));
    let first = party.hear("sub");
    assert_eq!(first["email"], LOGIN);

    let mut again = |kid: String, honoured: bool| {
        party.say(&json!({"again": "yes"}));
        let (sub, email) = (&first["sub"], LOGIN);
        let expected = json!({"sub": sub, "email": email, "kid": kid, "honoured": honoured});
        assert_eq!(party.hear("sub"), expected);
    };
    again(dev.signing_key(), true);
    // What the former key signed is good to its end.
    again(dev.rotate(), true);
    // What the compromised one signed is not.
    again(dev.compromise(), false);

    party.say(&json!({"logOut": "yes"}));
    let done = party.hear("logout");
    let home = log_out(&person, &url(&done, "logout")).await;
    assert_eq!(home.as_str(), HOME);
    party.say(&json!({"loggedOut": "yes"}));
    assert_eq!(party.hear("refused")["refused"], "invalid_grant");
}

#[tokio::test]
async fn openid_client_of_node() {
    live_through_rotations(Command::new("node").arg(clients().join("openid_client.mjs"))).await;
}

#[tokio::test]
async fn authlib_of_python() {
    let packages = clients().join("site-packages");
    let mut command = Command::new("python3");
    command.arg(clients().join("authlib_client.py"));
    live_through_rotations(command.env("PYTHONPATH", packages)).await;
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
    live_through_rotations(&mut Command::new(program)).await;
}
