//! Codes, refresh tokens, access tokens, userinfo, introspection, revocation.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use realmwright_snapshot::{GrantType, TokenFormat};
use realmwright_store::Maintenance as _;
use serde_json::json;

use super::actors::*;
use super::fixture::*;
use crate::{BackChannelCall, CallFault, Observation};

async fn world() -> World {
    let world = World::new(realm()).await;
    world.person("olena@example.com").await;
    world
}

async fn opaque_world() -> World {
    let world = World::new(realm_with(|realm| {
        edit_oidc(realm, "demo", |oidc| {
            oidc.access_token_format = TokenFormat::Opaque
        });
    }))
    .await;
    world.person("olena@example.com").await;
    world
}

async fn logged_in(world: &World) -> crate::JsonAnswer {
    let response = Browser::default()
        .log_in(world, &request("demo", &[]))
        .await;
    world.redeem("demo", &code(&response)).await.unwrap()
}

/// KC D.4.1, RFC 9068.
#[tokio::test]
async fn tokens_say_what_they_must_and_no_more() {
    let world = world().await;
    let tokens = logged_in(&world).await;
    assert_eq!(tokens.body["token_type"], "Bearer");
    assert_eq!(tokens.body["expires_in"], 300);
    assert_eq!(tokens.body["refresh_expires_in"], 1800);
    assert_eq!(tokens.body["scope"], "openid profile email");
    let id = claims(field(&tokens, "id_token"));
    assert_eq!(id["iss"], "https://id.example.com/quickstart");
    assert_eq!(id["aud"], "demo");
    assert_eq!(id["azp"], "demo");
    assert_eq!(id["nonce"], "n-1");
    assert_eq!(id["name"], "Olena");
    assert_eq!(id["email"], "olena@example.com");
    assert_eq!(id["acr"], "1");
    assert!(id["at_hash"].is_string());
    assert!(id["sid"].is_string());
    let access = claims(field(&tokens, "access_token"));
    assert_eq!(access["sub"], id["sub"]);
    assert_eq!(access["client_id"], "demo");
    assert_eq!(access["scope"], "openid profile email");
    assert_eq!(access["sid"], id["sid"]);
    assert!(access["grant_id"].is_string());
    assert!(access.get("nonce").is_none());
    let info = world
        .userinfo(field(&tokens, "access_token"))
        .await
        .unwrap();
    assert_eq!(info.body["sub"], id["sub"]);
    assert_eq!(info.body["email"], "olena@example.com");
    let state = world
        .introspect("demo", field(&tokens, "access_token"))
        .await;
    assert_eq!(state["active"], true);
    assert!(state.get("grant_id").is_none());
}

/// KC-AZ-06: a code used twice kills what came of it.
#[tokio::test]
async fn a_code_used_twice_ends_its_tokens() {
    let world = world().await;
    let response = Browser::default()
        .log_in(&world, &request("demo", &[]))
        .await;
    let code = code(&response);
    let tokens = world.redeem("demo", &code).await.unwrap();
    let access = field(&tokens, "access_token");
    world.userinfo(access).await.unwrap();
    assert_eq!(refusal(world.redeem("demo", &code).await), "invalid_grant");
    assert_eq!(refusal(world.userinfo(access).await), "invalid_token");
    assert_eq!(
        refusal(world.refresh("demo", field(&tokens, "refresh_token")).await),
        "invalid_grant"
    );
    assert_eq!(
        world.introspect("demo", access).await,
        json!({"active": false})
    );
    assert!(
        world
            .observed
            .0
            .lock()
            .unwrap()
            .contains(&Observation::ReuseDetected)
    );
    assert!(world.events().await.contains(&"token_reused".to_owned()));
}

