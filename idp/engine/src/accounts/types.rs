//! What the accounts API takes and gives: JSON as `/api/v1` has it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use realmwright_decision::why::RefusalRecord;
use realmwright_snapshot::{ClientId, RealmId, RegionName};
use realmwright_store::{StoreError, SubjectState};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::api::{EngineFault, Fault, OAuthError, PasswordRule};

/// Attributes by name, as JSON: text, integer, boolean, list of texts, or base64 for octets.
pub type AttributeMap = BTreeMap<String, serde_json::Value>;

/// A person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Identifier in the realm. Applications with a privacy domain see another one.
    pub sub: String,
    /// Name of the attribute store.
    pub store: String,
    /// Key in it.
    pub name: String,
    /// May log in?
    pub state: AccountState,
    /// Factors that the person demands: 0 or 1 none beyond the realm's, 2 a second one.
    pub required_factors: u8,
    /// Attributes, computed ones included.
    pub attributes: AttributeMap,
    /// Roles held directly: `role` or `client:role`.
    pub roles: Vec<String>,
    /// Groups, as full paths.
    pub groups: Vec<String>,
    /// Credentials, without their secrets.
    pub credentials: Vec<AccountCredential>,
    /// Creation.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Version, for conditional changes.
    pub version: i64,
}

/// See [`SubjectState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountState {
    /// May log in.
    Active,
    /// May not.
    Locked,
}

impl From<SubjectState> for AccountState {
    fn from(state: SubjectState) -> Self {
        match state {
            SubjectState::Active => Self::Active,
            SubjectState::Locked => Self::Locked,
        }
    }
}

/// A credential without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountCredential {
    /// Identifier.
    pub id: String,
    /// `password`, `totp` or `recovery_codes`.
    pub kind: String,
    /// Label of its owner.
    pub label: String,
    /// Creation, or last change of the secret.
    pub created_at: Timestamp,
    /// Last use.
    pub last_used_at: Option<Timestamp>,
}

/// A new account.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAccount {
    /// Identifier: 1 to 128 characters; made up when absent.
    #[serde(default)]
    pub sub: Option<String>,
    /// Key in the store; the identifier when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Attributes.
    #[serde(default)]
    pub attributes: AttributeMap,
    /// Roles: `role` or `client:role`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Factors demanded.
    #[serde(default)]
    pub required_factors: u8,
    /// Whether it begins locked.
    #[serde(default)]
    pub locked: bool,
    /// Password, in plain text or as a hash.
    #[serde(default)]
    pub password: Option<NewPassword>,
}

/// A password to set.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPassword {
    /// In plain text, held against the policy. Exactly one of this and `hash`.
    #[serde(default)]
    pub value: Option<SecretString>,
    /// As PHC text (`argon2`, `scrypt`, `pbkdf2`) or modular crypt text (`bcrypt`). Not held
    /// against the policy; hashed anew at the next login.
    #[serde(default)]
    pub hash: Option<SecretString>,
    /// Whether it must be changed at the next login.
    #[serde(default)]
    pub must_change: bool,
}

/// A change of an account: what is absent stays.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountChange {
    /// The change is refused when the account has another version.
    #[serde(default)]
    pub version: Option<i64>,
    /// Attributes to set; null removes one.
    #[serde(default)]
    pub attributes: AttributeMap,
    /// Replaces the roles.
    #[serde(default)]
    pub roles: Option<Vec<String>>,
    /// Replaces the groups.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// Factors demanded.
    #[serde(default)]
    pub required_factors: Option<u8>,
    /// Locks or unlocks; locking ends every session and grant.
    #[serde(default)]
    pub state: Option<AccountState>,
}

/// A search: exact values of searchable attributes, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSearch {
    /// Attribute and value.
    pub attributes: Vec<(String, String)>,
    /// Only in this state.
    pub state: Option<AccountState>,
    /// 1 to 500; 50 when 0.
    pub limit: u32,
    /// Where the former page said to go on.
    pub after: Option<String>,
}

/// A page of accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountPage {
    /// The accounts.
    pub items: Vec<Account>,
    /// Where to go on; none at the end.
    pub next: Option<String>,
}

/// A session of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountSession {
    /// Identifier.
    pub id: String,
    /// Start.
    pub created_at: Timestamp,
    /// Last login to an application.
    pub last_used_at: Timestamp,
    /// End at the latest.
    pub expires_at: Timestamp,
    /// Browser, as it said.
    pub user_agent: Option<String>,
    /// Address of the last login.
    pub address: Option<String>,
    /// Methods passed.
    pub methods: Vec<String>,
    /// Applications entered.
    pub clients: Vec<String>,
}

/// Why somebody was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Denial {
    /// What the person or the application was told.
    pub id: String,
    /// When; the first time where it stands for several within a minute.
    pub at: Timestamp,
    /// Forgotten at.
    pub expires_at: Timestamp,
    /// The realm.
    pub realm: RealmId,
    /// The region.
    pub region: RegionName,
    /// The application that they were on their way to.
    pub client: ClientId,
    /// Who; null where that was not known yet.
    pub sub: Option<String>,
    /// Digest of the configuration that refused.
    pub digest: String,
    /// Strictest data class of what was read for it.
    pub class: String,
    /// Revision, moment, and why.
    #[serde(flatten)]
    pub record: RefusalRecord,
}

/// Who calls the accounts API: a client whose token carries `realmwright:accounts`, or the
/// process itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountsCaller {
    /// None for the process.
    pub(crate) client: Option<ClientId>,
}

impl AccountsCaller {
    /// A process that acts on its own realm, such as the creation of bootstrap accounts.
    #[must_use]
    pub const fn process() -> Self {
        Self { client: None }
    }
}

/// Why a call of the accounts API was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// No token, or one without the scope. RFC 6750.
    #[error("not allowed")]
    Token(OAuthError),
    /// No such account, session or credential. 404.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A unique value is taken. 409.
    #[error("{} is taken", .attribute.as_deref().unwrap_or("the name"))]
    Taken {
        /// The attribute; none for the name or identifier.
        attribute: Option<String>,
    },
    /// The account has another version. 412.
    #[error("the account has changed")]
    Stale,
    /// A field that cannot be accepted. 422.
    #[error("{field}: {problem}")]
    Invalid {
        /// Path of the field, such as `attributes.email`.
        field: String,
        /// What is wrong with it, without its value.
        problem: String,
    },
    /// The password breaks the policy. 422.
    #[error("the password does not satisfy the policy")]
    Password(Vec<PasswordRule>),
    /// No answer now.
    #[error("no answer")]
    Engine(#[from] EngineFault),
}

impl AccountsError {
    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Engine(fault) => fault.fault(),
            _ => Fault::Client,
        }
    }

    pub(crate) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

impl From<StoreError> for AccountsError {
    fn from(error: StoreError) -> Self {
        Self::Engine(EngineFault::Store(error))
    }
}
