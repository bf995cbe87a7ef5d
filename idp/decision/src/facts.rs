//! What decisions read, as plain values. The engine fills these from rows and requests, a config
//! test from its YAML; nothing here knows where they came from.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;
use realmwright_snapshot::{
    Attributes, ClientId, ClientSnapshot, MethodName, Period, RoleRef, ScopeName,
};
use serde::{Deserialize, Serialize};

/// A person whose account was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Internal identifier; `person.sub` in expressions.
    pub sub: String,
    /// Stored attributes together with the computed ones (see [`crate::attributes`]).
    pub attributes: Attributes,
    /// Effective roles: held directly, by default and by inclusion (see [`crate::roles`]).
    pub roles: BTreeSet<RoleRef>,
    /// Groups as full paths with a leading slash.
    pub groups: BTreeSet<String>,
    /// How many factors the person demands; 0 and 1 both mean none beyond the realm's.
    pub required_factors: u8,
    /// Kinds of credentials held: `password`, `totp`.
    pub credentials: BTreeSet<String>,
    /// Whether the account is locked.
    pub locked: bool,
}

/// The application that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its identifier.
    pub id: ClientId,
    /// Its labels (APP-07).
    pub tags: BTreeSet<String>,
}

impl From<&ClientSnapshot> for Application {
    fn from(client: &ClientSnapshot) -> Self {
        Self {
            id: client.id.clone(),
            tags: client.tags.clone(),
        }
    }
}

/// Values of `prompt`, OpenID Connect Core section 3.1.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// No page may be shown.
    None,
    /// Authenticate again.
    Login,
    /// Ask for consent again.
    Consent,
    /// Let the person choose an account.
    SelectAccount,
}

impl Prompt {
    /// The registered value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
        }
    }
}

/// The authorization request and the connection it came over.
///
/// Where deny rules are evaluated again for a token, these are the values of the login, not of
/// the application's server: `ip` is the address of the person's last login, and a value that is
/// no longer known is absent, so that a rule that needs it denies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Values of `prompt`.
    pub prompt: BTreeSet<Prompt>,
    /// Requested scopes; the granted ones where claims are made.
    pub scopes: Vec<ScopeName>,
    /// `max_age`.
    pub max_age: Option<Period>,
    /// Address of the person, as the declared proxies say.
    pub ip: Option<IpAddr>,
    /// `acr_values`.
    pub acr_values: Vec<String>,
    /// `login_hint`.
    pub login_hint: Option<String>,
    /// `ui_locales`.
    pub ui_locales: Vec<String>,
}

/// A method that was passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// Name of the method.
    pub method: MethodName,
    /// Which factor it is: 1 or 2.
    pub factor: u8,
    /// When.
    pub at: Timestamp,
}

/// A live single sign-on session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// What was passed in it, in order.
    pub authentications: Vec<Authentication>,
    /// Claims that flows put into it.
    pub claims: serde_json::Map<String, serde_json::Value>,
}

impl Session {
    /// When the person was authenticated: the newest of its first factors, so that a step-up by a
    /// second factor alone makes no old password look fresh. None for an empty session.
    #[must_use]
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        let first = self.authentications.iter().map(|a| a.factor).min()?;
        self.authentications
            .iter()
            .filter(|a| a.factor == first)
            .map(|a| a.at)
            .max()
    }

    /// Distinct factors passed.
    #[must_use]
    pub fn factors(&self) -> BTreeSet<u8> {
        self.authentications.iter().map(|a| a.factor).collect()
    }
}

/// What the current login has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Distinct factors that count towards it: passed in it, or in the session as far as that
    /// still counts.
    pub factors: BTreeSet<u8>,
    /// Methods passed in it, in order.
    pub methods: Vec<MethodName>,
    /// Methods that the realm has switched on; once the person is known, those of them that the
    /// person holds or can enrol at login.
    pub available_methods: Vec<MethodName>,
    /// The login as typed.
    pub typed: Option<String>,
}

/// Everything that an expression may read.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// None until the person is known.
    pub person: Option<&'a Person>,
    /// The application.
    pub client: &'a Application,
    /// The request.
    pub request: &'a Request,
    /// The session, when there is one.
    pub session: Option<&'a Session>,
    /// The login.
    pub login: &'a Login,
    /// Now.
    pub now: Timestamp,
}

/// Reads a role's name as the store and expressions write it: `role`, or `client:role`.
#[must_use]
pub fn parse_role(text: &str) -> RoleRef {
    match text.rsplit_once(':') {
        Some((client, role)) => RoleRef {
            client: Some(ClientId::from(client)),
            role: role.into(),
        },
        None => RoleRef {
            client: None,
            role: text.into(),
        },
    }
}

/// Writes a role's name as the store and expressions write it.
#[must_use]
pub fn role_text(role: &RoleRef) -> String {
    role.client.as_ref().map_or_else(
        || role.role.to_string(),
        |client| format!("{client}:{}", role.role),
    )
}

/// Roles by client.
pub type ClientRoles = BTreeMap<ClientId, BTreeSet<realmwright_snapshot::RoleName>>;
