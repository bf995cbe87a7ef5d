//! One realm that is served. Where a process holds thousands of them most are idle at any time: a
//! small one is prepared when it is first asked for, which takes less than a millisecond, and
//! until then takes no more than its artefacts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use realmwright_artefacts::{AdmitFault, Offer};
use realmwright_engine::{PrepareFault, RuntimeRealm, SnapshotVersion};
use realmwright_snapshot::{
    Country, InstanceName, Period, RealmCore, RealmId, RegionName, Retention, SealFault,
};
use url::Url;

/// What may wait for the first request: beyond so many compressed bytes that request would wait
/// for more than some milliseconds.
const MOST_BYTES_TO_WAIT: usize = 64 * 1024;

/// When a realm that is not served yet is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preparation {
    /// Before it is served; one that cannot be prepared is refused.
    Before,
    /// A small one when it is first asked for.
    WhenAsked,
}

/// What is asked of a realm apart from requests.
#[derive(Clone, Debug)]
pub struct Outline {
    /// Issuer.
    pub issuer: Url,
    /// Base of back-channel endpoints where it differs from the issuer.
    pub backend_url: Option<Url>,
    /// Region of this placement.
    pub region: RegionName,
    /// Country of the region.
    pub country: Country,
    /// Instance of the region.
    pub instance: InstanceName,
    /// How long records are kept that have no end of their own.
    pub retention: Retention,
    /// How long a key signs.
    pub rotation_interval: Period,
    /// Whether accounts are to be created where they are absent.
    pub has_bootstrap_accounts: bool,
}

impl Outline {
    /// Where its endpoints lie.
    pub(crate) fn bases(&self) -> impl Iterator<Item = &Url> {
        self.backend_url.iter().chain([&self.issuer])
    }
}

impl From<&RealmCore> for Outline {
    fn from(core: &RealmCore) -> Self {
        Self {
            issuer: core.issuer.clone(),
            backend_url: core.backend_url.clone(),
            region: core.region.clone(),
            country: core.country.clone(),
            instance: core.instance.clone(),
            retention: core.retention,
            rotation_interval: core.keys.rotation_interval,
            has_bootstrap_accounts: !core.bootstrap_accounts.is_empty(),
        }
    }
}

/// It was served unprepared, and cannot be prepared. Said once in the log, with the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the realm cannot be prepared")]
pub struct Unprepared;

