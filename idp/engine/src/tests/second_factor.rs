//! TOTP: enrolment, replay, recovery codes, step-up.

use std::time::Duration;

use realmwright_snapshot::{MethodKind, Period};
use realmwright_store::{SubjectId, Subjects as _};
use secrecy::ExposeSecret as _;
use totp_rs::{Builder, Secret};

use super::actors::*;
use super::fixture::*;
use crate::{Answer, ClientResponse, FormTarget, LoginPage, Notice, Step, StepView};

async fn two_factor_world() -> (World, String) {
    let world = World::new(realm_with(|realm| realm.core.required_factors = 2)).await;
    let sub = world.person("olena@example.com").await;
    // From the start of a step on, so that no code changes in the middle of a test.
    let second = world.clock_now().as_second().rem_euclid(30);
    world.advance(Duration::from_secs(u64::try_from(30 - second).unwrap()));
    (world, sub)
}

/// What an authenticator app shows now.
fn app_code(world: &World, seed: &str) -> Answer {
    let totp = Builder::new()
        .with_secret(Secret::try_from_base32(seed).unwrap())
        .build_noncompliant();
    let now = u64::try_from(world.clock_now().as_second()).unwrap();
    Answer::Code(totp.generate(now).to_string().into())
}

/// The code that confirms what this page sets up.
pub(super) fn app_code_of(world: &World, enrolment: &LoginPage) -> Answer {
    let StepView::EnrolTotp { seed, .. } = &enrolment.view else {
        panic!("{:?}", enrolment.view);
    };
    app_code(world, seed.expose_secret())
}

async fn password_step(world: &World, browser: &mut Browser) -> LoginPage {
    let first = page(browser.authorize(world, &request("demo", &[])).await);
    page(
        browser
            .answer(world, &first, password("olena@example.com", PASSWORD))
            .await,
    )
}

/// Logs in and sets a generator up; the seed and the recovery codes.
async fn enrol(world: &World, browser: &mut Browser) -> (String, Vec<String>, ClientResponse) {
    let enrolment = password_step(world, browser).await;
    let StepView::EnrolTotp { uri, seed, .. } = &enrolment.view else {
        panic!("{:?}", enrolment.view);
    };
    assert!(
        uri.expose_secret()
            .starts_with("otpauth://totp/Quickstart:olena%40example.com?")
    );
    let seed = seed.expose_secret().to_owned();
    let shown = page(
        browser
            .answer(world, &enrolment, app_code(world, &seed))
            .await,
    );
    let StepView::RecoveryCodes { codes } = &shown.view else {
        panic!("{:?}", shown.view);
    };
    let codes = codes.iter().map(|code| code.expose_secret().to_owned());
    let codes = codes.collect();
    let response = response(
        browser
            .answer(world, &shown, Answer::RecoveryCodesSeen)
            .await,
    );
    (seed, codes, response)
}

/// AUTH-TOTP-01: enrolment at login, then the code is asked.
#[tokio::test]
async fn a_generator_is_set_up_at_login_and_then_asked() {
    let (world, sub) = two_factor_world().await;
    let mut browser = Browser::default();
    let (seed, codes, first) = enrol(&world, &mut browser).await;
    assert_eq!(codes.len(), 3);
    let tokens = world.redeem("demo", &code(&first)).await.unwrap();
    let id = claims(field(&tokens, "id_token"));
    assert_eq!(id["amr"], serde_json::json!(["pwd", "otp", "mfa"]));
    assert_eq!(id["acr"], "2");
    // Nothing of the seed lies in the database in plain.
    let rows = world
        .store
        .credentials(world.realm.id(), &SubjectId(sub))
        .await
        .unwrap();
    let row = rows.iter().find(|row| row.kind == "totp").unwrap();
    let raw = Secret::try_from_base32(&seed).unwrap();
    assert!(!row.secret.contains(&seed));
    assert!(
        !row.secret
            .contains(&crate::crypto::base64url(raw.as_bytes()))
    );
    world.advance(Duration::from_secs(30));
    let mut other = Browser::default();
    let asked = password_step(&world, &mut other).await;
    assert!(matches!(asked.view, StepView::Totp { recovery: true, .. }));
    assert!(asked.person.is_some());
    response(other.answer(&world, &asked, app_code(&world, &seed)).await);
}

