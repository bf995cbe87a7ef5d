use std::sync::Arc;

use realmwright_decision::facts::{Person, Prompt, Session};
use realmwright_decision::flow::OfferKind;
use realmwright_decision::realm::{ClientFault, RealmDecisions, RealmFault};
use realmwright_decision::simulate::*;
use realmwright_snapshot::*;
use serde_json::json;

use crate::fixture::*;

fn login() -> SimulatedLogin {
    SimulatedLogin {
        person: person(),
        client: "demo".into(),
        request: realmwright_decision::facts::Request {
            scopes: names("openid profile email"),
            ..request()
        },
        session: None,
        consented: Vec::new(),
        answers: Vec::new(),
        now: now(),
    }
}

fn run(realm: &RealmSnapshot, login: &SimulatedLogin) -> Simulated {
    let decisions = RealmDecisions::compile(realm, None).unwrap();
    simulate(realm, &decisions, login)
}

fn admitted(simulated: Simulated) -> Admitted {
    match simulated.result {
        SimulatedResult::Allowed(admitted) => *admitted,
        SimulatedResult::Denied(refused) => panic!("{refused:?}"),
    }
}

fn denial(simulated: &Simulated) -> &str {
    match &simulated.result {
        SimulatedResult::Denied(refused) => &refused.denial,
        SimulatedResult::Allowed(_) => panic!("allowed"),
    }
}

fn change_client(realm: &mut RealmSnapshot, change: impl FnOnce(&mut ClientSnapshot)) {
    let mut client = client();
    change(&mut client);
    realm.clients.insert("demo".into(), Arc::new(client));
}

fn steps(simulated: &Simulated) -> Vec<Vec<&str>> {
    simulated
        .steps
        .iter()
        .map(|step| {
            step.offers
                .iter()
                .map(|offer| offer.method.as_str())
                .collect()
        })
        .collect()
}

#[test]
fn a_login_from_request_to_claims() {
    let simulated = run(&realm(), &login());
    assert_eq!(steps(&simulated), [["password"]]);
    let admitted = admitted(simulated);
    assert_eq!(admitted.scopes, names("openid profile email"));
    assert!(admitted.consent.is_empty() && !admitted.single_session);
    let expected = json!({"email": "ann@example.com", "given_name": "Ann"});
    assert_eq!(
        admitted.id_token.map(serde_json::Value::Object),
        Some(expected)
    );
    assert!(
        admitted
            .audiences
            .contains("https://id.example.com/quickstart")
    );
}

#[test]
fn only_granted_scopes_release_claims() {
    let mut login = login();
    login.request.scopes = names("openid");
    let admitted = admitted(run(&realm(), &login));
    assert_eq!(admitted.id_token, Some(serde_json::Map::new()));
    assert!(admitted.access_token.is_empty());
}

/// KC-TK-03.
#[test]
fn kc_tk_03_without_openid_no_id_token_and_no_userinfo() {
    let mut login = login();
    login.request.scopes = names("email");
    let admitted = admitted(run(&realm(), &login));
    assert_eq!((admitted.id_token, admitted.user_info), (None, None));
    assert_eq!(admitted.access_token["email"], "ann@example.com");
}

#[test]
fn two_factors_with_enrolment() {
    let mut realm = realm();
    realm.core.required_factors = 2;
    let simulated = run(&realm, &login());
    assert_eq!(steps(&simulated), [["password"], ["totp"]]);
    assert_eq!(simulated.steps[1].offers[0].kind, OfferKind::Enrol);
    admitted(simulated);
}

#[test]
fn a_flow_of_the_client_decides_and_names_its_denial() {
    let mut realm = realm();
    let mut snapshot = flow();
    snapshot.deny.push(deny_rule("tooLow", "person.level < 5"));
    realm.flows.insert("flow".into(), snapshot);
    assert_eq!(denial_or_none(&realm), None, "no client names it");
    change_client(&mut realm, |client| client.flow = Some("flow".into()));
    assert_eq!(denial_or_none(&realm).as_deref(), Some("tooLow"));
    change_client(&mut realm, |client| client.flow = None);
    realm.core.flow = Some("flow".into());
    assert_eq!(
        denial_or_none(&realm).as_deref(),
        Some("tooLow"),
        "FLOW-02: the realm's default"
    );
}

