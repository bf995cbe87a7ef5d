//! Claims: what leaves about a person, into which answer (KC-MAP-01 to KC-MAP-08).

use std::collections::BTreeSet;

use realmwright_snapshot::{
    AttributeName, ClaimSnapshot, ClaimSource, ClaimTargets, ClientId, OidcClient, ScopeSnapshot,
};
use serde_json::{Map, Value as Json};

use crate::expression::{Compiled, Environment, ExpressionFault, Value};
use crate::facts::Facts;
use crate::roles::VisibleRoles;

/// Which answer claims go into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The id token.
    IdToken,
    /// JWT access tokens, and introspection.
    AccessToken,
    /// The userinfo answer.
    UserInfo,
}

impl Target {
    /// Every answer.
    pub const ALL: [Self; 3] = [Self::IdToken, Self::AccessToken, Self::UserInfo];

    /// Whether it is one of these.
    #[must_use]
    pub const fn is_among(self, targets: ClaimTargets) -> bool {
        match self {
            Self::IdToken => targets.id_token,
            Self::AccessToken => targets.access_token,
            Self::UserInfo => targets.userinfo,
        }
    }
}

/// Claims that the protocols define and only the engine sets.
const PROTECTED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "client_id",
    "scope",
    "cnf",
    "act",
    "may_act",
    "typ",
    "active",
    "token_type",
    "events",
    "authorization_details",
];

/// Whether a claim of this name (dots make nested objects) would override one that the protocols
/// define. Such a claim is refused at compile and never emitted.
#[must_use]
pub fn is_protected(claim: &str) -> bool {
    segments(claim)
        .first()
        .is_some_and(|first| PROTECTED.contains(&first.as_str()))
}

/// The name in the answer under which a claim lies: the whole, or the first part of a nested one.
#[must_use]
pub fn outermost(claim: &str) -> String {
    segments(claim).swap_remove(0)
}

/// The nested names of a claim, at least one: split at dots; `\.` is a dot in a name.
fn segments(claim: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut chars = claim.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'.') => {
                chars.next();
                push(&mut segments, '.');
            }
            '.' => segments.push(String::new()),
            c => push(&mut segments, c),
        }
    }
    segments
}

fn push(segments: &mut [String], c: char) {
    if let Some(last) = segments.last_mut() {
        last.push(c);
    }
}

/// Claims of one scope or client, with their expressions compiled.
#[derive(Clone, Debug, Default)]
pub struct ClaimSet(Vec<Claim>);

#[derive(Clone, Debug)]
struct Claim {
    path: Vec<String>,
    source: Source,
    targets: ClaimTargets,
}

#[derive(Clone, Debug)]
enum Source {
    Attribute(AttributeName),
    Constant(Json),
    Expression(Box<Compiled>),
    RealmRoles,
    ClientRoles(Option<ClientId>),
    Groups { full_path: bool },
    SessionClaim(String),
}

/// What is wrong with a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimFault {
    /// Place of the claim in its list, from 0.
    pub index: usize,
    /// What is wrong.
    pub kind: ClaimFaultKind,
}

/// See [`ClaimFault`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimFaultKind {
    /// Its expression is faulty.
    #[error("{0}")]
    Expression(ExpressionFault),
    /// It would override a claim of the protocols.
    #[error("`{0}` is set by the protocol")]
    Protected(String),
    /// A part of its name between dots is empty.
    #[error("`{0}` has an empty part")]
    EmptyName(String),
    /// It would carry the internal subject around pairwise subjects (APP-06).
    #[error("`sub` leaves only as the subject of tokens")]
    Subject,
    /// The realm declares no such attribute; the nearest one.
    #[error("the realm declares no attribute `{0}`")]
    UnknownAttribute(String, Option<String>),
    /// The realm declares no such session claim (OIDC-63); the nearest one.
    #[error("the realm declares no session claim `{0}`")]
    UnknownSessionClaim(String, Option<String>),
    /// Another claim of the list lies under this name, or above it.
    #[error("`{0}` and `{1}` cannot both be there: one lies within the other")]
    Nested(String, String),
}

impl ClaimSet {
    /// Compiles claims. `environment` is of the scope `Claim`.
    ///
    /// # Errors
    /// Every fault with its place.
    pub fn compile(
        claims: &[ClaimSnapshot],
        environment: &Environment,
    ) -> Result<Self, Vec<ClaimFault>> {
        let mut faults = Vec::new();
        let mut compiled: Vec<Claim> = Vec::new();
        for (index, claim) in claims.iter().enumerate() {
            let mut fault = |kind| faults.push(ClaimFault { index, kind });
            let path = segments(&claim.claim);
            if is_protected(&claim.claim) {
                fault(ClaimFaultKind::Protected(claim.claim.clone()));
            }
            if path.iter().any(String::is_empty) {
                fault(ClaimFaultKind::EmptyName(claim.claim.clone()));
            }
            if let Some(other) = compiled.iter().find(|other| {
                other.path.len() != path.len()
                    && (other.path.starts_with(&path) || path.starts_with(&other.path))
            }) {
                let other = other.path.join(".");
                fault(ClaimFaultKind::Nested(claim.claim.clone(), other));
            }
            match source(&claim.source, environment) {
                Ok(source) => compiled.push(Claim {
                    path,
                    source,
                    targets: claim.targets,
                }),
                Err(kinds) => kinds.into_iter().for_each(fault),
            }
        }
        if faults.is_empty() {
            Ok(Self(compiled))
        } else {
            Err(faults)
        }
    }

    /// What its expressions read, for the class of each claim, in the order of the list; none for
    /// claims that are no expression.
    pub fn expressions(&self) -> impl Iterator<Item = Option<&Compiled>> {
        self.0.iter().map(|claim| match &claim.source {
            Source::Expression(expression) => Some(expression.as_ref()),
            _ => None,
        })
    }
}

