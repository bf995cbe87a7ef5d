//! The accounts API.

use std::time::Duration;

use realmwright_snapshot::{DataClass, RealmSnapshot};
use realmwright_store::{Maintenance as _, SubjectId, Subjects as _};
use serde_json::{Value, json};

use super::actors::*;
use super::fixture::*;
use crate::accounts::{
    AccountChange, AccountSearch, AccountState, AccountsCaller, AccountsError, NewAccount,
    NewPassword,
};
use crate::{PasswordRule, Step};

fn by() -> AccountsCaller {
    AccountsCaller::process()
}

fn account(attributes: Value) -> NewAccount {
    NewAccount {
        attributes: serde_json::from_value(attributes).unwrap(),
        ..Default::default()
    }
}

async fn refused(world: &World, account: NewAccount) -> AccountsError {
    world
        .engine
        .create_account(&world.realm, &by(), account)
        .await
        .unwrap_err()
}

/// ATTR-STORED-01, ATTR-IN-01.
#[tokio::test]
async fn attributes_are_judged_on_their_way_in() {
    let world = World::new(realm()).await;
    let field = |fault: AccountsError| match fault {
        AccountsError::Invalid { field, problem } => format!("{field} {problem}"),
        other => panic!("{other:?}"),
    };
    let cases = [
        (json!({}), "attributes.email is required"),
        (
            json!({"email": "a@b", "shoe": "42"}),
            "attributes.shoe is not declared",
        ),
        (json!({"email": 7}), "attributes.email is of another type"),
        (
            json!({"email": "no address"}),
            "attributes.email does not have the form that the realm declares",
        ),
    ];
    for (attributes, expected) in cases {
        assert_eq!(field(refused(&world, account(attributes)).await), expected);
    }
    let created = world
        .engine
        .create_account(
            &world.realm,
            &by(),
            account(json!({"email": " A@Example.com ", "groups_of": ["x", "y"]})),
        )
        .await
        .unwrap();
    assert_eq!(created.attributes["email"], "A@Example.com");
    assert_eq!(created.attributes["groups_of"], json!(["x", "y"]));
    // Unique without regard to case, as declared.
    let taken = refused(&world, account(json!({"email": "a@EXAMPLE.com"}))).await;
    assert!(matches!(taken, AccountsError::Taken { attribute: Some(name) } if name == "email"));
}

fn with_class_of_name(class: DataClass) -> RealmSnapshot {
    realm_with(|realm| {
        let mut declared = realm.core.attributes.iter_mut();
        let name = declared.find(|attribute| attribute.name.as_str() == "name");
        name.unwrap().data_class = class;
    })
}

/// Design section 5: a value is stored with the class that it had then, and what was stored under a
/// strict class does not reach the log because the realm has declared a looser one since.
#[tokio::test]
async fn a_stored_value_keeps_its_class() {
    let mut world = World::new(with_class_of_name(DataClass::Medical)).await;
    let person = account(json!({"email": "olena@example.com", "name": "Old value"}));
    let by = by();
    let created = world.engine.create_account(&world.realm, &by, person);
    let sub = created.await.unwrap().sub;
    let stored = async |world: &World| {
        let sub = SubjectId(sub.clone());
        let stored = world.store.attributes(world.realm.id(), &sub).await;
        let stored = stored.unwrap();
        (stored["name"].class, stored["email"].class)
    };
    assert_eq!(
        stored(&world).await,
        (DataClass::Medical, DataClass::Personal)
    );
    world.serve(with_class_of_name(DataClass::Pseudonymous));
    let change = AccountChange {
        attributes: [("name".to_owned(), json!("New value"))].into(),
        ..Default::default()
    };
    let changed = world.engine.change_account(&world.realm, &by, &sub, change);
    changed.await.unwrap();
    assert_eq!(stored(&world).await.0, DataClass::Pseudonymous);
    let realms = [world.realm.id().clone()];
    let rows = world.store.claim_outbox(&realms, 500, Duration::ZERO).await;
    let logged: String = rows
        .unwrap()
        .iter()
        .map(|row| row.payload.to_string())
        .collect();
    assert!(logged.contains("attribute_changed"), "{logged}");
    assert!(!logged.contains("Old value"), "{logged}");
}

