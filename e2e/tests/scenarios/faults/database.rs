//! A database that dies, falls silent, is held up, or takes no writes. Codes are redeemed by two
//! callers at once all the while: never does a code give two answers with tokens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use realmwright_store_postgres::testing::{Durability, Relay, Server};
use reqwest::{Client, StatusCode};
use url::Url;

use super::{at, client_credentials, http, is_not_now, told, until};
use crate::support::dev::{LOGIN, PASSWORD, scenario_folder};
use crate::support::network::Network;
use crate::support::person::Person;
use crate::support::pods::Pods;
use crate::support::region_database::RegionDatabase;

const REDIRECT: &str = "http://127.0.0.1/callback";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Longest until everything is as before, from when the database is (docs/robustness.md).
const RECOVERY: Duration = Duration::from_secs(25);

/// A pod, its database, and the way between them.
struct Scene {
    pods: Pods,
    relay: Relay,
    server: Server,
    issuer: Url,
    network: Network,
    http: Client,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start(Durability::OperatingSystem).expect("PostgreSQL");
        let relay = Relay::to(server.address());
        let database = RegionDatabase::prepare_on(&server.url_over(&relay)).with_schema();
        let pods = Pods::start_on(1, scenario_folder(), database);
        let network = pods.network();
        Self {
            issuer: pods.issuer().clone(),
            http: http(&network),
            pods,
            relay,
            server,
            network,
        }
    }

    fn authorize(&self) -> Url {
        let mut url = at(&self.issuer, "/oauth2/authorize");
        url.query_pairs_mut()
            .append_pair("client_id", "plain")
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", REDIRECT)
            .append_pair("scope", "openid")
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256");
        url
    }

    /// Codes of one person, who logs in once.
    async fn codes(&self, count: usize) -> Vec<String> {
        let person = Person::over(&self.network);
        let page = person.open(&self.authorize()).await.unwrap().page();
        let fields = [("login", LOGIN), ("password", PASSWORD)];
        let mut left = person.submit(&page, &fields).await.unwrap().left();
        let mut codes = Vec::new();
        loop {
            let mut pairs = left.query_pairs();
            let code = pairs.find(|(name, _)| name == "code");
            codes.push(code.expect("a code").1.into_owned());
            if codes.len() == count {
                return codes;
            }
            left = person.open(&self.authorize()).await.unwrap().left();
        }
    }

    async fn redeem(&self, code: &str) -> reqwest::Response {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "plain"),
            ("code", code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", REDIRECT),
        ];
        let request = self.http.post(at(&self.issuer, "/oauth2/token"));
        request.form(&form).send().await.expect("the pod answers")
    }

    /// Whether tokens came of it, asked until it is certain. Each "not now" is counted.
    async fn redeem_to_the_end(&self, code: &str, not_now: &AtomicUsize) -> bool {
        loop {
            let answer = self.redeem(code).await;
            if is_not_now(&answer) {
                not_now.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            match told(answer).await {
                (StatusCode::OK, _) => return true,
                (StatusCode::BAD_REQUEST, error) if error == "invalid_grant" => return false,
                other => panic!("neither right nor honest: {other:?}"),
            }
        }
    }

    /// Two callers for each code, while something `happens`, which may wait until there has been a
    /// "not now". Says how many codes gave tokens.
    async fn race(&self, codes: &[String], happens: impl AsyncFnOnce(&AtomicUsize)) -> usize {
        let not_now = AtomicUsize::new(0);
        let not_now = &not_now;
        let races = codes.iter().map(|code| async move {
            let both = [code, code].map(|code| self.redeem_to_the_end(code, not_now));
            let won = join_all(both).await.into_iter().filter(|won| *won).count();
            assert!(won <= 1, "a code was redeemed twice");
            won
        });
        let (won, ()) = futures::join!(join_all(races), happens(not_now));
        println!(
            "{} of {} codes redeemed, {} answers were \"not now\"",
            won.iter().sum::<usize>(),
            codes.len(),
            not_now.load(Ordering::SeqCst)
        );
        won.iter().sum()
    }

    async fn becomes(&self, ready: bool) -> Duration {
        let pod = self.pods.first();
        until(RECOVERY, || async { pod.is_ready().await == ready }).await
    }

    /// Whole logins, from page to tokens, several at once.
    async fn assert_serves(&self) {
        let code = self.codes(1).await.remove(0);
        assert_eq!(self.redeem(&code).await.status(), StatusCode::OK);
    }

    /// What needs no database goes on as ever.
    async fn assert_stateless_is_fast(&self) {
        for _ in 0..10 {
            let since = Instant::now();
            let answer = client_credentials(&self.http, &self.issuer).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            let keys = self.http.get(at(&self.issuer, "/oauth2/jwks")).send().await;
            assert_eq!(keys.unwrap().status(), StatusCode::OK);
            assert!(since.elapsed() < Duration::from_secs(2), "{since:?}");
        }
    }
}

