//! What this process serves, behind one pointer. A request loads it once and keeps to it; an
//! accepted offer replaces it at once for all requests that come after.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use jiff::Timestamp;
use rayon::prelude::*;
use realmwright_engine::ports::{Clock, Realms};
use realmwright_engine::{RuntimeRealm, SnapshotVersion};
use realmwright_snapshot::RealmId;
use tokio::sync::watch;
use url::Url;

use crate::artefacts::{Offer, OfferFault, Served};
use crate::lifecycle::Lifecycle;

/// The clock may be set while we wait for a key's time; look at it at least so often.
const LONGEST_KEY_WAIT: Duration = Duration::from_secs(60);

/// All realms of one moment.
#[derive(Debug, Default)]
pub struct RealmSet {
    realms: BTreeMap<RealmId, Arc<Served>>,
    /// By host, then by the path of the issuer.
    routes: HashMap<String, HashMap<String, Arc<RuntimeRealm>>>,
}

impl RealmSet {
    fn of(realms: BTreeMap<RealmId, Arc<Served>>) -> Self {
        let mut routes: HashMap<_, HashMap<_, _>> = HashMap::new();
        for served in realms.values() {
            let core = &served.realm.snapshot().core;
            for base in core.backend_url.iter().chain([&core.issuer]) {
                let Some(host) = host_of(base) else { continue };
                let path = base.path().trim_end_matches('/').to_owned();
                let paths = routes.entry(host).or_default();
                paths
                    .entry(path)
                    .or_insert_with(|| Arc::clone(&served.realm));
            }
        }
        Self { realms, routes }
    }

    /// The realm whose issuer lies at `host` (with its port, when that is not the scheme's own)
    /// and begins `path` at a segment boundary, and the rest of the path.
    #[must_use]
    pub fn route<'p>(&self, host: &str, path: &'p str) -> Option<(Arc<RuntimeRealm>, &'p str)> {
        let paths = match self.routes.get(host) {
            Some(paths) => paths,
            None => self.routes.get(&host.to_ascii_lowercase())?,
        };
        // As many lookups as the path has segments, however many realms share the host.
        let mut end = path.len();
        loop {
            let (base, rest) = path.split_at_checked(end)?;
            if let Some(realm) = paths.get(base) {
                return Some((Arc::clone(realm), rest));
            }
            end = base.rfind('/')?;
        }
    }

    /// The realm with this id.
    #[must_use]
    pub fn realm(&self, id: &RealmId) -> Option<&Arc<RuntimeRealm>> {
        self.realms.get(id).map(|served| &served.realm)
    }

    /// The realm with this id, with what it was made from.
    #[must_use]
    pub fn served_realm(&self, id: &RealmId) -> Option<&Served> {
        self.realms.get(id).map(|served| &**served)
    }

    /// All realms, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<RuntimeRealm>> {
        self.realms.values().map(|served| &served.realm)
    }

    /// All realms with what they were made from, by id.
    pub fn served(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.realms.values()
    }

    /// What an offer makes of a realm; none when it is served already.
    fn prepare(&self, offer: Offer, now: Timestamp) -> Result<Option<Served>, OfferFault> {
        let served = self.realms.get(offer.realm());
        if served.is_some_and(|served| served.offer.is_same_as(&offer)) {
            return Ok(None);
        }
        offer.prepare(served.map(|served| &**served), now).map(Some)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.realms.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.realms.is_empty()
    }
}

/// `Host` as browsers send it for this address: the port only where it is not the scheme's own.
fn host_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// What an accepted offer changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is served now.
    Swapped(SnapshotVersion),
    /// It was served already.
    Same,
}

impl From<&Option<Served>> for Accepted {
    fn from(next: &Option<Served>) -> Self {
        next.as_ref()
            .map_or(Self::Same, |next| Self::Swapped(next.realm.version()))
    }
}

/// The pointer, and the one way to move it.
#[derive(Debug)]
pub struct HotSwap {
    current: ArcSwap<RealmSet>,
    /// Held while the next set is made: two offers at once must not lose one.
    writing: Mutex<()>,
    changed: watch::Sender<()>,
}

impl Default for HotSwap {
    fn default() -> Self {
        Self::new()
    }
}

impl HotSwap {
    /// No realms yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            current: ArcSwap::default(),
            writing: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// The realms of this moment.
    #[must_use]
    pub fn current(&self) -> Arc<RealmSet> {
        self.current.load_full()
    }