/// KC-AZ-06, KC-AZ-09, KC-TK-01.
#[tokio::test]
async fn a_code_is_short_lived_and_bound_to_its_request() {
    let world = world().await;
    let mut browser = Browser::default();
    let issued = code(&browser.log_in(&world, &request("demo", &[])).await);
    let form = |verifier: &str, uri: &str| {
        format!(
            "grant_type=authorization_code&code={issued}&redirect_uri={uri}&code_verifier={verifier}"
        )
    };
    let right = "https%3A%2F%2Fapp.example.com%2Fcallback";
    for (verifier, uri) in [
        ("another-verifier-of-enough-letters-for-rfc-7636", right),
        (VERIFIER, "https%3A%2F%2Fapp.example.com%2Fother"),
        ("", right),
        (VERIFIER, ""),
    ] {
        let refused = world.token("demo", &form(verifier, uri)).await;
        assert_eq!(refusal(refused), "invalid_grant", "{verifier} {uri}");
    }
    world.advance(Duration::from_secs(61));
    assert_eq!(
        refusal(world.redeem("demo", &issued).await),
        "invalid_grant"
    );
    assert_eq!(
        refusal(world.redeem("demo", "nonsense").await),
        "invalid_grant"
    );
}

/// A code of one client is of no use to another, and is not spoiled by it.
#[tokio::test]
async fn a_code_of_another_client_is_left_alone() {
    let world = World::new(realm_with(|realm| {
        let other = client("other", oidc());
        realm
            .clients
            .insert(other.id.clone(), std::sync::Arc::new(other));
    }))
    .await;
    world.person("olena@example.com").await;
    let response = Browser::default()
        .log_in(&world, &request("demo", &[]))
        .await;
    let code = code(&response);
    assert_eq!(refusal(world.redeem("other", &code).await), "invalid_grant");
    world.redeem("demo", &code).await.unwrap();
}

/// KC-TK-04, KC-TK-05: rotation, the same successor for a retry, the end for a later reuse.
#[tokio::test]
async fn refresh_rotates_and_reuse_ends_the_family() {
    let world = world().await;
    let tokens = logged_in(&world).await;
    let first = field(&tokens, "refresh_token").to_owned();
    let id = claims(field(&tokens, "id_token"));
    world.advance(Duration::from_secs(5));
    let second = world.refresh("demo", &first).await.unwrap();
    let successor = field(&second, "refresh_token").to_owned();
    assert_ne!(successor, first);
    let refreshed = claims(field(&second, "id_token"));
    for same in ["sub", "sid", "auth_time", "acr"] {
        assert_eq!(refreshed[same], id[same], "{same}");
    }
    assert!(refreshed.get("nonce").is_none());
    // The answer was lost: the same client tries again.
    world.advance(Duration::from_secs(5));
    let retry = world.refresh("demo", &first).await.unwrap();
    assert_eq!(field(&retry, "refresh_token"), successor);
    let third = world.refresh("demo", &successor).await.unwrap();
    // Too late for a retry: somebody else has it.
    world.advance(Duration::from_secs(11));
    assert_eq!(
        refusal(world.refresh("demo", &first).await),
        "invalid_grant"
    );
    assert_eq!(
        refusal(world.refresh("demo", field(&third, "refresh_token")).await),
        "invalid_grant"
    );
    let access = field(&third, "access_token");
    assert_eq!(refusal(world.userinfo(access).await), "invalid_token");
}

/// A reuse interval of 0 allows no retry (FAPI).
#[tokio::test]
async fn without_a_reuse_interval_every_reuse_ends_the_family() {
    let world = World::new(realm_with(|realm| {
        edit_oidc(realm, "demo", |oidc| {
            oidc.refresh.reuse_interval = realmwright_snapshot::Period::ZERO;
        });
    }))
    .await;
    world.person("olena@example.com").await;
    let tokens = logged_in(&world).await;
    let first = field(&tokens, "refresh_token");
    let second = world.refresh("demo", first).await.unwrap();
    assert_eq!(refusal(world.refresh("demo", first).await), "invalid_grant");
    let successor = field(&second, "refresh_token");
    assert_eq!(
        refusal(world.refresh("demo", successor).await),
        "invalid_grant"
    );
}

