//! Erasure and export by the rules of [`crate::tables`].

use std::collections::BTreeSet;

use super::samples::*;
use super::{Fixture, done, realm, refusal};
use crate::tables::{Erasure, Export, TABLES};
use crate::{Change, EventQuery, Refusal};

/// Columns that name a person.
const PERSON: [&str; 2] = ["sub", "subject"];
/// Tables whose person is in another column or another table.
const INDIRECT: [&str; 6] = [
    "access_tokens",
    "attempts",
    "authentications",
    "codes",
    "refresh_tokens",
    "session_clients",
];

/// A table that holds a person and has no rule fails here.
pub async fn every_table_has_a_rule(fixture: &impl Fixture) {
    let columns = fixture.columns().await;
    let stored: Vec<_> = columns.keys().map(String::as_str).collect();
    let ruled: Vec<_> = TABLES.iter().map(|table| table.name).collect();
    assert_eq!(stored, ruled);
    for table in TABLES {
        let columns = &columns[table.name];
        let personal = INDIRECT.contains(&table.name)
            || columns
                .iter()
                .any(|column| PERSON.contains(&column.as_str()));
        assert_eq!(
            personal,
            table.erasure != Erasure::NotPersonal,
            "{}: {columns:?}",
            table.name
        );
        if table.name != "meta" {
            assert_eq!(columns[0], "realm", "{}", table.name);
        }
    }
}

pub async fn leaves_no_trace_of_a_person(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, everything(1, at)).await;
    for table in TABLES
        .iter()
        .filter(|table| table.erasure != Erasure::NotPersonal)
    {
        let rows = fixture.dump(table.name).await;
        assert!(!rows.is_empty(), "no row in {} to erase", table.name);
    }
    let changes = vec![
        Change::EraseSubject { sub: sub(1) },
        Change::RecordEvent(event(2, 1, at)),
        Change::Enqueue(message(2, 1)),
    ];
    done(&*store, changes).await;
    for table in TABLES {
        let rows = fixture.dump(table.name).await;
        let expected = match (table.name, table.erasure) {
            ("outbox", _) => 1,
            ("events", _) => 2,
            (_, Erasure::NotPersonal) => rows.len(),
            (_, Erasure::Deleted | Erasure::Emptied) => 0,
        };
        assert_eq!(rows.len(), expected, "{}: {rows:?}", table.name);
        for text in [
            "person1@example.com",
            "Kyiv",
            "planted-secret",
            "Browser/1.0",
        ] {
            let holds = rows.iter().any(|row| row.contains(text));
            assert!(!holds, "{} still holds {text}", table.name);
        }
    }
    let query = EventQuery {
        subject: Some(sub(1)),
        limit: 10,
        after: None,
    };
    let events = store.events(&realm(), &query).await.unwrap().items;
    assert_eq!(events.len(), 2, "the audit stays under the pseudonym");
    assert!(events[0].fields.is_empty(), "{:?}", events[0]);
    assert!(!events[1].fields.is_empty(), "recorded after the erasure");
    assert_eq!(
        refusal(&*store, Change::EraseSubject { sub: sub(1) }).await,
        Refusal::Unknown
    );
    done(&*store, vec![person(1, at)]).await;
}

pub async fn keeps_everybody_else(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, everything(1, at)).await;
    let mut before = Vec::new();
    for table in TABLES {
        before.push((table.name, fixture.dump(table.name).await));
    }
    done(&*store, everything(2, at)).await;
    done(&*store, vec![Change::EraseSubject { sub: sub(2) }]).await;
    for (table, rows) in before {
        let left: BTreeSet<_> = fixture.dump(table).await.into_iter().collect();
        for row in rows {
            assert!(left.contains(&row), "{table}: {row}");
        }
    }
}

pub async fn exports_what_the_rules_say_and_no_secret(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, everything(1, at)).await;
    done(&*store, everything(2, at)).await;
    let export = store.export(&realm(), &sub(1)).await.unwrap();
    let shown: Vec<_> = export.keys().map(String::as_str).collect();
    let ruled: Vec<_> = TABLES
        .iter()
        .filter(|table| table.export == Export::Rows)
        .map(|table| table.name)
        .collect();
    assert_eq!(shown, ruled);
    let text = serde_json::Value::Object(export.clone()).to_string();
    for kept in [
        "person1@example.com",
        "Kyiv",
        "demo:editor",
        "/Staff",
        "203.0.113.7",
    ] {
        assert!(text.contains(kept), "{kept} is missing");
    }
    for secret in ["planted-secret", "person2@", "secret", "hash"] {
        assert!(!text.contains(secret), "{secret} is exported");
    }
    assert_eq!(export["events"].as_array().unwrap().len(), 1);
    let nobody = store.export(&realm(), &sub(9)).await.unwrap();
    assert!(nobody.is_empty());
}
