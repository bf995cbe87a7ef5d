//! Hostile requests for every endpoint: wrong method, wrong type, too much, no text, too often, and
//! markup wherever a letter may stand. [`TABLE`] is held complete by the router's own table.
//!
//! Tried elsewhere: what the listener cuts off (`idp/src/listener/tests.rs`), what is no HTTP at all
//! (`e2e/tests/scenarios/hostile.rs`), tokens, codes and sealed state (`hostile_tokens.rs`), each
//! parser by itself (`fuzz/`, `idp/protocol`).

use std::collections::BTreeSet;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request};
use realmwright_snapshot::Layout;
use realmwright_web::SlowBody;
use realmwright_web::router::routes;

use crate::support::{Answer, BASE, FORM, HOST, TestApp, basic};

/// Never to be found in an answer as it is: it would end an attribute and begin a tag.
const MARK: &str = "\"'><x7 onx7=1>";
const ENCODED_MARK: &str = "%22%27%3E%3Cx7+onx7%3D1%3E";

const ALL_METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get",
];

/// How an endpoint says that it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// A page for the person.
    Page,
    /// RFC 6749 section 5.2.
    OAuth,
    /// RFC 6750 section 3.
    Bearer,
    /// RFC 9457.
    Problem,
    /// It has nothing to refuse but method and path.
    Public,
}

/// What a request may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Nothing,
    Form,
    Json,
    /// One JSON value on each line, each answered.
    Lines,
}

/// An endpoint.
#[derive(Clone, Copy, Debug)]
struct Row {
    path: &'static str,
    takes: Takes,
    says: Says,
    /// Pages of other origins may ask first (Fetch standard section 3.2.2).
    preflight: bool,
}

const fn row(path: &'static str, takes: Takes, says: Says) -> Row {
    Row {
        path,
        takes,
        says,
        preflight: false,
    }
}

const fn shared(row: Row) -> Row {
    Row {
        preflight: true,
        ..row
    }
}

const TABLE: &[Row] = &[
    shared(row(
        "/.well-known/openid-configuration",
        Takes::Nothing,
        Says::Public,
    )),
    row(
        "/.well-known/oauth-authorization-server",
        Takes::Nothing,
        Says::Public,
    ),
    shared(row("/oauth2/jwks", Takes::Nothing, Says::Public)),
    row("/assets/{file}", Takes::Nothing, Says::Public),
    row("/oauth2/authorize", Takes::Form, Says::Page),
    row("/oauth2/logout", Takes::Form, Says::Page),
    row("/login", Takes::Form, Says::Page),
    row("/login/{id}", Takes::Form, Says::Page),
    shared(row("/oauth2/token", Takes::Form, Says::OAuth)),
    row("/oauth2/introspect", Takes::Form, Says::OAuth),
    shared(row("/oauth2/revoke", Takes::Form, Says::OAuth)),
    shared(row("/oauth2/userinfo", Takes::Form, Says::Bearer)),
    row("/api/v1/openapi.json", Takes::Nothing, Says::Public),
    row("/api/v1/accounts", Takes::Json, Says::Problem),
    row("/api/v1/accounts:import", Takes::Lines, Says::Problem),
    row("/api/v1/accounts/{sub}", Takes::Json, Says::Problem),
    row(
        "/api/v1/accounts/{sub}/password",
        Takes::Json,
        Says::Problem,
    ),
    row(
        "/api/v1/accounts/{sub}/sessions",
        Takes::Nothing,
        Says::Problem,
    ),
    row(
        "/api/v1/accounts/{sub}/sessions/{session}",
        Takes::Nothing,
        Says::Problem,
    ),
    row(
        "/api/v1/accounts/{sub}/credentials/{kind}",
        Takes::Nothing,
        Says::Problem,
    ),
    row(
        "/api/v1/accounts/{sub}/export",
        Takes::Nothing,
        Says::Problem,
    ),
    row("/api/v1/denials/{id}", Takes::Nothing, Says::Problem),
];

