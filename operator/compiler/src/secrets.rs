//! Secrets: which ones a realm needs, where they come from, and the values that plain `Secret`
//! manifests supply, apart from everything that is compiled.

use std::fmt;
use std::sync::Arc;

use realmwright_snapshot::SecretHandle;
use secrecy::SecretSlice;

use crate::index::Secrets;
use crate::object::Object;

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

/// The needs of a realm, in the order of their handles. The same list, by pointer, as long as the
/// same compiler finds the same needs.
pub type SecretNeeds = Arc<[Arc<SecretNeed>]>;

/// The values of the plain `v1` Secrets among the manifests. `Debug` shows the names only.
#[derive(Clone, Default)]
pub struct SecretValues {
    /// In the order of their ids.
    objects: Arc<[Arc<Object>]>,
}

impl fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.objects.iter().map(|object| object.id.to_string());
        f.debug_set().entries(names).finish()
    }
}

impl SecretValues {
    /// Those of now; the same ones, by pointer, as long as nothing changed.
    pub(crate) fn now(&mut self, secrets: &Secrets<'_>) -> Self {
        let known = self.objects.iter();
        if !known
            .map(Arc::as_ptr)
            .eq(secrets.objects().map(Arc::as_ptr))
        {
            self.objects = secrets.objects().map(Arc::clone).collect();
        }
        self.clone()
    }

    /// The value at a key.
    #[must_use]
    pub fn get(&self, key: &SecretKey) -> Option<&SecretSlice<u8>> {
        let objects = &self.objects;
        let found = objects.binary_search_by(|object| {
            (object.id.namespace.as_str(), object.id.name.as_str())
                .cmp(&(key.namespace.as_str(), key.name.as_str()))
        });
        objects.get(found.ok()?)?.secret()?.get(&key.key)
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = SecretKey> {
        self.objects.iter().flat_map(|object| {
            let data = object.secret().into_iter().flatten();
            data.map(|(key, _)| SecretKey {
                namespace: object.id.namespace.clone(),
                name: object.id.name.clone(),
                key: key.clone(),
            })
        })
    }

    /// Whether both are of the same manifests, by pointer.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.objects, &other.objects)
    }
}
