//! Two secrets of one client, through a rotation that its owner leads (OIDC-11).

use realmwright_snapshot::{ClientAuthentication, RealmSnapshot};

use super::actors::*;
use super::fixture::*;
use crate::{BackChannelCall, CallFault, JsonAnswer};

#[derive(Clone, Copy, Debug)]
enum Endpoint {
    Token,
    Introspection,
    Revocation,
}

const ENDPOINTS: [Endpoint; 3] = [
    Endpoint::Token,
    Endpoint::Introspection,
    Endpoint::Revocation,
];

fn rotating(additional: Option<&str>) -> RealmSnapshot {
    realm_with(|realm| {
        edit_oidc(realm, "demo", |oidc| {
            let ClientAuthentication::Secret { additional: of, .. } = &mut oidc.authentication
            else {
                unreachable!("the client has a secret");
            };
            *of = additional.map(Into::into);
        });
    })
}

async fn call(world: &World, endpoint: Endpoint, secret: &str) -> Result<JsonAnswer, CallFault> {
    let authorization = basic("demo", secret);
    let call = |form| BackChannelCall {
        form,
        authorization: Some(&authorization),
    };
    let cx = world.context();
    match endpoint {
        Endpoint::Token => {
            let form = "grant_type=refresh_token&refresh_token=unknown";
            world.engine.token(&cx, call(form)).await
        }
        Endpoint::Introspection => world.engine.introspect(&cx, call("token=unknown")).await,
        Endpoint::Revocation => world.engine.revoke(&cx, call("token=unknown")).await,
    }
}

/// Whether the client was let in, whatever came of the call.
async fn lets_in(world: &World, endpoint: Endpoint, secret: &str) -> bool {
    match call(world, endpoint, secret).await {
        Ok(_) => true,
        Err(CallFault::OAuth(error)) => error.error != "invalid_client",
        Err(fault) => panic!("{endpoint:?}: {fault:?}"),
    }
}

#[tokio::test]
async fn both_secrets_authenticate_wherever_a_client_does() {
    let world = World::new(rotating(Some("demo-next"))).await;
    for endpoint in ENDPOINTS {
        for (secret, accepted) in [
            (CLIENT_SECRET, true),
            (NEXT_CLIENT_SECRET, true),
            ("a-third-secret-of-more-than-128-bits", false),
            ("", false),
        ] {
            let found = lets_in(&world, endpoint, secret).await;
            assert_eq!(found, accepted, "{endpoint:?} {secret}");
        }
    }
}

/// The whole way: one, both, the other alone.
#[tokio::test]
async fn a_secret_that_is_taken_away_is_refused_at_once() {
    let mut world = World::new(rotating(None)).await;
    let accepted = async |world: &World| {
        (
            lets_in(world, Endpoint::Token, CLIENT_SECRET).await,
            lets_in(world, Endpoint::Token, NEXT_CLIENT_SECRET).await,
        )
    };
    assert_eq!(accepted(&world).await, (true, false));
    world.serve(rotating(Some("demo-next")));
    assert_eq!(accepted(&world).await, (true, true));
    world.serve(realm_with(|realm| {
        edit_oidc(realm, "demo", |oidc| {
            if let ClientAuthentication::Secret { secret, .. } = &mut oidc.authentication {
                *secret = "demo-next".into();
            }
        });
    }));
    assert_eq!(accepted(&world).await, (false, true));
    world.serve(rotating(None));
    assert_eq!(accepted(&world).await, (true, false));
}
