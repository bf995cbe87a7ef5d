//! Flows, access rules and consent as people meet them.

use std::collections::BTreeSet;
use std::sync::Arc;

use realmwright_snapshot::{
    AccessRule, AccessSnapshot, DenyRule, DenyTarget, FlowRule, FlowSnapshot, MethodSelection,
    OnDeny, Outcome, RealmSnapshot,
};
use realmwright_store::{Change, Commit as _, SubjectId};

use super::actors::*;
use super::fixture::*;
use crate::{Answer, ErrorKind, FormTarget, Step, StepView};

fn flow(change: impl FnOnce(&mut FlowSnapshot)) -> FlowSnapshot {
    let mut flow = FlowSnapshot {
        name: "special".into(),
        required_factors: None,
        deny: Vec::new(),
        entry: Vec::new(),
        after_step: Vec::new(),
    };
    change(&mut flow);
    flow
}

async fn world_with(flow: FlowSnapshot) -> World {
    let world = World::new(realm_with(|realm| {
        realm.core.flow = Some(flow.name.clone());
        realm.flows.insert(flow.name.clone(), flow);
    }))
    .await;
    world.person("olena@example.com").await;
    world
}

fn networks(show: DenyTarget) -> FlowSnapshot {
    flow(|flow| {
        flow.deny.push(DenyRule {
            name: "network".into(),
            when: "!inCidr(request.ip, ['203.0.113.0/24'])".into(),
            message: text("Not from here"),
            show,
        });
    })
}

