//! The operator and its pods on a whole Kubernetes: what is applied ends with pods that serve it.

use std::net::Ipv4Addr;
use std::path::Path;

use realmwright_e2e::kubernetes::{Cluster, Kubectl};
use realmwright_e2e::wait::until;
use realmwright_store_postgres::testing::{Durability, Relay, Server};
use serde_json::{Value, json};

use crate::support::binaries::{binary, repository};
use crate::support::network::Network;
use crate::support::operator::{IDENTITY, SYSTEM, quickstart, wait_for_realm};
use crate::support::region_database::RegionDatabase;

/// As `manifests/operator` names them.
const IDP_IMAGE: &str = "localhost/realmwright-idp:0.1.0";
const OPERATOR_IMAGE: &str = "localhost/realmwright-operator:0.1.0";
/// The node, for its pods.
const NODE: Ipv4Addr = Ipv4Addr::new(10, 111, 0, 2);
/// Whom processes trust; near-empty images bring nothing along.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

const PODS: &str = "rw-ua-default";

fn load(cluster: &Cluster, image: &str, program: &str) {
    let (path, file) = (format!("/{program}"), binary(program));
    let files = [
        (path.as_str(), file.as_path()),
        (AUTHORITIES, Path::new(AUTHORITIES)),
    ];
    cluster.load(image, &files);
}

/// The quickstart, with a database for its region.
fn apply(kubectl: &Kubectl, url: &str) {
    let manifests = repository().join("manifests/operator");
    kubectl.must(&["create", "namespace", IDENTITY]);
    let folder = manifests.to_str().unwrap();
    kubectl.must(&["apply", "--server-side", "--kustomize", folder]);
    kubectl.apply_from(&manifests.join("tenant.yaml"));
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "database", "namespace": IDENTITY},
        "stringData": {"url": url},
    });
    kubectl.apply(&secret.to_string());
    kubectl.apply(&quickstart().join("\n---\n"));
    let reference = json!({"namespace": IDENTITY, "name": "database", "key": "url"});
    let change = json!({"spec": {"database": {"urlSecretRef": reference}}}).to_string();
    kubectl.must(&[
        "patch", "region", "ua", "--type", "merge", "--patch", &change,
    ]);
}

/// Address of the Service before the pods.
fn service(kubectl: &Kubectl) -> String {
    let service = ["get", "service", "realmwright-idp", "--namespace", PODS];
    let found = kubectl.run(&[&service[..], &["--output", "json"]].concat());
    found.json()["spec"]["clusterIP"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn the_quickstart_ends_with_pods_that_serve_it() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    load(&cluster, IDP_IMAGE, "realmwright-idp");
    load(&cluster, OPERATOR_IMAGE, "realmwright-operator");
    let kubectl = cluster.kubectl();

    let network = cluster.enter();
    let server = Server::start(Durability::OperatingSystem).unwrap();
    let relay = Relay::at(NODE, server.address());
    let database = RegionDatabase::prepare_on(&server.url_over(&relay));
    apply(&kubectl, database.owner_url().as_str());

    let available = "condition=Available";
    kubectl.wait_for(
        available,
        &["deployment/realmwright-operator", "--namespace", SYSTEM],
    );
    wait_for_realm(&kubectl, "Published", "True");
    until("the Deployment of the region", async || {
        let deployment = ["get", "deployment", "realmwright-idp", "--namespace", PODS];
        kubectl.run(&deployment).done.then_some(())
    })
    .await;
    kubectl.wait_for(
        available,
        &["deployment/realmwright-idp", "--namespace", PODS],
    );
    let pods = [
        "get",
        "deployment",
        "realmwright-idp",
        "--namespace",
        PODS,
        "--output",
        "json",
    ];
    assert_eq!(kubectl.run(&pods).json()["status"]["readyReplicas"], 2);

    let http = Network::default().http().build().unwrap();
    let url = format!(
        "http://{}/quickstart/.well-known/openid-configuration",
        service(&kubectl)
    );
    let document = until("answer of the service", async || {
        let answer = http
            .get(&url)
            .header("host", "id.example.com")
            .send()
            .await
            .ok()?;
        answer.json::<Value>().await.ok()
    })
    .await;
    assert_eq!(document["issuer"], "https://id.example.com/quickstart");

    let logs = [
        "logs",
        "--namespace",
        SYSTEM,
        "--selector",
        "app.kubernetes.io/name=realmwright-operator",
    ];
    let said = kubectl.must(&[&logs[..], &["--tail", "-1"]].concat());
    for planted in ["planted-password", "correct horse battery", "$argon2id$"] {
        assert!(!said.contains(planted), "{said}");
    }
    drop(database);
    drop(network);
}