    /// Tells of every swap from now on.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, realms: BTreeMap<RealmId, Arc<Served>>) {
        self.current.store(Arc::new(RealmSet::of(realms)));
        self.changed.send_replace(());
    }

    /// Prepares an offer and serves it. Costs CPU time: call it off the request path.
    ///
    /// # Errors
    /// [`OfferFault`]; what was served goes on.
    pub fn accept(&self, offer: Offer, now: Timestamp) -> Result<Accepted, OfferFault> {
        let _writing = self.writing();
        let current = self.current();
        let next = current.prepare(offer, now)?;
        let accepted = Accepted::from(&next);
        self.serve(&current, next);
        Ok(accepted)
    }

    /// The same for offers of different realms: prepared on all cores, and served all at once.
    pub fn accept_all(
        &self,
        offers: Vec<Offer>,
        now: Timestamp,
    ) -> Vec<Result<Accepted, OfferFault>> {
        let _writing = self.writing();
        let current = self.current();
        let prepare = |offer| {
            let next = current.prepare(offer, now)?;
            Ok((Accepted::from(&next), next))
        };
        let prepared: Vec<_> = offers.into_par_iter().map(prepare).collect();
        let mut next = Vec::new();
        let answers = prepared.into_iter().map(|result| {
            result.map(|(accepted, served)| {
                next.extend(served);
                accepted
            })
        });
        let answers = answers.collect();
        self.serve(&current, next);
        answers
    }

    /// Serves these beside what is served, or instead of it. To be called while writing.
    fn serve(&self, current: &RealmSet, next: impl IntoIterator<Item = Served>) {
        let mut next = next.into_iter().peekable();
        if next.peek().is_some() {
            let mut realms = current.realms.clone();
            realms.extend(next.map(|served| (served.offer.realm().clone(), Arc::new(served))));
            self.replace(realms);
        }
    }

    /// Serves only these realms from now on. Requests under way keep theirs.
    pub fn retain(&self, keep: impl Fn(&RealmId) -> bool) {
        let _writing = self.writing();
        let mut realms = self.current().realms.clone();
        let before = realms.len();
        realms.retain(|id, _| keep(id));
        if realms.len() < before {
            self.replace(realms);
        }
    }

    /// Prepares the realms again whose published keys change with the time.
    fn follow_keys(&self, due: &[RealmId], now: Timestamp) {
        let _writing = self.writing();
        let mut realms = self.current().realms.clone();
        for id in due {
            let Some(served) = realms.get(id) else {
                continue;
            };
            match served.offer.clone().prepare(Some(served), now) {
                Ok(next) => {
                    tracing::info!(realm = %id, "keys changed with the time");
                    realms.insert(id.clone(), Arc::new(next));
                }
                Err(fault) => tracing::error!(
                    realm = %id,
                    error = &fault as &dyn std::error::Error,
                    "cannot follow the keys"
                ),
            }
        }
        self.replace(realms);
    }

    fn next_key_change(&self, now: Timestamp) -> Option<(Timestamp, Vec<RealmId>)> {
        let current = self.current();
        let mut changes: Vec<_> = current
            .realms
            .iter()
            .filter_map(|(id, served)| {
                served
                    .offer
                    .keyring
                    .next_change(now)
                    .map(|at| (at, id.clone()))
            })
            .collect();
        changes.sort();
        let first = changes.first()?.0;
        let due = changes
            .into_iter()
            .filter_map(|(at, id)| (at == first).then_some(id))
            .collect();
        Some((first, due))
    }

    /// Acts on the times that keyrings state, until the stop.
    pub async fn follow_the_clock(self: Arc<Self>, clock: Arc<dyn Clock>, life: Lifecycle) {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            let now = clock.now();
            let next = self.next_key_change(now);
            let look_again = now + LONGEST_KEY_WAIT;
            let (until, due) = match next {
                Some((at, due)) if at <= look_again => (at, due),
                _ => (look_again, Vec::new()),
            };
            tokio::select! {
                () = clock.sleep_until(until) => {}
                _ = changes.changed() => continue,
                () = life.stopped() => return,
            }
            if !due.is_empty() {
                let (swap, now) = (Arc::clone(&self), clock.now());
                let done = tokio::task::spawn_blocking(move || swap.follow_keys(&due, now)).await;
                if let Err(fault) = done {
                    tracing::error!(error = %fault, "cannot follow the keys");
                }
            }
        }
    }
}

#[async_trait]
impl Realms for HotSwap {
    async fn at_least(
        &self,
        realm: &RealmId,
        order: u64,
        limit: Duration,
    ) -> Option<Arc<RuntimeRealm>> {
        let mut changes = self.changes();
        let wait = async {
            loop {
                changes.mark_unchanged();
                if let Some(realm) = self.current().realm(realm)
                    && realm.version().order() >= order
                {
                    return Some(Arc::clone(realm));
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(limit, wait).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests;
