use realmwright_decision::expression::Truth;
use realmwright_decision::facts::{Person, Prompt, Request, Session};
use realmwright_decision::flow::{
    Ask, BuiltIn, Decided, Decision, Denial, Flow, Machine, Method, OfferKind, Pass, RuleName,
    SessionEffect, Situation,
};
use realmwright_snapshot::*;

use crate::fixture::*;

/// A login on one flow.
struct Stage {
    flow: Flow,
    methods: Vec<Method>,
    realm_factors: u8,
    person: Option<Person>,
    client: realmwright_decision::facts::Application,
    request: Request,
    session: Option<Session>,
}

impl Stage {
    fn new(flow: &FlowSnapshot) -> Self {
        Self {
            flow: compiled(flow),
            methods: methods(),
            realm_factors: 1,
            person: None,
            client: application(),
            request: request(),
            session: None,
        }
    }

    fn standard() -> Self {
        Self {
            flow: Flow::standard(),
            ..Self::new(&flow())
        }
    }

    fn with_session(mut self, person: Person, methods: &[(&str, u8, i64)]) -> Self {
        let proofs: Vec<_> = methods
            .iter()
            .map(|(m, f, ago)| proof(m, *f, *ago))
            .collect();
        self.session = Some(session_by(&proofs));
        self.person = Some(person);
        self
    }

    fn machine(&self) -> Machine<'_> {
        Machine::new(&self.flow, &self.methods, self.realm_factors)
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            person: self.person.as_ref(),
            client: &self.client,
            request: &self.request,
            session: self.session.as_ref(),
            typed: None,
            now: now(),
        }
    }

    fn entry(&self) -> Decided {
        self.machine().at_entry(&self.situation())
    }

    fn asked(&self) -> Ask {
        ask(self.entry())
    }

    /// The decision after `method` was passed on `asked`.
    fn pass(&mut self, asked: Ask, method: &str, person: Person) -> Decided {
        let offer = asked
            .offers
            .iter()
            .find(|offer| offer.method.as_str() == method)
            .unwrap_or_else(|| panic!("{method} is not offered: {:?}", asked.offers));
        if asked.session != SessionEffect::Keep {
            self.session = None;
        }
        self.person = Some(person);
        let passed = asked.pass.with(proof(method, offer.factor, 0));
        self.machine().after_step(&self.situation(), &passed)
    }
}

fn ask(decided: Decided) -> Ask {
    match decided.decision {
        Decision::Ask(ask) => ask,
        other => panic!("{other:?} by {:?}", decided.path),
    }
}

fn denial(decided: Decided) -> Denial {
    match decided.decision {
        Decision::Deny(denial) => denial,
        other => panic!("{other:?} by {:?}", decided.path),
    }
}

fn offered(ask: &Ask) -> Vec<&str> {
    ask.offers
        .iter()
        .map(|offer| offer.method.as_str())
        .collect()
}

fn is_enough(decided: &Decided) -> bool {
    matches!(decided.decision, Decision::Enough(_))
}

/// FLOW-06.
#[test]
fn flow_06_nobody_is_known_every_first_factor_is_offered() {
    let stage = Stage::standard();
    let asked = stage.asked();
    assert_eq!(offered(&asked), ["password"]);
    assert_eq!(asked.session, SessionEffect::Keep);
}

/// FLOW-06.
#[test]
fn flow_06_a_session_is_single_sign_on() {
    let stage = Stage::standard().with_session(person(), &[("password", 1, 50)]);
    let decided = stage.entry();
    assert!(is_enough(&decided));
    assert_eq!(
        decided.path.last().unwrap().rule,
        RuleName::BuiltIn(BuiltIn::Standard)
    );
}

/// FLOW-06.
#[test]
fn flow_06_one_factor_is_enough_for_who_demands_no_more() {
    let mut stage = Stage::standard();
    let asked = stage.asked();
    assert!(is_enough(&stage.pass(
        asked,
        "password",
        with_totp(person())
    )));
}

