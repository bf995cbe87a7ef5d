//! What each key of a keyring does at a moment, for whoever reports it. No key material.

use jiff::Timestamp;
use serde::Serialize;

use crate::keyring::{KeyEntry, Keyring, Purpose, Stage};
use crate::material::KeyId;

/// A key as others may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyStanding {
    /// Identifier.
    pub kid: KeyId,
    /// What it is for.
    #[serde(flatten)]
    pub purpose: Purpose,
    /// What it does.
    pub standing: Standing,
    /// Since when it is known to pods and, where it signs, published.
    pub published_at: Timestamp,
    /// First use; none while that is open.
    pub used_from: Option<Timestamp>,
    /// It is accepted until then; none while that is open.
    pub accepted_until: Option<Timestamp>,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// It will be used, at a moment that is known or once every pod has it.
    Upcoming,
    /// It signs or seals.
    InUse,
    /// It verifies and opens what it made before.
    Former,
}

impl Keyring {
    /// What each key that is accepted at `now` does then, oldest first.
    #[must_use]
    pub fn standings(&self, now: Timestamp) -> Vec<KeyStanding> {
        let accepted = self.entries.iter().filter(|entry| entry.is_accepted(now));
        accepted.map(|entry| self.standing(entry, now)).collect()
    }

    fn standing(&self, entry: &KeyEntry, now: Timestamp) -> KeyStanding {
        let is_current = self
            .current(entry.purpose, now)
            .is_some_and(|current| current.kid == entry.kid);
        let (standing, used_from, accepted_until) = match entry.stage {
            Stage::Published => (Standing::Upcoming, None, None),
            Stage::Active { sign_after, .. } if sign_after > now => {
                (Standing::Upcoming, Some(sign_after), None)
            }
            Stage::Active { sign_after, .. } if is_current => {
                (Standing::InUse, Some(sign_after), None)
            }
            Stage::Active { sign_after, .. } => (Standing::Former, Some(sign_after), None),
            Stage::Retiring {
                sign_after,
                retire_after,
            } => (Standing::Former, Some(sign_after), Some(retire_after)),
        };
        KeyStanding {
            kid: entry.kid.clone(),
            purpose: entry.purpose,
            standing,
            published_at: entry.published_at,
            used_from,
            accepted_until,
        }
    }
}