/// Racers with one refresh token get one successor.
#[tokio::test]
async fn racers_get_one_successor() {
    let world = world().await;
    let tokens = logged_in(&world).await;
    let first = field(&tokens, "refresh_token");
    let racers = (0..8).map(|_| world.refresh("demo", first));
    let answers = futures::future::join_all(racers).await;
    let successors: BTreeSet<String> = answers
        .into_iter()
        .map(|answer| field(&answer.unwrap(), "refresh_token").to_owned())
        .collect();
    assert_eq!(successors.len(), 1);
}

/// KC-LT-02: idleness and the family's life.
#[tokio::test]
async fn refresh_tokens_end_by_idleness() {
    let world = world().await;
    let tokens = logged_in(&world).await;
    world.advance(Duration::from_secs(1801));
    assert_eq!(
        refusal(world.refresh("demo", field(&tokens, "refresh_token")).await),
        "invalid_grant"
    );
}

/// KC-TK-07: whoever works in an application is not idle; the session's age is the end.
#[tokio::test]
async fn refreshing_keeps_the_session_alive_up_to_its_age() {
    let world = world().await;
    let mut browser = Browser::default();
    let first = browser.log_in(&world, &request("demo", &[])).await;
    let mut tokens = world.redeem("demo", &code(&first)).await.unwrap();
    for _ in 0..23 {
        world.advance(Duration::from_secs(1500));
        let token = field(&tokens, "refresh_token").to_owned();
        tokens = world.refresh("demo", &token).await.unwrap();
    }
    let silent = request("demo", &[("prompt", "none")]);
    code(&response(browser.authorize(&world, &silent).await));
    world.advance(Duration::from_secs(1600));
    let token = field(&tokens, "refresh_token");
    assert_eq!(refusal(world.refresh("demo", token).await), "invalid_grant");
}

/// RFC 6749 section 6.
#[tokio::test]
async fn refresh_narrows_and_never_widens() {
    let world = world().await;
    let tokens = logged_in(&world).await;
    let token = field(&tokens, "refresh_token");
    let form =
        |scope: &str| format!("grant_type=refresh_token&refresh_token={token}&scope={scope}");
    let wider = world
        .token("demo", &form("openid+realmwright%3Aaccounts"))
        .await;
    assert_eq!(refusal(wider), "invalid_scope");
    let narrow = world.token("demo", &form("openid")).await.unwrap();
    assert_eq!(narrow.body["scope"], "openid");
    let info = world
        .userinfo(field(&narrow, "access_token"))
        .await
        .unwrap();
    assert!(info.body.get("email").is_none());
}

/// RFC 6749 section 6: what is not asked for is not there, also of the scopes that tokens never
/// name.
#[tokio::test]
async fn a_narrowed_token_has_no_silent_scope_that_was_not_asked_for() {
    for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
        let world = World::new(realm_with(|realm| {
            let (name, mut silent) = scope("phone", vec![attribute_claim("phone")]);
            silent.in_token = false;
            realm.scopes.insert(name, silent);
            edit_oidc(realm, "demo", |oidc| {
                oidc.access_token_format = format;
                oidc.scopes.allowed.insert("phone".into());
            });
        }))
        .await;
        let sub = world.person("olena@example.com").await;
        let by = crate::accounts::AccountsCaller::process();
        let change = crate::accounts::AccountChange {
            attributes: [("phone".to_owned(), json!("+380441112233"))].into(),
            ..Default::default()
        };
        world
            .engine
            .change_account(&world.realm, &by, &sub, change)
            .await
            .unwrap();
        let asked = request("demo", &[("scope", "openid email phone")]);
        let issued = Browser::default().log_in(&world, &asked).await;
        let mut tokens = world.redeem("demo", &code(&issued)).await.unwrap();
        for (scope, named, email, phone) in [
            ("", "openid email", true, true),
            ("openid+email", "openid email", true, false),
            ("openid+phone", "openid", false, true),
            ("", "openid email", true, true),
        ] {
            let token = field(&tokens, "refresh_token").to_owned();
            let form = format!("grant_type=refresh_token&refresh_token={token}&scope={scope}");
            tokens = world.token("demo", &form).await.unwrap();
            assert_eq!(tokens.body["scope"], named, "{scope}");
            let access = field(&tokens, "access_token");
            let info = world.userinfo(access).await.unwrap().body;
            let has = |name: &str| info.get(name).is_some();
            assert_eq!((has("email"), has("phone")), (email, phone), "{scope}");
            // How the token says so is ours alone.
            let state = world.introspect("demo", access).await;
            assert!(state.get("scope_positions").is_none());
        }
    }
}

