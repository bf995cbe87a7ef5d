//! Keys that are listed and replaced by hand, with a `dev` that serves the folder and without one
//! (KC-KEY-01 to KC-KEY-03).

use std::path::Path;

use serde_json::{Value, json};

use crate::support::dev::{Dev, keys, scenario_folder};
use crate::support::network::Network;
use crate::support::secured::until;

const REALM: &str = "identity.quickstart";

fn listed(folder: &Path) -> Vec<Value> {
    let (done, said) = keys(folder, "list", &[]);
    assert!(done, "{said}");
    let keys: Value = serde_json::from_str(&said).unwrap();
    keys.as_array().unwrap().clone()
}

fn of<'k>(keys: &'k [Value], purpose: &str) -> Vec<&'k Value> {
    keys.iter()
        .filter(|key| key["purpose"] == purpose)
        .collect()
}

async fn published(dev: &Dev) -> Vec<String> {
    let http = Network::default().http().build().unwrap();
    let address = format!("{}/oauth2/jwks", dev.issuer.as_str().trim_end_matches('/'));
    let answer = http.get(address).send().await.unwrap();
    let set: Value = answer.error_for_status().unwrap().json().await.unwrap();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_planned_rotation_publishes_first() {
    let dev = Dev::start();
    let former = dev.signing_key();
    let (done, said) = dev.keys("rotate", &["--realm", REALM]);
    assert!(done, "{said}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["realm"], REALM);
    assert_eq!(said["cause"], "planned");
    let key = &said["keys"][0];
    assert_eq!(key["former"], former);
    let successor = key["successor"].as_str().unwrap().to_owned();

    dev.wait_for_log("key_replaced");

    // It is published at once, and signs a day later: the default of `publishAhead`.
    let mut both = [former.clone(), successor.clone()];
    both.sort();
    let mut seen = published(&dev).await;
    seen.sort();
    assert_eq!(seen, both);
    assert_eq!(dev.signing_key(), former);
    let keys = listed(dev.folder());
    let upcoming = of(&keys, "sign")[1];
    assert_eq!(upcoming["standing"], "upcoming");
    let at = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let ahead = at(&upcoming["usedFrom"]).duration_since(at(&upcoming["publishedAt"]));
    assert_eq!(ahead.as_hours(), 24);
    assert_eq!(upcoming["usedFrom"], key["usedFrom"]);

    let (done, said) = dev.keys("rotate", &[]);
    assert!(!done && said.contains("the rotation has begun"), "{said}");

    // The successor is known to have leaked before it was used: nobody notices.
    let (done, said) = dev.keys("rotate", &["--key", &successor, "--compromised"]);
    assert!(done, "{said}");
    assert_eq!(published(&dev).await, [former]);
}

/// Nobody but its holder ever sees a key, and the state of others is not made by looking at it.
#[tokio::test]
async fn what_is_listed_holds_no_key() {
    let dev = Dev::start();
    let (_, said) = dev.keys("list", &["--realm", REALM]);
    let kept = dev
        .folder()
        .join(format!(".realmwright/keyring/{REALM}.json"));
    let kept: Value = serde_json::from_slice(&std::fs::read(kept).unwrap()).unwrap();
    for entry in kept["entries"].as_array().unwrap() {
        let (kid, material) = (entry["kid"].as_str(), entry["material"].as_str());
        assert!(said.contains(kid.unwrap()) && !said.contains(material.unwrap()));
    }

    let folder = scenario_folder();
    for verb in ["list", "rotate"] {
        let (done, said) = keys(folder.path(), verb, &[]);
        assert!(!done && said.contains("realmwright dev"), "{said}");
    }
    assert!(!folder.path().join(".realmwright").exists());
}

#[tokio::test]
async fn what_cannot_be_replaced_is_refused_and_changes_nothing() {
    let dev = Dev::start();
    let before = listed(dev.folder());
    for (arguments, reason) in [
        (
            &["--realm", "identity.nowhere"][..],
            "there is identity.quickstart",
        ),
        (&["--purpose", "pairwise"], "only by a migration"),
        (
            &["--purpose", "pepper", "--compromised"],
            "only by a migration",
        ),
        (&["--purpose", "blind-index"], "only by a migration"),
        (&["--purpose", "encrypt"], "no key in use for encrypt"),
        (&["--key", "nobody", "--compromised"], "no key nobody"),
        (&["--key", "a", "--purpose", "seal"], "cannot be used with"),
    ] {
        let (done, said) = dev.keys("rotate", arguments);
        assert!(!done && said.contains(reason), "{arguments:?}: {said}");
    }
    let (done, said) = dev.keys("list", &["--realm", "identity.nowhere"]);
    assert!(
        !done && said.contains("there is identity.quickstart"),
        "{said}"
    );
    assert_eq!(listed(dev.folder()), before);
}

/// Without a `dev` the state is changed, and the next one serves it.
#[tokio::test]
async fn a_stopped_dev_is_rotated_too() {
    let mut dev = Dev::start();
    let former = dev.signing_key();
    dev.stop();
    let (done, said) = dev.keys("rotate", &["--compromised"]);
    assert!(done, "{said}");
    let said: Value = serde_json::from_str(&said).unwrap();
    let successor = said["keys"][0]["successor"].clone();
    let (done, said) = dev.keys("rotate", &["--purpose", "seal"]);
    assert!(done, "{said}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["keys"][0]["usedFrom"], Value::Null);
    dev.kill_and_restart();
    // What was done without a database is in the audit now.
    dev.wait_for_log("key_replaced");
    let notes = dev.folder().join(".realmwright/replaced");
    until("end of the notes", async || {
        let mut notes = std::fs::read_dir(&notes).unwrap();
        notes.next().is_none().then_some(())
    })
    .await;
    assert_eq!(json!(published(&dev).await), json!([successor]));
    assert_ne!(dev.signing_key(), former);
    // Nobody else knows a key that seals: it is used as soon as the one process has it.
    let keys = listed(dev.folder());
    let seals = of(&keys, "seal");
    let used: Vec<_> = seals
        .iter()
        .filter(|key| key["standing"] == "inUse")
        .collect();
    assert_eq!(used.len(), 1, "{seals:?}");
    assert_eq!(used[0]["kid"], said["keys"][0]["successor"]);
}
