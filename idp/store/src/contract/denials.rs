//! Why people were refused.

use realmwright_snapshot::{DataClass, RealmId};
use serde_json::json;

use super::samples::*;
use super::{Fixture, done, done_in, realm, refusal};
use crate::{Change, DenialRow, Refusal};

pub async fn reads_back_what_was_recorded(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let nobodys = DenialRow {
        class: DataClass::Pseudonymous,
        ..denial(3, None, at)
    };
    let younger = DenialRow {
        class: DataClass::Medical,
        record: claims(json!({ "by": "access", "rules": [] })),
        ..denial(2, Some(1), after(at, 5))
    };
    let rows = [denial(1, Some(1), at), younger, nobodys];
    let changes = rows.iter().cloned().map(Change::RecordDenial);
    done(&*store, vec![person(1, at)]).await;
    done(&*store, changes.collect()).await;
    for row in &rows {
        let found = store.denial(&realm(), &row.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(row));
    }
    let [oldest, younger, _] = rows;
    let of = store.denials_of(&realm(), &sub(1)).await.unwrap();
    assert_eq!(of, [younger, oldest], "newest first");
    let of = store.denials_of(&realm(), &sub(2)).await.unwrap();
    assert!(of.is_empty());
    for id in ["", "%", "0000-0000-0009"] {
        let unknown = crate::DenialId(id.to_owned());
        assert_eq!(store.denial(&realm(), &unknown).await.unwrap(), None);
    }
}

pub async fn hides_and_sweeps_what_has_expired(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![person(1, at)]).await;
    let brief = DenialRow {
        expires_at: after(at, 60),
        ..denial(1, Some(1), at)
    };
    let changes = vec![
        Change::RecordDenial(brief),
        Change::RecordDenial(denial(2, None, at)),
    ];
    done(&*store, changes).await;
    store.set_clock_offset(offset(61));
    assert_eq!(store.denial(&realm(), &denial_id(1)).await.unwrap(), None);
    let of = store.denials_of(&realm(), &sub(1)).await.unwrap();
    assert!(of.is_empty());
    assert_eq!(fixture.dump("denials").await.len(), 2, "hidden, not gone");
    assert_eq!(store.sweep(10).await.unwrap(), 1);
    assert_eq!(fixture.dump("denials").await.len(), 1);
    let left = store.denial(&realm(), &denial_id(2)).await.unwrap();
    assert!(left.is_some());
}

pub async fn refuses_a_taken_id_and_nobody(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![Change::RecordDenial(denial(1, None, at))]).await;
    let again = Change::RecordDenial(denial(1, None, at));
    assert_eq!(refusal(&*store, again).await, Refusal::Conflict(None));
    let nobody = Change::RecordDenial(denial(2, Some(9), at));
    assert_eq!(refusal(&*store, nobody).await, Refusal::Unknown);
    let other = RealmId::from("acme.other");
    let elsewhere = vec![Change::RecordDenial(denial(1, None, at))];
    done_in(&*store, &other, elsewhere).await;
}
