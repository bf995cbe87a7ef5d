//! The endpoints over the engine and SQLite, as browsers and applications meet them, hostile ones
//! included.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panic"
)]

#[path = "http/denials.rs"]
mod denials;
#[path = "http/hostile.rs"]
mod hostile;
#[path = "http/hostile_tokens.rs"]
mod hostile_tokens;
mod support;

use http::StatusCode;
use realmwright_snapshot::Layout;
use realmwright_web::router::{Audience, routes};
use support::{BASE, Browser, FORM, TestApp, UNPREPARED_HOST, basic};

const AUTHORIZE: &str = "/quickstart/oauth2/authorize?client_id=demo&response_type=code\
    &redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback&scope=openid%20profile&state=s1\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

async fn create_olena(app: &TestApp) -> String {
    let token = app
        .token("quickstart", "service", "realmwright:accounts")
        .await;
    let answer = app
        .call(
            "POST",
            "/quickstart/api/v1/accounts",
            &[
                ("authorization", &token),
                ("content-type", "application/json"),
            ],
            r#"{"name": "olena", "attributes": {"email": "olena@example.com", "name": "Olena"},
                "password": {"value": "correct horse battery"}}"#,
        )
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    token
}

/// The path and query behind the host of our own pages.
fn location(answer: &support::Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.header("location").to_owned()
}

async fn log_in(browser: &mut Browser<'_>, start: &str) -> support::Answer {
    let page = browser.get(start).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let form = format!(
        "request={}&login=olena%40example.com&password=correct%20horse%20battery",
        page.hidden("request")
    );
    let action = page.action().to_owned();
    browser.post(&action, &form).await
}

/// OIDC-51, KC-AZ-01, KC-CONS-01, KC-UI-01: from the first page to userinfo.
#[tokio::test]
async fn a_person_logs_in_consents_and_the_application_gets_tokens() {
    let app = TestApp::new().await;
    create_olena(&app).await;
    let mut browser = Browser::new(&app);
    let step = location(&log_in(&mut browser, AUTHORIZE).await);
    assert!(step.starts_with("/quickstart/login/"), "{step}");
    let consent = browser.get(&step).await;
    assert!(
        consent.body.contains("Harbour Library asks for access"),
        "{}",
        consent.body
    );
    assert!(
        consent
            .header("content-security-policy")
            .ends_with("form-action 'self' https://app.example.com")
    );
    let form = format!("version={}&decision=allow", consent.hidden("version"));
    let back = location(&browser.post(&step, &form).await);
    assert!(
        back.starts_with("https://app.example.com/callback?"),
        "{back}"
    );
    assert!(back.contains("state=s1") && back.contains("iss="), "{back}");
    assert!(browser.has_cookie("session"));
    let code = back
        .split("code=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let tokens = app
        .call(
            "POST",
            "/quickstart/oauth2/token",
            &[
                ("content-type", FORM),
                ("authorization", &basic("demo")),
                ("origin", "https://app.example.com"),
            ],
            &format!(
                "grant_type=authorization_code&code={code}&code_verifier={VERIFIER}\
                 &redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback"
            ),
        )
        .await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    assert_eq!(
        tokens.header("access-control-allow-origin"),
        "https://app.example.com"
    );
    assert_eq!(tokens.header("cache-control"), "no-store");
    let bearer = format!("Bearer {}", tokens.json()["access_token"].as_str().unwrap());
    let userinfo = app
        .call(
            "GET",
            "/quickstart/oauth2/userinfo",
            &[("authorization", &bearer)],
            "",
        )
        .await;
    assert_eq!(userinfo.json()["name"], "Olena");

    // Single sign-on: the second time nothing is asked.
    let again = location(&browser.get(AUTHORIZE).await);
    assert!(
        again.starts_with("https://app.example.com/callback?"),
        "{again}"
    );
}

/// OAuth 2.0 Form Post Response Mode.
#[tokio::test]
async fn form_post_works_with_and_without_script() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    let answer = browser
        .get(&format!("{AUTHORIZE}&response_mode=form_post&prompt=none"))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.action(), "https://app.example.com/callback");
    assert_eq!(answer.hidden("error"), "login_required");
    assert!(
        answer
            .body
            .contains("<button class=\"button primary\" type=\"submit\">")
    );
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https://app.example.com; script-src 'sha256-"));
}

