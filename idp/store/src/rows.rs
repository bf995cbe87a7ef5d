//! Rows, as the engine reads and writes them. Those that can be read from JSON are so by the names
//! of their columns (see [`crate::documents`]).

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use realmwright_snapshot::{
    AttributeName, AttributeValue, ClientId, DataClass, MethodName, ScopeName,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

uuids! {
    /// A login under way.
    LoginId;
    /// A single sign-on session; what `sid` is made of. The cookie holds a secret beside it.
    SessionId;
    /// What a person (or a client for itself) granted to a client: the family of its tokens.
    GrantId;
    /// A credential of a person.
    CredentialId;
    /// An outbox row.
    OutboxId;
}

/// Internal, immutable identifier of a person in a realm. It leaves only as a subject that the
/// engine derives for an audience, never as this type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubjectId(pub String);

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of a random token of at least 128 bits. The token itself is never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// A searchable value of an attribute, in its normal form (see [`crate::lookup_value`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LookupKey {
    /// The attribute.
    pub attribute: AttributeName,
    /// Plain, or a keyed blind index of it.
    pub value: String,
}

/// Whether a person may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectState {
    /// Yes.
    Active,
    /// No.
    Locked,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SubjectRow {
    /// Identifier.
    pub sub: SubjectId,
    /// Name of the `AttributeStore` that the account lies in.
    pub store: String,
    /// Its key there; unique within the store.
    pub store_key: String,
    /// May log in?
    pub state: SubjectState,
    /// How many factors the person demands: 0 or 1 none beyond the realm's, 2 a second one.
    pub required_factors: u8,
    /// Creation.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub created_at: Timestamp,
    /// Last change of state or attributes.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub updated_at: Timestamp,
    /// Grows with every change of state or attributes; compare-and-swap.
    pub version: i64,
}

/// What a password credential says beside its hash.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordState {
    /// Must be changed at the next login.
    pub must_change: bool,
    /// Former hashes, newest first.
    pub history: Vec<String>,
}

impl fmt::Debug for PasswordState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordState")
            .field("must_change", &self.must_change)
            .finish_non_exhaustive()
    }
}

/// A credential.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialRow {
    /// Identifier.
    pub id: CredentialId,
    /// Whose it is.
    pub sub: SubjectId,
    /// `password`, `totp` or `recovery_codes`.
    pub kind: String,
    /// Label for its owner.
    pub label: String,
    /// Password hash as text, or sealed bytes in base64url: never a plain secret.
    pub secret: String,
    /// What its kind keeps beside the secret, as JSON: [`PasswordState`], the last TOTP step, ...
    pub state: serde_json::Value,
    /// Creation, or the last change of the secret.
    pub created_at: Timestamp,
    /// Last successful use.
    pub last_used_at: Option<Timestamp>,
    /// Grows with every change; compare-and-swap, so that one code passes once.
    pub version: i64,
}

impl fmt::Debug for CredentialRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialRow")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A login under way: the flow state of the engine, opaque here.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginRow {
    /// Identifier.
    pub id: LoginId,
    /// The person, once known.
    pub sub: Option<SubjectId>,
    /// Versioned flow state, JSON.
    pub state: serde_json::Value,
    /// Newest snapshot revision that touched it.
    pub revision: u64,
    /// 0 when not stored yet; compare-and-swap, so that a step submitted twice counts once.
    pub version: i64,
    /// End of the login.
    pub expires_at: Timestamp,
}

impl fmt::Debug for LoginRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginRow")
            .field("id", &self.id)
            .field("revision", &self.revision)
            .field("version", &self.version)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SessionRow {
    /// Identifier.
    pub id: SessionId,
    /// Whose it is.
    pub sub: SubjectId,
    /// SHA-256 of the secret in the cookie.
    pub secret: TokenHash,
    /// Browser, as it said.
    pub user_agent: Option<String>,
    /// Address of the last login.
    pub address: Option<String>,
    /// Claims of flows.
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// Start.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub created_at: Timestamp,
    /// Last login to an application.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub last_used_at: Timestamp,
    /// End without activity.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub idle_expires_at: Timestamp,
    /// End whatever the activity.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub expires_at: Timestamp,
}

/// One passed factor of a session.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AuthenticationRow {
    /// The session.
    #[serde(rename = "session_id")]
    pub session: SessionId,
    /// Name of the method.
    pub method: MethodName,
    /// RFC 8176 value.
    pub amr: String,
    /// 1 or 2.
    pub factor: u8,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
}

/// An application entered in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionClientRow {
    /// The session.
    pub session: SessionId,
    /// The application.
    pub client: ClientId,
    /// `oidc`, later `saml` and others.
    pub protocol: String,
    /// What the application knows the session by (`sid`, NameID).
    pub reference: String,
    /// First entry.
    pub first_at: Timestamp,
    /// Last entry.
    pub last_at: Timestamp,
}

/// A grant: the family of codes and tokens that came from one authorization.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GrantRow {
    /// Identifier.
    pub id: GrantId,
    /// The person; none for a client's own tokens.
    pub sub: Option<SubjectId>,
    /// The session it depends on; none for offline grants.
    #[serde(rename = "session_id")]
    pub session: Option<SessionId>,
    /// The application.
    pub client: ClientId,
    /// Granted scopes.
    pub scopes: Vec<ScopeName>,
    /// RFC 8707 resources.
    pub resource: Vec<String>,
    /// RFC 9396, empty array when none.
    pub authorization_details: serde_json::Value,
    /// OIDC `claims` request, null when none.
    pub claims: serde_json::Value,
    /// RFC 7800 confirmation, when tokens are bound.
    pub cnf: Option<serde_json::Value>,
    /// `nonce` of the request.
    pub nonce: Option<String>,
    /// When the person authenticated.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub auth_time: Option<Timestamp>,
    /// `acr` of tokens.
    pub acr: Option<String>,
    /// `amr` of tokens.
    pub amr: Vec<String>,
    /// Creation.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub created_at: Timestamp,
    /// End at the latest.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub expires_at: Timestamp,
    /// Set once it was revoked.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub ended_at: Option<Timestamp>,
}

