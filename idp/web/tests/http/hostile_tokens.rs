//! What was issued, presented where it does not belong: to another realm on the same host, by
//! another client, as something else, forged, or beyond its time.
//!
//! Tried elsewhere: replayed codes, refresh tokens and assertions (`idp/engine/src/tests/tokens.rs`,
//! `reuse.rs`, `assertions.rs`), the 30 s of leeway of an assertion and each forged header against
//! each key (`idp/protocol/src/jose/tests`).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, Browser, FORM, TestApp, basic};
use crate::{AUTHORIZE, VERIFIER, create_olena, location, log_in};

/// A person at the application `demo`, with all that was issued on the way.
struct Issued<'a> {
    browser: Browser<'a>,
    /// Sealed into the first page.
    request: String,
    code: String,
}

async fn issue(app: &TestApp) -> Issued<'_> {
    let mut browser = Browser::new(app);
    let first = browser.get(AUTHORIZE).await;
    let request = first.hidden("request").to_owned();
    let mut next = location(&log_in(&mut browser, AUTHORIZE).await);
    if next.starts_with('/') {
        let consent = browser.get(&next).await;
        let form = format!("version={}&decision=allow", consent.hidden("version"));
        next = location(&browser.post(&next, &form).await);
    }
    let code = next.split("code=").nth(1).unwrap();
    let code = code.split('&').next().unwrap().to_owned();
    Issued {
        browser,
        request,
        code,
    }
}

async fn token(app: &TestApp, realm: &str, client: &str, form: &str) -> Answer {
    let headers = [("content-type", FORM), ("authorization", &basic(client))];
    app.call("POST", &format!("/{realm}/oauth2/token"), &headers, form)
        .await
}

fn redemption(code: &str) -> String {
    format!(
        "grant_type=authorization_code&code={code}&code_verifier={VERIFIER}\
         &redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback"
    )
}

async fn userinfo(app: &TestApp, realm: &str, bearer: &str) -> Answer {
    let bearer = format!("Bearer {bearer}");
    let path = format!("/{realm}/oauth2/userinfo");
    app.call("GET", &path, &[("authorization", &bearer)], "")
        .await
}

