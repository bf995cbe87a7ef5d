//! The entry for foreign sources of expressions.

use std::collections::BTreeSet;

use jiff::Timestamp;
use realmwright_snapshot::{AttributeValue, DataClass, ValueKind};

use super::{Compiled, Environment, Scope};
use crate::facts::{Application, Facts, Login, Person, Request, Session};

const SCOPES: [Scope; 6] = [
    Scope::Condition,
    Scope::SessionClaim,
    Scope::Claim,
    Scope::Person,
    Scope::Computed,
    Scope::Match,
];

/// Parses a source and checks it for every use; what is accepted is evaluated for somebody and for
/// nobody. Faults lie in the source, and what an expression gives is of the type that it said.
pub fn fuzz(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for scope in SCOPES {
        match Compiled::compile(&text.into(), &environment(scope)) {
            Ok(compiled) => evaluate(scope, &compiled),
            Err(faults) => {
                assert!(!faults.is_empty());
                for fault in faults {
                    assert!(text.get(fault.span.clone()).is_some(), "{fault:?}");
                }
            }
        }
    }
}

fn environment(scope: Scope) -> Environment {
    Environment {
        scope,
        attributes: [
            ("email", ValueKind::String),
            ("level", ValueKind::Number),
            ("groups", ValueKind::StringList),
            ("active", ValueKind::Boolean),
            ("photo", ValueKind::Bytes),
        ]
        .into_iter()
        .map(|(name, kind)| (name.into(), (kind, DataClass::Personal)))
        .collect(),
        session_claims: ["grps".to_owned()].into(),
    }
}

fn evaluate(scope: Scope, compiled: &Compiled) {
    let client = Application {
        id: "fuzz".into(),
        tags: BTreeSet::from(["2F".to_owned()]),
    };
    let person = Person {
        sub: "s".to_owned(),
        attributes: [
            (
                "email",
                AttributeValue::String("Ї.a@example.com".to_owned()),
            ),
            ("level", AttributeValue::Number(i64::MIN)),
            ("active", AttributeValue::Boolean(true)),
            (
                "groups",
                AttributeValue::StringList(vec!["/a".to_owned(), String::new()]),
            ),
        ]
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect(),
        ..Person::default()
    };
    let request = Request {
        ip: Some([203, 0, 113, 9].into()),
        login_hint: Some("hint".to_owned()),
        ..Request::default()
    };
    let nobody = Person::default();
    let session = Session::default();
    let now = Timestamp::MAX;
    for (person, session) in [(Some(&person), Some(&session)), (None, None)] {
        let value = match scope {
            Scope::Person | Scope::Computed => {
                compiled.evaluate_person(person.unwrap_or(&nobody), now)
            }
            Scope::Match => compiled.evaluate_login("Typed", &client),
            Scope::Condition | Scope::SessionClaim | Scope::Claim => compiled.evaluate(&Facts {
                person,
                client: &client,
                request: &request,
                session,
                login: &Login::default(),
                now,
            }),
        };
        if let Ok(value) = value {
            assert!(compiled.kind().admits(&value.kind()), "{value:?}");
        }
    }
}
