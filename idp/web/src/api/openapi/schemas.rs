//! Twins of the bodies, for their description only.
#![expect(
    dead_code,
    reason = "fields are read by the derive; tests hold them to the engine's types"
)]

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// A person.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Account {
    /// Identifier in the realm. Applications with a privacy domain see another one.
    sub: String,
    /// Name of the attribute store.
    store: String,
    /// Key in it.
    name: String,
    state: AccountState,
    /// Factors that the person demands: 0 or 1 none beyond the realm's, 2 a second one.
    #[schema(maximum = 2)]
    required_factors: u8,
    /// Attributes, computed ones included.
    attributes: BTreeMap<String, serde_json::Value>,
    /// Roles held directly: `role` or `client:role`.
    roles: Vec<String>,
    /// Groups, as full paths with a leading slash.
    groups: Vec<String>,
    /// Credentials, without their secrets.
    credentials: Vec<AccountCredential>,
    /// Creation.
    #[schema(format = DateTime)]
    created_at: String,
    /// Last change.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Version; the entity tag is the same number.
    version: i64,
}

/// May the person log in?
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum AccountState {
    Active,
    Locked,
}

/// A credential without its secret.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct AccountCredential {
    /// Identifier.
    id: String,
    /// `password`, `totp` or `recovery_codes`.
    kind: String,
    /// Label of its owner.
    label: String,
    /// Creation, or last change of the secret.
    #[schema(format = DateTime)]
    created_at: String,
    /// Last use.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// A page of accounts.
#[derive(ToSchema)]
pub(crate) struct AccountPage {
    items: Vec<Account>,
    /// Value of `after` for the next page; null at the end.
    next: Option<String>,
}

/// A live session of a person.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct AccountSession {
    /// Identifier.
    id: String,
    /// Start.
    #[schema(format = DateTime)]
    created_at: String,
    /// Last login to an application.
    #[schema(format = DateTime)]
    last_used_at: String,
    /// End at the latest.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Browser, as it said.
    user_agent: Option<String>,
    /// Address of the last login.
    address: Option<String>,
    /// Methods passed.
    methods: Vec<String>,
    /// Applications entered.
    clients: Vec<String>,
}

/// Live sessions, newest first.
#[derive(ToSchema)]
pub(crate) struct AccountSessions {
    items: Vec<AccountSession>,
}

/// A new account. Unknown fields are refused.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct NewAccount {
    /// Identifier; made up when absent.
    #[schema(min_length = 1, max_length = 128)]
    sub: Option<String>,
    /// Key in the store; the identifier when absent.
    name: Option<String>,
    /// Attributes of the realm's schema.
    attributes: Option<BTreeMap<String, serde_json::Value>>,
    /// Roles: `role` or `client:role`.
    roles: Option<Vec<String>>,
    /// Groups, as full paths with a leading slash.
    groups: Option<Vec<String>>,
    /// Factors demanded.
    #[schema(maximum = 2)]
    required_factors: Option<u8>,
    /// Whether it begins locked.
    locked: Option<bool>,
    password: Option<NewPassword>,
}

/// A password to set: exactly one of `value` and `hash`. Unknown fields are refused.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct NewPassword {
    /// In plain text, held against the policy.
    #[schema(format = Password)]
    value: Option<String>,
    /// As PHC text (Argon2, scrypt, PBKDF2) or modular crypt text (bcrypt). Not held against the
    /// policy; hashed anew at the next login.
    #[schema(format = Password)]
    hash: Option<String>,
    /// Whether it must be changed at the next login.
    must_change: Option<bool>,
}

/// A change: what is absent stays. Unknown fields are refused.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct AccountChange {
    /// Refused when the account has another version; `If-Match` says the same and goes first.
    version: Option<i64>,
    /// Attributes to set; null removes one.
    attributes: Option<BTreeMap<String, serde_json::Value>>,
    /// Replaces the roles.
    roles: Option<Vec<String>>,
    /// Replaces the groups.
    groups: Option<Vec<String>>,
    /// Factors demanded.
    #[schema(maximum = 2)]
    required_factors: Option<u8>,
    /// Locking ends every session and grant.
    state: Option<AccountState>,
}

