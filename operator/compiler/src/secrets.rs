//! Secrets: which ones a realm needs, where they come from, and the values that plain `Secret`
//! manifests supply, apart from everything that is compiled.

use std::collections::BTreeMap;
use std::fmt;

use realmwright_snapshot::SecretHandle;
use secrecy::SecretSlice;

/// One key of one Kubernetes Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretKey {
    /// Namespace of the Secret.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Key in its data.
    pub key: String,
}

impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}[{}]", self.namespace, self.name, self.key)
    }
}

/// Where the value of a handle comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretOrigin {
    /// Made by the operator or `dev` (256 random bits), and kept at this key (OIDC-10).
    Generated(SecretKey),
    /// Supplied in a Secret.
    Secret(SecretKey),
}

impl SecretOrigin {
    /// Where the value lies.
    #[must_use]
    pub const fn key(&self) -> &SecretKey {
        match self {
            Self::Generated(key) | Self::Secret(key) => key,
        }
    }
}

/// What the value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretPurpose {
    /// Shared secret of a client.
    ClientSecret,
    /// Password hash of a bootstrap account: PHC or modular crypt text.
    PasswordHash,
}

/// One secret that a realm cannot be served without.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretNeed {
    /// How the snapshot names it.
    pub handle: SecretHandle,
    /// What it is for.
    pub purpose: SecretPurpose,
    /// Where it comes from.
    pub origin: SecretOrigin,
}

/// The values of the plain `v1` Secrets among the manifests. `Debug` shows the keys only.
#[derive(Clone, Debug, Default)]
pub struct SecretValues(BTreeMap<SecretKey, SecretSlice<u8>>);

impl SecretValues {
    /// The value at a key.
    #[must_use]
    pub fn get(&self, key: &SecretKey) -> Option<&SecretSlice<u8>> {
        self.0.get(key)
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &SecretKey> {
        self.0.keys()
    }

    pub(crate) fn insert(&mut self, key: SecretKey, value: SecretSlice<u8>) {
        self.0.insert(key, value);
    }
}
