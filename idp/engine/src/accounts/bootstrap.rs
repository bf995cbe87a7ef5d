//! Bootstrap accounts: created when absent, never updated.

use realmwright_decision::audit::EntryPoint;
use realmwright_decision::facts::role_text;
use realmwright_decision::password_hash::PasswordHash;
use realmwright_snapshot::BootstrapAccount;
use realmwright_store::{SubjectId, SubjectState};

use super::INTERNAL_STORE;
use super::change::Creation;
use super::types::{AccountsCaller, AccountsError};
use crate::Engine;
use crate::api::EngineFault;
use crate::crypto::uuid;
use crate::runtime_realm::{PrepareFault, RuntimeRealm};

impl Engine {
    /// Creates the realm's bootstrap accounts that are not there. Call it once a realm is first
    /// served and whenever its snapshot or its secrets change; any number of processes may at
    /// once. One whose password hash is not understood is left out: it is never updated, so it
    /// must not begin with a password that nobody has. Returns how many were created.
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
            if there.is_some() {
                continue;
            }
            let hash = bootstrap_hash(realm, account)?;
            if let Some(Err(fault)) = hash.as_deref().map(PasswordHash::parse) {
                tracing::error!(
                    realm = %realm.id(),
                    account = account.name,
                    reason = %fault,
                    "a bootstrap account is not created: what its Secret holds is no usable \
                     password hash"
                );
                continue;
            }
            if self.create_bootstrap_account(realm, account, hash).await? {
                created += 1;
            }
        }
        Ok(created)
    }

    async fn create_bootstrap_account(
        &self,
        realm: &RuntimeRealm,
        account: &BootstrapAccount,
        hash: Option<String>,
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
        if let Some(hash) = hash {
            let must_change = account.must_change_password;
            changes.push(self.password_row(&sub, None, hash, must_change, 0));
        }
        match self.commit_account(realm, changes).await {
            Ok(()) => Ok(true),
            // Another process was faster.
            Err(AccountsError::Taken { attribute: None }) => Ok(false),
            Err(fault) => Err(fault),
        }
    }
}

/// The password hash of an account, as its Secret holds it.
fn bootstrap_hash(
    realm: &RuntimeRealm,
    account: &BootstrapAccount,
) -> Result<Option<String>, EngineFault> {
    let Some(handle) = &account.password else {
        return Ok(None);
    };
    let value = realm
        .secrets
        .get(handle)
        .ok_or_else(|| EngineFault::internal(PrepareFault::Unbound(handle.to_string())))?;
    Ok(Some(value.current.expose().trim().to_owned()))
}