async fn is_active(app: &TestApp, token: &str) -> bool {
    let headers = [("content-type", FORM), ("authorization", &basic("demo"))];
    let path = "/quickstart/oauth2/introspect";
    let answer = app
        .call("POST", path, &headers, &format!("token={token}"))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.raw);
    answer.json()["active"] == true
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn decoded(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The same token under other headers, with what a forger can put in the place of its signature.
async fn forgeries(app: &TestApp, token: &str) -> Vec<(&'static str, String)> {
    let header = decoded(token, 0);
    let payload = token.split('.').nth(1).unwrap();
    let signature = token.split('.').nth(2).unwrap();
    let with = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        header
    };
    let signed = |header: &Value| format!("{}.{payload}.{signature}", part(header));
    let jwks = app.get("/quickstart/oauth2/jwks").await;
    let key = jwks.json()["keys"][0].clone();
    let mac = |secret: &[u8]| {
        let message = format!("{}.{payload}", part(&with("alg", json!("HS256"))));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let others = app.get("/other/oauth2/jwks").await;
    let other_kid = others.json()["keys"][0]["kid"].clone();
    let mut claims = decoded(token, 1);
    claims["sub"] = json!("somebody-else");
    vec![
        (
            "none",
            format!("{}.{payload}.", part(&with("alg", json!("none")))),
        ),
        (
            "None",
            format!("{}.{payload}.", part(&with("alg", json!("None")))),
        ),
        ("no signature", format!("{}.{payload}.", part(&header))),
        ("none, signed", signed(&with("alg", json!("none")))),
        ("a MAC with the key set", mac(jwks.raw.as_bytes())),
        ("a MAC with the key", mac(key.to_string().as_bytes())),
        (
            "a MAC with its x",
            mac(&URL_SAFE_NO_PAD.decode(text(&key, "x")).unwrap()),
        ),
        ("a MAC with nothing", mac(b"")),
        ("RS256", signed(&with("alg", json!("RS256")))),
        ("PS256", signed(&with("alg", json!("PS256")))),
        ("ES384", signed(&with("alg", json!("ES384")))),
        ("EdDSA", signed(&with("alg", json!("EdDSA")))),
        ("no algorithm", signed(&with("alg", Value::Null))),
        ("a kid of another realm", signed(&with("kid", other_kid))),
        (
            "a kid that is a path",
            signed(&with("kid", json!("../../dev/null"))),
        ),
        (
            "its own key",
            signed(&with("jwk", key.clone())).replace(signature, "AAAA"),
        ),
        (
            "a key from elsewhere",
            signed(&with("jku", json!("https://evil.example/jwks"))).replace(signature, "AAAA"),
        ),
        ("another type", signed(&with("typ", json!("JWT")))),
        (
            "a critical header",
            signed(&with("crit", json!(["https://evil.example/"]))),
        ),
        (
            "other claims",
            format!("{}.{}.{signature}", part(&header), part(&claims)),
        ),
        ("a part more", format!("{token}.AAAA")),
        ("a part less", format!("{}.{payload}", part(&header))),
    ]
}

/// Access tokens at every endpoint that takes one.
#[tokio::test]
async fn forged_tokens_open_nothing() {
    let app = TestApp::new().await;
    create_olena(&app).await;
    let issued = issue(&app).await;
    let tokens = token(&app, "quickstart", "demo", &redemption(&issued.code)).await;
    let access = text(&tokens.json(), "access_token");
    assert_eq!(userinfo(&app, "quickstart", &access).await.status, 200);
    assert!(is_active(&app, &access).await);
    for (what, forged) in forgeries(&app, &access).await {
        let answer = userinfo(&app, "quickstart", &forged).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.raw);
        assert!(answer.header("www-authenticate").contains("invalid_token"));
        assert!(!is_active(&app, &forged).await, "{what}");
    }
    let service = app
        .token("quickstart", "service", "realmwright:accounts")
        .await;
    let service = service.strip_prefix("Bearer ").unwrap();
    for (what, forged) in forgeries(&app, service).await {
        let bearer = format!("Bearer {forged}");
        let path = "/quickstart/api/v1/accounts";
        let headers = [("authorization", bearer.as_str())];
        let answer = app.call("GET", path, &headers, "").await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.raw);
    }
}

/// OpenID Connect RP-Initiated Logout 1.0 section 4: the application may end the session unasked
/// with a hint of ours; with anything else the person is asked, as without a hint.
#[tokio::test]
async fn forged_hints_end_no_session() {
    let app = TestApp::new().await;
    create_olena(&app).await;
    let mut issued = issue(&app).await;
    let tokens = token(&app, "quickstart", "demo", &redemption(&issued.code)).await;
    let (id, access) = (
        text(&tokens.json(), "id_token"),
        text(&tokens.json(), "access_token"),
    );
    let mut hints = forgeries(&app, &id).await;
    // The type of an id token is `JWT`: that header is its own.
    hints.retain(|(what, _)| *what != "another type");
    hints.push(("an access token", access));
    for (what, hint) in hints {
        let query = format!("/quickstart/oauth2/logout?id_token_hint={hint}");
        let answer = issued.browser.get(&query).await;
        assert!(answer.body.contains("Log out?"), "{what}: {}", answer.raw);
        assert!(issued.browser.has_cookie("session"), "{what}");
        let bye = format!("{query}&post_logout_redirect_uri=https%3A%2F%2Fapp.example.com%2Fbye");
        let answer = issued.browser.get(&bye).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.raw);
    }
    // Of a client that is not the one who asks.
    let crossed = format!("/quickstart/oauth2/logout?id_token_hint={id}&client_id=closed");
    assert_eq!(issued.browser.get(&crossed).await.status, 400);
    // Another browser has no session that the hint is about.
    let own = format!("/quickstart/oauth2/logout?id_token_hint={id}");
    let mut other = issue(&app).await.browser;
    assert!(other.get(&own).await.body.contains("Log out?"));
    let done = issued.browser.get(&own).await;
    assert!(done.body.contains("You are logged out"), "{}", done.raw);
}

