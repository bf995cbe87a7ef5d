//! Artefacts in the cluster. Everything is created once but the head and the authoritative
//! keyring, which are replaced only where nobody else has moved them meanwhile.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use realmwright_artefacts::{Head, Offer};
use realmwright_keys::Keyring;
use realmwright_snapshot::{RealmId, RegionName};

use super::objects::{
    self, Artefact, ObjectFault, bundle_objects, chunks, head_name, head_object, kept_keyring_name,
    keyring_name, keyring_object, part_name, read_bundle, read_head, read_keyring, read_part,
    read_snapshot, secrets_name, snapshot_name, snapshot_objects,
};
use crate::names::{ARTEFACT, Placement, REALM, keys_namespace, realm_label};

/// So many revisions of each artefact are kept.
const KEPT: usize = 5;

/// Why the store did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// The API server refused, or was not reached.
    #[error("the Kubernetes API did not {what}")]
    Api {
        /// What was asked for.
        what: String,
        /// What it said.
        #[source]
        source: Box<kube::Error>,
    },
    /// Somebody else moved it since it was read: read it again.
    #[error("{0} was changed by somebody else")]
    Moved(String),
    /// It is there and not to be understood.
    #[error(transparent)]
    Object(#[from] ObjectFault),
    /// A value that has no JSON form.
    #[error("an artefact cannot be written")]
    Encode(#[from] serde_json::Error),
}

fn api_fault(what: impl Into<String>) -> impl FnOnce(kube::Error) -> StoreFault {
    let what = what.into();
    |source| StoreFault::Api {
        what,
        source: Box::new(source),
    }
}

/// Whether the server's answer was this status.
fn is_status(fault: &kube::Error, code: u16) -> bool {
    matches!(fault, kube::Error::Api(status) if status.code == code)
}

/// Something with the version of its object, for compare-and-swap.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// `metadata.resourceVersion`.
    pub version: String,
}

/// Artefacts in the cluster.
#[derive(Clone)]
pub struct Store {
    client: Client,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Over this connection.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn heads(&self, namespace: &str) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn get(&self, namespace: &str, name: &str) -> Result<Secret, StoreFault> {
        let found = self.secrets(namespace).get(name).await;
        found.map_err(api_fault(format!("read Secret {namespace}/{name}")))
    }

    /// The head of a placement; none before the first.
    ///
    /// # Errors
    /// [`StoreFault`].
    pub async fn head(
        &self,
        namespace: &str,
        realm: &RealmId,
    ) -> Result<Option<Versioned<Head>>, StoreFault> {
        let name = head_name(realm);
        let found = self.heads(namespace).get_opt(&name).await;
        let found = found.map_err(api_fault(format!("read ConfigMap {namespace}/{name}")))?;
        found.map_or(Ok(None), |object| {
            let (_, head) = read_head(&object)?;
            Ok(Some(Versioned {
                value: head,
                version: object.resource_version().unwrap_or_default(),
            }))
        })
    }

    /// All heads of an instance.
    ///
    /// # Errors
    /// [`StoreFault`].
    pub async fn all_heads(&self, namespace: &str) -> Result<Vec<(RealmId, Head)>, StoreFault> {
        let wanted = format!("{ARTEFACT}={}", Artefact::Head.as_str());
        let wanted = ListParams::default().labels(&wanted);
        let listed = self.heads(namespace).list(&wanted).await;
        let listed = listed.map_err(api_fault(format!("list the heads in {namespace}")))?;
        let heads = listed.items.iter().map(read_head);
        Ok(heads.collect::<Result<_, _>>()?)
    }

    /// What a head names.
    ///
    /// # Errors
    /// [`StoreFault`].
    pub async fn load(
        &self,
        namespace: &str,
        realm: &RealmId,
        head: Head,
    ) -> Result<Offer, StoreFault> {
        let name = snapshot_name(realm, (head.incarnation, head.revision));
        let mut snapshot = read_snapshot(&self.get(namespace, &name).await?)?;
        let missing: Vec<_> = snapshot.missing().copied().collect();
        for digest in missing {
            let part = self.get(namespace, &part_name(realm, &digest)).await?;
            snapshot.parts.insert(digest, read_part(&part, &digest)?);
        }
        let name = keyring_name(realm, head.keyring);
        let keyring = read_keyring(&self.get(namespace, &name).await?)?;
        let first = secrets_name(realm, head.secrets, 0);
        let mut bundle = vec![self.get(namespace, &first).await?];
        for chunk in 1..bundle.first().map_or(1, chunks) {
            let name = secrets_name(realm, head.secrets, chunk);
            bundle.push(self.get(namespace, &name).await?);
        }
        let (envelope, sealed) = snapshot.sealed();
        Ok(Offer {
            envelope,
            sealed: Arc::new(sealed),
            keyring: Arc::new(keyring),
            secrets: Arc::new(read_bundle(&bundle)?),
        })
    }

