//! `realmwright-idp` over PostgreSQL: the pods of a region, fed by the folder that a `realmwright
//! dev` publishes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use super::binaries::binary;
use super::child::{LOG, Running, Told};
use super::dev::{ANY_PORT, Dev, scenario_folder};
use super::network::{Balancer, Network};
use super::region_database::RegionDatabase;

const START: Duration = Duration::from_secs(30);

/// What a pod is started with.
pub(crate) struct PodSettings {
    pub(crate) source: PathBuf,
    pub(crate) database_url_file: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) told: Told,
}

impl PodSettings {
    /// For one whose address does not matter.
    pub(crate) fn anywhere(source: &Path, database_url_file: PathBuf) -> Self {
        Self {
            source: source.to_owned(),
            database_url_file,
            listen: ANY_PORT,
            told: Told::default(),
        }
    }

    fn start(&self) -> Running {
        let mut source = std::ffi::OsString::from("dir:");
        source.push(&self.source);
        let management = SocketAddr::new(self.listen.ip(), 0).to_string();
        let binary = binary("realmwright-idp");
        let mut command = match self.told.open_files {
            None => Command::new(binary),
            Some(limits) => {
                let mut limited = Command::new("prlimit");
                limited.arg(format!("--nofile={limits}")).arg(binary);
                limited
            }
        };
        Running::start(
            command
                .arg("--source")
                .arg(source)
                .arg("--database-url-file")
                .arg(&self.database_url_file)
                .args(["--listen", &self.listen.to_string()])
                .args(["--management-listen", &management])
                .args(["--log", LOG])
                .args(&self.told.arguments)
                .envs(self.told.environment.iter().cloned()),
        )
    }

    /// Starts one that cannot serve; its exit code and what it said.
    pub(crate) fn start_in_vain(&self) -> (Option<i32>, String) {
        let mut running = self.start();
        let code = running.end(START);
        running.assert_discreet();
        (code, running.text())
    }
}

/// One process.
pub(crate) struct Pod {
    settings: PodSettings,
    running: Running,
}

fn message(line: &str) -> Option<(String, Value)> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some((line.get("message")?.as_str()?.to_owned(), line))
}

fn wait_until_ready(running: &Running) {
    running.wait_for(0, START, "word that it is ready", |line| {
        (message(line)?.0 == "ready").then_some(())
    });
}

impl Pod {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(settings: PodSettings) -> Self {
        let running = Self::ready(&settings);
        Self { settings, running }
    }

    /// Starts one that is not ready, and waits until it has said why.
    pub(crate) fn start_unready(settings: PodSettings, reason: &str) -> Self {
        let running = settings.start();
        running.wait_for(0, START, reason, |line| {
            let (message, line) = message(line)?;
            (message == "not ready" && line.to_string().contains(reason)).then_some(())
        });
        Self { settings, running }
    }

    /// Waits until it is ready.
    pub(crate) fn wait_until_ready(&self) {
        wait_until_ready(&self.running);
    }

    fn ready(settings: &PodSettings) -> Running {
        let running = settings.start();
        wait_until_ready(&running);
        running
    }

    /// The process.
    pub(crate) const fn running(&self) -> &Running {
        &self.running
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.settings.listen
    }

    /// SIGKILL, then the same again.
    pub(crate) fn kill_and_restart(&mut self) {
        self.running.kill();
        self.running.assert_discreet();
        self.running = Self::ready(&self.settings);
    }

    /// Waits until it serves the snapshot with this digest.
    pub(crate) fn wait_until_serving(&self, digest: &str) {
        self.running.wait_for(0, START, digest, |line| {
            let (message, line) = message(line)?;
            let served = line.get("digest")?.as_str()?;
            (message == "serving" && digest.starts_with(served)).then_some(())
        });
    }

    /// What it counts.
    pub(crate) async fn metrics(&self) -> String {
        self.management("/metrics").await.1
    }

    /// Whether requests should come, by its own word.
    pub(crate) async fn is_ready(&self) -> bool {
        self.management("/readyz").await.0 == reqwest::StatusCode::OK
    }

    /// Where it listens, for people (`listen`) or for probes (`management`).
    pub(crate) fn listens(&self, of: &str) -> String {
        self.running.wait_for(0, START, of, |line| {
            let (message, line) = message(line)?;
            let address = line.get(of)?.as_str()?.to_owned();
            (message == "started").then_some(address)
        })
    }

    /// Answer of its management listener.
    async fn management(&self, path: &str) -> (reqwest::StatusCode, String) {
        let address = self.listens("management");
        let client = Network::default().http().build().expect("a client");
        let answer = client.get(format!("http://{address}{path}")).send().await;
        let answer = answer.expect("it answers");
        (answer.status(), answer.text().await.expect("it is text"))
    }

    /// SIGTERM; the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.running.stop(Duration::from_secs(10))
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.running.assert_discreet();
        }
    }
}

/// The pods of a region at one issuer, which a balancer leads to.
pub(crate) struct Pods {
    pods: Vec<Pod>,
    balancer: Balancer,
    dev: Dev,
    database: RegionDatabase,
}

impl Pods {
    /// So many, ready, over a database of their own.
    pub(crate) fn start(count: u8) -> Self {
        Self::start_on(count, scenario_folder(), RegionDatabase::migrated())
    }

    /// The same, of this folder over this database.
    pub(crate) fn start_on(count: u8, folder: TempDir, database: RegionDatabase) -> Self {
        Self::start_told(count, folder, database, &Told::default())
    }

    /// The same, told more.
    pub(crate) fn start_told(
        count: u8,
        folder: TempDir,
        database: RegionDatabase,
        told: &Told,
    ) -> Self {
        let dev = Dev::start_with(folder, ANY_PORT, &["--host", "localhost"]);
        let port = dev.issuer.port().expect("a port");
        // `dev` has the port at 127.0.0.1, so that the pods have it at 127.0.0.2, .3, ...
        let pods: Vec<_> = (0..count)
            .map(|number| {
                Pod::start(PodSettings {
                    source: dev.published(),
                    database_url_file: database.serve_url_file(),
                    listen: SocketAddr::from(([127, 0, 0, 2 + number], port)),
                    told: told.clone(),
                })
            })
            .collect();
        Self {
            pods,
            balancer: Balancer::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))),
            dev,
            database,
        }
    }

    pub(crate) fn issuer(&self) -> &Url {
        &self.dev.issuer
    }

    /// Their database.
    pub(crate) const fn database(&self) -> &RegionDatabase {
        &self.database
    }

    /// The first of them.
    pub(crate) fn first(&self) -> &Pod {
        &self.pods[0]
    }

    /// The way to them.
    pub(crate) fn network(&self) -> Network {
        Network::through(&self.balancer)
    }

    /// From now on this one answers.
    pub(crate) fn turn_to(&self, number: usize) {
        self.balancer.choose(self.pods[number].settings.listen.ip());
    }

    /// Publishes an edit and waits until every pod serves it.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let said = self.dev.edit(file, from, to);
        let digest = said["live"][0]["digest"].as_str();
        let digest = digest.unwrap_or_else(|| panic!("nothing is live: {said}"));
        for pod in &self.pods {
            pod.wait_until_serving(digest);
        }
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pod> {
        self.pods.iter_mut()
    }

    pub(crate) fn kill_and_restart(&mut self) {
        for pod in &mut self.pods {
            pod.kill_and_restart();
        }
    }
}
