//! What a collector gets: whole trees of spans, the numbers of `/metrics`, and nothing about
//! anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::{OAuth2TokenResponse, TokenResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::application::Application;
use crate::support::certificates::Certificates;
use crate::support::child::Told;
use crate::support::collector::{Collector, Numbers, texts};
use crate::support::dev::scenario_folder;
use crate::support::network::Network;
use crate::support::person::Person;
use crate::support::pods::Pods;
use crate::support::region_database::RegionDatabase;
use crate::support::secured::{trimmed, until};
use crate::support::tls_server::TlsServer;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 99));
const APP_SECRET: &str = "planted-client-secret-4f1c0e6b9a7d2835";
const SERVICE_SECRET: &str = "planted-client-secret-90b3d5a1c7e84f62";

const LOGIN: &str = "planted.person@example.com";
const PASSWORD: &str = "planted-password of a person";
const WRONG: &str = "planted-password that is wrong";
const SUB: &str = "planted-subject-7731";
const ADDRESS: &str = "203.0.113.77";
const BROWSER: &str = "PlantedBrowser/9.1";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// What may be nowhere.
const PLANTED: &[&str] = &[
    LOGIN,
    "planted",
    SUB,
    ADDRESS,
    BROWSER,
    "Plantina",
    "Plantskaja",
    "380671234599",
    "correct horse",
    "PlantedState",
];

