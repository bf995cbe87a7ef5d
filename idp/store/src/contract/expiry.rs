//! The database clock decides what has expired, whether it was swept or not (KC-SES-06).

use std::time::Duration;

use realmwright_snapshot::RealmId;
use uuid::Uuid;

use super::samples::*;
use super::{Fixture, done, done_in, realm, refusal};
use crate::{Change, EventQuery, EventRow, LoginRow, Purged, Refusal, Retention, Store};

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
        "denials",
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

const RETENTION: Retention = Retention {
    events: Some(Duration::from_secs(100)),
    dead_letters: Duration::from_secs(200),
};

async fn events_of(store: &dyn Store, realm: &RealmId) -> Vec<Uuid> {
    let query = EventQuery {
        limit: 100,
        ..EventQuery::default()
    };
    let page = store.events(realm, &query).await.unwrap();
    page.items.into_iter().map(|event| event.id).collect()
}

/// CONF-STORE-03.
pub async fn purges_audit_events_by_age(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let other = RealmId::from("acme.other");
    // The highest id that an event of this moment can have.
    let millis = u128::try_from(at.as_millisecond()).unwrap();
    let last = Uuid::from_u128((millis << 80) | 0x7fff_bfff_ffff_ffff_ffff);
    let mut old: Vec<EventRow> = (1..=4).map(|number| event(number, 1, at)).collect();
    old.push(EventRow {
        id: last,
        ..event(5, 1, at)
    });
    let younger = event(6, 1, after(at, 50));
    let records = old.iter().chain([&younger]).cloned();
    done(&*store, records.map(Change::RecordEvent).collect()).await;
    done_in(&*store, &other, vec![Change::RecordEvent(event(7, 1, at))]).await;

    let events = async |retention: Retention, batch| {
        let purged = store.purge(&realm(), &retention, batch).await.unwrap();
        assert_eq!(purged.dead_letters, 0);
        purged.events
    };
    store.set_clock_offset(offset(98));
    assert_eq!(events(RETENTION, 100).await, 0, "too young");
    store.set_clock_offset(offset(101));
    assert_eq!(events(RETENTION, 2).await, 2, "no more than a batch");
    let left = events_of(&*store, &realm()).await;
    assert_eq!(left, [event_id(3), event_id(4), event_id(6), last]);
    assert_eq!(events(RETENTION, 2).await, 2);
    assert_eq!(events(RETENTION, 2).await, 1);
    assert_eq!(events(RETENTION, 2).await, 0);
    assert_eq!(events_of(&*store, &realm()).await, [event_id(6)]);

    let for_ever = Retention {
        events: None,
        ..RETENTION
    };
    store.set_clock_offset(offset(99_999_999));
    assert_eq!(events(for_ever, 100).await, 0);
    let too_long = Retention {
        events: Some(Duration::MAX),
        ..RETENTION
    };
    assert_eq!(events(too_long, 100).await, 0);
    assert_eq!(events(RETENTION, 100).await, 1);
    assert_eq!(events_of(&*store, &other).await, [event_id(7)]);
}

pub async fn purges_dead_letters_by_age(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let other = RealmId::from("acme.other");
    let messages = (1..=4).map(|number| Change::Enqueue(message(number, 1)));
    done(&*store, messages.collect()).await;
    done_in(&*store, &other, vec![Change::Enqueue(message(5, 1))]).await;
    let lease = Duration::from_secs(1);
    let realms = [realm(), other.clone()];
    store.claim_outbox(&realms, 9, lease).await.unwrap();
    for (realm, number) in [(realm(), 1), (realm(), 2), (other, 5)] {
        store
            .release_outbox(&realm, &outbox_id(number), None, "gone")
            .await
            .unwrap();
    }
    // The third is tried again, the fourth is leased: both are alive.
    store
        .release_outbox(&realm(), &outbox_id(3), Some(after(at, 5)), "busy")
        .await
        .unwrap();
    let dead = async |batch| {
        let purged = store.purge(&realm(), &RETENTION, batch).await.unwrap();
        assert_eq!(purged.events, 0);
        purged.dead_letters
    };
    store.set_clock_offset(offset(198));
    assert_eq!(dead(100).await, 0, "too young");
    // A build of the former schema does not say when: the time counts from the first purge.
    fixture
        .execute("UPDATE outbox SET dead_at = NULL WHERE attempts = 1".to_owned())
        .await;
    assert_eq!(dead(100).await, 0);
    store.set_clock_offset(offset(396));
    assert_eq!(dead(100).await, 0);
    store.set_clock_offset(offset(400));
    assert_eq!(dead(1).await, 1, "no more than a batch");
    assert_eq!(dead(1).await, 1);
    assert_eq!(dead(1).await, 0);
    store.set_clock_offset(offset(99_999_999));
    let purged = store.purge(&realm(), &RETENTION, 100).await.unwrap();
    assert_eq!(purged, Purged::default());
    assert_eq!(
        fixture.dump("outbox").await.len(),
        3,
        "the living, and another realm's"
    );
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
