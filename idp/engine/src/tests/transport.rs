//! Logout, and what is prepared of a realm.

use super::actors::*;
use super::fixture::*;
use crate::{ErrorKind, LogoutAnswer, Step};

async fn logged_in(world: &World) -> (Browser, crate::JsonAnswer) {
    let mut browser = Browser::default();
    let response = browser.log_in(world, &request("demo", &[])).await;
    let tokens = world.redeem("demo", &code(&response)).await.unwrap();
    (browser, tokens)
}

async fn log_out(world: &World, browser: &mut Browser, query: &str) -> Step {
    let reply = world
        .engine
        .logout(&world.context(), query, &browser.0)
        .await
        .unwrap();
    browser.take(reply)
}

/// KC-LO-01, KC-LO-02, OIDC-32: asked, then session and tokens end.
#[tokio::test]
async fn a_logout_is_confirmed_and_ends_session_and_tokens() {
    let world = World::new(realm()).await;
    world.person("olena@example.com").await;
    let (mut browser, tokens) = logged_in(&world).await;
    let query = format!(
        "id_token_hint={}&post_logout_redirect_uri=https%3A%2F%2Fapp.example.com%2Fbye&state=x",
        field(&tokens, "id_token")
    );
    let Step::ConfirmLogout(asked) = log_out(&world, &mut browser, &query).await else {
        panic!("not asked");
    };
    assert_eq!(
        asked.form_action.as_deref(),
        Some("https://app.example.com")
    );
    assert_eq!(asked.person.unwrap().name.as_deref(), Some("Olena"));
    world
        .refresh("demo", field(&tokens, "refresh_token"))
        .await
        .unwrap();
    let confirm = async |browser: &mut Browser, answer| {
        let reply = world
            .engine
            .confirm_logout(&world.context(), &asked.sealed, answer, &browser.0)
            .await
            .unwrap();
        browser.take(reply)
    };
    let Step::LoggedOut(stayed) = confirm(&mut browser, LogoutAnswer::Stay).await else {
        panic!("no page");
    };
    assert!(!stayed.ended);
    assert_eq!(stayed.return_to, None);
    let mut other = Browser::default();
    let refused = confirm(&mut other, LogoutAnswer::LogOut).await;
    assert!(matches!(refused, Step::Error(page) if page.kind == ErrorKind::LoginGone));
    let Step::LoggedOut(ended) = confirm(&mut browser, LogoutAnswer::LogOut).await else {
        panic!("no page");
    };
    assert!(ended.ended);
    assert_eq!(
        ended.return_to.unwrap().as_str(),
        "https://app.example.com/bye?state=x"
    );
    assert!(browser.0.session.is_none());
    let access = field(&tokens, "access_token");
    assert_eq!(refusal(world.userinfo(access).await), "invalid_token");
    assert_eq!(world.introspect("demo", access).await["active"], false);
}

/// OIDC-32: unasked only with a hint about this very session.
#[tokio::test]
async fn only_a_hint_about_this_session_ends_it_unasked() {
    let world = World::new(realm_with(|realm| {
        edit_oidc(realm, "demo", |oidc| oidc.logout.skip_confirmation = true);
    }))
    .await;
    world.person("olena@example.com").await;
    let (mut browser, tokens) = logged_in(&world).await;
    let (mut other, _) = logged_in(&world).await;
    let bare = log_out(&world, &mut browser, "client_id=demo").await;
    assert!(matches!(bare, Step::ConfirmLogout(_)));
    let hint = format!("id_token_hint={}", field(&tokens, "id_token"));
    let foreign = log_out(&world, &mut other, &hint).await;
    assert!(matches!(foreign, Step::ConfirmLogout(_)));
    let own = log_out(&world, &mut browser, &hint).await;
    assert!(matches!(own, Step::LoggedOut(page) if page.ended));
}

/// OIDC-30: a return address that is not registered refuses the logout.
#[tokio::test]
async fn a_wrong_return_address_refuses_the_logout() {
    let world = World::new(realm()).await;
    world.person("olena@example.com").await;
    let (mut browser, _) = logged_in(&world).await;
    for query in [
        "client_id=demo&post_logout_redirect_uri=https%3A%2F%2Fevil.example.com%2F",
        "post_logout_redirect_uri=https%3A%2F%2Fapp.example.com%2Fbye",
    ] {
        let step = log_out(&world, &mut browser, query).await;
        assert!(
            matches!(&step, Step::Error(page) if page.kind == ErrorKind::LogoutRedirectUri),
            "{step:?}"
        );
    }
    let silent = request("demo", &[("prompt", "none")]);
    code(&response(browser.authorize(&world, &silent).await));
}

#[tokio::test]
async fn documents_are_prepared_with_their_tags() {
    let mut world = World::new(realm()).await;
    let discovery: serde_json::Value =
        serde_json::from_slice(&world.realm.discovery().body).unwrap();
    assert_eq!(discovery["issuer"], "https://id.example.com/quickstart");
    let jwks: serde_json::Value = serde_json::from_slice(&world.realm.jwks().body).unwrap();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 1);
    assert!(jwks["keys"][0].get("d").is_none());
    let before = world.realm.discovery().etag.clone();
    world.serve(realm());
    assert_eq!(world.realm.discovery().etag, before);
    world.serve(realm_with(|realm| {
        realm.core.locales.supported.push("ru".into());
    }));
    assert_ne!(world.realm.discovery().etag, before);
}

/// OIDC web origins: a preflight does not say who asks; an answer does.
#[tokio::test]
async fn origins_are_those_of_clients() {
    let world = World::new(realm_with(|realm| {
        edit_oidc(realm, "service", |oidc| oidc.web_origins.clear());
    }))
    .await;
    let app = "https://app.example.com";
    assert!(world.realm.allows_origin(None, app));
    assert!(world.realm.allows_origin(Some(&"demo".into()), app));
    assert!(!world.realm.allows_origin(Some(&"service".into()), app));
    assert!(
        !world
            .realm
            .allows_origin(None, "https://app.example.com.evil")
    );
}
