//! People, their attributes, credentials, roles and groups.

use realmwright_snapshot::{AttributeValue, DataClass};
use serde_json::json;

use super::samples::*;
use super::{Fixture, done, realm, refusal, refused};
use crate::{
    Change, CredentialRow, Refusal, StoredAttributes, SubjectId, SubjectQuery, SubjectRow,
    SubjectState,
};

fn set(number: u64, version: i64, pairs: &[(&str, AttributeValue)]) -> Change {
    Change::UpdateAttributes {
        sub: sub(number),
        version,
        set: attributes(pairs),
        remove: vec![],
        lookup: vec![],
        at: jiff::Timestamp::UNIX_EPOCH,
    }
}

pub async fn inserts_and_reads_a_person(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    assert_eq!(store.subject(&realm(), &sub(1)).await.unwrap(), None);
    done(&*store, vec![person(1, at)]).await;

    let row = store.subject(&realm(), &sub(1)).await.unwrap().unwrap();
    assert_eq!(row, subject(1, at));
    let by_key = store
        .subject_by_store_key(&realm(), "internal", "key-1")
        .await
        .unwrap();
    assert_eq!(by_key, Some(row));
    for (place, key) in [
        ("internal", "key-2"),
        ("ldap", "key-1"),
        ("internal", "key-1\0"),
    ] {
        let found = store
            .subject_by_store_key(&realm(), place, key)
            .await
            .unwrap();
        assert_eq!(found, None, "{place} {key:?}");
    }
    let found = store
        .lookup(&realm(), &key("email", "person1@example.com"), 10)
        .await
        .unwrap();
    assert_eq!(found, [sub(1)]);
    let stored = store.attributes(&realm(), &sub(1)).await.unwrap();
    assert_eq!(
        stored,
        attributes(&[
            ("email", text("person1@example.com")),
            ("city", text("Kyiv"))
        ])
    );
}

pub async fn refuses_a_taken_store_key(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![person(1, at)]).await;
    let same_key = Change::InsertSubject {
        subject: SubjectRow {
            store_key: "key-1".to_owned(),
            ..subject(2, at)
        },
        attributes: attributes(&[]),
        lookup: vec![],
    };
    assert_eq!(refusal(&*store, same_key).await, Refusal::Conflict(None));
    assert_eq!(
        refusal(&*store, person(1, at)).await,
        Refusal::Conflict(None)
    );
    assert_eq!(store.subject(&realm(), &sub(2)).await.unwrap(), None);
}

/// Two changes before it are undone with it.
pub async fn refuses_a_taken_unique_value_and_names_it(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![person(1, at)]).await;
    let taken = Change::InsertSubject {
        subject: subject(3, at),
        attributes: attributes(&[("phone", text("1")), ("email", text("x"))]),
        lookup: vec![
            (key("city", "kyiv"), false),
            (key("email", "person1@example.com"), true),
            (key("phone", "1"), true),
        ],
    };
    let answer = refused(&*store, vec![person(2, at), taken]).await;
    assert_eq!(answer, (1, Refusal::Conflict(Some("email".into()))));
    assert_eq!(store.subject(&realm(), &sub(2)).await.unwrap(), None);
    assert_eq!(store.subject(&realm(), &sub(3)).await.unwrap(), None);
}

pub async fn lets_people_share_a_value_that_is_not_unique(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![person(1, at), person(2, at), person(3, at)]).await;
    let kyiv = key("city", "kyiv");
    let all = store.lookup(&realm(), &kyiv, 10).await.unwrap();
    assert_eq!(all, [sub(1), sub(2), sub(3)]);
    assert_eq!(
        store.lookup(&realm(), &kyiv, 2).await.unwrap(),
        [sub(1), sub(2)]
    );
    for unknown in ["Kyiv", "kyi", "kyiv\0", ""] {
        let found = store
            .lookup(&realm(), &key("city", unknown), 10)
            .await
            .unwrap();
        assert!(found.is_empty(), "{unknown:?}");
    }
}

pub async fn frees_a_unique_value_that_was_changed(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![person(1, at)]).await;
    let change = Change::UpdateAttributes {
        sub: sub(1),
        version: 1,
        set: attributes(&[("email", text("new@example.com"))]),
        remove: vec![],
        lookup: vec![(key("email", "new@example.com"), true)],
        at,
    };
    done(&*store, vec![change]).await;
    let takes_the_old = Change::InsertSubject {
        subject: subject(2, at),
        attributes: attributes(&[]),
        lookup: vec![(key("email", "person1@example.com"), true)],
    };
    done(&*store, vec![takes_the_old]).await;
    let back = Change::UpdateAttributes {
        sub: sub(1),
        version: 2,
        set: attributes(&[("email", text("person1@example.com"))]),
        remove: vec![],
        lookup: vec![(key("email", "person1@example.com"), true)],
        at,
    };
    assert_eq!(
        refusal(&*store, back).await,
        Refusal::Conflict(Some("email".into()))
    );
    let found = store
        .lookup(&realm(), &key("email", "new@example.com"), 10)
        .await
        .unwrap();
    assert_eq!(found, [sub(1)], "the refused change has undone nothing");
}

