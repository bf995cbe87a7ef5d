//! A plan misses nothing: for random pairs of configurations, people, programs and requests, every
//! difference that the decision crate shows lies in a class that the plan announced for that
//! application; every witness that a plan shows is confirmed by the decision crate; and what no
//! request shows carries its old and new value.
//!
//! `PROPTEST_CASES` sets how many pairs are tried; `make prove` tries 100,000.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of a test"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;
use realmwright_compiler::plan::{
    Change, Class, Effect, Evidence, Plan, Trial, findings, own_findings, plan,
};
use realmwright_decision::facts::{Authentication, Person, Prompt, Request, Session};
use realmwright_decision::own_token::{OwnRequest, OwnToken, own_token};
use realmwright_decision::realm::RealmDecisions;
use realmwright_decision::simulate::{Refused, Simulated, SimulatedLogin, simulate};
use realmwright_snapshot::*;

const CONDITIONS: &[&str] = &[
    "true",
    "false",
    "person.level >= 2",
    "has(person.email) && person.email.endsWith('@example.com')",
    "\"administrator\" in person.roles",
    "\"app:editor\" in person.roles",
    "\"/Office\" in person.groups",
    "'2F' in client.tags",
    "client.id == 'app'",
    "session.exists",
    "session.exists && session.age > duration('1h')",
    "'totp' in session.methods",
    "login.factors < 2",
    "'password' in login.methods",
    "'totp' in login.availableMethods",
    "inCidr(request.ip, ['10.0.0.0/8'])",
    "'email' in request.scopes",
    "'none' in request.prompt",
    "person.known && person.requiredFactors > 1",
    "person.full == 'x x'",
    "session.claims.grps == 'x'",
    "'urn:high' in request.acrValues",
    "person.active",
];

const VALUES: &[&str] = &[
    "person.email",
    "person.full",
    "'fixed'",
    "person.roles",
    "client.tags",
    "request.scopes",
    "session.claims.grps",
    "person.level + 1",
    "session.methods",
    "person.level >= 2 ? 'high' : 'low'",
    "'power' in request.scopes ? 'wide' : 'narrow'",
    "person.known ? 'somebody' : client.id",
];

const NAMES: &[&str] = &["email", "level", "who.name", "who.rank", "roles", "who"];
const SCOPES: &[&str] = &["openid", "profile", "email", "roles", "system", "power"];
const SYSTEM_SCOPES: &[&str] = &["system", "power"];
const ROLES: &[&str] = &["member", "administrator", "auditor"];
/// Of people, of people and in its own name, a program, and one that is added.
const CLIENTS: &[&str] = &["app", "shop", "nightly", "late"];
const FLOWS: &[&str] = &["first", "second"];

fn expression(texts: &[&str], index: Index) -> Expression {
    Expression::from(texts[index.index(texts.len())])
}

fn attribute(name: &str, kind: ValueKind, computed: Option<&str>) -> AttributeSnapshot {
    AttributeSnapshot {
        name: name.into(),
        display_name: LocalizedText::default(),
        kind,
        data_class: DataClass::Personal,
        searchable: false,
        required: false,
        unique: false,
        case_insensitive: false,
        computed: computed.map(Expression::from),
        input: None,
    }
}

fn method(name: &str, kind: MethodKind) -> MethodSnapshot {
    MethodSnapshot {
        name: name.into(),
        display_name: LocalizedText::default(),
        kind,
    }
}

fn password() -> MethodKind {
    MethodKind::Password(PasswordMethod {
        matching: Vec::new(),
        policy: PasswordPolicy {
            min_length: 8,
            max_length: 64,
            min_groups: 0,
            groups: Vec::new(),
            dictionary: Vec::new(),
            forbid_login: false,
            history: 0,
            min_age: None,
            max_age: None,
            min_differing: None,
        },
        policy_check: PolicyCheck {
            mode: PolicyCheckMode::Never,
            allow_skip: false,
        },
        lockout: PasswordLockout {
            failures: 5,
            duration: Period::from_secs(60),
        },
        hashing: PasswordHashing {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
        },
    })
}