/// FLOW-06.
#[test]
fn flow_06_prompt_login_asks_again_and_old_factors_do_not_count() {
    let mut stage =
        Stage::standard().with_session(with_totp(person()), &[("password", 1, 5), ("totp", 2, 5)]);
    stage.request = prompted(Prompt::Login);
    stage.realm_factors = 2;
    let asked = stage.asked();
    assert_eq!(
        offered(&asked),
        ["password"],
        "the first factor comes first again"
    );
    let asked = ask(stage.pass(asked, "password", with_totp(person())));
    assert_eq!(
        offered(&asked),
        ["totp"],
        "the second factor of the session does not count"
    );
    assert!(is_enough(&stage.pass(asked, "totp", with_totp(person()))));
}

#[test]
fn select_account_asks_again() {
    let mut stage = Stage::standard().with_session(person(), &[("password", 1, 5)]);
    stage.request = prompted(Prompt::SelectAccount);
    assert_eq!(offered(&stage.asked()), ["password"]);
}

#[test]
fn max_age_counts_from_the_first_factor() {
    let with_max_age = |minutes: u64, session: &[(&str, u8, i64)]| {
        let mut stage = Stage::standard().with_session(person(), session);
        stage.request.max_age = Some(Period::from_secs(minutes * 60));
        is_enough(&stage.entry())
    };
    assert!(with_max_age(10, &[("password", 1, 10)]));
    assert!(!with_max_age(10, &[("password", 1, 11)]));
    assert!(
        !with_max_age(0, &[("password", 1, 0)]),
        "max_age=0 always asks"
    );
    assert!(
        !with_max_age(10, &[("password", 1, 60), ("totp", 2, 1)]),
        "a step-up freshens no password"
    );
    assert!(with_max_age(10, &[("password", 1, 60), ("password", 1, 1)]));
}

#[test]
fn prompt_none_needs_interaction_instead_of_a_page() {
    let mut stage = Stage::standard();
    stage.request = prompted(Prompt::None);
    assert_eq!(stage.entry().decision, Decision::NeedsInteraction);
    let mut stage = Stage::standard().with_session(person(), &[("password", 1, 5)]);
    stage.request = prompted(Prompt::None);
    assert!(is_enough(&stage.entry()));
}

#[test]
fn prompt_none_shows_no_page_for_a_denial() {
    let mut snapshot = flow();
    snapshot.deny.push(deny_rule("no", "true"));
    let mut stage = Stage::new(&snapshot).with_session(person(), &[("password", 1, 5)]);
    stage.request = prompted(Prompt::None);
    assert_eq!(denial(stage.entry()).show, DenyTarget::Client);
}

/// AUTH-GEN-01.
#[test]
fn auth_gen_01_realm_flow_and_person_each_demand_the_second_factor() {
    let second = |realm: u8, of_flow: Option<u8>, of_person: u8| {
        let mut snapshot = flow();
        snapshot.required_factors = of_flow;
        let mut stage = Stage::new(&snapshot);
        stage.realm_factors = realm;
        let asked = stage.asked();
        let person = Person {
            required_factors: of_person,
            ..with_totp(person())
        };
        !is_enough(&stage.pass(asked, "password", person))
    };
    assert!(!second(1, None, 0));
    assert!(!second(1, Some(1), 1));
    assert!(second(2, None, 0));
    assert!(second(1, Some(2), 0));
    assert!(second(1, None, 2));
    assert!(second(2, Some(1), 1), "a flow may only strengthen");
}

/// FLOW-20.
#[test]
fn flow_20_a_session_of_one_factor_is_asked_for_the_second_only() {
    let mut snapshot = flow();
    snapshot.required_factors = Some(2);
    let mut stage = Stage::new(&snapshot).with_session(with_totp(person()), &[("password", 1, 30)]);
    let asked = stage.asked();
    assert_eq!(offered(&asked), ["totp"]);
    assert!(is_enough(&stage.pass(asked, "totp", with_totp(person()))));
    let stage =
        Stage::new(&snapshot).with_session(person(), &[("password", 1, 30), ("totp", 2, 30)]);
    assert!(
        is_enough(&stage.entry()),
        "two factors of the session are enough"
    );
}

/// FLOW-20.
#[test]
fn flow_20_as_rules_by_factor_count() {
    let mut snapshot = flow();
    snapshot.entry.push(rule(
        "stepUp",
        Some("session.exists && login.factors < 2"),
        more(),
    ));
    snapshot
        .after_step
        .push(rule("second", Some("login.factors < 2"), more()));
    let mut stage = Stage::new(&snapshot);
    let asked = stage.asked();
    assert_eq!(offered(&asked), ["password"]);
    let asked = ask(stage.pass(asked, "password", with_totp(person())));
    assert_eq!(offered(&asked), ["totp"]);
    assert!(is_enough(&stage.pass(asked, "totp", with_totp(person()))));
}

