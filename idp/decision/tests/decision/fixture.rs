//! Values that the tests build on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use realmwright_decision::expression::{Compiled, Environment, ExpressionFault, Scope};
use realmwright_decision::facts::{
    Application, Authentication, Facts, Login, Person, Prompt, Request, Session, parse_role,
};
use realmwright_decision::flow::{Flow, Method};
use realmwright_snapshot::*;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn now() -> Timestamp {
    at("2026-11-22T12:00:00Z")
}

pub(crate) fn attribute(name: &str, kind: ValueKind) -> AttributeSnapshot {
    AttributeSnapshot {
        name: name.into(),
        display_name: LocalizedText::default(),
        kind,
        data_class: DataClass::Personal,
        searchable: false,
        required: false,
        unique: false,
        case_insensitive: false,
        computed: None,
        input: None,
    }
}

pub(crate) fn schema() -> Vec<AttributeSnapshot> {
    vec![
        AttributeSnapshot {
            searchable: true,
            unique: true,
            case_insensitive: true,
            ..attribute("email", ValueKind::String)
        },
        attribute("given_name", ValueKind::String),
        attribute("family_name", ValueKind::String),
        AttributeSnapshot {
            data_class: DataClass::Pseudonymous,
            ..attribute("level", ValueKind::Number)
        },
        attribute("active", ValueKind::Boolean),
        attribute("appList", ValueKind::StringList),
        attribute("memberOf", ValueKind::StringList),
        attribute("accountExpires", ValueKind::String),
        AttributeSnapshot {
            data_class: DataClass::Medical,
            ..attribute("diagnosis", ValueKind::String)
        },
        attribute("photo", ValueKind::Bytes),
        attribute("phone_number", ValueKind::String),
        attribute("a", ValueKind::Boolean),
        attribute("b", ValueKind::Boolean),
        attribute("c", ValueKind::Boolean),
    ]
}

pub(crate) fn session_claims() -> BTreeSet<String> {
    ["grps".to_owned(), "flag".to_owned()].into()
}

pub(crate) fn environment(scope: Scope) -> Environment {
    Environment::new(scope, &schema(), &session_claims())
}

pub(crate) fn compile(source: &str) -> Result<Compiled, Vec<ExpressionFault>> {
    Compiled::compile(&source.into(), &environment(Scope::Condition))
}

pub(crate) fn person() -> Person {
    Person {
        sub: "u1".to_owned(),
        attributes: [
            (
                AttributeName::from("email"),
                AttributeValue::String("ann@example.com".to_owned()),
            ),
            (
                "given_name".into(),
                AttributeValue::String("Ann".to_owned()),
            ),
            (
                "family_name".into(),
                AttributeValue::String("Lee".to_owned()),
            ),
            ("level".into(), AttributeValue::Number(3)),
            ("active".into(), AttributeValue::Boolean(true)),
            (
                "appList".into(),
                AttributeValue::StringList(vec!["demo".to_owned(), "mail".to_owned()]),
            ),
        ]
        .into(),
        roles: [parse_role("admin"), parse_role("demo:editor")].into(),
        groups: ["/Staff".to_owned(), "/Staff/Ops".to_owned()].into(),
        required_factors: 0,
        credentials: ["password".to_owned()].into(),
        locked: false,
    }
}

pub(crate) fn with_totp(mut person: Person) -> Person {
    person.credentials.insert("totp".to_owned());
    person
}

pub(crate) fn application() -> Application {
    Application {
        id: "demo".into(),
        tags: ["2F".to_owned()].into(),
    }
}

pub(crate) fn request() -> Request {
    Request {
        scopes: vec!["openid".into()],
        ip: Some("203.0.113.7".parse().unwrap()),
        ..Request::default()
    }
}

pub(crate) fn prompted(prompt: Prompt) -> Request {
    Request {
        prompt: [prompt].into(),
        ..request()
    }
}

pub(crate) fn proof(method: &str, factor: u8, minutes_ago: i64) -> Authentication {
    Authentication {
        method: method.into(),
        factor,
        at: now() - jiff::SignedDuration::from_mins(minutes_ago),
    }
}

pub(crate) fn session_by(proofs: &[Authentication]) -> Session {
    Session {
        authentications: proofs.to_vec(),
        ..Session::default()
    }
}

/// Everything that facts borrow from.
pub(crate) struct World {
    pub(crate) person: Option<Person>,
    pub(crate) client: Application,
    pub(crate) request: Request,
    pub(crate) session: Option<Session>,
    pub(crate) login: Login,
}

impl Default for World {
    fn default() -> Self {
        Self {
            person: Some(person()),
            client: application(),
            request: request(),
            session: None,
            login: Login::default(),
        }
    }
}

impl World {
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            person: self.person.as_ref(),
            client: &self.client,
            request: &self.request,
            session: self.session.as_ref(),
            login: &self.login,
            now: now(),
        }
    }
}

