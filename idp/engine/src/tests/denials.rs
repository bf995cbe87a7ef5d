//! Why somebody was refused: told under a number, and found again by it.

use std::time::Duration;

use realmwright_decision::why::{Moment, RuleList, Verdict, Why};
use realmwright_snapshot::{
    AccessRule, AccessSnapshot, AttributeSnapshot, DataClass, DenyRule, DenyTarget, FlowSnapshot,
    LocalizedText, OnDeny, RealmSnapshot, ValueKind,
};
use realmwright_store::{DenialRow, Denials as _, PersonalData as _, SubjectId};
use serde_json::{Value, json};

use super::actors::*;
use super::fixture::*;
use crate::accounts::{AccountChange, AccountState, AccountsCaller, AccountsError, Denial};
use crate::{Answer, CallFault, Cookies, ErrorKind, JsonAnswer, Notice, Step};

const CANARY: &str = "planted-diagnosis";

fn medical(name: &str) -> AttributeSnapshot {
    AttributeSnapshot {
        name: name.into(),
        display_name: LocalizedText::default(),
        kind: ValueKind::String,
        data_class: DataClass::Medical,
        searchable: false,
        required: false,
        unique: false,
        case_insensitive: false,
        computed: None,
        input: None,
    }
}

/// A realm whose flow denies when this holds.
fn denying(when: &str, show: DenyTarget) -> RealmSnapshot {
    realm_with(|realm| {
        realm.core.attributes.push(medical("diagnosis"));
        realm.core.flow = Some("special".into());
        realm.flows.insert(
            "special".into(),
            FlowSnapshot {
                name: "special".into(),
                required_factors: None,
                deny: vec![DenyRule {
                    name: "not-now".into(),
                    when: when.into(),
                    message: text("Not now"),
                    show,
                }],
                entry: Vec::new(),
                after_step: Vec::new(),
            },
        );
    })
}

/// A world with that realm and a person in it.
async fn world(when: &str, show: DenyTarget) -> (World, String) {
    let world = World::new(denying(when, show)).await;
    let sub = person(&world).await;
    (world, sub)
}

async fn person(world: &World) -> String {
    let sub = world.person("olena@example.com").await;
    let change = AccountChange {
        attributes: [("diagnosis".to_owned(), Value::from(CANARY))].into(),
        ..AccountChange::default()
    };
    let by = AccountsCaller::process();
    let changed = world.engine.change_account(&world.realm, &by, &sub, change);
    changed.await.unwrap();
    sub
}

/// What comes of a right password.
async fn log_in(world: &World, browser: &mut Browser) -> Step {
    let first = page(browser.authorize(world, &request("demo", &[])).await);
    let right = password("olena@example.com", PASSWORD);
    browser.answer(world, &first, right).await
}

/// The number on the page of a denial.
fn shown(step: Step) -> String {
    let Step::Error(page) = step else {
        panic!("{step:?}");
    };
    assert_eq!(page.kind, ErrorKind::Denied);
    page.error_id.unwrap()
}

/// The number in a description.
fn referred(description: &str) -> String {
    let (_, rest) = description.split_once("(reference ").unwrap();
    rest.trim_end_matches(')').to_owned()
}

/// The number that a token error tells.
fn told(result: Result<JsonAnswer, CallFault>) -> String {
    referred(&described(result))
}

fn described(result: Result<JsonAnswer, CallFault>) -> String {
    match result {
        Err(CallFault::OAuth(error)) => {
            assert_eq!(error.error, "invalid_grant");
            error.description.unwrap()
        }
        other => panic!("{other:?}"),
    }
}

async fn denial(world: &World, id: &str) -> Denial {
    world.engine.denial(&world.realm, id).await.unwrap()
}

async fn is_unknown(world: &World, id: &str) -> bool {
    let found = world.engine.denial(&world.realm, id).await;
    matches!(found, Err(AccountsError::NotFound(_)))
}

