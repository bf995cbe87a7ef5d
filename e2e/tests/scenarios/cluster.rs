//! The Kubernetes that later scenarios run on (`e2e/cluster`): our kinds in its API, a pod of ours
//! on its node, and nothing that it leaves behind.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use realmwright_e2e::kubernetes::{Cluster, ControlPlane, Kubectl};
use realmwright_e2e::wait::until;
use reqwest::{Certificate, Client, ClientBuilder};
use serde_json::{Value, json};
use url::Url;

use crate::support::binaries::{binary, repository};
use crate::support::certificates::Certificates;
use crate::support::dev::{ANY_PORT, Dev, scenario_folder};
use crate::support::secured::text;

const NAMESPACE: &str = "identity";
const HOST: &str = "idp.identity.svc.cluster.local";
const SERVICE: &str = "10.96.0.80";
const IMAGE: &str = "localhost/realmwright-idp:e2e";

const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

const OURS: &[&str] = &["get", "crd", "--output", "json"];

/// Names of our kinds that an API server has, all of which it must have taken.
fn established(kubectl: &Kubectl) -> BTreeSet<String> {
    let listed = kubectl.run(OURS).json();
    let definitions = listed["items"].as_array().unwrap().iter();
    definitions
        .map(|definition| {
            let conditions = definition["status"]["conditions"].as_array().unwrap();
            let is_established = conditions.iter().any(|condition| {
                condition["type"] == "Established" && condition["status"] == "True"
            });
            assert!(is_established, "{definition}");
            definition["metadata"]["name"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn generated() -> BTreeSet<String> {
    std::fs::read_dir(repository().join("crds/yaml"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .collect()
}

/// Schema and CEL rules as an API server understands them: the quickstart is taken, and a realm
/// whose id changes is not.
#[tokio::test]
async fn an_api_server_knows_our_kinds() {
    let api = ControlPlane::start().await;
    let kubectl = api.kubectl();
    assert_eq!(established(&kubectl), generated());

    kubectl.must(&["create", "namespace", NAMESPACE]);
    kubectl.apply_from(&repository().join("examples/quickstart"));
    let patch = json!({"spec": {"id": "identity.other"}}).to_string();
    let change = ["patch", "realm", "quickstart", "--namespace", NAMESPACE];
    let said = kubectl.run(&[&change[..], &["--type", "merge", "--patch", &patch]].concat());
    assert!(
        !said.done && said.text.contains("id cannot be added"),
        "{said:?}"
    );
}

fn secret(certificates: &Certificates) -> Value {
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "tls", "namespace": NAMESPACE},
        "type": "kubernetes.io/tls",
        "stringData": {
            "tls.crt": read(certificates.certificate()),
            "tls.key": read(certificates.key()),
        },
    })
}

/// In a namespace that admits nothing above the restricted pod security standard.
fn pod_and_service(port: u16, certificates: &Certificates) -> String {
    let labels = json!({"app": "idp"});
    let manifests = [
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": NAMESPACE,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
        }),
        secret(certificates),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "idp", "namespace": NAMESPACE},
            "spec": {
                "clusterIP": SERVICE,
                "selector": labels,
                "ports": [{"port": port, "targetPort": 8443}],
            },
        }),
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "idp", "namespace": NAMESPACE, "labels": labels},
            "spec": {
                "automountServiceAccountToken": false,
                "securityContext": {
                    "runAsNonRoot": true,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [{
                    "name": "idp",
                    "image": IMAGE,
                    "args": [
                        "--source", "dir:/published",
                        "--sqlite", "/data/database.sqlite",
                        "--listen", "0.0.0.0:8443",
                        "--management-listen", "0.0.0.0:9090",
                        "--tls-cert", "/tls/tls.crt",
                        "--tls-key", "/tls/tls.key",
                    ],
                    "readinessProbe": {
                        "httpGet": {"path": "/readyz", "port": 9090},
                        "periodSeconds": 1,
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "readOnlyRootFilesystem": true,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [
                        {"name": "tls", "mountPath": "/tls", "readOnly": true},
                        {"name": "data", "mountPath": "/data"},
                    ],
                }],
                "volumes": [
                    {"name": "tls", "secret": {"secretName": "tls"}},
                    {"name": "data", "emptyDir": {}},
                ],
            },
        }),
    ];
    manifests
        .map(|manifest| manifest.to_string())
        .join("\n---\n")
}

