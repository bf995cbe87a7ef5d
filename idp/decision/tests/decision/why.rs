//! What is said of a refusal: truth values by place, and nothing that was read.

use realmwright_decision::access::{Access, AccessDecision};
use realmwright_decision::expression::Scope;
use realmwright_decision::flow::{BuiltIn, Decision, Denial, Machine, Situation};
use realmwright_decision::why::{JudgedAtom, JudgedRule, RuleList, Verdict, Why};
use realmwright_snapshot::{
    AccessRule, AccessSnapshot, AttributeValue, DataClass, Digest, OnDeny, Outcome,
};

use crate::fixture::*;

fn refused(when: &str) -> Option<Denial> {
    let mut snapshot = flow();
    snapshot.deny.push(deny_rule("no", when));
    let flow = compiled(&snapshot);
    let methods = methods();
    let mut person = person();
    person.attributes.insert(
        "diagnosis".into(),
        AttributeValue::String("planted".to_owned()),
    );
    let (client, request) = (application(), request());
    let decided = Machine::new(&flow, &methods, 1).at_entry(&Situation {
        person: Some(&person),
        client: &client,
        request: &request,
        session: None,
        typed: None,
        now: now(),
    });
    match decided.decision {
        Decision::Deny(denial) => Some(denial),
        _ => None,
    }
}

/// The rule of a flow that refuses.
fn rule(when: &str) -> JudgedRule {
    let Some(Denial {
        why: Why::Flow { flow, rule },
        ..
    }) = refused(when)
    else {
        panic!("{when} does not refuse");
    };
    assert_eq!(flow.as_str(), "flow");
    rule
}

fn verdicts(rule: &JudgedRule) -> Vec<(usize, Verdict)> {
    let atoms = rule.atoms.iter();
    atoms
        .map(|JudgedAtom { at, truth, .. }| (*at, *truth))
        .collect()
}

#[test]
fn each_atom_is_said_once_and_by_its_place() {
    let when = "person.level > 1 && !(client.id == 'other' || person.level > 1)
        || client.id != 'other'";
    let rule = rule(when);
    assert_eq!((rule.list, &*rule.name), (RuleList::Deny, "no"));
    assert_eq!(rule.truth, Some(Verdict::True));
    assert_eq!(rule.condition, Some(Digest::of(when.as_bytes())));
    let compiled = compile(when).unwrap();
    let texts: Vec<&str> = compiled.atoms().iter().map(|atom| atom.text).collect();
    assert_eq!(
        texts,
        [
            "person.level > 1",
            "client.id == 'other'",
            "client.id != 'other'"
        ]
    );
    assert_eq!(
        verdicts(&rule),
        [(0, Verdict::True), (1, Verdict::False), (2, Verdict::True)]
    );
}

/// REGION-RES-01: a class that is not declared is personal.
#[test]
fn an_atom_has_the_strictest_class_of_what_it_reads() {
    for (when, class) in [
        ("client.id != ''", DataClass::Pseudonymous),
        ("person.level > 0", DataClass::Pseudonymous),
        (
            "person.email != '' || person.level > 0",
            DataClass::Personal,
        ),
        ("has(person.email)", DataClass::Personal),
        ("request.ip != ''", DataClass::Personal),
        ("person.groups != ['x']", DataClass::Personal),
    ] {
        let rule = rule(when);
        assert_eq!(rule.class, class, "{when}");
        let strictest = rule.atoms.iter().map(|atom| atom.class).max();
        assert_eq!(strictest, Some(class), "{when}");
        assert_eq!(rule.left_out, 0, "{when}");
    }
}