/// OIDC-22: offline grants outlive the session.
#[tokio::test]
async fn an_offline_grant_outlives_its_session() {
    for (offline, expected) in [(false, "invalid_grant"), (true, "")] {
        let world = World::new(realm_with(|realm| {
            edit_oidc(realm, "demo", |oidc| oidc.refresh.offline = offline);
        }))
        .await;
        let sub = world.person("olena@example.com").await;
        let tokens = logged_in(&world).await;
        let sessions = world
            .engine
            .account_sessions(&world.realm, &sub)
            .await
            .unwrap();
        let by = crate::accounts::AccountsCaller::process();
        world
            .engine
            .end_account_sessions(&world.realm, &by, &sub, Some(&sessions[0].id))
            .await
            .unwrap();
        let result = world.refresh("demo", field(&tokens, "refresh_token")).await;
        match expected {
            "" => assert!(result.is_ok()),
            expected => assert_eq!(refusal(result), expected),
        }
    }
}

/// A locked person's tokens end at once.
#[tokio::test]
async fn locking_ends_every_token() {
    let world = world().await;
    let tokens = logged_in(&world).await;
    let sub = claims(field(&tokens, "id_token"))["sub"]
        .as_str()
        .unwrap()
        .to_owned();
    let by = crate::accounts::AccountsCaller::process();
    let lock = crate::accounts::AccountChange {
        state: Some(crate::accounts::AccountState::Locked),
        ..Default::default()
    };
    world
        .engine
        .change_account(&world.realm, &by, &sub, lock)
        .await
        .unwrap();
    let access = field(&tokens, "access_token");
    assert_eq!(refusal(world.userinfo(access).await), "invalid_token");
    assert_eq!(
        refusal(world.refresh("demo", field(&tokens, "refresh_token")).await),
        "invalid_grant"
    );
}

/// APP-06: one subject in a domain, unrelated ones in two, the same in every answer.
#[tokio::test]
async fn pairwise_subjects_are_equal_within_a_domain() {
    let world = World::new(realm_with(|realm| {
        for (id, domain) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
            let mut client = client(id, oidc());
            client.privacy_domain = Some(domain.into());
            realm
                .clients
                .insert(client.id.clone(), std::sync::Arc::new(client));
        }
    }))
    .await;
    let sub = world.person("olena@example.com").await;
    let mut seen = Vec::new();
    for id in ["a1", "a2", "b1", "demo"] {
        let response = Browser::default().log_in(&world, &request(id, &[])).await;
        let tokens = world.redeem(id, &code(&response)).await.unwrap();
        let access = field(&tokens, "access_token");
        let released = claims(field(&tokens, "id_token"))["sub"].clone();
        assert_eq!(claims(access)["sub"], released);
        assert_eq!(world.userinfo(access).await.unwrap().body["sub"], released);
        assert_eq!(world.introspect(id, access).await["sub"], released);
        let released = released.as_str().unwrap().to_owned();
        assert_eq!(
            world
                .engine
                .resolve_subject(&world.realm, id, &released)
                .unwrap(),
            sub
        );
        seen.push(released);
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
    assert_eq!(seen[3], sub);
    assert!(!seen[0].contains(&sub) && !seen[2].contains(&sub));
    assert!(
        world
            .engine
            .resolve_subject(&world.realm, "b1", &seen[0])
            .is_err()
    );
}

