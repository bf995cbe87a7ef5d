use jiff::Timestamp;
use proptest::prelude::*;
use realmwright_decision::expression::{Compiled, Scope, Truth, Unevaluable, fuzz};
use realmwright_decision::facts::{Person, Prompt, Request, Session};
use realmwright_decision::flow::check::{Answer, FlowProblem, Witness, check};
use realmwright_decision::flow::{
    BuiltIn, Decided, Decision, Flow, Machine, Method, OfferKind, Pass, RuleName, SessionEffect,
    Situation,
};
use realmwright_snapshot::*;

use crate::fixture::*;

/// Pieces that make many texts nearly or wholly right.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "person",
        ".",
        "email",
        "level",
        "groups",
        "active",
        "session",
        "claims",
        "grps",
        "login",
        "factors",
        "request",
        "ip",
        "now",
        "&&",
        "||",
        "!",
        "==",
        "!=",
        "<",
        ">=",
        "in",
        "+",
        "-",
        "*",
        "/",
        "%",
        "?",
        ":",
        "(",
        ")",
        "[",
        "]",
        ",",
        "1",
        "0",
        "'a'",
        "\"b\"",
        "r'\\d'",
        "exists",
        "filter",
        "map",
        "all",
        "x",
        "has",
        "size",
        "matches",
        "duration",
        "'1h'",
        "timestamp",
        "mask",
        "inCidr",
        "'10.0.0.0/8'",
        "true",
        "false",
        " ",
        "\\",
        "'",
        "é",
        "9223372036854775807",
        "extract",
        "string",
    ]);
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// Expressions of type bool that always check.
fn conditions() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "person.a",
        "person.b",
        "person.c",
        "has(person.a)",
        "session.exists",
        "login.factors < 2",
        "session.factors >= 2",
        "person.known",
        "person.requiredFactors > 1",
        "'totp' in login.availableMethods",
        "'password' in login.methods",
        "'2F' in client.tags",
        "true",
        "false",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

fn selections() -> impl Strategy<Value = MethodSelection> {
    prop_oneof![
        Just(MethodSelection::Any),
        Just(only(&["password"])),
        Just(only(&["totp"])),
        Just(MethodSelection::Except(vec!["totp".into()])),
    ]
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => selections().prop_map(Outcome::More),
        1 => selections().prop_map(Outcome::LogoutThenMore),
        1 => selections().prop_map(Outcome::ResetSessionThenMore),
        4 => any::<bool>().prop_map(|end_other_sessions| Outcome::Enough {
            end_other_sessions,
            claims: Vec::new(),
        }),
        2 => Just(denied("no")),
    ]
}

fn rules(most: usize) -> impl Strategy<Value = Vec<FlowRule>> {
    let rule = (prop::option::of(conditions()), outcomes());
    prop::collection::vec(rule, 0..most).prop_map(|rules| {
        rules
            .into_iter()
            .enumerate()
            .map(|(at, (when, then))| rule_named(at, when.as_deref(), then))
            .collect()
    })
}

fn rule_named(at: usize, when: Option<&str>, then: Outcome) -> FlowRule {
    rule(&format!("r{at}"), when, then)
}

prop_compose! {
    fn flows()(
        deny in prop::collection::vec(conditions(), 0..2),
        entry in rules(3),
        after_step in rules(3),
        required_factors in prop::option::of(1..=2_u8),
    ) -> FlowSnapshot {
        FlowSnapshot {
            required_factors,
            deny: deny
                .iter()
                .enumerate()
                .map(|(at, when)| deny_rule(&format!("d{at}"), when))
                .collect(),
            entry,
            after_step,
            ..flow()
        }
    }
}

fn realm_methods(enrolment: bool) -> Vec<Method> {
    vec![password_method(), totp_method(enrolment)]
}

/// A person, a session and a request that the checker does not see.
#[derive(Clone, Debug)]
struct Concrete {
    person: Person,
    session: Option<Session>,
    login_again: bool,
    tagged: bool,
}

prop_compose! {
    fn concretes(enrolment: bool)(
        a in prop::option::of(any::<bool>()),
        b in prop::option::of(any::<bool>()),
        c in prop::option::of(any::<bool>()),
        has_totp in any::<bool>(),
        demands in any::<bool>(),
        session in 0..4_usize,
        login_again in any::<bool>(),
        tagged in any::<bool>(),
    ) -> Concrete {
        let mut person = Person { sub: "x".to_owned(), ..Person::default() };
        for (name, value) in [("a", a), ("b", b), ("c", c)] {
            if let Some(value) = value {
                person.attributes.insert(name.into(), AttributeValue::Boolean(value));
            }
        }
        person.credentials.insert("password".to_owned());
        if has_totp {
            person.credentials.insert("totp".to_owned());
        }
        person.required_factors = if demands && (has_totp || enrolment) { 2 } else { 1 };
        let proofs = match (session, has_totp) {
            (0, _) => Vec::new(),
            (1, _) | (_, false) => vec![proof("password", 1, 5)],
            (2, true) => vec![proof("password", 1, 5), proof("totp", 2, 5)],
            (_, true) => vec![proof("totp", 2, 5)],
        };
        Concrete {
            person,
            session: (!proofs.is_empty()).then(|| session_by(&proofs)),
            login_again,
            tagged,
        }
    }
}