fn denial_or_none(realm: &RealmSnapshot) -> Option<String> {
    match run(realm, &login()).result {
        SimulatedResult::Denied(refused) => Some(refused.denial),
        SimulatedResult::Allowed(_) => None,
    }
}

#[test]
fn refusals_have_their_names() {
    let realm = realm();
    let with = |change: &dyn Fn(&mut SimulatedLogin)| {
        let mut login = login();
        change(&mut login);
        denial(&run(&realm, &login)).to_owned()
    };
    assert_eq!(with(&|l| l.client = "nobody".into()), "unknown-client");
    assert_eq!(
        with(&|l| l.request.scopes = names("nothing")),
        "invalid-scope"
    );
    assert_eq!(
        with(&|l| l.request.scopes = names("realmwright:accounts")),
        "invalid-scope"
    );
    assert_eq!(
        with(&|l| l.request.prompt = [Prompt::None].into()),
        "login-required"
    );
    assert_eq!(with(&|l| l.person.locked = true), "locked");
    assert_eq!(with(&|l| l.person.credentials.clear()), "no-credential");
}

/// APP-10.
#[test]
fn app_10_and_12_access_is_decided_after_the_login() {
    let mut realm = realm();
    let rules = |when: &str| AccessSnapshot {
        rules: Some(vec![AccessRule {
            name: "staff".to_owned(),
            when: when.into(),
        }]),
        on_deny: OnDeny::ErrorPage,
    };
    change_client(&mut realm, |client| {
        client.access = rules("'/Staff' in person.groups")
    });
    let admitted = admitted(run(&realm, &login()));
    assert_eq!(admitted.access_rule.as_deref(), Some("staff"));
    change_client(&mut realm, |client| {
        client.access = rules("'/Guests' in person.groups")
    });
    let simulated = run(&realm, &login());
    assert_eq!(simulated.steps.len(), 1);
    let SimulatedResult::Denied(refused) = simulated.result else {
        panic!();
    };
    assert_eq!(
        (refused.denial.as_str(), refused.show),
        ("access", DenyTarget::Page)
    );
}

/// KC-CONS-01.
#[test]
fn kc_cons_01_consent_for_what_is_new() {
    let mut realm = realm();
    change_client(&mut realm, |client| client.consent_required = true);
    let mut login = login();
    login.consented = names("openid email");
    assert_eq!(admitted(run(&realm, &login)).consent, names("profile"));
    login.session = Some(session_by(&[proof("password", 1, 5)]));
    login.request.prompt = [Prompt::None].into();
    assert_eq!(denial(&run(&realm, &login)), "consent-required");
    login.consented = names("openid email profile");
    assert!(admitted(run(&realm, &login)).consent.is_empty());
}

/// FLOW-26.
#[test]
fn flow_26_a_session_claim_reaches_the_tokens() {
    let mut realm = realm();
    let mut snapshot = flow();
    let then = Outcome::Enough {
        end_other_sessions: true,
        claims: vec![SessionClaim {
            name: "grps".to_owned(),
            value: "person.appList".into(),
        }],
    };
    snapshot.after_step.push(rule("groups", None, then));
    realm.flows.insert("flow".into(), snapshot);
    change_client(&mut realm, |client| {
        client.flow = Some("flow".into());
        client.claims = vec![claim("grps", ClaimSource::SessionClaim("grps".to_owned()))];
    });
    let admitted_now = admitted(run(&realm, &login()));
    assert!(admitted_now.single_session);
    assert_eq!(admitted_now.access_token["grps"], json!(["demo", "mail"]));
    // In a later single sign-on the claim is still that of the session.
    let mut again = login();
    let mut session = session_by(&[proof("password", 1, 5)]);
    session.claims = admitted_now.session_claims;
    again.session = Some(session);
    let again = run(&realm, &again);
    assert!(again.steps.is_empty());
    assert_eq!(
        admitted(again).access_token["grps"],
        json!(["demo", "mail"])
    );
}

