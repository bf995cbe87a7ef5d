//! The router over the engine and a temporary SQLite file: requests without sockets, a browser
//! that keeps cookies.

mod ports;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use realmwright_compiler::{CompileProfile, CompiledRealm, Compiler, Manifests, SecretValues};
use realmwright_engine::{Engine, Ports, RuntimeRealm, SnapshotVersion, Unobserved};
use realmwright_keys::{
    Acknowledgements, Keyring, Policy, SecretBundle, SecretValue, SystemGenerator, advance, apply,
};
use realmwright_store::{Maintenance, Store};
use realmwright_store_sqlite::SqliteStore;
use realmwright_web::{
    NoRoute, RealmRoutes, RequestMetrics, Transport, TrustedProxies, Web, WebSettings,
};
use secrecy::ExposeSecret;
use tower::ServiceExt;

pub(crate) const HOST: &str = "id.example.com";
/// Where a realm lies that cannot be prepared.
pub(crate) const UNPREPARED_HOST: &str = "broken.example.com";
pub(crate) const BASE: &str = "/quickstart";
pub(crate) const CLIENT_SECRET: &str = "a-secret-of-more-than-128-bits-of-entropy";

/// Realms by issuer path, all on [`HOST`].
#[derive(Default)]
struct Routes(BTreeMap<String, Arc<RuntimeRealm>>);

impl RealmRoutes for Routes {
    fn route<'p>(
        &self,
        host: &str,
        path: &'p str,
    ) -> Result<(Arc<RuntimeRealm>, &'p str), NoRoute> {
        if host == UNPREPARED_HOST {
            return Err(NoRoute::Unprepared);
        }
        let mut on_host = self.0.iter().filter(|_| host == HOST);
        let found = on_host.find_map(|(base, realm)| {
            let rest = path.strip_prefix(base.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (Arc::clone(realm), rest))
        });
        found.ok_or(NoRoute::Unknown)
    }
}

/// A process without sockets.
pub(crate) struct TestApp {
    router: Router,
    clock: Arc<ports::TestClock>,
    store: Arc<SqliteStore>,
    _folder: tempfile::TempDir,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// The body as it was sent.
    pub(crate) raw: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> &str {
        let marker = format!("type=\"hidden\" name=\"{name}\" value=\"");
        let rest = self.body.split(&marker).nth(1);
        rest.unwrap_or_else(|| panic!("no field {name}: {}", self.body))
            .split('"')
            .next()
            .unwrap()
    }

    /// Where the first form goes.
    pub(crate) fn action(&self) -> &str {
        let rest = self.body.split("action=\"").nth(1);
        rest.unwrap_or_else(|| panic!("no form: {}", self.body))
            .split('"')
            .next()
            .unwrap()
    }
}

