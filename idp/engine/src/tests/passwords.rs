//! Password hashes: imported ones, unusable ones, and what time tells of them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use realmwright_snapshot::{MethodKind, Period};
use realmwright_store::{Change, Commit as _};

use super::actors::*;
use super::fixture::*;
use crate::accounts::{AccountsCaller, AccountsError, NewPassword};
use crate::{Notice, Observation, PasswordRule, StepView};

fn imported(hash: impl Into<String>) -> NewPassword {
    NewPassword {
        value: None,
        hash: Some(hash.into().into()),
        must_change: false,
    }
}

impl World {
    async fn import(&self, sub: &str, hash: String) -> Result<(), AccountsError> {
        let by = AccountsCaller::process();
        let set = self
            .engine
            .set_password(&self.realm, &by, sub, imported(hash));
        set.await
    }

    /// A wrong password; how long the answer took.
    async fn answered_after(&self, login: &str) -> Duration {
        let mut browser = Browser::default();
        let first = page(browser.authorize(self, &request("demo", &[])).await);
        let before = self.clock_now();
        let again = page(
            browser
                .answer(self, &first, password(login, "wrong-one"))
                .await,
        );
        assert_eq!(again.notice, Some(Notice::WrongPassword), "{login}");
        self.clock_now().duration_since(before).unsigned_abs()
    }
}

/// Design section 8: the response floor is not below the slowest hash in use. Whoever answers
/// slower by an imported hash makes all others answer as slowly, persons who do not exist among
/// them.
#[tokio::test]
async fn a_slow_hash_is_not_seen_from_outside() {
    let world = World::new(realm()).await;
    world.person("olena@example.com").await;
    let slow = world.person("slow@example.com").await;
    world.import(&slow, weak_hash(PASSWORD)).await.unwrap();
    let takes = Duration::from_millis(1700);
    *world.hasher.imported_takes.lock().unwrap() = takes;
    for login in [
        "slow@example.com",
        "nobody@example.com",
        "olena@example.com",
        "slow@example.com",
    ] {
        assert_eq!(world.answered_after(login).await, takes, "{login}");
    }
    let observed = world.observed.0.lock().unwrap().clone();
    assert!(observed.contains(&Observation::CheckSlowerThanFloor));
    // Nobody has such a hash any more: the floor falls to what the realm asks for.
    world.advance(Duration::from_secs(3 * 60 * 60));
    let floor = Duration::from_millis(500);
    assert_eq!(world.answered_after("nobody@example.com").await, floor);
    assert_eq!(world.answered_after("olena@example.com").await, floor);
}

/// A stored hash that is not understood looks like a wrong password from outside, and is known
/// inside: the audit says whose it is, the metric that there is one.
#[tokio::test]
async fn a_hash_that_is_not_understood_is_told_inside_only() {
    let world = World::new(realm()).await;
    let sub = world.person("olena@example.com").await;
    let mut row = world.stored_password(&sub).await;
    row.secret = "$argon9$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$b3V0cHV0b3V0cHV0".into();
    let changes = vec![Change::UpdateCredential(row)];
    world.store.commit(world.realm.id(), changes).await.unwrap();
    let floor = Duration::from_millis(500);
    assert_eq!(world.answered_after("olena@example.com").await, floor);
    assert_eq!(
        world.hasher.verified.load(Ordering::SeqCst),
        1,
        "it costs what a right one costs"
    );
    let observed = world.observed.0.lock().unwrap().clone();
    assert!(observed.contains(&Observation::PasswordHashNotUnderstood));
    let failed = world.logged("login_failed").await;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["error"], "credential_unusable");
    assert_eq!(failed[0]["object_id"], sub);
}

