//! The operator on a real API server: what is applied is published, what is wrong is told, and
//! nothing is written where nothing changes.

mod cluster;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use realmwright_e2e::kubernetes::Kubectl;
use realmwright_e2e::wait::until;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::network::Network;
use crate::support::operator::{
    IDENTITY, Installed, Operator, head, quickstart, realm_condition, wait_for_realm,
};
use crate::support::pods::{Pod, PodSettings};
use crate::support::region_database::RegionDatabase;

fn apply_quickstart(kubectl: &Kubectl) {
    kubectl.apply(&quickstart().join("\n---\n"));
}

fn patch(kubectl: &Kubectl, object: &str, change: &Value) {
    let change = change.to_string();
    kubectl.must(&[
        "patch",
        object,
        "--namespace",
        IDENTITY,
        "--type",
        "merge",
        "--patch",
        &change,
    ]);
}

async fn issuer_of(pod: &Pod, host: &str, path: &str) -> Option<String> {
    let address = pod.listens("listen");
    let url = format!("http://{address}{path}/.well-known/openid-configuration");
    let http = Network::default().http().build().unwrap();
    let answer = http.get(url).header("host", host).send().await.ok()?;
    let document: Value = answer.json().await.ok()?;
    Some(document["issuer"].as_str()?.to_owned())
}

/// FLOW-04 and design.md section 4: any order of application works, Secrets last.
#[tokio::test]
async fn the_quickstart_is_published_in_whatever_order_it_comes_and_pods_serve_it() {
    let api = Installed::new().await;
    let kubectl = api.kubectl();
    let operator = Operator::start(&api, "one");
    let seed: u64 = rand::rng().random();
    println!("the order of seed {seed}");
    let mut documents = quickstart();
    documents.shuffle(&mut StdRng::seed_from_u64(seed));
    let is_secret = |document: &String| document.contains("kind: Secret");
    documents.sort_by_key(is_secret);
    for document in &documents {
        kubectl.apply(document);
    }
    wait_for_realm(&kubectl, "Published", "True");
    for (condition, reason) in [("Accepted", "Accepted"), ("Compiled", "Compiled")] {
        assert_eq!(realm_condition(&kubectl, condition)["reason"], reason);
    }

    let folder = TempDir::new().unwrap();
    api.fetch("rw-ua-default", folder.path());
    let database = RegionDatabase::migrated();
    let pod = Pod::start(PodSettings::anywhere(
        folder.path(),
        database.serve_url_file(),
    ));
    let issuer = issuer_of(&pod, "id.example.com", "/quickstart").await;
    assert_eq!(issuer.as_deref(), Some("https://id.example.com/quickstart"));
    operator.stop();
}

/// FLOW-04
#[tokio::test]
async fn a_bad_change_is_told_where_it_stands_and_what_was_published_goes_on() {
    let api = Installed::new().await;
    let kubectl = api.kubectl();
    let operator = Operator::start(&api, "one");
    apply_quickstart(&kubectl);
    wait_for_realm(&kubectl, "Published", "True");
    let published = head(&kubectl);

    let scopes = |default: &[&str]| json!({"spec": {"oidc": {"scopes": {"default": default}}}});
    patch(&kubectl, "client/demo", &scopes(&["openid", "profil"]));
    wait_for_realm(&kubectl, "Compiled", "False");
    let told = realm_condition(&kubectl, "Compiled");
    assert_eq!(told["reason"], "CompileFailed", "{told}");
    let message = told["message"].as_str().unwrap();
    assert!(
        message.contains("Client identity/demo") && message.contains("profil"),
        "{told}"
    );
    let client = "jsonpath={.status.conditions[?(@.type==\"Accepted\")].status}=False";
    kubectl.wait_for(client, &["client/demo", "--namespace", IDENTITY]);
    assert_eq!(head(&kubectl), published);

    patch(&kubectl, "client/demo", &scopes(&["openid", "profile"]));
    patch(
        &kubectl,
        "client/demo",
        &json!({"spec": {"displayName": {"en": "Another name"}}}),
    );
    wait_for_realm(&kubectl, "Compiled", "True");
    until("the next revision", async || {
        (head(&kubectl)["revision"] == 2).then_some(())
    })
    .await;
    operator.stop();
}

/// How often objects were written, by what the API server counts; its own lease and the
/// operator's apart.
fn writes(kubectl: &Kubectl) -> u64 {
    let metrics = kubectl.must(&["get", "--raw", "/metrics"]);
    let requests = metrics
        .lines()
        .filter(|line| line.starts_with("apiserver_request_total{"))
        .filter(|line| !line.contains("resource=\"leases\""))
        .filter(|line| {
            ["POST", "PUT", "PATCH", "APPLY", "DELETE"]
                .iter()
                .any(|verb| line.contains(&format!("verb=\"{verb}\"")))
        });
    requests
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>() as u64
}