/// `realmwright-idp` with the artefacts of a folder, the authorities that it trusts elsewhere, and
/// what asks for names.
fn load(cluster: &Cluster, published: &Path) {
    let artefacts: Vec<(String, PathBuf)> = files_under(published)
        .into_iter()
        .map(|file| {
            let path = file.strip_prefix(published).unwrap();
            (format!("/published/{}", text(path)), file)
        })
        .collect();
    let idp = binary("realmwright-idp");
    let mut files = vec![
        ("/realmwright-idp", idp.as_path()),
        (AUTHORITIES, Path::new(AUTHORITIES)),
        ("/getent", Path::new("/usr/bin/getent")),
    ];
    files.extend(
        artefacts
            .iter()
            .map(|(path, file)| (path.as_str(), file.as_path())),
    );
    cluster.load(IMAGE, &files);
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(files_under(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Whoever trusts these certificates alone, and finds the service by its name.
fn client(certificates: &Certificates) -> Client {
    let authority = Certificate::from_pem(certificates.authority.as_bytes()).unwrap();
    let service = SocketAddr::new(SERVICE.parse::<IpAddr>().unwrap(), 0);
    let builder = ClientBuilder::new().no_proxy().resolve(HOST, service);
    // A connection that is kept would go on with the certificate of before.
    let builder = builder
        .pool_max_idle_per_host(0)
        .connect_timeout(std::time::Duration::from_secs(5));
    builder.tls_certs_only([authority]).build().unwrap()
}

async fn issuer_by(http: &Client, issuer: &Url) -> Option<String> {
    let discovery = format!(
        "{}/.well-known/openid-configuration",
        issuer.as_str().trim_end_matches('/')
    );
    let answer = http.get(discovery).send().await.ok()?;
    let document: Value = answer.json().await.ok()?;
    Some(document["issuer"].as_str()?.to_owned())
}

#[tokio::test]
async fn a_pod_of_ours_serves_and_follows_its_secret() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let kubectl = cluster.kubectl();
    assert_eq!(established(&kubectl), generated());

    let first = Certificates::of(HOST);
    let (certificate, key) = (first.certificate(), first.key());
    let tls = ["--tls-cert", text(&certificate), "--tls-key", text(&key)];
    let dev = Dev::start_with(
        scenario_folder(),
        ANY_PORT,
        &[&["--host", HOST][..], &tls].concat(),
    );
    let issuer = &dev.issuer;
    load(&cluster, &dev.published());
    kubectl.apply(&pod_and_service(issuer.port().unwrap(), &first));
    kubectl.wait_for("condition=Ready", &["pod/idp", "--namespace", NAMESPACE]);
    let exec = ["exec", "idp", "--namespace", NAMESPACE, "--"];
    let found = kubectl.must(&[&exec[..], &["/getent", "hosts", HOST]].concat());
    assert!(found.starts_with(SERVICE), "{found}");

    let network = cluster.enter();
    let before = client(&first);
    let served = until("answer of the service", async || {
        issuer_by(&before, issuer).await
    })
    .await;
    assert_eq!(served, issuer.as_str().trim_end_matches('/'));

    let second = Certificates::of(HOST);
    kubectl.apply(&secret(&second).to_string());
    let after = client(&second);
    until("certificate of the changed Secret", async || {
        issuer_by(&after, issuer).await
    })
    .await;
    assert_eq!(issuer_by(&before, issuer).await, None);
    drop(network);
    assert_eq!(
        issuer_by(&after, issuer).await,
        None,
        "here is another network"
    );

    let traces = Traces::of(&cluster);
    assert_eq!(on_the_machine(), [""; 0]);
    drop(cluster);
    assert_eq!(traces.left(), Traces::default());
}

#[tokio::test]
async fn a_cluster_ends_with_whoever_started_it() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let traces = Traces::of(&cluster);
    cluster.crash();
    until("end of its processes", async || {
        let ended = traces
            .processes
            .is_disjoint(&parents().into_keys().collect());
        ended.then_some(())
    })
    .await;
    // Control groups go with the next command.
    drop(cluster);
    assert_eq!(traces.left(), Traces::default());
}

/// Processes and control groups of a cluster, as the machine sees them.
#[derive(Debug, Default, PartialEq)]
struct Traces {
    processes: BTreeSet<u32>,
    groups: BTreeSet<PathBuf>,
}

impl Traces {
    fn of(cluster: &Cluster) -> Self {
        let parents = parents();
        let mut processes = BTreeSet::from([cluster.process()]);
        loop {
            let known = processes.clone();
            let children = parents.iter().filter(|(_, parent)| known.contains(parent));
            processes.extend(children.map(|(process, _)| process));
            if processes == known {
                break;
            }
        }
        let trees = std::fs::read_dir("/sys/fs/cgroup").unwrap();
        let groups = trees.map(|tree| tree.unwrap().path().join(cluster.control_group()));
        let groups: BTreeSet<_> = groups.filter(|group| group.exists()).collect();
        assert!(
            processes.len() > 10 && !groups.is_empty(),
            "{processes:?}, {groups:?}"
        );
        Self { processes, groups }
    }

    fn left(mut self) -> Self {
        self.processes = &self.processes & &parents().into_keys().collect();
        self.groups.retain(|group| group.exists());
        self
    }
}

/// All processes, with their parents.
fn parents() -> BTreeMap<u32, u32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    let processes = entries.filter_map(|entry| {
        let process = entry.unwrap().file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, which may hold anything, ends at the last bracket; proc_pid_stat(5).
        let (_, fields) = stat.rsplit_once(')')?;
        Some((process, fields.split_whitespace().nth(1)?.parse().ok()?))
    });
    processes.collect()
}

/// Network links and mounts of the machine that are of a kind that clusters make.
fn on_the_machine() -> Vec<String> {
    let links = std::fs::read_dir("/sys/class/net").unwrap();
    let links = links.map(|link| link.unwrap().file_name().into_string().unwrap());
    let links = links.filter(|link| {
        ["node0", "pods0", "veth"]
            .iter()
            .any(|name| link.starts_with(name))
    });
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts = mounts
        .lines()
        .filter(|mount| mount.contains("/kubelet/") || mount.contains("/containerd/"));
    links.chain(mounts.map(str::to_owned)).collect()
}