pub(crate) fn password_method() -> Method {
    Method {
        name: "password".into(),
        factor: 1,
        credential: "password",
        enrols_at_login: false,
    }
}

pub(crate) fn totp_method(enrols_at_login: bool) -> Method {
    Method {
        name: "totp".into(),
        factor: 2,
        credential: "totp",
        enrols_at_login,
    }
}

pub(crate) fn methods() -> Vec<Method> {
    vec![password_method(), totp_method(true)]
}

pub(crate) fn methods_without_enrolment() -> Vec<Method> {
    vec![password_method(), totp_method(false)]
}

pub(crate) fn flow() -> FlowSnapshot {
    FlowSnapshot {
        name: "flow".into(),
        required_factors: None,
        deny: Vec::new(),
        entry: Vec::new(),
        after_step: Vec::new(),
    }
}

pub(crate) fn deny_rule(name: &str, when: &str) -> DenyRule {
    DenyRule {
        name: name.to_owned(),
        when: when.into(),
        message: [("en", "No.")].into(),
        show: DenyTarget::Page,
    }
}

pub(crate) fn rule(name: &str, when: Option<&str>, then: Outcome) -> FlowRule {
    FlowRule {
        name: name.to_owned(),
        when: when.map(Expression::from),
        then,
    }
}

pub(crate) fn more() -> Outcome {
    Outcome::More(MethodSelection::Any)
}

pub(crate) fn only(methods: &[&str]) -> MethodSelection {
    MethodSelection::Only(methods.iter().map(|name| MethodName::from(*name)).collect())
}

pub(crate) fn enough() -> Outcome {
    Outcome::Enough {
        end_other_sessions: false,
        claims: Vec::new(),
    }
}

pub(crate) fn denied(message: &str) -> Outcome {
    Outcome::Deny {
        message: [("en", message)].into(),
        show: DenyTarget::Page,
    }
}

pub(crate) fn compiled(flow: &FlowSnapshot) -> Flow {
    Flow::compile(flow, &environment(Scope::Condition)).unwrap()
}

pub(crate) fn targets(id_token: bool, access_token: bool, userinfo: bool) -> ClaimTargets {
    ClaimTargets {
        id_token,
        access_token,
        userinfo,
    }
}

pub(crate) fn claim(name: &str, source: ClaimSource) -> ClaimSnapshot {
    ClaimSnapshot {
        claim: name.to_owned(),
        source,
        targets: targets(true, true, true),
        data_class: DataClass::Personal,
    }
}

pub(crate) fn scope(name: &str) -> ScopeSnapshot {
    ScopeSnapshot {
        name: name.into(),
        display_name: LocalizedText::default(),
        consent_text: LocalizedText::default(),
        ask_consent: true,
        system: false,
        in_token: true,
        claims: Vec::new(),
        audiences: BTreeSet::new(),
        roles: BTreeSet::new(),
    }
}

pub(crate) fn scopes(scopes: Vec<ScopeSnapshot>) -> BTreeMap<ScopeName, ScopeSnapshot> {
    scopes
        .into_iter()
        .map(|scope| (scope.name.clone(), scope))
        .collect()
}

pub(crate) fn names(text: &str) -> Vec<ScopeName> {
    text.split_whitespace().map(ScopeName::from).collect()
}

pub(crate) fn oidc() -> OidcClient {
    OidcClient {
        authentication: ClientAuthentication::None,
        redirect_uris: vec!["https://app.example.com/cb".parse().unwrap()],
        redirect_uri_prefixes: Vec::new(),
        default_redirect_uri: None,
        grant_types: [GrantType::AuthorizationCode].into(),
        response_types: [ResponseType::Code].into(),
        pkce: Pkce::Required,
        require_state: false,
        require_nonce: false,
        scopes: ClientScopes {
            default: ["openid".into()].into(),
            allowed: ["openid".into(), "profile".into(), "email".into()].into(),
        },
        access_token_format: TokenFormat::Jwt,
        access_token_lifetime: Period::from_secs(300),
        audiences: BTreeSet::new(),
        id_token_lifetime: Period::from_secs(300),
        signing_algorithm: SigningAlgorithm::ES256,
        refresh: RefreshSettings {
            idle: Period::from_secs(1800),
            lifetime: Period::from_secs(36000),
            reuse_interval: Period::from_secs(10),
            offline: false,
        },
        web_origins: BTreeSet::new(),
        logout: LogoutSettings::default(),
    }
}

pub(crate) fn client() -> ClientSnapshot {
    ClientSnapshot {
        id: "demo".into(),
        origin: "identity/demo".to_owned(),
        display_name: LocalizedText::default(),
        url: None,
        start_url: None,
        tags: BTreeSet::new(),
        privacy_domain: None,
        access: AccessSnapshot {
            rules: None,
            on_deny: OnDeny::ProtocolError,
        },
        roles: [("editor".into(), LocalizedText::default())].into(),
        role_scope: RoleScope::Only(BTreeSet::new()),
        claims: Vec::new(),
        consent_required: false,
        flow: None,
        oidc: Some(oidc()),
    }
}

