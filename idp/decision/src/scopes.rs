//! Scopes: which are granted, and which people are asked for.

use std::collections::{BTreeMap, BTreeSet};

use realmwright_snapshot::{ClientScopes, ScopeName, ScopeSnapshot};

/// The scope without which there is no id token and no userinfo (KC-SC-05).
pub const OPENID: &str = "openid";

/// In whose name scopes are granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grantor {
    /// A person's: system scopes are refused (OIDC-57).
    Person,
    /// The client's own, by `client_credentials`: only system scopes.
    Client,
}

/// Scopes that may be granted, in the order of the request, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted(Vec<ScopeName>);

impl Granted {
    /// The scopes.
    #[must_use]
    pub fn scopes(&self) -> &[ScopeName] {
        &self.0
    }

    /// The scopes, by value.
    #[must_use]
    pub fn into_scopes(self) -> Vec<ScopeName> {
        self.0
    }

    /// Whether an id token is issued.
    #[must_use]
    pub fn has_openid(&self) -> bool {
        self.0.iter().any(|scope| scope.as_str() == OPENID)
    }
}

/// Why scopes are refused: `invalid_scope` of RFC 6749 section 5.2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeFault {
    /// None was asked for and the client has no default one (OIDC-15).
    #[error("the request names no scope and the client has no default one")]
    NothingRequested,
    /// Not in the realm, or not allowed for the client (OIDC-14). Which of both is not said.
    #[error("the scope is not available to this client: {}", names(.0))]
    NotAllowed(Vec<ScopeName>),
    /// A system scope in a person's name.
    #[error("the scope is granted only by client_credentials: {}", names(.0))]
    SystemScope(Vec<ScopeName>),
    /// A scope of people in the client's own name.
    #[error("the scope is not granted by client_credentials: {}", names(.0))]
    PersonScope(Vec<ScopeName>),
    /// More than what was granted before (RFC 6749 section 6).
    #[error("the scope was not granted before: {}", names(.0))]
    Wider(Vec<ScopeName>),
}

fn names(scopes: &[ScopeName]) -> String {
    let names: Vec<&str> = scopes.iter().map(ScopeName::as_str).collect();
    names.join(" ")
}

/// Decides which scopes of a request may be granted. A request that names none gets the client's
/// default ones; nothing outside the allowed ones is ever granted, an empty list allows none.
///
/// # Errors
/// [`ScopeFault`] when a single one is not granted: scopes are never dropped in silence.
pub fn decide_scopes(
    realm: &BTreeMap<ScopeName, ScopeSnapshot>,
    client: &ClientScopes,
    requested: &[ScopeName],
    grantor: Grantor,
) -> Result<Granted, ScopeFault> {
    let is_system = |name: &ScopeName| realm.get(name).is_some_and(|scope| scope.system);
    let wanted_system = grantor == Grantor::Client;
    let mut seen = BTreeSet::new();
    let asked: Vec<ScopeName> = if requested.is_empty() {
        client
            .default
            .iter()
            .filter(|name| realm.contains_key(*name) && is_system(name) == wanted_system)
            .cloned()
            .collect()
    } else {
        requested
            .iter()
            .filter(|name| seen.insert(*name))
            .cloned()
            .collect()
    };
    if asked.is_empty() {
        return Err(ScopeFault::NothingRequested);
    }
    let refused = |test: &dyn Fn(&ScopeName) -> bool| -> Vec<ScopeName> {
        asked.iter().filter(|name| test(name)).cloned().collect()
    };
    let unknown = refused(&|name| {
        !realm.contains_key(name)
            || !(client.allowed.contains(name) || client.default.contains(name))
    });
    if !unknown.is_empty() {
        return Err(ScopeFault::NotAllowed(unknown));
    }
    let misplaced = refused(&|name| is_system(name) != wanted_system);
    match (misplaced.is_empty(), grantor) {
        (true, _) => Ok(Granted(asked)),
        (false, Grantor::Person) => Err(ScopeFault::SystemScope(misplaced)),
        (false, Grantor::Client) => Err(ScopeFault::PersonScope(misplaced)),
    }
}

/// Scopes of a refreshed token: what was granted, less what the realm or the client has lost
/// since, narrowed to what is asked for (RFC 6749 section 6).
///
/// # Errors
/// [`ScopeFault::Wider`] when more is asked for than was granted; [`ScopeFault::NothingRequested`]
/// when nothing is left.
pub fn narrow_scopes(
    realm: &BTreeMap<ScopeName, ScopeSnapshot>,
    client: &ClientScopes,
    granted: &[ScopeName],
    requested: &[ScopeName],
) -> Result<Granted, ScopeFault> {
    let wider: Vec<ScopeName> = requested
        .iter()
        .filter(|name| !granted.contains(name))
        .cloned()
        .collect();
    if !wider.is_empty() {
        return Err(ScopeFault::Wider(wider));
    }
    let left: Vec<ScopeName> = granted
        .iter()
        .filter(|name| requested.is_empty() || requested.contains(name))
        .filter(|name| realm.contains_key(*name))
        .filter(|name| client.allowed.contains(*name) || client.default.contains(*name))
        .cloned()
        .collect();
    if left.is_empty() {
        return Err(ScopeFault::NothingRequested);
    }
    Ok(Granted(left))
}

/// Value of `scope` in tokens and answers: the granted scopes that say so of themselves.
#[must_use]
pub fn scope_text(realm: &BTreeMap<ScopeName, ScopeSnapshot>, granted: &[ScopeName]) -> String {
    let named: Vec<&str> = granted
        .iter()
        .filter(|name| realm.get(*name).is_some_and(|scope| scope.in_token))
        .map(ScopeName::as_str)
        .collect();
    named.join(" ")
}

/// Whether people are asked before data is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentPrompt {
    /// As the client and earlier consents say.
    AsNeeded,
    /// Ask again (`prompt=consent`).
    Again,
}

/// What people are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsentDecision {
    /// Nothing.
    Granted,
    /// Consent to these. With `prompt=none` the answer is `consent_required`.
    Ask {
        /// Scopes to ask for, in the order of the request; never empty.
        scopes: Vec<ScopeName>,
        /// Those among the granted ones that were consented to before: with `prompt=consent` they
        /// may be among the asked ones.
        known: Vec<ScopeName>,
        /// What to remember when the person agrees: all consents so far and these.
        remember: Vec<ScopeName>,
    },
}

/// Decides on consent (KC-CONS-01): where the client requires it, for askable scopes that were not
/// consented to before (KC-SC-04); with `prompt=consent` for all askable ones, whatever the client
/// requires.
#[must_use]
pub fn decide_consent(
    realm: &BTreeMap<ScopeName, ScopeSnapshot>,
    consent_required: bool,
    granted: &[ScopeName],
    remembered: &[ScopeName],
    prompt: ConsentPrompt,
) -> ConsentDecision {
    let again = prompt == ConsentPrompt::Again;
    if !consent_required && !again {
        return ConsentDecision::Granted;
    }
    let scopes: Vec<ScopeName> = granted
        .iter()
        .filter(|name| realm.get(*name).is_some_and(|scope| scope.ask_consent))
        .filter(|name| again || !remembered.contains(name))
        .cloned()
        .collect();
    if scopes.is_empty() {
        return ConsentDecision::Granted;
    }
    let mut remember = remembered.to_vec();
    remember.extend(scopes.iter().filter(|s| !remembered.contains(s)).cloned());
    let known = granted.iter().filter(|name| remembered.contains(name));
    ConsentDecision::Ask {
        known: known.cloned().collect(),
        scopes,
        remember,
    }
}
