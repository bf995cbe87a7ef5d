//! Migration, the versions that a build admits, and whose database it is.

use realmwright_snapshot::InstanceName;

use super::samples::*;
use super::{Fixture, done, realm};
use crate::{Change, Owner, StoreError};

fn owner(region: &str, country: &str, instance: Option<&str>) -> Owner {
    Owner {
        region: region.into(),
        country: country.into(),
        instance: instance.map(InstanceName::from),
    }
}

fn is_refused(result: &crate::Result<()>) -> bool {
    matches!(result, Err(StoreError::Refused(_)))
}

pub async fn migrates_an_empty_database_and_a_current_one(fixture: &impl Fixture) {
    let store = fixture.empty().await;
    store.migrate().await.unwrap();
    store.check_schema().await.unwrap();
    let at = clock(&*store).await;
    done(&*store, everything(1, at)).await;
    store.migrate().await.unwrap();
    store.check_schema().await.unwrap();
    assert!(
        store.subject(&realm(), &sub(1)).await.unwrap().is_some(),
        "nothing is lost"
    );
}

pub async fn migrates_once_when_many_try(fixture: &impl Fixture) {
    let store = fixture.empty().await;
    let migrations = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.migrate().await })
    });
    for migration in futures::future::join_all(migrations).await {
        migration.unwrap().unwrap();
    }
    store.check_schema().await.unwrap();
}

pub async fn refuses_an_empty_database_to_serve_from(fixture: &impl Fixture) {
    let store = fixture.empty().await;
    assert!(is_refused(&store.check_schema().await));
}

pub async fn refuses_a_schema_that_is_too_new(fixture: &impl Fixture) {
    let store = fixture.store();
    fixture
        .execute("UPDATE meta SET schema_version = 1000, oldest_reader = 999".to_owned())
        .await;
    let error = store.check_schema().await.unwrap_err();
    assert!(error.to_string().contains("1000"), "{error}");
    assert!(is_refused(&store.migrate().await));
}

/// Migrations expand first: pods of the former build go on serving.
pub async fn admits_a_newer_schema_that_admits_it(fixture: &impl Fixture) {
    let store = fixture.store();
    fixture
        .execute("UPDATE meta SET schema_version = 1000, oldest_reader = 1".to_owned())
        .await;
    store.check_schema().await.unwrap();
    store.migrate().await.unwrap();
    store.check_schema().await.unwrap();
}

/// REGION-RES: a database of another region or country is refused.
pub async fn belongs_to_its_first_owner(fixture: &impl Fixture) {
    let store = fixture.store();
    let first = owner("ua", "UA", None);
    store.claim_ownership(&first).await.unwrap();
    store.claim_ownership(&first).await.unwrap();
    let another = fixture.another().await;
    another.claim_ownership(&first).await.unwrap();
    for thief in [
        owner("pl", "UA", None),
        owner("ua", "PL", None),
        owner("ua", "UA", Some("blue")),
    ] {
        assert!(
            is_refused(&another.claim_ownership(&thief).await),
            "{thief:?}"
        );
    }
    let empty = fixture.empty().await;
    empty.migrate().await.unwrap();
    let instance = owner("ua", "UA", Some("blue"));
    empty.claim_ownership(&instance).await.unwrap();
    assert!(is_refused(&empty.claim_ownership(&first).await));
    assert!(is_refused(
        &empty
            .claim_ownership(&owner("ua", "UA", Some("green")))
            .await
    ));
}

/// A row that this build did not write is an error that quotes no value.
pub async fn says_that_a_row_is_not_ours(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, everything(1, at)).await;
    for statement in [
        "UPDATE attributes SET value = '{\"a\": \"private\"}'",
        "UPDATE sessions SET claims = '[\"private\"]'",
        "UPDATE grants SET scopes = '\"private\"'",
        "UPDATE attempts SET count = -1",
        "UPDATE credentials SET created_at = 9223372036854775807",
    ] {
        fixture.execute(statement.to_owned()).await;
    }
    fn table<T>(result: crate::Result<T>) -> &'static str {
        match result.err().expect("an error") {
            error @ StoreError::Inconsistent { table, .. } => {
                let text = format!("{error} {error:?}");
                assert!(!text.contains("private"), "{text}");
                table
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        table(store.attributes(&realm(), &sub(1)).await),
        "attributes"
    );
    assert_eq!(
        table(store.session(&realm(), &session_id(1)).await),
        "sessions"
    );
    assert_eq!(table(store.grant(&realm(), &grant_id(1)).await), "grants");
    let key = attempt_key(&sub(1).0);
    assert_eq!(table(store.attempts(&realm(), &key).await), "attempts");
    assert_eq!(
        table(store.credentials(&realm(), &sub(1)).await),
        "credentials"
    );
    let bad = Change::InsertGrant(crate::GrantRow {
        sub: None,
        ..grant(2, 1, at)
    });
    done(&*store, vec![bad]).await;
    assert!(store.grant(&realm(), &grant_id(2)).await.unwrap().is_some());
}
