//! Applying what a region should have. An object that was applied as it is now is read and not
//! written again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use realmwright_compiler::SecretKey;
use realmwright_crds::region::{Place, RegionSpec};
use realmwright_keys::SecretValue;
use realmwright_snapshot::{Digest, RegionName};
use serde_json::{Value, json};

use super::build::{DATABASE, DATABASE_KEY, InstanceView, PodSettings, instances, namespaces};
use crate::catalogue::Catalogue;
use crate::names::{MANAGED_BY, OPERATOR};

/// What others change is looked for so often.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// Digest of what was applied, on the object.
const APPLIED: &str = "realmwright.dev/applied";

/// Why a region does not run what it should. What runs goes on.
#[derive(Debug, thiserror::Error)]
pub enum RegionFault {
    /// The API server.
    #[error("{kind} {name} cannot be applied")]
    Api {
        /// Kind.
        kind: String,
        /// Namespace and name.
        name: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// An instance has nowhere to write to.
    #[error("instance {0} has no database; set spec.database of the region, or the instance's own")]
    NoDatabase(String),
    /// The Secret with the database's URL.
    #[error(
        "Secret {0}, which holds the URL of the database, is not there, or its namespace may not be read"
    )]
    NoUrl(SecretKey),
}

/// How far an instance has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// All of it.
    Whole,
    /// The migration has not ended yet.
    Migrating,
}

/// Applies.
#[derive(Clone)]
pub struct Regions {
    client: Client,
    settings: PodSettings,
    cluster: Option<String>,
    done: BTreeMap<RegionName, Done>,
}

/// What a region was applied from.
#[derive(Clone)]
struct Done {
    spec: RegionSpec,
    secret_changes: u64,
    at: Timestamp,
}

