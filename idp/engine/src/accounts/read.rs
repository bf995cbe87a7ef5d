//! Reading accounts: one, many, their sessions, everything of one.

use futures::TryStreamExt as _;
use futures::stream::{self, StreamExt as _};
use realmwright_decision::audit::AuditEvent;
use realmwright_decision::nearest;
use realmwright_store::{SessionRow, SubjectId, SubjectQuery, SubjectState};

use super::attributes::to_json;
use super::types::{
    Account, AccountCredential, AccountPage, AccountSearch, AccountSession, AccountState,
    AccountsCaller, AccountsError,
};
use crate::Engine;
use crate::people::PersonRecord;
use crate::runtime_realm::RuntimeRealm;

/// Accounts that are read at once for a page.
const READ_AT_ONCE: usize = 8;
const DEFAULT_LIMIT: u32 = 50;
const MOST: u32 = 500;

impl From<PersonRecord> for Account {
    fn from(record: PersonRecord) -> Self {
        let PersonRecord {
            row,
            person,
            held_roles,
            credentials,
        } = record;
        Self {
            sub: row.sub.0,
            store: row.store,
            name: row.store_key,
            state: row.state.into(),
            required_factors: row.required_factors,
            attributes: person
                .attributes
                .iter()
                .map(|(name, value)| (name.to_string(), to_json(value)))
                .collect(),
            roles: held_roles,
            groups: person.groups.into_iter().collect(),
            credentials: credentials
                .into_iter()
                .map(|row| AccountCredential {
                    id: row.id.to_string(),
                    kind: row.kind,
                    label: row.label,
                    created_at: row.created_at,
                    last_used_at: row.last_used_at,
                })
                .collect(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}

impl Engine {
    /// One account. `GET /api/v1/accounts/{sub}`.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`].
    pub async fn account(&self, realm: &RuntimeRealm, sub: &str) -> Result<Account, AccountsError> {
        Ok(self.account_record(realm, sub).await?.into())
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
        let attributes = search
            .attributes
            .iter()
            .map(|(name, value)| {
                realm
                    .schema()
                    .search_key(name, value)
                    .ok_or_else(|| AccountsError::invalid(name.clone(), unsearchable(realm, name)))
            })
            .collect::<Result<_, _>>()?;
        let limit = match search.limit {
            0 => DEFAULT_LIMIT,
            limit => limit.min(MOST),
        };
        let query = SubjectQuery {
            attributes,
            state: search.state.map(|state| match state {
                AccountState::Active => SubjectState::Active,
                AccountState::Locked => SubjectState::Locked,
            }),
            limit,
            after: search.after,
        };
        let page = self.ports.store.search(realm.id(), &query).await?;
        let records: Vec<Option<PersonRecord>> = stream::iter(page.items)
            .map(|row| async move { self.person(realm, &row.sub).await })
            .buffered(READ_AT_ONCE)
            .try_collect()
            .await?;
        // An account that was erased after the page was read is left out.
        let items = records.into_iter().flatten().map(Account::from).collect();
        Ok(AccountPage {
            items,
            next: page.next,
        })
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
        let row = self.subject_row(realm, sub).await?;
        let sessions = self.ports.store.sessions_of(realm.id(), &row.sub).await?;
        stream::iter(sessions)
            .map(|session| self.read_session(realm, session))
            .buffered(READ_AT_ONCE)
            .try_collect()
            .await
    }

    async fn read_session(
        &self,
        realm: &RuntimeRealm,
        session: SessionRow,
    ) -> Result<AccountSession, AccountsError> {
        let store = &self.ports.store;
        let (authentications, clients) = futures::try_join!(
            store.authentications(realm.id(), &session.id),
            store.session_clients(realm.id(), &session.id)
        )?;
        Ok(AccountSession {
            id: session.id.to_string(),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at.min(session.idle_expires_at),
            user_agent: session.user_agent,
            address: session.address,
            methods: authentications
                .into_iter()
                .map(|passed| passed.method.to_string())
                .collect(),
            clients: clients
                .into_iter()
                .map(|entered| entered.client.to_string())
                .collect(),
        })
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
        let row = self.subject_row(realm, sub).await?;
        let export = self.ports.store.export(realm.id(), &row.sub).await?;
        let events = self.account_event(realm, caller, &row.sub, AuditEvent::UserDataExported);
        self.commit_account(realm, events).await?;
        Ok(export)
    }

    /// The account behind a subject that an application of a privacy domain presents.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] when there is no such application or subject.
    pub fn resolve_subject(
        &self,
        realm: &RuntimeRealm,
        client: &str,
        subject: &str,
    ) -> Result<String, AccountsError> {
        let client = realm
            .client(client)
            .ok_or(AccountsError::NotFound("client"))?;
        crate::subject::resolve(&realm.keyring, subject, client)
            .map(|SubjectId(sub)| sub)
            .ok_or(AccountsError::NotFound(super::ACCOUNT))
    }
}

fn unsearchable(realm: &RuntimeRealm, name: &str) -> String {
    match nearest(name, realm.schema().searchable()) {
        Some(meant) => format!("is not a searchable attribute; did you mean `{meant}`?"),
        None => {
            let names: Vec<&str> = realm.schema().searchable().collect();
            format!(
                "is not a searchable attribute; these are: {}",
                names.join(", ")
            )
        }
    }
}