/// FLOW-21.
#[test]
fn flow_21_only_the_named_first_factors_are_offered() {
    let mut snapshot = flow();
    let then = Outcome::More(only(&["x509"]));
    snapshot
        .entry
        .push(rule("onlyCard", Some("!session.exists"), then));
    let mut stage = Stage::new(&snapshot);
    stage.methods.push(Method {
        name: "x509".into(),
        factor: 1,
        credential: "x509",
        enrols_at_login: false,
    });
    assert_eq!(offered(&stage.asked()), ["x509"]);
    let except = Outcome::More(MethodSelection::Except(vec!["x509".into()]));
    snapshot.entry[0].then = except;
    stage.flow = compiled(&snapshot);
    assert_eq!(offered(&stage.asked()), ["password"]);
}

/// FLOW-21: the order of the flow is the order of the offers; without one, that of the names.
#[test]
fn flow_21_methods_are_offered_in_the_order_of_the_flow() {
    for (selection, expected) in [
        (only(&["x509", "password"]), ["x509", "password"]),
        (only(&["password", "x509"]), ["password", "x509"]),
        (MethodSelection::Any, ["password", "x509"]),
    ] {
        let mut snapshot = flow();
        let then = Outcome::More(selection);
        snapshot.entry.push(rule("first", None, then));
        let mut stage = Stage::new(&snapshot);
        stage.methods.push(Method {
            name: "x509".into(),
            factor: 1,
            credential: "x509",
            enrols_at_login: false,
        });
        assert_eq!(offered(&stage.asked()), expected);
    }
}

fn by_attribute() -> FlowSnapshot {
    let mut snapshot = flow();
    snapshot
        .deny
        .push(deny_rule("notListed", "!(client.id in person.appList)"));
    snapshot
}

/// FLOW-22.
#[test]
fn flow_22_access_by_attribute_holds_at_entry_and_after_login() {
    let mut stranger = person();
    stranger.attributes.insert(
        "appList".into(),
        AttributeValue::StringList(vec!["other".to_owned()]),
    );
    let stage = Stage::new(&by_attribute()).with_session(stranger.clone(), &[("password", 1, 5)]);
    let refused = denial(stage.entry());
    assert_eq!(refused.name(), "notListed");
    assert_eq!(refused.message, [("en", "No.")].into());
    let mut stage = Stage::new(&by_attribute());
    let asked = stage.asked();
    assert_eq!(
        denial(stage.pass(asked.clone(), "password", stranger)).name(),
        "notListed"
    );
    assert!(is_enough(&stage.pass(asked, "password", person())));
}

/// FLOW-22.
#[test]
fn flow_22_an_absent_attribute_denies_once_the_person_is_known() {
    let mut stage = Stage::new(&by_attribute());
    let asked = stage.asked(); // nobody is known yet: the rule waits
    let mut unlisted = person();
    unlisted.attributes.remove("appList");
    let decided = stage.pass(asked, "password", unlisted);
    assert!(matches!(
        decided.path.last().unwrap().truth,
        Truth::Unknown(_)
    ));
    assert_eq!(denial(decided).name(), "notListed");
}

fn expiring() -> FlowSnapshot {
    let mut snapshot = flow();
    snapshot.deny.push(deny_rule(
        "account_expired",
        "has(person.accountExpires) && \
         parseTime(person.accountExpires, '%Y-%m-%d %H:%M', 'Europe/Kyiv') < now",
    ));
    snapshot
}

/// FLOW-23.
#[test]
fn flow_23_an_expired_account_is_denied_also_on_single_sign_on() {
    let expires = |text: &str| {
        let mut person = person();
        let value = AttributeValue::String(text.to_owned());
        person.attributes.insert("accountExpires".into(), value);
        Stage::new(&expiring())
            .with_session(person, &[("password", 1, 5)])
            .entry()
    };
    assert_eq!(
        denial(expires("2021-09-23 13:58")).name(),
        "account_expired"
    );
    assert!(is_enough(&expires("2031-9-3 13:58")));
    assert_eq!(
        denial(expires("soon")).name(),
        "account_expired",
        "what cannot be read denies"
    );
    let unset = Stage::new(&expiring()).with_session(person(), &[("password", 1, 5)]);
    assert!(is_enough(&unset.entry()));
}

