//! Codes and refresh tokens that come a second time, late.

use std::time::Duration;

use super::actors::*;
use super::fixture::*;
use crate::Observation;

async fn world() -> World {
    let world = World::new(realm()).await;
    world.person("olena@example.com").await;
    world
}

fn noticed(world: &World) -> bool {
    let observed = world.observed.0.lock().unwrap();
    observed.contains(&Observation::ReuseDetected)
}

/// RFC 9700 section 4.14.2: a rotated token is known for as long as its family lives, also when it
/// would have expired by itself long ago.
#[tokio::test]
async fn a_rotated_token_is_remembered_as_long_as_its_family() {
    let world = world().await;
    let issued = Browser::default()
        .log_in(&world, &request("demo", &[]))
        .await;
    let mut tokens = world.redeem("demo", &code(&issued)).await.unwrap();
    let stolen = field(&tokens, "refresh_token").to_owned();
    for _ in 0..4 {
        world.advance(Duration::from_secs(1500));
        let token = field(&tokens, "refresh_token").to_owned();
        tokens = world.refresh("demo", &token).await.unwrap();
    }
    assert_eq!(
        refusal(world.refresh("demo", &stolen).await),
        "invalid_grant"
    );
    assert!(noticed(&world));
    let last = field(&tokens, "refresh_token");
    assert_eq!(refusal(world.refresh("demo", last).await), "invalid_grant");
    let access = field(&tokens, "access_token");
    assert_eq!(refusal(world.userinfo(access).await), "invalid_token");
}

/// RFC 6749 section 4.1.2: the same for a code, which lives for a minute.
#[tokio::test]
async fn a_redeemed_code_is_remembered_as_long_as_its_tokens() {
    let world = world().await;
    let issued = Browser::default()
        .log_in(&world, &request("demo", &[]))
        .await;
    let code = code(&issued);
    let tokens = world.redeem("demo", &code).await.unwrap();
    world.advance(Duration::from_secs(1500));
    assert_eq!(refusal(world.redeem("demo", &code).await), "invalid_grant");
    assert!(noticed(&world));
    let refresh = field(&tokens, "refresh_token");
    assert_eq!(
        refusal(world.refresh("demo", refresh).await),
        "invalid_grant"
    );
}

/// RFC 7636: who has a code of a log file, and not its verifier, ends nobody's tokens with it.
#[tokio::test]
async fn a_code_without_its_verifier_ends_nothing() {
    let world = world().await;
    let issued = Browser::default()
        .log_in(&world, &request("demo", &[]))
        .await;
    let code = code(&issued);
    let tokens = world.redeem("demo", &code).await.unwrap();
    let form = format!(
        "grant_type=authorization_code&code={code}\
         &redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback\
         &code_verifier=another-verifier-of-enough-letters-for-rfc-7636"
    );
    assert_eq!(refusal(world.token("demo", &form).await), "invalid_grant");
    assert!(!noticed(&world));
    world
        .refresh("demo", field(&tokens, "refresh_token"))
        .await
        .unwrap();
}