struct Scene {
    collector: Collector,
    pods: Pods,
    /// Through a proxy that is trusted.
    network: Network,
    jwks: TlsServer,
    /// What people and applications got that nobody else may have.
    secrets: Vec<String>,
    _certificates: Certificates,
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-forwarded-for", ADDRESS), ("user-agent", BROWSER)] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

fn folder(jwks_port: u16) -> TempDir {
    let folder = scenario_folder();
    let client = format!(
        "apiVersion: realmwright.dev/v1alpha1
kind: Client
metadata: {{namespace: identity, name: asserting}}
spec:
  realmRef: {{name: quickstart}}
  oidc:
    authentication:
      privateKeyJwt: {{jwksUri: 'https://localhost:{jwks_port}/planted/jwks?planted=1'}}
    grantTypes: [client_credentials]
    scopes: {{default: ['realmwright:accounts']}}
"
    );
    std::fs::write(folder.path().join("asserting.yaml"), client).unwrap();
    folder
}

impl Scene {
    async fn start() -> Self {
        let collector = Collector::start().await;
        let certificates = Certificates::of("localhost");
        let jwks = TlsServer::start(&certificates, r#"{"keys": []}"#).await;
        let authority = certificates.authority_file();
        let told = Told {
            arguments: [
                ["--trusted-proxy", "127.0.0.99/32"],
                ["--fetch-from", "127.0.0.0/8"],
                ["--otlp-endpoint", &collector.endpoint],
            ]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect(),
            environment: vec![
                ("SSL_CERT_FILE", authority.to_str().unwrap().to_owned()),
                ("OTEL_METRIC_EXPORT_INTERVAL", "300".to_owned()),
                (
                    "OTEL_RESOURCE_ATTRIBUTES",
                    "deployment.environment.name=scenario".to_owned(),
                ),
            ],
            ..Told::default()
        };
        let pods = Pods::start_told(1, folder(jwks.port), RegionDatabase::migrated(), &told);
        Self {
            network: pods.network().behind(PROXY, headers()),
            collector,
            pods,
            jwks,
            secrets: Vec::new(),
            _certificates: certificates,
        }
    }

    fn http(&self) -> reqwest::Client {
        self.network.http().build().unwrap()
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", trimmed(self.pods.issuer()))
    }

    /// Keeps what nobody else may see.
    fn keep(&mut self, secret: impl Into<String>) -> String {
        let secret = secret.into();
        assert!(secret.len() > 8, "{secret:?} is too short to be looked for");
        self.secrets.push(secret.clone());
        secret
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = self.http().post(self.at(path)).form(form);
        let answer = request.basic_auth("app", Some(APP_SECRET)).send().await;
        let text = answer.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn accounts_token(&mut self) -> String {
        let form = [("grant_type", "client_credentials")];
        let request = self.http().post(self.at("/oauth2/token")).form(&form);
        let answer = request.basic_auth("service", Some(SERVICE_SECRET)).send();
        let answer: Value = answer.await.unwrap().json().await.unwrap();
        self.keep(answer["access_token"].as_str().unwrap())
    }

    /// A life of an account by the accounts API, up to its erasure.
    async fn create_account(&mut self, token: &str) {
        let account = json!({
            "sub": SUB,
            "attributes": {
                "email": LOGIN, "given_name": "Plantina", "family_name": "Plantskaja",
                "phone_number": "+380671234599",
            },
            "password": {"value": PASSWORD},
        });
        let request = self.http().post(self.at("/api/v1/accounts"));
        let answer = request.bearer_auth(token).json(&account).send();
        let answer = answer.await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 201, "{text}");
    }

    async fn look_after_account(&mut self, token: &str) {
        let http = self.http();
        for (method, path) in [
            ("GET", format!("/api/v1/accounts?email={LOGIN}")),
            ("GET", format!("/api/v1/accounts/{SUB}")),
            ("GET", format!("/api/v1/accounts/{SUB}/export")),
            ("GET", format!("/api/v1/accounts/{SUB}/planted")),
            ("DELETE", format!("/api/v1/accounts/{SUB}")),
        ] {
            let method = method.parse().unwrap();
            let request = http.request(method, self.at(&path)).bearer_auth(token);
            request.send().await.unwrap();
        }
    }

    /// Wrong and right, with the code, the tokens and all that can be done with them.
    async fn log_in(&mut self) {
        let network = self.network.clone();
        let issuer = self.pods.issuer().clone();
        let mut application = Application::over(&network, &issuer, "app", Some(APP_SECRET)).await;
        let person = Person::over(&network);
        let hints = [("login_hint", LOGIN), ("planted", "PlantedState")];
        let begun = application.begin(&["profile", "email"], &hints);
        let page = person.open(&begun.url).await.unwrap().page();
        let wrong = [("login", LOGIN), ("password", WRONG)];
        let page = person.submit(&page, &wrong).await.unwrap().page();
        let right = [("login", LOGIN), ("password", PASSWORD)];
        let left = person.submit(&page, &right).await.unwrap().left();
        for (name, value) in left.query_pairs() {
            if ["code", "state"].contains(&&*name) {
                self.keep(value);
            }
        }
        person.open(&left).await.unwrap();
        let logged_in = application.finish(begun).await;
        application.userinfo(&logged_in.tokens).await.unwrap();
        let first = logged_in.tokens.refresh_token().unwrap();
        let refreshed = application.refresh(first).await.unwrap();
        for tokens in [&logged_in.tokens, &refreshed] {
            self.keep(tokens.access_token().secret());
            self.keep(tokens.refresh_token().unwrap().secret());
            self.keep(tokens.id_token().unwrap().to_string());
        }
        let token = refreshed.access_token().secret();
        let seen = self.post("/oauth2/introspect", &[("token", token)]).await;
        assert_eq!(seen["active"], true, "{seen}");
        self.keep(seen["sub"].as_str().unwrap());
        let seen = self.post("/oauth2/revoke", &[("token", token)]).await;
        assert_eq!(seen, Value::Null);
        let garbage = [("grant_type", "planted"), ("code", "planted-code")];
        let refused = self.post("/oauth2/token", &garbage).await;
        assert_eq!(refused["error"], "unsupported_grant_type");
        let page = person.open(&application.log_out(&logged_in)).await;
        let page = page.unwrap().page();
        person.submit(&page, &[("answer", "yes")]).await.unwrap();
    }

    /// A token request whose assertion no key verifies; the head of the fetch that it caused.
    async fn assert_in_vain(&mut self) -> String {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({"alg": "ES256", "kid": "planted-key"}));
        let body = part(json!({
            "iss": "asserting", "sub": "asserting", "aud": trimmed(self.pods.issuer()),
            "jti": "planted-jti", "exp": 4_000_000_000_u64,
        }));
        let signature = URL_SAFE_NO_PAD.encode([7; 64]);
        let assertion = self.keep(format!("{head}.{body}.{signature}"));
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", kind),
            ("client_assertion", &assertion),
        ];
        let request = self.http().post(self.at("/oauth2/token")).form(&form);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["error"], "invalid_client", "{answer}");
        let heads = self.jwks.heads();
        let [head] = heads.as_slice() else {
            panic!("fetched {heads:?}");
        };
        head.clone()
    }

    /// Asks for the discovery document with these values of `traceparent`.
    async fn discover(&self, network: &Network, path: &str, traceparents: &[&str]) {
        let mut headers = HeaderMap::new();
        for text in traceparents {
            headers.append("traceparent", HeaderValue::from_str(text).unwrap());
        }
        headers.insert(
            "tracestate",
            HeaderValue::from_static("planted=PlantedState"),
        );
        let http = network.http().build().unwrap();
        let request = http.get(self.at(path)).headers(headers);
        request.send().await.unwrap();
    }

    /// Ends the pod, which sends what is left.
    fn stop(&mut self) {
        for pod in self.pods.iter_mut() {
            assert_eq!(pod.stop(), Some(0));
        }
    }
}

