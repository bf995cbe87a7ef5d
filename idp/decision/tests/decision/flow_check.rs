use realmwright_decision::flow::check::{Answer, FlowProblem, check};
use realmwright_decision::flow::{Flow, Method};
use realmwright_snapshot::*;

use crate::fixture::*;

fn problems(snapshot: &FlowSnapshot, methods: &[Method]) -> Vec<FlowProblem> {
    check(&compiled(snapshot), methods, 1)
}

fn accepted(snapshot: &FlowSnapshot) {
    let found = problems(snapshot, &methods());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_standard_flow_ends() {
    assert!(check(&Flow::standard(), &methods(), 1).is_empty());
    assert!(check(&Flow::standard(), &methods(), 2).is_empty());
    assert!(check(&Flow::standard(), &methods_without_enrolment(), 1).is_empty());
}

#[test]
fn two_factors_without_a_way_to_the_second_are_a_dead_end() {
    let found = check(&Flow::standard(), &methods_without_enrolment(), 2);
    let [FlowProblem::DeadEnd(witness)] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!(witness.credentials, ["password".to_owned()].into());
    assert_eq!(
        witness.to_string(),
        "a person with password, no session: required-factors asks for password, passed, \
         then no-method-left"
    );
    let nobody = check(&Flow::standard(), &[password_method()], 2);
    assert!(matches!(nobody.as_slice(), [FlowProblem::DeadEnd(_)]));
}

#[test]
fn a_realm_without_a_first_factor_is_a_dead_end() {
    let found = check(&Flow::standard(), &[totp_method(true)], 1);
    assert!(
        found.is_empty(),
        "the only factor is the first one: {found:?}"
    );
    let found = check(&Flow::standard(), &[], 1);
    assert!(matches!(found.as_slice(), [FlowProblem::DeadEnd(_)]));
}

#[test]
fn a_meant_exclusion_is_no_dead_end() {
    let mut snapshot = flow();
    snapshot.deny.push(deny_rule(
        "noSecond",
        "person.known && !('totp' in login.availableMethods)",
    ));
    snapshot.required_factors = Some(2);
    let found = problems(&snapshot, &methods_without_enrolment());
    assert!(found.is_empty(), "{found:#?}");
    snapshot.deny.clear();
    let found = problems(&snapshot, &methods_without_enrolment());
    assert!(matches!(found.as_slice(), [FlowProblem::DeadEnd(_)]));
}

#[test]
fn everybody_denied() {
    let mut snapshot = flow();
    snapshot.deny.push(deny_rule("a", "person.active"));
    snapshot.deny.push(deny_rule("b", "!person.active"));
    let found = problems(&snapshot, &methods());
    assert!(
        matches!(found.as_slice(), [FlowProblem::EverybodyDenied(_)]),
        "{found:#?}"
    );
    snapshot.deny.pop();
    accepted(&snapshot);
    let mut snapshot = flow();
    snapshot.after_step.push(rule("never", None, denied("no")));
    // A session gets in at entry, so that somebody does.
    accepted(&snapshot);
    snapshot.entry.push(rule("never2", None, denied("no")));
    let found = problems(&snapshot, &methods());
    assert!(
        matches!(found.as_slice(), [FlowProblem::EverybodyDenied(_)]),
        "{found:#?}"
    );
}

#[test]
fn enough_without_a_factor() {
    let mut snapshot = flow();
    snapshot.entry.push(rule("open", None, enough()));
    let found = problems(&snapshot, &methods());
    let [FlowProblem::NoFactor { rule, witness }] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!(rule.to_string(), "entry/open");
    assert_eq!(witness.session, None);
    snapshot.entry[0].when = Some("session.exists".into());
    accepted(&snapshot);
    snapshot.entry[0].when = Some("inCidr(request.ip, ['10.0.0.0/8'])".into());
    let found = problems(&snapshot, &methods());
    let [FlowProblem::NoFactor { witness, .. }] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!(witness.atoms[0].1, Answer::True);
    assert!(
        witness
            .to_string()
            .contains("`inCidr(request.ip, ['10.0.0.0/8'])` is true")
    );
}

#[test]
fn asking_again_and_again_is_a_dead_end() {
    let mut snapshot = flow();
    snapshot.after_step.push(rule("again", None, more()));
    let found = problems(&snapshot, &methods());
    assert!(
        found.iter().any(|p| matches!(p, FlowProblem::DeadEnd(_))),
        "{found:#?}"
    );
    let mut snapshot = flow();
    let then = Outcome::ResetSessionThenMore(MethodSelection::Any);
    snapshot.after_step.push(rule("reset", None, then));
    let found = problems(&snapshot, &methods());
    assert!(
        found.iter().any(|p| matches!(p, FlowProblem::DeadEnd(_))),
        "{found:#?}"
    );
}

#[test]
fn only_second_factors_before_anybody_is_known_are_a_dead_end() {
    let mut snapshot = flow();
    snapshot
        .entry
        .push(rule("second", None, Outcome::More(only(&["totp"]))));
    let found = problems(&snapshot, &methods());
    assert!(
        found.iter().any(|p| matches!(p, FlowProblem::DeadEnd(_))),
        "{found:#?}"
    );
    snapshot.entry[0].when = Some("login.factors == 1".into());
    accepted(&snapshot);
}

#[test]
fn the_ready_made_flows_are_accepted() {
    // FLOW-20
    let mut snapshot = flow();
    snapshot.entry.push(rule(
        "stepUp",
        Some("session.exists && login.factors < 2"),
        more(),
    ));
    snapshot
        .after_step
        .push(rule("second", Some("login.factors < 2"), more()));
    let found = problems(&snapshot, &methods());
    // A new login in an old session has no factor that counts: the rule then asks for the first.
    assert!(found.is_empty(), "{found:#?}");
    // FLOW-22, FLOW-23, FLOW-24
    let mut snapshot = flow();
    snapshot
        .deny
        .push(deny_rule("list", "!(client.id in person.appList)"));
    snapshot.deny.push(deny_rule(
        "expired",
        "has(person.accountExpires) && timestamp(person.accountExpires) < now",
    ));
    snapshot
        .deny
        .push(deny_rule("network", "!inCidr(request.ip, ['10.0.0.0/8'])"));
    accepted(&snapshot);
    // FLOW-44
    let mut snapshot = flow();
    snapshot.after_step.push(rule(
        "tag",
        Some("'2F' in client.tags && login.factors < 2"),
        more(),
    ));
    accepted(&snapshot);
}

#[test]
fn at_most_a_dozen_atoms() {
    let mut snapshot = flow();
    let atoms: Vec<String> = (0..13).map(|n| format!("person.level == {n}")).collect();
    snapshot.deny.push(deny_rule("many", &atoms.join(" || ")));
    assert_eq!(
        problems(&snapshot, &methods()),
        [FlowProblem::TooManyAtoms { count: 13 }]
    );
    snapshot.deny[0].when = atoms[..12].join(" || ").as_str().into();
    accepted(&snapshot);
    // The same atom counts once, and what the run knows counts not at all.
    let repeated = format!(
        "{} || login.factors == 1 || session.exists",
        ["person.active"; 20].join(" || ")
    );
    snapshot.deny[0].when = repeated.as_str().into();
    let found = problems(&snapshot, &methods());
    assert!(
        !found
            .iter()
            .any(|p| matches!(p, FlowProblem::TooManyAtoms { .. }))
    );
}

#[test]
fn entangled_conditions_are_refused_rather_than_believed() {
    let mut snapshot = flow();
    // Parity of twelve booleans: every answer of each matters.
    let mut parity = "person.level == 0".to_owned();
    for n in 1..12 {
        parity = format!("(({parity}) ? !(person.level == {n}) : person.level == {n})");
    }
    snapshot.deny.push(deny_rule("parity", &parity));
    let found = problems(&snapshot, &methods());
    assert!(
        found.is_empty() || found == [FlowProblem::TooComplex],
        "{found:#?}"
    );
}
