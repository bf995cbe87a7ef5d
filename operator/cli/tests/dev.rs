//! `realmwright dev` as people use it: start, log in, edit, break, mend, stop.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use url::Url;

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const PATIENCE: Duration = Duration::from_secs(60);

/// A running `dev` over a copy of the quickstart.
struct Dev {
    child: Child,
    lines: Receiver<Value>,
    folder: tempfile::TempDir,
    issuer: String,
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn copy_quickstart(to: &Path) {
    let quickstart = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart");
    for entry in fs::read_dir(quickstart).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

impl Dev {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_quickstart(folder.path());
        Self::start_in(folder)
    }

    fn start_in(folder: tempfile::TempDir) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_realmwright"))
            .args([
                "dev",
                "--listen",
                "127.0.0.1:0",
                "--no-demo",
                "--format",
                "json",
            ])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let ready: Value = lines.recv_timeout(PATIENCE).unwrap();
        let issuer = ready["realms"][0]["issuer"].as_str().unwrap().to_owned();
        Self {
            child,
            lines,
            folder,
            issuer,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Edits a file and waits for the answer.
    fn edit(&self, name: &str, from: &str, to: &str) -> Value {
        let path = self.file(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} holds no {from}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        self.said("live")
    }

    /// The next line that says `what`.
    fn said(&self, what: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            if line.get(what).is_some() {
                return line;
            }
        }
    }

    /// The generated secret of a client, from its manifest.
    fn secret_of(&self, client: &str) -> String {
        let prefix = format!("identity.{client}");
        let entry = fs::read_dir(self.file(".realmwright/secrets"))
            .unwrap()
            .map(Result::unwrap)
            .find(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        let (_, data) = text.split_once("stringData:").unwrap();
        data.split('"').nth(3).unwrap().to_owned()
    }

    /// Stops it as Ctrl-C does and gives its status back.
    fn stop(&mut self) -> Option<i32> {
        let process = self.child.id().to_string();
        Command::new("kill")
            .args(["-INT", &process])
            .status()
            .unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        // Its output ends with it.
        let left = || end.saturating_duration_since(Instant::now());
        while self.lines.recv_timeout(left()).is_ok() {}
        assert!(Instant::now() < end, "it does not stop");
        self.child.wait().unwrap().code()
    }
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder()
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

async fn discovery(issuer: &str) -> Value {
    browser()
        .get(format!("{issuer}/.well-known/openid-configuration"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

fn attribute<'h>(tag: &'h str, name: &str) -> Option<&'h str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// Action and fields of the first form of a page.
fn form(page: &str) -> (String, Vec<(String, String)>) {
    let (_, rest) = page.split_once("<form").unwrap();
    let (form, _) = rest.split_once("</form>").unwrap();
    let (head, body) = form.split_once('>').unwrap();
    let action = attribute(head, "action").unwrap_or_default();
    let fields = body
        .split("<input")
        .skip(1)
        .filter_map(|tag| {
            let tag = tag.split_once('>').map_or(tag, |(tag, _)| tag);
            let name = attribute(tag, "name")?;
            let value = attribute(tag, "value").unwrap_or_default();
            Some((name.to_owned(), value.to_owned()))
        })
        .collect();
    (action.replace("&#x2f;", "/"), fields)
}

/// Logs in with a password and gives back where the browser is sent.
async fn log_in(issuer: &str, password: &str) -> Result<Url, String> {
    let metadata = discovery(issuer).await;
    let browser = browser();
    let authorize = Url::parse_with_params(
        metadata["authorization_endpoint"].as_str().unwrap(),
        [
            ("response_type", "code"),
            ("client_id", "demo"),
            ("redirect_uri", "http://127.0.0.1:9999/callback"),
            ("scope", "openid profile email"),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ],
    )
    .unwrap();
    let page = browser
        .get(authorize.clone())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let (action, mut fields) = form(&page);
    for (name, value) in &mut fields {
        match name.as_str() {
            "login" => "demo@example.com".clone_into(value),
            "password" => password.clone_into(value),
            _ => {}
        }
    }
    let answer = browser
        .post(authorize.join(&action).unwrap())
        .header("origin", authorize.origin().ascii_serialization())
        .form(&fields)
        .send()
        .await
        .unwrap();
    match answer.headers().get("location") {
        Some(location) => Ok(Url::parse(location.to_str().unwrap())
            .or_else(|_| authorize.join(location.to_str().unwrap()))
            .unwrap()),
        None => Err(answer.text().await.unwrap()),
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_login_to_tokens() {
    let mut dev = Dev::start();
    let metadata = discovery(&dev.issuer).await;
    assert_eq!(metadata["issuer"], dev.issuer.as_str());

    let response = log_in(&dev.issuer, "correct horse battery").await.unwrap();
    assert_eq!(response.port(), Some(9999), "{response}");
    assert_eq!(parameter(&response, "state").as_deref(), Some("the state"));
    assert_eq!(parameter(&response, "iss"), Some(dev.issuer.clone()));
    let code = parameter(&response, "code").unwrap();

    let secret = dev.secret_of("demo");
    let token_endpoint = metadata["token_endpoint"].as_str().unwrap();
    let exchange = |verifier: &'static str| {
        browser()
            .post(token_endpoint)
            .basic_auth("demo", Some(&secret))
            .form(&[
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", "http://127.0.0.1:9999/callback"),
                ("code_verifier", verifier),
            ])
            .send()
    };
    let tokens: Value = exchange(VERIFIER).await.unwrap().json().await.unwrap();
    let access = tokens["access_token"].as_str().unwrap();
    assert!(tokens["id_token"].is_string() && tokens["refresh_token"].is_string());
    let person: Value = browser()
        .get(metadata["userinfo_endpoint"].as_str().unwrap())
        .bearer_auth(access)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(person["email"], "demo@example.com");

    let again: Value = exchange(VERIFIER).await.unwrap().json().await.unwrap();
    assert_eq!(again["error"], "invalid_grant", "a code is good once");
    if let Ok(url) = log_in(&dev.issuer, "wrong password").await {
        assert_ne!(url.port(), Some(9999), "{url}");
    }
    assert_eq!(dev.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_live_and_a_mistake_stops_nothing() {
    let mut dev = Dev::start();

    let told = dev.edit("scopes.yaml", "name: email", "name: mail");
    assert!(
        !told["diagnostics"].as_array().unwrap().is_empty(),
        "{told}"
    );
    assert!(told["live"].as_array().unwrap().is_empty());
    let scopes = discovery(&dev.issuer).await["scopes_supported"].to_string();
    assert!(
        scopes.contains("\"email\""),
        "the last good realm is served: {scopes}"
    );

    let told = dev.edit("scopes.yaml", "name: mail", "name: email");
    assert!(told["diagnostics"].as_array().unwrap().is_empty(), "{told}");

    let told = dev.edit(
        "clients.yaml",
        "grantTypes: [authorization_code, refresh_token]",
        "grantTypes: [authorization_code]",
    );
    let changed = dev.said("changed");
    let changed = &changed["changed"];
    assert_eq!(changed["digest"], told["live"][0]["digest"]);
    assert_eq!(changed["verdict"], "changed");
    assert_eq!(
        changed["changes"],
        serde_json::json!([{
            "text": "demo: may no longer use the grant refresh_token",
            "risk": null,
        }])
    );
    assert_eq!(dev.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_keys_secrets_and_the_revision() {
    let mut dev = Dev::start();
    let jwks = |issuer: String| async move {
        let metadata = discovery(&issuer).await;
        let keys: Value = browser()
            .get(metadata["jwks_uri"].as_str().unwrap())
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        keys
    };
    let before = jwks(dev.issuer.clone()).await;
    let secret_before = dev.secret_of("demo");
    dev.edit(
        "clients.yaml",
        "grantTypes: [authorization_code, refresh_token]",
        "grantTypes: [authorization_code]",
    );
    let head = |dev: &Dev| -> Value {
        let path = dev.file(".realmwright/published/identity.quickstart/head.json");
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    };
    let head_before = head(&dev);
    assert_eq!(dev.stop(), Some(0));
    assert!(!dev.file(".realmwright/running.json").exists());

    let folder = std::mem::replace(&mut dev.folder, tempfile::tempdir().unwrap());
    let dev = Dev::start_in(folder);
    assert_eq!(jwks(dev.issuer.clone()).await, before);
    assert_eq!(dev.secret_of("demo"), secret_before);
    let head_after = head(&dev);
    assert!(
        head_after["revision"].as_u64() >= head_before["revision"].as_u64(),
        "{head_before} {head_after}"
    );
}

const SUPPLIED: &str = "
apiVersion: v1
kind: Secret
metadata: {namespace: identity, name: supplied}
stringData:
  old: the-old-secret-4f1c0e6b9a7d2835
  new: the-new-secret-90b3d5a1c7e84f62
  weak: weak
---
apiVersion: realmwright.dev/v1alpha1
kind: Client
metadata: {namespace: identity, name: service}
spec:
  realmRef: {name: quickstart}
  oidc:
    authentication:
      secret:
        secretRef: {name: supplied, key: old}
    grantTypes: [client_credentials]
    scopes: {default: ['realmwright:accounts']}
";

const ROTATED: &str = "
apiVersion: realmwright.dev/v1alpha1
kind: Client
metadata: {namespace: identity, name: service}
spec:
  realmRef: {name: quickstart}
  oidc:
    authentication:
      secret:
        generated: {rotation: {interval: 720h, overlap: 5s}}
    grantTypes: [client_credentials]
    scopes: {default: ['realmwright:accounts']}
";

#[expect(
    clippy::disallowed_methods,
    reason = "compared with what the process says"
)]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

async fn token_endpoint(dev: &Dev) -> String {
    let metadata = discovery(&dev.issuer).await;
    metadata["token_endpoint"].as_str().unwrap().to_owned()
}

/// How a request for a token is answered to the client `service` with this secret.
async fn status_of_service(endpoint: &str, secret: &str) -> u16 {
    let answer = browser().post(endpoint).basic_auth("service", Some(secret));
    let answer = answer.form(&[("grant_type", "client_credentials")]).send();
    answer.await.unwrap().status().as_u16()
}

/// OIDC-11: a supplied secret is rotated by its owner without an outage, and each edit holds at
/// once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supplied_secret_is_rotated_by_edits() {
    let folder = tempfile::tempdir().unwrap();
    copy_quickstart(folder.path());
    fs::write(folder.path().join("service.yaml"), SUPPLIED).unwrap();
    let mut dev = Dev::start_in(folder);
    let endpoint = token_endpoint(&dev).await;
    let lets_in = async |secret: &str| status_of_service(&endpoint, secret).await;
    let accepted = async || {
        (
            lets_in("the-old-secret-4f1c0e6b9a7d2835").await,
            lets_in("the-new-secret-90b3d5a1c7e84f62").await,
        )
    };
    assert_eq!(accepted().await, (200, 401));

    let main = "        secretRef: {name: supplied, key: old}\n";
    let told = dev.edit(
        "service.yaml",
        main,
        &format!("{main}        additionalSecretRef: {{name: supplied, key: weak}}\n"),
    );
    let said = told["diagnostics"].to_string();
    assert!(said.contains("fewer than 128 bits"), "{told}");
    assert!(said.contains("additionalSecretRef"), "{told}");
    assert_eq!(accepted().await, (200, 401));

    dev.edit("service.yaml", "key: weak", "key: new");
    assert_eq!(accepted().await, (200, 200));

    dev.edit(
        "service.yaml",
        &format!("{main}        additionalSecretRef: {{name: supplied, key: new}}\n"),
        "        secretRef: {name: supplied, key: new}\n",
    );
    assert_eq!(accepted().await, (401, 200));
    assert_eq!(dev.stop(), Some(0));
}

/// OIDC-10, OIDC-11: a generated secret is replaced by the clock. Both values are accepted through
/// the overlap, the former one is refused after, and no output says either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_secret_is_rotated_by_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    copy_quickstart(folder.path());
    fs::write(folder.path().join("service.yaml"), ROTATED).unwrap();
    let mut dev = Dev::start_in(folder);
    let endpoint = token_endpoint(&dev).await;
    let lets_in = async |secret: &str| status_of_service(&endpoint, secret).await;
    let first = dev.secret_of("service");
    dev.edit("service.yaml", "interval: 720h", "interval: 6s");
    let said = dev.said("secretReplaced");
    let replaced = &said["secretReplaced"];
    assert_eq!(
        replaced["secret"], "identity/service-client[clientSecret]",
        "{said}"
    );
    let until: jiff::Timestamp = replaced["formerUntil"].as_str().unwrap().parse().unwrap();
    let second = dev.secret_of("service");
    assert_ne!(second, first);
    assert_eq!(lets_in(&second).await, 200);
    assert_eq!(lets_in(&first).await, 200, "until {until}");

    // No further one is made meanwhile.
    let told = dev.edit("service.yaml", "interval: 6s", "interval: 720h");
    assert_eq!(told["live"][0]["realm"], "identity.quickstart", "{told}");
    let deadline = Instant::now() + PATIENCE;
    while lets_in(&first).await == 200 {
        assert!(
            Instant::now() < deadline,
            "the former value is accepted for ever"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(now() >= until);
    assert_eq!(lets_in(&first).await, 401);
    assert_eq!(lets_in(&second).await, 200);
    assert_eq!(dev.secret_of("service"), second);
    assert!(![&said, &told].iter().any(|line| {
        let line = line.to_string();
        line.contains(&first) || line.contains(&second)
    }));
    assert_eq!(dev.stop(), Some(0));
}

#[test]
fn a_folder_with_faults_waits_to_be_mended() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), "kind: Nothing\n").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_realmwright"))
        .args([
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--no-demo",
            "--format",
            "json",
        ])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert!(child.try_wait().unwrap().is_none(), "it goes on waiting");
    child.kill().unwrap();
    child.wait().unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["ready"], false);
    let told = first["diagnostics"].to_string();
    assert!(told.contains("a.yaml"), "the fault is told: {first}");
}

#[test]
fn others_are_not_served_in_plain_text() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_realmwright"))
        .args(["dev", "--listen", "0.0.0.0:0"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--tls-cert"));
}

/// What `dev` says for people until it serves, or says that it does not.
fn first_words(program: &Path, folder: &Path) -> (String, String) {
    let mut child = Command::new(program)
        .args(["dev", "--listen", "127.0.0.1:0"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        said = said + &line + "\n";
        if line.contains("Ctrl-C ends") || line.contains("nothing is served") {
            break;
        }
    }
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    (said, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_empty_folder_is_said_to_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_realmwright"));
    let (said, _) = first_words(program, folder.path());
    assert!(said.contains("holds no YAML"), "{said}");
}

/// Nobody can log in where nothing is served.
#[test]
fn nobody_is_invited_while_a_secret_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    copy_quickstart(folder.path());
    let path = folder.path().join("demo-person.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("name: demo-person", "name: nobody")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_realmwright"));
    let (said, _) = first_words(program, folder.path());
    assert!(said.contains("not served"), "{said}");
    assert!(!said.contains("log in as"), "{said}");
}

/// The demo application is announced only where it can live.
#[test]
fn a_demo_whose_port_is_taken_is_not_announced() {
    let folder = tempfile::tempdir().unwrap();
    copy_quickstart(folder.path());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let path = folder.path().join("clients.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("127.0.0.1:8090", &address)).unwrap();

    // A program of its name lies beside ours; it must not even be started.
    let beside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let program = beside.path().join("realmwright");
    fs::hard_link(env!("CARGO_BIN_EXE_realmwright"), &program).unwrap();
    fs::hard_link("/bin/false", beside.path().join("realmwright-demo"))
        .or_else(|_| fs::copy("/bin/false", beside.path().join("realmwright-demo")).map(|_| ()))
        .unwrap();

    let (said, log) = first_words(&program, folder.path());
    assert!(said.contains("Ready"), "{said}");
    assert!(!said.contains(&address), "{said}");
    assert!(log.contains("the demo application is not started"), "{log}");
    assert!(log.contains(&address), "{log}");
    assert!(!log.contains("demo application ended"), "{log}");
}

/// With a second realm the first one moves to another address, which is said.
#[test]
fn a_realm_that_moves_says_where_to() {
    let dev = Dev::start();
    let realm = fs::read_to_string(dev.file("realm.yaml")).unwrap();
    let (realm, _) = realm.split_once("  bootstrapAccounts:").unwrap();
    let second = realm
        .replace("name: quickstart", "name: second")
        .replace("  flow: step-up\n", "")
        .replace("example.com/quickstart", "example.com/second");
    fs::write(dev.file("second.yaml"), second).unwrap();
    let told = dev.said("live");
    let live = told["live"].as_array().unwrap();
    let second = live.iter().find(|live| live["new"] == true);
    assert_eq!(second.unwrap()["realm"], "identity.second", "{told}");
    let changed = dev.said("changed");
    let moved = &changed["changed"];
    assert_eq!(moved["realm"], "identity.quickstart");
    assert_eq!(moved["verdict"], "risky");
    let origin = dev.issuer.strip_suffix("/quickstart").unwrap();
    assert_eq!(
        moved["changes"][0]["text"],
        format!(
            "the issuer  {} -> {origin}/identity.quickstart/quickstart",
            dev.issuer
        )
    );
}

/// A removed folder is an edit like another, and no fault of the watch.
#[test]
fn a_removed_folder_is_no_fault_of_the_watch() {
    let folder = tempfile::tempdir().unwrap();
    copy_quickstart(folder.path());
    let inner = folder.path().join("more");
    fs::create_dir(&inner).unwrap();
    let extra = fs::read_to_string(folder.path().join("flow.yaml")).unwrap();
    fs::write(inner.join("flow.yaml"), extra.replace("step-up", "more")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_realmwright"))
        .args(["dev", "--listen", "127.0.0.1:0", "--no-demo"])
        .args(["--format", "json", "--log", "info"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    fs::remove_dir_all(&inner).unwrap();
    let _live = lines.next().unwrap().unwrap();
    let told = lines.next().unwrap().unwrap();
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("flow more removed"), "{told}");
    assert!(!log.contains("inotify"), "{log}");
}