/// Each kind of token where another kind is wanted.
#[tokio::test]
async fn nothing_passes_for_something_else() {
    let app = TestApp::new().await;
    create_olena(&app).await;
    let issued = issue(&app).await;
    let second = issue(&app).await;
    let tokens = token(&app, "quickstart", "demo", &redemption(&issued.code)).await;
    let tokens = tokens.json();
    let (access, id, refresh) = (
        text(&tokens, "access_token"),
        text(&tokens, "id_token"),
        text(&tokens, "refresh_token"),
    );
    let things = [
        ("id token", &id),
        ("refresh token", &refresh),
        ("code", &second.code),
        ("sealed request", &second.request),
        ("access token", &access),
    ];
    for (what, thing) in things {
        if what != "access token" {
            let answer = userinfo(&app, "quickstart", thing).await;
            assert_eq!(answer.status, 401, "{what} as access token");
            let bearer = format!("Bearer {thing}");
            let headers = [("authorization", bearer.as_str())];
            let answer = app
                .call("GET", "/quickstart/api/v1/accounts", &headers, "")
                .await;
            assert_eq!(answer.status, 401, "{what} at the API");
        }
        if what != "refresh token" {
            let form = format!("grant_type=refresh_token&refresh_token={thing}");
            let answer = token(&app, "quickstart", "demo", &form).await;
            assert_eq!(answer.json()["error"], "invalid_grant", "{what} as refresh");
        }
        if what != "code" {
            let answer = token(&app, "quickstart", "demo", &redemption(thing)).await;
            assert_eq!(answer.json()["error"], "invalid_grant", "{what} as code");
        }
        if what != "sealed request" {
            let form = format!("request={thing}&login=a&password=b");
            let headers = [("content-type", FORM)];
            let answer = app.call("POST", "/quickstart/login", &headers, &form).await;
            assert_eq!(answer.status, 400, "{what} as request: {}", answer.raw);
        }
        let form = format!("sealed={thing}&answer=yes");
        let headers = [("content-type", FORM)];
        let path = "/quickstart/oauth2/logout";
        let answer = app.call("POST", path, &headers, &form).await;
        assert_eq!(answer.status, 400, "{what} as logout: {}", answer.raw);
    }
    // All of them are as good as before.
    assert_eq!(userinfo(&app, "quickstart", &access).await.status, 200);
    let redeemed = token(&app, "quickstart", "demo", &redemption(&second.code)).await;
    assert_eq!(redeemed.status, 200, "{}", redeemed.raw);
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    let refreshed = token(&app, "quickstart", "demo", &form).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.raw);
}

