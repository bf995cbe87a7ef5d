//! The accounts API: people's accounts, as applications with the scope `realmwright:accounts`
//! manage them.

pub(crate) mod attributes;
mod types;

pub use types::{
    Account, AccountChange, AccountCredential, AccountPage, AccountSearch, AccountSession,
    AccountState, AccountsCaller, AccountsError, AttributeMap, NewAccount, NewPassword,
};

use crate::Engine;
use crate::api::{EngineFault, RequestContext};
use crate::runtime_realm::RuntimeRealm;

/// The system scope that a token must carry.
pub const ACCOUNTS_SCOPE: &str = "realmwright:accounts";

fn absent<T>() -> Result<T, AccountsError> {
    Err(EngineFault::internal("not served by this build").into())
}

impl Engine {
    /// Who calls: the bearer token of the `Authorization` header.
    ///
    /// # Errors
    /// [`AccountsError::Token`] without a live token of a client with [`ACCOUNTS_SCOPE`].
    pub async fn accounts_caller(
        &self,
        cx: &RequestContext,
        authorization: Option<&str>,
    ) -> Result<AccountsCaller, AccountsError> {
        let _ = (&self.ports, cx, authorization);
        absent()
    }

    /// Creates an account. `POST /api/v1/accounts`.
    ///
    /// # Errors
    /// [`AccountsError`]; nothing is created then.
    pub async fn create_account(
        &self,
        realm: &RuntimeRealm,
        caller: &AccountsCaller,
        account: NewAccount,
    ) -> Result<Account, AccountsError> {
        let _ = (&self.ports, realm, caller, account);
        absent()
    }

    /// One account. `GET /api/v1/accounts/{sub}`.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`].
    pub async fn account(&self, realm: &RuntimeRealm, sub: &str) -> Result<Account, AccountsError> {
        let _ = (&self.ports, realm, sub);
        absent()
    }

    /// Finds accounts. `GET /api/v1/accounts`.
    ///
    /// # Errors
    /// [`AccountsError::Invalid`] when an attribute is not searchable.
    pub async fn find_accounts(
        &self,
        realm: &RuntimeRealm,
        search: AccountSearch,
    ) -> Result<AccountPage, AccountsError> {
        let _ = (&self.ports, realm, search);
        absent()
    }

    /// Changes an account. `PATCH /api/v1/accounts/{sub}`.
    ///
    /// # Errors
    /// [`AccountsError`]; nothing is changed then.
    pub async fn change_account(
        &self,
        realm: &RuntimeRealm,
        caller: &AccountsCaller,
        sub: &str,
        change: AccountChange,
    ) -> Result<Account, AccountsError> {
        let _ = (&self.ports, realm, caller, sub, change);
        absent()
    }

    /// Sets the password. `PUT /api/v1/accounts/{sub}/password`.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub async fn set_password(
        &self,
        realm: &RuntimeRealm,
        caller: &AccountsCaller,
        sub: &str,
        password: NewPassword,
    ) -> Result<(), AccountsError> {
        let _ = (&self.ports, realm, caller, sub, password);
        absent()
    }

    /// Live sessions. `GET /api/v1/accounts/{sub}/sessions`.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`].
    pub async fn account_sessions(
        &self,
        realm: &RuntimeRealm,
        sub: &str,
    ) -> Result<Vec<AccountSession>, AccountsError> {
        let _ = (&self.ports, realm, sub);
        absent()
    }

    /// Ends one session, or all. `DELETE /api/v1/accounts/{sub}/sessions[/{id}]`.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`].
    pub async fn end_account_sessions(
        &self,
        realm: &RuntimeRealm,
        caller: &AccountsCaller,
        sub: &str,
        session: Option<&str>,
    ) -> Result<(), AccountsError> {
        let _ = (&self.ports, realm, caller, sub, session);
        absent()
    }

    /// Removes all credentials of a kind (`totp` takes its recovery codes along), and lifts
    /// their bars. `DELETE /api/v1/accounts/{sub}/credentials/{kind}`.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`].
    pub async fn reset_factor(
        &self,
        realm: &RuntimeRealm,
        caller: &AccountsCaller,
        sub: &str,
        kind: &str,
    ) -> Result<(), AccountsError> {
        let _ = (&self.ports, realm, caller, sub, kind);
        absent()
    }

    /// Deletes everything about a person. `DELETE /api/v1/accounts/{sub}`.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`].
    pub async fn erase_account(
        &self,
        realm: &RuntimeRealm,
        caller: &AccountsCaller,
        sub: &str,
    ) -> Result<(), AccountsError> {
        let _ = (&self.ports, realm, caller, sub);
        absent()
    }

    /// Everything about a person, by table. `GET /api/v1/accounts/{sub}/export`.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`].
    pub async fn export_account(
        &self,
        realm: &RuntimeRealm,
        caller: &AccountsCaller,
        sub: &str,
    ) -> Result<serde_json::Map<String, serde_json::Value>, AccountsError> {
        let _ = (&self.ports, realm, caller, sub);
        absent()
    }

    /// Creates the realm's bootstrap accounts that are not there. Call it once a realm is first
    /// served and whenever its snapshot changes; any number of processes may at once.
    ///
    /// # Errors
    /// [`AccountsError`]; accounts before the failing one are there.
    pub async fn create_bootstrap_accounts(
        &self,
        realm: &RuntimeRealm,
    ) -> Result<u32, AccountsError> {
        let _ = (&self.ports, realm);
        absent()
    }
}
