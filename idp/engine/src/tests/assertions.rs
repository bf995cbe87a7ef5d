//! Client assertions, RFC 7523: once, in their time, and without calls that anybody could cause.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::SignedDuration;
use realmwright_keys::{Generate as _, PublicJwk, Purpose, SystemGenerator};
use realmwright_protocol::jose::{SigningKey, TokenType};
use realmwright_snapshot::{AssertionKeys, ClientAuthentication, SigningAlgorithm};
use realmwright_store::Maintenance as _;
use serde_json::{Value, json};

use super::actors::*;
use super::fixture::*;
use crate::{BackChannelCall, CallFault, JsonAnswer, Observation};

const ISSUER: &str = "https://id.example.com/quickstart";
const JWKS: &str = "https://service.example.com/jwks";

/// The application `service` with a key of its own.
struct Signer {
    key: SigningKey,
    jwks: Value,
}

impl Signer {
    fn new() -> Self {
        let alg = SigningAlgorithm::ES256;
        let made = SystemGenerator::default()
            .key(Purpose::Sign { alg })
            .unwrap();
        let jwk = PublicJwk::of_private_key(&made.kid, alg, &made.material).unwrap();
        Self {
            key: SigningKey::from_pkcs8(made.kid.as_str(), alg, made.material.expose()).unwrap(),
            jwks: json!({ "keys": [jwk] }),
        }
    }

    /// A world in which `service` authenticates with keys that are found so.
    async fn world(&self, keys: AssertionKeys) -> World {
        let world = World::new(realm_with(|realm| {
            edit_oidc(realm, "service", |oidc| {
                oidc.authentication = ClientAuthentication::PrivateKeyJwt(keys);
            });
        }))
        .await;
        self.publish(&world);
        world
    }

    async fn published(&self) -> World {
        self.world(AssertionKeys::JwksUri(JWKS.parse().unwrap()))
            .await
    }

    fn publish(&self, world: &World) {
        let document = serde_json::to_vec(&self.jwks).unwrap();
        let mut documents = world.documents.by_address.lock().unwrap();
        documents.insert(JWKS.into(), document);
    }

    /// An assertion that lives for a minute.
    fn assertion(&self, world: &World, jti: &str, aud: &str) -> String {
        let now = world.clock_now().as_second();
        let claims = json!({"iss": "service", "sub": "service", "aud": aud, "jti": jti,
            "iat": now, "exp": now + 60});
        self.key.sign(TokenType::IdToken, &claims).unwrap()
    }
}

