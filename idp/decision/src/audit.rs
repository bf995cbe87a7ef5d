//! Audit events: what happened, to whom, through which application (EVENT-01 to EVENT-58, as far
//! as this build serves them).
//!
//! Events are effects of decisions and are written with the change that they report. Every field
//! has a data class: the whole record goes into the region's database, the log gets only what is
//! pseudonymous.
//!
//! Recipe for a new event: a variant with its fields, its kind, and its row in `fields`, where
//! each field gets its class.

use std::net::IpAddr;

use jiff::Timestamp;
use realmwright_snapshot::{
    AttributeName, AttributeValue, ClientId, DataClass, GrantType, MethodName, ScopeName,
    SecretMethod,
};
use serde_json::{Map, Value as Json};

use crate::expression::Value;
use crate::password::ChangeCause;

/// An event with its circumstances.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// What happened.
    pub event: AuditEvent,
    /// The circumstances.
    pub context: AuditContext,
}

/// Circumstances of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditContext {
    /// Who did it; none where nobody is known.
    pub actor: Option<Actor>,
    /// The person it was done to, by internal identifier.
    pub object: Option<String>,
    /// The application.
    pub client: Option<ClientId>,
    /// How the application was heard.
    pub protocol: Option<Protocol>,
    /// How the application proved who it is.
    pub client_auth: Option<ClientAuth>,
    /// The login under way: what joins the events of one login.
    pub process: Option<String>,
    /// The session: what joins the events of one session.
    pub session: Option<String>,
    /// Address of the person, or of the application's server.
    pub ip: Option<IpAddr>,
    /// Browser, as it said.
    pub user_agent: Option<String>,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person, by internal identifier.
    Person(String),
    /// An application in its own name.
    Client(ClientId),
    /// The provider itself: bootstrap, expiry, a rule.
    System,
}

/// How an application was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OpenID Connect and OAuth 2.0.
    OAuth,
    /// The accounts API and the pages of the provider.
    Internal,
}

/// How an application proved who it is (`client_auth_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// It only named itself.
    RedirectUri,
    /// By a secret.
    Secret(SecretMethod),
    /// By a signed assertion.
    PrivateKeyJwt,
    /// By an access token.
    Bearer,
    /// It is a part of the provider.
    Internal,
}

