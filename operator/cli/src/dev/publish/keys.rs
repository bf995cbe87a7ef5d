//! The keys of served realms: what their life cycle asks for, and what somebody asks for by hand.

use std::sync::Arc;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use realmwright_artefacts::Offer;
use realmwright_compiler::CompiledRealm;
use realmwright_keys::{Acknowledgements, Keyring, Plan, Policy, advance, apply};
use realmwright_snapshot::RealmId;

use super::{POD, Publisher};
use crate::keys::replace::{Replaced, Wanted, choose, replace};

const TRY_AGAIN: SignedDuration = SignedDuration::from_secs(30);

impl Publisher {
    /// The keyring with everything that the realm needs, one step on.
    pub(super) fn keyring(
        &mut self,
        compiled: &CompiledRealm,
        now: Timestamp,
    ) -> anyhow::Result<Keyring> {
        let keyring = self.state.keyring(&compiled.id)?;
        let plan = self.plan(compiled, &keyring, now);
        self.apply(&keyring, &plan, now)
    }

    fn plan(&self, compiled: &CompiledRealm, keyring: &Keyring, now: Timestamp) -> Plan {
        let policy = Policy {
            algorithms: compiled.algorithms.clone(),
            ..Policy::of(&compiled.snapshot.core).in_one_process()
        };
        let acknowledged = self
            .served
            .get(&compiled.id)
            .map_or(keyring.revision, |former| former.offer.keyring.revision);
        let acknowledgements = Acknowledgements::of_one(POD, acknowledged);
        advance(&policy, keyring, now, &acknowledgements)
    }

    fn apply(&mut self, keyring: &Keyring, plan: &Plan, now: Timestamp) -> anyhow::Result<Keyring> {
        if plan.is_empty() {
            return Ok(keyring.clone());
        }
        let next =
            apply(keyring, plan, now, &mut self.generator).context("a key cannot be made")?;
        self.state.keep_keyring(&next)?;
        Ok(next)
    }

    /// Acts on the times of keys; returns the realms whose keys changed.
    pub(crate) fn advance_keys(&mut self, now: Timestamp) -> anyhow::Result<Vec<RealmId>> {
        let is_due = |due: Option<Timestamp>| due.is_some_and(|due| due <= now);
        let due: Vec<RealmId> = self
            .served
            .iter()
            .filter(|(_, placement)| is_due(placement.keys_due))
            .map(|(id, _)| id.clone())
            .collect();
        let mut changed = Vec::new();
        for id in due {
            if self.advance_keys_of(&id, now)? {
                changed.push(id);
            }
        }
        Ok(changed)
    }

    /// Serves the keyring that is kept, and steps until there is nothing to do: a new key is first
    /// served, then used. Says whether there was anything.
    fn advance_keys_of(&mut self, realm: &RealmId, now: Timestamp) -> anyhow::Result<bool> {
        let mut has_changed = false;
        // What fails is tried again, and not at once.
        if let Some(placement) = self.served.get_mut(realm) {
            placement.keys_due = Some(now.saturating_add(TRY_AGAIN)?);
        }
        while let Some(placement) = self.served.get(realm) {
            let compiled = placement.compiled.clone();
            let served = placement.offer.keyring.revision;
            let keyring = self.state.keyring(realm)?;
            if keyring.revision != served {
                self.serve_keyring(realm, keyring, now)?;
                has_changed = true;
                continue;
            }
            let plan = self.plan(&compiled, &keyring, now);
            if plan.is_empty() {
                if let Some(placement) = self.served.get_mut(realm) {
                    placement.keys_due = plan.next_at;
                }
                break;
            }
            self.apply(&keyring, &plan, now)?;
        }
        Ok(has_changed)
    }

    fn serve_keyring(
        &mut self,
        realm: &RealmId,
        keyring: Keyring,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        let Some(placement) = self.served.get(realm) else {
            return Ok(());
        };
        let offer = Offer {
            keyring: Arc::new(keyring),
            ..placement.offer.clone()
        };
        self.offer(&offer, now)?;
        if let Some(placement) = self.served.get_mut(realm) {
            placement.offer = offer;
        }
        Ok(())
    }

    /// How long nothing has to be done about keys; none where nothing is known to be due.
    pub(crate) fn keys_rest(&self, now: Timestamp) -> Option<std::time::Duration> {
        let due = self
            .served
            .values()
            .filter_map(|placement| placement.keys_due)
            .min()?;
        Some(std::time::Duration::try_from(due.duration_since(now)).unwrap_or_default())
    }

    /// Replaces keys because somebody asks for it, and serves what came of it.
    pub(crate) fn replace_keys(
        &mut self,
        wanted: &Wanted,
        now: Timestamp,
    ) -> anyhow::Result<Replaced> {
        let realm = choose(wanted.realm.as_ref(), self.served.keys())?.clone();
        let keyring = self.state.keyring(&realm)?;
        let (next, mut replaced) = replace(&keyring, wanted, now, &mut self.generator)?;
        self.state.keep_replaced(&next, &replaced)?;
        self.advance_keys_of(&realm, now)?;
        replaced.date(&self.state.keyring(&realm)?, now);
        Ok(replaced)
    }
}

#[cfg(test)]
mod tests;