/// The application with everything that a request needs to be let in.
struct Scene {
    app: TestApp,
    accounts: String,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let accounts = app
            .token("quickstart", "service", "realmwright:accounts")
            .await;
        Self { app, accounts }
    }

    /// What lets a caller of this endpoint in.
    fn authorization(&self, row: Row) -> Option<String> {
        match row.says {
            Says::OAuth => Some(basic("demo")),
            Says::Problem => Some(self.accounts.clone()),
            Says::Page | Says::Bearer | Says::Public => None,
        }
    }

    fn request(&self, row: Row, method: &str, path_and_query: &str) -> http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(path_and_query)
            .header("sec-fetch-site", "same-origin");
        match self.authorization(row) {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }

    async fn send(&self, row: Row, request: Request<Body>) -> Answer {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = self.app.send(request).await;
        assert_sound(row, &answer, &what);
        answer
    }

    async fn body(&self, row: Row, method: &str, media_type: &str, body: Vec<u8>) -> Answer {
        let request = self
            .request(row, method, &path(row))
            .header("content-type", media_type);
        self.send(row, request.body(Body::from(body)).unwrap())
            .await
    }

    /// Nothing that came before has done any harm.
    async fn assert_serves(&self) {
        let keys = self.app.get("/quickstart/oauth2/jwks").await;
        assert_eq!(keys.status, 200);
        self.app
            .token("quickstart", "service", "realmwright:accounts")
            .await;
    }
}

fn fill(row: Row, value: &str) -> String {
    let mut path = BASE.to_owned();
    for segment in row.path.split('/').skip(1) {
        path.push('/');
        path.push_str(if segment.starts_with('{') {
            value
        } else {
            segment
        });
    }
    if row.path == "/.well-known/oauth-authorization-server" {
        return format!("{}{BASE}", row.path);
    }
    path
}

fn path(row: Row) -> String {
    fill(row, "0190b6c4-7a10-7cc3-98d1-3f6b0c5a1f2e")
}

fn methods(row: Row) -> Vec<&'static str> {
    let routes = routes(Layout::Realmwright);
    let route = routes.iter().find(|route| route.path == row.path);
    route.unwrap().methods.clone()
}

/// Methods of an endpoint that read a body.
fn reading(row: Row) -> impl Iterator<Item = &'static str> {
    methods(row)
        .into_iter()
        .filter(|method| ["POST", "PUT", "PATCH"].contains(method))
}

const fn media_type(takes: Takes) -> &'static str {
    match takes {
        Takes::Form | Takes::Nothing => FORM,
        Takes::Json => "application/json",
        Takes::Lines => "application/x-ndjson",
    }
}

/// No fault of ours, the error of that endpoint's protocol, kept by nobody, nothing of the request
/// in it that a browser would take for its own.
fn assert_sound(row: Row, answer: &Answer, what: &str) {
    let status = answer.status;
    assert!(!status.is_server_error(), "{what}: {status} {}", answer.raw);
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert!(
        answer
            .header("content-security-policy")
            .contains("default-src 'none'"),
        "{what}"
    );
    let kind = answer.header("content-type");
    if row.says != Says::Public || status.is_client_error() {
        assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    }
    for (name, value) in &answer.headers {
        let value = value.as_bytes();
        assert!(
            !value.windows(3).any(|part| part == b"<x7"),
            "{what}: {name} repeats what was sent"
        );
    }
    if kind.starts_with("text/html") {
        for mark in ["<x7", "\"'>", "onx7=1>"] {
            assert!(!answer.raw.contains(mark), "{what}: {}", answer.raw);
        }
    } else if kind.contains("json") && !kind.contains("ndjson") && !answer.raw.is_empty() {
        answer.json();
    }
    if status.is_client_error() {
        assert_speaks(row, answer, what);
    }
}

