//! Secrets of applications in the cluster: those of others are read, those of ours written. A
//! Secret that somebody else made is never overwritten.

use std::collections::BTreeMap;

use async_trait::async_trait;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, ResourceExt};
use realmwright_compiler::SecretKey;
use realmwright_keys::{SecretValue, SecretValues};

use crate::catalogue::Catalogue;
use crate::names::{MANAGED_BY, OPERATOR};
use crate::publish::{SecretFault, SecretSource};

/// Key beside the value's own under which the former one lies during an overlap.
const PREVIOUS: &str = "previous";

/// Until when the former value is accepted, RFC 3339.
const PREVIOUS_UNTIL: &str = "realmwright.dev/previous-until";

/// The Secrets of the cluster.
#[derive(Clone, Debug)]
pub struct ClusterSecrets {
    catalogue: Catalogue,
    client: Reach,
}

#[derive(Clone)]
struct Reach(Client);

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl ClusterSecrets {
    /// What the catalogue watches, and what is written over this connection.
    #[must_use]
    pub const fn new(catalogue: Catalogue, client: Client) -> Self {
        Self {
            catalogue,
            client: Reach(client),
        }
    }

    fn api(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.0.clone(), namespace)
    }

    async fn find(&self, key: &SecretKey) -> Result<Option<Secret>, SecretFault> {
        let found = self.api(&key.namespace).get_opt(&key.name).await;
        found.map_err(|fault| failed(key, fault))
    }
}

fn failed(key: &SecretKey, source: kube::Error) -> SecretFault {
    SecretFault::Write {
        key: key.clone(),
        source: Box::new(source),
    }
}

fn is_ours(secret: &Secret) -> bool {
    secret.labels().get(MANAGED_BY).map(String::as_str) == Some(OPERATOR)
}

#[async_trait]
impl SecretSource for ClusterSecrets {
    fn value(&self, key: &SecretKey) -> Option<SecretValue> {
        self.catalogue.secret_value(key)
    }

    fn made(&self, key: &SecretKey) -> Result<Option<SecretValue>, SecretFault> {
        match self.catalogue.secret(&key.namespace, &key.name) {
            None => Ok(None),
            Some(secret) if !secret.is_ours => Err(SecretFault::Foreign(key.clone())),
            Some(secret) => Ok(secret.values.get(&key.key).cloned()),
        }
    }

    async fn write(&self, key: &SecretKey, values: &SecretValues) -> Result<(), SecretFault> {
        let bytes = |value: &SecretValue| ByteString(value.expose().as_bytes().to_vec());
        let mut data = BTreeMap::from([(key.key.clone(), bytes(&values.current))]);
        let mut annotations = BTreeMap::new();
        if let Some(previous) = &values.previous {
            data.insert(format!("{}.{PREVIOUS}", key.key), bytes(&previous.value));
            annotations.insert(PREVIOUS_UNTIL.to_owned(), previous.not_after.to_string());
        }
        let mut secret = Secret {
            metadata: ObjectMeta {
                name: Some(key.name.clone()),
                labels: Some(BTreeMap::from([(
                    MANAGED_BY.to_owned(),
                    OPERATOR.to_owned(),
                )])),
                annotations: Some(annotations),
                ..ObjectMeta::default()
            },
            data: Some(data),
            ..Secret::default()
        };
        let api = self.api(&key.namespace);
        let written = match self.find(key).await? {
            Some(there) if !is_ours(&there) => return Err(SecretFault::Foreign(key.clone())),
            // The watch has not told of it yet.
            Some(there) if there.data == secret.data => return Ok(()),
            Some(there) => {
                secret.metadata.resource_version = there.resource_version();
                api.replace(&key.name, &PostParams::default(), &secret)
                    .await
            }
            None => api.create(&PostParams::default(), &secret).await,
        };
        written.map(|_| ()).map_err(|fault| failed(key, fault))
    }
}
