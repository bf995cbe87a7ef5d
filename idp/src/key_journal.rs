//! Keys that were replaced before their time, as audit events in the database of the region. Whoever
//! holds the keyrings replaces keys; this process serves them, and has the database.

use std::sync::Arc;

pub use realmwright_decision::audit::{KeyCause, KeyReplaced};
use realmwright_engine::Engine;
use realmwright_snapshot::RealmId;
use realmwright_store::StoreError;

use crate::hot_swap::HotSwap;

/// Records what was replaced.
#[derive(Clone)]
pub struct KeyJournal {
    engine: Engine,
    swap: Arc<HotSwap>,
}

impl std::fmt::Debug for KeyJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyJournal").finish_non_exhaustive()
    }
}

impl KeyJournal {
    pub(crate) const fn new(engine: Engine, swap: Arc<HotSwap>) -> Self {
        Self { engine, swap }
    }

    /// Records the replaced keys of a realm; says whether the realm is served, as nothing is
    /// recorded of others.
    ///
    /// # Errors
    /// When the database does not take it; it may be tried again.
    pub async fn record(
        &self,
        realm: &RealmId,
        keys: Vec<KeyReplaced>,
    ) -> Result<bool, StoreError> {
        let current = self.swap.current();
        let Some(Ok(realm)) = current.get(realm).map(|served| self.swap.realm(served)) else {
            return Ok(false);
        };
        self.engine.record_replaced_keys(&realm, keys).await?;
        Ok(true)
    }
}