fn assert_speaks(row: Row, answer: &Answer, what: &str) {
    let kind = answer.header("content-type");
    let status = answer.status.as_u16();
    let is_problem = kind == "application/problem+json"
        && (answer.raw.is_empty() || answer.json()["status"] == status);
    // Method and path are no matter of a protocol.
    let of_http = is_problem && [404, 405].contains(&status);
    // The answer to HEAD has no body.
    let is_page = kind == "text/html; charset=utf-8"
        && (answer.raw.is_empty() || answer.raw.contains("class=\"error-id\""));
    let is_oauth = kind == "application/json" && answer.json()["error"].is_string();
    let spoken = match row.says {
        Says::Page => of_http || is_page,
        Says::OAuth => of_http || is_oauth,
        Says::Bearer => of_http || is_oauth || !answer.header("www-authenticate").is_empty(),
        Says::Problem => is_problem,
        Says::Public => of_http || is_page,
    };
    assert!(spoken, "{what}: {status} {kind} {}", answer.raw);
}

/// An endpoint that is not in [`TABLE`] fails here.
#[test]
fn the_table_is_complete() {
    let served = routes(Layout::Realmwright);
    let served: BTreeSet<_> = served.iter().map(|route| route.path.as_str()).collect();
    let tried: BTreeSet<_> = TABLE.iter().map(|row| row.path).collect();
    assert_eq!(tried.len(), TABLE.len(), "one row each");
    assert_eq!(served, tried);
}

/// RFC 9110 section 15.5.6: 405, with what is allowed.
#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_allowed() {
    let scene = Scene::new().await;
    for &row in TABLE {
        let mut allowed: BTreeSet<_> = methods(row).into_iter().collect();
        if allowed.contains("GET") {
            allowed.insert("HEAD");
        }
        if row.preflight {
            allowed.insert("OPTIONS");
        }
        for method in ALL_METHODS {
            let request = scene.request(row, method, &path(row));
            let answer = scene.send(row, request.body(Body::empty()).unwrap()).await;
            let refused = answer.status == 405;
            assert_eq!(refused, !allowed.contains(method), "{method} {}", row.path);
            if refused {
                let told: BTreeSet<_> = answer.header("allow").split(',').collect();
                assert_eq!(told, allowed, "{method} {}", row.path);
            }
        }
    }
    scene.assert_serves().await;
}

#[tokio::test]
async fn bodies_of_another_type_are_refused() {
    let scene = Scene::new().await;
    let others = [
        "application/xml",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/x-www-form-urlencodedx",
        "application/json-patch+json",
        MARK,
        "",
    ];
    for &row in TABLE {
        for method in reading(row) {
            let expected = match row.says {
                Says::Page => 400,
                // The token may come in the header, so that the body is nobody's.
                Says::Bearer => 401,
                _ => 415,
            };
            for other in others {
                let answer = scene.body(row, method, other, b"a=b".to_vec()).await;
                let what = format!("{method} {} {other:?}", row.path);
                assert_eq!(answer.status, expected, "{what}: {}", answer.raw);
            }
            let request = scene.request(row, method, &path(row));
            let request = request.body(Body::from("a=b")).unwrap();
            let answer = scene.send(row, request).await;
            assert_eq!(answer.status, expected, "{method} {} without", row.path);
        }
    }
    scene.assert_serves().await;
}

