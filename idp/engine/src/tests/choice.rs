//! Several methods in one step: which one is first, and the way to the others.

use realmwright_snapshot::{
    FlowRule, FlowSnapshot, MatchCondition, MatchRule, MethodKind, MethodName, MethodSelection,
    MethodSnapshot, Outcome, RealmSnapshot,
};
use secrecy::ExposeSecret as _;
use totp_rs::{Builder, Secret};

use super::actors::*;
use super::fixture::*;
use crate::{Answer, FormTarget, LoginPage, Notice, Step, StepView};

fn asking_for(methods: &[&str]) -> FlowSnapshot {
    let names = methods.iter().map(|name| MethodName::from(*name)).collect();
    let more = |name: &str, when: Option<&str>, methods| FlowRule {
        name: name.into(),
        when: when.map(Into::into),
        then: Outcome::More(methods),
    };
    FlowSnapshot {
        name: "choice".into(),
        required_factors: None,
        deny: Vec::new(),
        entry: vec![more("first", None, MethodSelection::Only(names))],
        after_step: Vec::new(),
    }
}

/// Passwords by e-mail and by phone, of which the flow names some in this order.
fn two_ways(methods: &[&str]) -> RealmSnapshot {
    realm_with(|realm| {
        let by_phone = realmwright_snapshot::PasswordMethod {
            matching: vec![MatchRule {
                all: vec![MatchCondition {
                    attribute: "phone".into(),
                    equals: "login".into(),
                }],
            }],
            ..password_method()
        };
        let name = MethodName::from("by-phone");
        let method = MethodSnapshot {
            name: name.clone(),
            display_name: text("Phone and password"),
            kind: MethodKind::Password(by_phone),
        };
        realm.methods.insert(name, method);
        realm.core.flow = Some("choice".into());
        let flow = asking_for(methods);
        realm.flows.insert(flow.name.clone(), flow);
    })
}

fn method(page: &LoginPage) -> &str {
    match &page.view {
        StepView::Password { method, .. } | StepView::EnrolTotp { method, .. } => method.as_str(),
        other => panic!("not a method: {other:?}"),
    }
}

fn choices(page: &LoginPage) -> Vec<&str> {
    match &page.view {
        StepView::Choice { methods } => methods.iter().map(|view| view.method.as_str()).collect(),
        other => panic!("not a choice: {other:?}"),
    }
}

async fn first_page(world: &World, browser: &mut Browser) -> LoginPage {
    page(browser.authorize(world, &request("demo", &[])).await)
}

/// FLOW-21: the first that the flow names is shown, and the others behind one button.
#[tokio::test]
async fn the_first_method_is_shown_and_the_others_are_a_choice() {
    for order in [["by-phone", "password"], ["password", "by-phone"]] {
        let world = World::new(two_ways(&order)).await;
        world.person("olena@example.com").await;
        let mut browser = Browser::default();
        let first = first_page(&world, &mut browser).await;
        assert_eq!((method(&first), first.other_ways), (order[0], true));
        assert!(matches!(first.target, FormTarget::Sealed(_)));
        let choice = page(browser.answer(&world, &first, Answer::OtherWay).await);
        assert_eq!(choices(&choice), order);
        assert!(!choice.other_ways);
        assert_eq!(choice.notice, None);
        let chosen = Answer::Choose("password".into());
        let chosen = page(browser.answer(&world, &choice, chosen).await);
        assert_eq!((method(&chosen), chosen.other_ways), ("password", true));
        let step = browser
            .answer(&world, &chosen, password("olena@example.com", PASSWORD))
            .await;
        code(&response(step));
    }
}

/// What was shown first is not preferred for ever: the choice keeps the order of the flow.
#[tokio::test]
async fn a_choice_can_be_taken_back() {
    let world = World::new(two_ways(&["by-phone", "password"])).await;
    let mut browser = Browser::default();
    let first = first_page(&world, &mut browser).await;
    let chosen = Answer::Choose("password".into());
    let chosen = page(browser.answer(&world, &first, chosen).await);
    let choice = page(browser.answer(&world, &chosen, Answer::OtherWay).await);
    assert_eq!(choices(&choice), ["by-phone", "password"]);
    let back = Answer::Choose("by-phone".into());
    let back = page(browser.answer(&world, &choice, back).await);
    assert_eq!(method(&back), "by-phone");
    // A wrong password stays with the method that was chosen.
    let wrong = password("+380501234567", "wrong");
    let wrong = page(browser.answer(&world, &back, wrong).await);
    assert_eq!(method(&wrong), "by-phone");
    assert_eq!(wrong.notice, Some(Notice::WrongPassword));
    assert!(wrong.other_ways);
}