pub async fn replaces_and_removes_attributes_by_version(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![person(1, at)]).await;
    let later = after(at, 5);
    let change = Change::UpdateAttributes {
        sub: sub(1),
        version: 1,
        set: attributes(&[("age", AttributeValue::Number(40))]),
        remove: vec!["city".into(), "absent".into()],
        lookup: vec![(key("age", "40"), false)],
        at: later,
    };
    done(&*store, vec![change]).await;
    assert_eq!(
        store.attributes(&realm(), &sub(1)).await.unwrap(),
        attributes(&[
            ("email", text("person1@example.com")),
            ("age", AttributeValue::Number(40)),
        ])
    );
    let row = store.subject(&realm(), &sub(1)).await.unwrap().unwrap();
    assert_eq!(
        (row.version, row.updated_at, row.created_at),
        (2, later, at)
    );
    assert!(
        store
            .lookup(&realm(), &key("city", "kyiv"), 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.lookup(&realm(), &key("age", "40"), 9).await.unwrap(),
        [sub(1)]
    );
    let email = key("email", "person1@example.com");
    assert_eq!(store.lookup(&realm(), &email, 9).await.unwrap(), [sub(1)]);

    assert_eq!(refusal(&*store, set(1, 1, &[])).await, Refusal::Stale);
    assert_eq!(refusal(&*store, set(1, 3, &[])).await, Refusal::Stale);
    assert_eq!(refusal(&*store, set(2, 1, &[])).await, Refusal::Unknown);
}

/// ATTR-STORED-01.
pub async fn keeps_attributes_of_every_type(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let values = attributes(&[
        ("text", text("Ґанок \u{1F3E1}\n\0")),
        ("number", AttributeValue::Number(i64::MAX)),
        ("truth", AttributeValue::Boolean(false)),
        ("bytes", AttributeValue::Bytes(vec![0, 159, 146, 150])),
        (
            "list",
            AttributeValue::StringList(vec![String::new(), "a,b".to_owned()]),
        ),
        ("none", AttributeValue::StringList(vec![])),
    ]);
    let insert = Change::InsertSubject {
        subject: subject(1, at),
        attributes: values.clone(),
        lookup: vec![],
    };
    done(&*store, vec![insert]).await;
    assert_eq!(store.attributes(&realm(), &sub(1)).await.unwrap(), values);
    done(&*store, vec![set(1, 1, &[("number", text("now a text"))])]).await;
    let stored = store.attributes(&realm(), &sub(1)).await.unwrap();
    assert_eq!(stored["number"], personal(text("now a text")));
}

/// Design section 5: the class goes with the value, to the database and into exports.
pub async fn keeps_the_class_of_an_attribute(fixture: &impl Fixture) {
    use DataClass::{Medical, Personal, Pseudonymous};
    let store = fixture.store();
    let at = clock(&*store).await;
    let values: StoredAttributes = [
        ("badge", Pseudonymous),
        ("name", Personal),
        ("blood_type", Medical),
    ]
    .map(|(name, class)| (name.into(), classed(text(name), class)))
    .into();
    let insert = Change::InsertSubject {
        subject: subject(1, at),
        attributes: values.clone(),
        lookup: vec![],
    };
    done(&*store, vec![insert]).await;
    assert_eq!(store.attributes(&realm(), &sub(1)).await.unwrap(), values);
    let export = store.export(&realm(), &sub(1)).await.unwrap();
    assert_eq!(
        export["attributes"],
        json!([
            { "name": "badge", "value": "badge", "class": "pseudonymous" },
            { "name": "blood_type", "value": "blood_type", "class": "medical" },
            { "name": "name", "value": "name", "class": "personal" },
        ])
    );
    // The realm has declared it anew: what is written from then on has the new class.
    let stricter = Change::UpdateAttributes {
        sub: sub(1),
        version: 1,
        set: [("badge".into(), classed(text("badge"), Medical))].into(),
        remove: vec![],
        lookup: vec![],
        at,
    };
    done(&*store, vec![stricter]).await;
    let stored = store.attributes(&realm(), &sub(1)).await.unwrap();
    assert_eq!(stored["badge"].class, Medical);
    assert_eq!(stored["name"].class, Personal);
}