/// RFC 6238 section 5.2: one step, one login.
#[tokio::test]
async fn a_code_is_accepted_once() {
    let (world, _) = two_factor_world().await;
    let (seed, _, _) = enrol(&world, &mut Browser::default()).await;
    // The step that confirmed the enrolment is used as well.
    let mut browser = Browser::default();
    let asked = password_step(&world, &mut browser).await;
    let replayed = page(
        browser
            .answer(&world, &asked, app_code(&world, &seed))
            .await,
    );
    assert_eq!(replayed.notice, Some(Notice::WrongCode));
    world.advance(Duration::from_secs(30));
    let fresh = app_code(&world, &seed);
    response(browser.answer(&world, &replayed, fresh.clone()).await);
    let mut other = Browser::default();
    let asked = password_step(&world, &mut other).await;
    let replayed = page(other.answer(&world, &asked, fresh).await);
    assert_eq!(replayed.notice, Some(Notice::WrongCode));
}

/// Two browsers with one code at once: one wins.
#[tokio::test]
async fn a_code_typed_twice_at_once_passes_once() {
    let (world, _) = two_factor_world().await;
    let (seed, _, _) = enrol(&world, &mut Browser::default()).await;
    world.advance(Duration::from_secs(30));
    let (mut one, mut two) = (Browser::default(), Browser::default());
    let first = password_step(&world, &mut one).await;
    let second = password_step(&world, &mut two).await;
    let answer = app_code(&world, &seed);
    let (a, b) = futures::join!(
        one.answer(&world, &first, answer.clone()),
        two.answer(&world, &second, answer)
    );
    let passed = [a, b]
        .into_iter()
        .filter(|step| matches!(step, Step::Respond(_)));
    assert_eq!(passed.count(), 1);
}

/// AUTH-CODE-04, AUTH-CODE-05: the total counter holds over logins.
#[tokio::test]
async fn wrong_codes_bar_the_method_over_all_logins() {
    let (world, _) = two_factor_world().await;
    let (seed, _, _) = enrol(&world, &mut Browser::default()).await;
    world.advance(Duration::from_secs(30));
    let mut browser = Browser::default();
    for _ in 0..4 {
        browser = Browser::default();
        let asked = password_step(&world, &mut browser).await;
        let wrong = Answer::Code("000000".to_owned().into());
        let again = page(browser.answer(&world, &asked, wrong).await);
        assert_eq!(again.notice, Some(Notice::WrongCode));
    }
    let asked = password_step(&world, &mut browser).await;
    let barred = page(
        browser
            .answer(&world, &asked, app_code(&world, &seed))
            .await,
    );
    assert_eq!(barred.notice, Some(Notice::WrongCode));
    world.advance(Duration::from_secs(901));
    response(
        browser
            .answer(&world, &barred, app_code(&world, &seed))
            .await,
    );
}

#[tokio::test]
async fn a_recovery_code_stands_in_once() {
    let (world, _) = two_factor_world().await;
    let (_, codes, _) = enrol(&world, &mut Browser::default()).await;
    let typed = codes[1].to_uppercase().replace('-', " ");
    let mut browser = Browser::default();
    let asked = password_step(&world, &mut browser).await;
    let answer = Answer::RecoveryCode(typed.into());
    response(browser.answer(&world, &asked, answer.clone()).await);
    let mut other = Browser::default();
    let asked = password_step(&world, &mut other).await;
    let again = page(other.answer(&world, &asked, answer).await);
    assert_eq!(again.notice, Some(Notice::WrongCode));
    assert!(
        world
            .events()
            .await
            .contains(&"recovery_code_used".to_owned())
    );
}