#[tokio::test]
async fn accounts_are_found_changed_and_locked() {
    let world = World::new(realm()).await;
    let sub = world.person("olena@example.com").await;
    let find = async |value: &str| {
        let search = AccountSearch {
            attributes: vec![("email".into(), value.into())],
            ..Default::default()
        };
        let page = world
            .engine
            .find_accounts(&world.realm, search)
            .await
            .unwrap();
        page.items
            .into_iter()
            .map(|account| account.sub)
            .collect::<Vec<_>>()
    };
    assert_eq!(find("OLENA@example.com").await.first(), Some(&sub));
    for (name, said) in [
        ("name", "is not a searchable attribute; these are: email"),
        (
            "emial",
            "is not a searchable attribute; did you mean `email`?",
        ),
    ] {
        let unsearchable = AccountSearch {
            attributes: vec![(name.into(), "Olena".into())],
            ..Default::default()
        };
        let refused = world.engine.find_accounts(&world.realm, unsearchable).await;
        let refused = format!("{:?}", refused.unwrap_err());
        assert!(refused.contains(said), "{refused}");
    }
    let before = world.engine.account(&world.realm, &sub).await.unwrap();
    let change = |value: Value| serde_json::from_value::<AccountChange>(value).unwrap();
    let changed = world
        .engine
        .change_account(
            &world.realm,
            &by(),
            &sub,
            change(json!({
                "version": before.version,
                "attributes": {"email": "new@example.com", "name": null},
                "roles": ["staff"],
                "groups": ["/Staff/Kyiv"],
                "requiredFactors": 2,
                "state": "locked",
            })),
        )
        .await
        .unwrap();
    assert_eq!(changed.attributes["email"], "new@example.com");
    assert!(!changed.attributes.contains_key("name"));
    assert_eq!(changed.roles, ["staff"]);
    assert_eq!(changed.groups, ["/Staff/Kyiv"]);
    assert_eq!(changed.state, AccountState::Locked);
    assert_eq!(changed.required_factors, 2);
    assert_eq!(find("olena@example.com").await, Vec::<String>::new());
    assert_eq!(find("new@example.com").await.first(), Some(&sub));
    let stale = change(json!({"version": before.version, "requiredFactors": 1}));
    let fault = world
        .engine
        .change_account(&world.realm, &by(), &sub, stale)
        .await;
    assert!(matches!(fault, Err(AccountsError::Stale)));
    for bad in [
        json!({"roles": ["unheard-of"]}),
        json!({"groups": ["no-slash"]}),
        json!({"requiredFactors": 3}),
        json!({"attributes": {"email": null}}),
    ] {
        let fault = world
            .engine
            .change_account(&world.realm, &by(), &sub, change(bad))
            .await;
        assert!(matches!(fault, Err(AccountsError::Invalid { .. })));
    }
    let events = world.events().await;
    for kind in [
        "registration",
        "attribute_changed",
        "membership_changed",
        "required_factor_changed",
        "user_locked",
    ] {
        assert!(events.iter().any(|event| event == kind), "{kind}");
    }
}

