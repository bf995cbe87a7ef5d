//! Callers that do not prove who they are: told nothing, and seen (OIDC-10, OIDC-18).

use std::time::Duration;

use serde_json::Value;

use super::actors::*;
use super::fixture::*;
use crate::{BackChannelCall, Observation};

const FORM: &str = "grant_type=refresh_token&refresh_token=unknown";

async fn refused(world: &World, authorization: Option<&str>, form: &str) {
    let call = BackChannelCall {
        form,
        authorization,
    };
    let answer = world.engine.token(&world.context(), call).await;
    assert_eq!(refusal(answer), "invalid_client");
}

async fn with_secret(world: &World, client: &str, secret: &str) {
    refused(world, Some(&basic(client, secret)), FORM).await;
}

fn counted(world: &World, reason: &'static str) -> usize {
    let observed = world.observed.0.lock().unwrap();
    let wanted = Observation::CallerRefused(reason);
    observed.iter().filter(|seen| **seen == wanted).count()
}

fn told(event: &Value, name: &str) -> String {
    event[name].to_string()
}

#[tokio::test]
async fn a_wrong_secret_is_audited_with_its_reason_and_without_itself() {
    let world = World::new(realm()).await;
    with_secret(&world, "demo", "guessed-secret-guessed-secret").await;
    assert_eq!(world.events().await, ["client_auth_failed"]);
    let [event] = &world.logged("client_auth_failed").await[..] else {
        panic!("one event");
    };
    assert_eq!(told(event, "lp_id"), "\"demo\"");
    assert_eq!(told(event, "error"), "\"wrong_secret\"");
    assert_eq!(told(event, "client_auth_method"), "\"Basic\"");
    assert_eq!(told(event, "times"), "1");
    assert!(!event.to_string().contains("guessed"));
    assert_eq!(counted(&world, "wrong_secret"), 1);
    let observed = world.observed.0.lock().unwrap();
    assert!(observed.contains(&Observation::TokensRefused("invalid_client")));
}

/// Whoever knows the name of an application can fail in it as often as they like: the database
/// gets one row a minute, which says how many there were.
#[tokio::test]
async fn a_flood_of_wrong_secrets_writes_one_event_a_minute() {
    let world = World::new(realm()).await;
    for _ in 0..50 {
        with_secret(&world, "demo", "guessed-secret-guessed-secret").await;
    }
    assert_eq!(world.logged("client_auth_failed").await.len(), 1);
    assert_eq!(counted(&world, "wrong_secret"), 50);
    // Another application and another reason are events of their own.
    with_secret(&world, "service", "guessed-secret-guessed-secret").await;
    refused(&world, None, &format!("{FORM}&client_id=demo")).await;
    assert_eq!(counted(&world, "wrong_method"), 1);
    assert_eq!(world.logged("client_auth_failed").await.len(), 3);
    world.advance(Duration::from_secs(61));
    with_secret(&world, "demo", "guessed-secret-guessed-secret").await;
    let events = world.logged("client_auth_failed").await;
    assert_eq!(events.len(), 4);
    assert_eq!(
        events.iter().filter(|event| event["times"] == 50).count(),
        1
    );
}

#[tokio::test]
async fn who_names_no_application_writes_nothing() {
    let world = World::new(realm()).await;
    for number in 0..5 {
        with_secret(&world, &format!("nobody-{number}"), "a-secret").await;
    }
    refused(&world, Some("Basic !!!"), FORM).await;
    refused(&world, None, FORM).await;
    assert_eq!(world.events().await, Vec::<String>::new());
    assert_eq!(counted(&world, "unknown_client"), 5);
    assert_eq!(counted(&world, "unnamed"), 2);
}

#[tokio::test]
async fn who_proves_who_it_is_is_no_such_event() {
    let world = World::new(realm()).await;
    let form = "grant_type=client_credentials&scope=realmwright%3Aaccounts";
    world.token("service", form).await.unwrap();
    let events = world.events().await;
    assert!(
        !events.contains(&"client_auth_failed".to_owned()),
        "{events:?}"
    );
}
