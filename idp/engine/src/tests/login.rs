//! Password logins, sessions, tabs, processes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use realmwright_snapshot::{MethodKind, Period};
use realmwright_store::{AttemptKey, Attempts as _};

use super::actors::*;
use super::fixture::*;
use crate::{
    Answer, EngineFault, ErrorKind, FormTarget, NewPasswordReason, Notice, Observation, Step,
    StepView,
};

async fn world() -> World {
    let world = World::new(realm()).await;
    world.person("olena@example.com").await;
    world
}

#[tokio::test]
async fn a_login_is_one_page_and_one_answer() {
    let world = world().await;
    let mut browser = Browser::default();
    let page = page(browser.authorize(&world, &request("demo", &[])).await);
    assert!(is_password(&page));
    assert!(matches!(page.target, FormTarget::Sealed(_)));
    assert_eq!(page.form_action, "https://app.example.com");
    assert_eq!(page.person, None);
    let response = response(
        browser
            .answer(&world, &page, password("OLENA@example.com", PASSWORD))
            .await,
    );
    assert_eq!(parameter(&response, "state"), Some("s-1"));
    assert_eq!(
        parameter(&response, "iss"),
        Some("https://id.example.com/quickstart")
    );
    assert!(!code(&response).is_empty());
    assert!(browser.0.session.is_some());
}

/// KC-AZ-01, OIDC-13: nothing is ever sent to an address that is not registered.
#[tokio::test]
async fn a_wrong_client_or_address_is_a_page() {
    let world = world().await;
    let mut browser = Browser::default();
    let unknown = browser.authorize(&world, &request("nobody", &[])).await;
    assert!(matches!(unknown, Step::Error(page) if page.kind == ErrorKind::UnknownClient));
    // It names none, or two: nothing is said of whether these are known.
    for broken in [
        request("demo", &[]).replace("client_id=demo", ""),
        request("demo", &[]) + "&client_id=demo",
    ] {
        let broken = browser.authorize(&world, &broken).await;
        assert!(matches!(broken, Step::Error(page) if page.kind == ErrorKind::BadRequest));
    }
    let evil = request("demo", &[]).replace("app.example.com", "app.example.com.evil");
    let evil = browser.authorize(&world, &evil).await;
    assert!(matches!(evil, Step::Error(page) if page.kind == ErrorKind::RedirectUri));
    let scope = browser
        .authorize(&world, &request("demo", &[("scope", "openid nonsense")]))
        .await;
    assert_eq!(error(&response(scope)), "invalid_scope");
}

/// Unknown, wrong, locked, barred and missing give one answer, and none comes early
/// (design section 8, AUTH-MATCH-03).
#[tokio::test]
async fn nobody_can_tell_why_a_login_failed() {
    let world = world().await;
    let locked = world.person("locked@example.com").await;
    let by = crate::accounts::AccountsCaller::process();
    let lock = crate::accounts::AccountChange {
        state: Some(crate::accounts::AccountState::Locked),
        ..Default::default()
    };
    world
        .engine
        .change_account(&world.realm, &by, &locked, lock)
        .await
        .unwrap();
    let barred = world.person("barred@example.com").await;
    for (login, typed) in [
        ("nobody@example.com", "whatever-1"),
        ("olena@example.com", "whatever-1"),
        ("locked@example.com", PASSWORD),
        ("barred@example.com", PASSWORD),
    ] {
        if login.starts_with("barred") {
            for _ in 0..3 {
                let mut browser = Browser::default();
                let page = page(browser.authorize(&world, &request("demo", &[])).await);
                browser
                    .answer(&world, &page, password(login, "wrong-one"))
                    .await;
            }
            let key = AttemptKey {
                purpose: "password".into(),
                key: barred.clone(),
            };
            let row = world.store.attempts(world.realm.id(), &key).await.unwrap();
            assert!(row.unwrap().locked_until.is_some());
        }
        let mut browser = Browser::default();
        let first = page(browser.authorize(&world, &request("demo", &[])).await);
        let before = world.clock_now();
        let verified = world.hasher.verified.load(Ordering::SeqCst);
        let again = page(browser.answer(&world, &first, password(login, typed)).await);
        assert_eq!(again.notice, Some(Notice::WrongPassword), "{login}");
        assert!(is_password(&again));
        assert_eq!(again.person, None);
        assert_eq!(
            world.clock_now().duration_since(before).as_millis(),
            500,
            "{login}"
        );
        // The hash is computed in every case.
        assert_eq!(world.hasher.verified.load(Ordering::SeqCst), verified + 1);
        assert!(browser.0.session.is_none());
    }
}

