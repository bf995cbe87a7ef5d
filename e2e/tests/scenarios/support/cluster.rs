//! A Kubernetes API of its own: etcd and kube-apiserver as plain processes (`e2e/cluster`).

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use super::binaries::tool;
use super::certificates::Certificates;
use super::child::Running;
use super::examples::{example, free_site};
use super::network::Network;
use super::secured::{HOST, answers, text, trimmed};

/// What an administrator shows.
const ADMINISTRATOR: &str = "administrator-of-a-scenario";

/// A running API server.
pub(crate) struct Cluster {
    _etcd: Running,
    apiserver: Running,
    _folder: TempDir,
    certificates: Certificates,
    address: Url,
}

/// What `kubectl` said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) done: bool,
    pub(crate) text: String,
}

impl Said {
    /// Its answer, as JSON.
    pub(crate) fn json(&self) -> Value {
        assert!(self.done, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|fault| panic!("{fault}: {}", self.text))
    }
}

/// One of the programs of Kubernetes.
fn program(name: &str) -> Command {
    let mut command = Command::new(tool("kube-e2e"));
    command.arg(name);
    command
}

impl Cluster {
    /// Starts one that authenticates by this configuration.
    pub(crate) async fn start(authentication: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let certificates = Certificates::of(HOST);
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("it can be written");
            path
        };
        let authentication = write("authentication.yaml", authentication);
        let tokens = format!("{ADMINISTRATOR},administrator,1,\"system:masters\"\n");
        let tokens = write("tokens.csv", &tokens);

        let (client, peer) = (plain_address(), plain_address());
        let etcd = Running::start(
            program("etcd")
                .args(["--log-level", "warn", "--unsafe-no-fsync", "--data-dir"])
                .arg(folder.path().join("etcd"))
                .args(["--listen-client-urls", &client])
                .args(["--advertise-client-urls", &client])
                .args(["--listen-peer-urls", &peer])
                .args(["--initial-advertise-peer-urls", &peer])
                .args(["--initial-cluster", &format!("default={peer}")]),
        );
        let health = Url::parse(&format!("{client}/health")).expect("an address");
        answers(&etcd, &Network::default(), &health).await;

        let address = free_site();
        let port = address.port().expect("a port").to_string();
        let (certificate, key) = (certificates.certificate(), certificates.key());
        let (certificate, key) = (text(&certificate), text(&key));
        let set = |name: &str, value: &str| format!("--{name}={value}");
        let apiserver = Running::start(program("kube-apiserver").args([
            set("etcd-servers", &client),
            set("bind-address", "127.0.0.1"),
            set("secure-port", &port),
            // Nobody is told, and nobody goes there.
            set("advertise-address", "192.0.2.1"),
            set("endpoint-reconciler-type", "none"),
            set("tls-cert-file", certificate),
            set("tls-private-key-file", key),
            set("authentication-config", text(&authentication)),
            set("token-auth-file", text(&tokens)),
            set("authorization-mode", "RBAC"),
            set("service-account-issuer", "https://kubernetes.default.svc"),
            set("service-account-key-file", certificate),
            set("service-account-signing-key-file", key),
            set("service-cluster-ip-range", "10.96.0.0/16"),
        ]));
        let ready = address.join("readyz").expect("an address");
        let network = Network::trusting(&certificates.authority);
        answers(&apiserver, &network, &ready).await;
        Self {
            _etcd: etcd,
            apiserver,
            _folder: folder,
            certificates,
            address,
        }
    }

    /// `kubectl` as somebody who shows a token, with the configuration of the examples.
    pub(crate) fn kubectl(&self, token: &str, arguments: &[&str]) -> Said {
        let home = TempDir::new().expect("a temporary folder");
        let kept = home.path().join("id-token");
        std::fs::write(&kept, token).expect("it can be written");
        let config = example(
            "kubernetes/kubeconfig.yaml",
            &[
                ("https://api.example.com:6443", trimmed(&self.address)),
                (
                    "/etc/kubernetes/authority.pem",
                    text(&self.certificates.authority_file()),
                ),
                ("/run/user/me/id-token", text(&kept)),
            ],
        );
        let configured = home.path().join("kubeconfig.yaml");
        std::fs::write(&configured, config).expect("it can be written");
        let output = program("kubectl")
            .env("HOME", home.path())
            .env("KUBECONFIG", configured)
            .args(arguments)
            .output()
            .expect("kubectl starts");
        let text = [output.stdout, output.stderr].concat();
        Said {
            done: output.status.success(),
            text: String::from_utf8(text).expect("it prints text"),
        }
    }

    /// `kubectl` as the administrator.
    pub(crate) fn administer(&self, arguments: &[&str]) {
        let said = self.kubectl(ADMINISTRATOR, arguments);
        assert!(said.done, "{}\n{}", said.text, self.apiserver.text());
    }
}

fn plain_address() -> String {
    let port = free_site().port().expect("a port");
    format!("http://127.0.0.1:{port}")
}

/// `kubectl apply` of a file.
pub(crate) fn apply(file: &Path) -> [&str; 3] {
    ["apply", "--filename", text(file)]
}