fn source(source: &ClaimSource, environment: &Environment) -> Result<Source, Vec<ClaimFaultKind>> {
    Ok(match source {
        ClaimSource::Attribute(name) if name.as_str() == "sub" => {
            return Err(vec![ClaimFaultKind::Subject]);
        }
        ClaimSource::Attribute(name) => {
            let declared = &environment.attributes;
            if !declared.contains_key(name) {
                let near = crate::nearest(name.as_str(), declared.keys().map(AsRef::as_ref));
                return Err(vec![ClaimFaultKind::UnknownAttribute(
                    name.to_string(),
                    near,
                )]);
            }
            Source::Attribute(name.clone())
        }
        ClaimSource::Constant(value) => Source::Constant(value.clone()),
        ClaimSource::Expression(text) => {
            let compiled = Compiled::compile(text, environment).map_err(|faults| {
                faults
                    .into_iter()
                    .map(ClaimFaultKind::Expression)
                    .collect::<Vec<_>>()
            })?;
            Source::Expression(Box::new(compiled))
        }
        ClaimSource::RealmRoles => Source::RealmRoles,
        ClaimSource::ClientRoles(client) => Source::ClientRoles(client.clone()),
        ClaimSource::Groups { full_path } => Source::Groups {
            full_path: *full_path,
        },
        ClaimSource::SessionClaim(name) => {
            let declared = &environment.session_claims;
            if !declared.contains(name) {
                let near = crate::nearest(name, declared.iter().map(String::as_str));
                return Err(vec![ClaimFaultKind::UnknownSessionClaim(
                    name.clone(),
                    near,
                )]);
            }
            Source::SessionClaim(name.clone())
        }
    })
}

/// The claims of one answer: those of the granted scopes in their order, then the client's own,
/// which win. What is absent or empty is left out (KC-MAP-01, KC-ROLE-03).
#[must_use]
pub fn claims<'c>(
    sets: impl IntoIterator<Item = &'c ClaimSet>,
    target: Target,
    facts: &Facts<'_>,
    roles: &VisibleRoles,
) -> Map<String, Json> {
    let mut all = Map::new();
    for claim in sets.into_iter().flat_map(|set| &set.0) {
        let protected = claim
            .path
            .first()
            .is_some_and(|first| PROTECTED.contains(&first.as_str()));
        if protected || !target.is_among(claim.targets) {
            continue;
        }
        if let Some(value) = value(&claim.source, facts, roles) {
            put(&mut all, &claim.path, value);
        }
    }
    all
}

/// Puts a value under nested names. A value that another scope has put above or below gives way.
fn put(object: &mut Map<String, Json>, path: &[String], value: Json) {
    match path {
        [] => {}
        [name] => {
            object.insert(name.clone(), value);
        }
        [name, rest @ ..] => {
            let inner = object
                .entry(name.clone())
                .or_insert_with(|| Json::Object(Map::new()));
            if !inner.is_object() {
                *inner = Json::Object(Map::new());
            }
            if let Json::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn value(source: &Source, facts: &Facts<'_>, roles: &VisibleRoles) -> Option<Json> {
    match source {
        Source::Attribute(name) => {
            let value = Value::from(facts.person?.attributes.get(name)?);
            (!value.is_empty()).then(|| value.to_json())
        }
        Source::Constant(value) => Some(value.clone()),
        Source::Expression(expression) => {
            let value = expression.evaluate(facts).ok()?;
            (!value.is_empty()).then(|| value.to_json())
        }
        Source::RealmRoles => texts(roles.realm.iter().map(ToString::to_string)),
        Source::ClientRoles(Some(client)) => {
            texts(roles.clients.get(client)?.iter().map(ToString::to_string))
        }
        Source::ClientRoles(None) => {
            let by_client: Map<String, Json> = roles
                .clients
                .iter()
                .filter_map(|(client, roles)| {
                    let names = texts(roles.iter().map(ToString::to_string))?;
                    Some((client.to_string(), names))
                })
                .collect();
            (!by_client.is_empty()).then_some(Json::Object(by_client))
        }
        Source::Groups { full_path } => {
            let groups: BTreeSet<String> = facts
                .person?
                .groups
                .iter()
                .map(|path| match (full_path, path.rsplit_once('/')) {
                    (false, Some((_, last))) => last.to_owned(),
                    _ => path.clone(),
                })
                .collect();
            texts(groups.into_iter())
        }
        Source::SessionClaim(name) => facts.session?.claims.get(name).cloned(),
    }
}

fn texts(names: impl Iterator<Item = String>) -> Option<Json> {
    let names: Vec<Json> = names.map(Json::String).collect();
    (!names.is_empty()).then_some(Json::Array(names))
}

/// Audiences of an access token: the client's own and those of the granted scopes (KC-MAP-03).
/// Without any it is for the provider's own endpoints, which `provider` names.
#[must_use]
pub fn audiences<'s>(
    client: &OidcClient,
    granted: impl IntoIterator<Item = &'s ScopeSnapshot>,
    provider: &str,
) -> BTreeSet<String> {
    let mut audiences = client.audiences.clone();
    for scope in granted {
        audiences.extend(scope.audiences.iter().cloned());
    }
    if audiences.is_empty() {
        audiences.insert(provider.to_owned());
    }
    audiences
}

/// Value of `aud`: a text when there is one audience, a list when there are several.
#[must_use]
pub fn audience_value(audiences: &BTreeSet<String>) -> Json {
    match audiences.first() {
        Some(only) if audiences.len() == 1 => Json::String(only.clone()),
        _ => audiences.iter().cloned().map(Json::String).collect(),
    }
}
