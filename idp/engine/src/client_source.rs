//! Where applications come from: the snapshot now; registered and fetched ones later, as a view
//! that says its origin (design: clients come through one trait).

use std::sync::Arc;

use async_trait::async_trait;
use realmwright_snapshot::ClientSnapshot;

use crate::api::EngineFault;
use crate::runtime_realm::{RuntimeClient, RuntimeRealm};
use crate::spans;

/// Where an application was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientOrigin {
    /// Declared, in the snapshot.
    Snapshot,
}

/// An application, ready for a request.
#[derive(Clone, Debug)]
pub struct FoundClient {
    pub(crate) client: Arc<RuntimeClient>,
    /// Where it was found.
    pub origin: ClientOrigin,
}

impl FoundClient {
    /// Its settings.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<ClientSnapshot> {
        self.client.snapshot()
    }
}

/// Finds applications by identifier.
#[async_trait]
pub trait ClientSource: Send + Sync + std::fmt::Debug {
    /// The application; none when there is no such one.
    ///
    /// # Errors
    /// [`EngineFault`] when the source does not answer; that never means "none".
    async fn find(
        &self,
        realm: &RuntimeRealm,
        id: &str,
    ) -> Result<Option<FoundClient>, EngineFault>;
}

/// The applications that the snapshot declares.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeclaredClients;

#[async_trait]
impl ClientSource for DeclaredClients {
    async fn find(
        &self,
        realm: &RuntimeRealm,
        id: &str,
    ) -> Result<Option<FoundClient>, EngineFault> {
        Ok(realm.runtime_client(id).map(|client| {
            spans::name_client(&client.snapshot().id);
            FoundClient {
                client: Arc::clone(client),
                origin: ClientOrigin::Snapshot,
            }
        }))
    }
}
