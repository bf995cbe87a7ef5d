//! Limits of guessing, counted in the database before a credential is judged, so that they hold
//! across processes (AUTH-PWD-04, AUTH-CODE-04).

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use realmwright_keys::{Keyring, Purpose};
use realmwright_snapshot::Period;
use realmwright_store::{AttemptKey, Change, Outcome, Refusal, SubjectId};

use crate::Engine;
use crate::api::EngineFault;
use crate::crypto::{base64url, keyed_hash};
use crate::runtime_realm::RuntimeRealm;

/// One counter and its limit.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub(crate) key: AttemptKey,
    limit: u32,
    window: Duration,
    bar: Duration,
}

/// What counting came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Every counter has room: the credential may be judged.
    Free,
    /// This one has not.
    Barred {
        /// Its purpose.
        purpose: String,
        /// Until when.
        until: Timestamp,
    },
}

/// Purpose of counters by address.
pub(crate) const ADDRESS: &str = "address";

/// Pseudonym of a value that must not lie in the database in plain text.
fn pseudonym(keyring: &Keyring, purpose: &str, value: &str) -> Result<String, EngineFault> {
    keyring
        .of(Purpose::Pepper)
        .last()
        .map(|entry| {
            base64url(keyed_hash(
                entry.material.expose(),
                &[b"attempts", purpose.as_bytes(), value.as_bytes()],
            ))
        })
        .ok_or_else(|| EngineFault::internal("no key for pseudonyms"))
}

/// The network that shares a counter: one IPv4 address, or one IPv6 /64.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

impl RuntimeRealm {
    fn protected(&self, purpose: &str, value: &str, limit: u32) -> Result<Limit, EngineFault> {
        let window = self.snapshot.core.protection.attempt_window.as_duration();
        Ok(Limit {
            key: AttemptKey {
                purpose: purpose.to_owned(),
                key: pseudonym(&self.keyring, purpose, value)?,
            },
            limit: limit.max(1),
            window,
            bar: window,
        })
    }

    pub(crate) fn address_limit(
        &self,
        address: Option<IpAddr>,
    ) -> Result<Option<Limit>, EngineFault> {
        address
            .map(|address| {
                let limit = self.snapshot.core.protection.attempts_per_address;
                self.protected(ADDRESS, &network(address), limit)
            })
            .transpose()
    }

    pub(crate) fn login_limit(&self, login: &str) -> Result<Limit, EngineFault> {
        let limit = self.snapshot.core.protection.attempts_per_login;
        self.protected("login", &login.trim().to_lowercase(), limit)
    }

    /// The counter of a person and a method. Somebody who does not exist has one as well, so that
    /// the database is asked the same either way.
    pub(crate) fn method_limit(
        &self,
        purpose: &str,
        who: Result<&SubjectId, &str>,
        limit: u32,
        bar: Period,
    ) -> Result<Limit, EngineFault> {
        let key = match who {
            Ok(sub) => sub.0.clone(),
            Err(login) => pseudonym(&self.keyring, purpose, &login.trim().to_lowercase())?,
        };
        Ok(Limit {
            key: AttemptKey {
                purpose: purpose.to_owned(),
                key,
            },
            limit: limit.max(1),
            // Failures are consecutive: only a success or a served bar forgets them, or a day.
            window: bar.as_duration().max(Duration::from_secs(24 * 60 * 60)),
            bar: bar.as_duration(),
        })
    }
}

impl Engine {
    /// Counts one attempt on every counter; stops at the first that is barred, those before it
    /// stay counted.
    pub(crate) async fn count_attempts(
        &self,
        realm: &RuntimeRealm,
        limits: &[Limit],
    ) -> Result<Counted, EngineFault> {
        let changes = |limits: &[Limit]| -> Vec<Change> {
            limits
                .iter()
                .map(|limit| Change::CountAttempt {
                    key: limit.key.clone(),
                    limit: limit.limit,
                    window: limit.window,
                    bar: limit.bar,
                })
                .collect()
        };
        let mut upto = limits;
        let mut barred = None;
        loop {
            if upto.is_empty() {
                break;
            }
            match self.ports.store.commit(realm.id(), changes(upto)).await? {
                Outcome::Done(_) => break,
                Outcome::Refused {
                    index,
                    reason: Refusal::Barred { until },
                } => {
                    barred = limits.get(index).map(|limit| Counted::Barred {
                        purpose: limit.key.purpose.clone(),
                        until,
                    });
                    upto = upto.get(..index).unwrap_or_default();
                }
                Outcome::Refused { reason, .. } => {
                    return Err(EngineFault::internal(format!(
                        "attempt counter: {reason:?}"
                    )));
                }
            }
        }
        Ok(barred.unwrap_or(Counted::Free))
    }

    /// What a success does to the counters: the address gets its attempt back, the others are
    /// forgotten.
    pub(crate) fn forgiven(limits: &[Limit]) -> Vec<Change> {
        limits
            .iter()
            .map(|limit| {
                let key = limit.key.clone();
                if key.purpose == ADDRESS {
                    Change::UncountAttempt { key }
                } else {
                    Change::ResetAttempts { key }
                }
            })
            .collect()
    }
}