/// The answer to one line of an import.
#[derive(ToSchema)]
pub(crate) struct ImportAnswer {
    /// Number of the line, from 1.
    line: u64,
    outcome: ImportOutcome,
    /// Identifier of a created account.
    sub: Option<String>,
    /// Why it failed.
    problem: Option<Problem>,
}

/// `exists` means that an account of this identifier or name was there and stays as it is.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum ImportOutcome {
    Created,
    Exists,
    Failed,
}

/// Why somebody was refused. Truth values only: no value of an attribute is recorded.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Denial {
    /// What the person or the application was told.
    id: String,
    /// When; the first time where it stands for several within a minute.
    #[schema(format = DateTime)]
    at: String,
    /// Forgotten at.
    #[schema(format = DateTime)]
    expires_at: String,
    /// The realm.
    realm: String,
    /// The region.
    region: String,
    /// The application that they were on their way to.
    client: String,
    /// Who; null where that was not known yet.
    sub: Option<String>,
    /// Digest of the configuration that refused.
    digest: String,
    class: DataClass,
    moment: Moment,
    /// Revision of that configuration.
    revision: u64,
    why: Why,
}

/// Strictest class of what was read.
#[derive(ToSchema, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DataClass {
    Pseudonymous,
    Personal,
    Medical,
}

/// When in the course of things.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum Moment {
    Entry,
    AfterStep,
    BeforeCode,
    Redemption,
    Refresh,
}

/// What refused.
#[derive(ToSchema, serde::Serialize)]
#[serde(tag = "by", rename_all = "camelCase")]
pub(crate) enum Why {
    /// A rule of an `AuthFlow`.
    Flow {
        /// The flow.
        flow: String,
        rule: JudgedRule,
    },
    /// The access rules of the `Client`, of which none let the person in.
    Access { rules: Vec<JudgedRule> },
    /// The provider itself.
    BuiltIn {
        /// Its rule.
        rule: String,
    },
}

/// A rule and what it came to.
#[derive(ToSchema, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JudgedRule {
    list: RuleList,
    /// Its name in the list.
    name: String,
    /// Absent where an atom is left out.
    truth: Option<Verdict>,
    class: DataClass,
    /// Digest (BLAKE3) of the source of its condition; absent where it has none.
    condition: Option<String>,
    /// The parts of the condition that no `&&`, `||`, `!` or `?:` splits.
    atoms: Vec<JudgedAtom>,
    /// How many atoms read medical attributes and are left out.
    left_out: u32,
}

/// An atom and what it came to.
#[derive(ToSchema, serde::Serialize)]
pub(crate) struct JudgedAtom {
    /// Its place among the different atoms of the condition, from 0.
    at: u32,
    truth: Verdict,
    class: DataClass,
}

/// Where a rule stands: `spec.deny`, `spec.entry`, `spec.afterStep` of an `AuthFlow`, or
/// `spec.access.rules` of a `Client`.
#[derive(ToSchema, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RuleList {
    Deny,
    Entry,
    AfterStep,
    Access,
}

/// What came of it: `absent` where something that it reads has no value, `notIdentified` where the
/// person was not known yet.
#[derive(ToSchema, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Verdict {
    True,
    False,
    Absent,
    NotIdentified,
    Failed,
}

/// RFC 9457.
#[derive(ToSchema)]
pub(crate) struct Problem {
    /// Name of the problem as a fragment: `#not-found`, `#taken`, `#stale`, `#invalid`,
    /// `#password`, ...
    #[schema(rename = "type")]
    kind: String,
    /// The same for people.
    title: String,
    /// HTTP status.
    status: u16,
    /// What is wrong, without personal data.
    detail: Option<String>,
    /// Path of the field that is wrong.
    field: Option<String>,
    /// Rules that a password breaks.
    rules: Option<Vec<serde_json::Value>>,
    /// Number that the log has as well.
    instance: Option<String>,
}