async fn denials_of(world: &World, sub: &str) -> Vec<DenialRow> {
    let sub = SubjectId(sub.to_owned());
    let found = world.store.denials_of(world.realm.id(), &sub);
    found.await.unwrap()
}

fn verdicts(denial: &Denial) -> Vec<(usize, Verdict)> {
    let [rule] = denial.record.why.rules() else {
        panic!("{denial:?}");
    };
    let atoms = rule.atoms.iter();
    atoms.map(|atom| (atom.at, atom.truth)).collect()
}

/// FLOW-24.
#[tokio::test]
async fn a_denial_is_found_again_by_the_number_on_its_page() {
    let when = "person.email.endsWith('example.com') && request.ip != '' && client.id == 'other'
        || client.id == 'demo' && has(person.email)";
    let (world, sub) = world(when, DenyTarget::Page).await;
    let mut browser = Browser::default();
    let id = shown(log_in(&world, &mut browser).await);
    let denial = denial(&world, &id).await;
    assert_eq!(denial.id, id);
    assert_eq!(denial.sub.as_deref(), Some(&*sub));
    assert_eq!(denial.client.as_str(), "demo");
    assert_eq!(denial.region.as_str(), "ua");
    assert_eq!(denial.digest, world.realm.version().digest.to_string());
    assert_eq!(denial.class, "personal");
    assert_eq!(denial.record.moment, Moment::AfterStep);
    assert_eq!(denial.record.revision, 1);
    let Why::Flow { flow, rule } = &denial.record.why else {
        panic!("{denial:?}");
    };
    assert_eq!(flow.as_str(), "special");
    assert_eq!((rule.list, &*rule.name), (RuleList::Deny, "not-now"));
    assert_eq!(rule.truth, Some(Verdict::True));
    assert_eq!(
        verdicts(&denial),
        [
            (0, Verdict::True),
            (1, Verdict::True),
            (2, Verdict::False),
            (3, Verdict::True),
            (4, Verdict::True)
        ]
    );
    let [failed] = &world.logged("login_failed").await[..] else {
        panic!("one event");
    };
    assert_eq!(failed["error_id"], Value::from(id));
    assert_eq!(failed["rule"], "not-now");
}

#[tokio::test]
async fn a_number_is_understood_as_people_type_it() {
    let (world, _) = world("person.email != ''", DenyTarget::Page).await;
    let id = shown(log_in(&world, &mut Browser::default()).await);
    for typed in [
        id.to_uppercase(),
        id.replace('-', ""),
        id.replace('-', " "),
        id.replace('0', "O").replace('1', "l"),
    ] {
        assert_eq!(denial(&world, &typed).await.id, id, "{typed}");
    }
    for typed in ["", "-", "0000-0000-0000", &id[..13], "uuuu-uuuu-uuuu", "%"] {
        assert!(is_unknown(&world, typed).await, "{typed}");
    }
    let longer = format!("{id}0");
    assert!(is_unknown(&world, &longer).await);
}

#[tokio::test]
async fn a_denial_is_of_its_realm_and_ends() {
    let mut snapshot = denying("person.email != ''", DenyTarget::Page);
    snapshot.core.retention.denials = realmwright_snapshot::Period::from_secs(3600);
    let world = World::new(snapshot).await;
    person(&world).await;
    let id = shown(log_in(&world, &mut Browser::default()).await);
    let mut elsewhere = world.other_process();
    let mut other = denying("person.email != ''", DenyTarget::Page);
    other.core.id = "identity.other".into();
    elsewhere.serve_foreign(other);
    assert!(is_unknown(&elsewhere, &id).await);

    world.advance(Duration::from_secs(3590));
    assert_eq!(denial(&world, &id).await.id, id);
    world.advance(Duration::from_secs(20));
    assert!(is_unknown(&world, &id).await);
}

