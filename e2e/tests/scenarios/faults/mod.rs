//! What a person, an application and an operator see while something is broken, and how it mends
//! (docs/robustness.md): every answer is right or an honest error, and it recovers by itself.

#![expect(
    clippy::print_stdout,
    reason = "what was measured is shown where it is asked for"
)]

mod clock;
mod connections;
mod database;
mod disk;
mod failover;
mod overload;
mod scene;

use std::time::{Duration, Instant};

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use url::Url;

use crate::support::dev::{LOGIN, PASSWORD};
use crate::support::network::Network;
use crate::support::person::Person;

/// Of the application `service`.
const SECRET: &str = "planted-client-secret-90b3d5a1c7e84f62";

/// An address under an issuer.
fn at(issuer: &Url, path: &str) -> Url {
    let mut url = issuer.clone();
    url.set_path(&format!("{}{path}", issuer.path().trim_end_matches('/')));
    url
}

fn http(network: &Network) -> Client {
    let patience = Duration::from_secs(30);
    network.http().timeout(patience).build().expect("a client")
}

/// A token of an application for itself, which needs no database.
async fn client_credentials(http: &Client, issuer: &Url) -> reqwest::Result<Response> {
    http.post(at(issuer, "/oauth2/token"))
        .basic_auth("service", Some(SECRET))
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
}

/// What the answer to a password was.
#[derive(Debug)]
struct Told {
    status: StatusCode,
    retry_after: Option<u32>,
}

async fn log_in(network: &Network, url: &Url) -> Told {
    let person = Person::over(network);
    let page = person.open(url).await.unwrap().page();
    let fields = [("login", LOGIN), ("password", PASSWORD)];
    let answer = person.send(&page, &fields).await.unwrap();
    Told {
        status: answer.page.status,
        retry_after: answer.retry_after,
    }
}

/// Whether it is an honest "not now": 503 or 429, with when to come again.
fn is_not_now(answer: &Response) -> bool {
    let status = answer.status();
    let not_now = [
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    let after = answer.headers().get("retry-after");
    let after = after.and_then(|after| after.to_str().ok()?.parse::<u32>().ok());
    not_now.contains(&status) && after.is_some_and(|seconds| seconds > 0)
}

/// Status, and the error where there is one.
async fn told(answer: Response) -> (StatusCode, String) {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    let error = body["error"].as_str().unwrap_or_default();
    (status, error.to_owned())
}

/// Asks again until it holds; how long that was.
async fn until<F: Future<Output = bool>>(
    within: Duration,
    mut holds: impl FnMut() -> F,
) -> Duration {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < within, "not within {within:?}");
    }
    since.elapsed()
}

fn at_share(times: &mut [Duration], share: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * share / 100]
}