/// Octets that are no text, encodings that are none, NUL, parameters that occur twice, a hundred
/// and one of them, and bodies beyond every limit.
#[tokio::test]
async fn bodies_that_say_nothing_are_refused() {
    let scene = Scene::new().await;
    let many = "a=b&".repeat(101);
    let deep = "[".repeat(100_000);
    let cases: Vec<(Takes, Vec<u8>, u16)> = vec![
        (Takes::Form, b"client_id=\xff\xfe".to_vec(), 400),
        (Takes::Form, b"client_id=%ff".to_vec(), 400),
        (Takes::Form, b"client_id=%zz".to_vec(), 400),
        (Takes::Form, b"client_id=%".to_vec(), 400),
        (Takes::Form, b"client_id=a%00b".to_vec(), 400),
        (Takes::Form, b"client_id=a\0b".to_vec(), 400),
        (Takes::Form, many.into_bytes(), 400),
        (Takes::Form, vec![b'a'; 64 * 1024 + 1], 413),
        (Takes::Json, b"\xff\xfe".to_vec(), 400),
        (Takes::Json, b"".to_vec(), 400),
        (Takes::Json, b"{\"name\": \"\\ud800\"}".to_vec(), 400),
        (Takes::Json, MARK.as_bytes().to_vec(), 400),
        (Takes::Json, deep.clone().into_bytes(), 400),
        (Takes::Json, vec![b' '; 256 * 1024 + 1], 413),
        (Takes::Lines, b"\xff\xfe".to_vec(), 200),
        (Takes::Lines, deep.into_bytes(), 200),
        (Takes::Lines, vec![b'{'; 256 * 1024 + 1], 200),
    ];
    for &row in TABLE {
        for method in reading(row) {
            for (_, body, expected) in cases.iter().filter(|case| case.0 == row.takes) {
                let answer = scene
                    .body(row, method, media_type(row.takes), body.clone())
                    .await;
                let shown = String::from_utf8_lossy(body.get(..40).unwrap_or(body));
                let what = format!("{method} {} {shown:?}", row.path);
                assert_eq!(answer.status, *expected, "{what}: {}", answer.raw);
                if row.takes == Takes::Lines {
                    assert_eq!(answer.json()["outcome"], "failed", "{what}");
                }
            }
        }
    }
    scene.assert_serves().await;
}

/// The listener ends a body that comes too slowly (`idp/src/listener/body.rs`): each endpoint says
/// so in its own way, RFC 9110 section 15.5.9.
#[tokio::test]
async fn bodies_that_come_too_slowly_are_answered_408() {
    let scene = Scene::new().await;
    for &row in TABLE {
        for method in reading(row) {
            let pieces = [Ok(Bytes::from_static(b"{\"a")), Err(SlowBody)];
            let body = Body::from_stream(futures::stream::iter(pieces));
            let request = scene.request(row, method, &path(row));
            let request = request.header("content-type", media_type(row.takes));
            let answer = scene.send(row, request.body(body).unwrap()).await;
            let what = format!("{method} {}: {}", row.path, answer.raw);
            if row.takes == Takes::Lines {
                assert_eq!(answer.status, 200, "{what}");
                let detail = answer.json()["problem"]["detail"].to_string();
                assert!(detail.contains("in time"), "{what}");
            } else {
                assert_eq!(answer.status, 408, "{what}");
            }
        }
    }
    scene.assert_serves().await;
}

/// RFC 6749 sections 3.1 and 3.2: no parameter occurs more than once.
#[tokio::test]
async fn parameters_that_occur_twice_are_refused() {
    let scene = Scene::new().await;
    for (path, form) in [
        ("/oauth2/token", "grant_type=client_credentials"),
        ("/oauth2/introspect", "token=x"),
        ("/oauth2/revoke", "token=x"),
        ("/oauth2/authorize", "client_id=demo"),
        ("/oauth2/logout", "client_id=demo"),
        ("/oauth2/logout", "sealed=x"),
        ("/oauth2/userinfo", "access_token=x"),
        ("/login", "request=x"),
        ("/login/{id}", "version=1"),
    ] {
        let row = *TABLE.iter().find(|row| row.path == path).unwrap();
        let twice = format!("{form}&{form}");
        let answer = scene.body(row, "POST", FORM, twice.into_bytes()).await;
        assert_eq!(answer.status, 400, "{path} {form}: {}", answer.raw);
    }
}

/// Queries, where one is read and where none is.
#[tokio::test]
async fn queries_are_as_hostile_as_forms() {
    let scene = Scene::new().await;
    let long = format!("client_id={}", "a".repeat(60_000));
    let queries = [
        "client_id=%ff",
        "client_id=%zz",
        "client_id=%00",
        "client_id=demo&client_id=demo",
        "%ff=%ff&&&&==&=",
        "language=%22%27%3E%3Cx7+onx7%3D1%3E",
        "ui_locales=%22%27%3E%3Cx7+onx7%3D1%3E",
        "ui_locales=../../../etc/passwd%00",
        &long,
    ];
    for &row in TABLE {
        for method in methods(row) {
            for query in queries {
                let uri = format!("{}?{query}", path(row));
                let request = scene
                    .request(row, method, &uri)
                    .header("content-type", media_type(row.takes))
                    .header("accept", "text/html");
                scene.send(row, request.body(Body::empty()).unwrap()).await;
            }
        }
    }
    scene.assert_serves().await;
}

