//! What this process serves, behind one pointer. A request loads it once and keeps to it; an
//! accepted offer replaces it at once for all requests that come after.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use jiff::Timestamp;
use rayon::prelude::*;
use realmwright_artefacts::Offer;
use realmwright_engine::ports::{Clock, Realms};
use realmwright_engine::{RuntimeRealm, SnapshotVersion};
use realmwright_snapshot::RealmId;
use tokio::sync::watch;
use url::Url;

use crate::lifecycle::Lifecycle;
use crate::served::{OfferFault, Preparation, Served, Unprepared};

/// The clock may be set while we wait for a key's time; look at it at least so often.
const LONGEST_KEY_WAIT: Duration = Duration::from_secs(60);

/// Which realm lies where: by host, then by the path of the issuer.
#[derive(Debug, Default)]
struct Routes(HashMap<String, HashMap<String, RealmId>>);

impl Routes {
    fn of(realms: &BTreeMap<RealmId, Arc<Served>>) -> Self {
        let mut routes: HashMap<_, HashMap<_, _>> = HashMap::new();
        for (id, served) in realms {
            for base in served.outline().bases() {
                let Some(host) = host_of(base) else { continue };
                let path = base.path().trim_end_matches('/').to_owned();
                let paths = routes.entry(host).or_default();
                paths.entry(path).or_insert_with(|| id.clone());
            }
        }
        Self(routes)
    }

    fn find<'p>(&self, host: &str, path: &'p str) -> Option<(&RealmId, &'p str)> {
        let paths = match self.0.get(host) {
            Some(paths) => paths,
            None => self.0.get(&host.to_ascii_lowercase())?,
        };
        // As many lookups as the path has segments, however many realms share the host.
        let mut end = path.len();
        loop {
            let (base, rest) = path.split_at_checked(end)?;
            if let Some(realm) = paths.get(base) {
                return Some((realm, rest));
            }
            end = base.rfind('/')?;
        }
    }
}

/// All realms of one moment.
#[derive(Debug, Default)]
pub struct RealmSet {
    realms: BTreeMap<RealmId, Arc<Served>>,
    routes: Arc<Routes>,
}

impl RealmSet {
    /// Other realms instead of these.
    fn of(realms: BTreeMap<RealmId, Arc<Served>>) -> Self {
        Self {
            routes: Arc::new(Routes::of(&realms)),
            realms,
        }
    }

    /// These realms, with `next` beside them or instead of them.
    fn with(&self, next: Vec<Served>) -> Self {
        let stays = |next: &Served| {
            let former = self.realms.get(next.id());
            former.is_some_and(|former| former.outline().bases().eq(next.outline().bases()))
        };
        let all_stay = next.iter().all(stays);
        let mut realms = self.realms.clone();
        realms.extend(
            next.into_iter()
                .map(|served| (served.id().clone(), Arc::new(served))),
        );
        if all_stay {
            let routes = Arc::clone(&self.routes);
            return Self { realms, routes };
        }
        Self::of(realms)
    }

    /// The realm whose issuer lies at `host` (with its port, when that is not the scheme's own)
    /// and begins `path` at a segment boundary, and the rest of the path.
    #[must_use]
    pub fn route<'p>(&self, host: &str, path: &'p str) -> Option<(&Arc<Served>, &'p str)> {
        let (realm, rest) = self.routes.find(host, path)?;
        Some((self.realms.get(realm)?, rest))
    }

    /// The realm with this id.
    #[must_use]
    pub fn get(&self, id: &RealmId) -> Option<&Arc<Served>> {
        self.realms.get(id)
    }

    /// All realms, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.realms.values()
    }

    /// What an offer makes of a realm; none when it is served already.
    fn take(
        &self,
        offer: Offer,
        preparation: Preparation,
        now: Timestamp,
    ) -> Result<Option<Served>, OfferFault> {
        let served = self.realms.get(offer.realm()).map(|served| &**served);
        if served.is_some_and(|served| served.offer().is_same_as(&offer)) {
            return Ok(None);
        }
        Served::new(offer, served, preparation, now).map(Some)
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
            .map_or(Self::Same, |next| Self::Swapped(next.version()))
    }
}

/// The pointer, and the one way to move it.
pub struct HotSwap {
    clock: Arc<dyn Clock>,
    current: ArcSwap<RealmSet>,
    /// Held while the next set is made: two offers at once must not lose one.
    writing: Mutex<()>,
    changed: watch::Sender<()>,
}

impl std::fmt::Debug for HotSwap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HotSwap")
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

