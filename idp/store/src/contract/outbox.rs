//! The outbox and the audit.

use std::time::Duration;

use realmwright_snapshot::RealmId;

use super::samples::*;
use super::{Fixture, done, done_in, realm};
use crate::{Change, EventQuery, OutboxRow, Store};

const LEASE: Duration = Duration::from_secs(30);

async fn claim(store: &dyn Store, limit: u32) -> Vec<OutboxRow> {
    store.claim_outbox(&[realm()], limit, LEASE).await.unwrap()
}

pub async fn leases_and_completes(fixture: &impl Fixture) {
    let store = fixture.store();
    let messages = (1..=3).map(|number| Change::Enqueue(message(number, 1)));
    done(&*store, messages.collect()).await;
    assert_eq!(claim(&*store, 2).await, [message(1, 1), message(2, 1)]);
    assert_eq!(
        claim(&*store, 2).await,
        [message(3, 1)],
        "leased ones are not given twice"
    );
    assert!(claim(&*store, 2).await.is_empty());
    store
        .complete_outbox(&realm(), &outbox_id(1))
        .await
        .unwrap();
    store
        .complete_outbox(&realm(), &outbox_id(1))
        .await
        .unwrap();

    store.set_clock_offset(offset(31));
    let again = claim(&*store, 9).await;
    assert_eq!(
        again,
        [message(2, 1), message(3, 1)],
        "a lease that ran out"
    );
    for row in again {
        store.complete_outbox(&realm(), &row.id).await.unwrap();
    }
    store.set_clock_offset(offset(99_999));
    assert!(claim(&*store, 9).await.is_empty());
    assert!(fixture.dump("outbox").await.is_empty());
}

pub async fn backs_off_and_dies(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![Change::Enqueue(message(1, 1))]).await;
    claim(&*store, 1).await;
    let retry = Some(after(at, 600));
    let (realm, id) = (realm(), outbox_id(1));
    let release = |retry| store.release_outbox(&realm, &id, retry, "502 from sink");
    release(retry).await.unwrap();
    store.set_clock_offset(offset(599));
    assert!(claim(&*store, 1).await.is_empty(), "not before its time");
    store.set_clock_offset(offset(601));
    let rows = claim(&*store, 1).await;
    assert_eq!(rows[0].attempts, 1);
    release(None).await.unwrap();
    store.set_clock_offset(offset(9_999_999));
    assert!(
        claim(&*store, 1).await.is_empty(),
        "dead letters are not tried"
    );
    release(retry).await.unwrap();
    assert!(claim(&*store, 1).await.is_empty(), "and stay dead");
    let rows = fixture.dump("outbox").await;
    assert_eq!(rows.len(), 1, "but are kept");
    assert!(rows[0].contains("502 from sink"), "{rows:?}");
    let long = "ж".repeat(100_000);
    done(&*store, vec![Change::Enqueue(message(2, 1))]).await;
    claim(&*store, 1).await;
    store
        .release_outbox(&realm, &outbox_id(2), retry, &long)
        .await
        .unwrap();
    let longest = fixture
        .dump("outbox")
        .await
        .into_iter()
        .map(|row| row.len())
        .max();
    assert!(longest.unwrap() < 3000, "errors are cut");
}

pub async fn serves_only_the_realms_it_was_asked_for(fixture: &impl Fixture) {
    let store = fixture.store();
    let other = RealmId::from("acme.other");
    done(&*store, vec![Change::Enqueue(message(1, 1))]).await;
    done_in(&*store, &other, vec![Change::Enqueue(message(2, 1))]).await;
    assert!(store.claim_outbox(&[], 9, LEASE).await.unwrap().is_empty());
    let rows = store
        .claim_outbox(std::slice::from_ref(&other), 9, LEASE)
        .await
        .unwrap();
    let expected = OutboxRow {
        realm: other.clone(),
        ..message(2, 1)
    };
    assert_eq!(rows, [expected], "under the realm of the commit");
    let both = store
        .claim_outbox(&[realm(), other], 9, LEASE)
        .await
        .unwrap();
    assert_eq!(both, [message(1, 1)]);
}

pub async fn counts_the_dead_of_the_realms_it_was_asked_for(fixture: &impl Fixture) {
    let store = fixture.store();
    let other = RealmId::from("acme.other");
    let messages = (1..=3).map(|number| Change::Enqueue(message(number, 1)));
    done(&*store, messages.collect()).await;
    done_in(&*store, &other, vec![Change::Enqueue(message(4, 1))]).await;
    let realms = [realm(), other.clone()];
    let dead = async |realms: &[RealmId]| {
        let counted = store.dead_letters(realms).await.unwrap();
        counted.into_iter().collect::<Vec<_>>()
    };
    assert!(dead(&realms).await.is_empty(), "what is due is not dead");
    store.claim_outbox(&realms, 9, LEASE).await.unwrap();
    let die = async |realm: &RealmId, number| {
        let id = outbox_id(number);
        store.release_outbox(realm, &id, None, "502").await.unwrap();
    };
    die(&realms[0], 1).await;
    die(&realms[0], 2).await;
    die(&other, 4).await;
    assert_eq!(dead(&realms).await, [(other.clone(), 1), (realm(), 2)]);
    assert_eq!(dead(std::slice::from_ref(&other)).await, [(other, 1)]);
    assert!(dead(&[]).await.is_empty());
}

pub async fn pages_through_events(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let events = (1..=7).map(|number| Change::RecordEvent(event(number, number % 2, at)));
    done(&*store, events.collect()).await;
    for (subject, numbers) in [
        (None, vec![1, 2, 3, 4, 5, 6, 7]),
        (Some(sub(1)), vec![1, 3, 5, 7]),
        (Some(sub(5)), vec![]),
    ] {
        let mut query = EventQuery {
            subject,
            limit: 2,
            after: None,
        };
        let mut seen = Vec::new();
        loop {
            let page = store.events(&realm(), &query).await.unwrap();
            assert!(page.items.len() <= 2);
            seen.extend(page.items.into_iter().map(|row| row.id));
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        assert_eq!(seen, numbers.into_iter().map(event_id).collect::<Vec<_>>());
    }
    let query = EventQuery {
        subject: None,
        limit: 2,
        after: Some("no id".to_owned()),
    };
    assert!(
        store
            .events(&realm(), &query)
            .await
            .unwrap()
            .items
            .is_empty()
    );
}