/// OIDC-25: opaque tokens, and their end.
#[tokio::test]
async fn opaque_tokens_are_references() {
    let world = opaque_world().await;
    let tokens = logged_in(&world).await;
    let access = field(&tokens, "access_token");
    assert!(!access.contains('.'));
    let info = world.userinfo(access).await.unwrap();
    assert_eq!(info.body["email"], "olena@example.com");
    let state = world.introspect("demo", access).await;
    assert_eq!(state["active"], true);
    assert_eq!(state["scope"], "openid profile email");
    world.advance(Duration::from_secs(301));
    assert_eq!(refusal(world.userinfo(access).await), "invalid_token");
}

/// RFC 7009.
#[tokio::test]
async fn revocation_ends_a_token_of_its_own_client() {
    for world in [world().await, opaque_world().await] {
        let tokens = logged_in(&world).await;
        let access = field(&tokens, "access_token").to_owned();
        let revoke = async |client: &str, token: &str| world.revoke(client, token).await;
        world.userinfo(&access).await.unwrap();
        revoke("demo", &access).await.unwrap();
        assert_eq!(refusal(world.userinfo(&access).await), "invalid_token");
        let refresh = field(&tokens, "refresh_token");
        let next = world.refresh("demo", refresh).await.unwrap();
        revoke("demo", field(&next, "refresh_token")).await.unwrap();
        let ended = world.refresh("demo", field(&next, "refresh_token")).await;
        assert_eq!(refusal(ended), "invalid_grant");
        assert_eq!(
            refusal(world.userinfo(field(&next, "access_token")).await),
            "invalid_token"
        );
        // Section 2.2: there is nothing to tell about what is no token.
        for nothing in ["never-was-a-token", &access, "a.b.c"] {
            revoke("demo", nothing).await.unwrap();
        }
    }
}

/// A revoked token stays so up to its last second, on every clock.
#[tokio::test]
async fn a_revocation_outlives_its_token() {
    let world = world().await;
    let tokens = logged_in(&world).await;
    let access = field(&tokens, "access_token");
    world.revoke("demo", access).await.unwrap();
    world.clock.advance(Duration::from_secs(298));
    world.put_database_ahead(SignedDuration::from_secs(5));
    world.store.sweep(100).await.unwrap();
    assert_eq!(refusal(world.userinfo(access).await), "invalid_token");
}

/// RFC 7009 section 2.1: a token of another client is refused, said so, and left alone.
#[tokio::test]
async fn a_token_of_another_client_is_not_revoked() {
    for world in [world().await, opaque_world().await] {
        let tokens = logged_in(&world).await;
        let (access, refresh) = (
            field(&tokens, "access_token"),
            field(&tokens, "refresh_token"),
        );
        for token in [access, refresh] {
            let refused = world.revoke("service", token).await;
            assert_eq!(refusal(refused), "invalid_grant");
        }
        world.userinfo(access).await.unwrap();
        let next = world.refresh("demo", refresh).await.unwrap();
        // Neither does the answer tell a live refresh token from a used or an ended one.
        assert_eq!(
            refusal(world.revoke("service", refresh).await),
            "invalid_grant"
        );
        let last = field(&next, "refresh_token");
        world.revoke("demo", last).await.unwrap();
        assert_eq!(
            refusal(world.revoke("service", last).await),
            "invalid_grant"
        );
    }
}

/// KC-TK-08: no write in the request; the audit is batched.
#[tokio::test]
async fn client_credentials_by_secret_write_nothing() {
    let world = world().await;
    let before = world.events().await.len();
    let answer = world
        .token(
            "service",
            "grant_type=client_credentials&scope=realmwright%3Aaccounts",
        )
        .await
        .unwrap();
    assert!(answer.body.get("refresh_token").is_none());
    assert!(answer.body.get("id_token").is_none());
    let token = claims(field(&answer, "access_token"));
    assert_eq!(token["sub"], "service");
    assert_eq!(token["scope"], "realmwright:accounts");
    for absent in ["sid", "auth_time", "grant_id", "nonce"] {
        assert!(token.get(absent).is_none(), "{absent}");
    }
    assert_eq!(world.events().await.len(), before);
    assert_eq!(world.batch.0.lock().unwrap().len(), 2);
    assert_eq!(
        refusal(world.userinfo(field(&answer, "access_token")).await),
        "insufficient_scope"
    );
    assert_eq!(
        world
            .introspect("demo", field(&answer, "access_token"))
            .await["active"],
        true
    );
}