/// FLOW-24.
#[test]
fn flow_24_a_foreign_network_is_denied_at_entry_too() {
    let mut snapshot = flow();
    snapshot.deny.push(deny_rule(
        "ip_not_allowed",
        "!inCidr(request.ip, ['203.0.113.0/24'])",
    ));
    let mut stage = Stage::new(&snapshot).with_session(person(), &[("password", 1, 5)]);
    assert!(is_enough(&stage.entry()));
    stage.request.ip = Some("198.51.100.1".parse().unwrap());
    assert_eq!(denial(stage.entry()).name(), "ip_not_allowed");
    stage.request.ip = None;
    assert_eq!(
        denial(stage.entry()).name(),
        "ip_not_allowed",
        "an unknown address denies"
    );
    stage.session = None;
    stage.person = None;
    stage.request.ip = Some("198.51.100.1".parse().unwrap());
    assert_eq!(
        denial(stage.entry()).name(),
        "ip_not_allowed",
        "before anything is asked"
    );
}

/// FLOW-25.
#[test]
fn flow_25_the_persons_other_sessions_end() {
    let mut snapshot = flow();
    let then = Outcome::Enough {
        end_other_sessions: true,
        claims: Vec::new(),
    };
    snapshot.after_step.push(rule("single", None, then));
    let mut stage = Stage::new(&snapshot);
    let asked = stage.asked();
    let Decision::Enough(enough) = stage.pass(asked, "password", person()).decision else {
        panic!();
    };
    assert!(enough.end_other_sessions);
}