/// FLOW-24: denied at entry too, single sign-on included, and again for tokens.
#[tokio::test]
async fn a_deny_rule_holds_at_entry_at_redemption_and_at_refresh() {
    let world = world_with(networks(DenyTarget::Page)).await;
    let mut browser = Browser::default();
    let first = browser.log_in(&world, &request("demo", &[])).await;
    let tokens = world.redeem("demo", &code(&first)).await.unwrap();
    let refresh = field(&tokens, "refresh_token").to_owned();
    let second = code(&response(
        browser.authorize(&world, &request("demo", &[])).await,
    ));

    let mut elsewhere = world.context();
    elsewhere.address = Some("198.51.100.1".parse().unwrap());
    let reply = world
        .engine
        .authorize(&elsewhere, &request("demo", &[]), &browser.0)
        .await
        .unwrap();
    let Step::Error(denied) = reply.step else {
        panic!("{:?}", reply.step);
    };
    assert_eq!(denied.kind, ErrorKind::Denied);
    assert_eq!(denied.message.as_deref(), Some("Not from here"));
    assert_eq!(denied.detail.as_deref(), Some("network"));

    // The rule becomes stricter: what was issued before is judged by it.
    let mut world = world;
    let mut stricter = networks(DenyTarget::Page);
    stricter.deny[0].when = "!inCidr(request.ip, ['192.0.2.0/24'])".into();
    let mut snapshot = realm();
    snapshot.core.flow = Some(stricter.name.clone());
    snapshot.flows.insert(stricter.name.clone(), stricter);
    world.serve(snapshot);
    assert_eq!(
        refusal(world.redeem("demo", &second).await),
        "invalid_grant"
    );
    assert_eq!(
        refusal(world.refresh("demo", &refresh).await),
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_denial_for_the_client_is_a_protocol_error() {
    let world = world_with(networks(DenyTarget::Client)).await;
    let mut elsewhere = world.context();
    elsewhere.address = None;
    let reply = world
        .engine
        .authorize(&elsewhere, &request("demo", &[]), &Browser::default().0)
        .await
        .unwrap();
    // An address that is not known cannot be judged, and denies.
    assert_eq!(error(&response(reply.step)), "access_denied");
}

/// FLOW-25: other sessions end, of all browsers.
#[tokio::test]
async fn a_single_session_flow_ends_the_others() {
    let enough = Outcome::Enough {
        end_other_sessions: true,
        claims: Vec::new(),
    };
    let world = world_with(flow(|flow| {
        flow.after_step.push(FlowRule {
            name: "single".into(),
            when: None,
            then: enough,
        });
    }))
    .await;
    let (mut one, mut two) = (Browser::default(), Browser::default());
    let first = one.log_in(&world, &request("demo", &[])).await;
    let tokens = world.redeem("demo", &code(&first)).await.unwrap();
    two.log_in(&world, &request("demo", &[])).await;
    let silent = request("demo", &[("prompt", "none")]);
    assert_eq!(
        error(&response(one.authorize(&world, &silent).await)),
        "login_required"
    );
    code(&response(two.authorize(&world, &silent).await));
    // KC-SES-02: its tokens went with it.
    let refresh = field(&tokens, "refresh_token");
    assert_eq!(
        refusal(world.refresh("demo", refresh).await),
        "invalid_grant"
    );
    let access = field(&tokens, "access_token");
    assert_eq!(world.introspect("demo", access).await["active"], false);
}

/// FLOW-07: log out first.
#[tokio::test]
async fn logout_then_more_ends_the_session_first() {
    let world = world_with(flow(|flow| {
        flow.entry.push(FlowRule {
            name: "fresh".into(),
            when: Some("session.exists".into()),
            then: Outcome::LogoutThenMore(MethodSelection::Any),
        });
    }))
    .await;
    let mut browser = Browser::default();
    browser.log_in(&world, &request("demo", &[])).await;
    let stolen = Browser(browser.0.clone());
    let asked = page(browser.authorize(&world, &request("demo", &[])).await);
    assert!(is_password(&asked));
    assert!(browser.0.session.is_none());
    let mut stolen = stolen;
    let again = page(stolen.authorize(&world, &request("demo", &[])).await);
    assert_eq!(again.person, None);
    response(
        browser
            .answer(&world, &asked, password("olena@example.com", PASSWORD))
            .await,
    );
}

/// APP-10, APP-12.
#[tokio::test]
async fn access_rules_let_in_or_deny_as_the_author_said() {
    let rule = |name: &str, when: &str| AccessRule {
        name: name.into(),
        when: when.into(),
    };
    let access = |rules, on_deny| AccessSnapshot {
        rules: Some(rules),
        on_deny,
    };
    let cases = [
        (
            vec![rule("no", "false"), rule("yes", "true")],
            OnDeny::ProtocolError,
            "",
        ),
        (
            vec![rule("no", "false")],
            OnDeny::ProtocolError,
            "access_denied",
        ),
        (vec![], OnDeny::ProtocolError, "access_denied"),
        (
            vec![rule("absent", "person.phone == 'x'")],
            OnDeny::ErrorPage,
            "page",
        ),
    ];
    for (rules, on_deny, expected) in cases {
        let world = World::new(realm_with(|realm| {
            edit(realm, "demo", |client| {
                client.access = access(rules, on_deny)
            });
        }))
        .await;
        world.person("olena@example.com").await;
        let mut browser = Browser::default();
        let first = page(browser.authorize(&world, &request("demo", &[])).await);
        let step = browser
            .answer(&world, &first, password("olena@example.com", PASSWORD))
            .await;
        match step {
            Step::Error(page) => {
                assert_eq!(expected, "page");
                assert_eq!(page.kind, ErrorKind::Denied);
            }
            step => assert_eq!(error(&response(step)), expected),
        }
    }
}

fn consent_realm() -> RealmSnapshot {
    realm_with(|realm| edit(realm, "demo", |client| client.consent_required = true))
}

async fn consent_world() -> World {
    let world = World::new(consent_realm()).await;
    world.person("olena@example.com").await;
    world
}

fn asked_scopes(step: &StepView) -> BTreeSet<String> {
    match step {
        StepView::Consent { scopes, .. } => {
            scopes.iter().map(|scope| scope.scope.to_string()).collect()
        }
        other => panic!("not a consent: {other:?}"),
    }
}

fn granted_scopes(step: &StepView) -> BTreeSet<String> {
    match step {
        StepView::Consent { granted, .. } => granted
            .iter()
            .map(|scope| scope.scope.to_string())
            .collect(),
        other => panic!("not a consent: {other:?}"),
    }
}

/// Consent is remembered and asks only for what is new.
#[tokio::test]
async fn consent_is_remembered_and_incremental() {
    let world = consent_world().await;
    let mut browser = Browser::default();
    let narrow = request("demo", &[("scope", "openid profile")]);
    let first = page(browser.authorize(&world, &narrow).await);
    let asked = page(
        browser
            .answer(&world, &first, password("olena@example.com", PASSWORD))
            .await,
    );
    assert_eq!(asked_scopes(&asked.view), ["profile".to_owned()].into());
    // Until the consent nobody is logged in, and nothing is remembered.
    assert!(browser.0.session.is_none());
    response(browser.answer(&world, &asked, Answer::Consent).await);
    response(browser.authorize(&world, &narrow).await);

    let wider = request("demo", &[]);
    let silent = request("demo", &[("prompt", "none")]);
    assert_eq!(
        error(&response(browser.authorize(&world, &silent).await)),
        "consent_required"
    );
    let asked = page(browser.authorize(&world, &wider).await);
    assert_eq!(asked_scopes(&asked.view), ["email".to_owned()].into());
    let refused = browser.answer(&world, &asked, Answer::RefuseConsent).await;
    assert_eq!(error(&response(refused)), "access_denied");
    let asked = page(browser.authorize(&world, &wider).await);
    response(browser.answer(&world, &asked, Answer::Consent).await);
    response(browser.authorize(&world, &silent).await);

    let again = request("demo", &[("prompt", "consent")]);
    let asked = page(browser.authorize(&world, &again).await);
    let all: BTreeSet<String> = ["profile".to_owned(), "email".to_owned()].into();
    assert_eq!(granted_scopes(&asked.view), all);
    assert_eq!(asked_scopes(&asked.view), BTreeSet::new());
    response(browser.answer(&world, &asked, Answer::Consent).await);
}

/// `prompt=consent` asks for everything again, and says what of it is new.
#[tokio::test]
async fn consent_that_is_asked_again_tells_new_from_known() {
    let world = consent_world().await;
    let mut browser = Browser::default();
    let narrow = request("demo", &[("scope", "openid profile")]);
    let first = page(browser.authorize(&world, &narrow).await);
    let right = password("olena@example.com", PASSWORD);
    let asked = page(browser.answer(&world, &first, right).await);
    response(browser.answer(&world, &asked, Answer::Consent).await);

    let wider = request("demo", &[("prompt", "consent")]);
    let asked = page(browser.authorize(&world, &wider).await);
    assert_eq!(asked_scopes(&asked.view), ["email".to_owned()].into());
    assert_eq!(granted_scopes(&asked.view), ["profile".to_owned()].into());
    response(browser.answer(&world, &asked, Answer::Consent).await);
}

/// What is granted is what the page named: scopes that came in meanwhile are asked for first.
#[tokio::test]
async fn consent_covers_only_what_was_shown() {
    let wanting = |default: &[&'static str]| {
        realm_with(|realm| {
            edit(realm, "demo", |client| client.consent_required = true);
            edit_oidc(realm, "demo", |oidc| oidc.scopes.default = names(default));
        })
    };
    let mut world = World::new(wanting(&["openid", "profile"])).await;
    world.person("olena@example.com").await;
    let mut browser = Browser::default();
    let by_default = request("demo", &[("scope", "")]);
    let first = page(browser.authorize(&world, &by_default).await);
    let right = password("olena@example.com", PASSWORD);
    let shown = page(browser.answer(&world, &first, right).await);
    assert_eq!(asked_scopes(&shown.view), ["profile".to_owned()].into());

    world.serve(wanting(&["openid", "profile", "email"]));
    // Seen again, the page still names what an agreement to it covers.
    let FormTarget::Login { id, .. } = shown.target else {
        panic!("not stored");
    };
    let reloaded = page(browser.follow(&world, Step::Continue(id)).await);
    assert_eq!(asked_scopes(&reloaded.view), ["profile".to_owned()].into());
    let again = page(browser.answer(&world, &shown, Answer::Consent).await);
    let both: BTreeSet<String> = ["profile".to_owned(), "email".to_owned()].into();
    assert_eq!(asked_scopes(&again.view), both);
    assert!(browser.0.session.is_none());

    let issued = response(browser.answer(&world, &again, Answer::Consent).await);
    let tokens = world.redeem("demo", &code(&issued)).await.unwrap();
    assert_eq!(tokens.body["scope"], "email openid profile");
}

/// The same where the page was the first one, and nothing is stored yet.
#[tokio::test]
async fn consent_at_entry_covers_only_what_was_shown() {
    let world = World::new(consent_realm()).await;
    let sub = world.person("olena@example.com").await;
    let mut browser = Browser::default();
    let narrow = request("demo", &[("scope", "openid profile")]);
    let first = page(browser.authorize(&world, &narrow).await);
    let right = password("olena@example.com", PASSWORD);
    let asked = page(browser.answer(&world, &first, right).await);
    response(browser.answer(&world, &asked, Answer::Consent).await);

    let shown = page(browser.authorize(&world, &request("demo", &[])).await);
    assert!(matches!(shown.target, FormTarget::Sealed(_)));
    assert_eq!(asked_scopes(&shown.view), ["email".to_owned()].into());
    // The former consent is taken back while the page is open.
    let taken_back = Change::DeleteConsent {
        sub: SubjectId(sub),
        client: "demo".into(),
    };
    let outcome = world.store.commit(world.realm.id(), vec![taken_back]);
    assert!(matches!(
        outcome.await.unwrap(),
        realmwright_store::Outcome::Done(_)
    ));
    let again = page(browser.answer(&world, &shown, Answer::Consent).await);
    let both: BTreeSet<String> = ["profile".to_owned(), "email".to_owned()].into();
    assert_eq!(asked_scopes(&again.view), both);
    response(browser.answer(&world, &again, Answer::Consent).await);
}

/// An edit of one of 10,000 clients shares the others and takes milliseconds.
#[tokio::test]
async fn an_edit_of_one_client_prepares_one_client() {
    let many = realm_with(|realm| {
        for n in 0..10_000 {
            let client = client(&format!("client-{n}"), oidc());
            realm.clients.insert(client.id.clone(), Arc::new(client));
        }
    });
    let mut world = World::new(many.clone()).await;
    let former = Arc::clone(&world.realm);
    let mut edited = many;
    edit(&mut edited, "client-7", |client| {
        client.display_name = text("Edited")
    });
    let begun = std::time::Instant::now();
    world.serve(edited);
    let took = begun.elapsed();
    let same = |id: &str| {
        let (a, b) = (former.runtime_client(id), world.realm.runtime_client(id));
        Arc::ptr_eq(a.unwrap(), b.unwrap())
    };
    assert!(same("client-8"));
    assert!(!same("client-7"));
    // Unoptimised and on a busy machine; a release build takes a few milliseconds.
    assert!(took.as_millis() < 2000, "{took:?}");
}