pub(crate) fn policy() -> PasswordPolicy {
    let group = |name: &str, characters: &str| CharacterGroup {
        name: name.to_owned(),
        characters: characters.to_owned(),
        min: 1,
    };
    PasswordPolicy {
        min_length: 8,
        max_length: 64,
        min_groups: 3,
        groups: vec![
            group("digits", "[0-9]"),
            group("lower", r"\p{Ll}"),
            group("upper", r"\p{Lu}"),
            group("special", r"[!@#$%^&*()+-]"),
        ],
        dictionary: vec!["password1!".to_owned()],
        forbid_login: true,
        history: 3,
        min_age: Some(Period::from_secs(3600)),
        max_age: Some(Period::from_secs(90 * 86_400)),
        min_differing: Some(3),
    }
}

pub(crate) fn password_snapshot() -> MethodSnapshot {
    MethodSnapshot {
        name: "password".into(),
        display_name: LocalizedText::default(),
        kind: MethodKind::Password(PasswordMethod {
            matching: vec![MatchRule {
                all: vec![MatchCondition {
                    attribute: "email".into(),
                    equals: "login".into(),
                }],
            }],
            policy: policy(),
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
        }),
    }
}

pub(crate) fn totp_snapshot(enrol_at_login: bool) -> MethodSnapshot {
    MethodSnapshot {
        name: "totp".into(),
        display_name: LocalizedText::default(),
        kind: MethodKind::Totp(TotpMethod {
            algorithm: OtpAlgorithm::Sha1,
            digits: 6,
            period: Period::from_secs(30),
            forward: 1,
            backward: 1,
            total_attempts: 5,
            lock: Period::from_secs(300),
            issuer: "Quickstart".to_owned(),
            account_label: "person.email".into(),
            enrol_at_login,
            recovery_codes: 10,
        }),
    }
}

pub(crate) fn realm() -> RealmSnapshot {
    let issuer: url::Url = "https://id.example.com/quickstart".parse().unwrap();
    RealmSnapshot {
        core: RealmCore {
            id: "identity.quickstart".into(),
            region: "ua".into(),
            country: "UA".into(),
            instance: "default".into(),
            issuer,
            backend_url: None,
            layout: Layout::Realmwright,
            profile: Profile::Production,
            display_name: LocalizedText::default(),
            locales: Locales {
                supported: vec!["en".into()],
                default: "en".into(),
                ignore_browser: false,
            },
            attributes: schema(),
            purposes: Purposes::default(),
            session_claims: session_claims(),
            required_factors: 1,
            sessions: SessionPolicy {
                idle: Period::from_secs(1800),
                lifetime: Period::from_secs(36_000),
                login_lifetime: Period::from_secs(1800),
            },
            tokens: TokenPolicy {
                code_lifetime: Period::from_secs(60),
            },
            keys: KeyPolicy {
                algorithms: [SigningAlgorithm::ES256].into(),
                rotation_interval: Period::from_secs(2_592_000),
                jwks_max_age: Period::from_secs(3600),
                publish_ahead: Period::from_secs(86_400),
                longest_token_life: Period::from_secs(36_000),
            },
            flow: None,
            protection: Protection {
                response_floor: Period::from_millis(500),
                attempts_per_address: 100,
                attempts_per_login: 20,
                attempt_window: Period::from_secs(900),
                password_queue: PasswordQueue {
                    length: 200,
                    max_wait: Period::from_secs(5),
                },
            },
            retention: Retention::default(),
            roles: [
                role("admin", &["staff"]),
                role("staff", &["demo:editor"]),
                role("everyone", &[]),
            ]
            .into(),
            default_roles: ["everyone".into()].into(),
            bootstrap_accounts: Vec::new(),
        },
        scopes: scopes(vec![
            scope("openid"),
            ScopeSnapshot {
                claims: vec![claim(
                    "given_name",
                    ClaimSource::Attribute("given_name".into()),
                )],
                ..scope("profile")
            },
            ScopeSnapshot {
                claims: vec![claim("email", ClaimSource::Attribute("email".into()))],
                ..scope("email")
            },
            ScopeSnapshot {
                system: true,
                ..scope("realmwright:accounts")
            },
        ]),
        methods: [
            ("password".into(), password_snapshot()),
            ("totp".into(), totp_snapshot(true)),
        ]
        .into(),
        flows: BTreeMap::new(),
        clients: [("demo".into(), Arc::new(client()))].into(),
    }
}

fn role(name: &str, includes: &[&str]) -> (RoleName, RoleSnapshot) {
    (
        name.into(),
        RoleSnapshot {
            display_name: LocalizedText::default(),
            includes: includes.iter().map(|name| parse_role(name)).collect(),
        },
    )
}