/// Every end that a login of this person may come to, by whatever the person chooses.
fn ends(flow: &Flow, methods: &[Method], concrete: &Concrete) -> Vec<Decision> {
    let machine = Machine::new(flow, methods, 1);
    let mut ends = Vec::new();
    let mut open = vec![(
        None::<Pass>,
        concrete.clone(),
        concrete.session.is_some(),
        0,
    )];
    while let Some((pass, state, known, depth)) = open.pop() {
        assert!(depth < 8, "a login ends");
        let Decided { decision, .. } = decide(&machine, &state, known, pass.as_ref());
        let Decision::Ask(ask) = decision else {
            ends.push(decision);
            continue;
        };
        assert!(!ask.offers.is_empty());
        for offer in &ask.offers {
            let method = methods.iter().find(|m| m.name == offer.method).unwrap();
            let mut next = state.clone();
            match offer.kind {
                OfferKind::Prove if !next.person.credentials.contains(method.credential) => {
                    continue;
                }
                OfferKind::Prove => {}
                OfferKind::Enrol => {
                    next.person.credentials.insert(method.credential.to_owned());
                }
            }
            assert!(
                ask.pass.passed.iter().all(|p| p.method != offer.method),
                "once in a pass"
            );
            if ask.session != SessionEffect::Keep {
                next.session = None;
            }
            let passed = ask
                .pass
                .clone()
                .with(proof(offer.method.as_str(), offer.factor, 0));
            open.push((Some(passed), next, true, depth + 1));
        }
    }
    ends
}

fn decide(machine: &Machine<'_>, state: &Concrete, known: bool, pass: Option<&Pass>) -> Decided {
    let mut client = application();
    if !state.tagged {
        client.tags.clear();
    }
    let mut request = Request::default();
    if state.login_again {
        request.prompt.insert(Prompt::Login);
    }
    let situation = Situation {
        person: known.then_some(&state.person),
        client: &client,
        request: &request,
        session: state.session.as_ref(),
        typed: None,
        now: now(),
    };
    match pass {
        None => machine.at_entry(&situation),
        Some(pass) => machine.after_step(&situation, pass),
    }
}

fn is_dead_end(decision: &Decision) -> bool {
    matches!(decision, Decision::Deny(denial)
        if denial.rule == RuleName::BuiltIn(BuiltIn::NoMethodLeft))
}

