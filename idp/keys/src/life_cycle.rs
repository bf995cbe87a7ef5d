//! The life cycle of keys: published before use, used only after every pod and every cache can
//! know them, retired after the last thing they signed or sealed (KC-KEY-01 to 03).
//!
//! [`advance`] decides, [`apply`] makes the next keyring. Whoever drives them stores the new
//! keyring before anybody sees it, and calls [`advance`] again after every change, at
//! [`Plan::next_at`], and when acknowledgements change.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use realmwright_snapshot::{Period, RealmCore, SigningAlgorithm};

use crate::generate::{Generate, GenerateFault};
use crate::keyring::{KeyEntry, Keyring, Purpose, Rotation, Stage};
use crate::material::KeyId;

/// Inbound leeway of every verifier, and more than a pod's clock may be off while it is ready.
const SKEW: Period = Period::from_secs(30);

/// What is sealed outlives a login by a day, so that a late answer is told that it is late.
const SEALED_BEYOND_LOGIN: Period = Period::from_secs(25 * 3600);

/// Before this long nobody is named for not having acknowledged.
const PATIENCE: Period = Period::from_secs(60);

/// What the life cycle goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Algorithms that some client of any snapshot still served uses: a key for each and no other.
    pub algorithms: BTreeSet<SigningAlgorithm>,
    /// A successor is made so long after its predecessor was.
    pub rotation_interval: Period,
    /// A scheduled successor of a published key is used at the earliest so long after it was
    /// published, because many verifiers ignore cache headers.
    pub publish_ahead: Period,
    /// Longest time a JWK set that was fetched may be cached: the largest `max-age` said lately.
    pub jwks_max_age: Period,
    /// How far the clocks of pods may be apart.
    pub skew: Period,
    /// Longest life of a signed token.
    pub longest_token_life: Period,
    /// Longest life of anything sealed that travels.
    pub longest_sealed_life: Period,
}

impl Policy {
    /// The policy that a realm declares.
    #[must_use]
    pub fn of(core: &RealmCore) -> Self {
        Self {
            algorithms: core.keys.algorithms.clone(),
            rotation_interval: core.keys.rotation_interval,
            publish_ahead: core.keys.publish_ahead,
            jwks_max_age: core.keys.jwks_max_age,
            skew: SKEW,
            longest_token_life: core.keys.longest_token_life,
            longest_sealed_life: sum(core.sessions.login_lifetime, SEALED_BEYOND_LOGIN),
        }
    }

    /// The same policy where one process signs and drops keys by the clock that this life cycle
    /// is driven by: no two clocks are apart.
    #[must_use]
    pub fn in_one_process(self) -> Self {
        Self {
            skew: Period::ZERO,
            ..self
        }
    }

    /// From every pod's acknowledgement to first use.
    fn wait(&self, purpose: Purpose) -> Period {
        match purpose.rotation() {
            Rotation::Published => sum(self.jwks_max_age, self.skew),
            _ => self.skew,
        }
    }

    fn lead(&self, purpose: Purpose) -> Period {
        match purpose.rotation() {
            Rotation::Published => self.publish_ahead,
            _ => Period::ZERO,
        }
    }

    fn longest_life(&self, purpose: Purpose) -> Period {
        match purpose.rotation() {
            Rotation::Published => self.longest_token_life,
            _ => self.longest_sealed_life,
        }
    }

    fn wants(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Sign { alg } => self.algorithms.contains(&alg),
            Purpose::Encrypt => false,
            Purpose::Seal
            | Purpose::DataKey
            | Purpose::BlindIndex
            | Purpose::Pairwise
            | Purpose::Pepper => true,
        }
    }
}

fn sum(a: Period, b: Period) -> Period {
    Period::from_millis(a.as_millis().saturating_add(b.as_millis()))
}

fn after(at: Timestamp, period: Period) -> Timestamp {
    at.saturating_add(period.as_duration())
        .unwrap_or(Timestamp::MAX)
}

