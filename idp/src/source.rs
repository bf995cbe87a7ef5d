//! Where what is served comes from: a folder that somebody else writes, looked at again and
//! again. (`realmwright dev` offers its own compiles to [`crate::hot_swap::HotSwap`] directly.)

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use realmwright_artefacts::{Directory, DirectoryFault, Head, News};
use realmwright_engine::ports::Clock;
use realmwright_snapshot::RealmId;
use tokio::sync::watch;

use crate::hot_swap::{Accepted, HotSwap};
use crate::lifecycle::Lifecycle;
use crate::served::Preparation;

/// The news are looked at so often; a change is live well within a second.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Without news all heads are read after so many times as long as reading them takes, so that a
/// folder of thousands of realms costs no more than a fiftieth of a core.
const REST: u32 = 50;

/// Follows a folder.
pub struct DirectorySource {
    directory: Directory,
    swap: Arc<HotSwap>,
    clock: Arc<dyn Clock>,
    /// The heads that were acted upon, also those that were refused.
    seen: BTreeMap<RealmId, Head>,
    /// What could not be read at the last look: the folder, or artefacts of a realm. Each fault is
    /// reported once.
    unreadable: BTreeMap<Option<RealmId>, String>,
    /// Whether every realm of the folder is served as its head says.
    is_served: watch::Sender<bool>,
    /// As they were at the last look.
    news: Option<News>,
    /// Without news the next look is not before.
    rest_until: Instant,
}

impl std::fmt::Debug for DirectorySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectorySource")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl DirectorySource {
    /// A source that offers what lies in `directory` to `swap`.
    #[must_use]
    pub fn new(directory: Directory, swap: Arc<HotSwap>, clock: Arc<dyn Clock>) -> Self {
        Self {
            directory,
            swap,
            clock,
            seen: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            is_served: watch::Sender::new(false),
            news: None,
            rest_until: Instant::now(),
        }
    }

    /// Looks once: offers what changed, and stops serving what is no longer there. A fault of one
    /// realm touches no other.
    ///
    /// # Errors
    /// When the folder itself cannot be read; then everything goes on as it was.
    pub fn look(&mut self) -> Result<(), DirectoryFault> {
        // What is written during the look is news to the next one.
        self.news = self.directory.news();
        let start = Instant::now();
        let heads = self.directory.heads()?;
        self.rest_until = Instant::now() + REST * start.elapsed();
        let news = heads
            .iter()
            .filter(|(realm, head)| self.seen.get(*realm) != Some(*head));
        self.offer(news.map(|(realm, head)| (realm, *head)).collect());
        self.seen.retain(|realm, _| heads.contains_key(realm));
        self.swap.retain(|realm| heads.contains_key(realm));
        let serves_all = self.serves(&heads);
        self.is_served
            .send_if_modified(|is_served| std::mem::replace(is_served, serves_all) != serves_all);
        Ok(())
    }

    /// Offers what new heads name.
    fn offer(&mut self, news: Vec<(&RealmId, Head)>) {
        let loaded: Vec<_> = news
            .par_iter()
            .map(|(realm, head)| self.directory.load(realm, *head))
            .collect();
        let mut offers = Vec::new();
        for ((realm, head), loaded) in news.into_iter().zip(loaded) {
            match loaded {
                Ok(offer) => {
                    self.unreadable.remove(&Some(realm.clone()));
                    self.seen.insert(realm.clone(), head);
                    offers.push(offer);
                }
                Err(fault) => self.note_unreadable(realm, head, &fault),
            }
        }
        let realms: Vec<_> = offers.iter().map(|offer| offer.realm().clone()).collect();
        let now = self.clock.now();
        let answers = self.swap.accept_all(offers, Preparation::WhenAsked, now);
        for (realm, answer) in realms.iter().zip(answers) {
            match answer {
                Ok(Accepted::Swapped(version)) => tracing::info!(
                    %realm,
                    incarnation = version.incarnation,
                    revision = version.revision,
                    digest = version.digest.short(),
                    "serving"
                ),
                Ok(Accepted::Same) => {}
                Err(fault) => tracing::error!(
                    %realm,
                    error = &fault as &dyn std::error::Error,
                    "the snapshot is refused; the former one is served"
                ),
            }
        }
    }

    /// What cannot be read may be there in a moment; what is malformed stays so.
    fn note_unreadable(&mut self, realm: &RealmId, head: Head, fault: &DirectoryFault) {
        if self.is_news(Some(realm.clone()), fault) {
            tracing::error!(
                %realm,
                error = fault as &dyn std::error::Error,
                "the artefacts cannot be read; the former ones are served"
            );
        }
        if !matches!(fault, DirectoryFault::Io { .. }) {
            self.seen.insert(realm.clone(), head);
        }
    }

    /// Looks until the stop.
    pub async fn follow(self, life: Lifecycle) {
        let source = Arc::new(Mutex::new(self));
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = life.stopped() => return,
            }
            let looking = Arc::clone(&source);
            let looked = tokio::task::spawn_blocking(move || {
                let mut source = looking.lock().unwrap_or_else(PoisonError::into_inner);
                if source.is_due() {
                    source.look_and_report();
                }
            })
            .await;
            if let Err(fault) = looked {
                tracing::error!(error = %fault, "a look at the source failed");
            }
        }
    }

    fn is_due(&self) -> bool {
        self.directory.news() != self.news || Instant::now() >= self.rest_until
    }

    fn look_and_report(&mut self) {
        match self.look() {
            Ok(()) => {
                self.unreadable.remove(&None);
            }
            Err(fault) => {
                if self.is_news(None, &fault) {
                    tracing::error!(
                        error = &fault as &dyn std::error::Error,
                        "the source cannot be read; everything goes on as it was"
                    );
                }
            }
        }
    }

    /// Notes a fault; says whether it differs from the last one of the same.
    fn is_news(&mut self, of: Option<RealmId>, fault: &DirectoryFault) -> bool {
        let text = fault.to_string();
        let former = self.unreadable.insert(of, text.clone());
        former != Some(text)
    }

    /// Tells whether every realm of the folder is served as its head says.
    #[must_use]
    pub fn is_served(&self) -> watch::Receiver<bool> {
        self.is_served.subscribe()
    }

    fn serves(&self, heads: &BTreeMap<RealmId, Head>) -> bool {
        let served = self.swap.current();
        heads.iter().all(|(realm, head)| {
            served
                .get(realm)
                .is_some_and(|served| Head::of(served.offer()).is_at_least(head))
        })
    }
}

#[cfg(test)]
mod tests;
