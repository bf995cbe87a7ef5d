//! Single sign-on sessions: one cookie for a browser, common to all protocols (AUTH-GEN-02, 03;
//! KC-SES-01).

use std::time::Duration;

use jiff::Timestamp;
use realmwright_decision::facts::{Authentication, Session};
use realmwright_snapshot::Period;
use realmwright_store::{
    AuthenticationRow, Change, SessionClientRow, SessionId, SessionRow, StoredSession, SubjectId,
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::Engine;
use crate::api::{CookieChange, CookiePurpose, Cookies, EngineFault, RequestContext};
use crate::crypto::{equal, token, token_hash, uuid};
use crate::runtime_realm::RuntimeRealm;

/// A session that this browser holds.
#[derive(Clone, Debug)]
pub(crate) struct LiveSession {
    pub(crate) row: SessionRow,
    pub(crate) authentications: Vec<AuthenticationRow>,
}

impl From<StoredSession> for LiveSession {
    fn from(stored: StoredSession) -> Self {
        Self {
            row: stored.row,
            authentications: stored.authentications,
        }
    }
}

impl LiveSession {
    pub(crate) fn lives(&self, now: Timestamp) -> bool {
        now < self.row.expires_at && now < self.row.idle_expires_at
    }

    /// The session as decisions see it.
    pub(crate) fn facts(&self) -> Session {
        Session {
            authentications: self.authentications.iter().map(authentication).collect(),
            claims: self.row.claims.clone(),
        }
    }
}

fn authentication(row: &AuthenticationRow) -> Authentication {
    Authentication {
        method: row.method.clone(),
        factor: row.factor,
        at: row.at,
    }
}

/// What a finished login does to the session.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) session: SessionId,
    /// To be committed with the rest of the login.
    pub(crate) changes: Vec<Change>,
    /// The new cookie, when the secret is new.
    pub(crate) cookie: Option<CookieChange>,
}

/// `<id>.<secret>`
fn read_cookie(cookie: &SecretString) -> Option<(SessionId, &str)> {
    let (id, secret) = cookie.expose_secret().split_once('.')?;
    Some((SessionId(Uuid::parse_str(id).ok()?), secret))
}

/// By how much a row outlives what it stands for: the database's clock ends the row, a process's
/// clock what it stands for, and a ready process may be off by some seconds.
pub(crate) const CLOCKS_DIFFER: Period = Period::from_secs(60);

pub(crate) fn later(at: Timestamp, period: Period) -> Timestamp {
    at.saturating_add(period.as_duration())
        .unwrap_or(Timestamp::MAX)
}

impl Engine {
    /// The session of this browser, as long as it lives.
    pub(crate) async fn live_session(
        &self,
        realm: &RuntimeRealm,
        cookies: &Cookies,
    ) -> Result<Option<LiveSession>, EngineFault> {
        let Some((id, secret)) = cookies.session.as_ref().and_then(read_cookie) else {
            return Ok(None);
        };
        let (row, authentications) = futures::try_join!(
            self.ports.store.session(realm.id(), &id),
            self.ports.store.authentications(realm.id(), &id)
        )?;
        let now = self.ports.clock.now();
        Ok(row
            .filter(|row| equal(&row.secret.0, &token_hash(secret).0))
            .map(|row| LiveSession {
                row,
                authentications,
            })
            .filter(|session| session.lives(now)))
    }

    /// Begins a session, or goes on with the one there is. A session that was strengthened gets
    /// a new secret: a cookie that somebody else knows is not strengthened along.
    pub(crate) fn establish_session(
        &self,
        cx: &RequestContext,
        sub: &SubjectId,
        existing: Option<&LiveSession>,
        passed: &[AuthenticationRow],
        claims: serde_json::Map<String, serde_json::Value>,
    ) -> Established {
        let now = self.ports.clock.now();
        let policy = &cx.realm.snapshot.core.sessions;
        let address = cx.address.map(|address| address.to_canonical().to_string());
        let secret = token(&*self.ports.random);
        let hash = token_hash(secret.expose());
        let with = |session: SessionId| -> Vec<AuthenticationRow> {
            passed
                .iter()
                .map(|row| AuthenticationRow {
                    session,
                    ..row.clone()
                })
                .collect()
        };
        let (session, change, end) = match existing {
            Some(existing) => {
                let id = existing.row.id;
                let end = existing.row.expires_at;
                let change = Change::TouchSession {
                    id,
                    secret: (!passed.is_empty()).then_some(hash),
                    at: now,
                    idle_expires_at: later(now, policy.idle).min(end),
                    address,
                    claims,
                    authentications: with(id),
                };
                (id, change, end)
            }
            None => {
                let id = SessionId(uuid(&*self.ports.random));
                let end = later(now, policy.lifetime);
                let session = SessionRow {
                    id,
                    sub: sub.clone(),
                    secret: hash,
                    user_agent: cx.user_agent.clone(),
                    address,
                    claims,
                    created_at: now,
                    last_used_at: now,
                    idle_expires_at: later(now, policy.idle).min(end),
                    expires_at: end,
                };
                let change = Change::InsertSession {
                    session,
                    authentications: with(id),
                };
                (id, change, end)
            }
        };
        let renewed = existing.is_none() || !passed.is_empty();
        let cookie = renewed.then(|| CookieChange::Set {
            purpose: CookiePurpose::Session,
            value: SecretString::from(format!("{}.{}", session.0.simple(), secret.expose())),
            max_age: remaining(now, end),
        });
        Established {
            session,
            changes: vec![change],
            cookie,
        }
    }

    /// Records that an application was entered.
    pub(crate) fn enter_client(
        &self,
        realm: &RuntimeRealm,
        session: SessionId,
        client: &realmwright_snapshot::ClientId,
    ) -> Result<Change, EngineFault> {
        let now = self.ports.clock.now();
        Ok(Change::PutSessionClient(SessionClientRow {
            session,
            client: client.clone(),
            protocol: "oidc".to_owned(),
            reference: crate::subject::session_reference(&realm.keyring, &session, client)?,
            first_at: now,
            last_at: now,
        }))
    }
}

/// How long something still lives.
pub(crate) fn remaining(now: Timestamp, end: Timestamp) -> Duration {
    end.duration_since(now).try_into().unwrap_or_default()
}
