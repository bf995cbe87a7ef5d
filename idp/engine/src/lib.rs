//! The use cases of the identity provider: authorize, logins, grants, sessions, consent, logout
//! and the accounts API. I/O happens only through the traits of [`ports`]; each use case reads,
//! decides through the pure crates, and ends in one commit.
//!
//! This crate must not know HTTP, cookies' syntax, HTML, SQL or where a snapshot comes from. It
//! takes plain text and values and gives plain values (see [`api`]).
//!
//! Recipe for a use case: its input and answer in [`api`], a method on [`Engine`] in a module of
//! its own, its audit events in the decision crate's closed enum, everything it writes as one
//! list of changes, and tests here over SQLite with a manual clock.

pub mod accounts;
pub mod api;
mod attempts;
mod audit;
mod authorize;
mod client_authentication;
pub mod client_source;
mod crypto;
mod denials;
mod fetched_keys;
mod grants;
mod introspection;
mod keys;
mod login;
mod logout;
mod passwords;
mod people;
pub mod ports;
mod refused_callers;
mod revocation;
pub mod runtime_realm;
mod sessions;
mod spans;
mod subject;
#[cfg(test)]
mod tests;
mod tokens;
mod totp;
mod userinfo;

use std::sync::Arc;

use client_source::{ClientSource, DeclaredClients};
use denials::RecentDenials;
use fetched_keys::FetchedKeys;
use passwords::floor::SlowestChecks;
use realmwright_protocol::jose::SeenSignatures;
use refused_callers::RefusedCallers;

pub use api::{
    Answer, BackChannelCall, CallFault, ClientResponse, ClientView, ConsentScope, CookieChange,
    CookiePurpose, Cookies, EngineFault, ErrorKind, ErrorPage, Fault, FormTarget, JsonAnswer,
    LoggedOutPage, LoginPage, LogoutPage, MethodView, NewPasswordReason, Notice, OAuthError,
    PasswordRule, PersonView, Reply, RequestContext, Step, StepView,
};
pub use crypto::error_id;
pub use logout::LogoutAnswer;
pub use ports::{
    Checked, Clock, EventBatch, EventObserver, FetchFault, Fetcher, HashFault, Observation,
    PasswordHasher, Ports, Random, Realms, Unobserved,
};
pub use realmwright_decision::password_hash::PasswordHash;
pub use realmwright_store::LoginId;
pub use runtime_realm::{CachedDocument, PrepareFault, RuntimeRealm, SnapshotVersion};

/// The use cases over their ports. Cheap to clone; everything that must hold across processes is
/// in the store.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) ports: Ports,
    pub(crate) clients: Arc<dyn ClientSource>,
    pub(crate) fetched_keys: FetchedKeys,
    pub(crate) slowest_checks: SlowestChecks,
    pub(crate) refused_callers: RefusedCallers,
    pub(crate) recent_denials: RecentDenials,
    pub(crate) seen_signatures: Arc<SeenSignatures>,
}

impl Engine {
    /// An engine over these ports, for the applications that snapshots declare.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self::with_clients(ports, Arc::new(DeclaredClients))
    }

    /// An engine for applications of another source.
    #[must_use]
    pub fn with_clients(ports: Ports, clients: Arc<dyn ClientSource>) -> Self {
        Self {
            ports,
            clients,
            fetched_keys: FetchedKeys::new(),
            slowest_checks: SlowestChecks::default(),
            refused_callers: RefusedCallers::default(),
            recent_denials: RecentDenials::default(),
            seen_signatures: Arc::default(),
        }
    }
}
