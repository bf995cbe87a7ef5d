//! The clock of a pod's machine jumps, under a database whose clock goes on.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::Value;
use tempfile::TempDir;

use super::scene::Scene;
use super::{told, until};
use crate::support::child::Told;
use crate::support::dev::{edit, scenario_folder};

/// Of the tokens of the application.
const LIFETIME: i64 = 3;
/// How far a clock may be off (docs/robustness.md).
const MOST: i64 = 5;
const DAYS: i64 = 3 * 24 * 3600;

/// The wall clock of processes that are told of it, by `libfaketime`. Time that is measured, not
/// told, goes on as ever, as it does on a machine whose clock is set.
struct WallClock(TempDir);

impl WallClock {
    fn new() -> Self {
        let clock = Self(tempfile::tempdir().expect("a temporary folder"));
        clock.is_off_by(0);
        clock
    }

    fn is_off_by(&self, seconds: i64) {
        let (file, next) = (self.0.path().join("offset"), self.0.path().join("next"));
        std::fs::write(&next, format!("{seconds:+}")).expect("it can be written");
        std::fs::rename(next, file).expect("it can be moved");
    }

    fn told(&self) -> Told {
        let offset = self.0.path().join("offset").display().to_string();
        Told {
            environment: vec![
                ("LD_PRELOAD", library().display().to_string()),
                ("FAKETIME_TIMESTAMP_FILE", offset),
                ("FAKETIME_NO_CACHE", "1".to_owned()),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
                ("NO_FAKE_STAT", "1".to_owned()),
            ],
            ..Told::default()
        }
    }
}

fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("it is there");
    let mut libraries =
        folders.filter_map(|folder| Some(folder.ok()?.path().join("faketime/libfaketimeMT.so.1")));
    let found = libraries.find(|library| library.exists());
    found.expect("libfaketime, which `make prepare` installs")
}

fn claim(token: &str, name: &str) -> i64 {
    let payload = token.split('.').nth(1).expect("a JWT");
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    let payload: Value = serde_json::from_slice(&payload).expect("JSON");
    payload[name].as_i64().expect("a time")
}

/// RFC 7519 sections 4.1.4 and 4.1.6: whoever looks at a true clock takes them for what they are.
#[expect(clippy::disallowed_methods, reason = "this process has the true clock")]
fn assert_of_now(tokens: &Value) {
    let now = Timestamp::now().as_second();
    for name in ["access_token", "id_token"] {
        let token = tokens[name].as_str().expect("a token");
        let (issued, expires) = (claim(token, "iat"), claim(token, "exp"));
        assert!(
            (issued - now).abs() <= MOST,
            "{name} is of {issued}, it is {now}"
        );
        assert!(
            expires <= now + LIFETIME + MOST,
            "{name} lives until {expires}, it is {now}"
        );
    }
}

/// Tokens are right, those that have expired are refused, and a code is used once.
async fn assert_right(scene: &Scene, code: &str, expired: &str) {
    let tokens = scene.tokens(code).await;
    assert_of_now(&tokens);
    let fresh = tokens["access_token"].as_str().expect("a token");
    assert_eq!(scene.userinfo(fresh).await.status(), StatusCode::OK);
    assert_eq!(
        scene.userinfo(expired).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let (status, error) = told(scene.redeem(code).await).await;
    assert_eq!(
        (status, &*error),
        (StatusCode::BAD_REQUEST, "invalid_grant")
    );
}

/// By a little more than may be, and by days; each is back by itself once the clock is.
#[tokio::test]
async fn a_clock_that_jumps() {
    let clock = WallClock::new();
    let folder = scenario_folder();
    edit(
        folder.path(),
        "applications.yaml",
        "displayName: {en: Reading room}\n  oidc:",
        &format!(
            "displayName: {{en: Reading room}}\n  oidc:\n    accessToken: {{lifetime: {LIFETIME}s}}\n    \
             idToken: {{lifetime: {LIFETIME}s}}"
        ),
    );
    let scene = Scene::told(folder, &clock.told());
    let first = scene.codes(1).await.remove(0);
    let expired = scene.tokens(&first).await["access_token"].clone();
    let expired = expired.as_str().expect("a token");
    until(Duration::from_secs(10), || async {
        scene.userinfo(expired).await.status() == StatusCode::UNAUTHORIZED
    })
    .await;
    for seconds in [MOST + 2, -(MOST + 2), DAYS, -DAYS] {
        let codes = scene.codes(6).await;
        clock.is_off_by(seconds);
        assert_right(&scene, &codes[0], expired).await;
        let noticed = scene.becomes(false).await;
        assert_right(&scene, &codes[1], expired).await;
        assert_eq!(scene.race(&codes[2..5], async |_| {}).await, 3);
        clock.is_off_by(0);
        assert_right(&scene, &codes[5], expired).await;
        let ready = scene.becomes(true).await;
        println!("{seconds:+} s: not ready after {noticed:?}, ready {ready:?} after it was back");
    }
    scene.assert_serves().await;
}
