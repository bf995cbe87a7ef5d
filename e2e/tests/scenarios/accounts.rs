//! `realmwright accounts` over the REST API of a served realm.

use serde_json::Value;

use crate::support::application::Application;
use crate::support::dev::Dev;
use crate::support::person::Person;

const SECRET: &str = "planted-client-secret-4f1c0e6b9a7d2835";
const LOGIN: &str = "planted.person@example.com";
const FIRST: &str = "planted-password of a person";
const SECOND: &str = "planted-password of that person";

async fn can_log_in(dev: &Dev, password: &str) -> bool {
    let application = Application::start(&dev.issuer, "app", Some(SECRET)).await;
    let person = Person::new();
    let page = person
        .open(&application.begin(&[], &[]).url)
        .await
        .unwrap()
        .page();
    let seen = person
        .submit(&page, &[("login", LOGIN), ("password", password)])
        .await
        .unwrap();
    matches!(seen, crate::support::person::Seen::Left(_))
}

#[tokio::test]
async fn an_account_lives_from_creation_to_erasure() {
    let dev = Dev::start();
    let (done, text) = dev.accounts(
        &[
            "create",
            &format!("email={LOGIN}"),
            "given_name=Planted",
            "--password-stdin",
        ],
        &format!("{FIRST}\n"),
    );
    assert!(done, "{text}");
    let created: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    let sub = created["sub"].as_str().expect("a subject").to_owned();
    assert!(can_log_in(&dev, FIRST).await);

    let (done, text) = dev.accounts(&["create", &format!("email={}", LOGIN.to_uppercase())], "");
    assert!(
        !done && text.contains("email"),
        "a unique value is taken: {text}"
    );

    let (done, text) = dev.accounts(&["password", &sub], &format!("{SECOND}\n"));
    assert!(done, "{text}");
    assert!(!can_log_in(&dev, FIRST).await);
    assert!(can_log_in(&dev, SECOND).await);

    let (done, text) = dev.accounts(&["lock", &sub], "");
    assert!(done, "{text}");
    assert!(!can_log_in(&dev, SECOND).await);
    let (done, text) = dev.accounts(&["unlock", &sub], "");
    assert!(done, "{text}");
    assert!(can_log_in(&dev, SECOND).await);

    let (done, text) = dev.accounts(&["export", &sub], "");
    assert!(done && text.contains(LOGIN), "{text}");
    assert!(!text.contains("$argon2"), "hashes are left out: {text}");

    let (done, text) = dev.accounts(&["erase", &sub, "--yes"], "");
    assert!(done, "{text}");
    let (found, text) = dev.accounts(&["find", &format!("email={LOGIN}")], "");
    assert!(!found || !text.contains(&sub), "{text}");
    assert!(!can_log_in(&dev, SECOND).await);
}

/// Hashes of other systems come along and are verified (AUTH-PWD-02, design.md promise 8).
#[tokio::test]
async fn foreign_hashes_are_imported_and_an_interrupted_import_goes_on() {
    let dev = Dev::start();
    // bcrypt, cost 4, of FIRST.
    let hash = bcrypt_of_first();
    let file = dev.folder().join(".realmwright/people.ndjson");
    let line = |name: &str, email: &str| {
        serde_json::json!({"name": name, "attributes": {"email": email}, "password": {"hash": hash}})
            .to_string()
    };
    let text = [line("one", LOGIN), line("two", "planted.other@example.com")].join("\n");
    std::fs::write(&file, &text).unwrap();
    let path = file.to_str().unwrap();
    for run in 0..2 {
        let (done, said) = dev.accounts(&["import", path, "--restart"], "");
        assert!(done, "run {run}: {said}");
    }
    assert!(can_log_in(&dev, FIRST).await);

    // A line that was refused is not done: it is tried again, and said again.
    let bad = r#"{"name": "three", "attributes": {"nonsense": "x"}}"#;
    std::fs::write(&file, format!("{bad}\n{text}\n")).unwrap();
    for run in 0..2 {
        let (done, said) = dev.accounts(&["import", path, "--keep-going"], "");
        assert!(!done, "run {run}: {said}");
        let report: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(report["refused"][0]["line"], 1, "run {run}: {said}");
    }
    let good = line("three", "planted.third@example.com");
    std::fs::write(&file, format!("{good}\n{text}\n")).unwrap();
    let (done, said) = dev.accounts(&["import", path], "");
    assert!(done, "{said}");
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&report["created"], &report["present"]),
        (&1.into(), &2.into()),
        "{said}"
    );
}

fn bcrypt_of_first() -> String {
    bcrypt::hash(FIRST, 4).expect("a hash")
}
