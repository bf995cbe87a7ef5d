//! The resources of the cluster as the compiler reads them: one watch for each kind, and for the
//! Secrets of each namespace that may be read. An object that cannot be understood concerns only
//! itself. A kind that has never been listed stops everything, because without its objects a realm
//! would be another one; one that was listed before goes on as it was. Secrets that cannot be read
//! concern those who need them.

mod document;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use realmwright_compiler::{Manifests, SecretKey};
use realmwright_crds::{Region, RegionSpec};
use realmwright_keys::SecretValue;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::names::{ARTEFACT, MANAGED_BY, OPERATOR};

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// Kind.
    pub kind: String,
    /// Namespace; none of cluster-wide kinds.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectName {
    fn of(kind: &str, object: &DynamicObject) -> Self {
        Self {
            kind: kind.to_owned(),
            namespace: object.namespace(),
            name: object.name_any(),
        }
    }

    /// As diagnostics name it: the place of the document among the manifests.
    fn path(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{}/{namespace}/{}", self.kind, self.name),
            None => format!("{}/{}", self.kind, self.name),
        }
    }
}

/// As diagnostics name objects.
impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            kind,
            namespace,
            name,
        } = self;
        match namespace {
            Some(namespace) => write!(f, "{kind} {namespace}/{name}"),
            None => write!(f, "{kind} {name}"),
        }
    }
}

/// What is known of an object beside its document.
#[derive(Clone, Debug)]
pub struct Known {
    /// `metadata.generation`.
    pub generation: i64,
    /// `metadata.uid`.
    pub uid: String,
    /// `status`, as it was last seen.
    pub status: Value,
}

/// A Secret that may be read.
#[derive(Debug)]
pub struct KnownSecret {
    /// Whether the operator made it.
    pub is_ours: bool,
    /// The values that are text.
    pub values: BTreeMap<String, SecretValue>,
}

#[derive(Default)]
struct Contents {
    manifests: Manifests,
    objects: BTreeMap<ObjectName, Known>,
    secrets: BTreeMap<(String, String), Arc<KnownSecret>>,
    /// Grows with every change of a Secret.
    secret_changes: u64,
    /// Watches whose first list has not come to its end.
    listing: BTreeSet<String>,
    /// What cannot be watched, with the reason that was told.
    unreadable: BTreeMap<String, String>,
}

/// Everything there is, at one moment.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The documents.
    pub manifests: Manifests,
    /// The objects.
    pub objects: BTreeMap<ObjectName, Known>,
    /// Differs when any Secret differs.
    pub secret_changes: u64,
}

impl Moment {
    /// The regions, those that can be read.
    pub fn regions(&self) -> impl Iterator<Item = (&ObjectName, RegionSpec)> {
        let regions = self.objects.keys().filter(|name| name.kind == "Region");
        regions.filter_map(|name| {
            let document = self.manifests.get(&name.path())?;
            let Region { spec, .. } = serde_json::from_slice(document).ok()?;
            Some((name, spec))
        })
    }
}

/// What is watched.
#[derive(Clone)]
pub struct Catalogue {
    contents: Arc<Mutex<Contents>>,
    changed: Arc<watch::Sender<u64>>,
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalogue").finish_non_exhaustive()
    }
}

/// Which Secrets may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretScope {
    /// Those of these namespaces.
    Namespaces(Vec<String>),
    /// All of the cluster.
    Cluster,
}

