//! Several pods over one PostgreSQL database: any pod answers any request.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use url::Url;

use crate::journey::{Site, a_lockout_holds, a_login_goes_on};
use crate::support::application::Application;
use crate::support::binaries::binary;
use crate::support::dev::Dev;
use crate::support::network::Network;
use crate::support::person::Person;
use crate::support::pods::Pods;

/// Every request goes to another pod than the one before.
struct Alternating {
    pods: Pods,
    next: usize,
}

impl Alternating {
    fn start() -> Self {
        Self {
            pods: Pods::start(2),
            next: 0,
        }
    }
}

impl Site for Alternating {
    fn issuer(&self) -> Url {
        self.pods.issuer().clone()
    }

    fn network(&self) -> Network {
        self.pods.network()
    }

    fn disturb(&mut self) {
        self.next = 1 - self.next;
        self.pods.turn_to(self.next);
    }
}

#[tokio::test]
async fn a_login_goes_from_pod_to_pod() {
    let mut site = Alternating::start();
    a_login_goes_on(&mut site).await;
    for pod in site.pods.iter_mut() {
        let metrics = pod.metrics().await;
        for endpoint in ["/oauth2/authorize", "/login/{id}"] {
            let answered = format!("realmwright_http_requests_total{{endpoint=\"{endpoint}\"");
            assert!(metrics.contains(&answered), "not {endpoint}:\n{metrics}");
        }
    }
}

#[tokio::test]
async fn a_lockout_counts_over_all_pods() {
    a_lockout_holds(&mut Alternating::start()).await;
}

/// Design.md promise 3.
#[tokio::test]
async fn an_edit_reaches_every_pod() {
    let mut pods = Pods::start(2);
    let network = pods.network();
    let application = Application::over(&network, pods.issuer(), "notary", None).await;
    let begun = application.begin(&[], &[]);
    pods.edit("applications.yaml", "Notary", "Public notary");
    for number in 0..2 {
        pods.turn_to(number);
        let page = Person::over(&network).open(&begun.url).await.unwrap();
        let page = page.page();
        assert!(page.html.contains("Public notary"), "{}", page.html);
    }
    for pod in pods.iter_mut() {
        assert_eq!(pod.stop(), Some(0));
    }
}

/// Whoever reads the log may go away, and takes nothing along.
#[test]
fn a_pod_whose_log_nobody_reads_stops_in_order() {
    let dev = Dev::start();
    let mut source = std::ffi::OsString::from("dir:");
    source.push(dev.published());
    let mut pod = Command::new(binary("realmwright-idp"))
        .arg("--source")
        .arg(source)
        .arg("--sqlite")
        .arg(dev.folder().join("database"))
        .args([
            "--listen",
            "127.0.0.1:0",
            "--management-listen",
            "127.0.0.1:0",
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = pod.id().to_string();
    let mut log = BufReader::new(pod.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains(r#""message":"ready""#)));
    drop(log);

    let signal = |name: &str| Command::new("kill").args([name, &id]).status().unwrap();
    assert!(signal("-TERM").success());
    let (ended, end) = channel();
    std::thread::spawn(move || ended.send(pod.wait()));
    let status = end.recv_timeout(Duration::from_secs(20));
    if status.is_err() {
        signal("-KILL");
    }
    assert_eq!(status.expect("it stops").unwrap().code(), Some(0));
}
