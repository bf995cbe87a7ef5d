//! What is written before anybody has shown a credential: nothing.

use realmwright_snapshot::{MethodKind, MethodSnapshot};

use super::actors::*;
use super::fixture::*;
use crate::{Answer, FormTarget, LoginPage, Notice, Step, StepView};

/// A realm that offers a choice at entry.
async fn world() -> World {
    let world = World::new(realm_with(|realm| {
        let method = MethodSnapshot {
            name: "passphrase".into(),
            display_name: text("Passphrase"),
            kind: MethodKind::Password(password_method()),
        };
        realm.methods.insert(method.name.clone(), method);
    }))
    .await;
    world.person("olena@example.com").await;
    world
}

fn is_sealed(page: &LoginPage) -> bool {
    matches!(page.target, FormTarget::Sealed(_))
}

/// Design section 7: an answer without a credential is no submission, and costs no row.
#[tokio::test]
async fn answers_without_a_credential_store_no_login() {
    let world = world().await;
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let before = world.events().await;
    for answer in [
        Answer::Choose("nonsense".into()),
        Answer::Code("123456".to_owned().into()),
        Answer::RecoveryCode("abcde-fghij".to_owned().into()),
        Answer::RecoveryCodesSeen,
        Answer::SkipNewPassword,
        new_password("Whatever-7"),
        Answer::Consent,
        Answer::RefuseConsent,
    ] {
        let again = page(browser.answer(&world, &first, answer).await);
        assert!(is_sealed(&again));
        assert_eq!(again.notice, Some(Notice::StaleStep));
    }
    assert_eq!(world.events().await, before);
}

/// A choice travels sealed as well, and the login goes on from it, in any process.
#[tokio::test]
async fn a_choice_at_entry_is_kept_without_a_row() {
    let here = world().await;
    let there = here.other_process();
    let mut browser = Browser::default();
    let first = page(browser.authorize(&here, &request("demo", &[])).await);
    assert!(first.other_ways);
    let ways = page(browser.answer(&here, &first, Answer::OtherWay).await);
    assert!(is_sealed(&ways));
    let StepView::Choice { methods } = &ways.view else {
        panic!("not a choice: {:?}", ways.view);
    };
    let other = methods[1].method.clone();
    let choice = Answer::Choose(other.clone());
    let chosen = page(browser.answer(&there, &ways, choice).await);
    assert!(is_sealed(&chosen));
    assert_eq!(chosen.notice, None);
    assert!(matches!(&chosen.view, StepView::Password { method, .. } if *method == other));
    let right = password("olena@example.com", PASSWORD);
    code(&response(browser.answer(&there, &chosen, right).await));
}

/// A wrong credential was counted, and stores the login: its attempts are bounded from then on.
#[tokio::test]
async fn a_wrong_credential_stores_the_login_once() {
    let world = world().await;
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let wrong = password("olena@example.com", "wrong-one");
    let stored = page(browser.answer(&world, &first, wrong).await);
    let FormTarget::Login { id, version } = stored.target else {
        panic!("not stored");
    };
    // The sealed page leads to the one row that there is, whatever it is answered with.
    for answer in [Answer::Choose("nonsense".into()), Answer::Consent] {
        let again = page(browser.answer(&world, &first, answer).await);
        assert_eq!(again.target, FormTarget::Login { id, version });
    }
}

/// EVENT-POST-01: a page that was opened, with nothing entered, is no event.
#[tokio::test]
async fn giving_up_is_an_event_once_something_was_entered() {
    let world = world().await;
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let step: Step = browser.answer(&world, &first, Answer::Cancel).await;
    assert_eq!(error(&response(step)), "access_denied");
    assert!(!world.events().await.contains(&"login_stopped".to_owned()));
    let wrong = password("olena@example.com", "wrong-one");
    let entered = page(browser.answer(&world, &first, wrong).await);
    let step = browser.answer(&world, &entered, Answer::Cancel).await;
    assert_eq!(error(&response(step)), "access_denied");
    assert!(world.events().await.contains(&"login_stopped".to_owned()));
}