/// Which keyring revision each pod serves. Every pod that is ready, or has been and still runs,
/// is listed; one that says nothing is listed with 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acknowledgements {
    /// Revision served, by pod.
    pub pods: BTreeMap<String, u64>,
}

impl Acknowledgements {
    /// One process that serves this revision.
    pub fn of_one(pod: impl Into<String>, revision: u64) -> Self {
        Self {
            pods: BTreeMap::from([(pod.into(), revision)]),
        }
    }

    /// Whether there is a pod, and every one serves `revision` or a later one.
    #[must_use]
    pub fn all_serve(&self, revision: u64) -> bool {
        !self.pods.is_empty() && self.pods.values().all(|served| *served >= revision)
    }

    fn lagging(&self, revision: u64) -> Vec<String> {
        self.pods
            .iter()
            .filter(|(_, served)| **served < revision)
            .map(|(pod, _)| pod.clone())
            .collect()
    }
}

/// A key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Creation {
    /// What for.
    pub purpose: Purpose,
    /// When it is used.
    pub start: Start,
    /// Longest life of what it will sign or seal.
    pub longest_life: Period,
}

/// When a new key is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Once it was acknowledged.
    Acknowledged,
    /// At once: nothing can know an older one, or the older one was compromised and the wait is
    /// cut.
    AtOnce,
}

/// A key to be used from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Which.
    pub kid: KeyId,
    /// First use.
    pub sign_after: Timestamp,
}

/// A key that signs and seals no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// Which.
    pub kid: KeyId,
    /// Accepted until.
    pub retire_after: Timestamp,
}

/// Why a key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalCause {
    /// Nothing that it signed lives.
    Expired,
    /// It was published for an algorithm that nobody asks for any more, and never used.
    NeverUsed,
    /// It is known to somebody else: what it signed is refused from now on (KC-KEY-03).
    Compromised,
}

/// A key to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Which.
    pub kid: KeyId,
    /// Why.
    pub cause: RemovalCause,
}

/// Pods that keep a rotation from going on: the condition `RotationBlocked`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The key that waits.
    pub kid: KeyId,
    /// Keyring revision that they do not serve.
    pub revision: u64,
    /// Which pods.
    pub pods: Vec<String>,
}

/// What to do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Keys to make.
    pub create: Vec<Creation>,
    /// Keys to use from an instant on.
    pub activate: Vec<Activation>,
    /// Keys that sign and seal no more.
    pub retire: Vec<Retirement>,
    /// Keys to delete.
    pub remove: Vec<Removal>,
    /// Keys that sign longer-lived tokens from now on.
    pub extend: Vec<(KeyId, Period)>,
    /// Who keeps a rotation waiting beyond its time. Nothing to apply.
    pub blocked: Vec<Blocked>,
    /// When the clock alone makes the next plan different. Nothing to apply.
    pub next_at: Option<Timestamp>,
}

impl Plan {
    /// Whether there is nothing to apply.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.create.is_empty()
            && self.activate.is_empty()
            && self.retire.is_empty()
            && self.remove.is_empty()
            && self.extend.is_empty()
    }

    fn at(&mut self, at: Timestamp, now: Timestamp) {
        if at > now {
            self.next_at = Some(self.next_at.map_or(at, |next| next.min(at)));
        }
    }
}

/// Decides what to do now.
#[must_use]
pub fn advance(
    policy: &Policy,
    keyring: &Keyring,
    now: Timestamp,
    acknowledgements: &Acknowledgements,
) -> Plan {
    let mut purposes: BTreeSet<Purpose> = policy
        .algorithms
        .iter()
        .map(|alg| Purpose::Sign { alg: *alg })
        .chain([
            Purpose::Seal,
            Purpose::DataKey,
            Purpose::BlindIndex,
            Purpose::Pairwise,
            Purpose::Pepper,
        ])
        .collect();
    purposes.extend(keyring.entries.iter().map(|entry| entry.purpose));

    let mut plan = Plan::default();
    for purpose in purposes {
        let cycle = Cycle {
            policy,
            keyring,
            now,
            acknowledgements,
            purpose,
        };
        if policy.wants(purpose) {
            cycle.succeed(&mut plan);
            cycle.retire_former(&mut plan);
            cycle.extend(&mut plan);
        } else {
            cycle.wind_down(&mut plan);
        }
        cycle.remove_expired(&mut plan);
    }
    plan
}

