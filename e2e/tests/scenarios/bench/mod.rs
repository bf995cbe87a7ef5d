//! Requests a second and their latency, over real sockets on real databases (`make bench`). Measured
//! is the processor time of the server, and beside it that of the database: what the load itself
//! costs does not count.

mod assertion;
mod realms;
mod rows;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use openidconnect::OAuth2TokenResponse;
use realmwright_store_postgres::testing::{self, Durability};
use tempfile::TempDir;
use url::Url;

use self::assertion::AssertionKey;
use self::rows::Row;
use crate::support::application::Application;
use crate::support::child::Running;
use crate::support::dev::{ANY_PORT, Dev, LOGIN, PASSWORD, scenario_folder};
use crate::support::network::Network;
use crate::support::person::Person;
use crate::support::pods::Pods;
use crate::support::region_database::RegionDatabase;

/// Each row runs so long with each number of connections.
const LASTS: Duration = Duration::from_secs(3);

const CONNECTIONS: [usize; 3] = [1, 8, 32];

/// The folder of the scenarios, with the applications that are only measured.
fn bench_folder(key: &AssertionKey) -> TempDir {
    let folder = scenario_folder();
    let applications = include_str!("applications.yaml").replace("{JWK}", &key.jwk());
    std::fs::write(folder.path().join("bench.yaml"), applications).expect("it can be written");
    // One person logs in many times at once, and each attempt counts until it has been judged.
    replace(
        &folder,
        "realm.yaml",
        "spec:\n",
        "spec:\n  protection: {attemptsPerLogin: 1000}\n",
    );
    replace(&folder, "methods.yaml", "failures: 5\n", "failures: 100\n");
    folder
}

fn replace(folder: &TempDir, file: &str, from: &str, to: &str) {
    let path = folder.path().join(file);
    let text = std::fs::read_to_string(&path).expect("a file of the folder");
    assert!(text.contains(from), "{file}");
    std::fs::write(&path, text.replacen(from, to, 1)).expect("it can be written");
}

/// A served realm.
struct Server<'a> {
    issuer: Url,
    network: Network,
    process: &'a Running,
    /// None where it is part of the process.
    database: Option<&'a testing::Server>,
    key: AssertionKey,
}