#[test]
fn roles_are_worked_out_and_scoped() {
    let mut realm = realm();
    change_client(&mut realm, |client| {
        client.role_scope =
            RoleScope::Only([realmwright_decision::facts::parse_role("staff")].into());
        client.claims = vec![
            claim("roles", ClaimSource::RealmRoles),
            claim("app_roles", ClaimSource::ClientRoles(None)),
        ];
    });
    let admitted = admitted(run(&realm, &login()));
    assert_eq!(
        admitted.access_token["roles"],
        json!(["staff"]),
        "`admin` includes it"
    );
    assert_eq!(
        admitted.access_token["app_roles"],
        json!({"demo": ["editor"]})
    );
}

#[test]
fn answers_choose_among_the_offers() {
    let mut realm = realm();
    let mut second = password_snapshot();
    second.name = "pin".into();
    realm.methods.insert("pin".into(), second);
    let mut login = login();
    login.answers = vec!["pin".into()];
    assert_eq!(run(&realm, &login).steps[0].taken, "pin".into());
    login.answers = vec!["not offered".into()];
    assert_eq!(run(&realm, &login).steps[0].taken, "password".into());
}

#[test]
fn a_faulty_realm_names_every_fault() {
    let mut realm = realm();
    let mut snapshot = flow();
    snapshot.deny.push(deny_rule("x", "person.nope"));
    realm.flows.insert("flow".into(), snapshot);
    realm.core.flow = Some("missing".into());
    change_client(&mut realm, |client| {
        client.flow = Some("gone".into());
        client.access.rules = Some(vec![AccessRule {
            name: "x".to_owned(),
            when: "1".into(),
        }]);
    });
    let faults = RealmDecisions::compile(&realm, None).unwrap_err();
    assert!(matches!(&faults[0], RealmFault::Flow(name, _) if name.as_str() == "flow"));
    let access = |f: &RealmFault| matches!(f, RealmFault::Client(_, ClientFault::Access(0, _)));
    assert!(faults.iter().any(access), "{faults:?}");
    assert!(faults.contains(&RealmFault::UnknownFlow("missing".into())));
    let gone = RealmFault::Client("demo".into(), ClientFault::UnknownFlow("gone".into()));
    assert!(faults.contains(&gone));
}

#[test]
fn unchanged_clients_are_shared_with_the_former_realm() {
    let former = realm();
    let decisions = RealmDecisions::compile(&former, None).unwrap();
    let shared = |realm: &RealmSnapshot| {
        let next = RealmDecisions::compile(realm, Some((&former, &decisions))).unwrap();
        let id = ClientId::from("demo");
        Arc::ptr_eq(next.client(&id).unwrap(), decisions.client(&id).unwrap())
    };
    let mut next = realm();
    assert!(shared(&next));
    change_client(&mut next, |client| client.tags.extend(["x".to_owned()]));
    assert!(!shared(&next), "another client");
    let mut next = realm();
    next.core.attributes.pop();
    assert!(!shared(&next), "another schema");
}

/// A flow that goes away takes an unchanged application along.
#[test]
fn an_unchanged_client_whose_flow_is_gone_is_a_fault() {
    let mut former = realm();
    former.flows.insert("flow".into(), flow());
    change_client(&mut former, |client| client.flow = Some("flow".into()));
    let decisions = RealmDecisions::compile(&former, None).unwrap();
    let mut next = former.clone();
    next.flows.clear();
    let faults = RealmDecisions::compile(&next, Some((&former, &decisions))).unwrap_err();
    let gone = RealmFault::Client("demo".into(), ClientFault::UnknownFlow("flow".into()));
    assert_eq!(faults, [gone]);
}

#[test]
fn a_session_of_an_empty_track_is_no_authentication() {
    let mut login = login();
    login.session = Some(Session::default());
    assert_eq!(steps(&run(&realm(), &login)), [["password"]]);
}

#[test]
fn account_labels_come_from_the_person() {
    let decisions = RealmDecisions::compile(&realm(), None).unwrap();
    let program = decisions.program();
    let label = |person: &Person| program.account_label(&"totp".into(), person, now());
    assert_eq!(label(&person()).as_deref(), Some("ann@example.com"));
    assert_eq!(label(&Person::default()), None);
    assert_eq!(
        program.account_label(&"password".into(), &person(), now()),
        None
    );
}