/// The keys of one purpose.
struct Cycle<'a> {
    policy: &'a Policy,
    keyring: &'a Keyring,
    now: Timestamp,
    acknowledgements: &'a Acknowledgements,
    purpose: Purpose,
}

impl<'a> Cycle<'a> {
    fn entries(&self) -> impl Iterator<Item = &'a KeyEntry> + use<'a> {
        self.keyring.of(self.purpose)
    }

    /// Keys in use or about to be, with the instant of their first use and the revision that
    /// says so; the last to come into use is last.
    fn active(&self) -> Vec<(&'a KeyEntry, Timestamp, u64)> {
        let mut active: Vec<_> = self
            .entries()
            .filter_map(|entry| match entry.stage {
                Stage::Active {
                    sign_after,
                    since_revision,
                } => Some((entry, sign_after, since_revision)),
                _ => None,
            })
            .collect();
        active.sort_by_key(|(entry, sign_after, _)| (*sign_after, std::cmp::Reverse(&entry.kid)));
        active
    }

    /// Makes the next key when it is time, and schedules its use once every pod has it.
    fn succeed(&self, plan: &mut Plan) {
        let active = self.active();
        let pending = self
            .entries()
            .find(|entry| matches!(entry.stage, Stage::Published));
        match (pending, active.last()) {
            (Some(pending), youngest) => self.activate(pending, youngest.is_some(), plan),
            (None, None) if self.keyring.revision == 0 => {
                plan.create.push(self.creation(Start::AtOnce));
            }
            (None, None) => plan.create.push(self.creation(Start::Acknowledged)),
            (None, Some((youngest, sign_after, _))) => {
                if self.purpose.rotation() == Rotation::Migration {
                    return;
                }
                let due = after(youngest.created_at, self.policy.rotation_interval)
                    .max(after(*sign_after, self.policy.skew));
                if due <= self.now {
                    plan.create.push(self.creation(Start::Acknowledged));
                } else {
                    plan.at(due, self.now);
                }
            }
        }
    }

    fn creation(&self, start: Start) -> Creation {
        Creation {
            purpose: self.purpose,
            start,
            longest_life: self.policy.longest_life(self.purpose),
        }
    }

    fn activate(&self, pending: &KeyEntry, has_predecessor: bool, plan: &mut Plan) {
        let wait = self.policy.wait(self.purpose);
        let lead = if has_predecessor {
            self.policy.lead(self.purpose)
        } else {
            Period::ZERO
        };
        if self.acknowledgements.all_serve(pending.published_revision) {
            plan.activate.push(Activation {
                kid: pending.kid.clone(),
                sign_after: after(self.now, wait).max(after(pending.published_at, lead)),
            });
            return;
        }
        let slack = Period::from_millis(lead.as_millis().saturating_sub(wait.as_millis()));
        let late_from = after(pending.published_at, slack.max(PATIENCE));
        self.name_lagging(pending, pending.published_revision, late_from, plan);
    }

    fn name_lagging(&self, key: &KeyEntry, revision: u64, late_from: Timestamp, plan: &mut Plan) {
        let pods = self.acknowledgements.lagging(revision);
        if pods.is_empty() {
            return;
        }
        if late_from <= self.now {
            plan.blocked.push(Blocked {
                kid: key.kid.clone(),
                revision,
                pods,
            });
        } else {
            plan.at(late_from, self.now);
        }
    }

