//! What a change of the configuration does to people and applications.
//!
//! A plan is made in two ways that complete each other. [`inputs`] says of every application what
//! *may* differ, from what its decisions read: it never misses anything. [`search`] looks for a
//! person and a request for whom it *does* differ, on the decision crate that also serves, and the
//! plan shows that witness; where none is found it says so. [`programs`] does the same for tokens
//! that applications get in their own name. What no login shows (lifetimes, keys,
//! addresses, protection) [`settings`] compares field by field, with the old and the new value.
//!
//! A property test holds the first half: no pair of configurations, person and request differ in
//! a class that was not announced.
//!
//! Recipe for a new setting: destructuring without `..` in `settings` or `inputs` makes it be
//! thought of. Recipe for a new thing that decides: a [`Class`], its cause in `inputs`, its
//! [`Finding`], its words.

mod changes;
mod fields;
mod inputs;
mod programs;
mod render;
mod sample;
mod search;
mod settings;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use realmwright_decision::claims::Target;
use realmwright_decision::own_token::{OwnRequest, OwnToken, own_token};
use realmwright_decision::realm::{RealmDecisions, RealmFault};
use realmwright_decision::simulate::{Refused, SimulatedLogin, simulate};
use realmwright_snapshot::{ClientId, RealmId, RealmSnapshot, RegionName};
use serde::Serialize;

pub use changes::{Change, Effect, Evidence};
pub use fields::FieldChange;
pub use programs::{OwnFinding, own_findings};
pub use render::{brief, human, markdown};
pub use search::SEARCHED;
pub use witness::{Finding, Trial, Witness, findings};

/// What may differ for an application: for the people who log in to it, and in its own name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// What is asked, in which order.
    Steps,
    /// Whether people get in, and what refuses them.
    Result,
    /// Scopes that are granted.
    Scopes,
    /// What people are asked to consent to.
    Consent,
    /// For whom access tokens are.
    Audiences,
    /// What the session holds, and whether others end.
    Session,
    /// A claim, by its outermost name.
    Claim(Target, String),
    /// Whether it gets a token in its own name.
    OwnResult,
    /// Scopes that are granted to a request in its own name.
    OwnScopes,
    /// For whom access tokens in its own name are.
    OwnAudiences,
    /// A claim of access tokens in its own name, by its outermost name.
    OwnClaim(String),
}

impl Class {
    /// Whether it is of tokens in the application's own name.
    const fn is_own(&self) -> bool {
        matches!(
            self,
            Self::OwnResult | Self::OwnScopes | Self::OwnAudiences | Self::OwnClaim(_)
        )
    }
}

/// Whether a placement is there before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Only after.
    Added,
    /// Only before.
    Removed,
    /// Before and after.
    Kept,
}

/// What changes in one placement of a realm.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RealmPlan {
    /// The realm.
    pub realm: RealmId,
    /// The region of the placement.
    pub region: RegionName,
    /// Whether it is there before and after.
    pub standing: Standing,
    /// What it does, the risky first.
    pub changes: Vec<Change>,
    /// Which values of the snapshot differ.
    pub fields: Vec<FieldChange>,
    /// What may differ for each application of before or after; nothing else can.
    #[serde(skip)]
    pub announced: BTreeMap<ClientId, BTreeSet<Class>>,
}

impl RealmPlan {
    /// What is shown one by one: what is seen to happen, and what must be looked at whether or not
    /// somebody was found for whom it does. The rest is counted.
    pub fn shown(&self) -> impl Iterator<Item = &Change> {
        let changes = self.changes.iter();
        changes.filter(|change| change.risk.is_some() || !change.is_unfound())
    }

    /// The objects whose values differ, each with what happened to it.
    #[must_use]
    pub fn objects(&self) -> BTreeSet<String> {
        let told = self.fields.iter().map(|field| {
            let what = match (field.field.as_str(), &field.before, &field.after) {
                ("", None, _) => "added",
                ("", _, None) => "removed",
                _ => "changed",
            };
            format!("{} {what}", field.object)
        });
        told.collect()
    }
}

/// What a change does, as the exit code says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing changes.
    Unchanged,
    /// Something changes, nothing of it is marked.
    Changed,
    /// Something changes that should be looked at twice.
    Risky,
}

/// What changes between two configurations.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Every placement that differs, by realm and region.
    pub realms: Vec<RealmPlan>,
}

impl Plan {
    /// The worst of what it says.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let changes = || self.realms.iter().flat_map(|realm| &realm.changes);
        if changes().any(|change| change.risk.is_some()) {
            Verdict::Risky
        } else if self.realms.is_empty() {
            Verdict::Unchanged
        } else {
            Verdict::Changed
        }
    }
}

