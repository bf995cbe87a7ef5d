//! The database clock decides what has expired, whether it was swept or not (KC-SES-06).

use super::samples::*;
use super::{Fixture, done, realm, refusal};
use crate::{Change, LoginRow, Refusal};

pub async fn hides_what_has_expired(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, everything(1, at)).await;
    let realm = realm();

    store.set_clock_offset(offset(61));
    assert_eq!(store.code(&realm, &hash(2, 1)).await.unwrap(), None);
    assert!(!store.is_revoked(&realm, "jti-1").await.unwrap());
    assert!(
        store
            .access_token(&realm, &hash(4, 1))
            .await
            .unwrap()
            .is_some()
    );

    store.set_clock_offset(offset(301));
    assert_eq!(store.access_token(&realm, &hash(4, 1)).await.unwrap(), None);
    assert!(
        store
            .refresh_token(&realm, &hash(3, 1))
            .await
            .unwrap()
            .is_some()
    );
    assert!(store.login(&realm, &login_id(1)).await.unwrap().is_some());
    assert!(
        store
            .session(&realm, &session_id(1))
            .await
            .unwrap()
            .is_some()
    );

    store.set_clock_offset(offset(1801));
    assert_eq!(
        store.refresh_token(&realm, &hash(3, 1)).await.unwrap(),
        None
    );
    assert_eq!(store.login(&realm, &login_id(1)).await.unwrap(), None);
    let step = LoginRow {
        version: 1,
        ..login(1, at)
    };
    assert_eq!(
        refusal(&*store, Change::SaveLogin(step)).await,
        Refusal::Unknown
    );
    let finish = Change::FinishLogin {
        id: login_id(1),
        version: 1,
    };
    assert_eq!(refusal(&*store, finish).await, Refusal::Unknown);
    assert_eq!(
        store.session(&realm, &session_id(1)).await.unwrap(),
        None,
        "idle"
    );
    assert!(store.sessions_of(&realm, &sub(1)).await.unwrap().is_empty());
    assert!(
        store
            .authentications(&realm, &session_id(1))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .session_clients(&realm, &session_id(1))
            .await
            .unwrap()
            .is_empty()
    );
    let touch = Change::TouchSession {
        id: session_id(1),
        secret: None,
        at,
        idle_expires_at: after(at, 99_999),
        address: None,
        claims: claims(serde_json::json!({})),
        authentications: vec![],
    };
    assert_eq!(
        refusal(&*store, touch).await,
        Refusal::Unknown,
        "an idle session stays so"
    );
    assert!(store.grant(&realm, &grant_id(1)).await.unwrap().is_some());

    store.set_clock_offset(offset(36_001));
    assert_eq!(store.grant(&realm, &grant_id(1)).await.unwrap(), None);
    assert!(store.grants_of(&realm, &sub(1)).await.unwrap().is_empty());
    assert!(
        store.subject(&realm, &sub(1)).await.unwrap().is_some(),
        "people do not expire"
    );
}

pub async fn sweeps_what_has_expired_in_batches(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    for number in 1..=5 {
        done(&*store, everything(number, at)).await;
    }
    assert_eq!(store.sweep(100).await.unwrap(), 0, "nothing has expired");
    let swept_away = [
        "access_tokens",
        "attempts",
        "authentications",
        "codes",
        "grants",
        "logins",
        "refresh_tokens",
        "revoked",
        "session_clients",
        "sessions",
        "used_once",
    ];
    store.set_clock_offset(offset(100_000));
    assert!(store.sweep(2).await.unwrap() > 0);
    assert_eq!(
        fixture.dump("grants").await.len(),
        3,
        "no more than a batch"
    );
    assert_eq!(fixture.dump("used_once").await.len(), 3);
    while store.sweep(2).await.unwrap() > 0 {}
    for table in crate::tables::TABLES {
        let empty = fixture.dump(table.name).await.is_empty();
        assert_eq!(empty, swept_away.contains(&table.name), "{}", table.name);
    }
}

pub async fn the_offset_shifts_the_clock(fixture: &impl Fixture) {
    let store = fixture.store();
    let before = clock(&*store).await;
    assert!(clock(&*store).await >= before);
    store.set_clock_offset(offset(-3600));
    let shifted = clock(&*store).await;
    assert!(shifted < after(before, -3590) && shifted > after(before, -3700));
    store.set_clock_offset(offset(0));
    assert!(clock(&*store).await >= before);
}
