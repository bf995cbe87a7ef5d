//! A realm built by hand over a temporary SQLite file, with a clock that stands still, seeded
//! randomness and a password hash that costs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use realmwright_decision::password_hash::PasswordHash;
use realmwright_keys::{
    Acknowledgements, Keyring, Policy, SecretBundle, SecretValue, SecretValues, SystemGenerator,
    advance, apply,
};
use realmwright_snapshot::*;
use realmwright_store::{Change, Maintenance, Store};
use realmwright_store_sqlite::SqliteStore;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::ports::{
    Checked, Clock, EventBatch, EventObserver, FetchFault, Fetcher, HashFault, Observation,
    PasswordHasher, Ports, Random, Realms,
};
use crate::{Engine, RequestContext, RuntimeRealm, SnapshotVersion};

/// Time that moves only when told to, together with the database's.
#[derive(Debug)]
pub(crate) struct ManualClock(AtomicI64);

impl ManualClock {
    pub(crate) fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }

    async fn sleep_until(&self, instant: Timestamp) {
        self.0.fetch_max(instant.as_millisecond(), Ordering::SeqCst);
    }
}

/// SplitMix64 from a seed.
#[derive(Debug)]
pub(crate) struct SeededRandom(AtomicU64);

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let mut z = self
                .0
                .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst)
                .wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z ^ (z >> 31)) as u8;
        }
    }
}

/// Hashes whose output is the password itself; counts its uses. A check of an imported hash takes
/// as long as it is told to, by the clock that stands still.
#[derive(Debug)]
pub(crate) struct PlainHasher {
    pub(crate) verified: AtomicU32,
    pub(crate) full: AtomicBool,
    pub(crate) imported_takes: Mutex<Duration>,
    clock: Arc<ManualClock>,
}

impl PlainHasher {
    fn new(clock: Arc<ManualClock>) -> Self {
        Self {
            verified: AtomicU32::default(),
            full: AtomicBool::default(),
            imported_takes: Mutex::default(),
            clock,
        }
    }
}

fn output_of(password: &str) -> Vec<u8> {
    format!("output of {password}").into_bytes()
}

pub(crate) fn plain_hash(password: &str) -> String {
    format!(
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ${}",
        STANDARD_NO_PAD.encode(output_of(password))
    )
}

/// What an imported hash looks like: understood, and weaker.
pub(crate) fn weak_hash(password: &str) -> String {
    format!(
        "$pbkdf2-sha256$i=1000$c2FsdHNhbHQ${}",
        STANDARD_NO_PAD.encode(output_of(password))
    )
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn verify(
        &self,
        password: SecretString,
        hash: PasswordHash,
        _queue: PasswordQueue,
    ) -> Result<Checked, HashFault> {
        if self.full.load(Ordering::SeqCst) {
            return Err(HashFault::Busy {
                retry_after: Duration::from_secs(3),
            });
        }
        self.verified.fetch_add(1, Ordering::SeqCst);
        let (output, took) = match hash {
            PasswordHash::Argon2(hash) => (hash.output, Duration::from_millis(40)),
            PasswordHash::Pbkdf2(hash) => (hash.output, *self.imported_takes.lock().unwrap()),
            other => panic!("{other:?} is not of this fixture"),
        };
        self.clock.advance(took);
        Ok(Checked {
            right: output == output_of(password.expose_secret()),
            took,
        })
    }

    async fn hash(
        &self,
        password: SecretString,
        _salt: [u8; 16],
        cost: PasswordHashing,
        _queue: PasswordQueue,
    ) -> Result<String, HashFault> {
        assert_eq!(cost.memory_kib, 19456);
        Ok(plain_hash(password.expose_secret()))
    }
}

/// Documents by address, and how often one was asked for.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    pub(crate) by_address: Mutex<BTreeMap<String, Vec<u8>>>,
    pub(crate) asked: AtomicU32,
}

#[async_trait]
impl Fetcher for Documents {
    async fn get(
        &self,
        url: &Url,
        _max_bytes: usize,
        _timeout: Duration,
    ) -> Result<Vec<u8>, FetchFault> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        // As over a network, others come meanwhile.
        tokio::task::yield_now().await;
        self.by_address
            .lock()
            .unwrap()
            .get(url.as_str())
            .cloned()
            .ok_or_else(|| FetchFault::NoAnswer("404".into()))
    }
}

