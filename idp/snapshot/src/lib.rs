//! What an identity-provider pod serves from, as values: the realm snapshot, its
//! content-addressed parts, the root manifest whose digest names the whole, and the envelope
//! that ships beside it.
//!
//! The compiler makes these values, every other crate under `idp/` reads them. This crate must
//! not know Kubernetes, HTTP, SQL, time or randomness, and it holds secret *handles*, never
//! secret values.
//!
//! Recipe for a new field: add it to the value here (with a `#[serde(default)]` only when an
//! older snapshot without it is still right to serve), name a feature in [`Envelope::requires`]
//! when a pod that ignores it would enforce less, and lower it in the compiler, which
//! destructures without `..` so that it cannot be forgotten.

mod addresses;
mod attributes;
mod by_client;
mod claims;
mod client;
mod envelope;
mod flow;
mod method;
mod names;
mod period;
mod realm;
pub mod sample;
mod scope;
mod seal;
mod texts;

pub use addresses::{LOGOUT_PARAMETERS, RESPONSE_PARAMETERS, own_parameter};
pub use attributes::{
    AttributeSnapshot, AttributeValue, Attributes, DataClass, Purposes, Transform, ValueKind,
};
pub use by_client::{ByClient, ClientShard, Entries, PerShard, Shard, ShardMap, shared_shard};
pub use claims::{ClaimSnapshot, ClaimSource, ClaimTargets, RoleRef};
pub use client::{
    AccessRule, AccessSnapshot, AssertionKeys, ClientAuthentication, ClientScopes, ClientSnapshot,
    GrantType, LogoutSettings, OidcClient, OnDeny, Pkce, RefreshSettings, ResponseMode,
    ResponseType, RoleScope, SecretMethod, SecretRotation, TokenFormat,
};
pub use envelope::{Envelope, EnvelopeFault, FORMAT, SUPPORTED_FEATURES};
pub use flow::{
    DenyRule, DenyTarget, FlowRule, FlowSnapshot, MethodSelection, Outcome, SessionClaim,
};
pub use method::{
    CharacterGroup, MatchCondition, MatchRule, MethodKind, MethodSnapshot, OtpAlgorithm,
    PasswordHashing, PasswordLockout, PasswordMethod, PasswordPolicy, PolicyCheck, PolicyCheckMode,
    TotpMethod,
};
pub use names::{
    AttributeName, ClientId, Country, Expression, FlowName, InstanceName, Locale, MethodName,
    PrivacyDomain, RealmId, RegionName, RoleName, ScopeName, SecretHandle,
};
pub use period::Period;
pub use realm::{
    BootstrapAccount, KeyPolicy, Layout, Locales, PasswordQueue, Profile, Protection, RealmCore,
    RealmSnapshot, Retention, RoleSnapshot, SessionPolicy, SigningAlgorithm, TokenPolicy,
};
pub use scope::ScopeSnapshot;
pub use seal::{
    Digest, PartName, RootManifest, SealFault, Sealed, Sealer, canonical_json, open, open_core,
};
pub use texts::LocalizedText;