/// The person of a witness, when its atoms can be told by the attributes alone.
fn confirm(witness: &Witness) -> Option<Concrete> {
    let mut person = Person {
        sub: "x".to_owned(),
        credentials: witness.credentials.clone(),
        required_factors: witness.required_factors,
        ..Person::default()
    };
    let mut tagged = false;
    let mut said: Vec<(&str, Answer)> = Vec::new();
    for (atom, answer) in &witness.atoms {
        match atom.as_str() {
            "'2F' in client.tags" => tagged = *answer == Answer::True,
            "has(person.a)" => said.push(("?a", *answer)),
            "person.a" => said.push(("a", *answer)),
            "person.b" => said.push(("b", *answer)),
            "person.c" => said.push(("c", *answer)),
            "true" | "false" => {}
            other => panic!("{other} is no atom"),
        }
    }
    for (name, answer) in &said {
        let value = match answer {
            Answer::True => true,
            Answer::False => false,
            Answer::Absent => continue,
        };
        match *name {
            "?a" => {
                let set = said
                    .iter()
                    .find(|(n, _)| *n == "a")
                    .map(|(_, answer)| *answer);
                match (value, set) {
                    (true, Some(Answer::Absent)) => return None,
                    (false, Some(Answer::True | Answer::False)) => return None,
                    (true, None) => {
                        let value = AttributeValue::Boolean(true);
                        person.attributes.insert("a".into(), value);
                    }
                    _ => {}
                }
            }
            name => {
                person
                    .attributes
                    .insert(name.into(), AttributeValue::Boolean(value));
            }
        }
    }
    let session = witness.session.as_ref().map(|methods| {
        let proofs: Vec<_> = methods
            .iter()
            .map(|m| proof(m.as_str(), if m.as_str() == "totp" { 2 } else { 1 }, 5))
            .collect();
        session_by(&proofs)
    });
    Some(Concrete {
        person,
        session,
        login_again: witness.login_again,
        tagged,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_source_makes_the_parser_panic(text in "\\PC{0,60}") {
        fuzz(text.as_bytes());
    }

    #[test]
    fn no_near_miss_makes_the_checker_panic(text in pieces()) {
        fuzz(text.as_bytes());
        if let Err(faults) = compile(&text) {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                prop_assert!(fault.span.start <= fault.span.end);
                prop_assert!(text.get(fault.span.clone()).is_some(), "{:?} of {}", fault, text.len());
            }
        }
    }

    /// What we accept is CEL: an independent parser accepts it as well.
    #[test]
    fn what_is_accepted_is_cel(text in pieces()) {
        if compile(&text).is_ok() {
            prop_assert!(cel::parser::Parser::new().parse(&text).is_ok(), "{}", text);
        }
    }

    /// A checked condition evaluates to a bool or to a reason, never to a type error.
    #[test]
    fn checked_expressions_evaluate_without_type_errors(
        text in conditions(),
        concrete in concretes(true),
        known in any::<bool>(),
    ) {
        let condition = Compiled::condition(&text.as_str().into(), &environment(Scope::Condition));
        let condition = condition.unwrap();
        let world = World {
            person: known.then_some(concrete.person),
            session: concrete.session,
            ..World::default()
        };
        let truth = condition.holds(&world.facts());
        let well_typed = matches!(
            truth,
            Truth::True
                | Truth::False
                | Truth::Unknown(Unevaluable::NotIdentified | Unevaluable::Absent(_))
        );
        prop_assert!(well_typed, "{}: {:?}", text, truth);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any flow ends; one that was accepted never in a dead end.
    #[test]
    fn accepted_flows_end_as_meant(
        (snapshot, enrolment, people) in (flows(), any::<bool>()).prop_flat_map(|(flow, enrolment)| {
            let people = prop::collection::vec(concretes(enrolment), 1..8);
            (Just(flow), Just(enrolment), people)
        }),
    ) {
        let methods = realm_methods(enrolment);
        let flow = compiled(&snapshot);
        let problems = check(&flow, &methods, 1);
        for concrete in &people {
            let ends = ends(&flow, &methods, concrete);
            let dead = ends.iter().any(is_dead_end);
            if problems.is_empty() {
                prop_assert!(!dead, "{:?} for {:?}", snapshot, concrete);
            }
            if problems.iter().any(|p| matches!(p, FlowProblem::EverybodyDenied(_))) {
                let anybody = ends.iter().any(|end| matches!(end, Decision::Enough(_)));
                prop_assert!(!anybody, "{:?} for {:?}", snapshot, concrete);
            }
            // Whatever the author wrote, nobody is through without the factors demanded.
            for end in &ends {
                if let Decision::Enough(_) = end {
                    let open = concrete.person.credentials.len() + usize::from(enrolment);
                    prop_assert!(open >= usize::from(snapshot.required_factors.unwrap_or(1)));
                }
            }
        }
    }

    /// Every dead end that is reported can be walked into.
    #[test]
    fn a_reported_dead_end_is_one(snapshot in flows(), enrolment in any::<bool>()) {
        let methods = realm_methods(enrolment);
        let flow = compiled(&snapshot);
        for problem in check(&flow, &methods, 1) {
            let FlowProblem::DeadEnd(witness) = problem else {
                continue;
            };
            let Some(concrete) = confirm(&witness) else {
                continue;
            };
            let ends = ends(&flow, &methods, &concrete);
            prop_assert!(ends.iter().any(is_dead_end), "{} in {:?}", witness, snapshot);
        }
    }

    /// The check does not depend on anything but its input.
    #[test]
    fn the_check_is_deterministic(snapshot in flows()) {
        let flow = compiled(&snapshot);
        prop_assert_eq!(check(&flow, &methods(), 1), check(&flow, &methods(), 1));
    }
}

#[test]
fn the_examples_of_the_language_are_cel() {
    for text in [
        "person.groups.exists(g, g in ['a']) && !has(person.a)",
        "inCidr(request.ip, ['10.0.0.0/8'])",
        "person.level > 3 ? 'a' : \"b\" + r'\\d'",
        "[1, 2][0] == -1 // why",
    ] {
        assert!(compile(text).is_ok(), "{text}");
        assert!(cel::parser::Parser::new().parse(text).is_ok(), "{text}");
    }
}

#[test]
fn time_is_an_argument() {
    let world = World::default();
    let truth = compile("now > timestamp('2026-01-01T00:00:00Z')").unwrap();
    let mut facts = world.facts();
    assert_eq!(truth.holds(&facts), Truth::True);
    facts.now = Timestamp::UNIX_EPOCH;
    assert_eq!(truth.holds(&facts), Truth::False);
}