#[tokio::test]
async fn an_application_is_told_the_number() {
    let (world, _) = world("person.email != ''", DenyTarget::Client).await;
    let answer = response(log_in(&world, &mut Browser::default()).await);
    assert_eq!(error(&answer), "access_denied");
    let id = referred(parameter(&answer, "error_description").unwrap());
    assert_eq!(denial(&world, &id).await.record.moment, Moment::AfterStep);
}

/// FLOW-24: what was issued before is judged by the rules of now.
#[tokio::test]
async fn refusals_at_the_token_endpoint_have_numbers_too() {
    let (mut world, sub) = world("client.id == 'other'", DenyTarget::Page).await;
    let mut browser = Browser::default();
    let first = browser.log_in(&world, &request("demo", &[])).await;
    let tokens = world.redeem("demo", &code(&first)).await.unwrap();
    let refresh = field(&tokens, "refresh_token").to_owned();
    let second = code(&response(
        browser.authorize(&world, &request("demo", &[])).await,
    ));
    world.serve(denying("person.email != ''", DenyTarget::Page));
    let redeemed = told(world.redeem("demo", &second).await);
    let refreshed = told(world.refresh("demo", &refresh).await);
    let silent = request("demo", &[("prompt", "none")]);
    let entered = response(browser.authorize(&world, &silent).await);
    let entered = referred(parameter(&entered, "error_description").unwrap());
    for (id, moment) in [
        (&redeemed, Moment::Redemption),
        (&refreshed, Moment::Refresh),
        (&entered, Moment::Entry),
    ] {
        let denial = denial(&world, id).await;
        assert_eq!(denial.record.moment, moment);
        assert_eq!(denial.record.revision, 2);
        assert_eq!(denial.sub.as_deref(), Some(&*sub));
    }
    // An application that tries again at once is told the same, and nothing is written.
    assert_eq!(told(world.refresh("demo", &refresh).await), refreshed);
    assert_eq!(denials_of(&world, &sub).await.len(), 3);
    world.advance(Duration::from_secs(61));
    let later = told(world.refresh("demo", &refresh).await);
    assert_ne!(later, refreshed);
    assert_eq!(denials_of(&world, &sub).await.len(), 4);
}

/// APP-10, APP-12.
#[tokio::test]
async fn a_refusal_by_access_rules_says_each_of_them() {
    for on_deny in [OnDeny::ErrorPage, OnDeny::ProtocolError] {
        let world = World::new(realm_with(|realm| {
            realm.core.attributes.push(medical("diagnosis"));
            edit(realm, "demo", |client| {
                let rule = |name: &str, when: &str| AccessRule {
                    name: name.to_owned(),
                    when: when.into(),
                };
                client.access = AccessSnapshot {
                    rules: Some(vec![
                        rule("staff", "'staff' in person.roles"),
                        rule("patients", "person.diagnosis == 'x'"),
                        rule("phone", "person.phone != ''"),
                    ]),
                    on_deny,
                };
            });
        }))
        .await;
        person(&world).await;
        let id = match log_in(&world, &mut Browser::default()).await {
            Step::Respond(answer) => {
                assert_eq!(on_deny, OnDeny::ProtocolError);
                referred(parameter(&answer, "error_description").unwrap())
            }
            step => shown(step),
        };
        let denial = denial(&world, &id).await;
        assert_eq!(denial.record.moment, Moment::BeforeCode);
        assert_eq!(denial.class, "medical");
        let rules = denial.record.why.rules().iter();
        let said: Vec<_> = rules
            .map(|rule| (&*rule.name, rule.truth, rule.left_out))
            .collect();
        assert_eq!(
            said,
            [
                ("staff", Some(Verdict::False), 0),
                ("patients", None, 1),
                ("phone", Some(Verdict::Absent), 0)
            ]
        );
    }
}