pub async fn searches_in_pages(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, (10..17).map(|number| person(number, at)).collect()).await;
    let mut query = SubjectQuery {
        limit: 3,
        ..SubjectQuery::default()
    };
    let mut pages = Vec::new();
    loop {
        let page = store.search(&realm(), &query).await.unwrap();
        pages.push(
            page.items
                .into_iter()
                .map(|row| row.sub)
                .collect::<Vec<_>>(),
        );
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    let all: Vec<_> = (10..17).map(sub).collect();
    assert_eq!(pages, all.chunks(3).collect::<Vec<_>>());

    query.limit = 7;
    query.after = None;
    let whole = store.search(&realm(), &query).await.unwrap();
    assert_eq!(
        (whole.items.len(), whole.next),
        (7, None),
        "no empty page follows"
    );
    query.after = Some("zzz".to_owned());
    assert!(
        store
            .search(&realm(), &query)
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

pub async fn searches_by_several_values(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![person(1, at), person(2, at), person(3, at)]).await;
    let lock = Change::SetSubjectState {
        sub: sub(2),
        state: SubjectState::Locked,
        at,
    };
    done(&*store, vec![lock]).await;
    let kyiv = key("city", "kyiv");
    let second = key("email", "person2@example.com");
    let third = key("email", "person3@example.com");
    let (locked, active) = (Some(SubjectState::Locked), Some(SubjectState::Active));
    for (keys, state, found) in [
        (vec![], None, vec![1, 2, 3]),
        (vec![], active, vec![1, 3]),
        (vec![kyiv.clone()], None, vec![1, 2, 3]),
        (vec![kyiv.clone()], locked, vec![2]),
        (vec![kyiv.clone(), second.clone()], None, vec![2]),
        (vec![second.clone(), kyiv.clone()], None, vec![2]),
        (vec![kyiv.clone(), second.clone()], active, vec![]),
        (vec![second, third], None, vec![]),
        (vec![kyiv, key("email", "nobody")], None, vec![]),
        (vec![key("email", "%")], None, vec![]),
    ] {
        let query = SubjectQuery {
            attributes: keys,
            state,
            limit: 10,
            after: None,
        };
        let page = store.search(&realm(), &query).await.unwrap();
        let subs: Vec<_> = page.items.into_iter().map(|row| row.sub).collect();
        let expected: Vec<_> = found.into_iter().map(sub).collect();
        assert_eq!(subs, expected, "{query:?}");
    }
}

pub async fn locks_and_unlocks(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![person(1, at)]).await;
    let later = after(at, 9);
    let to = |number, state| Change::SetSubjectState {
        sub: sub(number),
        state,
        at: later,
    };
    done(&*store, vec![to(1, SubjectState::Locked)]).await;
    let row = store.subject(&realm(), &sub(1)).await.unwrap().unwrap();
    assert_eq!(
        (row.state, row.version, row.updated_at),
        (SubjectState::Locked, 2, later)
    );
    done(&*store, vec![to(1, SubjectState::Active)]).await;
    let row = store.subject(&realm(), &sub(1)).await.unwrap().unwrap();
    assert_eq!(row.state, SubjectState::Active);
    assert_eq!(
        refusal(&*store, to(2, SubjectState::Locked)).await,
        Refusal::Unknown
    );

    let factors = |number| Change::SetRequiredFactors {
        sub: sub(number),
        required_factors: 2,
        at: later,
    };
    done(&*store, vec![factors(1)]).await;
    let row = store.subject(&realm(), &sub(1)).await.unwrap().unwrap();
    assert_eq!(row.required_factors, 2);
    assert_eq!(refusal(&*store, factors(2)).await, Refusal::Unknown);
}

pub async fn replaces_roles_and_groups(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![person(1, at)]).await;
    for names in [vec!["b", "a", "demo:x", "a"], vec!["c"], vec![]] {
        let owned: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let changes = vec![
            Change::SetRoles {
                sub: sub(1),
                roles: owned.clone(),
            },
            Change::SetGroups {
                sub: sub(1),
                groups: owned.iter().map(|name| format!("/{name}")).collect(),
            },
        ];
        done(&*store, changes).await;
        let mut expected = owned;
        expected.sort();
        expected.dedup();
        assert_eq!(store.roles(&realm(), &sub(1)).await.unwrap(), expected);
        let groups: Vec<_> = expected.iter().map(|name| format!("/{name}")).collect();
        assert_eq!(store.groups(&realm(), &sub(1)).await.unwrap(), groups);
    }
}