fn totp(enrol_at_login: bool) -> MethodKind {
    MethodKind::Totp(TotpMethod {
        algorithm: OtpAlgorithm::Sha1,
        digits: 6,
        period: Period::from_secs(30),
        forward: 1,
        backward: 1,
        total_attempts: 5,
        lock: Period::from_secs(60),
        issuer: "Sample".to_owned(),
        account_label: "'x'".into(),
        enrol_at_login,
        recovery_codes: 0,
    })
}

fn scope(name: &str) -> ScopeSnapshot {
    ScopeSnapshot {
        name: name.into(),
        display_name: LocalizedText::default(),
        consent_text: LocalizedText::default(),
        ask_consent: true,
        system: SYSTEM_SCOPES.contains(&name),
        in_token: true,
        claims: Vec::new(),
        audiences: BTreeSet::new(),
        roles: BTreeSet::new(),
    }
}

fn flow(name: &str) -> FlowSnapshot {
    FlowSnapshot {
        name: name.into(),
        required_factors: None,
        deny: Vec::new(),
        entry: Vec::new(),
        after_step: Vec::new(),
    }
}

fn base() -> RealmSnapshot {
    let mut realm = sample::realm(CLIENTS[..3].iter().map(|id| {
        let mut client = sample::client(id);
        let oidc = client.oidc.as_mut().unwrap();
        oidc.scopes.default = ["openid".into(), "profile".into()].into();
        oidc.scopes.allowed = SCOPES.iter().map(|name| (*name).into()).collect();
        match *id {
            "nightly" => {
                oidc.grant_types = [GrantType::ClientCredentials].into();
                oidc.scopes.default = ["system".into()].into();
            }
            "shop" => {
                oidc.grant_types.insert(GrantType::ClientCredentials);
                oidc.scopes.default.insert("system".into());
            }
            _ => {}
        }
        client
    }));
    realm.core.attributes = vec![
        attribute("email", ValueKind::String, None),
        attribute("level", ValueKind::Number, None),
        attribute("active", ValueKind::Boolean, None),
        attribute(
            "full",
            ValueKind::String,
            Some("person.email + \" \" + person.email"),
        ),
    ];
    realm.core.session_claims = ["grps".to_owned()].into();
    for role in ROLES {
        let snapshot = RoleSnapshot {
            display_name: LocalizedText::default(),
            includes: BTreeSet::new(),
        };
        realm.core.roles.insert((*role).into(), snapshot);
    }
    for name in SCOPES {
        realm.scopes.insert((*name).into(), scope(name));
    }
    for name in FLOWS {
        realm.flows.insert((*name).into(), flow(name));
    }
    realm
        .methods
        .insert("password".into(), method("password", password()));
    realm
        .methods
        .insert("totp".into(), method("totp", totp(true)));
    realm
}

fn role(client: Option<&str>, name: &str) -> RoleRef {
    RoleRef {
        client: client.map(Into::into),
        role: name.into(),
    }
}

/// One edit: which, and the choices that it makes.
type Edit = (u8, [Index; 4]);

fn edits(most: usize) -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec((0u8..37, any::<[Index; 4]>()), 0..most)
}

fn flip<T: Ord>(set: &mut BTreeSet<T>, item: T) {
    if !set.remove(&item) {
        set.insert(item);
    }
}

fn selection(index: Index) -> MethodSelection {
    match index.index(4) {
        0 => MethodSelection::Only(vec!["password".into()]),
        1 => MethodSelection::Only(vec!["totp".into()]),
        2 => MethodSelection::Except(vec!["totp".into()]),
        _ => MethodSelection::Any,
    }
}

fn outcome(a: Index, b: Index) -> Outcome {
    match a.index(6) {
        0 => Outcome::More(selection(b)),
        1 => Outcome::LogoutThenMore(selection(b)),
        2 => Outcome::ResetSessionThenMore(selection(b)),
        3 => Outcome::Deny {
            message: LocalizedText::default(),
            show: DenyTarget::Page,
        },
        _ => Outcome::Enough {
            end_other_sessions: b.index(3) == 0,
            claims: match b.index(2) {
                0 => Vec::new(),
                _ => vec![SessionClaim {
                    name: "grps".to_owned(),
                    value: expression(VALUES, b),
                }],
            },
        },
    }
}