/// What happened. Closed: whoever reads events may match all of it.
#[derive(Clone, Debug, PartialEq)]
pub enum AuditEvent {
    /// An application asked for a login (EVENT-10).
    AuthReq,
    /// A login is done (EVENT-26).
    Login {
        /// Methods passed, those of the session among them.
        auth_methods: Vec<MethodName>,
        /// Whether something was asked, or the session sufficed.
        authn_done: bool,
        /// The login as typed.
        used_login: Option<String>,
        /// Where the account lies.
        id_store: String,
        /// Why the password was changed within the login.
        alt_pswd_cause: Option<ChangeCause>,
        /// The access rule that let the person in (APP-10).
        access_rule: Option<String>,
    },
    /// A step of a login failed, or the login was refused (EVENT-27).
    LoginFailed {
        /// Why.
        error: LoginError,
        /// The method that was not passed.
        failed_method: Option<MethodName>,
        /// Methods passed before.
        auth_methods: Vec<MethodName>,
        /// The login as typed.
        used_login: Option<String>,
        /// Whether this failure barred the method for a time.
        pswd_tmp_locked: bool,
        /// Whether a former password was typed.
        tried_old_pswd: bool,
        /// What the person or the application was told, where a rule refused.
        error_id: Option<String>,
    },
    /// A login was left unfinished (EVENT-28).
    LoginStopped {
        /// Methods passed before.
        auth_methods: Vec<MethodName>,
        /// The method that was asked last.
        failed_method: Option<MethodName>,
        /// The login as typed.
        used_login: Option<String>,
    },
    /// A session ended by its person (EVENT-29).
    Logout,
    /// An application asked for a logout (EVENT-30).
    LogoutReq,
    /// Tokens were issued (EVENT-48).
    TokenGranted {
        /// By which grant.
        grant_type: GrantType,
        /// Which scopes.
        oauth_scopes: Vec<ScopeName>,
    },
    /// A code or refresh token came a second time: its family was ended.
    TokenReused {
        /// By which grant.
        grant_type: GrantType,
    },
    /// A client assertion came a second time, and the call was refused (RFC 7523 section 3).
    AssertionReplayed,
    /// An application did not prove who it is. One event stands for all of one application and
    /// one reason in a while, so that strangers cannot fill the database.
    ClientAuthFailed {
        /// Why.
        error: ClientAuthError,
        /// How often since the last such event, this time included.
        times: u32,
    },
    /// A person consented (EVENT-11).
    AuthzGranted {
        /// To what.
        oauth_scopes: Vec<ScopeName>,
    },
    /// A person did not consent (EVENT-12).
    AuthzRejected {
        /// To what.
        oauth_scopes: Vec<ScopeName>,
    },
    /// A consent was taken back, or a token revoked (EVENT-13).
    AuthzRevoked {
        /// Of what.
        oauth_scopes: Vec<ScopeName>,
    },
    /// A TOTP generator was set up (EVENT-49).
    TotpAttached {
        /// Identifier of the credential.
        device: String,
    },
    /// A TOTP generator was removed (EVENT-50).
    TotpDetached {
        /// Identifier of the credential.
        device: String,
    },
    /// A recovery code was used in place of a generator.
    RecoveryCodeUsed {
        /// How many are left.
        left: u32,
    },
    /// An account was locked (EVENT-52).
    UserLocked,
    /// An account was unlocked (EVENT-56).
    UserUnlocked,
    /// A person changed the password (EVENT-53).
    UserPasswordChanged {
        /// Why, where it was demanded.
        alt_pswd_cause: Option<ChangeCause>,
    },
    /// Somebody else set a password (EVENT-40).
    ResetUserPassword,
    /// A password must be changed at the next login (EVENT-33).
    NeedPasswordChange {
        /// Why.
        alt_pswd_cause: ChangeCause,
    },
    /// Sessions of a person were ended (EVENT-41).
    ResetUserSessions,
    /// An attribute was added, changed or removed (EVENT-06).
    AttributeChanged {
        /// Which.
        attr_name: AttributeName,
        /// Before.
        old: Option<AttributeValue>,
        /// After.
        new: Option<AttributeValue>,
        /// The attribute's class, which is that of its values.
        data_class: DataClass,
    },
    /// Roles or groups of a person were replaced.
    MembershipChanged {
        /// Roles before and after, where they changed.
        roles: Option<Changed>,
        /// Groups before and after, where they changed.
        groups: Option<Changed>,
    },
    /// An account was erased (EVENT-24).
    InternalUserDeleted {
        /// Where it lay.
        id_store: String,
    },
    /// An account was created (EVENT-37).
    Registration {
        /// By what.
        entry_point: EntryPoint,
        /// Where it lies.
        id_store: String,
    },
    /// Everything about a person was handed out.
    UserDataExported,
    /// A credential was removed by somebody else than its owner.
    CredentialRemoved {
        /// Kind of the credential.
        kind: String,
        /// Its identifier.
        credential: String,
    },
    /// How many factors a person demands has changed (EVENT-39).
    RequiredFactorChanged {
        /// Before.
        old_factor: u8,
        /// After.
        new_factor: u8,
    },
    /// A key of the realm was replaced before its time (KC-KEY-03).
    KeyReplaced(KeyReplaced),
}

/// A key that was replaced before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyReplaced {
    /// What it was for, such as `sign ES256`.
    pub purpose: String,
    /// Its identifier.
    pub former: String,
    /// Identifier of the key in its place; none where it was in use no more.
    pub successor: Option<String>,
    /// Why.
    pub cause: KeyCause,
    /// When. The event may be recorded later, as keys are not in the database.
    pub at: Timestamp,
}

/// Why a key was replaced before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCause {
    /// Somebody wanted a new one; what the former one signed is good to its end.
    Planned,
    /// Somebody else knows it; what it signed is refused.
    Compromised,
}

impl KeyCause {
    const fn code(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Compromised => "compromised",
        }
    }
}

/// A list before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Before.
    pub old: Vec<String>,
    /// After.
    pub new: Vec<String>,
}

/// By what an account was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryPoint {
    /// The accounts API.
    Rest,
    /// A bootstrap account of the realm.
    Bootstrap,
    /// An import of accounts.
    Import,
}

