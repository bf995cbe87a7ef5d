//! What a login keeps between its steps: sealed in the first page, in its row from the first
//! submission on.

use std::fmt;

use jiff::Timestamp;
use realmwright_decision::flow::{Enough, Offer, Pass};
use realmwright_protocol::seal::SealPurpose;
use realmwright_snapshot::{ClientId, MethodName, ScopeName};
use realmwright_store::{LoginId, LoginRow, SessionId, SubjectId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::api::{EngineFault, NewPasswordReason, Notice, PasswordRule};
use crate::runtime_realm::RuntimeRealm;

/// Version of this form. A build reads its own and the one before.
const VERSION: u8 = 1;

/// A sealed first page is understood for so long after its login has expired, so that the person
/// gets a fresh login instead of an error.
const SEALED_BEYOND: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// A login under way.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct LoginState {
    v: u8,
    pub(crate) id: Uuid,
    pub(crate) client: ClientId,
    /// The authorization request as it came: every step validates it again.
    pub(crate) request: String,
    /// SHA-256 of the login cookie, base64url.
    pub(crate) binding: String,
    /// The session of this browser, unless the login has left it.
    pub(crate) session: Option<Uuid>,
    /// The session that the flow made this browser forget: it ends when the login has finished.
    #[serde(default)]
    pub(crate) forgotten: Option<Uuid>,
    /// The person, once a factor was passed or while the session's factors count.
    pub(crate) sub: Option<String>,
    pub(crate) typed: Option<String>,
    pub(crate) pass: Pass,
    pub(crate) stage: Stage,
    pub(crate) notice: Option<Notice>,
    /// Set once the flow says that it is enough.
    pub(crate) enough: Option<Done>,
    /// A right password that must be changed, and whether that may be left for later.
    pub(crate) password_due: Option<(NewPasswordReason, bool)>,
    /// Wrong answers so far.
    pub(crate) wrong: u32,
    pub(crate) expires_at: Timestamp,
    /// Newest snapshot that touched it, see [`crate::SnapshotVersion::order`].
    pub(crate) order: u64,
}

impl fmt::Debug for LoginState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginState")
            .field("id", &self.id)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// What is asked now.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub(crate) enum Stage {
    /// A method of these: the chosen one, or which one.
    Ask {
        offers: Vec<Offer>,
        chosen: Option<MethodName>,
        /// The sealed seed of a generator that is being set up.
        seed: Option<String>,
    },
    /// Recovery codes are shown, sealed here.
    RecoveryCodes { sealed: String },
    /// A new password.
    NewPassword { broken: Vec<PasswordRule> },
    /// Consent.
    Consent {
        /// The scopes that the page names: what an agreement to it covers.
        #[serde(default)]
        shown: Vec<ScopeName>,
    },
}

/// See [`Enough`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) end_other_sessions: bool,
    pub(crate) claims: serde_json::Map<String, serde_json::Value>,
}

impl From<Enough> for Done {
    fn from(enough: Enough) -> Self {
        Self {
            end_other_sessions: enough.end_other_sessions,
            claims: enough.claims,
        }
    }
}

impl LoginState {
    #[expect(
        clippy::too_many_arguments,
        reason = "every field of a fresh login, once"
    )]
    pub(crate) fn new(
        id: Uuid,
        client: ClientId,
        request: &str,
        binding: String,
        session: Option<SessionId>,
        sub: Option<SubjectId>,
        stage: Stage,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            v: VERSION,
            id,
            client,
            request: request.to_owned(),
            binding,
            session: session.map(|id| id.0),
            forgotten: None,
            sub: sub.map(|sub| sub.0),
            typed: None,
            pass: Pass::default(),
            stage,
            notice: None,
            enough: None,
            password_due: None,
            wrong: 0,
            expires_at,
            order: 0,
        }
    }

    pub(crate) fn login_id(&self) -> LoginId {
        LoginId(self.id)
    }

    pub(crate) fn subject(&self) -> Option<SubjectId> {
        self.sub.clone().map(SubjectId)
    }

    pub(crate) fn session_id(&self) -> Option<SessionId> {
        self.session.map(SessionId)
    }

    pub(crate) fn forgotten_id(&self) -> Option<SessionId> {
        self.forgotten.map(SessionId)
    }

    /// The offer that is being answered.
    pub(crate) fn chosen(&self) -> Option<(&Offer, Option<&str>)> {
        match &self.stage {
            Stage::Ask {
                offers,
                chosen,
                seed,
            } => offers
                .iter()
                .find(|offer| Some(&offer.method) == chosen.as_ref())
                .map(|offer| (offer, seed.as_deref())),
            _ => None,
        }
    }

    /// The row to store under the version that was read.
    pub(crate) fn row(&self, version: i64) -> Result<LoginRow, EngineFault> {
        Ok(LoginRow {
            id: self.login_id(),
            sub: self.subject(),
            state: serde_json::to_value(self).map_err(EngineFault::internal)?,
            revision: self.order,
            version,
            expires_at: self.expires_at,
        })
    }

    /// Reads a stored state; none when another build wrote it in a form that this one does not
    /// know.
    pub(crate) fn read(value: &serde_json::Value) -> Option<Self> {
        serde_json::from_value::<Self>(value.clone())
            .ok()
            .filter(|state| state.v == VERSION)
    }

    /// Seals the state for the first page.
    pub(crate) fn seal(&self, realm: &RuntimeRealm) -> Result<String, EngineFault> {
        let plain = serde_json::to_vec(self).map_err(EngineFault::internal)?;
        let end = self
            .expires_at
            .saturating_add(SEALED_BEYOND)
            .unwrap_or(Timestamp::MAX);
        realm.seal(SealPurpose::LoginRequest, b"", &plain, end)
    }

    /// Opens what [`Self::seal`] made.
    pub(crate) fn open(realm: &RuntimeRealm, sealed: &str, now: Timestamp) -> Option<Self> {
        let plain = realm.open(SealPurpose::LoginRequest, b"", sealed, now)?;
        let value = serde_json::from_slice(&plain).ok()?;
        Self::read(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// design.md section 8: what was asked, typed and set up is not printed along.
    #[test]
    fn a_login_prints_nothing_of_what_it_holds() {
        let stage = Stage::Ask {
            offers: Vec::new(),
            chosen: Some("totp".into()),
            seed: Some("planted".to_owned()),
        };
        let mut state = LoginState::new(
            Uuid::nil(),
            "demo".into(),
            "client_id=demo&login_hint=planted",
            "planted".to_owned(),
            None,
            Some(SubjectId("planted".to_owned())),
            stage,
            Timestamp::UNIX_EPOCH,
        );
        state.typed = Some("planted".to_owned());
        let printed = format!("{state:?}");
        assert!(!printed.contains("planted"), "{printed}");
        assert!(printed.contains("demo"));
    }
}