/// AUTH-PWDPOL-05, API: a password is judged, a hash is understood or refused, and sessions end.
#[tokio::test]
async fn passwords_are_set_and_imported() {
    let world = World::new(realm()).await;
    let sub = world.person("olena@example.com").await;
    let set = async |value: Option<&str>, hash: Option<&str>| {
        let password = NewPassword {
            value: value.map(|text| text.to_owned().into()),
            hash: hash.map(|text| text.to_owned().into()),
            must_change: false,
        };
        world
            .engine
            .set_password(&world.realm, &by(), &sub, password)
            .await
    };
    let broken = |result: Result<(), AccountsError>| match result {
        Err(AccountsError::Password(rules)) => rules,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        broken(set(Some("short"), None).await),
        [PasswordRule::MinLength(8)]
    );
    assert_eq!(
        broken(set(Some("password1"), None).await),
        [PasswordRule::Dictionary]
    );
    assert_eq!(
        broken(set(Some("xx-olena@example.com"), None).await),
        [PasswordRule::NotLogin]
    );
    assert_eq!(
        broken(set(Some(PASSWORD), None).await),
        [PasswordRule::NotFormer(2)]
    );
    let mut browser = Browser::default();
    browser.log_in(&world, &request("demo", &[])).await;
    set(Some("Another-One-8"), None).await.unwrap();
    let silent = request("demo", &[("prompt", "none")]);
    assert_eq!(
        error(&response(browser.authorize(&world, &silent).await)),
        "login_required"
    );
    // The one before is remembered; two before is not.
    assert_eq!(
        broken(set(Some(PASSWORD), None).await),
        [PasswordRule::NotFormer(2)]
    );
    set(Some("A-Third-One-9"), None).await.unwrap();
    set(Some(PASSWORD), None).await.unwrap();
    for (value, hash) in [
        (None, Some("$md5$nonsense")),
        (None, None),
        (Some("Another-One-8"), Some("$2b$10$x")),
    ] {
        assert!(matches!(
            set(value, hash).await,
            Err(AccountsError::Invalid { .. })
        ));
    }
}

#[tokio::test]
async fn a_factor_is_reset_and_sessions_are_ended() {
    let world = World::new(realm()).await;
    let sub = world.person("olena@example.com").await;
    let mut browser = Browser::default();
    browser.log_in(&world, &request("demo", &[])).await;
    let sessions = world
        .engine
        .account_sessions(&world.realm, &sub)
        .await
        .unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].methods, ["password"]);
    assert_eq!(sessions[0].clients, ["demo"]);
    let end = |id: &'static str| {
        let sub = sub.clone();
        let world = &world;
        async move {
            world
                .engine
                .end_account_sessions(&world.realm, &by(), &sub, Some(id))
                .await
        }
    };
    assert!(end("nonsense").await.is_err());
    assert!(end("00000000-0000-4000-8000-000000000000").await.is_err());
    world
        .engine
        .end_account_sessions(&world.realm, &by(), &sub, None)
        .await
        .unwrap();
    assert!(
        world
            .engine
            .account_sessions(&world.realm, &sub)
            .await
            .unwrap()
            .is_empty()
    );
    world
        .engine
        .reset_factor(&world.realm, &by(), &sub, "password")
        .await
        .unwrap();
    let account = world.engine.account(&world.realm, &sub).await.unwrap();
    assert!(account.credentials.is_empty());
    let unknown = world
        .engine
        .reset_factor(&world.realm, &by(), &sub, "passkey")
        .await;
    assert!(matches!(unknown, Err(AccountsError::NotFound(_))));
}

/// Export shows everything but secrets; erasure leaves nothing.
#[tokio::test]
async fn a_person_is_exported_and_erased() {
    let world = World::new(realm()).await;
    let sub = world.person("olena@example.com").await;
    let mut browser = Browser::default();
    let first = browser.log_in(&world, &request("demo", &[])).await;
    let tokens = world.redeem("demo", &code(&first)).await.unwrap();
    let export = world
        .engine
        .export_account(&world.realm, &by(), &sub)
        .await
        .unwrap();
    let text = serde_json::to_string(&export).unwrap();
    assert!(text.contains("olena@example.com"));
    assert!(!text.contains(&plain_hash(PASSWORD)));
    assert!(!text.contains("$argon2id$"));
    world
        .engine
        .erase_account(&world.realm, &by(), &sub)
        .await
        .unwrap();
    assert!(matches!(
        world.engine.account(&world.realm, &sub).await,
        Err(AccountsError::NotFound(_))
    ));
    assert_eq!(
        refusal(world.userinfo(field(&tokens, "access_token")).await),
        "invalid_token"
    );
    let page = page(browser.authorize(&world, &request("demo", &[])).await);
    let step = browser
        .answer(&world, &page, password("olena@example.com", PASSWORD))
        .await;
    assert!(matches!(step, Step::Page(_)));
    world.person("olena@example.com").await;
}

