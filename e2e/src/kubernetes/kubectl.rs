//! `kubectl`.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::asset;

/// `kubectl` towards one cluster, as somebody.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: OsString,
    first: &'static [&'static str],
    environment: (&'static str, OsString),
}

/// What `kubectl` said.
#[derive(Debug)]
pub struct Said {
    /// Whether it did what it was told.
    pub done: bool,
    /// All that it printed.
    pub text: String,
}

impl Said {
    /// Its answer, as JSON.
    pub fn json(&self) -> Value {
        assert!(self.done, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|fault| panic!("{fault}: {}", self.text))
    }

    pub(super) fn of(output: Output) -> Self {
        let text = [output.stdout, output.stderr].concat();
        Self {
            done: output.status.success(),
            text: String::from_utf8(text).expect("it prints text"),
        }
    }
}

impl Kubectl {
    /// As the one of a kubeconfig.
    pub fn configured(kubeconfig: &Path) -> Self {
        Self {
            program: asset("kubectl").into(),
            first: &[],
            environment: ("KUBECONFIG", kubeconfig.into()),
        }
    }

    /// As the administrator of the cluster in a folder, through the command for it.
    pub(super) fn of_cluster(command: &Path, home: &Path) -> Self {
        Self {
            program: command.into(),
            first: &["kubectl"],
            environment: (super::cluster::HOME, home.into()),
        }
    }

    /// Runs it.
    pub fn run(&self, arguments: &[&str]) -> Said {
        // Nobody's settings, and nothing of what another test's server said.
        let home = TempDir::new().expect("a temporary folder");
        let (name, value) = &self.environment;
        let output = Command::new(&self.program)
            .args(self.first)
            .args(arguments)
            .env("HOME", home.path())
            .env(name, value)
            .stdin(Stdio::null())
            .output()
            .expect("kubectl starts");
        Said::of(output)
    }

    /// Runs it; what it says where that must go well.
    pub fn must(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert!(said.done, "{arguments:?}: {}", said.text);
        said.text
    }

    /// Applies manifests, which must go well.
    pub fn apply(&self, manifests: &str) {
        let file = TempDir::new().expect("a temporary folder");
        let path = file.path().join("manifests.yaml");
        std::fs::write(&path, manifests).expect("it can be written");
        self.apply_from(&path);
    }

    /// Applies those of a file or folder, which must go well.
    pub fn apply_from(&self, path: &Path) {
        self.must(&["apply", "--server-side", "--filename", super::text(path)]);
    }

    /// Waits for a minute until objects, as they are named after `kubectl get`, meet a condition,
    /// as it is written after `kubectl wait --for=`.
    pub fn wait_for(&self, condition: &str, objects: &[&str]) {
        let condition = format!("--for={condition}");
        self.must(&[&["wait", "--timeout=60s", &condition], objects].concat());
    }
}