pub async fn keeps_credentials_oldest_first(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let of_kind = |number, kind: &str, age: i64| CredentialRow {
        kind: kind.to_owned(),
        ..credential(number, 1, after(at, -age))
    };
    let (new, old, middle) = (
        of_kind(1, "totp", 10),
        of_kind(2, "password", 30),
        of_kind(3, "totp", 20),
    );
    let insert = |row: &CredentialRow| Change::InsertCredential(row.clone());
    let changes = vec![person(1, at), insert(&new), insert(&old), insert(&middle)];
    done(&*store, changes).await;
    let stored = store.credentials(&realm(), &sub(1)).await.unwrap();
    assert_eq!(stored, [old.clone(), middle, new.clone()]);
    assert_eq!(
        refusal(&*store, insert(&new)).await,
        Refusal::Conflict(None)
    );

    let of_another = Change::DeleteCredential {
        sub: sub(2),
        id: old.id,
    };
    assert_eq!(refusal(&*store, of_another).await, Refusal::Unknown);
    let totp = Change::DeleteCredentials {
        sub: sub(1),
        kind: "totp".to_owned(),
    };
    done(&*store, vec![totp.clone(), totp]).await;
    assert_eq!(
        store.credentials(&realm(), &sub(1)).await.unwrap(),
        std::slice::from_ref(&old)
    );
    let delete = Change::DeleteCredential {
        sub: sub(1),
        id: old.id,
    };
    done(&*store, vec![delete.clone()]).await;
    assert_eq!(refusal(&*store, delete).await, Refusal::Unknown);
}

pub async fn changes_a_credential_only_at_its_version(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let insert = Change::InsertCredential(credential(1, 1, at));
    done(&*store, vec![person(1, at), insert]).await;
    let changed = CredentialRow {
        label: "My phone".to_owned(),
        secret: "other".to_owned(),
        state: json!({ "last_step": 42 }),
        last_used_at: Some(after(at, 3)),
        ..credential(1, 1, at)
    };
    done(&*store, vec![Change::UpdateCredential(changed.clone())]).await;
    let expected = CredentialRow {
        version: 2,
        ..changed.clone()
    };
    let stored = store.credentials(&realm(), &sub(1)).await.unwrap();
    assert_eq!(stored, [expected]);
    assert_eq!(
        refusal(&*store, Change::UpdateCredential(changed)).await,
        Refusal::Stale
    );
    let absent = Change::UpdateCredential(credential(9, 1, at));
    assert_eq!(refusal(&*store, absent).await, Refusal::Stale);
}

/// Nothing outlives the person it hangs on, whatever the order of concurrent commits.
pub async fn refuses_rows_of_a_person_who_is_not_there(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let whose = SubjectId("nobody".to_owned());
    for change in [
        Change::InsertCredential(CredentialRow {
            sub: whose.clone(),
            ..credential(1, 1, at)
        }),
        Change::SetRoles {
            sub: whose.clone(),
            roles: vec!["a".to_owned()],
        },
        Change::SetGroups {
            sub: whose.clone(),
            groups: vec!["/a".to_owned()],
        },
        begin_session(1, 1, at),
        Change::InsertGrant(grant(1, 1, at)),
        Change::PutConsent(consent(1, &["openid"], at)),
        Change::PutSessionClient(session_client(1, at)),
        Change::InsertCode(code(1, 1, at)),
        Change::InsertRefreshToken(refresh_token(1, 1, at)),
        Change::InsertAccessToken(access_token(1, Some(1), at)),
        Change::EraseSubject { sub: whose },
    ] {
        let said = format!("{change:?}");
        assert_eq!(refusal(&*store, change).await, Refusal::Unknown, "{said}");
    }
}

/// What people type reaches no SQL and is neither cut nor changed.
pub async fn takes_texts_of_any_kind(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    for (number, value) in [
        (1, "'; DROP TABLE subjects; --".to_owned()),
        (2, "$1 %s \\ \" ?".to_owned()),
        (3, "\u{FEFF}\u{202E}\u{10FFFF}".to_owned()),
        (4, "й".repeat(1000)),
        (5, String::new()),
    ] {
        let insert = Change::InsertSubject {
            subject: SubjectRow {
                store_key: value.clone(),
                ..subject(number, at)
            },
            attributes: attributes(&[("nick", text(&value))]),
            lookup: vec![(key("nick", &value), true)],
        };
        done(&*store, vec![insert]).await;
        let found = store
            .lookup(&realm(), &key("nick", &value), 5)
            .await
            .unwrap();
        assert_eq!(found, [sub(number)]);
        let stored = store.attributes(&realm(), &sub(number)).await.unwrap();
        assert_eq!(stored["nick"], personal(text(&value)));
    }
}