/// Attribute values and texts as a browser reads them. No JSON of ours has these sequences.
fn unescaped(body: &str) -> String {
    [
        ("&#x2f;", "/"),
        ("&#x27;", "'"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ]
    .into_iter()
    .fold(body.to_owned(), |body, (escape, letter)| {
        body.replace(escape, letter)
    })
}

fn now() -> jiff::Timestamp {
    realmwright_engine::Clock::now(&ports::TestClock::default())
}

fn prepare(compiled: &CompiledRealm, values: &SecretValues) -> RuntimeRealm {
    let now = now();
    let policy = Policy::of(&compiled.snapshot.core);
    let empty = Keyring::empty(compiled.id.clone());
    let plan = advance(&policy, &empty, now, &Acknowledgements::default());
    let keyring = apply(&empty, &plan, now, &mut SystemGenerator::default()).unwrap();
    let mut bundle = SecretBundle::empty(compiled.id.clone());
    for need in compiled.secrets.iter() {
        let value = values.get(need.origin.key()).unwrap();
        let text = std::str::from_utf8(value.expose_secret()).unwrap();
        bundle.secrets.insert(
            need.handle.clone(),
            realmwright_keys::SecretValues::of(SecretValue::new(text), now),
        );
    }
    let version = SnapshotVersion {
        incarnation: 1,
        revision: 1,
        digest: compiled.sealed.digest,
    };
    let snapshot = Arc::clone(&compiled.snapshot);
    RuntimeRealm::prepare(
        snapshot,
        version,
        Arc::new(keyring),
        Arc::new(bundle),
        now,
        None,
    )
    .unwrap()
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        let mut manifests = Manifests::new();
        manifests.insert("realms.yaml", include_bytes!("realms.yaml").to_vec());
        let compilation = Compiler::new().compile(&manifests, &CompileProfile::Production);
        assert!(!compilation.has_errors(), "{:#?}", compilation.diagnostics);
        let mut routes = Routes::default();
        for compiled in &compilation.realms {
            let path = compiled.declared_issuer.path().to_owned();
            let realm = prepare(compiled, &compilation.secrets);
            routes.0.insert(path, Arc::new(realm));
        }
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("test.db"))
            .await
            .unwrap();
        store.migrate().await.unwrap();
        let store = Arc::new(store);
        let clock = Arc::new(ports::TestClock::default());
        let routes = Arc::new(routes);
        let realms = Arc::new(ports::Served(routes.0.values().cloned().collect()));
        let random = Arc::new(ports::SystemRandom);
        let engine = Engine::new(Ports {
            store: Arc::clone(&store) as Arc<dyn Store>,
            clock: clock.clone(),
            random: random.clone(),
            passwords: Arc::new(ports::PlainHasher),
            fetcher: Arc::new(ports::Unreachable),
            realms,
            batch: Arc::new(ports::Forgetful),
            observer: Arc::new(Unobserved),
        });
        let settings = WebSettings {
            trusted_proxies: TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]),
            ..WebSettings::default()
        };
        let mut registry = prometheus_client::registry::Registry::default();
        let metrics = RequestMetrics::register(&mut registry);
        let web = Web::new(engine, routes, random, settings, metrics).unwrap();
        Self {
            router: realmwright_web::router(web),
            clock,
            store,
            _folder: folder,
        }
    }

    /// Puts every clock ahead of the true time.
    pub(crate) fn put_ahead(&self, seconds: i64) {
        let ahead = SignedDuration::from_secs(seconds);
        self.clock.set_ahead(ahead);
        self.store.set_clock_offset(ahead);
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let host = header::HeaderValue::from_static(HOST);
        request.headers_mut().entry(header::HOST).or_insert(host);
        self.send_as_it_is(request).await
    }

    /// Without a host that it does not name.
    pub(crate) async fn send_as_it_is(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(Transport {
            peer: SocketAddr::from(([198, 51, 100, 7], 4711)),
            tls: true,
        });
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let octets = body.collect().await.unwrap().to_bytes();
        let raw = String::from_utf8_lossy(&octets).into_owned();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: unescaped(&raw),
            raw,
        }
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[("accept", "text/html")], "").await
    }

    /// A token of a client for itself.
    pub(crate) async fn token(&self, realm: &str, client: &str, scope: &str) -> String {
        let answer = self
            .call(
                "POST",
                &format!("/{realm}/oauth2/token"),
                &[("content-type", FORM), ("authorization", &basic(client))],
                &format!("grant_type=client_credentials&scope={scope}"),
            )
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        format!("Bearer {}", answer.json()["access_token"].as_str().unwrap())
    }
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) fn basic(client: &str) -> String {
    use base64::Engine as _;
    let pair = format!("{client}:{CLIENT_SECRET}");
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

/// A browser: keeps cookies and follows nothing by itself.
pub(crate) struct Browser<'a> {
    app: &'a TestApp,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(app: &'a TestApp) -> Self {
        Self {
            app,
            cookies: BTreeMap::new(),
        }
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut headers = vec![("accept", "text/html")];
        let cookies = cookies.join("; ");
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        if method == "POST" {
            headers.extend([("content-type", FORM), ("sec-fetch-site", "same-origin")]);
        }
        let answer = self.app.call(method, path, &headers, body).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Answer {
        self.send("POST", path, body).await
    }

    /// Puts the cookies of one browser in the place of those of this one, whose names are of
    /// another realm.
    pub(crate) fn take_cookies_of(&mut self, other: &Browser<'_>) {
        let language = |name: &&String| name.contains("-language-");
        let suffix = |browser: &Browser<'_>| {
            let name = browser.cookies.keys().find(language).unwrap();
            name.rsplit_once("-language-").unwrap().1.to_owned()
        };
        let (from, to) = (suffix(other), suffix(self));
        for (name, value) in &other.cookies {
            self.cookies.insert(name.replace(&from, &to), value.clone());
        }
    }

    pub(crate) fn has_cookie(&self, purpose: &str) -> bool {
        let prefix = format!("__Host-rw-{purpose}-");
        self.cookies.keys().any(|name| name.starts_with(&prefix))
    }
}
