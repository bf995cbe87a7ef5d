//! Callers of a back channel that did not prove who they are: each is logged and counted, and
//! those that named a known application are audited.
//!
//! Anybody may name an application, so that one event stands for all of one application and one
//! reason in a while: what strangers can write is bounded by what is declared. Who names no known
//! application writes nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use realmwright_decision::audit::{AuditEvent, ClientAuth, ClientAuthError};
use realmwright_protocol::client_authentication::Proof;
use realmwright_snapshot::{ClientId, RealmId};

use crate::Engine;
use crate::api::{EngineFault, RequestContext};
use crate::audit::{by_person, circumstances};
use crate::ports::Observation;

/// From one event to the next of the same application and reason.
const PAUSE: Duration = Duration::from_secs(60);

/// Beyond it, those whose pause is over are forgotten.
const MANY: usize = 10_000;

/// A caller that is no application of the realm.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stranger {
    /// It names none in a form that is read.
    Unnamed,
    /// It names one that is not there.
    Unknown,
}

impl Stranger {
    const fn code(self) -> &'static str {
        match self {
            Self::Unnamed => "unnamed",
            Self::Unknown => "unknown_client",
        }
    }
}

/// What was audited of late, and how often the same came since. The same for all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefusedCallers(Arc<Mutex<BTreeMap<Key, Refused>>>);

type Key = (RealmId, ClientId, ClientAuthError);

#[derive(Clone, Copy, Debug)]
struct Refused {
    audited: Timestamp,
    since: u32,
}

impl Refused {
    fn is_quiet(&self, now: Timestamp) -> bool {
        now.duration_since(self.audited).unsigned_abs() < PAUSE
    }
}

impl RefusedCallers {
    /// How many refusals an event now stands for; none while the last one is fresh.
    fn due(&self, key: Key, now: Timestamp) -> Option<u32> {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= MANY {
            refused.retain(|_, refused| refused.is_quiet(now));
        }
        let known = refused.get_mut(&key);
        if let Some(known) = known.filter(|known| known.is_quiet(now)) {
            known.since = known.since.saturating_add(1);
            return None;
        }
        let audited = Refused {
            audited: now,
            since: 0,
        };
        let former = refused.insert(key, audited);
        Some(former.map_or(1, |former| former.since.saturating_add(1)))
    }
}

impl Engine {
    /// Records a caller that is no application of the realm. What it calls itself is foreign and
    /// is not repeated.
    pub(crate) fn note_stranger(&self, cx: &RequestContext, stranger: Stranger) {
        let realm = cx.realm.id();
        let reason = stranger.code();
        self.ports
            .observer
            .observe(realm, Observation::CallerRefused(reason));
        tracing::info!(%realm, reason, "client authentication failed");
    }

    /// Records that somebody who says that it is this application did not prove it.
    pub(crate) async fn note_refused_client(
        &self,
        cx: &RequestContext,
        client: &ClientId,
        proof: &Proof,
        error: ClientAuthError,
    ) -> Result<(), EngineFault> {
        let realm = cx.realm.id();
        let reason = error.code();
        self.ports
            .observer
            .observe(realm, Observation::CallerRefused(reason));
        tracing::info!(%realm, client = %client, reason, "client authentication failed");
        let key = (realm.clone(), client.clone(), error);
        let Some(times) = self.refused_callers.due(key, self.ports.clock.now()) else {
            return Ok(());
        };
        let mut context = circumstances(cx, Some(client));
        context.client_auth = Some(match proof {
            Proof::None => ClientAuth::RedirectUri,
            Proof::Secret { method, .. } => ClientAuth::Secret(*method),
            Proof::Assertion(_) => ClientAuth::PrivateKeyJwt,
        });
        let event = AuditEvent::ClientAuthFailed { error, times };
        let changes = self.audit(&cx.realm, &by_person(context, None, event));
        self.ports.store.commit(realm, changes).await?;
        Ok(())
    }
}
