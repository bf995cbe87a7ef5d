//! The accounts API: people's accounts, as applications with the scope `realmwright:accounts`
//! manage them.

pub(crate) mod attributes;
mod bootstrap;
mod change;
mod credentials;
mod denials;
mod read;
mod types;

pub use realmwright_decision::flow::BuiltIn;
pub use realmwright_decision::why::{
    JudgedAtom, JudgedRule, Moment, RefusalRecord, RuleList, Verdict, Why,
};
pub use types::{
    Account, AccountChange, AccountCredential, AccountPage, AccountSearch, AccountSession,
    AccountState, AccountsCaller, AccountsError, AttributeMap, Denial, NewAccount, NewPassword,
};

use realmwright_decision::audit::{
    Actor, AuditContext, AuditEvent, AuditRecord, ClientAuth, Protocol,
};
use realmwright_snapshot::AttributeName;
use realmwright_store::{Change, Outcome, Refusal, SubjectId, SubjectRow};

use crate::Engine;
use crate::api::EngineFault;
use crate::people::PersonRecord;
use crate::runtime_realm::RuntimeRealm;

/// The system scope that a token must carry.
pub const ACCOUNTS_SCOPE: &str = "realmwright:accounts";

/// Name of the store that accounts of the internal store carry.
pub(crate) const INTERNAL_STORE: &str = "internal";

const ACCOUNT: &str = "account";

impl Engine {
    /// The row of an account that must be there.
    async fn subject_row(
        &self,
        realm: &RuntimeRealm,
        sub: &str,
    ) -> Result<SubjectRow, AccountsError> {
        self.ports
            .store
            .subject(realm.id(), &SubjectId(sub.to_owned()))
            .await?
            .ok_or(AccountsError::NotFound(ACCOUNT))
    }

    async fn account_record(
        &self,
        realm: &RuntimeRealm,
        sub: &str,
    ) -> Result<PersonRecord, AccountsError> {
        let record = self.person(realm, &SubjectId(sub.to_owned())).await?;
        record.ok_or(AccountsError::NotFound(ACCOUNT))
    }

    /// The changes that record what a caller did to an account.
    fn account_event(
        &self,
        realm: &RuntimeRealm,
        caller: &AccountsCaller,
        sub: &SubjectId,
        event: AuditEvent,
    ) -> Vec<Change> {
        let (actor, client_auth) = match &caller.client {
            Some(client) => (Actor::Client(client.clone()), ClientAuth::Bearer),
            None => (Actor::System, ClientAuth::Internal),
        };
        let context = AuditContext {
            actor: Some(actor),
            object: Some(sub.0.clone()),
            client: caller.client.clone(),
            protocol: Some(Protocol::Internal),
            client_auth: Some(client_auth),
            ..AuditContext::default()
        };
        self.audit(realm, &AuditRecord { event, context })
    }

    /// Commits, and says what a refusal means to a caller of this API.
    async fn commit_account(
        &self,
        realm: &RuntimeRealm,
        changes: Vec<Change>,
    ) -> Result<(), AccountsError> {
        match self.ports.store.commit(realm.id(), changes).await? {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused { reason, .. } => Err(match reason {
                Refusal::Conflict(attribute) => AccountsError::Taken {
                    attribute: attribute.as_ref().map(AttributeName::to_string),
                },
                Refusal::Stale => AccountsError::Stale,
                Refusal::Unknown => AccountsError::NotFound(ACCOUNT),
                other => EngineFault::internal(format!("account change: {other:?}")).into(),
            }),
        }
    }
}
