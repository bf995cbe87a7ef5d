//! The keyring of a placement, by the pure life cycle.

use jiff::Timestamp;
use realmwright_keys::{Keyring, Policy, advance, apply};

use super::{PublishFault, Publisher, Wanted};
use crate::names::Placement;
use crate::ship::store::Versioned;

impl Publisher {
    /// The keyring with everything that is to be done now, kept before anybody sees it; and when
    /// the clock alone asks for more.
    pub(super) async fn advance_keys(
        &mut self,
        placement: &Placement,
        wanted: Wanted<'_>,
    ) -> Result<(Versioned<Keyring>, Option<Timestamp>), PublishFault> {
        let (region, realm) = (&placement.region, &placement.realm);
        let known = self.published.get(placement);
        let mut kept = match known.map(|published| published.keyring.clone()) {
            Some(keyring) => Some(keyring),
            None => self.store.keyring(region, realm).await?,
        };
        let policy = Policy {
            algorithms: wanted.compiled.algorithms.clone(),
            ..Policy::of(&wanted.compiled.snapshot.core)
        };
        let empty = Keyring::empty(realm.clone());
        let current = kept.as_ref().map_or(&empty, |kept| &kept.value);
        let plan = advance(&policy, current, wanted.now, wanted.keyrings);
        if !plan.is_empty() {
            let next = apply(current, &plan, wanted.now, &mut self.generator)?;
            kept = Some(
                self.store
                    .keep_keyring(region, &next, kept.as_ref())
                    .await?,
            );
        }
        let keyring = match kept {
            Some(keyring) => keyring,
            None => self.store.keep_keyring(region, &empty, None).await?,
        };
        Ok((keyring, plan.next_at))
    }
}