#[test]
fn medical_atoms_are_left_out_and_with_them_what_the_rule_came_to() {
    for when in [
        "person.level > 1 && person.diagnosis == 'planted'",
        "person.level > 1 && has(person.diagnosis)",
        "person.level > 1 && [person.diagnosis].exists(d, d == 'planted')",
        "person.level > 1 && (person.diagnosis == person.email || true)",
        "person.level > 1 || person.diagnosis.startsWith('x')",
    ] {
        let rule = rule(when);
        assert_eq!(rule.class, DataClass::Medical, "{when}");
        assert_eq!(rule.truth, None, "{when}");
        assert_eq!(rule.left_out, 1, "{when}");
        assert_eq!(rule.atoms[0].at, 0, "{when}");
        assert!(
            rule.atoms
                .iter()
                .all(|atom| atom.class < DataClass::Medical)
        );
        let said = serde_json::to_string(&rule).unwrap();
        for secret in ["planted", "diagnosis"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
    let rule = rule("person.diagnosis != 'x'");
    assert_eq!((rule.atoms.len(), rule.left_out), (0, 1));
}

#[test]
fn what_has_no_value_is_said_so() {
    let rule = rule("person.phone_number == '1' || person.level > 99");
    assert_eq!(rule.truth, Some(Verdict::Absent));
    assert_eq!(verdicts(&rule), [(0, Verdict::Absent), (1, Verdict::False)]);
    let rule = super::why::rule("timestamp(person.email) < now");
    assert_eq!(verdicts(&rule), [(0, Verdict::Failed)]);
}

#[test]
fn nothing_that_was_read_is_said() {
    let rule = rule("person.email.contains('@') && person.sub != ''");
    let person = person();
    let said = serde_json::to_string(&rule).unwrap();
    assert!(!said.contains(&person.sub), "{said}");
    assert!(!said.contains('@'), "{said}");
    let read: JudgedRule = serde_json::from_str(&said).unwrap();
    assert_eq!(read, rule);
}

#[test]
fn a_rule_without_a_condition_always_holds() {
    let mut snapshot = flow();
    let deny = Outcome::Deny {
        message: [("en", "No.")].into(),
        show: realmwright_snapshot::DenyTarget::Page,
    };
    snapshot
        .entry
        .push(super::fixture::rule("closed", None, deny));
    let flow = compiled(&snapshot);
    let methods = methods();
    let (client, request) = (application(), request());
    let decided = Machine::new(&flow, &methods, 1).at_entry(&Situation {
        person: None,
        client: &client,
        request: &request,
        session: None,
        typed: None,
        now: now(),
    });
    let Decision::Deny(denial) = decided.decision else {
        panic!("{:?}", decided.path);
    };
    let [rule] = denial.why.rules() else {
        panic!("{:?}", denial.why);
    };
    assert_eq!((rule.list, &*rule.name), (RuleList::Entry, "closed"));
    assert_eq!(rule.truth, Some(Verdict::True));
    assert_eq!((rule.condition, rule.atoms.len()), (None, 0));
}

#[test]
fn what_no_author_wrote_is_said_by_name() {
    let mut locked = person();
    locked.locked = true;
    let flow = compiled(&flow());
    let methods = methods();
    let (client, request) = (application(), request());
    let denial = Machine::new(&flow, &methods, 1).denied(&Situation {
        person: Some(&locked),
        client: &client,
        request: &request,
        session: None,
        typed: None,
        now: now(),
    });
    let why = denial.unwrap().why;
    assert_eq!(
        why,
        Why::BuiltIn {
            rule: BuiltIn::Locked
        }
    );
    assert_eq!(why.class(), DataClass::Pseudonymous);
}

/// APP-10: every rule that did not let the person in.
#[test]
fn app_10_every_access_rule_is_said() {
    let rules = [
        ("level", "person.level > 99"),
        ("patients", "person.diagnosis == 'x'"),
        ("phone", "person.phone_number != ''"),
    ];
    let snapshot = |rules: &[(&str, &str)]| AccessSnapshot {
        rules: Some(
            rules
                .iter()
                .map(|(name, when)| AccessRule {
                    name: (*name).to_owned(),
                    when: (*when).into(),
                })
                .collect(),
        ),
        on_deny: OnDeny::ErrorPage,
    };
    let why = |rules: &[(&str, &str)]| {
        let access = Access::compile(&snapshot(rules), &environment(Scope::Condition)).unwrap();
        match access.decide(&World::default().facts()) {
            AccessDecision::Denied { why, .. } => why,
            allowed @ AccessDecision::Allowed { .. } => panic!("{allowed:?}"),
        }
    };
    let denied = why(&rules);
    let said: Vec<_> = denied
        .rules()
        .iter()
        .map(|rule| (&*rule.name, rule.truth, rule.left_out))
        .collect();
    assert_eq!(
        said,
        [
            ("level", Some(Verdict::False), 0),
            ("patients", None, 1),
            ("phone", Some(Verdict::Absent), 0),
        ]
    );
    assert_eq!(denied.class(), DataClass::Medical);
    assert_eq!(why(&[]), Why::Access { rules: Vec::new() });
}