impl Server<'_> {
    fn at(&self, path: &str) -> Url {
        let mut url = self.issuer.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        url
    }

    /// A person logs in: the refresh token and the access token.
    async fn log_in(&self, client: &str) -> (String, String) {
        let mut application = Application::over(&self.network, &self.issuer, client, None).await;
        let person = Person::over(&self.network);
        let begun = application.begin(&["openid"], &[]);
        let page = person.open(&begun.url).await.unwrap().page();
        let fields = [("login", LOGIN), ("password", PASSWORD)];
        let left = person.submit(&page, &fields).await.unwrap().left();
        person.open(&left).await.unwrap();
        let tokens = application.finish(begun).await.tokens;
        (
            tokens.refresh_token().unwrap().secret().clone(),
            tokens.access_token().secret().clone(),
        )
    }

    /// Processor time that the server has taken, and the database.
    fn processor_time(&self) -> (Duration, Duration) {
        let database = self.database.map(testing::Server::processor_time);
        (self.process.processor_time(), database.unwrap_or_default())
    }

    /// Lines of the table, one for each number of connections.
    async fn run(&self, name: &str, row: &Row) -> String {
        let mut lines = String::new();
        for connections in CONNECTIONS {
            self.warm(row, connections).await;
            let before = self.processor_time();
            let start = Instant::now();
            let mut times = self.load(row, connections, start + LASTS).await;
            let took = start.elapsed();
            times.sort_unstable();
            let at = |share: usize| milliseconds(times[(times.len() - 1) * share / 100]);
            lines += &self.line(name, connections, times.len(), took, before);
            lines += &format!(" {:.2} | {:.2} |\n", at(50), at(99));
        }
        lines
    }

    /// A line of the table but for its last two columns.
    fn line(
        &self,
        name: &str,
        connections: usize,
        count: usize,
        took: Duration,
        (server, database): (Duration, Duration),
    ) -> String {
        let (worked, stored) = self.processor_time();
        let count = u32::try_from(count).expect("few");
        let each = (worked - server) / count;
        let stored = match self.database {
            Some(_) => ((stored - database) / count).as_micros().to_string(),
            None => "in it".to_owned(),
        };
        format!(
            "| {name} | {connections} | {:.0} | {:.0} | {} | {stored} |",
            f64::from(count) / took.as_secs_f64(),
            1.0 / each.as_secs_f64(),
            each.as_micros(),
        )
    }

    async fn warm(&self, row: &Row, connections: usize) {
        let end = Instant::now() + LASTS / 6;
        self.load(row, connections, end).await;
    }

    async fn load(&self, row: &Row, connections: usize, end: Instant) -> Vec<Duration> {
        let all = (0..connections).map(|connection| async move {
            let http = self.network.http().pool_max_idle_per_host(1);
            let http = http.build().unwrap();
            let mut times = Vec::new();
            while Instant::now() < end {
                let start = Instant::now();
                row.ask(self, &http, connection).await;
                times.push(start.elapsed());
            }
            times
        });
        let times = futures::future::join_all(all).await;
        times.into_iter().flatten().collect()
    }

    async fn measure(&self, database: &str) -> String {
        let memory = || self.process.resident_bytes() >> 20;
        let ready = memory();
        let logins = self.logins().await;
        let logged_in = memory();
        let mut table = format!("{database}: {ready} MB resident when ready, ");
        table += &format!("{logged_in} after the logins\n\n{HEAD}\n{logins}");
        for (name, row) in self.rows().await {
            table += &self.run(name, &row).await;
        }
        format!("{table}\n{} MB resident after all", memory())
    }

    async fn rows(&self) -> Vec<(&'static str, Row)> {
        let (_, token) = self.log_in("plain").await;
        let (_, opaque) = self.log_in("reference").await;
        let mut tokens = Vec::new();
        for _ in 0..32 {
            tokens.push(Mutex::new(self.log_in("plain").await.0));
        }
        let discovery = self.at("/.well-known/openid-configuration");
        vec![
            ("discovery", Row::Get(discovery)),
            ("JWKS", Row::Get(self.at("/oauth2/jwks"))),
            (
                "client_credentials by secret, JWT ES256",
                Row::ClientCredentials { client: "service" },
            ),
            (
                "client_credentials by secret, opaque",
                Row::ClientCredentials {
                    client: "opaque-service",
                },
            ),
            (
                "client_credentials by private_key_jwt (EdDSA), JWT ES256",
                Row::Assertion,
            ),
            (
                "userinfo, JWT",
                Row::Userinfo {
                    token: token.clone(),
                },
            ),
            ("introspection, JWT", Row::Introspection { token }),
            (
                "introspection, opaque",
                Row::Introspection { token: opaque },
            ),
            ("refresh with rotation", Row::Refresh(tokens)),
        ]
    }

    /// Whole logins by password, from the first page to the tokens: so many at once that passwords
    /// wait for a core.
    async fn logins(&self) -> String {
        const AT_ONCE: usize = 32;
        let before = self.processor_time();
        let start = Instant::now();
        let all = (0..AT_ONCE).map(|_| async move {
            let mut count = 0;
            while start.elapsed() < LASTS * 3 {
                self.log_in("plain").await;
                count += 1;
            }
            count
        });
        let count: usize = futures::future::join_all(all).await.into_iter().sum();
        let name = "whole login by password, page to tokens";
        self.line(name, AT_ONCE, count, start.elapsed(), before) + " | |\n"
    }
}

const HEAD: &str = "\
| | connections | requests/s | requests/s per core | server CPU per request, µs | database CPU, µs \
| p50, ms | p99, ms |
|---|---|---|---|---|---|---|---|";

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[tokio::test]
#[ignore = "measures time: run it with `make bench`"]
async fn bench_sqlite() {
    let key = AssertionKey::generate();
    let dev = Dev::start_with(bench_folder(&key), ANY_PORT, &[]);
    let server = Server {
        issuer: dev.issuer.clone(),
        network: Network::default(),
        process: dev.running(),
        database: None,
        key,
    };
    println!("\n{}", server.measure("SQLite").await);
}

#[tokio::test]
#[ignore = "measures time: run it with `make bench`"]
async fn bench_postgresql() {
    let key = AssertionKey::generate();
    let postgres = testing::Server::start(Durability::Disk).unwrap();
    let database = RegionDatabase::prepare_on(&postgres.url()).with_schema();
    let mut pods = Pods::start_on(1, bench_folder(&key), database);
    let (issuer, network) = (pods.issuer().clone(), pods.network());
    let pod = pods.iter_mut().next().unwrap();
    let server = Server {
        issuer,
        network,
        process: pod.running(),
        database: Some(&postgres),
        key,
    };
    println!("\n{}", server.measure("PostgreSQL").await);
}
