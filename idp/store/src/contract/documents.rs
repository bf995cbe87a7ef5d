//! What is read in one statement is what the single reads find.

use realmwright_snapshot::AttributeValue;
use serde_json::json;

use super::samples::*;
use super::{Fixture, done, realm};
use crate::{
    Change, GrantRow, Presented, Standing, Store, StoredPerson, StoredSession, SubjectRow,
};

/// The person, read table by table.
async fn person_by_parts(store: &dyn Store, number: Number) -> StoredPerson {
    let (realm, sub) = (realm(), sub(number));
    let credentials = store.credentials(&realm, &sub).await.unwrap();
    StoredPerson {
        subject: store.subject(&realm, &sub).await.unwrap().unwrap(),
        attributes: store.attributes(&realm, &sub).await.unwrap(),
        credentials: credentials.into_iter().map(|row| row.kind).collect(),
        roles: store.roles(&realm, &sub).await.unwrap(),
        groups: store.groups(&realm, &sub).await.unwrap(),
    }
}

/// The grant of person 1, read table by table.
async fn standing_by_parts(store: &dyn Store, number: Number) -> Standing {
    let realm = realm();
    let grant = store.grant(&realm, &grant_id(number)).await.unwrap();
    let session = session_id(number);
    let row = store.session(&realm, &session).await.unwrap().unwrap();
    Standing {
        grant: grant.unwrap(),
        session: Some(StoredSession {
            row,
            authentications: store.authentications(&realm, &session).await.unwrap(),
        }),
        person: Some(person_by_parts(store, 1).await),
    }
}

async fn standing(store: &dyn Store, number: Number) -> Option<Standing> {
    let grant = grant_id(number);
    store.standing(&realm(), &grant).await.unwrap()
}

async fn presented(store: &dyn Store, number: Number, jti: &str) -> Presented {
    let grant = grant_id(number);
    store.presented(&realm(), &grant, jti).await.unwrap()
}

pub async fn a_person_is_the_sum_of_the_parts(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, everything(1, at)).await;
    let bare = Change::InsertSubject {
        subject: SubjectRow {
            store_key: "\u{FEFF}'\"\\\n\u{10FFFF}".to_owned(),
            required_factors: 2,
            ..subject(2, at)
        },
        attributes: attributes(&[
            ("nick", text("a\0b")),
            ("floors", AttributeValue::Number(i64::MIN)),
        ]),
        lookup: vec![],
    };
    done(&*store, vec![bare]).await;
    for number in [1, 2] {
        let read = store.person(&realm(), &sub(number)).await.unwrap();
        assert_eq!(read, Some(person_by_parts(&*store, number).await));
    }
    assert_eq!(store.person(&realm(), &sub(3)).await.unwrap(), None);
}

pub async fn a_grant_stands_as_its_parts_do(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, everything(1, at)).await;
    let more = vec![
        begin_session(2, 1, at),
        Change::TouchSession {
            id: session_id(2),
            secret: None,
            at: after(at, 1),
            idle_expires_at: after(at, 1800),
            address: Some("2001:db8::1".to_owned()),
            claims: claims(json!({ "deep": { "er": [1, null] } })),
            authentications: vec![authentication(2, "totp", after(at, 1))],
        },
        Change::InsertGrant(GrantRow {
            authorization_details: json!([{ "type": "payment", "amount": 1.10 }]),
            claims: json!({ "userinfo": { "email": null } }),
            cnf: Some(json!({ "jkt": "0ZcOCORZNYy" })),
            ..session_grant(2, 1, 2, at)
        }),
    ];
    done(&*store, more).await;
    for number in [1, 2] {
        let parts = standing_by_parts(&*store, number).await;
        let read = standing(&*store, number).await.unwrap();
        assert_eq!(read, parts);
        let (here, jti) = (presented(&*store, number, "jti-9").await, "jti-1");
        assert!(!here.revoked);
        assert_eq!(here.standing, Some(parts));
        assert!(presented(&*store, number, jti).await.revoked);
    }
    let own = GrantRow {
        sub: None,
        nonce: None,
        auth_time: None,
        acr: None,
        ..grant(3, 1, at)
    };
    done(&*store, vec![Change::InsertGrant(own.clone())]).await;
    let expected = Standing {
        grant: own,
        session: None,
        person: None,
    };
    assert_eq!(standing(&*store, 3).await, Some(expected));
    assert_eq!(standing(&*store, 4).await, None);
    let nothing = presented(&*store, 4, "jti-1").await;
    assert!(nothing.revoked && nothing.standing.is_none());
}

/// design.md section 7: introspection and userinfo read grant state and revocations.
pub async fn a_grant_tells_what_has_ended(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    for number in 1..=4 {
        done(&*store, everything(number, at)).await;
    }
    let ended = after(at, 1);
    let ends = vec![
        Change::EndGrant {
            id: grant_id(1),
            at: ended,
        },
        Change::EndSession {
            id: session_id(2),
            at: ended,
        },
        Change::EraseSubject { sub: sub(3) },
    ];
    done(&*store, ends).await;
    let of = |number| standing(&*store, number);
    assert_eq!(of(1).await.unwrap().grant.ended_at, Some(ended));
    let without = of(2).await.unwrap();
    assert_eq!(
        (without.grant.ended_at, without.session),
        (Some(ended), None)
    );
    assert!(without.person.is_some());
    assert_eq!(of(3).await, None, "the grant went along");

    store.set_clock_offset(offset(61));
    assert!(!presented(&*store, 4, "jti-4").await.revoked);
    store.set_clock_offset(offset(1801));
    let idle = of(4).await.unwrap();
    assert_eq!((idle.session, idle.grant.ended_at), (None, None));
    store.set_clock_offset(offset(36_001));
    assert_eq!(of(4).await, None);
    assert_eq!(presented(&*store, 4, "jti-4").await.standing, None);
}
