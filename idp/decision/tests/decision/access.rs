use realmwright_decision::access::*;
use realmwright_decision::expression::Scope;
use realmwright_snapshot::{AccessRule, AccessSnapshot, OnDeny};

use crate::fixture::*;

fn snapshot(rules: Option<&[(&str, &str)]>, on_deny: OnDeny) -> AccessSnapshot {
    AccessSnapshot {
        rules: rules.map(|rules| {
            rules
                .iter()
                .map(|(name, when)| AccessRule {
                    name: (*name).to_owned(),
                    when: (*when).into(),
                })
                .collect()
        }),
        on_deny,
    }
}

fn decide(rules: Option<&[(&str, &str)]>) -> AccessDecision {
    let access = snapshot(rules, OnDeny::ErrorPage);
    Access::compile(&access, &environment(Scope::Condition))
        .unwrap()
        .decide(&World::default().facts())
}

fn by(rule: Option<&str>) -> AccessDecision {
    AccessDecision::Allowed {
        rule: rule.map(str::to_owned),
    }
}

fn is_denied(decision: &AccessDecision) -> bool {
    matches!(decision, AccessDecision::Denied { .. })
}

/// APP-10.
#[test]
fn app_10_one_rule_that_holds_is_enough() {
    assert_eq!(decide(None), by(None));
    assert_eq!(
        decide(Some(&[("no", "false"), ("yes", "true")])),
        by(Some("yes"))
    );
    assert!(is_denied(&decide(Some(&[("no", "false")]))));
}

/// APP-10.
#[test]
fn app_10_a_rule_without_a_name_is_audited_by_its_text() {
    assert_eq!(
        decide(Some(&[("", "person.level > 1")])),
        by(Some("person.level > 1"))
    );
}

#[test]
fn a_missing_decision_denies() {
    assert!(
        is_denied(&decide(Some(&[]))),
        "an empty list never means all"
    );
    let unknown = decide(Some(&[("x", "person.accountExpires == ''")]));
    assert!(
        is_denied(&unknown),
        "a rule that cannot be evaluated lets nobody in"
    );
    let world = World {
        person: None,
        ..World::default()
    };
    let access = snapshot(Some(&[("x", "person.level > 1")]), OnDeny::ErrorPage);
    let access = Access::compile(&access, &environment(Scope::Condition)).unwrap();
    assert!(is_denied(&access.decide(&world.facts())));
}

/// APP-11.
#[test]
fn app_11_claims_groups_and_roles() {
    assert_eq!(
        decide(Some(&[("level", "person.level > 2")])),
        by(Some("level"))
    );
    let groups = "person.groups.exists(g, g in ['/Staff', '/Guests'])";
    assert_eq!(decide(Some(&[("groups", groups)])), by(Some("groups")));
    let rights = "person.roles.exists(r, r in ['demo:editor', 'demo:viewer'])";
    assert_eq!(decide(Some(&[("rights", rights)])), by(Some("rights")));
    assert!(is_denied(&decide(Some(&[(
        "other",
        "'/Guests' in person.groups"
    )]))));
}

/// APP-12.
#[test]
fn app_12_a_denial_says_who_shows_it_and_what_was_tried() {
    for on_deny in [OnDeny::ErrorPage, OnDeny::ProtocolError] {
        let access = snapshot(Some(&[("a", "false"), ("b", "false")]), on_deny);
        let access = Access::compile(&access, &environment(Scope::Condition)).unwrap();
        let AccessDecision::Denied { on_deny: said, why } =
            access.decide(&World::default().facts())
        else {
            panic!();
        };
        assert_eq!(said, on_deny);
        let tried: Vec<&str> = why.rules().iter().map(|rule| &*rule.name).collect();
        assert_eq!(tried, ["a", "b"]);
    }
}

#[test]
fn faulty_rules_name_their_place() {
    let access = snapshot(
        Some(&[("a", "true"), ("b", "1"), ("c", "x")]),
        OnDeny::ErrorPage,
    );
    let faults = Access::compile(&access, &environment(Scope::Condition)).unwrap_err();
    let places: Vec<usize> = faults.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [1, 2]);
}
