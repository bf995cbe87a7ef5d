//! An API server and its etcd, as plain processes at ports of their own.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder};
use tempfile::TempDir;
use url::Url;

use super::{Kubectl, asset, crds, text};
use crate::certificates::Certificates;
use crate::child::Running;
use crate::wait::answers;

const HOST: &str = "localhost";

/// Makes what we build end with its input, which is ours to hold.
const LEASHED: (&str, &str) = ("KUBE_E2E_LEASHED", "yes");

/// A Kubernetes API without controllers and nodes: what is written stays as it is.
#[derive(Debug)]
pub struct ControlPlane {
    _apiserver: Running,
    _etcd: Running,
    folder: TempDir,
    certificates: Certificates,
    address: Url,
}

impl ControlPlane {
    /// One that knows our kinds.
    pub async fn start() -> Self {
        let started = Self::launch(None).await;
        let kubectl = started.kubectl();
        kubectl.apply_from(&crds());
        kubectl.wait_for("condition=Established", &["crd", "--all"]);
        started
    }

    /// One that knows nothing of ours but people, by this `AuthenticationConfiguration`.
    pub async fn authenticating(configuration: &str) -> Self {
        Self::launch(Some(configuration)).await
    }

    async fn launch(authentication: Option<&str>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let certificates = Certificates::of(HOST);

        let (client, peer) = (plain_address(), plain_address());
        let etcd = Running::start(
            Command::new(asset("etcd"))
                .env(LEASHED.0, LEASHED.1)
                .args(["--log-level", "warn", "--unsafe-no-fsync", "--data-dir"])
                .arg(folder.path().join("etcd"))
                .args(["--listen-client-urls", &client])
                .args(["--advertise-client-urls", &client])
                .args(["--listen-peer-urls", &peer])
                .args(["--initial-advertise-peer-urls", &peer])
                .args(["--initial-cluster", &format!("default={peer}")]),
        );
        let health = Url::parse(&format!("{client}/health")).expect("an address");
        answers(&etcd, &http(ClientBuilder::new()), &health).await;

        let port = free_port();
        let set = |name: &str, value: &str| format!("--{name}={value}");
        let (certificate, key) = (certificates.certificate(), certificates.key());
        let (certificate, key) = (text(&certificate), text(&key));
        let mut arguments = vec![
            set("etcd-servers", &client),
            set("bind-address", "127.0.0.1"),
            set("secure-port", &port.to_string()),
            // Nobody is told, and nobody goes there.
            set("advertise-address", "192.0.2.1"),
            set("endpoint-reconciler-type", "none"),
            set("tls-cert-file", certificate),
            set("tls-private-key-file", key),
            set("client-ca-file", text(&certificates.authority_file())),
            set("authorization-mode", "RBAC"),
            set("service-account-issuer", "https://kubernetes.default.svc"),
            set("service-account-key-file", certificate),
            set("service-account-signing-key-file", key),
            set("service-cluster-ip-range", "10.96.0.0/16"),
        ];
        if let Some(configuration) = authentication {
            let file = folder.path().join("authentication.yaml");
            std::fs::write(&file, configuration).expect("it can be written");
            arguments.push(set("authentication-config", text(&file)));
        }
        let apiserver = Running::start(
            Command::new(asset("kube-apiserver"))
                .env(LEASHED.0, LEASHED.1)
                .args(arguments),
        );
        let address = Url::parse(&format!("https://{HOST}:{port}")).expect("an address");
        let authority = Certificate::from_pem(certificates.authority.as_bytes()).expect("PEM");
        let trusting = ClientBuilder::new().tls_certs_only([authority]);
        let ready = address.join("readyz").expect("an address");
        answers(&apiserver, &http(trusting), &ready).await;

        let started = Self {
            _apiserver: apiserver,
            _etcd: etcd,
            folder,
            certificates,
            address,
        };
        started.write_kubeconfig();
        started
    }

    /// Where it is.
    pub const fn address(&self) -> &Url {
        &self.address
    }

    /// File with the certificate of the authority to trust, PEM.
    pub fn authority_file(&self) -> PathBuf {
        self.certificates.authority_file()
    }

    /// The administrator's, by a client certificate.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig.yaml")
    }

    /// As administrator.
    pub fn kubectl(&self) -> Kubectl {
        Kubectl::configured(&self.kubeconfig())
    }

    fn write_kubeconfig(&self) {
        let (certificate, key) = self
            .certificates
            .of_client("administrator", "system:masters");
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": {
                "server": self.address,
                "certificate-authority": self.authority_file(),
            }}],
            "users": [{"name": "administrator", "user": {
                "client-certificate": certificate,
                "client-key": key,
            }}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "administrator"}}],
            "current-context": "e2e",
        });
        std::fs::write(self.kubeconfig(), config.to_string()).expect("it can be written");
    }
}

fn http(builder: ClientBuilder) -> Client {
    let builder = builder.no_proxy().timeout(Duration::from_secs(5));
    builder.build().expect("a client")
}

/// One that nobody listens at.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

fn plain_address() -> String {
    format!("http://127.0.0.1:{}", free_port())
}