/// What could not be checked is not taken over, and the answer says why.
#[tokio::test]
async fn a_hash_that_costs_too_much_is_not_imported() {
    let world = World::new(realm()).await;
    let sub = world.person("olena@example.com").await;
    for (hash, why) in [
        (
            "$2b$14$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "is a bcrypt hash that costs more to check than is admitted (cost at most 12)",
        ),
        (
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b3V0cHV0b3V0cHV0",
            "is a malformed Argon2 hash",
        ),
        (
            "$argon9$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$b3V0cHV0b3V0cHV0",
            "is in no format that is understood: PHC text of Argon2, scrypt or PBKDF2, or bcrypt \
             text",
        ),
    ] {
        let refused = world.import(&sub, hash.to_owned()).await;
        match refused {
            Err(AccountsError::Invalid { field, problem }) => {
                assert_eq!((field.as_str(), problem.as_str()), ("password.hash", why));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A bootstrap account is never updated, so it does not begin with a hash that nobody can meet.
#[tokio::test]
async fn a_bootstrap_account_with_an_unusable_hash_waits_for_a_usable_one() {
    let mut world = World::new(realm_with(|realm| {
        realm.core.bootstrap_accounts[0].password = Some("demo".into());
    }))
    .await;
    let create = async |world: &World| {
        let created = world.engine.create_bootstrap_accounts(&world.realm).await;
        created.unwrap()
    };
    assert_eq!(create(&world).await, 0);
    world.serve(realm());
    assert_eq!(create(&world).await, 1);
}

/// AUTH-PWD-07: a change that is demanded changes something, also where the policy remembers no
/// former passwords.
#[rstest::rstest]
#[case::at_the_first_login(true, None)]
#[case::by_age(false, Some(Period::from_secs(3600)))]
#[tokio::test]
async fn a_demanded_change_must_differ_from_the_present_password(
    #[case] must_change: bool,
    #[case] max_age: Option<Period>,
) {
    let world = World::new(realm_with(|realm| {
        let method = realm.methods.get_mut("password").unwrap();
        let MethodKind::Password(method) = &mut method.kind else {
            panic!("{method:?}");
        };
        method.policy.history = 0;
        method.policy.max_age = max_age;
    }))
    .await;
    let sub = world.person("olena@example.com").await;
    let by = AccountsCaller::process();
    let set = NewPassword {
        must_change,
        ..imported(plain_hash(PASSWORD))
    };
    let set = world.engine.set_password(&world.realm, &by, &sub, set);
    set.await.unwrap();
    world.advance(Duration::from_secs(2 * 3600));
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let right = password("olena@example.com", PASSWORD);
    let asked = page(browser.answer(&world, &first, right).await);
    let again = page(browser.answer(&world, &asked, new_password(PASSWORD)).await);
    assert_eq!(again.notice, Some(Notice::NewPasswordRefused));
    let StepView::NewPassword { rules, broken, .. } = &again.view else {
        panic!("{:?}", again.view);
    };
    assert_eq!(*broken, [PasswordRule::NotFormer(1)]);
    assert!(
        rules.contains(&PasswordRule::NotFormer(1)),
        "it is told before"
    );
    let other = new_password("Another-One-8");
    response(browser.answer(&world, &again, other).await);
    // What was before the former one is not remembered.
    let set = NewPassword {
        must_change,
        ..imported(plain_hash("A-Third-One-9"))
    };
    let set = world.engine.set_password(&world.realm, &by, &sub, set);
    set.await.unwrap();
    world.advance(Duration::from_secs(2 * 3600));
    let mut browser = Browser::default();
    let first = page(browser.authorize(&world, &request("demo", &[])).await);
    let right = password("olena@example.com", "A-Third-One-9");
    let asked = page(browser.answer(&world, &first, right).await);
    response(browser.answer(&world, &asked, new_password(PASSWORD)).await);
}

/// An administrator who sets a password does not learn by it whether it is the present one.
#[tokio::test]
async fn an_administrator_may_set_the_present_password() {
    let world = World::new(realm_with(|realm| {
        let method = realm.methods.get_mut("password").unwrap();
        let MethodKind::Password(method) = &mut method.kind else {
            panic!("{method:?}");
        };
        method.policy.history = 0;
    }))
    .await;
    let sub = world.person("olena@example.com").await;
    let by = AccountsCaller::process();
    let same = NewPassword {
        value: Some(PASSWORD.to_owned().into()),
        hash: None,
        must_change: true,
    };
    let set = world.engine.set_password(&world.realm, &by, &sub, same);
    set.await.unwrap();
}
