//! A pod, its database, and people whose codes are redeemed by two callers at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use realmwright_store_postgres::testing::{Durability, Relay, Server};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use super::{at, client_credentials, http, is_not_now, log_in, told, until};
use crate::support::child::Told;
use crate::support::dev::{LOGIN, PASSWORD, scenario_folder};
use crate::support::network::Network;
use crate::support::person::{Person, Seen};
use crate::support::pods::Pods;
use crate::support::region_database::RegionDatabase;

const REDIRECT: &str = "http://127.0.0.1/callback";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Longest until everything is as before, from when the database is (docs/robustness.md).
pub(super) const RECOVERY: Duration = Duration::from_secs(25);

/// A pod, its database, and the way between them.
pub(super) struct Scene {
    pub(super) pods: Pods,
    pub(super) relay: Relay,
    pub(super) server: Server,
    pub(super) issuer: Url,
    pub(super) network: Network,
    pub(super) http: Client,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self::on(Server::start(Durability::OperatingSystem).expect("PostgreSQL"))
    }

    /// On this server.
    pub(super) fn on(server: Server) -> Self {
        Self::start(server, scenario_folder(), &Told::default())
    }

    /// What is in this folder, by a pod that is told more.
    pub(super) fn told(folder: TempDir, told: &Told) -> Self {
        let server = Server::start(Durability::OperatingSystem).expect("PostgreSQL");
        Self::start(server, folder, told)
    }

    fn start(server: Server, folder: TempDir, told: &Told) -> Self {
        let relay = Relay::to(server.address());
        let database = RegionDatabase::prepare_on(&server.url_over(&relay)).with_schema();
        let pods = Pods::start_told(1, folder, database, told);
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

    pub(super) fn authorize(&self) -> Url {
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

    /// Somebody who is in.
    pub(super) async fn person(&self) -> Person {
        let person = Person::over(&self.network);
        let page = person.open(&self.authorize()).await.unwrap().page();
        let fields = [("login", LOGIN), ("password", PASSWORD)];
        person.submit(&page, &fields).await.unwrap().left();
        person
    }

    /// A code for somebody who is in, and is not asked who they are again. None when that cannot be
    /// now.
    pub(super) async fn code_for(&self, person: &Person) -> Option<String> {
        match person.open(&self.authorize()).await.unwrap() {
            Seen::Left(url) => {
                let code = url.query_pairs().find(|(name, _)| name == "code");
                Some(code.expect("a code").1.into_owned())
            }
            Seen::Page(page) => {
                assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
                None
            }
        }
    }

    /// Codes of one person, who logs in once.
    pub(super) async fn codes(&self, count: usize) -> Vec<String> {
        let person = self.person().await;
        let mut codes = Vec::new();
        for _ in 0..count {
            codes.push(self.code_for(&person).await.expect("a code"));
        }
        codes
    }

    pub(super) async fn redeem(&self, code: &str) -> reqwest::Response {
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

    /// The tokens of a code that has not been redeemed.
    pub(super) async fn tokens(&self, code: &str) -> Value {
        let answer = self.redeem(code).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.expect("JSON")
    }

    /// What needs the database and writes nothing.
    pub(super) async fn userinfo(&self, access_token: &str) -> reqwest::Response {
        let request = self.http.get(at(&self.issuer, "/oauth2/userinfo"));
        let answer = request.bearer_auth(access_token).send().await;
        answer.expect("the pod answers")
    }

    /// Logs somebody in, who is refused for now.
    pub(super) async fn assert_no_login(&self) {
        let told = log_in(&self.network, &self.authorize()).await;
        assert_eq!(told.status, StatusCode::SERVICE_UNAVAILABLE, "{told:?}");
        assert!(told.retry_after.is_some(), "{told:?}");
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
    pub(super) async fn race(
        &self,
        codes: &[String],
        happens: impl AsyncFnOnce(&AtomicUsize),
    ) -> usize {
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

    pub(super) async fn becomes(&self, ready: bool) -> Duration {
        let pod = self.pods.first();
        until(RECOVERY, || async { pod.is_ready().await == ready }).await
    }

    /// Whole logins, from page to tokens, several at once.
    pub(super) async fn assert_serves(&self) {
        let code = self.codes(1).await.remove(0);
        assert_eq!(self.redeem(&code).await.status(), StatusCode::OK);
    }

    /// All is as before after a database that ended while codes were redeemed. At most the answers
    /// that were on their way are lost, not their codes' worth.
    pub(super) async fn assert_recovered(&self, won: usize, of: usize) {
        assert!(won >= of - 4, "{won} of {of}");
        let ready = self.becomes(true).await;
        println!("ready {ready:?} after the last code");
        self.assert_serves().await;
    }

    /// What needs no database goes on as ever.
    pub(super) async fn assert_stateless_is_fast(&self) {
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

pub(super) async fn until_counted(count: &AtomicUsize) {
    until(RECOVERY, || async {
        tokio::task::yield_now().await;
        count.load(Ordering::SeqCst) > 0
    })
    .await;
}