/// OIDC-57, OIDC-14, OIDC-15, OIDC-19.
#[tokio::test]
async fn scopes_and_grants_stay_within_what_is_allowed() {
    let world = world().await;
    let none = world
        .token("service", "grant_type=client_credentials")
        .await;
    assert_eq!(refusal(none), "invalid_scope");
    let person = world
        .token("service", "grant_type=client_credentials&scope=email")
        .await;
    assert_eq!(refusal(person), "invalid_scope");
    let grant = world
        .token("demo", "grant_type=client_credentials&scope=email")
        .await;
    assert_eq!(refusal(grant), "unauthorized_client");
    let unknown = world.token("demo", "grant_type=password").await;
    assert_eq!(refusal(unknown), "unsupported_grant_type");
}

/// OIDC-10, OIDC-18, KC-TK-11: one answer for an unknown client, a wrong secret and a wrong way.
#[tokio::test]
async fn client_authentication_fails_alike() {
    let world = world().await;
    let cases = [
        (
            Some(basic("demo", "wrong-secret-of-enough-letters")),
            String::new(),
        ),
        (Some(basic("nobody", CLIENT_SECRET)), String::new()),
        (None, "&client_id=demo".to_owned()),
        (
            None,
            format!("&client_id=service&client_secret={CLIENT_SECRET}"),
        ),
    ];
    for (authorization, more) in cases {
        let form = format!("grant_type=authorization_code&code=x{more}");
        let call = BackChannelCall {
            form: &form,
            authorization: authorization.as_deref(),
        };
        let fault = world
            .engine
            .token(&world.context(), call)
            .await
            .unwrap_err();
        let CallFault::OAuth(error) = fault else {
            panic!("{fault:?}");
        };
        assert_eq!((error.status, error.error), (401, "invalid_client"));
    }
}

/// Tokens of a client that the realm has lost are dead.
#[tokio::test]
async fn a_client_that_is_gone_takes_its_tokens_along() {
    let mut world = world().await;
    let tokens = logged_in(&world).await;
    world.serve(realm_with(|realm| {
        realm.clients.remove("demo");
    }));
    let access = field(&tokens, "access_token");
    assert_eq!(refusal(world.userinfo(access).await), "invalid_token");
    assert_eq!(world.introspect("service", access).await["active"], false);
    let gone = world.refresh("demo", field(&tokens, "refresh_token")).await;
    assert_eq!(refusal(gone), "invalid_client");
}

/// A client that does not refresh gets no refresh token.
#[tokio::test]
async fn without_the_grant_there_is_no_refresh_token() {
    let world = World::new(realm_with(|realm| {
        edit_oidc(realm, "demo", |oidc| {
            oidc.grant_types = [GrantType::AuthorizationCode].into();
        });
    }))
    .await;
    world.person("olena@example.com").await;
    let tokens = logged_in(&world).await;
    assert!(tokens.body.get("refresh_token").is_none());
}

/// Whoever loses the race for a successor gets an access token that lives all the same.
#[tokio::test]
async fn racers_get_access_tokens_that_live() {
    let world = opaque_world().await;
    let tokens = logged_in(&world).await;
    let first = field(&tokens, "refresh_token");
    let racers = (0..8).map(|_| world.refresh("demo", first));
    for answer in futures::future::join_all(racers).await {
        let answer = answer.unwrap();
        assert!(world.userinfo(field(&answer, "access_token")).await.is_ok());
    }
}