/// Why an offer is not served. What was served before goes on.
#[derive(Debug, thiserror::Error)]
pub enum OfferFault {
    /// It may not follow what is served, or is not whole.
    #[error(transparent)]
    Admit(#[from] AdmitFault),
    /// Altered or malformed bytes.
    #[error("the snapshot cannot be opened")]
    Seal(#[from] SealFault),
    /// It cannot be made ready.
    #[error("the realm cannot be prepared")]
    Prepare(#[from] PrepareFault),
}

/// Which snapshot an offer holds.
const fn version(offer: &Offer) -> SnapshotVersion {
    SnapshotVersion {
        incarnation: offer.envelope.incarnation,
        revision: offer.envelope.revision,
        digest: offer.envelope.digest,
    }
}

/// Makes an offer ready. Parts that did not change are shared with `former`, which is prepared.
fn prepare(
    offer: &Offer,
    former: Option<(&Offer, &RuntimeRealm)>,
    now: Timestamp,
) -> Result<RuntimeRealm, OfferFault> {
    let snapshot = match former {
        Some((served, realm)) if served.sealed.digest == offer.sealed.digest => {
            Arc::clone(realm.snapshot())
        }
        _ => {
            let former = former.map(|(served, realm)| (&*served.sealed, &**realm.snapshot()));
            Arc::new(realmwright_snapshot::open(&offer.sealed, former)?)
        }
    };
    Ok(RuntimeRealm::prepare(
        snapshot,
        version(offer),
        Arc::clone(&offer.keyring),
        Arc::clone(&offer.secrets),
        now,
        former.map(|(_, realm)| realm),
    )?)
}

/// A realm that is served, with what it is made from.
#[derive(Debug)]
pub struct Served {
    offer: Offer,
    outline: Outline,
    realm: OnceLock<Result<Arc<RuntimeRealm>, Unprepared>>,
    /// Whether it is known if it can be prepared.
    is_checked: AtomicBool,
    keys_change_at: Option<Timestamp>,
}

impl Served {
    /// What may follow `former`, and nothing else, ready to be served.
    ///
    /// # Errors
    /// [`OfferFault`] says why it cannot be served.
    pub fn new(
        offer: Offer,
        former: Option<&Self>,
        preparation: Preparation,
        now: Timestamp,
    ) -> Result<Self, OfferFault> {
        let core = offer.admit(former.map(|former| &former.offer))?;
        let outline = Outline::from(&core);
        let (realm, is_checked) = match former {
            None if preparation == Preparation::WhenAsked
                && offer.sealed.size() <= MOST_BYTES_TO_WAIT =>
            {
                (OnceLock::new(), false)
            }
            // It goes on waiting, and is known to be good.
            Some(Self { realm, .. }) if realm.get().is_none() => {
                prepare(&offer, None, now)?;
                (OnceLock::new(), true)
            }
            _ => {
                let former = former.and_then(Self::prepared);
                let realm = prepare(&offer, former, now)?;
                (OnceLock::from(Ok(Arc::new(realm))), true)
            }
        };
        Ok(Self {
            keys_change_at: offer.keyring.next_change(now),
            offer,
            outline,
            realm,
            is_checked: is_checked.into(),
        })
    }

    /// What it was made from and what it is, when it is prepared.
    fn prepared(&self) -> Option<(&Offer, &RuntimeRealm)> {
        let realm = self.realm.get()?.as_ref().ok()?;
        Some((&self.offer, realm))
    }

    /// The same with the keys of this time. One that nobody has asked for goes on waiting.
    ///
    /// # Errors
    /// [`OfferFault`]; it goes on with the keys that it has.
    pub fn with_keys_of(&self, now: Timestamp) -> Result<Self, OfferFault> {
        let realm = match self.prepared() {
            Some(prepared) => {
                OnceLock::from(Ok(Arc::new(prepare(&self.offer, Some(prepared), now)?)))
            }
            None => OnceLock::new(),
        };
        Ok(Self {
            offer: self.offer.clone(),
            outline: self.outline.clone(),
            realm,
            is_checked: true.into(),
            keys_change_at: self.offer.keyring.next_change(now),
        })
    }

    /// What requests use. Prepared now, when nobody has asked for it yet.
    ///
    /// # Errors
    /// [`Unprepared`].
    pub fn realm(&self, now: Timestamp) -> Result<&Arc<RuntimeRealm>, Unprepared> {
        let prepare = || {
            let prepared = prepare(&self.offer, None, now);
            prepared.map(Arc::new).map_err(|fault| self.report(&fault))
        };
        self.realm
            .get_or_init(prepare)
            .as_ref()
            .map_err(|fault| *fault)
    }

    /// Whether nobody has asked for it yet.
    #[cfg(test)]
    pub(crate) fn is_waiting(&self) -> bool {
        self.realm.get().is_none()
    }

    /// Finds out whether it can be prepared, and keeps nothing of it but the answer when it
    /// cannot: every request has that from then on.
    pub fn check(&self, now: Timestamp) {
        if self.realm.get().is_none()
            && !self.is_checked.swap(true, Ordering::AcqRel)
            && let Err(fault) = prepare(&self.offer, None, now)
        {
            self.realm.get_or_init(|| Err(self.report(&fault)));
        }
    }

    fn report(&self, fault: &OfferFault) -> Unprepared {
        tracing::error!(
            realm = %self.id(),
            error = fault as &dyn std::error::Error,
            "the realm cannot be prepared; its requests are refused"
        );
        Unprepared
    }

    /// The realm's id.
    #[must_use]
    pub const fn id(&self) -> &RealmId {
        self.offer.realm()
    }

    /// When the clock changes which keys are used or published, as of when it was served; none
    /// when it does not. In the past where the clock was not followed.
    #[must_use]
    pub const fn keys_change_at(&self) -> Option<Timestamp> {
        self.keys_change_at
    }

    /// Which snapshot it is made from.
    #[must_use]
    pub const fn version(&self) -> SnapshotVersion {
        version(&self.offer)
    }

    /// What it was made from.
    #[must_use]
    pub const fn offer(&self) -> &Offer {
        &self.offer
    }

    /// What is asked of it apart from requests.
    #[must_use]
    pub const fn outline(&self) -> &Outline {
        &self.outline
    }
}