fn claim([a, b, c, d]: [Index; 4]) -> ClaimSnapshot {
    let source = match a.index(7) {
        0 => ClaimSource::Attribute(["email", "level", "full"][b.index(3)].into()),
        1 => ClaimSource::Constant(serde_json::json!(b.index(3))),
        2 => ClaimSource::RealmRoles,
        3 => ClaimSource::ClientRoles(None),
        4 => ClaimSource::Groups {
            full_path: b.index(2) == 0,
        },
        5 => ClaimSource::SessionClaim("grps".to_owned()),
        _ => ClaimSource::Expression(expression(VALUES, b)),
    };
    let bits = d.index(7) + 1;
    ClaimSnapshot {
        claim: NAMES[c.index(NAMES.len())].to_owned(),
        source,
        targets: ClaimTargets {
            id_token: bits & 1 != 0,
            access_token: bits & 2 != 0,
            userinfo: bits & 4 != 0,
        },
        data_class: DataClass::Personal,
    }
}

fn list_edit<T>(list: &mut Vec<T>, how: Index, item: T) {
    match how.index(4) {
        0 if !list.is_empty() => {
            list.remove(how.index(list.len()));
        }
        1 if list.len() > 1 => list.reverse(),
        _ if list.len() < 4 => list.insert(how.index(list.len() + 1), item),
        _ => {}
    }
}

fn edit_client(client: &mut ClientSnapshot, which: u8, choices: [Index; 4]) {
    let [a, b, c, _] = choices;
    let oidc = client.oidc.as_mut().unwrap();
    let any_scope: ScopeName = SCOPES[a.index(SCOPES.len())].into();
    match which {
        0 => flip(&mut client.tags, "2F".to_owned()),
        1 => client.consent_required = !client.consent_required,
        2 => flip(&mut oidc.scopes.allowed, any_scope),
        3 => flip(&mut oidc.scopes.default, any_scope),
        4 => flip(&mut oidc.audiences, "api".to_owned()),
        5 => client.flow = [None, Some("first".into()), Some("second".into())][a.index(3)].clone(),
        6 => list_edit(&mut client.claims, c, claim(choices)),
        7 => {
            client.role_scope = match a.index(3) {
                0 => RoleScope::Full,
                1 => RoleScope::Only(BTreeSet::new()),
                _ => RoleScope::Only([role(None, ROLES[b.index(ROLES.len())])].into()),
            }
        }
        8 => {
            client.access.on_deny = match client.access.on_deny {
                OnDeny::ErrorPage => OnDeny::ProtocolError,
                OnDeny::ProtocolError => OnDeny::ErrorPage,
            }
        }
        9 => {
            let mut rules = client.access.rules.take().unwrap_or_default();
            let rule = AccessRule {
                name: ["", "named"][b.index(2)].to_owned(),
                when: expression(CONDITIONS, a),
            };
            list_edit(&mut rules, c, rule);
            client.access.rules = (a.index(5) > 0).then_some(rules);
        }
        10 => {
            let name: RoleName = "editor".into();
            if client.roles.remove(&name).is_none() {
                client.roles.insert(name, LocalizedText::default());
            }
        }
        // Nothing that decides about logins.
        11 => oidc.access_token_lifetime = Period::from_secs(60 + a.index(1000) as u64),
        12 => flip(
            &mut oidc.grant_types,
            [GrantType::ClientCredentials, GrantType::AuthorizationCode][a.index(2)],
        ),
        _ => client.display_name = LocalizedText::from([("en", NAMES[a.index(NAMES.len())])]),
    }
}

fn edit_scope(scope: &mut ScopeSnapshot, which: u8, choices: [Index; 4]) {
    let [a, _, c, _] = choices;
    match which {
        0 => scope.ask_consent = !scope.ask_consent,
        1 => scope.system = !scope.system,
        2 => flip(&mut scope.audiences, "api".to_owned()),
        3 => flip(&mut scope.roles, role(None, ROLES[a.index(ROLES.len())])),
        _ => list_edit(&mut scope.claims, c, claim(choices)),
    }
}