/// Markup in every parameter that there is is never part of a page.
#[tokio::test]
async fn markup_is_text() {
    let scene = Scene::new().await;
    let names = [
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "prompt",
        "login_hint",
        "acr_values",
        "id_token_hint",
        "logout_hint",
        "post_logout_redirect_uri",
        "claims",
        "request",
        "request_uri",
        "response_mode",
        "response_type",
        "grant_type",
        "token",
        "code",
        "language",
        "ui_locales",
        "login",
        "version",
        "method",
        "sealed",
        ENCODED_MARK,
    ];
    for &row in TABLE {
        for method in methods(row) {
            for name in names {
                let pair = format!("{name}={ENCODED_MARK}");
                let valid = "client_id=demo&response_type=code&scope=openid\
                             &redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback";
                let others: Vec<_> = valid
                    .split('&')
                    .filter(|other| !other.starts_with(&format!("{name}=")))
                    .collect();
                for parameters in [pair.clone(), format!("{}&{pair}", others.join("&"))] {
                    let (uri, body) = match (method, row.takes) {
                        ("POST", Takes::Form) => (path(row), parameters),
                        _ => (format!("{}?{parameters}", path(row)), String::new()),
                    };
                    let request = scene
                        .request(row, method, &uri)
                        .header("content-type", media_type(row.takes))
                        .header("accept", "text/html");
                    scene
                        .send(row, request.body(Body::from(body)).unwrap())
                        .await;
                }
            }
        }
    }
}

/// What stands in the place of a number or name in a path.
#[tokio::test]
async fn segments_that_name_nothing_are_not_found() {
    let scene = Scene::new().await;
    let long = "a".repeat(8000);
    let values = [
        "%ff",
        "%00",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "%22%27%3E%3Cx7%20onx7%3D1%3E",
        "%252e%252e%252f",
        "-1",
        "99999999999999999999",
        "'%20OR%201=1--",
        &long,
    ];
    for &row in TABLE.iter().filter(|row| row.path.contains('{')) {
        for method in methods(row) {
            for value in values {
                let body = match row.takes {
                    Takes::Json => r#"{"value": "a password of some length"}"#,
                    Takes::Form => "version=1&code=123456",
                    Takes::Lines | Takes::Nothing => "",
                };
                let request = scene
                    .request(row, method, &fill(row, value))
                    .header("content-type", media_type(row.takes));
                let request = request.body(Body::from(body)).unwrap();
                let answer = scene.send(row, request).await;
                let status = answer.status.as_u16();
                let what = format!("{method} {} {value}: {}", row.path, answer.raw);
                assert!(
                    [400, 404, 422].contains(&status)
                        || (status == 204 && row.path.ends_with("/sessions")),
                    "{status} {what}"
                );
            }
        }
    }
    scene.assert_serves().await;
}