/// All spans by their identifier.
struct Forest(BTreeMap<Vec<u8>, Span>);

impl Forest {
    fn of(collector: &Collector) -> Self {
        let spans = collector.spans().into_iter();
        Self(spans.map(|span| (span.span_id.clone(), span)).collect())
    }

    fn find(&self, is_wanted: impl Fn(&Span, &BTreeMap<String, String>) -> bool) -> Vec<&Span> {
        let spans = self.0.values();
        spans
            .filter(|span| is_wanted(span, &texts(&span.attributes)))
            .collect()
    }

    /// Names from the root down to a span.
    fn path(&self, span: &Span) -> Vec<String> {
        let mut path = match self.0.get(&span.parent_span_id) {
            Some(parent) => {
                assert_eq!(parent.trace_id, span.trace_id);
                self.path(parent)
            }
            None => Vec::new(),
        };
        path.push(span.name.clone());
        path
    }

    /// Paths of all spans under a root.
    fn tree(&self, root: &Span) -> BTreeSet<String> {
        let of_trace = self.find(|span, _| span.trace_id == root.trace_id);
        of_trace
            .into_iter()
            .map(|span| self.path(span).join(" > "))
            .collect()
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

// The collector answers while the end of a pod is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_gets_whole_trees_and_nothing_about_anybody() {
    let mut scene = Scene::start().await;
    let token = scene.accounts_token().await;
    scene.create_account(&token).await;
    scene.log_in().await;
    let fetched = scene.assert_in_vain().await;
    scene.look_after_account(&token).await;
    let discovery = "/.well-known/openid-configuration";
    let given = format!("00-{TRACE}-{PARENT}-01");
    scene
        .discover(&scene.network, &format!("{discovery}?planted=1"), &[&given])
        .await;
    let mut served = String::new();
    for pod in scene.pods.iter_mut() {
        served = pod.metrics().await;
    }
    scene.stop();

    for planted in PLANTED
        .iter()
        .copied()
        .chain(scene.secrets.iter().map(String::as_str))
    {
        assert!(!scene.collector.holds(planted), "{planted} was exported");
    }
    let forest = Forest::of(&scene.collector);
    tokens_are_one_tree(&forest);
    logins_are_one_tree(&forest);
    a_fetch_carries_its_trace(&forest, &fetched);
    a_trusted_proxy_begins_a_trace(&forest);
    faults_have_a_kind(&forest);
    calls_of_the_database_say_which(&forest);
    numbers_are_those_of_the_management_listener(&scene.collector.numbers(), &served);
    for resource in scene.collector.resources() {
        assert_eq!(resource["service.name"], "realmwright-idp");
        assert_eq!(resource["deployment.environment.name"], "scenario");
        assert!(!resource["service.instance.id"].is_empty());
    }
}

fn assert_has(tree: &BTreeSet<String>, paths: &[&str]) {
    for path in paths {
        assert!(tree.contains(*path), "no {path} in {tree:#?}");
    }
}

/// From the request through decision and database to the signature.
fn tokens_are_one_tree(forest: &Forest) {
    let roots = forest.find(|span, about| {
        span.name == "POST /oauth2/token" && about.get("realmwright.client") == Some(&"app".into())
    });
    let trees = roots.into_iter().map(|root| (root, forest.tree(root)));
    let issued: Vec<_> = trees
        .filter(|(_, tree)| tree.contains("POST /oauth2/token > sign"))
        .collect();
    assert_eq!(issued.len(), 2, "a code and a refresh: {issued:#?}");
    for (_, tree) in &issued {
        assert_has(
            tree,
            &[
                "POST /oauth2/token",
                "POST /oauth2/token > decide",
                "POST /oauth2/token > commit",
                "POST /oauth2/token > sign",
            ],
        );
    }
    let (root, _) = &issued[0];
    let about = texts(&root.attributes);
    assert_eq!(root.kind, i32::from(SpanKind::Server as i16));
    assert!(root.parent_span_id.is_empty());
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/oauth2/token"),
        ("http.response.status_code", "200"),
        ("url.scheme", "http"),
        ("realmwright.realm", "identity.quickstart"),
    ] {
        assert_eq!(about.get(name).map(String::as_str), Some(value), "{name}");
    }
}