/// REGION-RES-01: what is recorded says nothing of health, and holds no value at all.
#[tokio::test]
async fn neither_values_nor_medical_atoms_are_recorded() {
    let when = "person.email != '' && person.diagnosis.startsWith('planted')";
    let (world, sub) = world(when, DenyTarget::Page).await;
    let id = shown(log_in(&world, &mut Browser::default()).await);
    let denial = denial(&world, &id).await;
    assert_eq!(denial.class, "medical");
    assert_eq!(verdicts(&denial), [(0, Verdict::True)]);
    assert_eq!(denial.record.why.rules()[0].left_out, 1);
    let rows = denials_of(&world, &sub).await;
    let said = format!("{denial:?} {} {rows:?}", json!(denial));
    for secret in [CANARY, "planted", "diagnosis", "olena", "Olena"] {
        assert!(!said.contains(secret), "{secret}: {said}");
    }
    let export = world.store.export(world.realm.id(), &SubjectId(sub)).await;
    let exported = &export.unwrap()["denials"];
    assert_eq!(exported[0]["id"], Value::from(id));
    assert!(!exported.to_string().contains("planted"), "{exported}");
}

/// Design section 7: whoever opens the address of a realm writes nothing without bound.
#[tokio::test]
async fn strangers_who_are_refused_alike_share_a_number_for_a_minute() {
    let (world, _) = world("request.ip.startsWith('203')", DenyTarget::Page).await;
    let enter = async |client: &str| {
        let entered = world
            .engine
            .authorize(&world.context(), &request(client, &[]), &Cookies::default())
            .await;
        shown(entered.unwrap().step)
    };
    let before = world.events().await.len();
    let first = enter("demo").await;
    for _ in 0..20 {
        assert_eq!(enter("demo").await, first);
    }
    assert_eq!(world.events().await.len() - before, 1);
    let found = denial(&world, &first).await;
    assert_eq!((found.sub.as_deref(), &*found.class), (None, "personal"));
    assert_eq!(found.record.moment, Moment::Entry);

    world.advance(Duration::from_secs(61));
    assert_ne!(enter("demo").await, first);
    // They are of no use for long.
    world.advance(Duration::from_secs(86_400));
    assert!(is_unknown(&world, &first).await);
}

/// Strangers can vary what a rule reads. What is beyond the bound has a number of the log's alone.
#[tokio::test]
async fn strangers_who_are_refused_each_in_another_way_are_bounded() {
    let scopes = (0..8).map(|bit| format!("request.loginHint.contains('{bit}')"));
    let when = format!("{} || true", scopes.collect::<Vec<_>>().join(" || "));
    let (world, _) = world(&when, DenyTarget::Page).await;
    let before = world.events().await.len();
    let mut recorded = 0;
    for number in 0..100_u32 {
        let digits = (0..8).filter(|bit| number & (1 << bit) != 0);
        let hint: String = digits.map(|bit| bit.to_string()).collect();
        let asked = request("demo", &[("login_hint", &format!("x{hint}"))]);
        let entered = world
            .engine
            .authorize(&world.context(), &asked, &Cookies::default())
            .await;
        let id = shown(entered.unwrap().step);
        recorded += usize::from(!is_unknown(&world, &id).await);
    }
    assert_eq!(recorded, 60);
    assert_eq!(world.events().await.len() - before, 60);
}