/// The same words, whatever was wrong.
#[tokio::test]
async fn a_wrong_password_and_an_unknown_person_look_alike() {
    let app = TestApp::new().await;
    create_olena(&app).await;
    let mut pages = Vec::new();
    for login in ["olena%40example.com", "nobody%40example.com"] {
        let mut browser = Browser::new(&app);
        let page = browser.get(AUTHORIZE).await;
        let form = format!(
            "request={}&login={login}&password=wrong",
            page.hidden("request")
        );
        let action = page.action().to_owned();
        let answer = browser.post(&action, &form).await;
        let shown = if answer.status == StatusCode::SEE_OTHER {
            let step = location(&answer);
            browser.get(&step).await
        } else {
            answer
        };
        assert!(
            shown.body.contains("Wrong login or password"),
            "{}",
            shown.body
        );
        pages.push(shown.status);
    }
    assert_eq!(pages[0], pages[1]);
}

/// Design section 7: an answer without a credential stores no login; its page goes on all the same.
#[tokio::test]
async fn an_answer_without_a_credential_shows_the_sealed_page_again() {
    let app = TestApp::new().await;
    create_olena(&app).await;
    let mut browser = Browser::new(&app);
    let first = browser.get(AUTHORIZE).await;
    let form = format!("request={}&decision=allow", first.hidden("request"));
    let action = first.action().to_owned();
    let again = browser.post(&action, &form).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.body);
    assert_eq!(again.header("cache-control"), "no-store");
    assert!(
        again
            .header("content-security-policy")
            .ends_with("form-action 'self' https://app.example.com")
    );
    let form = format!(
        "request={}&login=olena%40example.com&password=correct%20horse%20battery",
        again.hidden("request")
    );
    let action = again.action().to_owned();
    let step = location(&browser.post(&action, &form).await);
    assert!(step.starts_with("/quickstart/login/"), "{step}");
}

/// UI-20: `ui_locales`, then the person's choice, then the browser; and `ui_locales` goes along.
#[tokio::test]
async fn pages_speak_the_language_that_is_wished() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    let ukrainian = browser.get(&format!("{AUTHORIZE}&ui_locales=uk")).await;
    assert!(ukrainian.body.contains("<html lang=\"uk\">"));
    assert!(
        ukrainian.body.contains("Портова бібліотека"),
        "{}",
        ukrainian.body
    );
    assert!(ukrainian.action().ends_with("?ui_locales=uk"));
    let chosen = browser.get(&format!("{AUTHORIZE}&language=ru")).await;
    assert!(chosen.body.contains("<html lang=\"ru\">"));
    assert!(browser.has_cookie("language"));
    let remembered = browser.get(AUTHORIZE).await;
    assert!(remembered.body.contains("<html lang=\"ru\">"));
    let unknown = browser.get(&format!("{AUTHORIZE}&language=xx")).await;
    assert!(unknown.body.contains("<html lang=\"ru\">"));
}

/// UI-20: an error page speaks the language that is wished, also where a form led to it.
#[tokio::test]
async fn an_error_page_after_a_form_has_a_language_menu() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    browser.get(AUTHORIZE).await;
    for address in ["/quickstart/login", "/quickstart/oauth2/authorize"] {
        let answer = browser.post(address, "nonsense=1").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{address}");
        let link = format!("{address}?language=uk");
        assert!(answer.body.contains(&link), "{}", answer.body);
        let ukrainian = browser.get(&link).await;
        assert_eq!(ukrainian.status, StatusCode::BAD_REQUEST, "{address}");
        assert!(ukrainian.body.contains("<html lang=\"uk\">"));
        browser.get(&format!("{AUTHORIZE}&language=en")).await;
    }
}