/// The newest realm that the process has.
#[derive(Debug, Default)]
pub(crate) struct Newest(pub(crate) Mutex<Option<Arc<RuntimeRealm>>>);

#[async_trait]
impl Realms for Newest {
    async fn at_least(
        &self,
        _realm: &RealmId,
        order: u64,
        _limit: Duration,
    ) -> Option<Arc<RuntimeRealm>> {
        self.0
            .lock()
            .unwrap()
            .clone()
            .filter(|realm| realm.version().order() >= order)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Batched(pub(crate) Mutex<Vec<Change>>);

impl EventBatch for Batched {
    fn add(&self, _realm: &RealmId, changes: Vec<Change>) {
        self.0.lock().unwrap().extend(changes);
    }
}

#[derive(Debug, Default)]
pub(crate) struct Observed(pub(crate) Mutex<Vec<Observation>>);

impl EventObserver for Observed {
    fn observe(&self, _realm: &RealmId, observation: Observation) {
        self.0.lock().unwrap().push(observation);
    }
}

/// A process: an engine with its ports at hand.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) hasher: Arc<PlainHasher>,
    pub(crate) newest: Arc<Newest>,
    pub(crate) batch: Arc<Batched>,
    pub(crate) observed: Arc<Observed>,
    pub(crate) documents: Arc<Documents>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) secrets: Arc<SecretBundle>,
    pub(crate) realm: Arc<RuntimeRealm>,
    offset: Arc<AtomicI64>,
    pub(crate) _folder: Arc<tempfile::TempDir>,
}

pub(crate) const CLIENT_SECRET: &str = "a-secret-of-more-than-128-bits-of-entropy";
/// The value of the handle `demo-next`.
pub(crate) const NEXT_CLIENT_SECRET: &str = "another-secret-of-more-than-128-bits";