    /// Former keys stop once no pod can use them any more: every pod knows that the youngest is
    /// in use, and every clock says so.
    fn retire_former(&self, plan: &mut Plan) {
        if self.purpose.rotation() == Rotation::Retained {
            return;
        }
        let active = self.active();
        let Some(((youngest, sign_after, revision), former)) = active.split_last() else {
            return;
        };
        if former.is_empty() {
            return;
        }
        let settled = after(*sign_after, self.policy.skew);
        if settled > self.now {
            plan.at(settled, self.now);
        } else if self.acknowledgements.all_serve(*revision) {
            for (entry, ..) in former {
                plan.retire.push(self.retirement(entry));
            }
        } else {
            self.name_lagging(youngest, *revision, after(settled, PATIENCE), plan);
        }
    }

    /// Twice the skew: the pod that signed last may be ahead, which lengthens the token, and so
    /// may the pod that drops the key.
    fn retirement(&self, entry: &KeyEntry) -> Retirement {
        let life = entry
            .longest_life
            .max(self.policy.longest_life(self.purpose));
        let apart = sum(self.policy.skew, self.policy.skew);
        Retirement {
            kid: entry.kid.clone(),
            retire_after: after(self.now, sum(life, apart)),
        }
    }

    /// Remembers the longest life of what a key signs, for the day when the policy shortens it.
    fn extend(&self, plan: &mut Plan) {
        let life = self.policy.longest_life(self.purpose);
        for entry in self.entries() {
            let may_sign = !matches!(entry.stage, Stage::Retiring { .. })
                && !plan.retire.iter().any(|r| r.kid == entry.kid);
            if may_sign && entry.longest_life < life {
                plan.extend.push((entry.kid.clone(), life));
            }
        }
    }

    /// Nobody asks for the purpose any more.
    fn wind_down(&self, plan: &mut Plan) {
        for entry in self.entries() {
            match entry.stage {
                Stage::Published => plan.remove.push(Removal {
                    kid: entry.kid.clone(),
                    cause: RemovalCause::NeverUsed,
                }),
                Stage::Active { .. } => plan.retire.push(self.retirement(entry)),
                Stage::Retiring { .. } => {}
            }
        }
    }

    fn remove_expired(&self, plan: &mut Plan) {
        for entry in self.entries() {
            if let Stage::Retiring { retire_after, .. } = entry.stage {
                if retire_after <= self.now {
                    plan.remove.push(Removal {
                        kid: entry.kid.clone(),
                        cause: RemovalCause::Expired,
                    });
                } else {
                    plan.at(retire_after, self.now);
                }
            }
        }
    }
}

/// Why a key is not replaced before its time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplaceFault {
    /// No such key.
    #[error("there is no key {0}")]
    Unknown(KeyId),
    /// Nothing is signed or sealed for the purpose.
    #[error("no key is in use for {0}")]
    Unused(Purpose),
    /// Its successor would change identifiers that others have stored.
    #[error(
        "keys for {0} are replaced only by a migration: what they derive is stored by us and by \
         applications, and would be found no more"
    )]
    Migration(Purpose),
    /// A rotation begun earlier has not come to its end.
    #[error("the rotation has begun: {0} is its new key, and not in use yet")]
    UnderWay(KeyId),
}