fn edit_flow(flow: &mut FlowSnapshot, which: u8, choices: [Index; 4]) {
    let [a, b, c, d] = choices;
    let rule = FlowRule {
        name: format!("rule-{}", d.index(50)),
        when: (d.index(8) > 0).then(|| expression(CONDITIONS, a)),
        then: outcome(b, d),
    };
    match which {
        0 => flow.required_factors = [None, Some(1), Some(2)][a.index(3)],
        1 => list_edit(&mut flow.entry, c, rule),
        2 => list_edit(&mut flow.after_step, c, rule),
        _ => {
            let deny = DenyRule {
                name: format!("deny-{}", d.index(50)),
                when: expression(CONDITIONS, a),
                message: LocalizedText::default(),
                show: [DenyTarget::Page, DenyTarget::Client][b.index(2)],
            };
            list_edit(&mut flow.deny, c, deny);
        }
    }
}

fn edit_core(realm: &mut RealmSnapshot, which: u8, [a, b, _, _]: [Index; 4]) {
    let core = &mut realm.core;
    let any_role = ROLES[a.index(ROLES.len())];
    match which {
        0 => core.required_factors = 1 + u8::from(core.required_factors == 1),
        1 => core.flow = [None, Some("first".into()), Some("second".into())][a.index(3)].clone(),
        2 => flip(&mut core.default_roles, any_role.into()),
        3 => {
            if let Some(snapshot) = core.roles.get_mut(any_role) {
                flip(
                    &mut snapshot.includes,
                    role(None, ROLES[b.index(ROLES.len())]),
                );
            }
        }
        4 => {
            core.roles.remove(any_role);
        }
        5 => {
            let texts = [
                "person.email",
                "person.email + \" \" + person.email",
                "'x x'",
            ];
            core.attributes[3].computed = Some(texts[a.index(3)].into());
        }
        6 => {
            let enrols = a.index(2) == 0;
            realm
                .methods
                .insert("totp".into(), method("totp", totp(enrols)));
        }
        7 => {
            realm.methods.remove("totp");
        }
        8 => {
            let issuers = [
                "https://id.example.com/sample",
                "https://id.example.com/other",
            ];
            core.issuer = issuers[a.index(2)].parse().unwrap();
        }
        9 => {
            let mut late = sample::client("late");
            late.oidc.as_mut().unwrap().scopes.default = ["openid".into()].into();
            realm.clients.insert("late".into(), Arc::new(late));
        }
        10 => {
            realm.clients.remove(CLIENTS[a.index(CLIENTS.len())]);
        }
        11 => {
            realm.scopes.remove(SCOPES[a.index(SCOPES.len())]);
        }
        12 => {
            core.attributes[1].kind = [ValueKind::Number, ValueKind::String][a.index(2)];
        }
        _ => {
            realm
                .methods
                .insert("pin".into(), method("pin", password()));
        }
    }
}

fn edited(mut realm: RealmSnapshot, edits: &[Edit]) -> RealmSnapshot {
    for (which, choices) in edits {
        match which {
            0..=13 => {
                let id = CLIENTS[choices[3].index(CLIENTS.len())];
                if let Some(client) = realm.clients.get_mut(id) {
                    edit_client(Arc::make_mut(client), *which, *choices);
                }
            }
            14..=18 => {
                let name = SCOPES[choices[3].index(SCOPES.len())];
                if let Some(scope) = realm.scopes.get_mut(name) {
                    edit_scope(scope, which - 14, *choices);
                }
            }
            19..=22 => {
                let name = FLOWS[choices[3].index(FLOWS.len())];
                if let Some(flow) = realm.flows.get_mut(name) {
                    edit_flow(flow, which - 19, *choices);
                }
            }
            _ => edit_core(&mut realm, which - 23, *choices),
        }
    }
    realm
}

