//! What must be in the database for the realms that are served: its owner, and the bootstrap
//! accounts. Done after each swap, by any number of processes at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use realmwright_engine::{Engine, SnapshotVersion};
use realmwright_snapshot::RealmId;
use realmwright_store::{Owner, Store, StoreError};
use tokio::sync::watch;

use crate::database::{OwnDatabase, owner_of};
use crate::hot_swap::HotSwap;
use crate::lifecycle::Lifecycle;
use crate::served::{Outline, Served};

const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Follows the swaps.
pub struct Settling {
    store: Arc<dyn Store>,
    engine: Engine,
    swap: Arc<HotSwap>,
    own_database: OwnDatabase,
    /// Whose the database is, as it has confirmed.
    confirmed: Vec<Owner>,
    /// Whether it has for every served realm.
    is_owned: Arc<watch::Sender<bool>>,
    /// Versions that are done: snapshot and secret bundle.
    done: BTreeMap<RealmId, (SnapshotVersion, u64)>,
}

impl std::fmt::Debug for Settling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settling").finish_non_exhaustive()
    }
}

impl Settling {
    /// Nothing done yet. `is_owned` is told whether the database is known to be of the region of
    /// every served realm.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        engine: Engine,
        swap: Arc<HotSwap>,
        own_database: OwnDatabase,
        is_owned: Arc<watch::Sender<bool>>,
    ) -> Self {
        Self {
            store,
            engine,
            swap,
            own_database,
            confirmed: Vec::new(),
            is_owned,
            done: BTreeMap::new(),
        }
    }

    /// Follows the swaps until the stop. A database that belongs to somebody else stops the
    /// process: nothing of this region may be written to it.
    pub async fn follow(mut self, life: Lifecycle) {
        let mut changes = self.swap.changes();
        loop {
            changes.mark_unchanged();
            let all_done = match self.settle().await {
                Ok(all_done) => all_done,
                Err(fault) => {
                    tracing::error!(error = &fault as &dyn std::error::Error, "stopping");
                    life.fail();
                    return;
                }
            };
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep(TRY_AGAIN), if !all_done => {}
                () = life.stopped() => return,
            }
        }
    }

    /// Settles what is not; says whether everything is.
    ///
    /// # Errors
    /// When the database refuses this region.
    pub async fn settle(&mut self) -> Result<bool, StoreError> {
        let current = self.swap.current();
        for served in current.iter() {
            if !self.confirm_owner(served.outline()).await? {
                // The database is away: each further realm would wait for it as long again.
                self.is_owned.send_replace(false);
                return Ok(false);
            }
        }
        self.is_owned.send_replace(true);
        let mut all_done = true;
        let wanted = current.iter();
        for served in wanted.filter(|served| served.outline().has_bootstrap_accounts) {
            let version = (served.version(), served.offer().secrets.revision);
            if self.done.get(served.id()) == Some(&version) {
                continue;
            }
            if self.create_accounts(served).await {
                self.done.insert(served.id().clone(), version);
            } else {
                all_done = false;
            }
        }
        Ok(all_done)
    }

    async fn confirm_owner(&mut self, outline: &Outline) -> Result<bool, StoreError> {
        let owner = owner_of(outline, self.own_database);
        if self.confirmed.contains(&owner) {
            return Ok(true);
        }
        match self.store.claim_ownership(&owner).await {
            Ok(()) => {
                self.confirmed.push(owner);
                Ok(true)
            }
            Err(fault @ StoreError::Refused(_)) => Err(fault),
            Err(fault) => {
                tracing::warn!(
                    error = &fault as &dyn std::error::Error,
                    "the database's owner is not known yet"
                );
                Ok(false)
            }
        }
    }

    /// Says whether they are there; of a realm that cannot be prepared nothing more is to come.
    async fn create_accounts(&self, served: &Served) -> bool {
        let Ok(realm) = self.swap.realm(served) else {
            return true;
        };
        match self.engine.create_bootstrap_accounts(&realm).await {
            Ok(0) => true,
            Ok(created) => {
                tracing::info!(realm = %realm.id(), accounts = created, "bootstrap accounts created");
                true
            }
            Err(fault) => {
                tracing::warn!(
                    realm = %realm.id(),
                    error = &fault as &dyn std::error::Error,
                    "bootstrap accounts are not created yet"
                );
                false
            }
        }
    }
}