impl std::fmt::Debug for Regions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Regions")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Regions {
    /// Over this connection, with these images, in the cluster of this name.
    #[must_use]
    pub const fn new(client: Client, settings: PodSettings, cluster: Option<String>) -> Self {
        Self {
            client,
            settings,
            cluster,
            done: BTreeMap::new(),
        }
    }

    /// Whether the pods of a region run in this cluster.
    #[must_use]
    pub fn serves(&self, spec: &RegionSpec) -> bool {
        match &spec.place {
            Some(Place::Cluster(cluster)) => self.cluster.as_deref() == Some(cluster.as_str()),
            Some(Place::NodeSelector(_)) | None => true,
        }
    }

    /// Whether a region was applied as it is now, a short while ago. What others change of it
    /// meanwhile is put right after that while.
    #[must_use]
    pub fn is_done(
        &self,
        region: &RegionName,
        spec: &RegionSpec,
        secret_changes: u64,
        now: Timestamp,
    ) -> bool {
        self.done.get(region).is_some_and(|done| {
            done.spec == *spec
                && done.secret_changes == secret_changes
                && now.duration_since(done.at) < LOOK_AGAIN
        })
    }

    /// Notes that it was.
    pub fn note_done(
        &mut self,
        region: RegionName,
        spec: RegionSpec,
        secret_changes: u64,
        at: Timestamp,
    ) {
        let done = Done {
            spec,
            secret_changes,
            at,
        };
        self.done.insert(region, done);
    }

    /// The namespaces of a region: artefacts need them before pods do.
    ///
    /// # Errors
    /// [`RegionFault`].
    pub async fn apply_namespaces(
        &self,
        region: &RegionName,
        spec: &RegionSpec,
    ) -> Result<(), RegionFault> {
        for namespace in namespaces(region, spec, &self.settings) {
            self.apply(namespace).await?;
        }
        Ok(())
    }

    /// The pods of a region, instance by instance, with what became of each.
    pub async fn apply_instances(
        &self,
        region: &RegionName,
        spec: &RegionSpec,
        catalogue: &Catalogue,
    ) -> BTreeMap<String, Result<Applied, RegionFault>> {
        let mut outcomes = BTreeMap::new();
        for instance in instances(region, spec) {
            let outcome = self.apply_instance(&instance, catalogue).await;
            outcomes.insert(instance.name.to_string(), outcome);
        }
        outcomes
    }

    async fn apply_instance(
        &self,
        instance: &InstanceView<'_>,
        catalogue: &Catalogue,
    ) -> Result<Applied, RegionFault> {
        for object in instance.account() {
            self.apply(object).await?;
        }
        self.apply_database(instance, catalogue).await?;
        let migration = instance.migration(&self.settings);
        self.apply(migration.clone()).await?;
        if !self.has_ended(&migration).await? {
            return Ok(Applied::Migrating);
        }
        for object in instance.workload(&self.settings) {
            self.apply(object).await?;
        }
        Ok(Applied::Whole)
    }

    /// The URL where the pods of an instance can read it: pods mount Secrets of their own namespace
    /// only. No digest of it is written anywhere: passwords may be guessed.
    async fn apply_database(
        &self,
        instance: &InstanceView<'_>,
        catalogue: &Catalogue,
    ) -> Result<(), RegionFault> {
        let url = database_url(instance, catalogue)?;
        let namespace = instance.namespace();
        let failed = |source| RegionFault::Api {
            kind: "Secret".to_owned(),
            name: format!("{namespace}/{DATABASE}"),
            source: Box::new(source),
        };
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &namespace);
        let there = api.get_opt(DATABASE).await.map_err(failed)?;
        let data = there.and_then(|there| there.data);
        let known = data.as_ref().and_then(|data| data.get(DATABASE_KEY));
        if known.is_some_and(|known| known.0 == url.expose().as_bytes()) {
            return Ok(());
        }
        let wanted = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": DATABASE, "labels": {MANAGED_BY: OPERATOR}},
            "stringData": {DATABASE_KEY: url.expose()},
        });
        let apply = PatchParams::apply(OPERATOR).force();
        let patched = api.patch(DATABASE, &apply, &Patch::Apply(&wanted)).await;
        patched.map(|_| ()).map_err(failed)
    }

    async fn has_ended(&self, migration: &Value) -> Result<bool, RegionFault> {
        let Named {
            namespace, name, ..
        } = Named::of(migration);
        let api: Api<Job> = Api::namespaced(self.client.clone(), &namespace);
        let job = api.get(&name).await.map_err(|source| RegionFault::Api {
            kind: "Job".to_owned(),
            name: format!("{namespace}/{name}"),
            source: Box::new(source),
        })?;
        let succeeded = job.status.and_then(|status| status.succeeded);
        Ok(succeeded.is_some_and(|succeeded| succeeded > 0))
    }

    async fn apply(&self, mut object: Value) -> Result<(), RegionFault> {
        let digest = Digest::of(object.to_string().as_bytes()).to_string();
        if let Some(Value::Object(metadata)) = object.pointer_mut("/metadata") {
            metadata.insert("annotations".to_owned(), json!({APPLIED: digest}));
        }
        let named = Named::of(&object);
        let failed = |source| RegionFault::Api {
            kind: named.kind.clone(),
            name: format!("{}/{}", named.namespace, named.name),
            source: Box::new(source),
        };
        let api = named.api(&self.client);
        let there = api.get_metadata_opt(&named.name).await.map_err(failed)?;
        let applied = there
            .as_ref()
            .and_then(|there| there.annotations().get(APPLIED));
        if applied == Some(&digest) {
            return Ok(());
        }
        let apply = PatchParams::apply(OPERATOR).force();
        let patched = api.patch(&named.name, &apply, &Patch::Apply(&object)).await;
        patched.map(|_| ()).map_err(failed)
    }
}

/// An object's own address.
struct Named {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
}

impl Named {
    fn of(object: &Value) -> Self {
        let text = |path: &str| {
            let value = object.pointer(path).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        Self {
            api_version: text("/apiVersion"),
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        }
    }

    fn api(&self, client: &Client) -> Api<DynamicObject> {
        let (group, version) = self
            .api_version
            .split_once('/')
            .unwrap_or(("", &self.api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &self.kind));
        if self.namespace.is_empty() {
            Api::all_with(client.clone(), &resource)
        } else {
            Api::namespaced_with(client.clone(), &self.namespace, &resource)
        }
    }
}

fn database_url(
    instance: &InstanceView<'_>,
    catalogue: &Catalogue,
) -> Result<SecretValue, RegionFault> {
    let no_database = || RegionFault::NoDatabase(instance.name.to_string());
    let reference = &instance.database().ok_or_else(no_database)?.url_secret_ref;
    let key = SecretKey {
        namespace: reference.namespace.as_str().to_owned(),
        name: reference.name.as_str().to_owned(),
        key: reference.key.as_str().to_owned(),
    };
    catalogue.secret_value(&key).ok_or(RegionFault::NoUrl(key))
}