prop_compose! {
    fn logins()(
        client in prop::sample::select(CLIENTS),
        scopes in prop::sample::subsequence(SCOPES, 0..4),
        consented in prop::sample::subsequence(SCOPES, 0..4),
        email in prop::option::of(prop::sample::select(vec!["x", "a@example.com"])),
        level in prop::option::of(0i64..4),
        active in any::<Option<bool>>(),
        roles in prop::sample::subsequence(
            vec![role(None, "member"), role(None, "administrator"), role(Some("app"), "editor")], 0..3),
        office in any::<bool>(),
        required in prop::sample::select(vec![0u8, 0, 2]),
        credentials in prop::sample::subsequence(vec!["password", "totp"], 0..3),
        locked in prop::bool::weighted(0.05),
        session in prop::option::of((
            prop::sample::subsequence(vec![("password", 1u8), ("totp", 2)], 1..3), 0i64..200, any::<bool>())),
        prompt in prop::option::weighted(0.3, prop::sample::select(vec![
            Prompt::None, Prompt::Login, Prompt::Consent, Prompt::SelectAccount])),
        inside in any::<Option<bool>>(),
        high in prop::bool::weighted(0.2),
        max_age in prop::option::weighted(0.2, 0u64..8000),
        answers in prop::collection::vec(prop::sample::select(vec!["password", "totp", "pin"]), 0..3),
    ) -> SimulatedLogin {
        let now = Timestamp::from_second(1_767_603_600).unwrap();
        let mut attributes = Attributes::new();
        if let Some(email) = email {
            attributes.insert("email".into(), AttributeValue::String(email.to_owned()));
        }
        if let Some(level) = level {
            attributes.insert("level".into(), AttributeValue::Number(level));
        }
        if let Some(active) = active {
            attributes.insert("active".into(), AttributeValue::Boolean(active));
        }
        SimulatedLogin {
            person: Person {
                sub: "p".to_owned(),
                attributes,
                roles: roles.into_iter().collect(),
                groups: office.then(|| "/Office".to_owned()).into_iter().collect(),
                required_factors: required,
                credentials: credentials.into_iter().map(str::to_owned).collect(),
                locked,
            },
            client: client.into(),
            request: Request {
                prompt: prompt.into_iter().collect(),
                scopes: scopes.into_iter().map(ScopeName::from).collect(),
                max_age: max_age.map(Period::from_secs),
                ip: inside.map(|inside| {
                    if inside { [10, 0, 0, 1].into() } else { [203, 0, 113, 9].into() }
                }),
                acr_values: high.then(|| "urn:high".to_owned()).into_iter().collect(),
                ..Request::default()
            },
            session: session.map(|(methods, minutes, claimed)| Session {
                authentications: methods
                    .into_iter()
                    .map(|(name, factor)| Authentication {
                        method: name.into(),
                        factor,
                        at: now - SignedDuration::from_mins(minutes),
                    })
                    .collect(),
                claims: claimed
                    .then(|| ("grps".to_owned(), "x".into()))
                    .into_iter()
                    .collect(),
            }),
            consented: consented.into_iter().map(ScopeName::from).collect(),
            answers: answers.into_iter().map(MethodName::from).collect(),
            now,
        }
    }
}

prop_compose! {
    fn own_requests()(
        client in prop::sample::select(CLIENTS),
        scopes in prop::collection::vec(prop::sample::select(SCOPES), 0..2),
        system in prop::sample::subsequence(SYSTEM_SCOPES, 0..3).prop_shuffle(),
        hours in 0i64..200,
    ) -> OwnRequest {
        let scopes = match system.is_empty() {
            true => scopes,
            false => system,
        };
        OwnRequest {
            client: client.into(),
            scopes: scopes.into_iter().map(ScopeName::from).collect(),
            now: Timestamp::from_second(1_767_603_600 + hours * 3600).unwrap(),
        }
    }
}

/// A configuration with what decides in it.
struct Side<'a> {
    realm: &'a RealmSnapshot,
    decisions: RealmDecisions,
}

impl<'a> Side<'a> {
    /// None for what the compiler would refuse.
    fn new(realm: &'a RealmSnapshot) -> Option<Self> {
        let decisions = RealmDecisions::compile(realm, None).ok()?;
        Some(Self { realm, decisions })
    }

    fn login(&self, login: &SimulatedLogin) -> Simulated {
        simulate(self.realm, &self.decisions, login)
    }

    fn own(&self, request: &OwnRequest) -> Result<OwnToken, Refused> {
        own_token(self.realm, &self.decisions, request)
    }
}

