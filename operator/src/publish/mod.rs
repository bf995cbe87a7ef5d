//! From a compiled realm to a moved head: keys, secrets, revision, artefacts. Only the leader does
//! this, and each step is a compare-and-swap, so that one who does not know yet that it has lost
//! the lease changes nothing that its successor has changed.

mod keys;
mod secrets;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use realmwright_artefacts::{Head, Offer};
use realmwright_compiler::CompiledRealm;
use realmwright_keys::{
    Acknowledgements, GenerateFault, Keyring, Missing, SupplyFault, SystemGenerator,
};
use realmwright_snapshot::RealmSnapshot;

use crate::names::Placement;
use crate::ship::store::{Store, StoreFault, Versioned};

pub use secrets::{SecretFault, SecretSource};

/// Why a realm that compiled is not published. What was published goes on.
#[derive(Debug, thiserror::Error)]
pub enum PublishFault {
    /// The cluster.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// A Secret.
    #[error(transparent)]
    Secret(#[from] SecretFault),
    /// Something that the snapshot names is not there.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unresolved(Vec<Missing>),
    /// A client secret that pods would refuse.
    #[error(transparent)]
    Refused(#[from] SupplyFault),
    /// No randomness.
    #[error("a key cannot be made")]
    Generate(#[from] GenerateFault),
}

/// What a publication came from: where it is the same, there is nothing to do.
#[derive(Clone, Debug)]
struct Seen {
    snapshot: Arc<RealmSnapshot>,
    secret_changes: u64,
    keyrings: Acknowledgements,
    bundles: Acknowledgements,
}

impl Seen {
    fn of(wanted: Wanted<'_>) -> Self {
        Self {
            snapshot: Arc::clone(&wanted.compiled.snapshot),
            secret_changes: wanted.secret_changes,
            keyrings: wanted.keyrings.clone(),
            bundles: wanted.bundles.clone(),
        }
    }

    fn is_same(&self, wanted: Wanted<'_>) -> bool {
        Arc::ptr_eq(&self.snapshot, &wanted.compiled.snapshot)
            && self.secret_changes == wanted.secret_changes
            && self.keyrings == *wanted.keyrings
            && self.bundles == *wanted.bundles
    }
}

/// What is published of a placement.
#[derive(Clone, Debug)]
pub struct Published {
    /// What the head names.
    pub offer: Offer,
    head: Versioned<Head>,
    keyring: Versioned<Keyring>,
    seen: Seen,
    /// When keys or secrets have to be looked at next; none when only a change can ask for it.
    pub due: Option<Timestamp>,
}

impl Published {
    /// Which revision of each artefact.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head.value
    }
}

/// Publishes, with memory of what is published.
#[derive(Debug)]
pub struct Publisher {
    store: Store,
    generator: SystemGenerator,
    published: BTreeMap<Placement, Arc<Published>>,
}

/// A compiled realm, and what is known besides.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What the head should name.
    pub compiled: &'a CompiledRealm,
    /// Which keyring each pod serves.
    pub keyrings: &'a Acknowledgements,
    /// Which secret bundle each pod serves.
    pub bundles: &'a Acknowledgements,
    /// Differs when any Secret differs.
    pub secret_changes: u64,
    /// Now.
    pub now: Timestamp,
}

impl Wanted<'_> {
    /// Where it is served.
    #[must_use]
    pub fn placement(&self) -> Placement {
        Placement {
            region: self.compiled.region.clone(),
            instance: self.compiled.instance.clone(),
            realm: self.compiled.id.clone(),
        }
    }
}

impl Publisher {
    /// Nothing known yet.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            generator: SystemGenerator::default(),
            published: BTreeMap::new(),
        }
    }

    /// Forgets what it knows: another process may have moved it.
    pub fn forget(&mut self) {
        self.published.clear();
    }

    /// Publishes a realm when anything of it changed, and steps its keys until there is nothing to
    /// do now; says what is published.
    ///
    /// # Errors
    /// [`PublishFault`]; what was published goes on.
    pub async fn publish(
        &mut self,
        wanted: Wanted<'_>,
        secrets: &dyn SecretSource,
    ) -> Result<Arc<Published>, PublishFault> {
        let placement = wanted.placement();
        if let Some(published) = self.published.get(&placement) {
            let is_due = published.due.is_some_and(|due| due <= wanted.now);
            if published.seen.is_same(wanted) && !is_due {
                return Ok(Arc::clone(published));
            }
        }
        let outcome = self.try_publish(&placement, wanted, secrets).await;
        if matches!(outcome, Err(PublishFault::Store(StoreFault::Moved(_)))) {
            self.published.remove(&placement);
        }
        let published = Arc::new(outcome?);
        self.published.insert(placement, Arc::clone(&published));
        Ok(published)
    }

    async fn try_publish(
        &mut self,
        placement: &Placement,
        wanted: Wanted<'_>,
        secrets: &dyn SecretSource,
    ) -> Result<Published, PublishFault> {
        let Wanted { compiled, now, .. } = wanted;
        let namespace = placement.namespace();
        let former = match self.published.get(placement) {
            Some(published) => Some((published.offer.clone(), published.head.clone())),
            None => self.stored(placement).await?,
        };
        let former_offer = former.as_ref().map(|(offer, _)| offer);
        let (keyring, keys_due) = self.advance_keys(placement, wanted).await?;
        let (bundle, secrets_due) = self
            .bundle(wanted, former_offer.map(|offer| &*offer.secrets), secrets)
            .await?;
        realmwright_keys::bind(&compiled.snapshot, &keyring.value, &bundle, now, None)
            .map_err(PublishFault::Unresolved)?;
        let offer = Offer::after(
            former_offer,
            compiled.id.clone(),
            compiled.region.clone(),
            Arc::new(compiled.sealed.clone()),
            Arc::new(keyring.value.clone()),
            Arc::new(bundle),
        );
        let due = keys_due.into_iter().chain(secrets_due).min();
        let head = match former {
            Some((former, head)) if former.is_same_as(&offer) => head,
            former => {
                let (former, head) = former.unzip();
                let ship = self
                    .store
                    .ship(&namespace, &offer, former.as_ref(), head.as_ref());
                let head = ship.await?;
                tracing::info!(
                    realm = %placement.realm,
                    namespace,
                    revision = offer.envelope.revision,
                    keyring = offer.keyring.revision,
                    secrets = offer.secrets.revision,
                    digest = offer.sealed.digest.short(),
                    "published"
                );
                // What is left over is collected the next time.
                if let Err(fault) = self.store.collect(placement, &offer).await {
                    tracing::warn!(error = &fault as &dyn std::error::Error, "not collected");
                }
                head
            }
        };
        Ok(Published {
            offer,
            head,
            keyring,
            seen: Seen::of(wanted),
            due,
        })
    }

    /// What a former leader published.
    async fn stored(
        &self,
        placement: &Placement,
    ) -> Result<Option<(Offer, Versioned<Head>)>, StoreFault> {
        let namespace = placement.namespace();
        let Some(head) = self.store.head(&namespace, &placement.realm).await? else {
            return Ok(None);
        };
        let offer = self.store.load(&namespace, &placement.realm, head.value);
        Ok(Some((offer.await?, head)))
    }
}