/// Why a login failed. The person never learns which of the first six it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginError {
    /// No such account.
    UnknownUser,
    /// Several accounts match (AUTH-MATCH-03).
    Ambiguous,
    /// Wrong password or code.
    InvalidCredentials,
    /// The account is locked.
    UserLocked,
    /// The method is barred for a time.
    MethodLocked,
    /// What is stored of the account cannot be checked against.
    CredentialUnusable,
    /// Too many attempts from the address or with the login.
    TooManyAttempts,
    /// A rule of the flow refused, by name.
    Denied(String),
    /// No access rule of the application let the person in (APP-10).
    AccessDenied,
    /// Nothing could be asked (`prompt=none`).
    InteractionRequired,
}

impl LoginError {
    const fn code(&self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::Ambiguous => "ambiguous",
            Self::InvalidCredentials => "invalid_credentials",
            Self::UserLocked => "user_locked",
            Self::MethodLocked => "method_locked",
            Self::CredentialUnusable => "credential_unusable",
            Self::TooManyAttempts => "too_many_attempts",
            Self::Denied(_) => "denied",
            Self::AccessDenied => "access_denied",
            Self::InteractionRequired => "interaction_required",
        }
    }
}

/// Why an application is not taken for who it says it is. It only learns `invalid_client`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientAuthError {
    /// It does not speak OAuth 2.0.
    NoProtocol,
    /// It proves itself in another way than it registered (OIDC-18).
    WrongMethod,
    /// It proves nothing, and what it calls is not for public clients.
    PublicClient,
    /// The secret is another one.
    WrongSecret,
    /// The keys of its assertions cannot be had.
    AssertionKeys,
    /// The signature or the form of its assertion.
    AssertionSignature,
    /// Issuer and subject of the assertion are not the application.
    AssertionIdentity,
    /// The assertion is meant for somebody else.
    AssertionAudience,
    /// The assertion is outside its time.
    AssertionExpired,
    /// The assertion lives too long.
    AssertionTooLong,
    /// The assertion has no usable `jti`.
    AssertionJti,
}

impl ClientAuthError {
    /// As events, logs and metrics say it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoProtocol => "no_protocol",
            Self::WrongMethod => "wrong_method",
            Self::PublicClient => "public_client",
            Self::WrongSecret => "wrong_secret",
            Self::AssertionKeys => "assertion_keys",
            Self::AssertionSignature => "assertion_signature",
            Self::AssertionIdentity => "assertion_identity",
            Self::AssertionAudience => "assertion_audience",
            Self::AssertionExpired => "assertion_expired",
            Self::AssertionTooLong => "assertion_too_long",
            Self::AssertionJti => "assertion_jti",
        }
    }
}

/// A field of a rendered event.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name (EVENT-FIELD-00).
    pub name: &'static str,
    /// Its value.
    pub value: Json,
    /// How far it may travel.
    pub class: DataClass,
}