/// Created when absent, never updated, by any number of processes.
#[tokio::test]
async fn bootstrap_accounts_are_created_once() {
    let world = World::new(realm()).await;
    let other = world.other_process();
    let (a, b) = futures::join!(
        world.engine.create_bootstrap_accounts(&world.realm),
        other.engine.create_bootstrap_accounts(&other.realm)
    );
    assert_eq!(a.unwrap() + b.unwrap(), 1);
    assert_eq!(
        world
            .engine
            .create_bootstrap_accounts(&world.realm)
            .await
            .unwrap(),
        0
    );
    let search = AccountSearch::default();
    let page = world
        .engine
        .find_accounts(&world.realm, search)
        .await
        .unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].name, "admin");
    assert_eq!(page.items[0].groups, ["/Staff"]);
}

/// OIDC-57: only a client's own token with the system scope.
#[tokio::test]
async fn only_the_system_scope_opens_the_api() {
    let mut world = World::new(realm()).await;
    world.person("olena@example.com").await;
    let own = world
        .token(
            "service",
            "grant_type=client_credentials&scope=realmwright%3Aaccounts",
        )
        .await
        .unwrap();
    let own = format!("Bearer {}", field(&own, "access_token"));
    let first = Browser::default()
        .log_in(&world, &request("demo", &[]))
        .await;
    let persons = world.redeem("demo", &code(&first)).await.unwrap();
    let persons = format!("Bearer {}", field(&persons, "access_token"));
    let status = async |world: &World, authorization: Option<&str>| match world
        .engine
        .accounts_caller(&world.context(), authorization)
        .await
    {
        Ok(_) => 200,
        Err(AccountsError::Token(error)) => error.status,
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(status(&world, Some(&own)).await, 200);
    assert_eq!(status(&world, Some(&persons)).await, 403);
    assert_eq!(status(&world, Some("Bearer nonsense")).await, 401);
    assert_eq!(status(&world, None).await, 401);
    // The configuration of now decides.
    world.serve(realm_with(|realm| {
        edit_oidc(realm, "service", |oidc| oidc.scopes.allowed.clear());
    }));
    assert_eq!(status(&world, Some(&own)).await, 403);
}

/// The version stands for the whole account: whoever read it before the roles changed does not
/// put the former ones back.
#[tokio::test]
async fn every_change_is_held_against_the_version() {
    let world = World::new(realm()).await;
    let sub = world.person("olena@example.com").await;
    let before = world.engine.account(&world.realm, &sub).await.unwrap();
    let change = |value: Value| serde_json::from_value::<AccountChange>(value).unwrap();
    for wanted in [
        json!({"roles": ["staff"]}),
        json!({"groups": ["/Staff"]}),
        json!({"requiredFactors": 2}),
    ] {
        let read = world.engine.account(&world.realm, &sub).await.unwrap();
        let changed = world
            .engine
            .change_account(&world.realm, &by(), &sub, change(wanted))
            .await
            .unwrap();
        assert!(changed.version > read.version);
    }
    let stale = change(json!({"version": before.version, "roles": []}));
    let fault = world
        .engine
        .change_account(&world.realm, &by(), &sub, stale)
        .await
        .unwrap_err();
    assert!(matches!(fault, AccountsError::Stale));
}

/// RFC 9068 section 4: a token for another API does not open this one, whatever its scope.
#[tokio::test]
async fn a_token_for_another_api_does_not_open_this_one() {
    let world = World::new(realm_with(|realm| {
        edit_oidc(realm, "service", |oidc| {
            oidc.audiences = names::<String>(&["https://billing.example.com"]);
        });
    }))
    .await;
    let form = "grant_type=client_credentials&scope=realmwright%3Aaccounts";
    for (resource, opens) in [("", true), ("&resource=https://billing.example.com", false)] {
        let answer = world.token("service", &format!("{form}{resource}")).await;
        let token = format!("Bearer {}", field(&answer.unwrap(), "access_token"));
        let caller = world
            .engine
            .accounts_caller(&world.context(), Some(&token))
            .await;
        assert_eq!(caller.is_ok(), opens, "{resource}");
    }
}