impl Catalogue {
    /// Watches until the stop.
    #[must_use]
    pub fn watch(client: &Client, scope: &SecretScope, stop: &CancellationToken) -> Self {
        let catalogue = Self {
            contents: Arc::default(),
            changed: Arc::new(watch::Sender::new(0)),
        };
        for resource in resources() {
            catalogue.contents().listing.insert(resource.kind.clone());
            let api = Api::all_with(client.clone(), &resource);
            tokio::spawn(stopping(
                stop.clone(),
                catalogue.clone().watch_kind(resource.kind, api),
            ));
        }
        let apis: Vec<(String, Api<Secret>)> = match scope {
            SecretScope::Cluster => vec![("Secret".to_owned(), Api::all(client.clone()))],
            SecretScope::Namespaces(namespaces) => namespaces
                .iter()
                .map(|namespace| {
                    let api = Api::namespaced(client.clone(), namespace);
                    (format!("Secret in {namespace}"), api)
                })
                .collect(),
        };
        for (what, api) in apis {
            catalogue.contents().listing.insert(what.clone());
            tokio::spawn(stopping(
                stop.clone(),
                catalogue.clone().watch_secrets(what, api),
            ));
        }
        catalogue
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of every change from now on.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// All of it; none before every kind has had its first list.
    #[must_use]
    pub fn moment(&self) -> Option<Moment> {
        let contents = self.contents();
        contents.listing.is_empty().then(|| Moment {
            manifests: contents.manifests.clone(),
            objects: contents.objects.clone(),
            secret_changes: contents.secret_changes,
        })
    }

    /// A Secret, as it was last seen.
    #[must_use]
    pub fn secret(&self, namespace: &str, name: &str) -> Option<Arc<KnownSecret>> {
        let name = (namespace.to_owned(), name.to_owned());
        self.contents().secrets.get(&name).cloned()
    }

    /// The value at a key of a Secret.
    #[must_use]
    pub fn secret_value(&self, key: &SecretKey) -> Option<SecretValue> {
        let secret = self.secret(&key.namespace, &key.name)?;
        secret.values.get(&key.key).cloned()
    }

    fn change(&self, change: impl FnOnce(&mut Contents)) {
        change(&mut self.contents());
        self.changed.send_modify(|count| *count += 1);
    }

    async fn watch_kind(self, kind: String, api: Api<DynamicObject>) {
        let mut listed = BTreeSet::new();
        let mut events = watcher(api, watcher::Config::default())
            .default_backoff()
            .boxed();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => {
                    listed.insert(ObjectName::of(&kind, &object));
                    self.change(|contents| contents.put(&kind, &object));
                }
                Ok(Event::InitDone) => self.change(|contents| {
                    contents.keep_listed(&kind, &listed);
                    contents.listing.remove(&kind);
                    contents.unreadable.remove(&kind);
                }),
                Ok(Event::Apply(object)) => self.change(|contents| contents.put(&kind, &object)),
                Ok(Event::Delete(object)) => {
                    self.change(|contents| contents.remove(&ObjectName::of(&kind, &object)));
                }
                Err(fault) => self.note_unreadable(&kind, &fault.to_string()),
            }
        }
    }

    async fn watch_secrets(self, what: String, api: Api<Secret>) {
        // Those of applications: artefacts are read where they are used.
        let others = watcher::Config::default().labels(&format!("!{ARTEFACT}"));
        let (mut listed, mut held) = (BTreeSet::new(), BTreeSet::new());
        let mut events = watcher(api, others).default_backoff().boxed();
        loop {
            let event = match events.try_next().await {
                Ok(Some(event)) => event,
                Ok(None) => return,
                Err(fault) => {
                    self.note_unreadable(&what, &fault.to_string());
                    if self.contents().listing.remove(&what) {
                        self.change(|_| {});
                    }
                    continue;
                }
            };
            match event {
                Event::Init => listed.clear(),
                Event::InitApply(secret) => {
                    listed.insert(secret_name(&secret));
                    self.change(|contents| contents.put_secret(&secret));
                }
                Event::InitDone => {
                    // What was not listed again is gone.
                    let gone = std::mem::replace(&mut held, listed.clone());
                    self.change(|contents| {
                        for name in gone.difference(&listed) {
                            contents.remove_secret(name);
                        }
                        contents.listing.remove(&what);
                        contents.unreadable.remove(&what);
                    });
                }
                Event::Apply(secret) => {
                    held.insert(secret_name(&secret));
                    self.change(|contents| contents.put_secret(&secret));
                }
                Event::Delete(secret) => {
                    held.remove(&secret_name(&secret));
                    self.change(|contents| contents.remove_secret(&secret_name(&secret)));
                }
            }
        }
    }

    /// Says it once for each reason.
    fn note_unreadable(&self, what: &str, reason: &str) {
        let mut contents = self.contents();
        let told = contents
            .unreadable
            .insert(what.to_owned(), reason.to_owned());
        if told.as_deref() != Some(reason) {
            tracing::error!(what, reason, "cannot be watched; it is tried again");
        }
    }
}

