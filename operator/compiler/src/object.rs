//! Typed resources and how they are named.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use realmwright_crds::{
    AttributeStoreSpec, AuthFlowSpec, AuthMethodSpec, ClientSpec, RealmRef, RealmSpec,
    RealmTestSpec, ReferenceGrantSpec, RegionSpec, ScopeSpec,
};
use realmwright_snapshot::Digest;
use secrecy::SecretSlice;

use crate::clients::ClientOutcome;
use crate::fault::Fault;
use crate::manifests::Document;

use crate::stage::Made;

/// The kinds that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Region,
    Realm,
    Client,
    Scope,
    AttributeStore,
    AuthMethod,
    AuthFlow,
    RealmTest,
    ReferenceGrant,
    Secret,
}

impl Kind {
    pub(crate) const OURS: [Self; 9] = [
        Self::Region,
        Self::Realm,
        Self::Client,
        Self::Scope,
        Self::AttributeStore,
        Self::AuthMethod,
        Self::AuthFlow,
        Self::RealmTest,
        Self::ReferenceGrant,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Region => "Region",
            Self::Realm => "Realm",
            Self::Client => "Client",
            Self::Scope => "Scope",
            Self::AttributeStore => "AttributeStore",
            Self::AuthMethod => "AuthMethod",
            Self::AuthFlow => "AuthFlow",
            Self::RealmTest => "RealmTest",
            Self::ReferenceGrant => "ReferenceGrant",
            Self::Secret => "Secret",
        }
    }

    pub(crate) const fn is_namespaced(self) -> bool {
        !matches!(self, Self::Region)
    }

    /// Whether objects of the kind belong to a realm by `spec.realmRef`.
    pub(crate) const fn has_realm_ref(self) -> bool {
        match self {
            Self::Region | Self::Realm | Self::ReferenceGrant | Self::Secret => false,
            Self::Client
            | Self::Scope
            | Self::AttributeStore
            | Self::AuthMethod
            | Self::AuthFlow
            | Self::RealmTest => true,
        }
    }
}

/// What tells objects apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectId {
    pub(crate) kind: Kind,
    /// Empty for cluster-scoped kinds.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            namespace,
            name,
        } = self;
        if namespace.is_empty() {
            write!(f, "{} {name}", kind.as_str())
        } else {
            write!(f, "{} {namespace}/{name}", kind.as_str())
        }
    }
}

/// Namespace and name of a Realm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RealmKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl RealmKey {
    /// The realm that an object of `namespace` refers to.
    fn referred(reference: &RealmRef, namespace: &str) -> Self {
        Self {
            namespace: reference
                .namespace
                .as_ref()
                .map_or_else(|| namespace.to_owned(), ToString::to_string),
            name: reference.name.to_string(),
        }
    }
}

/// The values of a Secret manifest.
pub(crate) type SecretData = BTreeMap<String, SecretSlice<u8>>;

/// A resource whose structure and own rules hold.
#[derive(Debug)]
pub(crate) enum Resource {
    Region(Box<RegionSpec>),
    Realm(Box<RealmSpec>),
    Client(Box<ClientSpec>),
    Scope(Box<ScopeSpec>),
    AttributeStore(Box<AttributeStoreSpec>),
    AuthMethod(Box<AuthMethodSpec>),
    AuthFlow(Box<AuthFlowSpec>),
    RealmTest(Box<RealmTestSpec>),
    ReferenceGrant(Box<ReferenceGrantSpec>),
    Secret(SecretData),
}

impl Resource {
    fn realm_ref(&self) -> Option<&RealmRef> {
        match self {
            Self::Client(spec) => Some(&spec.realm_ref),
            Self::Scope(spec) => Some(&spec.realm_ref),
            Self::AttributeStore(spec) => Some(&spec.realm_ref),
            Self::AuthMethod(spec) => Some(&spec.realm_ref),
            Self::AuthFlow(spec) => Some(&spec.realm_ref),
            Self::RealmTest(spec) => Some(&spec.realm_ref),
            Self::Region(_) | Self::Realm(_) | Self::ReferenceGrant(_) | Self::Secret(_) => None,
        }
    }
}

/// A resource with its name.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) id: ObjectId,
    /// Of the document that it stands in.
    pub(crate) digest: Digest,
    /// The realm that it belongs to, for kinds that belong to one.
    pub(crate) realm: Option<RealmKey>,
    pub(crate) resource: Resource,
    /// When it is a Client, what it is as a value.
    pub(crate) client: Made<ClientOutcome>,
    /// When it is an AuthFlow, what is wrong with its graph.
    pub(crate) graph: Made<Vec<Fault>>,
}

impl Object {
    pub(crate) fn new(id: ObjectId, digest: Digest, resource: Resource) -> Self {
        Self {
            realm: resource
                .realm_ref()
                .map(|reference| RealmKey::referred(reference, &id.namespace)),
            id,
            digest,
            resource,
            client: Made::default(),
            graph: Made::default(),
        }
    }

    /// What others call it: Clients by their identifier, Scopes by their token.
    pub(crate) fn called(&self) -> &str {
        let said = match &self.resource {
            Resource::Client(spec) => spec.identifier.as_deref(),
            Resource::Scope(spec) => spec.scope.as_deref(),
            _ => None,
        };
        said.unwrap_or(&self.id.name)
    }

    /// The values, when it is a Secret.
    pub(crate) fn secret(&self) -> Option<&SecretData> {
        match &self.resource {
            Resource::Secret(data) => Some(data),
            _ => None,
        }
    }
}

/// An object and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) object: Arc<Object>,
    pub(crate) document: Document,
}