impl World {
    pub(crate) async fn new(snapshot: RealmSnapshot) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let store = SqliteStore::open(&folder.path().join("test.db"))
            .await
            .unwrap();
        store.migrate().await.unwrap();
        let now = store.now().await.unwrap();
        let clock = Arc::new(ManualClock(AtomicI64::new(now.as_millisecond() + 1)));
        let keyring = Arc::new(keyring(&snapshot, now));
        let secrets = Arc::new(secrets(&snapshot, now));
        let realm = Arc::new(
            RuntimeRealm::prepare(
                Arc::new(snapshot),
                version(1),
                Arc::clone(&keyring),
                Arc::clone(&secrets),
                now,
                None,
            )
            .unwrap(),
        );
        Self::over(folder, Arc::new(store), clock, keyring, secrets, realm, 1)
    }

    fn over(
        folder: Arc<tempfile::TempDir>,
        store: Arc<SqliteStore>,
        clock: Arc<ManualClock>,
        keyring: Arc<Keyring>,
        secrets: Arc<SecretBundle>,
        realm: Arc<RuntimeRealm>,
        seed: u64,
    ) -> Self {
        let hasher = Arc::new(PlainHasher::new(Arc::clone(&clock)));
        let newest = Arc::new(Newest::default());
        let batch = Arc::new(Batched::default());
        let observed = Arc::new(Observed::default());
        let documents = Arc::new(Documents::default());
        let engine = Engine::new(Ports {
            store: Arc::clone(&store) as Arc<dyn Store>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::new(SeededRandom(AtomicU64::new(seed))),
            passwords: Arc::clone(&hasher) as Arc<dyn PasswordHasher>,
            fetcher: Arc::clone(&documents) as Arc<dyn Fetcher>,
            realms: Arc::clone(&newest) as Arc<dyn Realms>,
            batch: Arc::clone(&batch) as Arc<dyn EventBatch>,
            observer: Arc::clone(&observed) as Arc<dyn EventObserver>,
        });
        Self {
            engine,
            store,
            clock,
            hasher,
            newest,
            batch,
            observed,
            documents,
            keyring,
            secrets,
            realm,
            offset: Arc::default(),
            _folder: folder,
        }
    }

    /// Another process over the same database and keys.
    pub(crate) fn other_process(&self) -> Self {
        let mut other = Self::over(
            Arc::clone(&self._folder),
            Arc::clone(&self.store),
            Arc::clone(&self.clock),
            Arc::clone(&self.keyring),
            Arc::clone(&self.secrets),
            Arc::clone(&self.realm),
            4711,
        );
        other.offset = Arc::clone(&self.offset);
        other
    }

    /// Prepares a changed realm as the next revision, and serves it.
    pub(crate) fn serve(&mut self, snapshot: RealmSnapshot) {
        let next = self.realm.version().revision + 1;
        self.realm = Arc::new(
            RuntimeRealm::prepare(
                Arc::new(snapshot),
                version(next),
                Arc::clone(&self.keyring),
                Arc::clone(&self.secrets),
                self.clock.now(),
                Some(&self.realm),
            )
            .unwrap(),
        );
        *self.newest.0.lock().unwrap() = Some(Arc::clone(&self.realm));
    }

    /// Serves another realm with keys of its own.
    pub(crate) fn serve_foreign(&mut self, snapshot: RealmSnapshot) {
        let now = self.clock.now();
        self.keyring = Arc::new(keyring(&snapshot, now));
        self.secrets = Arc::new(secrets(&snapshot, now));
        self.realm = Arc::new(
            RuntimeRealm::prepare(
                Arc::new(snapshot),
                version(1),
                Arc::clone(&self.keyring),
                Arc::clone(&self.secrets),
                now,
                None,
            )
            .unwrap(),
        );
    }

    pub(crate) fn context(&self) -> RequestContext {
        RequestContext {
            realm: Arc::clone(&self.realm),
            address: Some("203.0.113.7".parse().unwrap()),
            locale: "en".into(),
            user_agent: Some("Test/1.0".into()),
        }
    }

    /// Moves both clocks.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.align();
    }

    /// Lets the database clock run ahead of ours, as that of a ready process may.
    pub(crate) fn put_database_ahead(&self, by: SignedDuration) {
        #[expect(
            clippy::disallowed_methods,
            reason = "the offset is against the real clock"
        )]
        let real = Timestamp::now();
        let ours = self.clock.now().duration_since(real);
        self.store.set_clock_offset(ours + by);
    }

    /// Moves the database clock to where waiting has moved ours; never back.
    pub(crate) fn align(&self) {
        #[expect(
            clippy::disallowed_methods,
            reason = "the offset is against the real clock"
        )]
        let real = Timestamp::now();
        let wanted = self.clock.now().duration_since(real).as_millis() as i64;
        let former = self.offset.fetch_max(wanted, Ordering::SeqCst);
        self.store
            .set_clock_offset(SignedDuration::from_millis(former.max(wanted)));
    }
}

pub(crate) fn version(revision: u64) -> SnapshotVersion {
    SnapshotVersion {
        incarnation: 1,
        revision,
        digest: Digest::of(&revision.to_be_bytes()),
    }
}

fn keyring(snapshot: &RealmSnapshot, now: Timestamp) -> Keyring {
    let policy = Policy::of(&snapshot.core);
    let empty = Keyring::empty(snapshot.core.id.clone());
    let plan = advance(&policy, &empty, now, &Acknowledgements::default());
    apply(&empty, &plan, now, &mut SystemGenerator::default()).unwrap()
}

fn secrets(snapshot: &RealmSnapshot, now: Timestamp) -> SecretBundle {
    let mut bundle = SecretBundle::empty(snapshot.core.id.clone());
    for (handle, value) in [
        ("demo", CLIENT_SECRET.to_owned()),
        ("demo-next", NEXT_CLIENT_SECRET.to_owned()),
        ("service", CLIENT_SECRET.to_owned()),
        ("bootstrap", weak_hash("Bootstrap-1")),
    ] {
        let values = SecretValues::of(SecretValue::new(value), now);
        bundle.secrets.insert(handle.into(), values);
    }
    bundle
}

pub(crate) fn text(text: &str) -> LocalizedText {
    LocalizedText::from([("en", text)])
}

pub(crate) fn names<T: From<&'static str> + Ord>(items: &[&'static str]) -> BTreeSet<T> {
    items.iter().map(|item| T::from(item)).collect()
}

