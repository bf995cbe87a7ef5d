//! The life cycle of client secrets: generated, supplied, rotated with an overlap in which old
//! and new are both accepted (OIDC-10, OIDC-11).

use std::collections::BTreeMap;

use jiff::Timestamp;
use realmwright_snapshot::{
    ClientAuthentication, Period, RealmSnapshot, SecretHandle, SecretRotation,
};

use crate::bundle::{PreviousValue, SecretValues, UpcomingValue};
use crate::generate::{Generate, GenerateFault};
use crate::life_cycle::Acknowledgements;
use crate::material::SecretValue;

/// Octets that a supplied secret has at least: 128 bits if every bit counts.
const SHORTEST: usize = 16;

/// What the rotation of a generated secret goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretPolicy {
    /// A new value is made so long after the current one was told; none for no rotation by
    /// schedule.
    pub interval: Option<Period>,
    /// The former value is accepted so long after the new one was told.
    pub overlap: Period,
}

impl SecretPolicy {
    /// Of a secret without a schedule. One that its owner replaced is accepted for an hour, as
    /// people copy it by hand.
    pub const BY_HAND: Self = Self {
        interval: None,
        overlap: Period::from_secs(3600),
    };
}

/// By handle, the policies that a realm declares for its generated secrets.
#[must_use]
pub fn secret_policies(realm: &RealmSnapshot) -> BTreeMap<&SecretHandle, SecretPolicy> {
    realm
        .clients
        .values()
        .filter_map(|client| match &client.oidc.as_ref()?.authentication {
            ClientAuthentication::Secret {
                secret,
                rotation: Some(rotation),
                ..
            } => Some((secret, SecretPolicy::from(*rotation))),
            _ => None,
        })
        .collect()
}

impl From<SecretRotation> for SecretPolicy {
    fn from(SecretRotation { interval, overlap }: SecretRotation) -> Self {
        Self {
            interval: Some(interval),
            overlap,
        }
    }
}

/// The next step of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretStep {
    /// Nothing before this instant, or before acknowledgements change.
    Wait(Option<Timestamp>),
    /// Store these values in the bundle's next revision. Nobody is told anything yet.
    Store(SecretValues),
    /// Tell the owner the current value of these, and store them in the bundle's next revision.
    Tell(SecretValues),
}

/// Why a supplied secret is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SupplyFault {
    /// Too short to hold 128 bits.
    #[error("a client secret has at least {SHORTEST} characters")]
    TooShort,
    /// Cannot be sent in a form or a header.
    #[error("a client secret has only printable ASCII characters")]
    Characters,
}

impl SupplyFault {
    /// Checks a value.
    ///
    /// # Errors
    /// [`SupplyFault`] says what is wrong with it.
    pub fn check(value: &SecretValue) -> Result<(), Self> {
        let text = value.expose();
        if text.len() < SHORTEST {
            return Err(Self::TooShort);
        }
        // RFC 6749 appendix A.2.
        if !text.bytes().all(|octet| (0x20..=0x7e).contains(&octet)) {
            return Err(Self::Characters);
        }
        Ok(())
    }
}

fn after(at: Timestamp, period: Period) -> Timestamp {
    at.saturating_add(period.as_duration())
        .unwrap_or(Timestamp::MAX)
}

/// The next step of a generated secret. The new value is accepted by every pod before its owner
/// is told, so that it never fails; the former one is accepted through the overlap.
///
/// # Errors
/// When a value cannot be made.
pub fn advance_secret(
    policy: SecretPolicy,
    values: &SecretValues,
    next_revision: u64,
    now: Timestamp,
    acknowledgements: &Acknowledgements,
    generator: &mut dyn Generate,
) -> Result<SecretStep, GenerateFault> {
    if let Some(upcoming) = &values.upcoming {
        if !acknowledgements.all_serve(upcoming.published_revision) {
            return Ok(SecretStep::Wait(None));
        }
        return Ok(SecretStep::Tell(SecretValues {
            current: upcoming.value.clone(),
            since: now,
            previous: Some(PreviousValue {
                value: values.current.clone(),
                not_after: after(now, policy.overlap),
            }),
            upcoming: None,
        }));
    }
    if let Some(previous) = &values.previous {
        if previous.not_after <= now {
            let mut values = values.clone();
            values.previous = None;
            return Ok(SecretStep::Store(values));
        }
        return Ok(SecretStep::Wait(Some(previous.not_after)));
    }
    match policy
        .interval
        .map(|interval| after(values.since, interval))
    {
        Some(due) if due <= now => rotate(values, next_revision, generator).map(SecretStep::Store),
        due => Ok(SecretStep::Wait(due)),
    }
}

/// Begins a rotation now: a new value that pods accept and nobody is told yet. A rotation under
/// way goes on with the value it has.
///
/// # Errors
/// When a value cannot be made.
pub fn rotate(
    values: &SecretValues,
    next_revision: u64,
    generator: &mut dyn Generate,
) -> Result<SecretValues, GenerateFault> {
    let mut values = values.clone();
    if values.upcoming.is_none() {
        values.upcoming = Some(UpcomingValue {
            value: generator.secret()?,
            published_revision: next_revision,
        });
    }
    Ok(values)
}

/// Takes a value that its owner supplied. The former one is accepted through the overlap; the
/// same value again changes nothing.
///
/// # Errors
/// [`SupplyFault`] when the value is too weak or cannot be sent.
pub fn supply(
    former: Option<&SecretValues>,
    value: SecretValue,
    overlap: Period,
    now: Timestamp,
) -> Result<SecretValues, SupplyFault> {
    SupplyFault::check(&value)?;
    match former {
        Some(former) if former.current == value => Ok(former.clone()),
        Some(former) => Ok(SecretValues {
            current: value,
            since: now,
            previous: Some(PreviousValue {
                value: former.current.clone(),
                not_after: after(now, overlap),
            }),
            upcoming: None,
        }),
        None => Ok(SecretValues::of(value, now)),
    }
}
