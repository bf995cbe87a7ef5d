//! Writing statuses: server-side apply, and only where something differs.

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde::Serialize;
use serde_json::json;

use super::is_there;
use crate::catalogue::{Known, ObjectName, resource_of};
use crate::names::OPERATOR;

/// Writes statuses.
#[derive(Clone)]
pub struct StatusWriter {
    client: Client,
}

impl std::fmt::Debug for StatusWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusWriter").finish_non_exhaustive()
    }
}

impl StatusWriter {
    /// Over this connection.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Writes a status that differs from the known one; says whether it did. An object that is gone
    /// needs none.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn write<S: Serialize + Sync>(
        &self,
        name: &ObjectName,
        known: &Known,
        status: &S,
    ) -> Result<bool, kube::Error> {
        let status = serde_json::to_value(status).map_err(kube::Error::SerdeError)?;
        let Some(resource) = resource_of(&name.kind).filter(|_| !is_there(known, &status)) else {
            return Ok(false);
        };
        let patch = json!({
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name.name, "uid": known.uid},
            "status": status,
        });
        let apply = PatchParams::apply(OPERATOR).force();
        let api = self.api(name, &resource);
        match api
            .patch_status(&name.name, &apply, &Patch::Apply(&patch))
            .await
        {
            Ok(_) => Ok(true),
            // Deleted, or another object of the same name.
            Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    fn api(&self, name: &ObjectName, resource: &ApiResource) -> Api<DynamicObject> {
        match &name.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        }
    }
}
