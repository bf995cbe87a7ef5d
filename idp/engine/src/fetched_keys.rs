//! Key sets that applications publish at an address of theirs.
//!
//! Anybody may send an assertion that names an application and a key, so nothing in a request may
//! make us call that application's server more often than once in a while, whoever asks, however
//! many at once, and whether or not it answers.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use jiff::Timestamp;
use realmwright_protocol::jose::VerificationKeys;
use url::Url;

use crate::ports::Ports;

/// Largest set, in bytes.
const MAX_BYTES: usize = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a set is used without being fetched anew.
const LIFE: Duration = Duration::from_secs(600);
/// From one fetch to the next while there is a set: so long a key that was added may be unknown.
const PAUSE: Duration = Duration::from_secs(30);
/// From one fetch to the next while there is none.
const RETRY: Duration = Duration::from_secs(5);
/// Most addresses whose sets are kept.
const MOST: u64 = 10_000;

/// A fetch that everybody who needs it waits for, and that goes on when who began it has gone.
type Fetch = Shared<BoxFuture<'static, Option<Arc<VerificationKeys>>>>;

/// Fetched sets by address.
#[derive(Clone)]
pub(crate) struct FetchedKeys(moka::sync::Cache<Url, Arc<Published>>);

impl fmt::Debug for FetchedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchedKeys").finish_non_exhaustive()
    }
}

/// What is known of one address.
#[derive(Default)]
struct Published(Mutex<State>);

#[derive(Default)]
struct State {
    /// The last set that was read, and when its fetch began.
    keys: Option<(Arc<VerificationKeys>, Timestamp)>,
    /// The last fetch, and when it began.
    fetch: Option<(Fetch, Timestamp)>,
}

fn is_within(now: Timestamp, since: Timestamp, limit: Duration) -> bool {
    now.duration_since(since).unsigned_abs() < limit
}

impl State {
    /// The set, as long as it may be used.
    fn current(&self, now: Timestamp) -> Option<Arc<VerificationKeys>> {
        self.keys
            .as_ref()
            .filter(|(_, at)| is_within(now, *at, LIFE))
            .map(|(keys, _)| Arc::clone(keys))
    }

    /// The fetch to wait for: the last one for a while, then a new one.
    fn fetch(&mut self, now: Timestamp, begin: impl FnOnce() -> Fetch) -> (Fetch, Timestamp) {
        let pause = match self.current(now) {
            Some(_) => PAUSE,
            None => RETRY,
        };
        match &self.fetch {
            Some((fetch, begun)) if is_within(now, *begun, pause) => (fetch.clone(), *begun),
            _ => self.fetch.insert((begin(), now)).clone(),
        }
    }
}

impl Published {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FetchedKeys {
    pub(crate) fn new() -> Self {
        Self(moka::sync::Cache::new(MOST))
    }

    /// The set at `url`, with the key `kid` in it where that is published; none when no set can be
    /// had, which denies.
    pub(crate) async fn find(
        &self,
        ports: &Ports,
        url: &Url,
        kid: Option<&str>,
    ) -> Option<Arc<VerificationKeys>> {
        let now = ports.clock.now();
        let published = self.0.get_with_by_ref(url, Arc::default);
        let (fetch, begun) = {
            let mut state = published.state();
            let known = state.current(now);
            if let Some(keys) = known.filter(|keys| kid.is_none_or(|kid| keys.contains(kid))) {
                return Some(keys);
            }
            state.fetch(now, || begin(ports, url))
        };
        let fetched = fetch.await;
        let mut state = published.state();
        let is_newest = state.keys.as_ref().is_none_or(|(_, at)| *at <= begun);
        if let Some(keys) = fetched.filter(|_| is_newest) {
            state.keys = Some((keys, begun));
        }
        state.current(now)
    }
}

fn begin(ports: &Ports, url: &Url) -> Fetch {
    let (fetcher, url) = (Arc::clone(&ports.fetcher), url.clone());
    async move {
        let bytes = fetcher.get(&url, MAX_BYTES, TIMEOUT).await.ok()?;
        VerificationKeys::parse(&bytes).ok().map(Arc::new)
    }
    .boxed()
    .shared()
}