#[tokio::test]
async fn a_wrong_code_sets_nothing_up() {
    let (world, sub) = two_factor_world().await;
    let mut browser = Browser::default();
    let enrolment = password_step(&world, &mut browser).await;
    let wrong = Answer::Code("000000".to_owned().into());
    let again = page(browser.answer(&world, &enrolment, wrong).await);
    assert_eq!(again.notice, Some(Notice::WrongCode));
    let (StepView::EnrolTotp { seed: a, .. }, StepView::EnrolTotp { seed: b, .. }) =
        (&enrolment.view, &again.view)
    else {
        panic!("{:?}", again.view);
    };
    // The app keeps what it has scanned.
    assert_eq!(a.expose_secret(), b.expose_secret());
    let rows = world
        .store
        .credentials(world.realm.id(), &SubjectId(sub))
        .await
        .unwrap();
    assert!(rows.iter().all(|row| row.kind == "password"));
}

/// FLOW-20: a session with one factor is asked for the second only.
#[tokio::test]
async fn step_up_asks_only_for_the_second_factor() {
    let mut world = World::new(realm()).await;
    world.person("olena@example.com").await;
    let mut browser = Browser::default();
    browser.log_in(&world, &request("demo", &[])).await;
    world.serve(realm_with(|realm| realm.core.required_factors = 2));
    let asked = page(browser.authorize(&world, &request("demo", &[])).await);
    assert!(matches!(asked.target, FormTarget::Sealed(_)));
    let StepView::EnrolTotp { seed, .. } = &asked.view else {
        panic!("{:?}", asked.view);
    };
    let answer = app_code(&world, seed.expose_secret());
    let shown = page(browser.answer(&world, &asked, answer).await);
    response(
        browser
            .answer(&world, &shown, Answer::RecoveryCodesSeen)
            .await,
    );
    let silent = request("demo", &[("prompt", "none")]);
    code(&response(browser.authorize(&world, &silent).await));
}

/// A right password without the second factor looks like a wrong one (design section 8).
#[tokio::test]
async fn a_missing_factor_looks_like_a_wrong_password() {
    let snapshot = realm_with(|realm| {
        realm.core.required_factors = 2;
        if let MethodKind::Totp(totp) = &mut realm.methods.get_mut("totp").unwrap().kind {
            totp.enrol_at_login = false;
            totp.period = Period::from_secs(30);
        }
    });
    let world = World::new(snapshot).await;
    world.person("olena@example.com").await;
    let mut browser = Browser::default();
    let refused = password_step(&world, &mut browser).await;
    assert_eq!(refused.notice, Some(Notice::WrongPassword));
    assert_eq!(refused.person, None);
    assert!(is_password(&refused));
}

/// The factor floor holds to the end: a session that ends while the consent is asked takes its
/// factor along.
#[tokio::test]
async fn a_session_that_ends_before_the_consent_counts_no_more() {
    let mut world = World::new(realm()).await;
    let sub = world.person("olena@example.com").await;
    let mut browser = Browser::default();
    browser.log_in(&world, &request("demo", &[])).await;
    world.serve(realm_with(|realm| {
        realm.core.required_factors = 2;
        edit(realm, "demo", |client| client.consent_required = true);
    }));
    let asked = page(browser.authorize(&world, &request("demo", &[])).await);
    let StepView::EnrolTotp { seed, .. } = &asked.view else {
        panic!("{:?}", asked.view);
    };
    let answer = app_code(&world, seed.expose_secret());
    let shown = page(browser.answer(&world, &asked, answer).await);
    let seen = Answer::RecoveryCodesSeen;
    let consent = page(browser.answer(&world, &shown, seen).await);
    assert!(matches!(consent.view, StepView::Consent { .. }));
    let by = crate::accounts::AccountsCaller::process();
    world
        .engine
        .end_account_sessions(&world.realm, &by, &sub, None)
        .await
        .unwrap();
    let again = page(browser.answer(&world, &consent, Answer::Consent).await);
    assert!(is_password(&again));
    assert_eq!(again.notice, Some(Notice::Restarted));
}