/// AUTH-PWD-04: the bar is on the method and ends by itself.
#[tokio::test]
async fn failures_bar_the_method_for_a_time() {
    let world = world().await;
    for _ in 0..3 {
        let mut browser = Browser::default();
        let page = page(browser.authorize(&world, &request("demo", &[])).await);
        browser
            .answer(&world, &page, password("olena@example.com", "wrong-one"))
            .await;
    }
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let right = password("olena@example.com", PASSWORD);
    let barred = page(browser.answer(&world, &first, right.clone()).await);
    assert_eq!(barred.notice, Some(Notice::WrongPassword));
    world.advance(Duration::from_secs(61));
    response(browser.answer(&world, &barred, right).await);
}

/// A success forgets what was counted.
#[tokio::test]
async fn a_success_forgets_former_failures() {
    let world = world().await;
    for _ in 0..4 {
        let mut browser = Browser::default();
        let mut shown = page(browser.authorize(&world, &request("demo", &[])).await);
        for _ in 0..2 {
            let step = browser
                .answer(&world, &shown, password("olena@example.com", "wrong-one"))
                .await;
            shown = page(step);
        }
        response(
            browser
                .answer(&world, &shown, password("olena@example.com", PASSWORD))
                .await,
        );
    }
}

#[tokio::test]
async fn an_address_that_guesses_is_barred() {
    let snapshot = realm_with(|realm| realm.core.protection.attempts_per_address = 3);
    let world = World::new(snapshot).await;
    world.person("olena@example.com").await;
    for n in 0..3 {
        let mut browser = Browser::default();
        let first = page(browser.authorize(&world, &request("demo", &[])).await);
        let answer = password(&format!("n{n}@example.com"), "wrong-one");
        browser.post(&world, &first, answer).await.unwrap();
    }
    let mut other = Browser::default();
    let first = page(other.authorize(&world, &request("demo", &[])).await);
    let fault = other
        .post(&world, &first, password("olena@example.com", PASSWORD))
        .await
        .unwrap_err();
    assert!(matches!(fault, EngineFault::TooManyAttempts { .. }));
    assert!(fault.retry_after().unwrap() > Duration::from_secs(600));
    assert!(
        world
            .observed
            .0
            .lock()
            .unwrap()
            .contains(&Observation::AddressBarred)
    );
}

/// A full queue says so at once, and nothing counts against anybody.
#[tokio::test]
async fn a_full_password_queue_is_a_clear_answer() {
    let world = world().await;
    world.hasher.full.store(true, Ordering::SeqCst);
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let right = password("olena@example.com", PASSWORD);
    for _ in 0..5 {
        let fault = browser
            .post(&world, &first, right.clone())
            .await
            .unwrap_err();
        assert!(matches!(fault, EngineFault::Busy { .. }));
        assert_eq!(fault.retry_after(), Some(Duration::from_secs(3)));
    }
    world.hasher.full.store(false, Ordering::SeqCst);
    response(browser.answer(&world, &first, right).await);
}

/// Weaker hashes are made anew at the first right password.
#[tokio::test]
async fn a_weak_hash_is_upgraded_at_login() {
    let world = world().await;
    let by = crate::accounts::AccountsCaller::process();
    let sub = world.person("import@example.com").await;
    let import = crate::accounts::NewPassword {
        value: None,
        hash: Some(weak_hash("Imported-1").into()),
        must_change: false,
    };
    world
        .engine
        .set_password(&world.realm, &by, &sub, import)
        .await
        .unwrap();
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    response(
        browser
            .answer(&world, &first, password("import@example.com", "Imported-1"))
            .await,
    );
    let stored = world.stored_password(&sub).await;
    assert!(stored.secret.starts_with("$argon2id$"));
    assert!(stored.last_used_at.is_some());
}

/// FLOW-06: a session suffices, for every application.
#[tokio::test]
async fn a_session_is_single_sign_on() {
    let world = world().await;
    let mut browser = Browser::default();
    let first = code(&browser.log_in(&world, &request("demo", &[])).await);
    let again = response(browser.authorize(&world, &request("demo", &[])).await);
    assert_ne!(code(&again), first);
    let silent = response(
        browser
            .authorize(&world, &request("demo", &[("prompt", "none")]))
            .await,
    );
    code(&silent);
}