/// A snapshot whose decisions do not compile: no compiler of ours has made it.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot of {realm} in {region} does not compile: {faults:?}")]
pub struct PlanFault {
    /// The realm.
    pub realm: RealmId,
    /// The region.
    pub region: RegionName,
    /// What is wrong.
    pub faults: Vec<RealmFault>,
}

/// A realm with what decides in it.
pub(crate) struct Side<'a> {
    pub(crate) snapshot: &'a RealmSnapshot,
    pub(crate) decisions: RealmDecisions,
}

impl<'a> Side<'a> {
    /// A realm with what decides for these of its clients.
    fn new<'i>(
        snapshot: &'a RealmSnapshot,
        clients: impl Iterator<Item = &'i ClientId>,
        former: Option<&Self>,
    ) -> Result<Self, PlanFault> {
        let former = former.map(|side| (side.snapshot, &side.decisions));
        let decisions =
            RealmDecisions::compile_for(snapshot, clients, former).map_err(|faults| PlanFault {
                realm: snapshot.core.id.clone(),
                region: snapshot.core.region.clone(),
                faults,
            })?;
        Ok(Self {
            snapshot,
            decisions,
        })
    }

    pub(crate) fn simulate(
        &self,
        login: &SimulatedLogin,
    ) -> realmwright_decision::simulate::Simulated {
        simulate(self.snapshot, &self.decisions, login)
    }

    fn own_token(&self, request: &OwnRequest) -> Result<OwnToken, Refused> {
        own_token(self.snapshot, &self.decisions, request)
    }
}

/// Compares two configurations, placement by placement. The result depends on the arguments only.
///
/// # Errors
/// [`PlanFault`] for a snapshot that the compiler would not have made.
pub fn plan(old: &[Arc<RealmSnapshot>], new: &[Arc<RealmSnapshot>]) -> Result<Plan, PlanFault> {
    let by_place = |snapshots: &[Arc<RealmSnapshot>]| -> BTreeMap<_, Arc<RealmSnapshot>> {
        snapshots
            .iter()
            .map(|realm| {
                let place = (realm.core.id.clone(), realm.core.region.clone());
                (place, Arc::clone(realm))
            })
            .collect()
    };
    let (old, new) = (by_place(old), by_place(new));
    let places: BTreeSet<_> = old.keys().chain(new.keys()).cloned().collect();
    let mut realms = Vec::new();
    for place in places {
        let planned = match (old.get(&place), new.get(&place)) {
            (Some(old), Some(new)) if old != new => kept(old, new)?,
            (Some(old), None) => one_sided(old, Standing::Removed),
            (None, Some(new)) => one_sided(new, Standing::Added),
            _ => continue,
        };
        realms.push(planned);
    }
    Ok(Plan { realms })
}

fn kept(old: &RealmSnapshot, new: &RealmSnapshot) -> Result<RealmPlan, PlanFault> {
    let edited = edited(old, new);
    let announced = inputs::announced(old, new, &edited);
    let mut changes = settings::changes(old, new, &edited);
    let fields = fields::differences(old, new, &edited);
    if !announced.is_empty() {
        let old = Side::new(old, announced.keys(), None)?;
        let new = Side::new(new, announced.keys(), Some(&old))?;
        changes.extend(search::changes(&old, &new, &announced));
        changes.extend(programs::changes(&old, &new, &announced));
    }
    Ok(RealmPlan {
        realm: new.core.id.clone(),
        region: new.core.region.clone(),
        standing: Standing::Kept,
        changes: changes::grouped(changes),
        fields,
        announced,
    })
}

/// Clients that are on one side only, or not the same on both. Where the sides share shards, their
/// clients are not looked at.
fn edited<'a>(old: &'a RealmSnapshot, new: &'a RealmSnapshot) -> BTreeSet<&'a ClientId> {
    let differing = |mine: &'a RealmSnapshot, other: &'a RealmSnapshot| {
        let shards = mine.clients.changed(Some(&other.clients));
        shards
            .flat_map(|(_, clients)| clients.as_ref())
            .filter(|(id, client)| other.clients.get(*id) != Some(*client))
            .map(|(id, _)| id)
    };
    differing(old, new).chain(differing(new, old)).collect()
}

fn one_sided(realm: &RealmSnapshot, standing: Standing) -> RealmPlan {
    let clients = realm.clients.keys().cloned();
    RealmPlan {
        realm: realm.core.id.clone(),
        region: realm.core.region.clone(),
        standing,
        changes: vec![settings::placement(realm, standing)],
        fields: Vec::new(),
        announced: clients
            .map(|client| (client, BTreeSet::from([Class::Result, Class::OwnResult])))
            .collect(),
    }
}
