//! Bootstrap accounts: created when absent, never updated.

use realmwright_decision::audit::EntryPoint;
use realmwright_decision::facts::role_text;
use realmwright_snapshot::BootstrapAccount;
use realmwright_store::{SubjectId, SubjectState};

use super::INTERNAL_STORE;
use super::change::Creation;
use super::types::{AccountsCaller, AccountsError};
use crate::Engine;
use crate::crypto::uuid;
use crate::runtime_realm::{PrepareFault, RuntimeRealm};

impl Engine {
    /// Creates the realm's bootstrap accounts that are not there. Call it once a realm is first
    /// served and whenever its snapshot changes; any number of processes may at once. Returns
    /// how many were created.
    ///
    /// # Errors
    /// [`AccountsError`]; accounts before the failing one are there.
    pub async fn create_bootstrap_accounts(
        &self,
        realm: &RuntimeRealm,
    ) -> Result<u32, AccountsError> {
        let mut created = 0;
        for account in &realm.snapshot.core.bootstrap_accounts {
            let there = self
                .ports
                .store
                .subject_by_store_key(realm.id(), INTERNAL_STORE, &account.name)
                .await?;
            if there.is_none() && self.create_bootstrap_account(realm, account).await? {
                created += 1;
            }
        }
        Ok(created)
    }

    async fn create_bootstrap_account(
        &self,
        realm: &RuntimeRealm,
        account: &BootstrapAccount,
    ) -> Result<bool, AccountsError> {
        let sub = SubjectId(uuid(&*self.ports.random).to_string());
        let by = AccountsCaller::process();
        let mut changes = self.creation(
            realm,
            Creation {
                sub: sub.clone(),
                name: account.name.clone(),
                attributes: account.attributes.clone(),
                lookup: realm.schema().keys(&account.attributes),
                roles: account.roles.iter().map(role_text).collect(),
                groups: account.groups.iter().cloned().collect(),
                required_factors: 0,
                state: SubjectState::Active,
                entry_point: EntryPoint::Bootstrap,
                by: &by,
            },
        );
        if let Some(handle) = &account.password {
            let hash = realm.secrets.get(handle).ok_or_else(|| {
                crate::api::EngineFault::internal(PrepareFault::Unbound(handle.to_string()))
            })?;
            changes.push(self.password_row(
                &sub,
                None,
                hash.current.expose().trim().to_owned(),
                account.must_change_password,
                0,
            ));
        }
        match self.commit_account(realm, changes).await {
            Ok(()) => Ok(true),
            // Another process was faster.
            Err(AccountsError::Taken { attribute: None }) => Ok(false),
            Err(fault) => Err(fault),
        }
    }
}