#[tokio::test]
async fn headers_that_say_nothing_let_nobody_in() {
    let scene = Scene::new().await;
    let long = format!("Bearer {}", "a".repeat(20_000));
    let octets: &[&[u8]] = &[
        b"",
        b"Basic",
        b"Basic !!!",
        b"Basic /////w==",
        b"Basic Og==",
        b"Bearer",
        b"Bearer ",
        b"Bearer a.b.c",
        b"Bearer ..",
        b"Bearer \xff\xfe",
        b"Negotiate x",
        MARK.as_bytes(),
        long.as_bytes(),
    ];
    for &row in TABLE {
        if row.says == Says::Public || row.says == Says::Page {
            continue;
        }
        for method in methods(row) {
            for value in octets {
                let request = Request::builder()
                    .method(method)
                    .uri(path(row))
                    .header("authorization", HeaderValue::from_bytes(value).unwrap())
                    .header("content-type", media_type(row.takes));
                let request = request.body(Body::empty()).unwrap();
                let answer = scene.send(row, request).await;
                let status = answer.status.as_u16();
                let what = format!("{method} {} {:?}", row.path, String::from_utf8_lossy(value));
                assert!([400, 401].contains(&status), "{status} {what}");
            }
            let twice = scene
                .request(row, method, &path(row))
                .header("authorization", "Bearer x")
                .header("content-type", media_type(row.takes));
            scene.send(row, twice.body(Body::empty()).unwrap()).await;
        }
    }
    scene.assert_serves().await;
}

/// Cookies and conditions of anybody's making.
#[tokio::test]
async fn other_headers_are_no_way_in_either() {
    let scene = Scene::new().await;
    let long = format!("__Host-rw-session-x={}", "a".repeat(20_000));
    let many = "a=b; ".repeat(500);
    let cases: &[(&str, &[u8])] = &[
        ("cookie", b"\xff\xfe=\xff"),
        ("cookie", b"=; ;;; =="),
        ("cookie", MARK.as_bytes()),
        ("cookie", long.as_bytes()),
        ("cookie", many.as_bytes()),
        ("accept", b"\xff"),
        ("accept-language", b"\xff;q=x, *;q=99999999999999999999"),
        ("accept-language", MARK.as_bytes()),
        ("if-none-match", b"\xff, \"\", *, W/"),
        ("if-match", b"\xff"),
        ("origin", MARK.as_bytes()),
        ("origin", b"\xff"),
        ("referer", MARK.as_bytes()),
        ("x-forwarded-host", b"evil.example"),
        ("x-forwarded-for", MARK.as_bytes()),
        ("forwarded", b"host=evil.example"),
        ("content-encoding", b"gzip"),
        ("range", b"bytes=0-0,1-1,2-2"),
        ("x-http-method-override", b"DELETE"),
    ];
    for &row in TABLE {
        for method in methods(row) {
            for (name, value) in cases {
                let request = scene
                    .request(row, method, &path(row))
                    .header(*name, HeaderValue::from_bytes(value).unwrap())
                    .header("content-type", media_type(row.takes));
                let answer = scene.send(row, request.body(Body::empty()).unwrap()).await;
                assert!(!answer.raw.contains("evil.example"), "{name} {}", row.path);
            }
        }
    }
    scene.assert_serves().await;
}

/// RFC 9112 section 3.2: the absolute form counts, `Host` beside it does not.
#[tokio::test]
async fn a_request_is_for_one_host_of_ours() {
    let scene = Scene::new().await;
    for &row in TABLE {
        let method = methods(row)[0];
        let path = path(row);
        let bare = |uri: &str, hosts: &[&str]| {
            let mut request = Request::builder().method(method).uri(uri);
            for host in hosts {
                request = request.header("host", *host);
            }
            request.body(Body::empty()).unwrap()
        };
        let ours = format!("https://{HOST}{path}");
        let foreign = format!("https://evil.example{path}");
        for (request, expected) in [
            (bare(&path, &[]), 400),
            (bare(&path, &[HOST, "evil.example"]), 400),
            (bare(&path, &[MARK]), 400),
            (bare(&path, &["evil.example"]), 404),
            (bare(&foreign, &[HOST]), 404),
        ] {
            let what = format!("{request:?}");
            let answer = scene.app.send_as_it_is(request).await;
            assert_eq!(answer.status, expected, "{what}");
            assert!(answer.raw.contains("class=\"error-id\""), "{what}");
            assert!(!answer.raw.contains("evil.example"), "{what}");
        }
        let right = scene.app.send_as_it_is(bare(&path, &[HOST])).await;
        let answer = scene
            .app
            .send_as_it_is(bare(&ours, &["evil.example"]))
            .await;
        assert_eq!(answer.status, right.status, "{path}");
    }
}