pub(crate) const REDIRECT: &str = "https://app.example.com/callback";

fn attribute(name: &str, kind: ValueKind) -> AttributeSnapshot {
    AttributeSnapshot {
        name: name.into(),
        display_name: text(name),
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

fn claim(name: &str, source: ClaimSource) -> ClaimSnapshot {
    ClaimSnapshot {
        claim: name.into(),
        source,
        targets: ClaimTargets {
            id_token: true,
            access_token: true,
            userinfo: true,
        },
        data_class: DataClass::Personal,
    }
}

/// The claim that an attribute is released as, under its own name.
pub(crate) fn attribute_claim(name: &str) -> ClaimSnapshot {
    claim(name, ClaimSource::Attribute(name.into()))
}

pub(crate) fn scope(name: &str, claims: Vec<ClaimSnapshot>) -> (ScopeName, ScopeSnapshot) {
    let scope = ScopeSnapshot {
        name: name.into(),
        display_name: text(name),
        consent_text: text("May read it"),
        ask_consent: name != "openid",
        system: name == crate::accounts::ACCOUNTS_SCOPE,
        in_token: true,
        claims,
        audiences: BTreeSet::new(),
        roles: BTreeSet::new(),
    };
    (scope.name.clone(), scope)
}

pub(crate) fn password_method() -> PasswordMethod {
    let find = |name: &str| MatchRule {
        all: vec![MatchCondition {
            attribute: name.into(),
            equals: "login".into(),
        }],
    };
    PasswordMethod {
        matching: vec![find("email"), find("phone")],
        policy: PasswordPolicy {
            min_length: 8,
            max_length: 128,
            min_groups: 0,
            groups: Vec::new(),
            dictionary: vec!["password1".into()],
            forbid_login: true,
            history: 2,
            min_age: None,
            max_age: None,
            min_differing: None,
        },
        policy_check: PolicyCheck {
            mode: PolicyCheckMode::Never,
            allow_skip: false,
        },
        lockout: PasswordLockout {
            failures: 3,
            duration: Period::from_secs(60),
        },
        hashing: PasswordHashing {
            memory_kib: 19456,
            iterations: 2,
            parallelism: 1,
        },
    }
}

pub(crate) fn totp_method() -> TotpMethod {
    TotpMethod {
        algorithm: OtpAlgorithm::Sha1,
        digits: 6,
        period: Period::from_secs(30),
        forward: 1,
        backward: 1,
        total_attempts: 4,
        lock: Period::from_secs(900),
        issuer: "Quickstart".into(),
        account_label: "person.email".into(),
        enrol_at_login: true,
        recovery_codes: 3,
    }
}

pub(crate) fn oidc() -> OidcClient {
    OidcClient {
        authentication: ClientAuthentication::Secret {
            methods: [
                SecretMethod::ClientSecretBasic,
                SecretMethod::ClientSecretPost,
            ]
            .into(),
            secret: "demo".into(),
            additional: None,
            rotation: None,
        },
        redirect_uris: vec![Url::parse(REDIRECT).unwrap()],
        redirect_uri_prefixes: Vec::new(),
        default_redirect_uri: None,
        grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
        response_types: [ResponseType::Code].into(),
        pkce: Pkce::Required,
        require_state: false,
        require_nonce: false,
        scopes: ClientScopes {
            default: names(&["openid"]),
            allowed: names(&["openid", "profile", "email"]),
        },
        access_token_format: TokenFormat::Jwt,
        access_token_lifetime: Period::from_secs(300),
        audiences: BTreeSet::new(),
        id_token_lifetime: Period::from_secs(300),
        signing_algorithm: SigningAlgorithm::ES256,
        refresh: RefreshSettings {
            idle: Period::from_secs(1800),
            lifetime: Period::from_secs(36_000),
            reuse_interval: Period::from_secs(10),
            offline: false,
        },
        web_origins: names::<String>(&["https://app.example.com"]),
        logout: LogoutSettings {
            redirect_uris: vec![Url::parse("https://app.example.com/bye").unwrap()],
            ..LogoutSettings::default()
        },
    }
}

pub(crate) fn client(id: &str, oidc: OidcClient) -> ClientSnapshot {
    ClientSnapshot {
        id: id.into(),
        origin: format!("identity/{id}"),
        display_name: text("Demo"),
        url: None,
        start_url: None,
        tags: BTreeSet::new(),
        privacy_domain: None,
        access: AccessSnapshot {
            rules: None,
            on_deny: OnDeny::ProtocolError,
        },
        roles: BTreeMap::new(),
        role_scope: RoleScope::Full,
        claims: Vec::new(),
        consent_required: false,
        flow: None,
        oidc: Some(oidc),
    }
}

/// A realm with passwords and TOTP, the client `demo`, and the client `service` for itself.
pub(crate) fn realm() -> RealmSnapshot {
    let mut email = attribute("email", ValueKind::String);
    email.searchable = true;
    email.unique = true;
    email.required = true;
    email.case_insensitive = true;
    email.input = Some(Transform {
        pattern: r"([^@\s]+)@([^@\s]+)".into(),
        format: "${1}@${2}".into(),
    });
    let mut phone = attribute("phone", ValueKind::String);
    phone.searchable = true;
    let method = |name: &str, kind| {
        (
            MethodName::from(name),
            MethodSnapshot {
                name: name.into(),
                display_name: LocalizedText::default(),
                kind,
            },
        )
    };
    let service = OidcClient {
        authentication: ClientAuthentication::Secret {
            methods: [SecretMethod::ClientSecretBasic].into(),
            secret: "service".into(),
            additional: None,
            rotation: None,
        },
        redirect_uris: Vec::new(),
        grant_types: [GrantType::ClientCredentials].into(),
        scopes: ClientScopes {
            default: BTreeSet::new(),
            allowed: names(&[crate::accounts::ACCOUNTS_SCOPE, "email"]),
        },
        ..oidc()
    };
    RealmSnapshot {
        core: RealmCore {
            id: "identity.quickstart".into(),
            region: "ua".into(),
            country: "UA".into(),
            instance: "default".into(),
            issuer: Url::parse("https://id.example.com/quickstart").unwrap(),
            backend_url: None,
            layout: Layout::Realmwright,
            profile: Profile::Production,
            display_name: text("Quickstart"),
            locales: Locales {
                supported: vec!["en".into(), "uk".into()],
                default: "en".into(),
                ignore_browser: false,
            },
            attributes: vec![
                email,
                phone,
                attribute("name", ValueKind::String),
                attribute("groups_of", ValueKind::StringList),
            ],
            purposes: Purposes {
                display_name: Some("person.name".into()),
                display_identifier: Some("mask(person.email, 1, 4)".into()),
                emails: vec!["email".into()],
                phones: vec!["phone".into()],
            },
            session_claims: BTreeSet::new(),
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
                rotation_interval: Period::from_secs(30 * 86_400),
                jwks_max_age: Period::from_secs(3600),
                publish_ahead: Period::from_secs(86_400),
                longest_token_life: Period::from_secs(300),
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
            roles: [(
                RoleName::from("staff"),
                RoleSnapshot {
                    display_name: text("Staff"),
                    includes: BTreeSet::new(),
                },
            )]
            .into(),
            default_roles: BTreeSet::new(),
            bootstrap_accounts: vec![BootstrapAccount {
                name: "admin".into(),
                attributes: [(
                    AttributeName::from("email"),
                    AttributeValue::String("admin@example.com".into()),
                )]
                .into(),
                password: Some("bootstrap".into()),
                must_change_password: true,
                roles: BTreeSet::new(),
                groups: names::<String>(&["/Staff"]),
            }],
        },
        scopes: [
            scope("openid", Vec::new()),
            scope("profile", vec![attribute_claim("name")]),
            scope("email", vec![attribute_claim("email")]),
            scope(crate::accounts::ACCOUNTS_SCOPE, Vec::new()),
        ]
        .into(),
        methods: [
            method("password", MethodKind::Password(password_method())),
            method("totp", MethodKind::Totp(totp_method())),
        ]
        .into(),
        flows: BTreeMap::new(),
        clients: [client("demo", oidc()), client("service", service)]
            .into_iter()
            .map(|client| (client.id.clone(), Arc::new(client)))
            .collect(),
    }
}
