//! What the init container of a pod does: every artefact of its instance from the cluster into the
//! pod's volume.

use std::path::Path;

use anyhow::Context;
use kube::Client;
use realmwright_artefacts::Directory;

use crate::ship::store::Store;

/// Fetches everything that the heads of a namespace name; says how many realms there are. A realm
/// that cannot be read is left out and told: the others are served.
///
/// # Errors
/// When the heads cannot be read, or the folder cannot be written.
pub async fn fetch(client: Client, namespace: &str, folder: &Path) -> anyhow::Result<usize> {
    let store = Store::new(client);
    let directory = Directory::new(folder);
    let heads = store.all_heads(namespace).await?;
    let mut stored = 0;
    for (realm, head) in heads {
        match store.load(namespace, &realm, head).await {
            Ok(offer) => {
                directory
                    .store(&offer)
                    .with_context(|| format!("{} cannot be written", folder.display()))?;
                stored += 1;
            }
            Err(fault) => tracing::error!(
                %realm,
                error = &fault as &dyn std::error::Error,
                "the artefacts cannot be read; the realm is left out"
            ),
        }
    }
    Ok(stored)
}