/// Two realms on one host know nothing of each other's.
#[tokio::test]
async fn nothing_crosses_realms_of_one_host() {
    let app = TestApp::new().await;
    create_olena(&app).await;
    let mut issued = issue(&app).await;
    let tokens = token(&app, "quickstart", "demo", &redemption(&issued.code)).await;
    let tokens = tokens.json();
    let (access, refresh) = (
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
    );
    assert_eq!(userinfo(&app, "other", &access).await.status, 401);
    let public = [("content-type", FORM)];
    let second = issue(&app).await;
    for form in [
        format!("{}&client_id=choosing", redemption(&second.code)),
        format!("grant_type=refresh_token&client_id=choosing&refresh_token={refresh}"),
    ] {
        let answer = app
            .call("POST", "/other/oauth2/token", &public, &form)
            .await;
        assert_eq!(answer.status, 400, "{}", answer.raw);
    }
    let sealed = format!("request={}&login=a&password=b", second.request);
    let answer = app.call("POST", "/other/login", &public, &sealed).await;
    assert_eq!(answer.status, 400, "{}", answer.raw);
    // A session of one realm is none of the other, also under the name of its cookie.
    let silent = AUTHORIZE
        .replace("quickstart", "other")
        .replace("client_id=demo", "client_id=choosing")
        .replace("openid%20profile", "openid")
        + "&prompt=none";
    let away = location(&issued.browser.get(&silent).await);
    assert!(away.contains("error=login_required"), "{away}");
    let page = "/quickstart/oauth2/logout?language=en";
    issued.browser.get(page).await;
    let mut crossed = Browser::new(&app);
    crossed.get(&page.replace("quickstart", "other")).await;
    crossed.take_cookies_of(&issued.browser);
    assert!(crossed.has_cookie("session"));
    let away = location(&crossed.get(&silent).await);
    assert!(away.contains("error=login_required"), "{away}");
    assert_eq!(
        token(&app, "quickstart", "demo", &redemption(&second.code))
            .await
            .status,
        200
    );
}

/// Both edges of the clock: one second before its end a thing is good, at its end it is not.
#[tokio::test]
async fn everything_ends_on_its_second() {
    // Real time passes as well: the last second is tried from two seconds before it.
    for (ahead, good) in [(-2, true), (1, false)] {
        let app = TestApp::new().await;
        create_olena(&app).await;
        let issued = issue(&app).await;
        app.put_ahead(60 + ahead);
        let answer = token(&app, "quickstart", "demo", &redemption(&issued.code)).await;
        assert_eq!(answer.status == 200, good, "code {ahead}: {}", answer.raw);

        app.put_ahead(0);
        let issued = issue(&app).await;
        let tokens = token(&app, "quickstart", "demo", &redemption(&issued.code)).await;
        let tokens = tokens.json();
        let access = text(&tokens, "access_token");
        let lives = tokens["expires_in"].as_i64().unwrap();
        app.put_ahead(lives + ahead);
        let answer = userinfo(&app, "quickstart", &access).await;
        assert_eq!(answer.status == 200, good, "access {ahead}");
        assert_eq!(is_active(&app, &access).await, good, "access {ahead}");

        let refresh = text(&tokens, "refresh_token");
        let lives = tokens["refresh_expires_in"].as_i64().unwrap();
        app.put_ahead(lives + ahead);
        let form = format!("grant_type=refresh_token&refresh_token={refresh}");
        let answer = token(&app, "quickstart", "demo", &form).await;
        assert_eq!(answer.status == 200, good, "refresh {ahead}");

        app.put_ahead(0);
        let mut browser = Browser::new(&app);
        let first = browser.get(AUTHORIZE).await;
        let form = format!(
            "request={}&login=olena%40example.com&password=correct%20horse%20battery",
            first.hidden("request")
        );
        app.put_ahead(1800 + ahead);
        let answer = browser.post(first.action(), &form).await;
        assert_eq!(answer.status == 303, good, "sealed {ahead}: {}", answer.raw);
    }
}

/// What was issued under a clock that was an hour ahead is honoured once, and not twice.
#[tokio::test]
async fn a_clock_that_jumps_back_honours_what_was_issued() {
    let app = TestApp::new().await;
    create_olena(&app).await;
    app.put_ahead(3600);
    let issued = issue(&app).await;
    app.put_ahead(0);
    let tokens = token(&app, "quickstart", "demo", &redemption(&issued.code)).await;
    assert!(
        tokens.status == 200 || tokens.status == 400,
        "{}",
        tokens.raw
    );
    let again = token(&app, "quickstart", "demo", &redemption(&issued.code)).await;
    assert_eq!(again.json()["error"], "invalid_grant", "{}", again.raw);
}
