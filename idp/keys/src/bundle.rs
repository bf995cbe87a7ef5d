//! The secret bundle: the values behind a snapshot's secret handles.

use std::collections::BTreeMap;

use jiff::Timestamp;
use realmwright_snapshot::{RealmId, SecretHandle};
use serde::{Deserialize, Serialize};

use crate::material::SecretValue;

/// A value that is still accepted after it was replaced (OIDC-11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviousValue {
    /// The value.
    pub value: SecretValue,
    /// Refused from then on.
    pub not_after: Timestamp,
}

/// A value that pods accept already, before its owner is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpcomingValue {
    /// The value.
    pub value: SecretValue,
    /// Bundle revision that first held it.
    pub published_revision: u64,
}

/// The values of one handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretValues {
    /// The value that its owner has been told.
    pub current: SecretValue,
    /// When it became the current one.
    pub since: Timestamp,
    /// The one before, during the overlap of a rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousValue>,
    /// The next one, until every pod has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upcoming: Option<UpcomingValue>,
}

impl SecretValues {
    /// One value that is not being rotated.
    #[must_use]
    pub const fn of(current: SecretValue, since: Timestamp) -> Self {
        Self {
            current,
            since,
            previous: None,
            upcoming: None,
        }
    }

    /// Every value that is accepted, with the instant from which it is refused; none has no end.
    /// Whoever compares goes through all of them by its own clock.
    pub fn accepted(&self) -> impl Iterator<Item = (&SecretValue, Option<Timestamp>)> {
        let upcoming = self.upcoming.iter().map(|upcoming| (&upcoming.value, None));
        let previous = self
            .previous
            .iter()
            .map(|previous| (&previous.value, Some(previous.not_after)));
        std::iter::once((&self.current, None))
            .chain(upcoming)
            .chain(previous)
    }
}

/// The secret values of a realm in a region. A bundle keeps every handle of the snapshots that
/// may still be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretBundle {
    /// The realm.
    pub realm: RealmId,
    /// Grows by one with every change.
    pub revision: u64,
    /// Values by handle.
    pub secrets: BTreeMap<SecretHandle, SecretValues>,
}

/// Bytes that are not a secret bundle. The message never quotes the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a secret bundle (line {line}, column {column})")]
pub struct BundleFault {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

impl SecretBundle {
    /// A bundle without secrets.
    #[must_use]
    pub const fn empty(realm: RealmId) -> Self {
        Self {
            realm,
            revision: 0,
            secrets: BTreeMap::new(),
        }
    }

    /// The values of a handle.
    #[must_use]
    pub fn get(&self, handle: &SecretHandle) -> Option<&SecretValues> {
        self.secrets.get(handle)
    }

    /// Reads `secrets.json`.
    ///
    /// # Errors
    /// [`BundleFault`], without any of the content.
    pub fn from_json(bytes: &[u8]) -> Result<Self, BundleFault> {
        serde_json::from_slice(bytes).map_err(|fault| BundleFault {
            line: fault.line(),
            column: fault.column(),
        })
    }

    /// Writes `secrets.json`. The bytes are secret: a file of mode 0600, or a Secret.
    ///
    /// # Errors
    /// Never for values of this type; the encoder's own error type is passed on.
    pub fn to_json(&self) -> Result<zeroize::Zeroizing<Vec<u8>>, serde_json::Error> {
        serde_json::to_vec_pretty(self).map(zeroize::Zeroizing::new)
    }
}
