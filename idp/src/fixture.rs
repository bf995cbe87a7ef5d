//! A small realm for tests, with real keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use realmwright_artefacts::Offer;
use realmwright_engine::ports::Clock;
use realmwright_keys::{
    Acknowledgements, Keyring, Policy, SecretBundle, SystemGenerator, advance, apply,
};
use realmwright_snapshot::{
    ByClient, Country, Envelope, FORMAT, InstanceName, KeyPolicy, Layout, Locale, Locales,
    LocalizedText, PasswordQueue, Period, Profile, Protection, Purposes, RealmCore, RealmId,
    RealmSnapshot, RegionName, Retention, Sealer, SessionPolicy, SigningAlgorithm, TokenPolicy,
};

use crate::hot_swap::HotSwap;

/// Waits until `condition` holds, and not for ever.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), holds)
        .await
        .expect("what is waited for comes");
}

/// A clock that stands at [`now`].
struct Standing;

#[async_trait]
impl Clock for Standing {
    fn now(&self) -> Timestamp {
        now()
    }

    async fn sleep_until(&self, _instant: Timestamp) {
        std::future::pending().await
    }
}

/// No realms yet.
pub(crate) fn swap() -> Arc<HotSwap> {
    Arc::new(HotSwap::new(Arc::new(Standing)))
}

pub(crate) fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn snapshot(id: &str, issuer: &str) -> RealmSnapshot {
    RealmSnapshot {
        core: RealmCore {
            id: RealmId::from(id),
            region: RegionName::from("ua"),
            country: Country::from("UA"),
            instance: InstanceName::from("default"),
            issuer: issuer.parse().unwrap(),
            backend_url: None,
            layout: Layout::Realmwright,
            profile: Profile::Production,
            display_name: LocalizedText::default(),
            locales: Locales {
                supported: vec![Locale::from("en")],
                default: Locale::from("en"),
                ignore_browser: false,
            },
            attributes: Vec::new(),
            purposes: Purposes::default(),
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
                algorithms: BTreeSet::from([SigningAlgorithm::ES256]),
                rotation_interval: Period::from_secs(720 * 3600),
                jwks_max_age: Period::from_secs(3600),
                publish_ahead: Period::from_secs(24 * 3600),
                longest_token_life: Period::from_secs(3600),
            },
            flow: None,
            protection: Protection {
                response_floor: Period::from_millis(1),
                attempts_per_address: 100,
                attempts_per_login: 20,
                attempt_window: Period::from_secs(900),
                password_queue: PasswordQueue {
                    length: 10,
                    max_wait: Period::from_secs(5),
                },
            },
            retention: Retention::default(),
            roles: BTreeMap::new(),
            default_roles: BTreeSet::new(),
            bootstrap_accounts: Vec::new(),
        },
        scopes: BTreeMap::new(),
        methods: BTreeMap::new(),
        flows: BTreeMap::new(),
        clients: ByClient::new(),
    }
}

pub(crate) fn keyring(snapshot: &RealmSnapshot) -> Keyring {
    let empty = Keyring::empty(snapshot.core.id.clone());
    let policy = Policy::of(&snapshot.core);
    let plan = advance(&policy, &empty, now(), &Acknowledgements::of_one("test", 0));
    apply(&empty, &plan, now(), &mut SystemGenerator::default()).unwrap()
}

pub(crate) fn offer_of(snapshot: &RealmSnapshot, keyring: Keyring, revision: u64) -> Offer {
    let sealed = Sealer::new().seal(snapshot).unwrap();
    Offer {
        envelope: Envelope {
            format: FORMAT,
            requires: Vec::new(),
            realm: snapshot.core.id.clone(),
            region: snapshot.core.region.clone(),
            incarnation: 1,
            revision,
            parent: None,
            digest: sealed.digest,
            min_keyring: keyring.revision,
            min_secrets: 0,
        },
        sealed: Arc::new(sealed),
        keyring: Arc::new(keyring),
        secrets: Arc::new(SecretBundle::empty(snapshot.core.id.clone())),
    }
}

/// An offer of a realm whose only life is this revision.
pub(crate) fn offer(id: &str, issuer: &str, revision: u64) -> Offer {
    let snapshot = snapshot(id, issuer);
    let keyring = keyring(&snapshot);
    offer_of(&snapshot, keyring, revision)
}
