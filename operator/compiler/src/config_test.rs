//! Config tests: `RealmTest` cases on the decision crate that also serves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use realmwright_crds::realm_test::{
    Case, Expectation, ExpectedClaims, Prompt as SpecPrompt, TestContext, TestPerson, TestRequest,
    TestResult as SpecResult, TestSession,
};
use realmwright_crds::{Json, RealmTestSpec};
use realmwright_decision::facts::{Authentication, Person, Prompt, Request, Session};
use realmwright_decision::realm::RealmDecisions;
use realmwright_decision::simulate::{
    Admitted, Simulated, SimulatedLogin, SimulatedResult, simulate,
};
use realmwright_snapshot::{ClientId, MethodName, RealmSnapshot, ScopeName};
use serde_json::Map;

use crate::compiler::TestResult;
use crate::diagnostics::{Code, did_you_mean};
use crate::doubts::Absent;
use crate::evaluate::{rule_lines, rules_in_words};
use crate::fault::{Fault, Report};
use crate::index::Typed;
use crate::lower::core::attribute_values;
use crate::lower::roles;
use crate::object::{Kind, RealmKey};
use crate::path::{FieldPath, field};

/// What tests take for granted when they do not say it.
const SUB: &str = "00000000-0000-4000-8000-000000000001";
const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1));
const SESSION_AGE: SignedDuration = SignedDuration::from_mins(1);
/// 2026-01-01T00:00:00Z.
const NOW_SECONDS: i64 = 1_767_225_600;

/// The realm that cases run on.
pub(crate) struct Bench<'a> {
    /// Where its objects are looked for.
    pub(crate) key: &'a RealmKey,
    pub(crate) snapshot: &'a RealmSnapshot,
    pub(crate) decisions: &'a RealmDecisions,
    /// Applications that were left out: their cases do not run.
    pub(crate) left_out: BTreeSet<&'a str>,
}