/// The page that an answer to a page leads to, whether the login is stored by now or sealed.
async fn answered(
    browser: &mut Browser<'_>,
    page: &support::Answer,
    answer: &str,
) -> support::Answer {
    let carried = if page.body.contains("name=\"version\"") {
        format!("version={}", page.hidden("version"))
    } else {
        format!("request={}", page.hidden("request"))
    };
    let form = format!("{carried}&{answer}");
    let next = browser.post(page.action(), &form).await;
    if next.status == StatusCode::OK {
        return next;
    }
    let step = location(&next);
    browser.get(&step).await
}

/// FLOW-21: several methods. The first is shown, one button leads to the choice, and the choice to
/// each of them, by forms alone.
#[tokio::test]
async fn a_person_chooses_another_way_to_log_in() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    let start = AUTHORIZE
        .replace("quickstart", "other")
        .replace("client_id=demo", "client_id=choosing")
        .replace("openid%20profile", "openid");
    let first = browser.get(&start).await;
    assert!(first.body.contains("value=\"other-way\""), "{}", first.body);
    assert!(!first.body.contains("name=\"method\""), "{}", first.body);
    let choice = answered(&mut browser, &first, "decision=other-way").await;
    assert!(choice.body.contains("<h1>Choose how to log in</h1>"));
    let buttons = choice.body.split("name=\"method\" value=\"").skip(1);
    let offered: Vec<&str> = buttons.filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(offered, ["badge", "other-password"]);
    for label in ["Badge and password", "Login and password"] {
        assert!(choice.body.contains(label), "{label}");
    }
    let chosen = answered(&mut browser, &choice, "method=other-password").await;
    assert!(chosen.body.contains("name=\"password\""), "{}", chosen.body);
    assert!(chosen.body.contains("value=\"other-way\""));
    let unknown = answered(&mut browser, &chosen, "method=totp").await;
    assert!(unknown.body.contains("role=\"status\""), "{}", unknown.body);
}

/// KC-AZ-10, OIDC-13: never a redirect.
#[tokio::test]
async fn a_wrong_client_or_redirect_address_gets_a_page() {
    let app = TestApp::new().await;
    for path in [
        "/quickstart/oauth2/authorize",
        "/quickstart/oauth2/authorize?client_id=nobody&redirect_uri=https%3A%2F%2Fevil.example%2F",
        "/quickstart/oauth2/authorize?client_id=demo&redirect_uri=https%3A%2F%2Fevil.example%2F",
        "/quickstart/oauth2/authorize?client_id=demo&client_id=demo",
        "/quickstart/oauth2/authorize?client_id=%ff",
        "/quickstart/oauth2/logout?post_logout_redirect_uri=https%3A%2F%2Fevil.example%2F",
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.header("location"), "", "{path}");
        assert!(answer.body.contains("class=\"error-id\""), "{path}");
        assert!(!answer.body.contains("https://evil"), "{path}");
    }
}