fn logins_are_one_tree(forest: &Forest) {
    let roots = forest.find(|span, _| span.name.starts_with("POST /login"));
    let trees: Vec<_> = roots.iter().map(|root| forest.tree(root)).collect();
    let hashed = trees.iter().filter(|tree| {
        let mut paths = tree.iter();
        paths.any(|path| path.ends_with("> hash_password > work"))
    });
    assert_eq!(hashed.count(), 2, "wrong and right: {trees:#?}");
    let right = trees.iter().find(|tree| {
        let mut paths = tree.iter();
        paths.any(|path| path.ends_with("> decide"))
    });
    let right = right.expect("a decision");
    let root = right.first().expect("a root");
    for path in ["hash_password > wait", "hash_password > work", "commit"] {
        assert_has(right, &[&format!("{root} > {path}")]);
    }
}

fn a_fetch_carries_its_trace(forest: &Forest, head: &str) {
    let head = head.to_ascii_lowercase();
    let mut lines = head.lines();
    let sent = lines.find_map(|line| line.strip_prefix("traceparent: "));
    let sent = sent.unwrap_or_else(|| panic!("no traceparent: {head}"));
    let fetches = forest.find(|_, about| about.contains_key("server.address"));
    let [fetch] = fetches.as_slice() else {
        panic!("{fetches:#?}");
    };
    assert_eq!(fetch.kind, i32::from(SpanKind::Client as i16));
    assert_eq!(
        sent,
        format!("00-{}-{}-01", hex(&fetch.trace_id), hex(&fetch.span_id))
    );
    assert_eq!(forest.path(fetch), ["POST /oauth2/token", "GET"]);
    assert!(!head.contains("tracestate"), "{head}");
}

fn a_trusted_proxy_begins_a_trace(forest: &Forest) {
    let continued = forest.find(|span, _| hex(&span.trace_id) == TRACE);
    let [root] = continued.as_slice() else {
        panic!("{continued:#?}");
    };
    assert_eq!(hex(&root.parent_span_id), PARENT);
    assert_eq!(root.name, "GET /.well-known/openid-configuration");
    assert!(root.trace_state.is_empty());
}

fn faults_have_a_kind(forest: &Forest) {
    let failed = forest.find(|span, _| {
        let status = span.status.as_ref();
        status.is_some_and(|status| status.code() == StatusCode::Error)
    });
    for span in failed {
        let about = texts(&span.attributes);
        assert!(about.contains_key("error.type"), "{span:#?}");
        assert!(span.status.as_ref().unwrap().message.is_empty());
    }
    let events = forest.find(|span, _| !span.events.is_empty());
    assert!(events.is_empty(), "a log line in a span: {events:#?}");
}

/// By the OpenTelemetry conventions for databases: kind, call, and the table where it is about one.
fn calls_of_the_database_say_which(forest: &Forest) {
    let calls = forest.find(|_, about| about.contains_key("db.operation.name"));
    assert!(calls.len() > 20, "{}", calls.len());
    let mut tables = BTreeMap::new();
    for span in calls {
        let about = texts(&span.attributes);
        assert_eq!(about["db.system.name"], "postgresql", "{span:#?}");
        assert_eq!(about["db.operation.name"], span.name);
        assert_eq!(span.kind, i32::from(SpanKind::Client as i16));
        tables.insert(span.name.clone(), about.get("db.collection.name").cloned());
    }
    for (call, table) in [
        ("commit", None),
        ("standing", None),
        ("login", Some("logins")),
        ("code", Some("codes")),
        ("refresh_token", Some("refresh_tokens")),
    ] {
        assert_eq!(tables.get(call), Some(&table.map(str::to_owned)), "{call}");
    }
}