/// KC-AZ-02.
#[tokio::test]
async fn without_a_session_prompt_none_is_login_required() {
    let world = world().await;
    let mut browser = Browser::default();
    let silent = response(
        browser
            .authorize(&world, &request("demo", &[("prompt", "none")]))
            .await,
    );
    assert_eq!(error(&silent), "login_required");
    assert_eq!(parameter(&silent, "state"), Some("s-1"));
}

/// KC-AZ-03, KC-AZ-04.
#[tokio::test]
async fn prompt_login_and_max_age_ask_again() {
    let world = world().await;
    let mut browser = Browser::default();
    browser.log_in(&world, &request("demo", &[])).await;
    let prompted = page(
        browser
            .authorize(&world, &request("demo", &[("prompt", "login")]))
            .await,
    );
    assert!(is_password(&prompted));
    let fresh = request("demo", &[("max_age", "60")]);
    response(browser.authorize(&world, &fresh).await);
    world.advance(Duration::from_secs(61));
    let old = page(browser.authorize(&world, &fresh).await);
    let secret = browser.0.session.clone();
    let answered = browser
        .answer(&world, &old, password("olena@example.com", PASSWORD))
        .await;
    let tokens = world
        .redeem("demo", &code(&response(answered)))
        .await
        .unwrap();
    let id = claims(field(&tokens, "id_token"));
    let now = world.clock_now().as_second();
    assert!(now - id["auth_time"].as_i64().unwrap() <= 2);
    // A strengthened session has a new secret: the old cookie is dead.
    use secrecy::ExposeSecret as _;
    assert_ne!(
        secret.as_ref().unwrap().expose_secret(),
        browser.0.session.as_ref().unwrap().expose_secret()
    );
    let mut thief = Browser(crate::Cookies {
        session: secret,
        login: None,
    });
    let denied = thief
        .authorize(&world, &request("demo", &[("prompt", "none")]))
        .await;
    assert_eq!(error(&response(denied)), "login_required");
}

/// AUTH-GEN-02, AUTH-GEN-03, KC-SES-06: ends are enforced at use.
#[tokio::test]
async fn sessions_end_by_idleness_and_by_age() {
    let world = world().await;
    let silent = request("demo", &[("prompt", "none")]);
    let mut browser = Browser::default();
    browser.log_in(&world, &request("demo", &[])).await;
    world.advance(Duration::from_secs(1801));
    assert_eq!(
        error(&response(browser.authorize(&world, &silent).await)),
        "login_required"
    );

    browser.log_in(&world, &request("demo", &[])).await;
    for _ in 0..20 {
        world.advance(Duration::from_secs(1790));
        code(&response(browser.authorize(&world, &silent).await));
    }
    world.advance(Duration::from_secs(400));
    assert_eq!(
        error(&response(browser.authorize(&world, &silent).await)),
        "login_required"
    );
}

/// INT-OIDC-06: an answer about somebody else is never slipped in.
#[tokio::test]
async fn another_person_is_login_required_unless_a_choice_was_asked_for() {
    let world = world().await;
    world.person("other@example.com").await;
    for (prompt, expected) in [("login", "login_required"), ("select_account", "")] {
        let mut browser = Browser::default();
        browser.log_in(&world, &request("demo", &[])).await;
        let asked = page(
            browser
                .authorize(&world, &request("demo", &[("prompt", prompt)]))
                .await,
        );
        let step = browser
            .answer(&world, &asked, password("other@example.com", PASSWORD))
            .await;
        assert_eq!(error(&response(step)), expected, "{prompt}");
    }
}

#[tokio::test]
async fn several_tabs_go_their_own_ways() {
    let world = world().await;
    let mut browser = Browser::default();
    let one = page(browser.authorize(&world, &request("demo", &[])).await);
    let two = page(browser.authorize(&world, &request("demo", &[])).await);
    let wrong = page(
        browser
            .answer(&world, &one, password("olena@example.com", "wrong-one"))
            .await,
    );
    response(
        browser
            .answer(&world, &two, password("olena@example.com", PASSWORD))
            .await,
    );
    response(
        browser
            .answer(&world, &wrong, password("olena@example.com", PASSWORD))
            .await,
    );
}