/// An authorization code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// SHA-256 of the code.
    pub hash: TokenHash,
    /// What it redeems.
    pub grant: GrantId,
    /// `redirect_uri` of the request, when it named one.
    pub redirect_uri: Option<String>,
    /// `S256` challenge.
    pub code_challenge: Option<String>,
    /// End; that of the grant once it was redeemed, so that reuse is noticed.
    pub expires_at: Timestamp,
    /// Set once it was redeemed.
    pub used_at: Option<Timestamp>,
}

/// A refresh token.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshTokenRow {
    /// SHA-256 of the token.
    pub hash: TokenHash,
    /// Its family.
    pub grant: GrantId,
    /// End by idleness or by the family's life; that of the grant once it was rotated, so that
    /// reuse is noticed.
    pub expires_at: Timestamp,
    /// Set once it was rotated.
    pub used_at: Option<Timestamp>,
    /// The successor, encrypted under a key that only this token yields: a client that retries
    /// gets the same successor, and the database alone yields none.
    pub successor: Option<Vec<u8>>,
}

impl fmt::Debug for RefreshTokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshTokenRow")
            .field("grant", &self.grant)
            .field("expires_at", &self.expires_at)
            .field("used_at", &self.used_at)
            .finish_non_exhaustive()
    }
}

/// An opaque access token.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessTokenRow {
    /// SHA-256 of the token.
    pub hash: TokenHash,
    /// Its family; none for `client_credentials`.
    pub grant: Option<GrantId>,
    /// The application.
    pub client: ClientId,
    /// The claims a JWT of the same moment would hold.
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// End.
    pub expires_at: Timestamp,
}

/// A stored attribute: typed, and of the class that the realm had declared for it when it was
/// written.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredAttribute {
    /// The value.
    pub value: AttributeValue,
    /// How far it may travel.
    pub class: DataClass,
}

/// The stored attributes of one person.
pub type StoredAttributes = BTreeMap<AttributeName, StoredAttribute>;

/// A remembered consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentRow {
    /// Who.
    pub sub: SubjectId,
    /// To whom.
    pub client: ClientId,
    /// Everything consented to so far.
    pub scopes: Vec<ScopeName>,
    /// First time.
    pub granted_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// What is counted: a purpose and a pseudonym (a subject id, or a keyed hash of an address or a
/// login name).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttemptKey {
    /// `password`, `totp`, `address`, `login`.
    pub purpose: String,
    /// Whose.
    pub key: String,
}

/// A counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// Attempts in the window.
    pub count: u32,
    /// Barred until.
    pub locked_until: Option<Timestamp>,
    /// The counter is forgotten at.
    pub expires_at: Timestamp,
}

/// An audit event, already classed: the region's database is its home.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// Time-ordered identifier.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Kind, such as `login_failed`.
    pub kind: String,
    /// Whom it is about.
    pub subject: Option<SubjectId>,
    /// Which application.
    pub client: Option<ClientId>,
    /// Its fields.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// What a person is told of a refusal, and what it is found again by: letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DenialId(pub String);

impl fmt::Display for DenialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why somebody was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct DenialRow {
    /// What the person was told.
    pub id: DenialId,
    /// When.
    pub at: Timestamp,
    /// Who, where that was known.
    pub subject: Option<SubjectId>,
    /// The application that they were on their way to.
    pub client: ClientId,
    /// Digest of the snapshot that refused.
    pub digest: String,
    /// Strictest class of what was read for it.
    pub class: DataClass,
    /// What decided: paths of rules and truth values, no value of an attribute.
    pub record: serde_json::Map<String, serde_json::Value>,
    /// Forgotten at.
    pub expires_at: Timestamp,
}

/// Something to deliver.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// The realm.
    pub realm: realmwright_snapshot::RealmId,
    /// Identifier.
    pub id: OutboxId,
    /// Where to: `log`, later sinks, messages and back-channel logout.
    pub target: String,
    /// Whom it is about.
    pub subject: Option<SubjectId>,
    /// What.
    pub payload: serde_json::Value,
    /// Deliveries that failed so far.
    pub attempts: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// design.md section 8: secrets are redacted by type.
    #[test]
    fn rows_with_secrets_print_none_of_them() {
        let former = PasswordState {
            must_change: true,
            history: vec!["$argon2id$planted".to_owned()],
        };
        let login = LoginRow {
            id: LoginId(Uuid::nil()),
            sub: Some(SubjectId("planted".to_owned())),
            state: serde_json::json!({ "typed": "planted" }),
            revision: 1,
            version: 2,
            expires_at: Timestamp::UNIX_EPOCH,
        };
        let token = RefreshTokenRow {
            hash: TokenHash([7; 32]),
            grant: GrantId(Uuid::nil()),
            expires_at: Timestamp::UNIX_EPOCH,
            used_at: None,
            successor: Some(b"planted".to_vec()),
        };
        let printed = format!("{former:?} {login:?} {token:?}");
        let octets = format!("{:?}", b"planted");
        assert!(!printed.contains("planted"), "{printed}");
        assert!(
            !printed.contains(octets.trim_matches(['[', ']'])),
            "{printed}"
        );
        assert!(printed.contains("must_change: true"), "{printed}");
    }
}