/// So many looks without a write between them are rest: a turn takes no longer than some of them.
const LOOKS_AT_REST: u32 = 20;

/// Steady state makes no writes: a turn that finds nothing new leaves everything as it is.
#[tokio::test]
async fn where_nothing_changes_nothing_is_written() {
    let api = Installed::new().await;
    let kubectl = api.kubectl();
    let operator = Operator::start(&api, "one");
    apply_quickstart(&kubectl);
    wait_for_realm(&kubectl, "Published", "True");
    let label = |value: &str| {
        let label = format!("example.com/turn={value}");
        kubectl.must(&[
            "label",
            "scope/profile",
            "--overwrite",
            "--namespace",
            IDENTITY,
            &label,
        ]);
    };
    // The last statuses are written by then.
    label("0");
    let (mut before, mut looks) = (writes(&kubectl), 0);
    until("rest", async || {
        let now = writes(&kubectl);
        let is_same = std::mem::replace(&mut before, now) == now;
        looks = if is_same { looks + 1 } else { 0 };
        (looks == LOOKS_AT_REST).then_some(())
    })
    .await;
    for turn in ["1", "2", "3"] {
        label(turn);
    }
    patch(
        &kubectl,
        "scope/profile",
        &json!({"metadata": {"annotations": {"example.com/a": "b"}}}),
    );
    operator.stop();
    assert_eq!(writes(&kubectl) - before, 4, "ours alone");
}

/// Only the leader writes; the other takes over when it is gone.
#[tokio::test]
async fn another_replica_goes_on_where_the_leader_was_killed() {
    let api = Installed::new().await;
    let kubectl = api.kubectl();
    let mut first = Operator::start(&api, "one");
    apply_quickstart(&kubectl);
    wait_for_realm(&kubectl, "Published", "True");
    let second = Operator::start(&api, "two");
    let before = head(&kubectl);
    first.kill();
    patch(
        &kubectl,
        "client/demo",
        &json!({"spec": {"displayName": {"en": "Another name"}}}),
    );
    until("the next revision", async || {
        (head(&kubectl)["revision"] == 2).then_some(())
    })
    .await;
    let after = head(&kubectl);
    assert_eq!(after["keyring"], before["keyring"], "the keys are the same");
    assert_eq!(after["secrets"], before["secrets"]);
    second.stop();
}

/// OIDC-10, OIDC-11: what the owner of a Secret changes is published without another snapshot; a
/// Secret that somebody else made is not overwritten.
#[tokio::test]
async fn secrets_are_read_made_and_never_overwritten() {
    let api = Installed::new().await;
    let kubectl = api.kubectl();
    let foreign = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "accounts-cli-oidc", "namespace": IDENTITY},
        "stringData": {"clientSecret": "somebody-elses-secret-0123456789"},
    });
    let operator = Operator::start(&api, "one");
    apply_quickstart(&kubectl);
    wait_for_realm(&kubectl, "Published", "True");
    let made = kubectl
        .run(&[
            "get",
            "secrets",
            "--namespace",
            IDENTITY,
            "--output",
            "json",
        ])
        .json();
    let ours: Vec<&Value> = made["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|secret| {
            secret["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "realmwright-operator"
        })
        .collect();
    assert_eq!(
        ours.len(),
        2,
        "one for each client with a generated secret: {made}"
    );
    let before = head(&kubectl);
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$zQy4MFfYlo4X45WZVwzrwQ$S3GeLY3DNejG31v36idT5O502ZeV/JwTnrenhZJ0/Lo";
    let changed = json!({"stringData": {"passwordHash": hash.replace("S3Ge", "T3Ge")}});
    patch(&kubectl, "secret/demo-person", &changed);
    until("the next bundle", async || {
        let now = head(&kubectl);
        (now["secrets"] != before["secrets"] && now["revision"] == before["revision"]).then_some(())
    })
    .await;

    let name = ours[0]["metadata"]["name"].as_str().unwrap();
    kubectl.must(&["delete", "secret", name, "--namespace", IDENTITY]);
    let mut taken = foreign;
    taken["metadata"]["name"] = name.into();
    kubectl.apply(&taken.to_string());
    wait_for_realm(&kubectl, "Published", "False");
    let told = realm_condition(&kubectl, "Published");
    let message = told["message"].as_str().unwrap();
    assert!(
        message.contains(name) && message.contains("somebody else made it"),
        "{told}"
    );
    operator.stop();
}