/// Back button: the first page again, and a step of before, show the current one.
#[tokio::test]
async fn a_stale_step_shows_the_current_one() {
    let world = world().await;
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let wrong = password("olena@example.com", "wrong-one");
    let second = page(browser.answer(&world, &first, wrong.clone()).await);
    let third = page(browser.answer(&world, &second, wrong.clone()).await);
    let stale = page(
        browser
            .answer(&world, &second, password("olena@example.com", PASSWORD))
            .await,
    );
    assert_eq!(stale.notice, Some(Notice::StaleStep));
    assert_eq!(stale.target, third.target);
    let back = page(browser.answer(&world, &first, wrong).await);
    assert_eq!(back.target, third.target);
    response(
        browser
            .answer(&world, &third, password("olena@example.com", PASSWORD))
            .await,
    );
    let gone = browser
        .answer(&world, &third, password("olena@example.com", PASSWORD))
        .await;
    assert!(matches!(gone, Step::Error(page) if page.kind == ErrorKind::LoginGone));
}

/// A login of another browser is nobody's business.
#[tokio::test]
async fn a_login_is_bound_to_its_browser() {
    let world = world().await;
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let mut other = Browser::default();
    let right = password("olena@example.com", PASSWORD);
    let refused = page(other.answer(&world, &first, right).await);
    assert_eq!(refused.notice, Some(Notice::NoCookies));
    assert!(other.0.session.is_none());
    let wrong = password("olena@example.com", "wrong-one");
    let stored = page(browser.answer(&world, &first, wrong).await);
    let FormTarget::Login { id, .. } = stored.target else {
        panic!("not stored");
    };
    let reply = world
        .engine
        .show_login(&world.context(), id, &other.0)
        .await;
    assert!(matches!(
        reply.unwrap().step,
        Step::Error(page) if page.kind == ErrorKind::LoginGone
    ));
}

#[tokio::test]
async fn an_expired_page_begins_anew() {
    let world = world().await;
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    world.advance(Duration::from_secs(1801));
    let again = page(
        browser
            .answer(&world, &first, password("olena@example.com", PASSWORD))
            .await,
    );
    assert_eq!(again.notice, Some(Notice::Expired));
    response(
        browser
            .answer(&world, &again, password("olena@example.com", PASSWORD))
            .await,
    );
}

/// Any process answers any request.
#[tokio::test]
async fn a_login_begun_here_is_finished_there() {
    let here = world().await;
    let there = here.other_process();
    let mut browser = Browser::default();
    let first = page(browser.authorize(&here, &request("demo", &[])).await);
    let wrong = password("olena@example.com", "wrong-one");
    let second = page(browser.answer(&there, &first, wrong).await);
    let response = response(
        browser
            .answer(&here, &second, password("olena@example.com", PASSWORD))
            .await,
    );
    let tokens = there.redeem("demo", &code(&response)).await.unwrap();
    code(&super::actors::response(
        browser.authorize(&there, &request("demo", &[])).await,
    ));
    there
        .userinfo(field(&tokens, "access_token"))
        .await
        .unwrap();
}

/// Design section 7: a process behind the login waits for its swap, then asks to come again.
#[tokio::test]
async fn a_process_that_is_behind_waits_and_then_says_so() {
    let mut ahead = world().await;
    let behind = ahead.other_process();
    let next = realm_with(|realm| realm.core.display_name = text("Renamed"));
    ahead.serve(next);
    let mut browser = Browser::default();
    let first = page(browser.authorize(&ahead, &request("demo", &[])).await);
    let wrong = password("olena@example.com", "wrong-one");
    let second = page(browser.answer(&ahead, &first, wrong).await);
    let right = password("olena@example.com", PASSWORD);
    let fault = browser
        .post(&behind, &second, right.clone())
        .await
        .unwrap_err();
    assert!(matches!(fault, EngineFault::Behind { .. }));
    assert!(fault.retry_after().is_some());
    *behind.newest.0.lock().unwrap() = Some(Arc::clone(&ahead.realm));
    response(browser.answer(&behind, &second, right).await);
}