/// A realm that demands more while the consent is asked gets it.
#[tokio::test]
async fn a_floor_that_rises_before_the_consent_holds() {
    let consent = |factors| {
        realm_with(|realm| {
            realm.core.required_factors = factors;
            edit(realm, "demo", |client| client.consent_required = true);
        })
    };
    let mut world = World::new(consent(1)).await;
    world.person("olena@example.com").await;
    let mut browser = Browser::default();
    let asked = password_step(&world, &mut browser).await;
    assert!(matches!(asked.view, StepView::Consent { .. }));
    world.serve(consent(2));
    let again = page(browser.answer(&world, &asked, Answer::Consent).await);
    assert!(is_password(&again));
}

/// An enrolment that was offered before the person had a generator is worth nothing afterwards:
/// who has the password alone does not add one of their own.
#[tokio::test]
async fn an_offered_enrolment_ends_when_a_generator_is_there() {
    let (world, sub) = two_factor_world().await;
    let mut thief = Browser::default();
    let offered = password_step(&world, &mut thief).await;
    let StepView::EnrolTotp { seed, .. } = &offered.view else {
        panic!("{:?}", offered.view);
    };
    enrol(&world, &mut Browser::default()).await;
    let answer = app_code(&world, seed.expose_secret());
    let again = page(thief.answer(&world, &offered, answer).await);
    assert_eq!(again.notice, Some(Notice::Restarted));
    let rows = world
        .store
        .credentials(world.realm.id(), &SubjectId(sub))
        .await
        .unwrap();
    assert_eq!(rows.iter().filter(|row| row.kind == "totp").count(), 1);
}

/// Of two enrolments at the same instant one is stored: whoever has the password alone does not
/// slip a generator in beside the owner's.
#[tokio::test]
async fn two_enrolments_at_once_set_one_generator_up() {
    let (world, sub) = two_factor_world().await;
    let (mut owner, mut thief) = (Browser::default(), Browser::default());
    let first = password_step(&world, &mut owner).await;
    let second = password_step(&world, &mut thief).await;
    let (a, b) = futures::join!(
        owner.answer(&world, &first, app_code_of(&world, &first)),
        thief.answer(&world, &second, app_code_of(&world, &second))
    );
    let (won, lost): (Vec<LoginPage>, Vec<LoginPage>) = [a, b]
        .into_iter()
        .map(page)
        .partition(|page| matches!(page.view, StepView::RecoveryCodes { .. }));
    assert_eq!((won.len(), lost.len()), (1, 1));
    assert_eq!(lost[0].notice, Some(Notice::Restarted));
    let rows = world
        .store
        .credentials(world.realm.id(), &SubjectId(sub))
        .await
        .unwrap();
    for kind in ["totp", "recovery_codes"] {
        let stored = rows.iter().filter(|row| row.kind == kind);
        assert_eq!(stored.count(), 1, "{kind}");
    }
}

/// KC-AZ-03: factors of the session that do not count for a request are not claimed for it.
#[tokio::test]
async fn a_login_anew_claims_only_the_factors_that_it_asked_for() {
    let (mut world, _) = two_factor_world().await;
    let mut browser = Browser::default();
    enrol(&world, &mut browser).await;
    world.serve(realm());
    let anew = request("demo", &[("prompt", "login")]);
    let first = page(browser.authorize(&world, &anew).await);
    let answer = password("olena@example.com", PASSWORD);
    let answered = response(browser.answer(&world, &first, answer).await);
    let tokens = world.redeem("demo", &code(&answered)).await.unwrap();
    let id = claims(field(&tokens, "id_token"));
    assert_eq!(id["acr"], "1");
    assert_eq!(id["amr"], serde_json::json!(["pwd"]));
}