/// A planned rotation before its time: the successor is published now, and [`advance`] lets it
/// sign as if the schedule had made it (KC-KEY-02).
///
/// # Errors
/// [`ReplaceFault`] when there is nothing to replace, it takes a migration, or a successor waits
/// already.
pub fn rotate_early(
    keyring: &Keyring,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Plan, ReplaceFault> {
    if purpose.rotation() == Rotation::Migration {
        return Err(ReplaceFault::Migration(purpose));
    }
    let is_to_come = |entry: &&KeyEntry| match entry.stage {
        Stage::Published => true,
        Stage::Active { sign_after, .. } => sign_after > now,
        Stage::Retiring { .. } => false,
    };
    if let Some(successor) = keyring.of(purpose).find(is_to_come) {
        return Err(ReplaceFault::UnderWay(successor.kid.clone()));
    }
    let current = keyring
        .current(purpose, now)
        .ok_or(ReplaceFault::Unused(purpose))?;
    Ok(Plan {
        create: vec![Creation {
            purpose,
            start: Start::Acknowledged,
            longest_life: current.longest_life,
        }],
        ..Plan::default()
    })
}

/// What to do about a key that somebody else knows: it goes at once, and the best successor is
/// used without waiting for caches. Verifiers that hold an older JWK set refuse new tokens until
/// they fetch it anew, and pods that have not acknowledged the new revision must be replaced;
/// the caller states both.
///
/// # Errors
/// [`ReplaceFault`] when there is no such key, or it takes a migration.
pub fn compromise(keyring: &Keyring, kid: &KeyId, now: Timestamp) -> Result<Plan, ReplaceFault> {
    let entry = keyring
        .find(kid)
        .ok_or_else(|| ReplaceFault::Unknown(kid.clone()))?;
    let purpose = entry.purpose;
    let mut plan = Plan::default();
    let at_once = Creation {
        purpose,
        start: Start::AtOnce,
        longest_life: entry.longest_life,
    };
    match purpose.rotation() {
        Rotation::Migration => return Err(ReplaceFault::Migration(purpose)),
        // What it encrypted is still read with it until it was written anew.
        Rotation::Retained => {
            plan.create.push(at_once);
            return Ok(plan);
        }
        Rotation::Published | Rotation::Private => {}
    }
    plan.remove.push(Removal {
        kid: kid.clone(),
        cause: RemovalCause::Compromised,
    });
    let was_in_use = matches!(entry.stage, Stage::Active { .. });
    let others = || keyring.of(purpose).filter(|other| other.kid != *kid);
    if !was_in_use || others().any(|other| other.is_usable(now)) {
        return Ok(plan);
    }
    let successor = others().find(|other| !matches!(other.stage, Stage::Retiring { .. }));
    match successor {
        Some(successor) => plan.activate.push(Activation {
            kid: successor.kid.clone(),
            sign_after: now,
        }),
        None => plan.create.push(at_once),
    }
    Ok(plan)
}

/// The keyring after a plan. Its revision grows by one, or stays when there is nothing to apply.
///
/// # Errors
/// When a key cannot be made; the keyring is then as it was.
pub fn apply(
    keyring: &Keyring,
    plan: &Plan,
    now: Timestamp,
    generator: &mut dyn Generate,
) -> Result<Keyring, GenerateFault> {
    let mut next = keyring.clone();
    if plan.is_empty() {
        return Ok(next);
    }
    next.revision = keyring.revision.saturating_add(1);
    next.entries
        .retain(|entry| !plan.remove.iter().any(|removal| removal.kid == entry.kid));
    for entry in &mut next.entries {
        change(entry, plan, next.revision);
    }
    for creation in &plan.create {
        let key = generator.key(creation.purpose)?;
        next.entries.push(KeyEntry {
            kid: key.kid,
            purpose: creation.purpose,
            material: key.material,
            created_at: now,
            published_at: now,
            published_revision: next.revision,
            longest_life: creation.longest_life,
            stage: match creation.start {
                Start::Acknowledged => Stage::Published,
                Start::AtOnce => Stage::Active {
                    sign_after: now,
                    since_revision: next.revision,
                },
            },
        });
    }
    Ok(next)
}

fn change(entry: &mut KeyEntry, plan: &Plan, revision: u64) {
    if let Some((_, life)) = plan.extend.iter().find(|(kid, _)| *kid == entry.kid) {
        entry.longest_life = *life;
    }
    if let Some(activation) = plan.activate.iter().find(|a| a.kid == entry.kid) {
        entry.stage = Stage::Active {
            sign_after: activation.sign_after,
            since_revision: revision,
        };
    }
    if let Some(retirement) = plan.retire.iter().find(|r| r.kid == entry.kid)
        && let Stage::Active { sign_after, .. } = entry.stage
    {
        entry.stage = Stage::Retiring {
            sign_after,
            retire_after: retirement.retire_after,
        };
    }
}

#[cfg(test)]
mod tests;