/// FLOW-26.
#[test]
fn flow_26_groups_become_a_session_claim_only_when_there_are_some() {
    let mut snapshot = flow();
    let then = Outcome::Enough {
        end_other_sessions: false,
        claims: vec![SessionClaim {
            name: "grps".to_owned(),
            value: "person.memberOf".into(),
        }],
    };
    snapshot.after_step.push(rule("groups", None, then));
    let claims = |groups: Option<Vec<String>>| {
        let mut person = person();
        if let Some(groups) = groups {
            let groups = AttributeValue::StringList(groups);
            person.attributes.insert("memberOf".into(), groups);
        }
        let mut stage = Stage::new(&snapshot);
        let asked = stage.asked();
        match stage.pass(asked, "password", person).decision {
            Decision::Enough(enough) => serde_json::Value::Object(enough.claims),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        claims(Some(vec!["a".to_owned()])),
        serde_json::json!({"grps": ["a"]})
    );
    assert_eq!(claims(Some(Vec::new())), serde_json::json!({}));
    assert_eq!(claims(None), serde_json::json!({}));
}

/// FLOW-41.
#[test]
fn flow_41_a_reset_happens_once_and_asks_from_the_beginning() {
    let mut snapshot = flow();
    let then = Outcome::ResetSessionThenMore(MethodSelection::Any);
    snapshot
        .entry
        .push(rule("again", Some("session.exists"), then.clone()));
    snapshot.after_step.push(rule("always", None, then));
    let mut stage = Stage::new(&snapshot).with_session(person(), &[("password", 1, 5)]);
    let asked = stage.asked();
    assert_eq!(asked.session, SessionEffect::Reset);
    assert_eq!(offered(&asked), ["password"]);
    assert!(asked.pass.was_reset && !asked.pass.session_counts);
    let asked = ask(stage.pass(asked, "password", with_totp(person())));
    assert_eq!(asked.session, SessionEffect::Keep, "the one reset has been");
    assert_eq!(offered(&asked), ["totp"]);
    let end = stage.pass(asked, "totp", with_totp(person()));
    assert_eq!(denial(end).rule, RuleName::BuiltIn(BuiltIn::NoMethodLeft));
}

/// FLOW-07.
#[test]
fn flow_07_log_out_first() {
    let mut snapshot = flow();
    let then = Outcome::LogoutThenMore(MethodSelection::Any);
    snapshot.entry.push(rule("out", None, then));
    let stage = Stage::new(&snapshot).with_session(person(), &[("password", 1, 5)]);
    assert_eq!(stage.asked().session, SessionEffect::Logout);
    assert_eq!(
        Stage::new(&snapshot).asked().session,
        SessionEffect::Keep,
        "nothing to end"
    );
}

/// FLOW-07.
#[test]
fn flow_07_deny_with_a_message_of_the_author() {
    let mut snapshot = flow();
    snapshot
        .after_step
        .push(rule("tooLow", Some("person.level < 5"), denied("Not yet.")));
    let mut stage = Stage::new(&snapshot);
    let asked = stage.asked();
    let refused = denial(stage.pass(asked, "password", person()));
    assert_eq!(refused.rule, RuleName::AfterStep("tooLow".to_owned()));
    assert_eq!(refused.message, [("en", "Not yet.")].into());
}

/// FLOW-44.
#[test]
fn flow_44_a_tag_demands_the_second_factor_and_a_personal_demand_stays() {
    let mut snapshot = flow();
    snapshot.after_step.push(rule(
        "tagged",
        Some("'2F' in client.tags && login.factors < 2"),
        more(),
    ));
    snapshot.after_step.push(rule("done", None, enough()));
    let second = |tags: &[&str], required_factors: u8| {
        let mut stage = Stage::new(&snapshot);
        stage.client.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let asked = stage.asked();
        let person = Person {
            required_factors,
            ..with_totp(person())
        };
        !is_enough(&stage.pass(asked, "password", person))
    };
    assert!(second(&["2F"], 0));
    assert!(!second(&[], 0));
    // Section 15: the samples lose the person's own demand here.
    assert!(second(&[], 2));
}

#[test]
fn a_rule_that_cannot_be_evaluated_does_not_hold() {
    let mut snapshot = flow();
    snapshot.after_step.push(rule(
        "let",
        Some("person.accountExpires == 'never'"),
        enough(),
    ));
    snapshot.after_step.push(rule("no", None, denied("no")));
    let mut stage = Stage::new(&snapshot);
    let asked = stage.asked();
    assert_eq!(denial(stage.pass(asked, "password", person())).name(), "no");
}

#[test]
fn auth_totp_a_missing_second_factor_is_enrolled_only_where_nothing_else_helps() {
    let mut stage = Stage::standard();
    stage.realm_factors = 2;
    let asked = stage.asked();
    let second = ask(stage.pass(asked.clone(), "password", person()));
    assert_eq!(second.offers[0].kind, OfferKind::Enrol);
    let second = ask(stage.pass(asked.clone(), "password", with_totp(person())));
    assert_eq!(second.offers[0].kind, OfferKind::Prove);
    stage.methods.push(Method {
        name: "app".into(),
        factor: 2,
        credential: "app",
        enrols_at_login: true,
    });
    let second = ask(stage.pass(asked.clone(), "password", with_totp(person())));
    assert_eq!(
        offered(&second),
        ["totp"],
        "who holds one is not asked to enrol another"
    );
    stage.methods = methods_without_enrolment();
    let end = denial(stage.pass(asked, "password", person()));
    assert_eq!(end.name(), "no-method-left");
}

#[test]
fn nothing_about_a_person_is_offered_before_the_first_factor() {
    // A second factor of an unknown person is never asked, whatever a rule names.
    let mut snapshot = flow();
    let then = Outcome::More(only(&["password", "totp"]));
    snapshot.entry.push(rule("both", None, then));
    assert_eq!(offered(&Stage::new(&snapshot).asked()), ["password"]);
    snapshot.entry[0].then = Outcome::More(only(&["totp"]));
    let end = denial(Stage::new(&snapshot).entry());
    assert_eq!(end.rule, RuleName::BuiltIn(BuiltIn::NoMethodLeft));
}

#[test]
fn every_method_is_asked_once_in_a_pass() {
    let mut snapshot = flow();
    snapshot.after_step.push(rule("again", None, more()));
    let mut stage = Stage::new(&snapshot);
    let asked = stage.asked();
    let asked = ask(stage.pass(asked, "password", with_totp(person())));
    let end = denial(stage.pass(asked, "totp", with_totp(person())));
    assert_eq!(end.name(), "no-method-left");
}

#[test]
fn available_methods_are_those_open_to_the_person() {
    let mut snapshot = flow();
    snapshot.after_step.push(rule(
        "noSecond",
        Some("!('totp' in login.availableMethods)"),
        denied("no"),
    ));
    let mut stage = Stage::new(&snapshot);
    stage.methods = methods_without_enrolment();
    let asked = stage.asked();
    assert_eq!(
        denial(stage.pass(asked.clone(), "password", person())).name(),
        "noSecond"
    );
    assert!(is_enough(&stage.pass(
        asked,
        "password",
        with_totp(person())
    )));
}

#[test]
fn a_locked_account_is_refused_everywhere() {
    let locked = Person {
        locked: true,
        ..person()
    };
    let stage = Stage::standard().with_session(locked.clone(), &[("password", 1, 5)]);
    assert_eq!(denial(stage.entry()).name(), "locked");
    assert!(stage.machine().denied(&stage.situation()).is_some());
    let mut stage = Stage::standard();
    let asked = stage.asked();
    assert_eq!(
        denial(stage.pass(asked, "password", locked)).name(),
        "locked"
    );
}

#[test]
fn deny_rules_are_evaluated_again_for_tokens() {
    let stage = Stage::new(&by_attribute()).with_session(person(), &[("password", 1, 5)]);
    assert_eq!(stage.machine().denied(&stage.situation()), None);
    let mut changed = person();
    changed.attributes.remove("appList");
    let stage = Stage::new(&by_attribute()).with_session(changed, &[("password", 1, 5)]);
    let refused = stage.machine().denied(&stage.situation()).unwrap();
    assert_eq!(refused.name(), "notListed");
    let mut snapshot = flow();
    snapshot.deny.push(deny_rule("weak", "login.factors < 2"));
    let strong =
        Stage::new(&snapshot).with_session(person(), &[("password", 1, 5), ("totp", 2, 5)]);
    assert_eq!(strong.machine().denied(&strong.situation()), None);
    let weak = Stage::new(&snapshot).with_session(person(), &[("password", 1, 5)]);
    assert!(weak.machine().denied(&weak.situation()).is_some());
}

#[test]
fn the_path_names_every_rule_with_what_it_came_to() {
    let mut snapshot = by_attribute();
    snapshot
        .entry
        .push(rule("old", Some("session.age > duration('1h')"), more()));
    let stage = Stage::new(&snapshot).with_session(person(), &[("password", 1, 5)]);
    let path: Vec<String> = stage
        .entry()
        .path
        .iter()
        .map(|evaluated| format!("{}: {}", evaluated.rule, evaluated.truth == Truth::True))
        .collect();
    assert_eq!(
        path,
        [
            "deny/notListed: false",
            "entry/old: false",
            "standard: true"
        ]
    );
}

#[test]
fn a_pass_travels_as_json() {
    let pass = Pass::default().with(proof("password", 1, 0));
    let json = serde_json::to_value(&pass).unwrap();
    assert_eq!(serde_json::from_value::<Pass>(json).unwrap(), pass);
}

/// FLOW-04.
#[test]
fn flow_04_a_faulty_flow_names_rule_and_place() {
    use realmwright_decision::flow::{FlowFaultKind, FlowList, FlowPart};
    let mut snapshot = flow();
    snapshot.deny.push(deny_rule("x", "person.emial == ''"));
    snapshot.entry.push(rule("y", Some("person.level"), more()));
    snapshot.after_step.push(rule(
        "z",
        None,
        Outcome::Enough {
            end_other_sessions: false,
            claims: vec![SessionClaim {
                name: "grp".to_owned(),
                value: "person.nope".into(),
            }],
        },
    ));
    let environment = environment(realmwright_decision::expression::Scope::Condition);
    let faults = Flow::compile(&snapshot, &environment).unwrap_err();
    let places: Vec<_> = faults
        .iter()
        .map(|f| (f.list, f.index, f.part.clone()))
        .collect();
    assert_eq!(
        places,
        [
            (FlowList::Deny, 0, FlowPart::When),
            (FlowList::Entry, 0, FlowPart::When),
            (FlowList::AfterStep, 0, FlowPart::Claim(0)),
            (FlowList::AfterStep, 0, FlowPart::Claim(0)),
        ]
    );
    // OIDC-63: a claim that the realm does not declare.
    let undeclared = FlowFaultKind::UndeclaredClaim("grp".to_owned(), Some("grps".to_owned()));
    assert_eq!(faults[2].fault, undeclared);
}