    /// Writes what an offer holds and `former` does not, and moves the head to it.
    ///
    /// # Errors
    /// [`StoreFault::Moved`] when the head is not where it was; then nothing of it is served.
    pub async fn ship(
        &self,
        namespace: &str,
        offer: &Offer,
        former: Option<&Offer>,
        head: Option<&Versioned<Head>>,
    ) -> Result<Versioned<Head>, StoreFault> {
        let realm = offer.realm();
        let mut wanted = Vec::new();
        if former.is_none_or(|former| former.envelope.order() != offer.envelope.order()) {
            wanted.extend(snapshot_objects(&offer.envelope, &offer.sealed)?);
        }
        if former.is_none_or(|former| former.keyring.revision != offer.keyring.revision) {
            let name = keyring_name(realm, offer.keyring.revision);
            wanted.push(keyring_object(&offer.keyring, name)?);
        }
        if former.is_none_or(|former| former.secrets.revision != offer.secrets.revision) {
            wanted.extend(bundle_objects(&offer.secrets)?);
        }
        for object in &wanted {
            self.create(namespace, object).await?;
        }
        self.move_head(namespace, realm, &Head::of(offer), head)
            .await
    }

    /// Creates what is content-addressed or numbered: what is there already is the same, or is left
    /// from a write whose head was never moved, and is replaced.
    async fn create(&self, namespace: &str, object: &Secret) -> Result<(), StoreFault> {
        let api = self.secrets(namespace);
        let name = object.name_any();
        match api.create(&PostParams::default(), object).await {
            Err(fault) if is_status(&fault, 409) => {}
            created => {
                let what = format!("create Secret {namespace}/{name}");
                return created.map(|_| ()).map_err(api_fault(what));
            }
        }
        let there = self.get(namespace, &name).await?;
        if there.data == object.data {
            return Ok(());
        }
        let what = format!("replace Secret {namespace}/{name}");
        let deleted = api.delete(&name, &DeleteParams::default()).await;
        deleted.map_err(api_fault(what.clone()))?;
        let created = api.create(&PostParams::default(), object).await;
        created.map(|_| ()).map_err(api_fault(what))
    }

    async fn move_head(
        &self,
        namespace: &str,
        realm: &RealmId,
        head: &Head,
        former: Option<&Versioned<Head>>,
    ) -> Result<Versioned<Head>, StoreFault> {
        let api = self.heads(namespace);
        let mut object = head_object(realm, head)?;
        let name = object.name_any();
        let moved = match former {
            None => api.create(&PostParams::default(), &object).await,
            Some(former) => {
                object.metadata.resource_version = Some(former.version.clone());
                api.replace(&name, &PostParams::default(), &object).await
            }
        };
        match moved {
            Ok(object) => Ok(Versioned {
                value: *head,
                version: object.resource_version().unwrap_or_default(),
            }),
            Err(fault) if is_status(&fault, 409) => {
                Err(StoreFault::Moved(format!("ConfigMap {namespace}/{name}")))
            }
            Err(fault) => Err(api_fault(format!("write ConfigMap {namespace}/{name}"))(
                fault,
            )),
        }
    }

    /// The authoritative keyring; none before the first.
    ///
    /// # Errors
    /// [`StoreFault`].
    pub async fn keyring(
        &self,
        region: &RegionName,
        realm: &RealmId,
    ) -> Result<Option<Versioned<Keyring>>, StoreFault> {
        let (namespace, name) = (keys_namespace(region), kept_keyring_name(realm));
        let found = self.secrets(&namespace).get_opt(&name).await;
        let found = found.map_err(api_fault(format!("read Secret {namespace}/{name}")))?;
        found.map_or(Ok(None), |object| {
            Ok(Some(Versioned {
                value: read_keyring(&object)?,
                version: object.resource_version().unwrap_or_default(),
            }))
        })
    }

    /// Keeps a keyring before anybody sees it.
    ///
    /// # Errors
    /// [`StoreFault::Moved`] when somebody else keeps another one.
    pub async fn keep_keyring(
        &self,
        region: &RegionName,
        keyring: &Keyring,
        former: Option<&Versioned<Keyring>>,
    ) -> Result<Versioned<Keyring>, StoreFault> {
        let (namespace, name) = (keys_namespace(region), kept_keyring_name(&keyring.realm));
        let mut object = keyring_object(keyring, name.clone())?;
        object.immutable = None;
        let api = self.secrets(&namespace);
        let kept = match former {
            None => api.create(&PostParams::default(), &object).await,
            Some(former) => {
                object.metadata.resource_version = Some(former.version.clone());
                api.replace(&name, &PostParams::default(), &object).await
            }
        };
        match kept {
            Ok(object) => Ok(Versioned {
                value: keyring.clone(),
                version: object.resource_version().unwrap_or_default(),
            }),
            Err(fault) if is_status(&fault, 409) => {
                Err(StoreFault::Moved(format!("Secret {namespace}/{name}")))
            }
            Err(fault) => Err(api_fault(format!("write Secret {namespace}/{name}"))(fault)),
        }
    }

    /// Deletes what none of the last revisions of a placement needs.
    ///
    /// # Errors
    /// [`StoreFault`]; what is left is deleted the next time.
    pub async fn collect(&self, placement: &Placement, offer: &Offer) -> Result<(), StoreFault> {
        let namespace = placement.namespace();
        let api = self.secrets(&namespace);
        let wanted = format!("{REALM}={}", realm_label(&placement.realm));
        let listed = api.list(&ListParams::default().labels(&wanted)).await;
        let listed = listed.map_err(api_fault(format!("list the artefacts in {namespace}")))?;
        for name in objects::superfluous(&listed.items, offer, KEPT) {
            match api.delete(&name, &DeleteParams::default()).await {
                Err(fault) if !is_status(&fault, 404) => {
                    return Err(api_fault(format!("delete Secret {namespace}/{name}"))(
                        fault,
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