impl HotSwap {
    /// No realms yet. The clock chooses the keys of realms that are prepared when they are asked
    /// for.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
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

    /// What requests use of a realm: prepared now, when nobody has asked for it yet.
    ///
    /// # Errors
    /// [`Unprepared`].
    pub fn realm(&self, served: &Served) -> Result<Arc<RuntimeRealm>, Unprepared> {
        served.realm(self.clock.now()).map(Arc::clone)
    }

    /// Tells of every swap from now on.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, set: RealmSet) {
        self.current.store(Arc::new(set));
        self.changed.send_replace(());
    }

    /// Prepares an offer and serves it. Costs CPU time: call it off the request path.
    ///
    /// # Errors
    /// [`OfferFault`]; what was served goes on.
    pub fn accept(&self, offer: Offer, now: Timestamp) -> Result<Accepted, OfferFault> {
        let _writing = self.writing();
        let current = self.current();
        let next = current.take(offer, Preparation::Before, now)?;
        let accepted = Accepted::from(&next);
        self.serve(&current, next.into_iter().collect());
        Ok(accepted)
    }

    /// The same for offers of different realms: judged on all cores, and served all at once.
    pub fn accept_all(
        &self,
        offers: Vec<Offer>,
        preparation: Preparation,
        now: Timestamp,
    ) -> Vec<Result<Accepted, OfferFault>> {
        let _writing = self.writing();
        let current = self.current();
        let take = |offer| {
            let next = current.take(offer, preparation, now)?;
            Ok((Accepted::from(&next), next))
        };
        let taken: Vec<_> = offers.into_par_iter().map(take).collect();
        let mut next = Vec::new();
        let answers = taken.into_iter().map(|result| {
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
    fn serve(&self, current: &RealmSet, next: Vec<Served>) {
        if !next.is_empty() {
            self.replace(current.with(next));
        }
    }

    /// Serves only these realms from now on. Requests under way keep theirs.
    pub fn retain(&self, keep: impl Fn(&RealmId) -> bool) {
        let _writing = self.writing();
        let mut realms = self.current().realms.clone();
        let before = realms.len();
        realms.retain(|id, _| keep(id));
        if realms.len() < before {
            self.replace(RealmSet::of(realms));
        }
    }

    /// Prepares the realms again whose published keys change with the time.
    fn follow_keys(&self, due: &[RealmId], now: Timestamp) {
        let _writing = self.writing();
        let current = self.current();
        let mut next = Vec::new();
        for (id, served) in due.iter().filter_map(|id| current.realms.get_key_value(id)) {
            match served.with_keys_of(now) {
                Ok(served) => {
                    tracing::info!(realm = %id, "keys changed with the time");
                    next.push(served);
                }
                Err(fault) => tracing::error!(
                    realm = %id,
                    error = &fault as &dyn std::error::Error,
                    "cannot follow the keys"
                ),
            }
        }
        self.serve(&current, next);
    }

    /// Finds out in the background which of the realms that nobody has asked for cannot be
    /// prepared, until the stop.
    pub async fn check_what_waits(self: Arc<Self>, life: Lifecycle) {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            let (swap, stop) = (Arc::clone(&self), life.clone());
            let checked = tokio::task::spawn_blocking(move || {
                for served in swap.current().iter().take_while(|_| !stop.is_stopping()) {
                    served.check(swap.clock.now());
                }
            });
            if let Err(fault) = checked.await {
                tracing::error!(error = %fault, "the check of the realms failed");
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = life.stopped() => return,
            }
        }
    }

    fn next_key_change(&self, now: Timestamp) -> Option<(Timestamp, Vec<RealmId>)> {
        let current = self.current();
        let mut changes: Vec<_> = current
            .realms
            .iter()
            .filter_map(|(id, served)| {
                let keyring = &served.offer().keyring;
                keyring.next_change(now).map(|at| (at, id.clone()))
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
    pub async fn follow_the_clock(self: Arc<Self>, life: Lifecycle) {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            let now = self.clock.now();
            let next = self.next_key_change(now);
            let look_again = now + LONGEST_KEY_WAIT;
            let (until, due) = match next {
                Some((at, due)) if at <= look_again => (at, due),
                _ => (look_again, Vec::new()),
            };
            tokio::select! {
                () = self.clock.sleep_until(until) => {}
                _ = changes.changed() => continue,
                () = life.stopped() => return,
            }
            if !due.is_empty() {
                let (swap, now) = (Arc::clone(&self), self.clock.now());
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
                if let Some(served) = self.current().get(realm)
                    && served.version().order() >= order
                {
                    return self.realm(served).ok();
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(limit, wait).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests;
