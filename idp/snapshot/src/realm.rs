//! The realm of one placement.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    AttributeSnapshot, Attributes, ByClient, ClientSnapshot, Country, FlowName, FlowSnapshot,
    InstanceName, Locale, LocalizedText, MethodName, MethodSnapshot, Period, Purposes, RealmId,
    RegionName, RoleName, RoleRef, ScopeName, ScopeSnapshot, SecretHandle,
};

/// Everything that a pod needs to serve one realm in one region.
#[derive(Clone, Debug, PartialEq)]
pub struct RealmSnapshot {
    /// The realm itself.
    pub core: RealmCore,
    /// Its scopes.
    pub scopes: BTreeMap<ScopeName, ScopeSnapshot>,
    /// Its methods, those that are switched on.
    pub methods: BTreeMap<MethodName, MethodSnapshot>,
    /// Its flows.
    pub flows: BTreeMap<FlowName, FlowSnapshot>,
    /// Its applications; shared, so that an edit of one copies no other.
    pub clients: ByClient<Arc<ClientSnapshot>>,
}

/// The realm without its lists of objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RealmCore {
    /// Immutable id.
    pub id: RealmId,
    /// Region of this placement.
    pub region: RegionName,
    /// Country of the region.
    pub country: Country,
    /// Instance of the region.
    pub instance: InstanceName,
    /// Issuer, as tokens say it: no trailing slash.
    pub issuer: Url,
    /// Base of back-channel endpoints where it differs from the issuer.
    pub backend_url: Option<Url>,
    /// Where the endpoints lie under the issuer.
    pub layout: Layout,
    /// For whom it was compiled.
    pub profile: Profile,
    /// Name on pages.
    pub display_name: LocalizedText,
    /// Languages.
    pub locales: Locales,
    /// Attribute schema, in the order people see.
    pub attributes: Vec<AttributeSnapshot>,
    /// Which attributes play which part.
    pub purposes: Purposes,
    /// Names of claims that flows may put into sessions.
    pub session_claims: BTreeSet<String>,
    /// How many factors everybody passes at least: 1 or 2 (AUTH-GEN-01).
    pub required_factors: u8,
    /// Single sign-on sessions.
    pub sessions: SessionPolicy,
    /// Tokens.
    pub tokens: TokenPolicy,
    /// Signing keys.
    pub keys: KeyPolicy,
    /// Flow of clients that name none; none is the standard flow of FLOW-06.
    pub flow: Option<FlowName>,
    /// Protection of the login.
    pub protection: Protection,
    /// How long records are kept that have no end of their own.
    #[serde(default)]
    pub retention: Retention,
    /// Realm roles.
    pub roles: BTreeMap<RoleName, RoleSnapshot>,
    /// Roles that everybody holds.
    pub default_roles: BTreeSet<RoleName>,
    /// Accounts that are created when absent and never updated.
    pub bootstrap_accounts: Vec<BootstrapAccount>,
}

/// Where the endpoints lie under the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// Ours.
    Realmwright,
}

/// For whom a snapshot was compiled. An input of the compile, never read from the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Profile {
    /// Issuers are https.
    Production,
    /// `realmwright dev`: issuers are rewritten to this origin, which may be plain http on
    /// loopback.
    Dev {
        /// Scheme, host and port.
        origin: Url,
    },
}

/// Languages of a realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locales {
    /// Allowed ones, in the order of the language menu; never empty.
    pub supported: Vec<Locale>,
    /// One of them.
    pub default: Locale,
    /// Whether `Accept-Language` is left aside.
    pub ignore_browser: bool,
}

/// Single sign-on sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionPolicy {
    /// Ends after so long without a login to an application (AUTH-GEN-02).
    pub idle: Period,
    /// Ends after, whatever the activity (AUTH-GEN-03).
    pub lifetime: Period,
    /// A login must be finished within.
    pub login_lifetime: Period,
}

/// Tokens, where a client does not say otherwise; the compiler has already written these into
/// each client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPolicy {
    /// Life of authorization codes (KC-AZ-06).
    pub code_lifetime: Period,
}

/// JWS algorithms, RFC 7518 and RFC 8037.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    #[default]
    ES256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// Ed25519.
    EdDSA,
}

impl SigningAlgorithm {
    /// The registered value of `alg`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::EdDSA => "EdDSA",
        }
    }
}

/// Signing keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPolicy {
    /// Algorithms that some client uses: a key is made for each, and for no other.
    pub algorithms: BTreeSet<SigningAlgorithm>,
    /// A successor is made so long after its predecessor.
    pub rotation_interval: Period,
    /// What `Cache-Control` of the JWKS says.
    pub jwks_max_age: Period,
    /// Scheduled successors are published so long before use.
    pub publish_ahead: Period,
    /// Longest life of anything a key signs: how long it stays published after its last use.
    pub longest_token_life: Period,
}

/// Protection of the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// No answer to a credential comes earlier: unknown, wrong, locked and missing look alike.
    pub response_floor: Period,
    /// Failed logins from one address (IPv4 /32, IPv6 /64) within the window, then 429.
    pub attempts_per_address: u32,
    /// Failed logins with one login name within the window, then the same answer as a wrong
    /// password without a check.
    pub attempts_per_login: u32,
    /// The window of both.
    pub attempt_window: Period,
    /// The queue in front of the password hash.
    pub password_queue: PasswordQueue,
}

/// The queue in front of the password hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordQueue {
    /// Most checks that wait; beyond it a person gets 503 with `Retry-After`.
    pub length: u32,
    /// Longest wait of one.
    pub max_wait: Period,
}

/// How long records are kept that have no end of their own (CONF-STORE-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Audit events; none keeps them without end.
    pub audit_events: Option<Period>,
    /// Deliveries that were given up.
    pub dead_letters: Period,
    /// Why people were refused.
    #[serde(default = "Retention::denials_by_default")]
    pub denials: Period,
}

impl Retention {
    const fn denials_by_default() -> Period {
        Period::from_secs(30 * 86_400)
    }
}

impl Default for Retention {
    /// What holds where nothing is declared.
    fn default() -> Self {
        Self {
            audit_events: None,
            dead_letters: Period::from_secs(30 * 86_400),
            denials: Self::denials_by_default(),
        }
    }
}

/// A realm role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSnapshot {
    /// Name for people.
    pub display_name: LocalizedText,
    /// Roles that come with it, closed transitively by the compiler (KC-ROLE-05).
    pub includes: BTreeSet<RoleRef>,
}

/// An account that is created when absent and never updated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapAccount {
    /// Name in its realm; its storage key.
    pub name: String,
    /// Attributes at creation.
    pub attributes: Attributes,
    /// Where its password hash (PHC or modular crypt text) is found.
    pub password: Option<SecretHandle>,
    /// Whether it is asked for a new password at its first login.
    pub must_change_password: bool,
    /// Roles at creation.
    pub roles: BTreeSet<RoleRef>,
    /// Groups at creation, as full paths.
    pub groups: BTreeSet<String>,
}