/// A method that vanished restarts the login with a message.
#[tokio::test]
async fn a_vanished_method_restarts_the_login() {
    let mut world = world().await;
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let wrong = password("olena@example.com", "wrong-one");
    let second = page(browser.answer(&world, &first, wrong).await);
    world.serve(realm_with(|realm| {
        let mut method = realm.methods.remove("password").unwrap();
        method.name = "passphrase".into();
        realm.methods.insert("passphrase".into(), method);
    }));
    let restarted = page(
        browser
            .answer(&world, &second, password("olena@example.com", PASSWORD))
            .await,
    );
    assert_eq!(restarted.notice, Some(Notice::Restarted));
    assert!(matches!(
        &restarted.view,
        StepView::Password { method, .. } if method.as_str() == "passphrase"
    ));
    response(
        browser
            .answer(&world, &restarted, password("olena@example.com", PASSWORD))
            .await,
    );
}

/// AUTH-PWD-07, AUTH-PWDPOL-05, FUNC-AUTH-05.
#[tokio::test]
async fn a_password_that_must_change_is_changed_inside_the_login() {
    let world = world().await;
    let created = world
        .engine
        .create_bootstrap_accounts(&world.realm)
        .await
        .unwrap();
    assert_eq!(created, 1);
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let asked = page(
        browser
            .answer(&world, &first, password("admin@example.com", "Bootstrap-1"))
            .await,
    );
    let StepView::NewPassword {
        reason, skippable, ..
    } = &asked.view
    else {
        panic!("{:?}", asked.view);
    };
    assert_eq!(*reason, NewPasswordReason::MustChange);
    assert!(!*skippable);
    let mut current = asked;
    for bad in ["short", "password1", "Bootstrap-1", "x-admin@example.com"] {
        current = page(browser.answer(&world, &current, new_password(bad)).await);
        assert_eq!(current.notice, Some(Notice::NewPasswordRefused), "{bad}");
        let StepView::NewPassword { broken, .. } = &current.view else {
            panic!("{:?}", current.view);
        };
        assert_eq!(broken.len(), 1, "{bad}");
    }
    current = page(
        browser
            .answer(&world, &current, Answer::SkipNewPassword)
            .await,
    );
    assert_eq!(current.notice, Some(Notice::StaleStep));
    response(
        browser
            .answer(&world, &current, new_password("A-New-One-9"))
            .await,
    );
    let mut fresh = Browser::default();
    let first = page(fresh.authorize(&world, &request("demo", &[])).await);
    response(
        fresh
            .answer(&world, &first, password("admin@example.com", "A-New-One-9"))
            .await,
    );
}

/// AUTH-PWDPOL-07.
#[tokio::test]
async fn an_old_password_is_changed_inside_the_login() {
    let snapshot = realm_with(|realm| {
        if let MethodKind::Password(method) = &mut realm.methods.get_mut("password").unwrap().kind {
            method.policy.max_age = Some(Period::from_secs(3600));
        }
    });
    let world = World::new(snapshot).await;
    world.person("olena@example.com").await;
    world.advance(Duration::from_secs(3700));
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let asked = page(
        browser
            .answer(&world, &first, password("olena@example.com", PASSWORD))
            .await,
    );
    assert!(matches!(
        asked.view,
        StepView::NewPassword {
            reason: NewPasswordReason::TooOld,
            ..
        }
    ));
    // Leaving here leaves nobody logged in.
    let silent = request("demo", &[("prompt", "none")]);
    assert_eq!(
        error(&response(browser.authorize(&world, &silent).await)),
        "login_required"
    );
}

/// AUTH-MATCH-02, AUTH-MATCH-03.
#[tokio::test]
async fn a_login_finds_exactly_one_person_whatever_its_case() {
    let world = World::new(realm()).await;
    let by = crate::accounts::AccountsCaller::process();
    for (email, phone) in [
        ("one@example.com", "Ext-A"),
        ("two@example.com", "ext-b"),
        ("three@example.com", "EXT-B"),
    ] {
        let sub = world.person(email).await;
        let change = crate::accounts::AccountChange {
            attributes: [("phone".to_owned(), phone.into())].into(),
            ..Default::default()
        };
        world
            .engine
            .change_account(&world.realm, &by, &sub, change)
            .await
            .unwrap();
    }
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let ambiguous = page(
        browser
            .answer(&world, &first, password("ext-b", PASSWORD))
            .await,
    );
    assert_eq!(ambiguous.notice, Some(Notice::WrongPassword));
    response(
        browser
            .answer(&world, &ambiguous, password("EXT-a", PASSWORD))
            .await,
    );
}