#[tokio::test]
async fn what_is_not_offered_cannot_be_chosen() {
    let world = World::new(two_ways(&["password"])).await;
    let mut browser = Browser::default();
    let only = first_page(&world, &mut browser).await;
    assert!(!only.other_ways);
    let none = page(browser.answer(&world, &only, Answer::OtherWay).await);
    assert_eq!(method(&none), "password");
    assert_eq!(none.notice, Some(Notice::StaleStep));
    for other in ["by-phone", "totp", "unknown"] {
        let answer = Answer::Choose(other.into());
        let stale = page(browser.answer(&world, &none, answer).await);
        assert_eq!(method(&stale), "password", "{other}");
        assert_eq!(stale.notice, Some(Notice::StaleStep));
    }
}

/// Nothing is judged while nothing is chosen.
#[tokio::test]
async fn a_password_is_no_answer_to_the_choice() {
    let world = World::new(two_ways(&["password", "by-phone"])).await;
    world.person("olena@example.com").await;
    let mut browser = Browser::default();
    let first = first_page(&world, &mut browser).await;
    let choice = page(browser.answer(&world, &first, Answer::OtherWay).await);
    let right = password("olena@example.com", PASSWORD);
    let again = page(browser.answer(&world, &choice, right).await);
    assert_eq!(choices(&again), ["password", "by-phone"]);
    assert_eq!(again.notice, Some(Notice::StaleStep));
}

/// A method that went away is not chosen from a page that still shows it.
#[tokio::test]
async fn a_choice_that_changed_begins_anew() {
    let mut world = World::new(two_ways(&["password", "by-phone"])).await;
    let mut browser = Browser::default();
    let first = first_page(&world, &mut browser).await;
    let choice = page(browser.answer(&world, &first, Answer::OtherWay).await);
    let mut fewer = two_ways(&["password"]);
    fewer.methods.remove("by-phone");
    world.serve(fewer);
    let chosen = Answer::Choose("by-phone".into());
    let anew = page(browser.answer(&world, &choice, chosen).await);
    assert_eq!((method(&anew), anew.other_ways), ("password", false));
    assert_eq!(anew.notice, Some(Notice::Restarted));
}

/// AUTH-TOTP-01: generators to set up are a choice too, and each has a seed of its own.
#[tokio::test]
async fn one_of_two_generators_is_set_up() {
    let world = World::new(realm_with(|realm| {
        realm.core.required_factors = 2;
        let name = MethodName::from("work-totp");
        let method = MethodSnapshot {
            name: name.clone(),
            display_name: text("Work phone"),
            kind: MethodKind::Totp(totp_method()),
        };
        realm.methods.insert(name, method);
    }))
    .await;
    world.person("olena@example.com").await;
    let mut browser = Browser::default();
    let first = first_page(&world, &mut browser).await;
    assert!(!first.other_ways, "one first factor");
    let right = password("olena@example.com", PASSWORD);
    let enrolment = page(browser.answer(&world, &first, right).await);
    let seed_of = |page: &LoginPage| match &page.view {
        StepView::EnrolTotp { seed, .. } => seed.expose_secret().to_owned(),
        other => panic!("{other:?}"),
    };
    let seed = seed_of(&enrolment);
    assert_eq!((method(&enrolment), enrolment.other_ways), ("totp", true));
    let choice = page(browser.answer(&world, &enrolment, Answer::OtherWay).await);
    assert_eq!(choices(&choice), ["totp", "work-totp"]);
    let other = Answer::Choose("work-totp".into());
    let other = page(browser.answer(&world, &choice, other).await);
    assert_eq!(method(&other), "work-totp");
    assert_ne!(seed_of(&other), seed);
    let totp = Builder::new()
        .with_secret(Secret::try_from_base32(seed_of(&other)).unwrap())
        .build_noncompliant();
    let now = u64::try_from(world.clock_now().as_second()).unwrap();
    let app_code = Answer::Code(totp.generate(now).to_string().into());
    let step = browser.answer(&world, &other, app_code).await;
    let Step::Page(shown) = step else {
        panic!("{step:?}");
    };
    assert!(matches!(shown.view, StepView::RecoveryCodes { .. }));
}