impl AuditEvent {
    /// Its kind: what `include` and `exclude` lists of sinks name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AuthReq => "auth_req",
            Self::Login { .. } => "login",
            Self::LoginFailed { .. } => "login_failed",
            Self::LoginStopped { .. } => "login_stopped",
            Self::Logout => "logout",
            Self::LogoutReq => "logout_req",
            Self::TokenGranted { .. } => "token_granted",
            Self::TokenReused { .. } => "token_reused",
            Self::AssertionReplayed => "assertion_replayed",
            Self::ClientAuthFailed { .. } => "client_auth_failed",
            Self::AuthzGranted { .. } => "authz_granted",
            Self::AuthzRejected { .. } => "authz_rejected",
            Self::AuthzRevoked { .. } => "authz_revoked",
            Self::TotpAttached { .. } => "totp_attached",
            Self::TotpDetached { .. } => "totp_detached",
            Self::RecoveryCodeUsed { .. } => "recovery_code_used",
            Self::UserLocked => "user_locked",
            Self::UserUnlocked => "user_unlocked",
            Self::UserPasswordChanged { .. } => "user_password_changed",
            Self::ResetUserPassword => "reset_user_password",
            Self::NeedPasswordChange { .. } => "need_password_change",
            Self::ResetUserSessions => "reset_user_sessions",
            Self::AttributeChanged { .. } => "attribute_changed",
            Self::MembershipChanged { .. } => "membership_changed",
            Self::InternalUserDeleted { .. } => "internal_user_deleted",
            Self::Registration { .. } => "registration",
            Self::UserDataExported => "user_data_exported",
            Self::CredentialRemoved { .. } => "credential_removed",
            Self::RequiredFactorChanged { .. } => "required_factor_changed",
            Self::KeyReplaced(_) => "key_replaced",
        }
    }

    fn fields(&self, fields: &mut Fields) {
        match self {
            Self::AuthReq
            | Self::Logout
            | Self::LogoutReq
            | Self::AssertionReplayed
            | Self::UserLocked
            | Self::UserUnlocked
            | Self::ResetUserPassword
            | Self::UserDataExported
            | Self::ResetUserSessions => {}
            Self::Login {
                auth_methods,
                authn_done,
                used_login,
                id_store,
                alt_pswd_cause,
                access_rule,
            } => {
                fields.methods(auth_methods);
                fields.open("authnDone", *authn_done);
                fields.personal("used_login", used_login.as_deref());
                fields.open("id_store", id_store.as_str());
                fields.cause(*alt_pswd_cause);
                fields.open_some("access_rule", access_rule.as_deref());
            }
            Self::LoginFailed {
                error,
                failed_method,
                auth_methods,
                used_login,
                pswd_tmp_locked,
                tried_old_pswd,
                error_id,
            } => {
                fields.open("error", error.code());
                if let LoginError::Denied(rule) = error {
                    fields.open("rule", rule.as_str());
                }
                fields.open_some(
                    "failed_method",
                    failed_method.as_ref().map(MethodName::as_str),
                );
                fields.methods(auth_methods);
                fields.personal("used_login", used_login.as_deref());
                fields.open("pswd_tmp_locked", *pswd_tmp_locked);
                fields.open("tried_old_pswd", *tried_old_pswd);
                fields.open_some("error_id", error_id.as_deref());
            }
            Self::LoginStopped {
                auth_methods,
                failed_method,
                used_login,
            } => {
                fields.methods(auth_methods);
                fields.open_some(
                    "failed_method",
                    failed_method.as_ref().map(MethodName::as_str),
                );
                fields.personal("used_login", used_login.as_deref());
            }
            Self::TokenGranted {
                grant_type,
                oauth_scopes,
            } => {
                fields.open("grant_type", grant_type.as_str());
                fields.scopes(oauth_scopes);
            }
            Self::TokenReused { grant_type } => fields.open("grant_type", grant_type.as_str()),
            Self::ClientAuthFailed { error, times } => {
                fields.open("error", error.code());
                fields.open("times", *times);
            }
            Self::AuthzGranted { oauth_scopes } | Self::AuthzRevoked { oauth_scopes } => {
                fields.scopes(oauth_scopes);
            }
            Self::AuthzRejected { oauth_scopes } => {
                fields.scopes(oauth_scopes);
                fields.open("error", "access_denied");
            }
            Self::TotpAttached { device } | Self::TotpDetached { device } => {
                fields.open("device", device.as_str());
            }
            Self::RecoveryCodeUsed { left } => fields.open("left", *left),
            Self::CredentialRemoved { kind, credential } => {
                fields.open("kind", kind.as_str());
                fields.open("device", credential.as_str());
            }
            Self::UserPasswordChanged { alt_pswd_cause } => fields.cause(*alt_pswd_cause),
            Self::NeedPasswordChange { alt_pswd_cause } => fields.cause(Some(*alt_pswd_cause)),
            Self::AttributeChanged {
                attr_name,
                old,
                new,
                data_class,
            } => {
                fields.open("attr_name", attr_name.as_str());
                fields.classed("old_attr_value", old.as_ref().map(attribute), *data_class);
                fields.classed("new_attr_value", new.as_ref().map(attribute), *data_class);
            }
            Self::MembershipChanged { roles, groups } => {
                if let Some(Changed { old, new }) = roles {
                    fields.open("old_roles", old.join(" "));
                    fields.open("new_roles", new.join(" "));
                }
                if let Some(Changed { old, new }) = groups {
                    fields.personal("old_groups", Some(&old.join(" ")));
                    fields.personal("new_groups", Some(&new.join(" ")));
                }
            }
            Self::InternalUserDeleted { id_store } => fields.open("id_store", id_store.as_str()),
            Self::Registration {
                entry_point,
                id_store,
            } => {
                let entry_point = match entry_point {
                    EntryPoint::Rest => "REST",
                    EntryPoint::Bootstrap => "BOOTSTRAP",
                    EntryPoint::Import => "IMPORT",
                };
                fields.open("entry_point", entry_point);
                fields.open("id_store", id_store.as_str());
            }
            Self::RequiredFactorChanged {
                old_factor,
                new_factor,
            } => {
                fields.open("old_factor", *old_factor);
                fields.open("new_factor", *new_factor);
            }
            Self::KeyReplaced(replaced) => {
                fields.open("key_purpose", replaced.purpose.as_str());
                fields.open("former_key", replaced.former.as_str());
                fields.open_some("new_key", replaced.successor.as_deref());
                fields.open("cause", replaced.cause.code());
                fields.open("replaced_at", replaced.at.to_string());
            }
        }
    }
}