fn changes(plan: &Plan) -> impl Iterator<Item = &Change> {
    plan.realms.iter().flat_map(|realm| &realm.changes)
}

fn announced(plan: &Plan, client: &ClientId) -> BTreeSet<Class> {
    let mut realms = plan.realms.iter();
    let of_client = realms.find_map(|realm| realm.announced.get(client));
    of_client.cloned().unwrap_or_default()
}

/// What a plan says of an application.
fn said<'p>(plan: &'p Plan, client: &'p ClientId) -> impl Iterator<Item = &'p Change> {
    changes(plan).filter(move |change| change.applications.contains(client))
}

/// Whether the plan says something of each class that it announced of tokens in the application's
/// own name: what no values say, with a request that shows it or how many were tried.
fn said_of_program(plan: &Plan, client: &ClientId) -> bool {
    announced(plan, client).iter().all(|class| {
        let effects: &[Effect] = match class {
            Class::OwnResult => &[
                Effect::ScopeGained,
                Effect::ScopeLost,
                Effect::ScopesGranted,
                Effect::RefusalChanges,
            ],
            Class::OwnScopes => &[Effect::ScopesGranted],
            Class::OwnAudiences => &[Effect::Audiences],
            Class::OwnClaim(_) => &[
                Effect::ClaimReaches,
                Effect::ClaimStops,
                Effect::ClaimChanges,
            ],
            _ => return true,
        };
        let names_it = |change: &Change| match class {
            Class::OwnClaim(name) => change.text.contains(&format!("`{name}`")),
            _ => true,
        };
        said(plan, client).any(|change| {
            effects.contains(&change.effect) && change.evidence.is_some() && names_it(change)
        })
    })
}

proptest! {
    #[test]
    fn every_difference_was_announced_and_every_witness_is_one(
        before in edits(12),
        after in edits(5),
        people in prop::collection::vec(logins(), 40),
        programs in prop::collection::vec(own_requests(), 20),
    ) {
        let old = edited(base(), &before);
        let new = edited(old.clone(), &after);
        let (Some(before), Some(after)) = (Side::new(&old), Side::new(&new)) else {
            return Ok(());
        };
        let planned = plan(&[Arc::new(old.clone())], &[Arc::new(new.clone())]).unwrap();
        for login in &people {
            let announced = announced(&planned, &login.client);
            for finding in findings(&before.login(login), &after.login(login)) {
                prop_assert!(
                    announced.contains(&finding.class()),
                    "{finding:?} was not announced for {}: {announced:?}\n{login:#?}",
                    login.client
                );
            }
        }
        for request in &programs {
            let announced = announced(&planned, &request.client);
            for finding in own_findings(&before.own(request), &after.own(request)) {
                prop_assert!(
                    announced.contains(&finding.class()),
                    "{finding:?} was not announced: {announced:?}\n{request:#?}"
                );
            }
        }
        for change in changes(&planned) {
            let Some(Evidence::Witness(witness)) = &change.evidence else {
                continue;
            };
            prop_assert!(change.applications.contains(&witness.application));
            let differs = match &witness.trial {
                Trial::Login(login) => before.login(login) != after.login(login),
                Trial::Own(request) => before.own(request) != after.own(request),
            };
            prop_assert!(differs, "no witness of {}", change.text);
        }
        for client in new.clients.values() {
            let Some(former) = old.clients.get(&client.id) else {
                continue;
            };
            prop_assert!(said_of_program(&planned, &client.id), "{}", client.id);
            let life = |client: &ClientSnapshot| client.oidc.as_ref().unwrap().access_token_lifetime;
            let lives_otherwise = said(&planned, &client.id).any(|change| {
                change.effect == Effect::TokenLifetime
                    && change.before.is_some()
                    && change.after.is_some()
            });
            prop_assert_eq!(life(former) != life(client), lives_otherwise);
        }
    }

    /// The same configuration twice is no change, whatever it is.
    #[test]
    fn nothing_comes_of_nothing(edits in edits(12)) {
        let realm = Arc::new(edited(base(), &edits));
        let again = Arc::new(edited(base(), &edits));
        let planned = plan(&[realm], &[again]).unwrap();
        prop_assert!(planned.realms.is_empty());
    }
}
