//! `realmwright-operator` on an API server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use realmwright_e2e::child::{LOG, Running};
use realmwright_e2e::kubernetes::{ControlPlane, Kubectl};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::binaries::{binary, repository};

/// Namespace of the operator itself.
pub(crate) const SYSTEM: &str = "realmwright-system";
/// Namespace of the quickstart.
pub(crate) const IDENTITY: &str = "identity";

pub(crate) const IDP_IMAGE: &str = "localhost/realmwright-idp:e2e";
pub(crate) const OPERATOR_IMAGE: &str = "localhost/realmwright-operator:e2e";

const END: Duration = Duration::from_secs(20);

/// An API server on which the operator is installed as `manifests/operator` has it, and the
/// quickstart's namespace.
pub(crate) struct Installed {
    api: ControlPlane,
    folder: TempDir,
}

impl Installed {
    pub(crate) async fn new() -> Self {
        let api = ControlPlane::start().await;
        let kubectl = api.kubectl();
        kubectl.must(&["create", "namespace", IDENTITY]);
        let manifests = repository().join("manifests/operator");
        let text = manifests.to_str().unwrap();
        kubectl.must(&["apply", "--server-side", "--kustomize", text]);
        kubectl.apply_from(&manifests.join("tenant.yaml"));
        let installed = Self {
            api,
            folder: TempDir::new().unwrap(),
        };
        installed.write_kubeconfig();
        installed
    }

    /// As administrator.
    pub(crate) fn kubectl(&self) -> Kubectl {
        self.api.kubectl()
    }

    /// The operator's own: by a token of its account, with the roles that are shipped.
    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig.json")
    }

    fn write_kubeconfig(&self) {
        let account = [
            "create",
            "token",
            "realmwright-operator",
            "--namespace",
            SYSTEM,
        ];
        let token = self.kubectl().must(&account);
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": {
                "server": self.api.address(),
                "certificate-authority": self.api.authority_file(),
            }}],
            "users": [{"name": "operator", "user": {"token": token.trim()}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "operator"}}],
            "current-context": "e2e",
        });
        std::fs::write(self.kubeconfig(), config.to_string()).unwrap();
    }

    /// What the init container of an instance's pods does, into this folder.
    pub(crate) fn fetch(&self, namespace: &str, folder: &Path) {
        let mut running = Running::start(
            Command::new(binary("realmwright-operator"))
                .env("KUBECONFIG", self.kubeconfig())
                .args(["fetch", "--namespace", namespace, "--folder"])
                .arg(folder),
        );
        let code = running.end(END);
        running.assert_discreet();
        assert_eq!(code, Some(0), "{}", running.text());
    }
}

/// One process.
pub(crate) struct Operator {
    running: Running,
}

impl Operator {
    /// Starts one that is called so.
    pub(crate) fn start(installed: &Installed, name: &str) -> Self {
        Self {
            running: Running::start(
                Command::new(binary("realmwright-operator"))
                    .env("KUBECONFIG", installed.kubeconfig())
                    .args(["run", "--identity", name, "--namespace", SYSTEM])
                    .args(["--secret-namespaces", IDENTITY])
                    .args(["--idp-image", IDP_IMAGE, "--operator-image", OPERATOR_IMAGE])
                    .args(["--log", LOG]),
            ),
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.running.kill();
    }

    /// SIGTERM; it must end well, and have said nothing that it must not say.
    pub(crate) fn stop(mut self) {
        let code = self.running.stop(END);
        self.running.assert_discreet();
        assert_eq!(code, Some(0), "{}", self.running.text());
    }
}

/// The objects of the quickstart, one document each.
pub(crate) fn quickstart() -> Vec<String> {
    let folder = repository().join("examples/quickstart");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .flat_map(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            let documents = text.split("\n---\n").map(str::to_owned);
            documents.collect::<Vec<_>>()
        })
        .collect()
}

/// Waits until a condition of the quickstart's realm has this status.
pub(crate) fn wait_for_realm(kubectl: &Kubectl, condition: &str, status: &str) {
    let path =
        format!("jsonpath={{.status.conditions[?(@.type==\"{condition}\")].status}}={status}");
    kubectl.wait_for(&path, &["realm/quickstart", "--namespace", IDENTITY]);
}

/// A condition of the quickstart's realm.
pub(crate) fn realm_condition(kubectl: &Kubectl, condition: &str) -> Value {
    let realm = kubectl
        .run(&[
            "get",
            "realm",
            "quickstart",
            "--namespace",
            IDENTITY,
            "--output",
            "json",
        ])
        .json();
    let conditions = realm["status"]["conditions"].as_array().unwrap().clone();
    let mut conditions = conditions.into_iter();
    conditions
        .find(|found| found["type"] == condition)
        .unwrap_or_else(|| panic!("{condition}: {realm}"))
}

/// What the head of the quickstart names.
pub(crate) fn head(kubectl: &Kubectl) -> Value {
    let found = kubectl
        .run(&[
            "get",
            "configmap",
            "head.identity.quickstart",
            "--namespace",
            "rw-ua-default",
            "--output",
            "json",
        ])
        .json();
    serde_json::from_str(found["data"]["head.json"].as_str().unwrap()).unwrap()
}