/// Counts of logins and tokens do not change any more once the requests have ended.
fn numbers_are_those_of_the_management_listener(numbers: &Numbers, served: &str) {
    let names: BTreeSet<_> = numbers
        .keys()
        .filter_map(|key| key.split(' ').next())
        .collect();
    let mut counted = 0;
    let mut family = String::new();
    for line in served.lines() {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            family = typed.split(' ').next().unwrap().to_owned();
            if typed.ends_with(" info") {
                family.push_str("_info");
            }
        } else if !line.starts_with('#') {
            assert!(names.contains(family.as_str()), "no {family} in {names:?}");
        }
        let is_steady = ["realmwright_logins", "realmwright_tokens"].contains(&family.as_str());
        if let Some((labels, value)) = line.rsplit_once(' ')
            && is_steady
            && !line.starts_with('#')
        {
            let labels = labels.split_once('{').unwrap().1.trim_end_matches('}');
            let labels: BTreeMap<_, _> = labels
                .split(',')
                .map(|pair| pair.split_once('=').unwrap())
                .map(|(name, value)| (name, value.trim_matches('"')))
                .collect();
            let key = format!("{family} {labels:?}");
            assert_eq!(numbers.get(&key), Some(&value.parse().unwrap()), "{key}");
            counted += 1;
        }
    }
    assert!(counted >= 4, "{served}");
}

/// Strangers, and proxies that are not trusted, name no trace; neither does a header that is not
/// well-formed or comes twice.
// The collector answers while the end of a pod is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_a_trusted_proxy_names_a_trace() {
    let mut scene = Scene::start().await;
    let stranger = scene.pods.network();
    let given = format!("00-{TRACE}-{PARENT}-01");
    let path = "/oauth2/jwks";
    scene.discover(&stranger, path, &[&given]).await;
    for traceparents in [
        &[given.as_str(), given.as_str()][..],
        &[&given[3..]],
        &[&format!("ff-{TRACE}-{PARENT}-01")],
        &[&format!("00-{}-{PARENT}-01", "0".repeat(32))],
        &[&format!("00-{TRACE}-{}-01", "0".repeat(16))],
        &[&format!("00-{TRACE}-{PARENT}-01-more")],
        &[&format!("00-{TRACE}-{PARENT}")],
        &["planted"],
        &[""],
    ] {
        scene.discover(&scene.network, path, traceparents).await;
    }
    scene.stop();
    let forest = Forest::of(&scene.collector);
    let asked = forest.find(|span, _| span.name == "GET /oauth2/jwks");
    assert_eq!(asked.len(), 10, "{:#?}", forest.0);
    let traces: BTreeSet<_> = asked.iter().map(|span| &span.trace_id).collect();
    assert_eq!(traces.len(), 10, "each is a trace of its own");
    for span in asked {
        assert!(span.parent_span_id.is_empty(), "{span:#?}");
        assert_ne!(hex(&span.trace_id), TRACE);
    }
    assert!(!scene.collector.holds("planted"));
}

/// A collector that is not there costs spans, and nothing else: answers and the stop do not wait,
/// and the log says so once.
#[tokio::test]
async fn a_collector_that_is_away_costs_spans_only() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", nobody.local_addr().unwrap());
    // Nobody takes what comes to it, so that every request waits for its time to be over.
    let told = Told {
        arguments: vec!["--otlp-endpoint".to_owned(), endpoint],
        environment: vec![("OTEL_METRIC_EXPORT_INTERVAL", "100".to_owned())],
        ..Told::default()
    };
    let mut pods = Pods::start_told(1, scenario_folder(), RegionDatabase::migrated(), &told);
    let http = pods.network().http().build().unwrap();
    let address = format!("{}/oauth2/jwks", trimmed(pods.issuer()));
    for _ in 0..20 {
        let answer = http.get(&address).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    for pod in pods.iter_mut() {
        let failed = until("word of lost spans", async || {
            http.get(&address).send().await.unwrap();
            let metrics = pod.metrics().await;
            let mut lines = metrics.lines();
            lines
                .find_map(|line| line.strip_prefix("realmwright_spans_total{outcome=\"failed\"} "))
                .map(|count| count.parse::<u64>().unwrap())
        });
        assert!(failed.await >= 20);
        let begun = std::time::Instant::now();
        assert_eq!(pod.stop(), Some(0));
        assert!(begun.elapsed().as_secs() < 6, "{:?}", begun.elapsed());
        let said = pod.running().text();
        let told = |text: &str| said.lines().filter(|line| line.contains(text)).count();
        assert_eq!(told("does not take spans"), 1, "{said}");
        assert_eq!(told("does not take metrics"), 1, "{said}");
    }
}