/// AUTH-PWD-04: an overload gives nothing back that was not counted, so it lifts no bar.
#[tokio::test]
async fn a_full_password_queue_lifts_no_bar() {
    let world = world().await;
    for _ in 0..3 {
        let mut browser = Browser::default();
        let page = page(browser.authorize(&world, &request("demo", &[])).await);
        browser
            .answer(&world, &page, password("olena@example.com", "wrong-one"))
            .await;
    }
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let right = password("olena@example.com", PASSWORD);
    world.hasher.full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let fault = browser
            .post(&world, &first, right.clone())
            .await
            .unwrap_err();
        assert!(matches!(fault, EngineFault::Busy { .. }));
    }
    world.hasher.full.store(false, Ordering::SeqCst);
    let barred = page(browser.answer(&world, &first, right).await);
    assert_eq!(barred.notice, Some(Notice::WrongPassword));
}

/// A login under way ends with the password that it was begun with: whoever knew the former one
/// must not overwrite the new one.
#[tokio::test]
async fn a_password_set_meanwhile_ends_logins_with_the_former_one() {
    let world = world().await;
    let sub = world.person("stolen@example.com").await;
    let by = crate::accounts::AccountsCaller::process();
    let set = async |password: &str, must_change| {
        let password = crate::accounts::NewPassword {
            value: None,
            hash: Some(plain_hash(password).into()),
            must_change,
        };
        world
            .engine
            .set_password(&world.realm, &by, &sub, password)
            .await
            .unwrap();
    };
    set("Stolen-One-1", true).await;
    let mut thief = Browser::default();
    let first = page(thief.authorize(&world, &request("demo", &[])).await);
    let asked = page(
        thief
            .answer(
                &world,
                &first,
                password("stolen@example.com", "Stolen-One-1"),
            )
            .await,
    );
    assert!(matches!(asked.view, StepView::NewPassword { .. }));
    world.advance(Duration::from_secs(1));
    set("Set-By-Desk-2", false).await;
    let again = page(
        thief
            .answer(&world, &asked, new_password("Of-The-Thief-3"))
            .await,
    );
    assert_eq!(again.notice, Some(Notice::Restarted));
    let mut owner = Browser::default();
    let first = page(owner.authorize(&world, &request("demo", &[])).await);
    response(
        owner
            .answer(
                &world,
                &first,
                password("stolen@example.com", "Set-By-Desk-2"),
            )
            .await,
    );
}

/// A password that is changed inside a login does not end that login.
#[tokio::test]
async fn a_password_changed_inside_the_login_goes_on_to_the_consent() {
    let world = World::new(realm_with(|realm| {
        edit(realm, "demo", |client| client.consent_required = true);
    }))
    .await;
    world
        .engine
        .create_bootstrap_accounts(&world.realm)
        .await
        .unwrap();
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let asked = page(
        browser
            .answer(&world, &first, password("admin@example.com", "Bootstrap-1"))
            .await,
    );
    world.advance(Duration::from_secs(1));
    let asked = page(
        browser
            .answer(&world, &asked, new_password("A-New-One-9"))
            .await,
    );
    assert!(matches!(asked.view, StepView::Consent { .. }));
    response(browser.answer(&world, &asked, Answer::Consent).await);
}

/// AUTH-MATCH-02: no value stands in the way of somebody else's login.
#[tokio::test]
async fn a_value_with_a_mark_in_front_blocks_nobody() {
    let world = world().await;
    let by = crate::accounts::AccountsCaller::process();
    for (email, phone) in [("a@example.com", "bob"), ("b@example.com", "~bob")] {
        let sub = world.person(email).await;
        let change = crate::accounts::AccountChange {
            attributes: [("phone".to_owned(), serde_json::Value::from(phone))].into(),
            ..Default::default()
        };
        world
            .engine
            .change_account(&world.realm, &by, &sub, change)
            .await
            .unwrap();
    }
    for login in ["bob", "BOB", "~bob"] {
        let mut browser = Browser::default();
        let first = page(browser.authorize(&world, &request("demo", &[])).await);
        response(
            browser
                .answer(&world, &first, password(login, PASSWORD))
                .await,
        );
    }
}