impl Contents {
    fn put(&mut self, kind: &str, object: &DynamicObject) {
        let name = ObjectName::of(kind, object);
        self.manifests
            .insert(name.path(), document::of(kind, object).into_bytes());
        let known = Known {
            generation: object.metadata.generation.unwrap_or_default(),
            uid: object.uid().unwrap_or_default(),
            status: object.data.get("status").cloned().unwrap_or_default(),
        };
        self.objects.insert(name, known);
    }

    fn remove(&mut self, name: &ObjectName) {
        self.manifests.remove(&name.path());
        self.objects.remove(name);
    }

    /// What was not listed again is gone.
    fn keep_listed(&mut self, kind: &str, listed: &BTreeSet<ObjectName>) {
        let gone: Vec<ObjectName> = self
            .objects
            .keys()
            .filter(|name| name.kind == kind && !listed.contains(*name))
            .cloned()
            .collect();
        for name in gone {
            self.remove(&name);
        }
    }

    fn put_secret(&mut self, secret: &Secret) {
        let data = secret.data.iter().flatten();
        let values = data.filter_map(|(key, bytes)| {
            let text = std::str::from_utf8(&bytes.0).ok()?;
            let value = SecretValue::new(text.trim_end_matches(['\r', '\n']));
            Some((key.clone(), value))
        });
        let known = KnownSecret {
            is_ours: secret.labels().get(MANAGED_BY).map(String::as_str) == Some(OPERATOR),
            values: values.collect(),
        };
        self.secrets.insert(secret_name(secret), Arc::new(known));
        self.secret_changes += 1;
    }

    fn remove_secret(&mut self, name: &(String, String)) {
        self.secrets.remove(name);
        self.secret_changes += 1;
    }
}

fn secret_name(secret: &Secret) -> (String, String) {
    (secret.namespace().unwrap_or_default(), secret.name_any())
}

/// Every kind of ours.
fn resources() -> impl Iterator<Item = ApiResource> {
    realmwright_crds::definitions()
        .into_iter()
        .map(|definition| ApiResource {
            group: definition.spec.group.clone(),
            version: realmwright_crds::VERSION.to_owned(),
            api_version: realmwright_crds::API_VERSION.to_owned(),
            kind: definition.spec.names.kind,
            plural: definition.spec.names.plural,
        })
}

/// The kind of this name.
pub(crate) fn resource_of(kind: &str) -> Option<ApiResource> {
    resources().find(|resource| resource.kind == kind)
}

async fn stopping(stop: CancellationToken, work: impl Future<Output = ()>) {
    stop.run_until_cancelled(work).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(listing: &[&str]) -> Catalogue {
        let catalogue = Catalogue {
            contents: Arc::default(),
            changed: Arc::new(watch::Sender::new(0)),
        };
        catalogue.contents().listing = listing.iter().map(|what| (*what).to_owned()).collect();
        catalogue
    }

    /// FLOW-04: a realm without its clients is another realm, and would replace the good one.
    #[test]
    fn a_kind_that_could_not_be_listed_stops_everything() {
        let catalogue = catalogue(&["Client"]);
        catalogue.note_unreadable("Client", "403 Forbidden");
        assert!(catalogue.moment().is_none());
        catalogue.change(|contents| {
            contents.listing.remove("Client");
        });
        assert!(catalogue.moment().is_some());
        catalogue.note_unreadable("Client", "500 Internal Server Error");
        assert!(catalogue.moment().is_some(), "what was listed goes on");
    }
}
