//! Places for connections. When they have run out and somebody waits, connections that do nothing
//! give up theirs, so that whoever only holds connections open keeps nobody out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How many give up their place for one that waits: more will come, and asking all is dear.
const AT_ONCE: usize = 256;
/// How often they are asked while somebody waits.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// The places of a listener.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    places: Arc<Semaphore>,
    asking: Arc<Notify>,
    wanted: Arc<AtomicUsize>,
}

impl Crowd {
    pub(crate) fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            asking: Arc::default(),
            wanted: Arc::default(),
        }
    }

    /// A place for one more. None once there will never be one.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        let free = Arc::clone(&self.places).acquire_owned();
        tokio::pin!(free);
        loop {
            tokio::select! {
                biased;
                place = &mut free => return place.ok(),
                () = self.ask() => {}
            }
        }
    }

    async fn ask(&self) {
        self.wanted.store(AT_ONCE, Ordering::Release);
        self.asking.notify_waiters();
        tokio::time::sleep(ASK_EVERY).await;
    }

    /// Resolves when a connection is to give up its place, which it is when it is idle while
    /// somebody waits.
    pub(crate) async fn reclaims(&self, is_idle: impl Fn() -> bool) {
        loop {
            self.asking.notified().await;
            if is_idle() && self.is_wanted() {
                return;
            }
        }
    }

    fn is_wanted(&self) -> bool {
        self.wanted
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |wanted| {
                wanted.checked_sub(1)
            })
            .is_ok()
    }
}
