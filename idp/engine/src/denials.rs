//! Refusals by rules, kept for whoever helps the person: which rule, and what each atom of it came
//! to (see [`realmwright_decision::why`]). Each has a number that the person or the application is
//! told.
//!
//! The same refusal of the same person, by the same application, is one for a while: it is told
//! under the number that it has already, and nothing is written again. So is that of strangers, of
//! whom nothing is known but what their request says. New ones of strangers are bounded for each
//! realm beside: what is beyond has a number that the log alone knows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use realmwright_decision::why::{Moment, RefusalRecord, Why};
use realmwright_snapshot::{ClientId, Digest, Period, RealmId};
use realmwright_store::{DenialId, DenialRow, SubjectId};

use crate::Engine;
use crate::api::EngineFault;
use crate::crypto::error_id;
use crate::runtime_realm::RuntimeRealm;
use crate::sessions::later;

/// The same refusal is one for so long.
const PAUSE: Duration = Duration::from_secs(60);

/// Most new refusals of strangers that a realm records in a [`PAUSE`], in this process.
const MOST_OF_STRANGERS: u32 = 60;

/// Refusals of strangers are kept for so long at most.
const STRANGERS_KEPT: Period = Period::from_secs(86_400);

/// Beyond it, those whose pause is over are forgotten.
const MANY: usize = 10_000;

/// Who was refused, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused<'a> {
    pub(crate) client: &'a ClientId,
    /// None of a stranger.
    pub(crate) sub: Option<&'a SubjectId>,
    pub(crate) moment: Moment,
    pub(crate) why: &'a Why,
}

/// The number to tell, and what it is recorded by.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) id: DenialId,
    /// To be committed, and then [remembered](Engine::remember_denial); none of one that is known
    /// already, or not recorded at all.
    pub(crate) row: Option<DenialRow>,
    key: Key,
}

/// What was recorded of late. The same for all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecentDenials(Arc<Mutex<Recent>>);

#[derive(Debug, Default)]
struct Recent {
    told: BTreeMap<Key, (DenialId, Timestamp)>,
    /// Since when, and how many since then.
    strangers: BTreeMap<RealmId, (Timestamp, u32)>,
}

/// A refusal but for its time. The digest is of everything that the record says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    realm: RealmId,
    sub: Option<SubjectId>,
    client: ClientId,
    record: Digest,
}

fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).unsigned_abs() < PAUSE
}

impl Recent {
    fn known(&self, key: &Key, now: Timestamp) -> Option<DenialId> {
        let (id, at) = self.told.get(key)?;
        is_fresh(*at, now).then(|| id.clone())
    }

    /// Whether one more of a stranger may be recorded.
    fn admits_stranger(&mut self, realm: &RealmId, now: Timestamp) -> bool {
        let (since, count) = self.strangers.entry(realm.clone()).or_insert((now, 0));
        if !is_fresh(*since, now) {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= MOST_OF_STRANGERS
    }

    fn remember(&mut self, key: Key, id: DenialId, at: Timestamp) {
        if self.told.len() >= MANY {
            self.told.retain(|_, (_, told)| is_fresh(*told, at));
        }
        self.told.insert(key, (id, at));
    }
}

impl Engine {
    /// The number of a refusal, and its row where it has to be recorded.
    pub(crate) fn tell_denial(
        &self,
        realm: &RuntimeRealm,
        refused: Refused<'_>,
    ) -> Result<Told, EngineFault> {
        let now = self.ports.clock.now();
        let version = realm.version();
        let record = serde_json::to_value(RefusalRecord {
            moment: refused.moment,
            revision: version.revision,
            why: refused.why.clone(),
        });
        let record = record.map_err(EngineFault::internal)?;
        let digest = version.digest.to_string();
        let said = format!("{digest} {record}");
        let key = Key {
            realm: realm.id().clone(),
            sub: refused.sub.cloned(),
            client: refused.client.clone(),
            record: Digest::of(said.as_bytes()),
        };
        let mut recent = self.recent();
        if let Some(id) = recent.known(&key, now) {
            return Ok(Told { id, row: None, key });
        }
        let id = DenialId(error_id(&*self.ports.random));
        if refused.sub.is_none() && !recent.admits_stranger(realm.id(), now) {
            tracing::info!(
                realm = %realm.id(),
                client = %refused.client,
                error.id = %id,
                "denied, and not recorded: too many strangers were"
            );
            return Ok(Told { id, row: None, key });
        }
        drop(recent);
        let kept = realm.snapshot.core.retention.denials;
        let row = DenialRow {
            id: id.clone(),
            at: now,
            subject: refused.sub.cloned(),
            client: refused.client.clone(),
            digest,
            class: refused.why.class(),
            record: match record {
                serde_json::Value::Object(record) => record,
                _ => return Err(EngineFault::internal("a refusal is no object")),
            },
            expires_at: match refused.sub {
                Some(_) => later(now, kept),
                None => later(now, kept.min(STRANGERS_KEPT)),
            },
        };
        Ok(Told {
            id,
            row: Some(row),
            key,
        })
    }

    /// From now on the same refusal is told under the same number: its row is in.
    pub(crate) fn remember_denial(&self, told: Told) {
        if let Some(row) = told.row {
            self.recent().remember(told.key, told.id, row.at);
        }
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        let RecentDenials(recent) = &self.recent_denials;
        recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
