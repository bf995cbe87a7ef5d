//! Requests a second and their latency, over real sockets on real databases (`make bench`). Measured
//! is the processor time of the server: what the load itself costs beside it does not count.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use openidconnect::OAuth2TokenResponse;
use reqwest::{Client, Method};
use serde_json::Value;
use url::Url;

use crate::support::application::Application;
use crate::support::child::Running;
use crate::support::dev::{Dev, LOGIN, PASSWORD};
use crate::support::network::Network;
use crate::support::person::Person;
use crate::support::pods::Pods;

const CLIENT: &str = "service";
const SECRET: &str = "planted-client-secret-90b3d5a1c7e84f62";

/// Each row runs so long with each number of connections.
const LASTS: Duration = Duration::from_secs(3);

const CONNECTIONS: [usize; 3] = [1, 8, 32];

/// What is asked for again and again.
enum Row {
    Get(Url),
    ClientCredentials {
        scope: &'static str,
    },
    Userinfo {
        token: String,
    },
    Introspection {
        token: String,
    },
    /// The newest token of each connection.
    Refresh(Vec<Mutex<String>>),
}

/// A served realm.
struct Server<'a> {
    issuer: Url,
    network: Network,
    process: &'a Running,
}

impl Server<'_> {
    fn at(&self, path: &str) -> Url {
        let mut url = self.issuer.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        url
    }

    /// A person logs in: the refresh token and the access token.
    async fn log_in(&self) -> (String, String) {
        let mut application = Application::over(&self.network, &self.issuer, "plain", None).await;
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

    async fn ask(&self, http: &Client, row: &Row, connection: usize) {
        let token = || http.request(Method::POST, self.at("/oauth2/token"));
        let request = match row {
            Row::Get(url) => http.get(url.clone()),
            Row::ClientCredentials { scope } => token()
                .basic_auth(CLIENT, Some(SECRET))
                .form(&[("grant_type", "client_credentials"), ("scope", scope)]),
            Row::Userinfo { token } => http.get(self.at("/oauth2/userinfo")).bearer_auth(token),
            Row::Introspection { token } => http
                .post(self.at("/oauth2/introspect"))
                .basic_auth(CLIENT, Some(SECRET))
                .form(&[("token", token)]),
            Row::Refresh(tokens) => {
                let newest = tokens[connection].lock().unwrap().clone();
                token().form(&[
                    ("grant_type", "refresh_token"),
                    ("client_id", "plain"),
                    ("refresh_token", &newest),
                ])
            }
        };
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body = answer.bytes().await.unwrap();
        assert!(
            status.is_success(),
            "{status} {}",
            String::from_utf8_lossy(&body)
        );
        match row {
            Row::Refresh(tokens) => {
                let answer: Value = serde_json::from_slice(&body).unwrap();
                let next = answer["refresh_token"].as_str().unwrap().to_owned();
                *tokens[connection].lock().unwrap() = next;
            }
            Row::Introspection { .. } => {
                let answer: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(answer["active"], true, "{answer}");
            }
            _ => {}
        }
    }

    /// Lines of the table, one for each number of connections.
    async fn run(&self, name: &str, row: &Row) -> String {
        let mut lines = String::new();
        for connections in CONNECTIONS {
            self.warm(row, connections).await;
            let before = self.process.processor_time();
            let start = Instant::now();
            let mut times = self.load(row, connections, start + LASTS).await;
            let took = start.elapsed();
            let worked = self.process.processor_time() - before;
            times.sort_unstable();
            let at = |share: usize| milliseconds(times[(times.len() - 1) * share / 100]);
            lines += &line(name, connections, times.len(), took, worked);
            lines += &format!(" {:.2} | {:.2} |\n", at(50), at(99));
        }
        lines
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
                self.ask(&http, row, connection).await;
                times.push(start.elapsed());
            }
            times
        });
        let times = futures::future::join_all(all).await;
        times.into_iter().flatten().collect()
    }

    async fn measure(&self, database: &str) -> String {
        let memory = || self.process.resident_bytes() >> 20;
        let mut table = format!(
            "{database}, {} MB resident when ready\n\n{HEAD}\n|---|---|---|---|---|---|---|\n",
            memory()
        );
        let (_, access) = self.log_in().await;
        let mut tokens = Vec::new();
        for _ in 0..32 {
            tokens.push(Mutex::new(self.log_in().await.0));
        }
        let discovery = self.at("/.well-known/openid-configuration");
        let scope = "realmwright:accounts";
        let token = access.clone();
        for (name, row) in [
            ("discovery", Row::Get(discovery)),
            ("JWKS", Row::Get(self.at("/oauth2/jwks"))),
            (
                "client_credentials by secret, JWT ES256",
                Row::ClientCredentials { scope },
            ),
            ("userinfo", Row::Userinfo { token }),
            ("introspection", Row::Introspection { token: access }),
            ("refresh with rotation", Row::Refresh(tokens)),
        ] {
            table += &self.run(name, &row).await;
        }
        table += &self.logins().await;
        format!("{table}\n{} MB resident after it", memory())
    }

    /// Whole logins by password, from the first page to the tokens.
    async fn logins(&self) -> String {
        const AT_ONCE: usize = 4;
        let before = self.process.processor_time();
        let start = Instant::now();
        let all = (0..AT_ONCE).map(|_| async move {
            let mut count = 0;
            while start.elapsed() < LASTS * 3 {
                self.log_in().await;
                count += 1;
            }
            count
        });
        let count: usize = futures::future::join_all(all).await.into_iter().sum();
        let worked = self.process.processor_time() - before;
        let name = "whole login by password, page to tokens";
        line(name, AT_ONCE, count, start.elapsed(), worked) + " | |\n"
    }
}

const HEAD: &str = "| | connections | requests/s | requests/s per core | server CPU per request, µs \
                    | p50, ms | p99, ms |";

/// A line of the table but for its last two columns.
fn line(name: &str, connections: usize, count: usize, took: Duration, worked: Duration) -> String {
    let count = u32::try_from(count).expect("few");
    let each = worked / count;
    format!(
        "| {name} | {connections} | {:.1} | {:.1} | {} |",
        f64::from(count) / took.as_secs_f64(),
        1.0 / each.as_secs_f64(),
        each.as_micros(),
    )
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[tokio::test]
#[ignore = "measures time: run it with `make bench`"]
async fn bench_sqlite() {
    let dev = Dev::start();
    let server = Server {
        issuer: dev.issuer.clone(),
        network: Network::default(),
        process: dev.running(),
    };
    println!("\n{}", server.measure("SQLite").await);
}

#[tokio::test]
#[ignore = "measures time: run it with `make bench`"]
async fn bench_postgresql() {
    let mut pods = Pods::start(1);
    let (issuer, network) = (pods.issuer().clone(), pods.network());
    let pod = pods.iter_mut().next().unwrap();
    let server = Server {
        issuer,
        network,
        process: pod.running(),
    };
    println!("\n{}", server.measure("PostgreSQL").await);
}