impl AuditRecord {
    /// All fields with their classes.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = Fields(Vec::new());
        let context = &self.context;
        match &context.actor {
            Some(Actor::Person(sub)) => fields.open("subject_id", sub.as_str()),
            Some(Actor::Client(client)) => fields.open("actor_client", client.as_str()),
            Some(Actor::System) => fields.open("actor", "system"),
            None => {}
        }
        fields.open_some("object_id", context.object.as_deref());
        fields.open_some("lp_id", context.client.as_ref().map(ClientId::as_str));
        fields.open_some("protocol", context.protocol.map(Protocol::as_str));
        fields.open_some(
            "client_auth_method",
            context.client_auth.map(ClientAuth::as_str),
        );
        fields.open_some("process_id", context.process.as_deref());
        fields.open_some("session_id", context.session.as_deref());
        let ip = context.ip.map(|ip| ip.to_canonical().to_string());
        fields.personal("ip", ip.as_deref());
        fields.personal("user_agent", context.user_agent.as_deref());
        self.event.fields(&mut fields);
        fields.0
    }

    /// Kind and fields of the row in the region's database.
    #[must_use]
    pub fn row(&self) -> (&'static str, Map<String, Json>) {
        let fields = self.fields().into_iter();
        let fields = fields.map(|field| (field.name.to_owned(), field.value));
        (self.event.kind(), fields.collect())
    }

    /// Kind and fields for the log: the pseudonymous ones only.
    #[must_use]
    pub fn log(&self) -> (&'static str, Map<String, Json>) {
        let fields = self
            .fields()
            .into_iter()
            .filter(|field| field.class == DataClass::Pseudonymous)
            .map(|field| (field.name.to_owned(), field.value));
        (self.event.kind(), fields.collect())
    }
}

impl Protocol {
    const fn as_str(self) -> &'static str {
        match self {
            Self::OAuth => "OAuth",
            Self::Internal => "internal",
        }
    }
}

impl ClientAuth {
    const fn as_str(self) -> &'static str {
        match self {
            Self::RedirectUri => "redirectUri",
            Self::Secret(SecretMethod::ClientSecretBasic) => "Basic",
            Self::Secret(SecretMethod::ClientSecretPost) => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::Bearer => "Bearer",
            Self::Internal => "internal",
        }
    }
}

fn attribute(value: &AttributeValue) -> Json {
    Value::from(value).to_json()
}

/// Fields in the making; what is absent has none.
struct Fields(Vec<Field>);

impl Fields {
    fn classed(&mut self, name: &'static str, value: Option<Json>, class: DataClass) {
        if let Some(value) = value {
            self.0.push(Field { name, value, class });
        }
    }

    fn open(&mut self, name: &'static str, value: impl Into<Json>) {
        self.classed(name, Some(value.into()), DataClass::Pseudonymous);
    }

    fn open_some(&mut self, name: &'static str, value: Option<&str>) {
        self.classed(name, value.map(Json::from), DataClass::Pseudonymous);
    }

    fn personal(&mut self, name: &'static str, value: Option<&str>) {
        self.classed(name, value.map(Json::from), DataClass::Personal);
    }

    fn methods(&mut self, methods: &[MethodName]) {
        let methods: Vec<&str> = methods.iter().map(MethodName::as_str).collect();
        self.open("auth_methods", methods.join(" "));
    }

    fn scopes(&mut self, scopes: &[ScopeName]) {
        let scopes: Vec<&str> = scopes.iter().map(ScopeName::as_str).collect();
        self.open("oauth_scopes", scopes.join(" "));
    }

    fn cause(&mut self, cause: Option<ChangeCause>) {
        self.open_some("alt_pswd_cause", cause.map(ChangeCause::as_str));
    }
}
