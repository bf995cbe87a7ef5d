//! One browser has one session, however its tabs come to it.

use realmwright_snapshot::{FlowRule, FlowSnapshot, MethodSelection, Outcome};
use realmwright_store::{SessionRow, Sessions as _, SubjectId};
use secrecy::ExposeSecret as _;

use super::actors::*;
use super::fixture::*;
use crate::{LogoutAnswer, Step};

async fn sessions(world: &World, sub: &str) -> Vec<SessionRow> {
    let sub = SubjectId(sub.to_owned());
    world
        .store
        .sessions_of(world.realm.id(), &sub)
        .await
        .unwrap()
}

async fn log_out(world: &World, browser: &mut Browser) {
    let reply = world
        .engine
        .logout(&world.context(), "client_id=demo", &browser.0)
        .await
        .unwrap();
    let Step::ConfirmLogout(asked) = browser.take(reply) else {
        panic!("not asked");
    };
    let reply = world
        .engine
        .confirm_logout(
            &world.context(),
            &asked.sealed,
            LogoutAnswer::LogOut,
            &browser.0,
        )
        .await
        .unwrap();
    browser.take(reply);
}

/// KC-LO-02: a logout reaches what was begun in the other tab.
#[tokio::test]
async fn two_tabs_come_to_one_session() {
    let world = World::new(realm()).await;
    let sub = world.person("olena@example.com").await;
    let mut browser = Browser::default();
    let one = page(browser.authorize(&world, &request("demo", &[])).await);
    let two = page(browser.authorize(&world, &request("demo", &[])).await);
    let right = password("olena@example.com", PASSWORD);
    let mut refresh_tokens = Vec::new();
    let mut cookies = Vec::new();
    for tab in [&one, &two] {
        let issued = response(browser.answer(&world, tab, right.clone()).await);
        let tokens = world.redeem("demo", &code(&issued)).await.unwrap();
        refresh_tokens.push(field(&tokens, "refresh_token").to_owned());
        cookies.push(browser.0.session.clone().unwrap());
    }
    let live = sessions(&world, &sub).await;
    assert_eq!(live.len(), 1);
    // Proven anew, so the former cookie is dead.
    assert_ne!(cookies[0].expose_secret(), cookies[1].expose_secret());
    let mut thief = Browser(crate::Cookies {
        session: Some(cookies[0].clone()),
        login: None,
    });
    let silent = request("demo", &[("prompt", "none")]);
    let denied = response(thief.authorize(&world, &silent).await);
    assert_eq!(error(&denied), "login_required");
    log_out(&world, &mut browser).await;
    assert!(sessions(&world, &sub).await.is_empty());
    for token in refresh_tokens {
        assert_eq!(
            refusal(world.refresh("demo", &token).await),
            "invalid_grant"
        );
    }
}

/// The cookie of the other tab's person is replaced, so their session ends: nobody could log out
/// of it any more.
#[tokio::test]
async fn a_session_of_somebody_else_ends_when_it_is_replaced() {
    let world = World::new(realm()).await;
    let olena = world.person("olena@example.com").await;
    let other = world.person("other@example.com").await;
    let mut browser = Browser::default();
    let one = page(browser.authorize(&world, &request("demo", &[])).await);
    let two = page(browser.authorize(&world, &request("demo", &[])).await);
    let first = password("olena@example.com", PASSWORD);
    let issued = response(browser.answer(&world, &one, first).await);
    let tokens = world.redeem("demo", &code(&issued)).await.unwrap();
    let second = password("other@example.com", PASSWORD);
    code(&response(browser.answer(&world, &two, second).await));
    assert!(sessions(&world, &olena).await.is_empty());
    assert_eq!(sessions(&world, &other).await.len(), 1);
    let token = field(&tokens, "refresh_token");
    assert_eq!(refusal(world.refresh("demo", token).await), "invalid_grant");
    assert!(world.events().await.contains(&"logout".to_owned()));
}

/// What another tab has proven does not make this login stronger than it was.
#[tokio::test]
async fn a_session_that_is_joined_lends_no_factors() {
    let mut world = World::new(realm_with(|realm| realm.core.required_factors = 2)).await;
    world.person("olena@example.com").await;
    let mut browser = Browser::default();
    let strong = page(browser.authorize(&world, &request("demo", &[])).await);
    world.serve(realm());
    let weak = page(browser.authorize(&world, &request("demo", &[])).await);
    world.serve(realm_with(|realm| realm.core.required_factors = 2));
    let right = password("olena@example.com", PASSWORD);
    let enrolment = page(browser.answer(&world, &strong, right.clone()).await);
    let answer = super::second_factor::app_code_of(&world, &enrolment);
    let shown = page(browser.answer(&world, &enrolment, answer).await);
    let seen = crate::Answer::RecoveryCodesSeen;
    response(browser.answer(&world, &shown, seen).await);
    world.serve(realm());
    let issued = response(browser.answer(&world, &weak, right).await);
    let tokens = world.redeem("demo", &code(&issued)).await.unwrap();
    let id = claims(field(&tokens, "id_token"));
    assert_eq!(id["acr"], "1");
    assert_eq!(id["amr"], serde_json::json!(["pwd"]));
}

/// FLOW-41: a session that the browser was told to forget ends with the login that replaces it.
#[tokio::test]
async fn a_forgotten_session_ends_with_the_login_that_replaces_it() {
    let flow = FlowSnapshot {
        name: "special".into(),
        required_factors: None,
        deny: Vec::new(),
        entry: vec![FlowRule {
            name: "fresh".into(),
            when: Some("'login' in request.prompt".into()),
            then: Outcome::ResetSessionThenMore(MethodSelection::Any),
        }],
        after_step: Vec::new(),
    };
    let world = World::new(realm_with(|realm| {
        realm.core.flow = Some(flow.name.clone());
        realm.flows.insert(flow.name.clone(), flow);
    }))
    .await;
    let sub = world.person("olena@example.com").await;
    let mut browser = Browser::default();
    browser.log_in(&world, &request("demo", &[])).await;
    let before = sessions(&world, &sub).await;
    let anew = request("demo", &[("prompt", "login")]);
    let asked = page(browser.authorize(&world, &anew).await);
    assert!(browser.0.session.is_none());
    // Until then its applications go on.
    assert_eq!(sessions(&world, &sub).await.len(), 1);
    let right = password("olena@example.com", PASSWORD);
    response(browser.answer(&world, &asked, right).await);
    let after = sessions(&world, &sub).await;
    assert_eq!(after.len(), 1);
    assert_ne!(after[0].id, before[0].id);
}
