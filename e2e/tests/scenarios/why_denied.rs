//! Somebody is refused by a rule, reads a number off the page, and a help desk finds the rule by it
//! with `realmwright why-denied`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::application::Application;
use crate::support::binaries::binary;
use crate::support::child::Running;
use crate::support::dev::{ANY_PORT, Dev, scenario_folder};
use crate::support::person::{Page, Person};

const LOGIN: &str = "planted.person@example.com";
const PASSWORD: &str = "planted-password of a person";
/// Values of the person's attributes: they are recorded and shown nowhere.
const CANARIES: [&str; 3] = ["Planted-Family", "Planted-Blood", LOGIN];

const RULES: &str = r#"apiVersion: realmwright.dev/v1alpha1
kind: AuthFlow
metadata: {namespace: identity, name: careful}
spec:
  realmRef: {name: quickstart}
  deny:
    - name: unverified
      when: 'client.id == "wards" && !person.family_name.startsWith("Verified")'
      message: {en: Have your name verified first.}
    - name: donors
      when: 'client.id == "clinic" && has(person.email) && person.blood_type != "none"'
      message: {en: Donors use the other entrance.}
---
apiVersion: realmwright.dev/v1alpha1
kind: Client
metadata: {namespace: identity, name: wards}
spec:
  realmRef: {name: quickstart}
  displayName: {en: Wards}
  flow: careful
  oidc:
    authentication: {none: {}}
    redirectUris: [http://127.0.0.1/callback]
    scopes: {default: [openid]}
---
apiVersion: realmwright.dev/v1alpha1
kind: Client
metadata: {namespace: identity, name: clinic}
spec:
  realmRef: {name: quickstart}
  displayName: {en: Clinic}
  flow: careful
  oidc:
    authentication: {none: {}}
    redirectUris: [http://127.0.0.1/callback]
    scopes: {default: [openid]}
---
apiVersion: realmwright.dev/v1alpha1
kind: Client
metadata: {namespace: identity, name: staff-room}
spec:
  realmRef: {name: quickstart}
  displayName: {en: Staff room}
  access:
    rules:
      - name: staff
        when: '"administrator" in person.roles'
  oidc:
    authentication: {none: {}}
    redirectUris: [http://127.0.0.1/callback]
    scopes: {default: [openid]}
"#;

/// The quickstart with these rules, as a work tree of Git, and the person in it.
fn dev() -> Dev {
    let folder = scenario_folder();
    std::fs::write(folder.path().join("rules.yaml"), RULES).unwrap();
    std::fs::write(folder.path().join(".gitignore"), ".realmwright\n").unwrap();
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    git(
        folder.path(),
        &[&who[..], &["commit", "--quiet", "-m", "as served"]].concat(),
    );
    let dev = Dev::start_with(folder, ANY_PORT, &[]);
    let (done, text) = dev.accounts(
        &[
            "create",
            &format!("email={LOGIN}"),
            "given_name=Ann",
            "family_name=Planted-Family",
            "blood_type=Planted-Blood",
            "--password-stdin",
        ],
        &format!("{PASSWORD}\n"),
    );
    assert!(done, "{text}");
    dev
}

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .status()
        .unwrap();
    assert!(done.success(), "git {arguments:?}");
}

/// What comes of a login to an application.
async fn log_in(dev: &Dev, client: &str, password: &str) -> Page {
    let application = Application::start(&dev.issuer, client, None).await;
    let person = Person::new();
    let start = application.begin(&[], &[]).url;
    let page = person.open(&start).await.unwrap().page();
    let fields = [("login", LOGIN), ("password", password)];
    person.submit(&page, &fields).await.unwrap().page()
}

/// The number on the page of a denial.
async fn refused(dev: &Dev, client: &str) -> String {
    let page = log_in(dev, client, PASSWORD).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.html);
    let id = page.text_of("error-id").expect("a number");
    assert_eq!(id.len(), 14, "{id}");
    id
}

fn why_denied(dev: &Dev, arguments: &[&str]) -> (Option<i32>, String) {
    run(dev, &[&["why-denied"], arguments].concat())
}

/// Runs it in the folder: status, and what it said.
fn run(dev: &Dev, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(binary("realmwright"));
    command.current_dir(dev.folder()).args(arguments);
    let mut running = Running::start(command.args(["--dev", "."]));
    let code = running.end(Duration::from_secs(30));
    running.assert_discreet();
    let said = running.text();
    for canary in CANARIES {
        assert!(!said.contains(canary), "{canary} is said: {said}");
    }
    (code, said)
}

fn shown(dev: &Dev, arguments: &[&str]) -> String {
    let (code, said) = why_denied(dev, arguments);
    assert_eq!(code, Some(0), "{said}");
    said
}

fn assert_says(said: &str, texts: &[&str]) {
    for text in texts {
        assert!(said.contains(text), "no {text:?} in:\n{said}");
    }
}

/// FLOW-24, APP-10, REGION-RES-01.
#[tokio::test]
async fn a_help_desk_finds_the_rule_that_refused_somebody() {
    let dev = dev();

    let by_personal = refused(&dev, "wards").await;
    let said = shown(&dev, &[&by_personal]);
    assert_says(
        &said,
        &[
            &by_personal,
            "deny rule unverified of flow careful",
            "rules.yaml:7\n",
            "“Have your name verified first.”",
            "true      client.id == \"wards\"\n",
            "false     person.family_name.startsWith(\"Verified\")\n",
            "after a step of the login",
            "data class     personal",
            "which is what . holds",
        ],
    );
    assert!(!said.contains("left out"), "{said}");

    let by_medical = refused(&dev, "clinic").await;
    let said = shown(&dev, &[&by_medical]);
    assert_says(
        &said,
        &[
            "deny rule donors of flow careful",
            "rules.yaml:10\n",
            "true      client.id == \"clinic\"\n",
            "true      has(person.email)\n",
            "1 more reads medical data and is left out",
        ],
    );
    assert!(!said.contains("blood_type"), "{said}");

    let by_access = response_of(&dev, "staff-room").await;
    let said = shown(&dev, &[&by_access]);
    assert_says(
        &said,
        &[
            "staff-room: none of its access rules holds",
            "rules.yaml:46\n",
            "false     \"administrator\" in person.roles\n",
        ],
    );

    // As somebody types it from the telephone.
    let typed = by_personal.to_uppercase().replace('-', "");
    assert_says(&shown(&dev, &[&typed]), &[&by_personal]);
    let (code, said) = why_denied(&dev, &["0000-0000-0000"]);
    assert_eq!(code, Some(1), "{said}");
    assert_says(&said, &["no refusal 0000-0000-0000"]);

    let logged = dev.running().text();
    assert!(logged.contains(&by_personal), "the log has the number");
    for canary in CANARIES {
        assert!(!logged.contains(canary), "{canary} is logged");
    }
}

/// The number in what an application is told.
async fn response_of(dev: &Dev, client: &str) -> String {
    let application = Application::start(&dev.issuer, client, None).await;
    let person = Person::new();
    let start = application.begin(&[], &[]).url;
    let page = person.open(&start).await.unwrap().page();
    let fields = [("login", LOGIN), ("password", PASSWORD)];
    let left = person.submit(&page, &fields).await.unwrap().left();
    let pairs = left.query_pairs();
    let mut described = pairs.filter(|(name, _)| name == "error_description");
    let (_, description) = described.next().expect("a description");
    let (_, rest) = description.split_once("(reference ").expect("a number");
    rest.trim_end_matches(')').to_owned()
}

/// The folder goes on; the revision that refused is still found.
#[tokio::test]
async fn a_folder_that_has_changed_since_says_so() {
    let dev = dev();
    let id = refused(&dev, "wards").await;

    let live = dev.edit("rules.yaml", "{en: Clinic}", "{en: The clinic}");
    assert!(live["live"][0]["digest"].is_string(), "{live}");
    let said = shown(&dev, &[&id]);
    assert_says(
        &said,
        &[
            ". holds another one now",
            "the conditions above are the same in both",
            "rules.yaml:7\n",
            "person.family_name.startsWith(\"Verified\")",
        ],
    );

    let live = dev.edit(
        "rules.yaml",
        "startsWith(\"Verified\")",
        "startsWith(\"V\")",
    );
    assert!(live["live"][0]["digest"].is_string(), "{live}");
    let said = shown(&dev, &[&id]);
    assert_says(
        &said,
        &[
            "rules.yaml:7\n",
            "false     condition 2 of the rule",
            "deny rule unverified has other conditions there",
            "git log",
        ],
    );
    assert!(!said.contains("startsWith"), "{said}");

    let said = shown(&dev, &[&id, "HEAD:."]);
    assert_says(
        &said,
        &[
            "false     person.family_name.startsWith(\"Verified\")\n",
            "which is what HEAD:. holds",
        ],
    );
    let said = shown(&dev, &[&id, "--format", "json"]);
    let json: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    assert_eq!(json["denial"]["id"], Value::from(id));
    assert_eq!(json["configuration"]["compared"], "other");
    assert_eq!(json["rules"][0]["sameCondition"], false);
    assert_eq!(json["rules"][0]["line"], 7);
    assert_eq!(json["rules"][0]["atoms"][1]["truth"], "false");
}

/// Design section 8: a wrong password of somebody whom a rule would refuse has no number.
#[tokio::test]
async fn a_wrong_password_has_no_number() {
    let dev = dev();
    let page = log_in(&dev, "wards", "planted-password that is wrong").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.asks_for("password"), "{}", page.html);
    assert_eq!(page.text_of("error-id"), None);
}

/// KC-EVAL-01: the same account against the folder, before somebody logs in.
#[tokio::test]
async fn a_living_account_is_evaluated_without_a_login() {
    let dev = dev();
    let meant = format!("email={LOGIN}");
    let evaluate = |client: &str, account: &str| {
        run(
            &dev,
            &["evaluate", ".", "--client", client, "--account", account],
        )
    };
    let (code, said) = evaluate("wards", &meant);
    assert_eq!(code, Some(1), "{said}");
    assert_says(&said, &["step 1     password\n", "by unverified"]);
    let (code, said) = evaluate("app", &meant);
    assert_eq!(code, Some(0), "{said}");
    assert_says(&said, &["step 1     password\n", "  in\n"]);

    let (code, said) = evaluate("app", "email=nobody@example.com");
    assert_eq!(code, Some(3), "{said}");
    assert_says(&said, &["there is no account with this email"]);
    let (code, said) = evaluate("app", "nobody");
    assert_eq!(code, Some(3), "{said}");
    assert_says(&said, &["there is no account nobody"]);
}