async fn until_counted(count: &AtomicUsize) {
    until(RECOVERY, || async {
        tokio::task::yield_now().await;
        count.load(Ordering::SeqCst) > 0
    })
    .await;
}

/// SIGKILL, and a start with crash recovery.
#[tokio::test]
async fn a_database_that_dies_and_comes_back() {
    let scene = Scene::new();
    let codes = scene.codes(8).await;
    let won = scene
        .race(&codes, async |not_now| {
            scene.server.crash();
            until_counted(not_now).await;
            scene.assert_stateless_is_fast().await;
            scene.becomes(false).await;
            scene.server.restart();
        })
        .await;
    // At most the answers that were on their way when it died are lost, not their codes' worth.
    assert!(won >= codes.len() - 4, "{won} of {}", codes.len());
    let ready = scene.becomes(true).await;
    println!("ready {ready:?} after the last code");
    scene.assert_serves().await;
}

/// A failover in which the former machine is gone: connections to it neither answer nor end.
#[tokio::test]
async fn a_database_whose_connections_fall_silent() {
    let scene = Scene::new();
    let codes = scene.codes(8).await;
    let since = Instant::now();
    scene.relay.silence();
    scene.race(&codes, async |_| {}).await;
    println!("all codes certain {:?} after silence", since.elapsed());
    assert!(since.elapsed() < RECOVERY, "{:?}", since.elapsed());
    scene.becomes(true).await;
    scene.assert_serves().await;
}

/// A lock that somebody holds for longer than a call may take.
#[tokio::test]
async fn a_database_that_is_held_up() {
    let scene = Scene::new();
    let codes = scene.codes(6).await;
    let lock = scene.pods.database().lock("codes");
    let won = scene
        .race(&codes, async |not_now| {
            scene.assert_stateless_is_fast().await;
            until_counted(not_now).await;
            drop(lock);
        })
        .await;
    assert_eq!(won, codes.len(), "nothing was decided while it was held");
    scene.assert_serves().await;
}

/// Each way to the database takes a tenth of a second: all is right, and slow.
#[tokio::test]
async fn a_database_that_is_slow() {
    let scene = Scene::new();
    scene.relay.delay(Duration::from_millis(100));
    let codes = scene.codes(2).await;
    let won = scene
        .race(&codes, async |_| scene.assert_stateless_is_fast().await)
        .await;
    assert_eq!(won, codes.len());
    assert!(scene.pods.first().is_ready().await);
}

/// A database that takes no writes, as a standby or one whose disk is full: nobody logs in, and the
/// pod says that it is not ready; with writes again all goes on by itself.
#[tokio::test]
async fn a_database_that_takes_no_writes() {
    let scene = Scene::new();
    let codes = scene.codes(4).await;
    let database = scene.pods.database();
    database.run_as_superuser("ALTER DATABASE realmwright SET default_transaction_read_only = on");
    scene.relay.cut();
    let won = scene
        .race(&codes, async |not_now| {
            until_counted(not_now).await;
            scene.becomes(false).await;
            let person = Person::over(&scene.network);
            let page = person.open(&scene.authorize()).await.unwrap().page();
            let fields = [("login", LOGIN), ("password", PASSWORD)];
            let refused = person.send(&page, &fields).await.unwrap().page;
            assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
            scene.assert_stateless_is_fast().await;
            database.run_as_superuser("ALTER DATABASE realmwright RESET ALL");
        })
        .await;
    assert_eq!(won, codes.len());
    let ready = scene.becomes(true).await;
    println!("ready {ready:?} after the last code");
    scene.assert_serves().await;
}