/// Design section 8: unknown, wrong, locked and missing are not told apart, and none of them has a
/// number or a record.
#[tokio::test]
async fn what_outsiders_must_not_tell_apart_has_no_number() {
    let mut snapshot = denying("client.id == 'other'", DenyTarget::Page);
    snapshot.core.required_factors = 2;
    if let realmwright_snapshot::MethodKind::Totp(totp) =
        &mut snapshot.methods.get_mut("totp").unwrap().kind
    {
        totp.enrol_at_login = false;
    }
    let world = World::new(snapshot).await;
    let without_factor = person(&world).await;
    let locked = world.person("locked@example.com").await;
    let lock = AccountChange {
        state: Some(AccountState::Locked),
        ..AccountChange::default()
    };
    let by = AccountsCaller::process();
    let change = world
        .engine
        .change_account(&world.realm, &by, &locked, lock);
    change.await.unwrap();
    for (login, typed) in [
        ("nobody@example.com", PASSWORD),
        ("olena@example.com", "wrong-one"),
        ("olena@example.com", PASSWORD),
        ("locked@example.com", PASSWORD),
    ] {
        let mut browser = Browser::default();
        let first = page(browser.authorize(&world, &request("demo", &[])).await);
        let again = page(browser.answer(&world, &first, password(login, typed)).await);
        assert_eq!(again.notice, Some(Notice::WrongPassword), "{login}");
    }
    for sub in [&without_factor, &locked] {
        assert!(denials_of(&world, sub).await.is_empty());
    }
    let failed = world.logged("login_failed").await;
    assert_eq!(failed.len(), 4);
    assert!(failed.iter().all(|event| event.get("error_id").is_none()));
}

/// A deny rule is asked only when the credential was right: a wrong one of the same person looks
/// like one of nobody.
#[tokio::test]
async fn a_wrong_password_of_somebody_denied_looks_like_any_other() {
    let (world, sub) = world("person.email != ''", DenyTarget::Page).await;
    for login in ["olena@example.com", "nobody@example.com"] {
        let mut browser = Browser::default();
        let first = page(browser.authorize(&world, &request("demo", &[])).await);
        let wrong = password(login, "wrong-one");
        let again = page(browser.answer(&world, &first, wrong).await);
        assert_eq!(again.notice, Some(Notice::WrongPassword), "{login}");
    }
    assert!(denials_of(&world, &sub).await.is_empty());
}

/// An application cannot tell a locked person from a token that is no good.
#[tokio::test]
async fn a_locked_person_at_the_token_endpoint_has_no_number() {
    let (world, sub) = world("client.id == 'other'", DenyTarget::Page).await;
    let mut browser = Browser::default();
    let first = browser.log_in(&world, &request("demo", &[])).await;
    let tokens = world.redeem("demo", &code(&first)).await.unwrap();
    let refresh = field(&tokens, "refresh_token").to_owned();
    let lock = AccountChange {
        state: Some(AccountState::Locked),
        ..AccountChange::default()
    };
    let by = AccountsCaller::process();
    let change = world.engine.change_account(&world.realm, &by, &sub, lock);
    change.await.unwrap();
    let locked = described(world.refresh("demo", &refresh).await);
    let unknown = described(world.refresh("demo", "unknown").await);
    assert_eq!(locked, unknown);
    assert!(denials_of(&world, &sub).await.is_empty());
}

/// A second click, answered by another process: whichever page the browser shows, its number is
/// known.
#[tokio::test]
async fn a_second_click_has_a_number_that_is_known() {
    let consenting = |when: &str| {
        let mut snapshot = denying(when, DenyTarget::Page);
        edit(&mut snapshot, "demo", |client| {
            client.consent_required = true
        });
        snapshot
    };
    let mut here = World::new(consenting("client.id == 'other'")).await;
    person(&here).await;
    let mut browser = Browser::default();
    let consent = page(log_in(&here, &mut browser).await);
    here.serve(consenting("person.email != ''"));
    let there = here.other_process();
    let mut again = Browser(browser.0.clone());
    let (first, second) = futures::join!(
        browser.post(&here, &consent, Answer::Consent),
        again.post(&there, &consent, Answer::Consent)
    );
    let mut numbers = 0;
    for step in [first.unwrap(), second.unwrap()] {
        // The slower one may find nothing any more.
        if let Step::Error(page) = step
            && let Some(id) = page.error_id
        {
            assert_eq!(denial(&here, &id).await.record.moment, Moment::BeforeCode);
            numbers += 1;
        }
    }
    assert!(numbers > 0);
}