async fn ask(world: &World, assertion: &str) -> Result<JsonAnswer, CallFault> {
    let form = format!(
        "grant_type=client_credentials&scope=realmwright%3Aaccounts&client_assertion={assertion}\
         &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    );
    let call = BackChannelCall {
        form: &form,
        authorization: None,
    };
    world.engine.token(&world.context(), call).await
}

fn fetches(world: &World) -> u32 {
    world.documents.asked.load(Ordering::SeqCst)
}

/// RFC 7523: a signed assertion authenticates once, for us and in its time.
#[tokio::test]
async fn an_assertion_authenticates_once() {
    let signer = Signer::new();
    let keys = [
        AssertionKeys::Jwks(signer.jwks.clone()),
        AssertionKeys::JwksUri(JWKS.parse().unwrap()),
    ];
    for keys in keys {
        let world = signer.world(keys).await;
        let first = signer.assertion(&world, "a-1", ISSUER);
        ask(&world, &first).await.unwrap();
        assert_eq!(refusal(ask(&world, &first).await), "invalid_client");
        let second = signer.assertion(&world, "a-2", ISSUER);
        ask(&world, &second).await.unwrap();
        let elsewhere = signer.assertion(&world, "a-3", "https://other.example.com");
        assert_eq!(refusal(ask(&world, &elsewhere).await), "invalid_client");
        let late = signer.assertion(&world, "a-4", ISSUER);
        world.advance(Duration::from_secs(120));
        assert_eq!(refusal(ask(&world, &late).await), "invalid_client");
    }
}

/// RFC 7523 section 3: the database clock forgets a `jti`, the process's clock admits the
/// assertion. A ready process may be five seconds behind the database.
#[tokio::test]
async fn a_jti_outlives_its_assertion_on_every_clock() {
    let signer = Signer::new();
    let world = signer.published().await;
    let assertion = signer.assertion(&world, "a-1", ISSUER);
    ask(&world, &assertion).await.unwrap();
    // Its last second with 30 s of leeway here; over in the database.
    world.clock.advance(Duration::from_secs(88));
    world.put_database_ahead(SignedDuration::from_secs(5));
    world.store.sweep(100).await.unwrap();
    assert_eq!(refusal(ask(&world, &assertion).await), "invalid_client");
}

/// The audit of a replay says that it was refused, and nothing else.
#[tokio::test]
async fn a_replayed_assertion_is_audited_as_refused() {
    let signer = Signer::new();
    let world = signer.published().await;
    let assertion = signer.assertion(&world, "a-1", ISSUER);
    ask(&world, &assertion).await.unwrap();
    let granted = world.batch.0.lock().unwrap().len();
    assert_eq!(refusal(ask(&world, &assertion).await), "invalid_client");
    assert_eq!(world.batch.0.lock().unwrap().len(), granted);
    assert_eq!(world.events().await, ["assertion_replayed"]);
    let observed = world.observed.0.lock().unwrap();
    assert!(observed.contains(&Observation::ReuseDetected));
    assert!(observed.contains(&Observation::TokensRefused("invalid_client")));
}

/// Each way in which an assertion fails has its name inside; outside they are one.
#[tokio::test]
async fn a_refused_assertion_is_audited_with_its_reason() {
    let signer = Signer::new();
    let world = signer.published().await;
    let elsewhere = signer.assertion(&world, "a-1", "https://other.example.com");
    let forged = Signer::new().assertion(&world, "a-2", ISSUER);
    let late = signer.assertion(&world, "a-3", ISSUER);
    world.advance(Duration::from_secs(120));
    for assertion in [elsewhere, forged, late] {
        assert_eq!(refusal(ask(&world, &assertion).await), "invalid_client");
    }
    world.documents.by_address.lock().unwrap().clear();
    world.advance(Duration::from_secs(700));
    let unreadable = signer.assertion(&world, "a-4", ISSUER);
    assert_eq!(refusal(ask(&world, &unreadable).await), "invalid_client");
    let events = world.logged("client_auth_failed").await;
    let told: BTreeSet<&str> = events
        .iter()
        .inspect(|event| assert_eq!(event["client_auth_method"], "private_key_jwt"))
        .filter_map(|event| event["error"].as_str())
        .collect();
    let reasons = [
        "assertion_audience",
        "assertion_expired",
        "assertion_keys",
        "assertion_signature",
    ];
    assert_eq!(told, BTreeSet::from(reasons));
}

/// Anybody may send an assertion: an unknown `kid` calls the application's server no more than
/// once in a while.
#[tokio::test]
async fn unknown_kids_do_not_fetch_again_and_again() {
    let signer = Signer::new();
    let world = signer.published().await;
    let assertion = signer.assertion(&world, "a-1", ISSUER);
    ask(&world, &assertion).await.unwrap();
    assert_eq!(fetches(&world), 1);
    let stranger = Signer::new();
    for round in 2..=3 {
        world.advance(Duration::from_secs(31));
        for number in 0..5 {
            let forged = stranger.assertion(&world, &format!("f-{number}"), ISSUER);
            assert_eq!(refusal(ask(&world, &forged).await), "invalid_client");
        }
        assert_eq!(fetches(&world), round);
    }
    // A key that was changed is known after that while.
    stranger.publish(&world);
    world.advance(Duration::from_secs(31));
    let fresh = stranger.assertion(&world, "a-2", ISSUER);
    ask(&world, &fresh).await.unwrap();
}

/// A server that does not answer is not called by every request either, and is found again soon.
#[tokio::test]
async fn a_server_that_does_not_answer_is_left_alone_for_a_moment() {
    let signer = Signer::new();
    let world = signer.published().await;
    world.documents.by_address.lock().unwrap().clear();
    for number in 0..5 {
        let assertion = signer.assertion(&world, &format!("a-{number}"), ISSUER);
        assert_eq!(refusal(ask(&world, &assertion).await), "invalid_client");
    }
    assert_eq!(fetches(&world), 1);
    signer.publish(&world);
    world.advance(Duration::from_secs(6));
    let assertion = signer.assertion(&world, "b-1", ISSUER);
    ask(&world, &assertion).await.unwrap();
    assert_eq!(fetches(&world), 2);
    // Known keys serve on while the server is away, and no longer than they may.
    world.documents.by_address.lock().unwrap().clear();
    world.advance(Duration::from_secs(590));
    let known = signer.assertion(&world, "b-2", ISSUER);
    ask(&world, &known).await.unwrap();
    world.advance(Duration::from_secs(11));
    let old = signer.assertion(&world, "b-3", ISSUER);
    assert_eq!(refusal(ask(&world, &old).await), "invalid_client");
}

/// Whoever comes while a set is fetched waits for that one.
#[tokio::test]
async fn calls_at_once_fetch_once() {
    let signer = Signer::new();
    let world = signer.published().await;
    let assertions: Vec<String> = (0..8)
        .map(|number| signer.assertion(&world, &format!("a-{number}"), ISSUER))
        .collect();
    let calls = assertions.iter().map(|assertion| ask(&world, assertion));
    for answer in futures::future::join_all(calls).await {
        answer.unwrap();
    }
    assert_eq!(fetches(&world), 1);
}

/// A caller that hangs up while a set is fetched does not begin a second fetch for the next one.
#[tokio::test]
async fn a_fetch_outlives_the_caller_that_began_it() {
    let signer = Signer::new();
    let world = signer.published().await;
    let assertion = signer.assertion(&world, "a-1", ISSUER);
    {
        let mut call = Box::pin(ask(&world, &assertion));
        // Until the fetch has begun: then the caller goes away.
        while fetches(&world) == 0 {
            assert!(futures::poll!(call.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
    }
    ask(&world, &assertion).await.unwrap();
    assert_eq!(fetches(&world), 1);
}