/// Runs every case; one that fails is an error of its RealmTest.
pub(crate) fn run(
    bench: &Bench<'_>,
    tests: &[Typed<'_, RealmTestSpec>],
    report: &mut Report,
) -> Vec<TestResult> {
    let mut results = Vec::new();
    for test in tests {
        for (index, case) in test.spec.cases.iter().enumerate() {
            if bench.left_out.contains(case.client.as_str()) {
                continue;
            }
            let path = field!("spec", "cases", index);
            let mut faults = Vec::new();
            let login = login(bench, case, &path, &mut faults);
            let cannot_run = faults.iter().any(|fault| report.is_consequence(fault));
            let differences = if faults.iter().any(Fault::is_error) {
                faults.iter().map(|fault| fault.message.clone()).collect()
            } else {
                let simulated = simulate(bench.snapshot, bench.decisions, &login);
                let differences = compare(&case.expect, &simulated);
                if !differences.is_empty() {
                    faults.push(failed(case, &differences, &simulated, &path));
                }
                differences
            };
            let location = report.place(test.placed, &path.at("name"));
            for fault in faults {
                report.add(test.placed, fault);
            }
            if cannot_run {
                continue;
            }
            results.push(TestResult {
                test: format!("{}/{}", test.namespace(), test.name()),
                case: case.name.to_string(),
                location,
                differences,
            });
        }
    }
    results
}

fn failed(case: &Case, differences: &[String], simulated: &Simulated, path: &FieldPath) -> Fault {
    let mut fault = Fault::error(
        Code::TestFailed,
        path.at("name"),
        format!("config test `{}` failed", case.name),
    );
    for difference in differences {
        fault = fault.note(difference);
    }
    for line in rule_lines(&rules_in_words(&simulated.path)) {
        fault = fault.note(line);
    }
    fault
}

pub(crate) fn login(
    bench: &Bench<'_>,
    case: &Case,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> SimulatedLogin {
    let Case {
        name: _,
        person: person_spec,
        client,
        request: request_spec,
        context,
        expect: _,
    } = case;
    let id = ClientId::from(client.as_str());
    if !bench.snapshot.clients.contains_key(&id) {
        let names = bench.snapshot.clients.keys().map(ClientId::as_str);
        let fault = bad(
            path.at("client"),
            format!("client `{client}` does not exist, or is disabled"),
            did_you_mean(client, names),
        );
        faults.push(fault.lacking(Absent::member(Kind::Client, bench.key, client)));
    }
    let TestContext {
        ip,
        at,
        user_agent: _,
        session: session_spec,
    } = context.clone().unwrap_or_default();
    let now = at.map_or_else(
        || Timestamp::from_second(NOW_SECONDS).unwrap_or_default(),
        |at| at.0,
    );
    let address = ip.as_ref().map_or(Some(ADDRESS), |ip| {
        let parsed = ip.parse().ok();
        if parsed.is_none() {
            let path = path.at("context").at("ip");
            faults.push(bad(path, format!("`{ip}` is not an IP address"), None));
        }
        parsed
    });
    let default_person = TestPerson::default();
    let person_spec = person_spec.as_ref().unwrap_or(&default_person);
    SimulatedLogin {
        person: person(bench, person_spec, &path.at("person"), faults),
        client: id,
        request: request(
            bench,
            request_spec.clone().unwrap_or_default(),
            address,
            &path.at("request"),
            faults,
        ),
        session: session_spec
            .as_ref()
            .map(|spec| session(bench, spec, now, &path.at("context").at("session"), faults)),
        consented: Vec::new(),
        answers: Vec::new(),
        now,
    }
}

fn bad(path: FieldPath, message: String, fix: Option<String>) -> Fault {
    Fault::error(Code::BadTest, path, message).fix(fix)
}

fn person(
    bench: &Bench<'_>,
    spec: &TestPerson,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> Person {
    let TestPerson {
        attributes,
        credentials,
        required_factors,
        roles: held,
        groups,
        locked,
    } = spec;
    let mut of_schema = Vec::new();
    let attributes = attribute_values(
        &bench.snapshot.core.attributes,
        attributes
            .iter()
            .map(|(name, value)| (name.as_str(), &value.0)),
        &path.at("attributes"),
        &mut of_schema,
    );
    faults.extend(of_schema.into_iter().map(|fault| Fault {
        code: Code::BadTest,
        ..fault
    }));
    for (index, role) in held.iter().enumerate() {
        let role = roles::reference(role);
        if !bench.decisions.roles().declares(&role) {
            faults.push(bad(
                path.at("roles").at(index),
                format!("role `{}` does not exist", role.role),
                None,
            ));
        }
    }
    let credentials = match credentials {
        None => bench
            .snapshot
            .methods
            .values()
            .map(|method| method.kind.credential().to_owned())
            .collect(),
        Some(names) => names
            .iter()
            .enumerate()
            .filter_map(|(index, name)| {
                let path = path.at("credentials").at(index);
                method(bench, name, path, faults).map(|method| method.kind.credential().to_owned())
            })
            .collect(),
    };
    Person {
        sub: SUB.to_owned(),
        attributes,
        roles: roles::references(held),
        groups: groups.iter().map(ToString::to_string).collect(),
        required_factors: required_factors.map_or(0, crate::lower::flow::factors),
        credentials,
        locked: locked.unwrap_or(false),
    }
}

fn method<'a>(
    bench: &Bench<'a>,
    name: &str,
    path: FieldPath,
    faults: &mut Vec<Fault>,
) -> Option<&'a realmwright_snapshot::MethodSnapshot> {
    let found = bench.snapshot.methods.get(name);
    if found.is_none() {
        let names = bench.snapshot.methods.keys().map(MethodName::as_str);
        let fault = bad(
            path,
            format!("method `{name}` does not exist, or is disabled"),
            did_you_mean(name, names),
        );
        faults.push(fault.lacking(Absent::member(Kind::AuthMethod, bench.key, name)));
    }
    found
}

fn request(
    bench: &Bench<'_>,
    spec: TestRequest,
    ip: Option<IpAddr>,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> Request {
    let TestRequest {
        scopes,
        prompt,
        max_age,
        acr_values,
    } = spec;
    let scopes = scopes.unwrap_or_default();
    for (index, scope) in scopes.iter().enumerate() {
        if !bench.snapshot.scopes.contains_key(scope.as_str()) {
            let names = bench.snapshot.scopes.keys().map(ScopeName::as_str);
            let fault = bad(
                path.at("scopes").at(index),
                format!("scope `{scope}` does not exist"),
                did_you_mean(scope, names),
            );
            faults.push(fault.lacking(Absent::member(Kind::Scope, bench.key, scope)));
        }
    }
    Request {
        prompt: prompt
            .into_iter()
            .map(|prompt| match prompt {
                SpecPrompt::None => Prompt::None,
                SpecPrompt::Login => Prompt::Login,
                SpecPrompt::Consent => Prompt::Consent,
                SpecPrompt::SelectAccount => Prompt::SelectAccount,
            })
            .collect(),
        scopes: scopes
            .iter()
            .map(|scope| ScopeName::from(scope.as_str()))
            .collect(),
        max_age: max_age.map(|age| age.get().into()),
        ip,
        acr_values,
        login_hint: None,
        ui_locales: Vec::new(),
    }
}

fn session(
    bench: &Bench<'_>,
    spec: &TestSession,
    now: Timestamp,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> Session {
    let TestSession {
        methods,
        age,
        claims,
    } = spec;
    let age = age
        .and_then(|age| SignedDuration::try_from(age.get()).ok())
        .unwrap_or(SESSION_AGE);
    let at = now.checked_sub(age).unwrap_or(now);
    for name in claims.keys() {
        if !bench.snapshot.core.session_claims.contains(name) {
            faults.push(bad(
                path.at("claims").at(name),
                format!("the realm declares no session claim `{name}`"),
                None,
            ));
        }
    }
    Session {
        authentications: methods
            .iter()
            .enumerate()
            .filter_map(|(index, name)| {
                let path = path.at("methods").at(index);
                method(bench, name, path, faults).map(|method| Authentication {
                    method: method.name.clone(),
                    factor: method.kind.factor(),
                    at,
                })
            })
            .collect(),
        claims: claims
            .iter()
            .map(|(name, value)| (name.clone(), value.0.clone()))
            .collect(),
    }
}

/// One line for each expectation that is not met.
fn compare(expect: &Expectation, simulated: &Simulated) -> Vec<String> {
    let Expectation {
        steps,
        result,
        denial,
        claims,
        consent,
        single_session,
    } = expect;
    let mut differences = Vec::new();
    if let Some(expected) = steps {
        let expected = expected
            .iter()
            .map(|step| list(step.iter().map(|name| name.as_str())))
            .collect::<Vec<_>>();
        let found = simulated
            .steps
            .iter()
            .map(|step| list(step.offers.iter().map(|offer| offer.method.as_str())))
            .collect::<Vec<_>>();
        differ(
            "steps",
            &expected.join(" "),
            &found.join(" "),
            &mut differences,
        );
    }
    let (found, denied_by) = match &simulated.result {
        SimulatedResult::Allowed(_) => ("Allowed".to_owned(), None),
        SimulatedResult::Denied(refused) => (
            format!("Denied by `{}`", refused.denial),
            Some(refused.denial.as_str()),
        ),
    };
    match (result, &simulated.result) {
        (SpecResult::Allowed, SimulatedResult::Allowed(admitted)) => {
            admitted_as_expected(
                claims.as_ref(),
                consent.as_deref(),
                *single_session,
                admitted,
                &mut differences,
            );
        }
        (SpecResult::Denied, SimulatedResult::Denied(_)) => {
            if let Some(expected) = denial
                && denied_by != Some(expected.as_str())
            {
                differ(
                    "denial",
                    expected,
                    denied_by.unwrap_or_default(),
                    &mut differences,
                );
            }
        }
        (SpecResult::Allowed, SimulatedResult::Denied(_)) => {
            differ("result", "Allowed", &found, &mut differences);
        }
        (SpecResult::Denied, SimulatedResult::Allowed(_)) => {
            differ("result", "Denied", &found, &mut differences);
        }
    }
    differences
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", names.collect::<Vec<_>>().join(", "))
}

fn differ(what: &str, expected: &str, found: &str, differences: &mut Vec<String>) {
    if expected != found {
        let nothing = |text: &str| {
            if text.is_empty() {
                "nothing".to_owned()
            } else {
                text.to_owned()
            }
        };
        differences.push(format!(
            "{what}: expected {}, got {}",
            nothing(expected),
            nothing(found)
        ));
    }
}

fn admitted_as_expected(
    claims: Option<&ExpectedClaims>,
    consent: Option<&[realmwright_crds::names::ScopeToken]>,
    single_session: Option<bool>,
    admitted: &Admitted,
    differences: &mut Vec<String>,
) {
    if let Some(ExpectedClaims {
        id_token,
        access_token,
        user_info,
    }) = claims
    {
        let answers = [
            ("idToken", id_token, admitted.id_token.as_ref()),
            ("accessToken", access_token, Some(&admitted.access_token)),
            ("userInfo", user_info, admitted.user_info.as_ref()),
        ];
        for (answer, expected, found) in answers {
            if let Some(expected) = expected {
                claims_differ(answer, expected, found, differences);
            }
        }
    }
    if let Some(consent) = consent {
        let expected: BTreeSet<&str> = consent.iter().map(|scope| scope.as_str()).collect();
        let found: BTreeSet<&str> = admitted.consent.iter().map(ScopeName::as_str).collect();
        differ(
            "consent",
            &list(expected.into_iter()),
            &list(found.into_iter()),
            differences,
        );
    }
    if let Some(expected) = single_session {
        differ(
            "singleSession",
            &expected.to_string(),
            &admitted.single_session.to_string(),
            differences,
        );
    }
}

/// `null` expects that the claim is absent.
fn claims_differ(
    answer: &str,
    expected: &BTreeMap<String, Json>,
    found: Option<&Map<String, serde_json::Value>>,
    differences: &mut Vec<String>,
) {
    let Some(found) = found else {
        differences.push(format!(
            "{answer}: expected one, got none (`openid` was not granted)"
        ));
        return;
    };
    for (name, Json(expected)) in expected {
        let value = found.get(name);
        let text = |value: Option<&serde_json::Value>| match value {
            None | Some(serde_json::Value::Null) => "no such claim".to_owned(),
            Some(value) => value.to_string(),
        };
        let what = format!("{answer}.{name}");
        differ(&what, &text(Some(expected)), &text(value), differences);
    }
}