/// KC-AZ-13 and the rest of the headers of every page.
#[tokio::test]
async fn every_answer_is_hardened() {
    let app = TestApp::new().await;
    for path in [
        AUTHORIZE,
        "/quickstart/nothing",
        "/nothing",
        "/quickstart/oauth2/jwks",
    ] {
        let answer = app.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(
            answer
                .header("strict-transport-security")
                .contains("max-age="),
            "{path}"
        );
    }
    assert_eq!(app.get(AUTHORIZE).await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_nothing_else_is_served() {
    let app = TestApp::new().await;
    let page = app.get(AUTHORIZE).await;
    let href = page
        .body
        .split("rel=\"stylesheet\" href=\"")
        .nth(1)
        .unwrap();
    let href = href.split('"').next().unwrap();
    let css = app.get(href).await;
    assert_eq!(css.status, StatusCode::OK);
    assert!(css.header("cache-control").contains("immutable"));
    let neutral = app.get(&href.replace(BASE, "")).await;
    assert_eq!(neutral.status, StatusCode::OK);
    for path in [
        "/quickstart/assets/x.css",
        "/quickstart/assets/..%2fCargo.toml",
        "/assets/x",
    ] {
        assert_eq!(app.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

/// OIDC-50: discovery and keys are public, cacheable and conditional.
#[tokio::test]
async fn discovery_and_keys() {
    let app = TestApp::new().await;
    for path in [
        "/quickstart/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/quickstart",
        "/quickstart/oauth2/jwks",
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert!(
            answer
                .header("cache-control")
                .starts_with("public, max-age="),
            "{path}"
        );
        let etag = answer.header("etag").to_owned();
        let again = app.call("GET", path, &[("if-none-match", &etag)], "").await;
        assert_eq!(
            (again.status, again.body.as_str()),
            (StatusCode::NOT_MODIFIED, ""),
            "{path}"
        );
        let other = app
            .call("GET", path, &[("if-none-match", "\"x\"")], "")
            .await;
        assert_eq!(other.status, StatusCode::OK, "{path}");
    }
    let metadata = app
        .get("/quickstart/.well-known/openid-configuration")
        .await
        .json();
    assert_eq!(metadata["issuer"], "https://id.example.com/quickstart");
    assert_eq!(
        app.get("/quickstart/.well-known/oauth-authorization-server")
            .await
            .status,
        StatusCode::NOT_FOUND
    );
}

/// An unknown realm and an unknown path say nothing about what there is.
#[tokio::test]
async fn unknown_hosts_and_realms_get_a_neutral_page() {
    let app = TestApp::new().await;
    for (host, path) in [
        ("id.example.com", "/"),
        ("id.example.com", "/quick/oauth2/jwks"),
        ("id.example.com", "/quickstart2/oauth2/jwks"),
        ("other.example.com", "/quickstart/oauth2/jwks"),
    ] {
        let answer = app.call("GET", path, &[("host", host)], "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{host}{path}");
        assert!(!answer.body.contains("Quickstart"), "{host}{path}");
        assert!(answer.body.contains("class=\"error-id\""), "{host}{path}");
    }
    // A realm that cannot be prepared is one for now: another configuration mends it.
    let broken = [("host", UNPREPARED_HOST)];
    let unprepared = app.call("GET", "/oauth2/jwks", &broken, "").await;
    assert_eq!(unprepared.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(unprepared.header("retry-after"), "30");
    let ambiguous = app
        .call("GET", "/", &[("host", "a.example, b.example")], "")
        .await;
    assert_eq!(ambiguous.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn browsers_of_other_origins_read_only_what_clients_allow() {
    let app = TestApp::new().await;
    for (origin, allowed) in [
        ("https://app.example.com", true),
        ("https://evil.example", false),
    ] {
        for path in ["/quickstart/oauth2/token", "/quickstart/oauth2/userinfo"] {
            let preflight = app
                .call(
                    "OPTIONS",
                    path,
                    &[
                        ("origin", origin),
                        ("access-control-request-method", "POST"),
                    ],
                    "",
                )
                .await;
            assert_eq!(preflight.status, StatusCode::NO_CONTENT);
            assert_eq!(
                preflight.header("access-control-allow-origin") == origin,
                allowed,
                "{path}"
            );
            assert_eq!(
                preflight
                    .headers
                    .contains_key("access-control-allow-methods"),
                allowed
            );
        }
    }
    let introspect = app
        .call(
            "OPTIONS",
            "/quickstart/oauth2/introspect",
            &[("origin", "https://app.example.com")],
            "",
        )
        .await;
    assert_eq!(introspect.status, StatusCode::METHOD_NOT_ALLOWED);
}

/// Cross-site forms: the application's own are sent again as GET, so that cookies come along; a
/// form that pretends to be ours is refused.
#[tokio::test]
async fn forms_of_other_sites() {
    let app = TestApp::new().await;
    let foreign = [("content-type", FORM), ("sec-fetch-site", "cross-site")];
    let query = AUTHORIZE.split('?').nth(1).unwrap();
    let answer = app
        .call("POST", "/quickstart/oauth2/authorize", &foreign, query)
        .await;
    assert_eq!(location(&answer), AUTHORIZE);
    for path in [
        "/quickstart/login",
        "/quickstart/login/0190b6c4-7a10-7cc3-98d1-3f6b0c5a1f2e",
    ] {
        let answer = app
            .call("POST", path, &foreign, "request=x&login=a&password=b")
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    let answer = app
        .call(
            "POST",
            "/quickstart/oauth2/logout",
            &foreign,
            "sealed=x&answer=yes",
        )
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn wrong_methods_and_bodies() {
    let app = TestApp::new().await;
    let wrong = app.call("GET", "/quickstart/oauth2/token", &[], "").await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(
        wrong.header("allow").contains("POST"),
        "{}",
        wrong.header("allow")
    );
    let large = "a".repeat(70_000);
    for (media_type, body, status) in [
        ("application/json", "{}", 415),
        (FORM, large.as_str(), 413),
        (FORM, "grant_type=%ff", 400),
        (FORM, "grant_type=a&grant_type=b", 400),
    ] {
        for path in ["token", "introspect", "revoke"] {
            let headers = [
                ("content-type", media_type),
                ("authorization", &basic("demo")),
            ];
            let path = format!("/quickstart/oauth2/{path}");
            let answer = app.call("POST", &path, &headers, body).await;
            assert_eq!(
                answer.status.as_u16(),
                status,
                "{path} {media_type}: {}",
                answer.body
            );
            assert!(answer.json()["error"].is_string(), "{path}");
        }
        let answer = app
            .call(
                "POST",
                "/quickstart/login",
                &[("content-type", media_type)],
                body,
            )
            .await;
        assert!(
            answer.status.is_client_error(),
            "{media_type}: {}",
            answer.body
        );
    }
}

/// Every path of the table, each against who may not have an answer. A path that is missing from
/// the table cannot be served: the router is made from it.
#[tokio::test]
async fn every_path_refuses_whom_it_must() {
    let app = TestApp::new().await;
    let other_realm = app
        .token("other", "other-service", "realmwright:accounts")
        .await;
    let lesser = app.token("quickstart", "service", "reports").await;
    let table = routes(Layout::Realmwright);
    assert!(table.len() > 20);
    for route in &table {
        let path = BASE.to_owned()
            + &route
                .path
                .replace("{id}", "0190b6c4-7a10-7cc3-98d1-3f6b0c5a1f2e")
                .replace("{file}", "none.css")
                .replace("{sub}", "nobody")
                .replace("{session}", "none")
                .replace("{kind}", "totp");
        for method in &route.methods {
            let anonymous = app.call(method, &path, &[("content-type", FORM)], "").await;
            let status = anonymous.status.as_u16();
            let asset = route.path.starts_with("/assets");
            match route.audience {
                Audience::Public if asset || route.path.contains("oauth-authorization-server") => {
                    assert_eq!(status, 404, "{method} {path}");
                }
                Audience::Public => assert_eq!(status, 200, "{method} {path}"),
                Audience::Browser => {
                    assert!([200, 400].contains(&status), "{method} {path} {status}")
                }
                Audience::Login if *method == "POST" && route.path.contains("{id}") => {
                    assert_eq!(status, 303, "{method} {path}");
                }
                Audience::Login => assert_eq!(status, 400, "{method} {path}"),
                Audience::Client => {
                    assert!([400, 401].contains(&status), "{method} {path} {status}")
                }
                Audience::Bearer => assert_eq!(status, 401, "{method} {path}"),
                Audience::Accounts => {
                    assert_eq!(status, 401, "{method} {path}");
                    assert!(
                        anonymous.headers.contains_key("www-authenticate"),
                        "{method} {path}"
                    );
                    for (token, expected) in [(&other_realm, 401), (&lesser, 403)] {
                        let headers = [("authorization", token.as_str())];
                        let answer = app.call(method, &path, &headers, "").await;
                        assert_eq!(
                            answer.status.as_u16(),
                            expected,
                            "{method} {path}: {}",
                            answer.body
                        );
                    }
                }
            }
        }
    }
}

/// Accounts: create, read, change under a version, find, lock, export, erase.
#[tokio::test]
async fn the_accounts_api() {
    let app = TestApp::new().await;
    let token = create_olena(&app).await;
    let auth = ("authorization", token.as_str());
    let json = ("content-type", "application/json");
    let base = "/quickstart/api/v1/accounts";
    let found = app
        .call(
            "GET",
            &format!("{base}?attributes.email=OLENA%40example.com"),
            &[auth],
            "",
        )
        .await;
    let account = found.json()["items"][0].clone();
    let one = format!("{base}/{}", account["sub"].as_str().unwrap());
    let read = app.call("GET", &one, &[auth], "").await;
    let etag = read.header("etag").to_owned();
    assert_eq!(etag, format!("\"{}\"", account["version"]));

    let taken = app
        .call(
            "POST",
            base,
            &[auth, json],
            r#"{"attributes": {"email": "olena@example.com"}}"#,
        )
        .await;
    assert_eq!(taken.status, StatusCode::CONFLICT, "{}", taken.body);
    assert_eq!(taken.header("content-type"), "application/problem+json");
    assert_eq!(taken.json()["field"], "attributes.email");

    let change = r#"{"attributes": {"name": "Olena K."}}"#;
    let changed = app
        .call("PATCH", &one, &[auth, json, ("if-match", &etag)], change)
        .await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    assert_eq!(changed.json()["attributes"]["name"], "Olena K.");
    let stale = app
        .call("PATCH", &one, &[auth, json, ("if-match", &etag)], change)
        .await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let nonsense = app
        .call(
            "PATCH",
            &one,
            &[auth, json, ("if-match", "W/\"x\"")],
            change,
        )
        .await;
    assert_eq!(nonsense.status, StatusCode::BAD_REQUEST);

    let export = app.call("GET", &format!("{one}/export"), &[auth], "").await;
    assert!(export.body.contains("Olena K.") && !export.body.contains("$argon2id$"));
    assert_eq!(
        app.call("DELETE", &one, &[auth], "").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        app.call("GET", &one, &[auth], "").await.status,
        StatusCode::NOT_FOUND
    );
}

/// The same file again creates nothing twice, and a wrong line stops no other.
#[tokio::test]
async fn imports_are_resumable() {
    let app = TestApp::new().await;
    let token = app
        .token("quickstart", "service", "realmwright:accounts")
        .await;
    let headers = [
        ("authorization", token.as_str()),
        ("content-type", "application/x-ndjson"),
    ];
    let file = "{\"name\":\"a\",\"attributes\":{\"email\":\"a@example.com\"}}\n\nnot json\n\
                {\"name\":\"b\",\"attributes\":{\"email\":\"b@example.com\"}}";
    for expected in ["created", "exists"] {
        let answer = app
            .call("POST", "/quickstart/api/v1/accounts:import", &headers, file)
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let lines: Vec<serde_json::Value> = answer
            .body
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let outcomes: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    line["line"].as_u64().unwrap(),
                    line["outcome"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            outcomes,
            [(1, expected), (3, "failed"), (4, expected)],
            "{}",
            answer.body
        );
    }
}

/// KC-LO-01: without a hint the person is asked, and may stay.
#[tokio::test]
async fn logout_asks_and_can_be_declined() {
    let app = TestApp::new().await;
    create_olena(&app).await;
    let mut browser = Browser::new(&app);
    let step = location(&log_in(&mut browser, AUTHORIZE).await);
    let consent = browser.get(&step).await;
    let form = format!("version={}&decision=allow", consent.hidden("version"));
    browser.post(&step, &form).await;
    for (answer, ended) in [("no", false), ("yes", true)] {
        let page = browser.get("/quickstart/oauth2/logout").await;
        assert!(page.body.contains("Log out?"), "{}", page.body);
        let form = format!("sealed={}&answer={answer}", page.hidden("sealed"));
        let action = page.action().to_owned();
        let done = browser.post(&action, &form).await;
        assert_eq!(
            done.body.contains("You are logged out"),
            ended,
            "{}",
            done.body
        );
        assert_eq!(browser.has_cookie("session"), !ended);
    }
}
