//! Changing accounts: create, change, lock, erase, end sessions.

use realmwright_decision::audit::{AuditEvent, Changed, EntryPoint};
use realmwright_snapshot::Attributes;
use realmwright_store::{Change, LookupKey, SessionId, SubjectId, SubjectRow, SubjectState};
use uuid::Uuid;

use super::INTERNAL_STORE;
use super::types::{
    Account, AccountChange, AccountState, AccountsCaller, AccountsError, NewAccount,
};
use crate::Engine;
use crate::crypto::uuid;
use crate::runtime_realm::RuntimeRealm;

/// Longest identifier or name of an account, in bytes.
const LONGEST_NAME: usize = 128;
/// Most roles, and most groups, of one account.
const MOST_ENTRIES: usize = 1000;

/// An account that was judged and may be written.
pub(super) struct Creation<'a> {
    pub(super) sub: SubjectId,
    pub(super) name: String,
    pub(super) attributes: Attributes,
    pub(super) lookup: Vec<(LookupKey, bool)>,
    pub(super) roles: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) required_factors: u8,
    pub(super) state: SubjectState,
    pub(super) entry_point: EntryPoint,
    pub(super) by: &'a AccountsCaller,
}

fn checked_name(field: &str, name: &str) -> Result<(), AccountsError> {
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err(AccountsError::invalid(
            field,
            format!("must have 1 to {LONGEST_NAME} bytes"),
        ));
    }
    if !name.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
        return Err(AccountsError::invalid(
            field,
            "may hold visible ASCII characters only",
        ));
    }
    Ok(())
}

fn checked_factors(factors: u8) -> Result<u8, AccountsError> {
    if factors > 2 {
        return Err(AccountsError::invalid(
            "requiredFactors",
            "must be 0, 1 or 2",
        ));
    }
    Ok(factors)
}

fn checked_roles(realm: &RuntimeRealm, roles: Vec<String>) -> Result<Vec<String>, AccountsError> {
    if roles.len() > MOST_ENTRIES {
        return Err(AccountsError::invalid("roles", "are too many"));
    }
    for text in &roles {
        let role = realmwright_decision::facts::parse_role(text);
        let declared = match &role.client {
            None => realm.snapshot.core.roles.contains_key(&role.role),
            Some(client) => realm
                .client(client.as_str())
                .is_some_and(|client| client.roles.contains_key(&role.role)),
        };
        if !declared {
            return Err(AccountsError::invalid(
                "roles",
                "names a role that is not declared",
            ));
        }
    }
    Ok(deduplicated(roles))
}

fn checked_groups(groups: Vec<String>) -> Result<Vec<String>, AccountsError> {
    if groups.len() > MOST_ENTRIES {
        return Err(AccountsError::invalid("groups", "are too many"));
    }
    let well_formed = |group: &String| {
        group.len() <= 1024
            && group.strip_prefix('/').is_some_and(|path| {
                path.split('/')
                    .all(|segment| !segment.trim().is_empty() && !segment.contains('\0'))
            })
    };
    if !groups.iter().all(well_formed) {
        return Err(AccountsError::invalid(
            "groups",
            "must be full paths with a leading slash",
        ));
    }
    Ok(deduplicated(groups))
}

fn deduplicated(mut items: Vec<String>) -> Vec<String> {
    items.sort();
    items.dedup();
    items
}

impl Engine {
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
        let sub = match account.sub {
            Some(sub) => {
                checked_name("sub", &sub)?;
                sub
            }
            None => uuid(&*self.ports.random).to_string(),
        };
        let name = account.name.unwrap_or_else(|| sub.clone());
        checked_name("name", &name)?;
        let accepted = realm.schema().accept_new(&account.attributes)?;
        let sub = SubjectId(sub);
        let names = realm.names_of(&accepted.set);
        let mut changes = self.creation(
            realm,
            Creation {
                sub: sub.clone(),
                name,
                attributes: accepted.set,
                lookup: accepted.lookup,
                roles: checked_roles(realm, account.roles)?,
                groups: checked_groups(account.groups)?,
                required_factors: checked_factors(account.required_factors)?,
                state: if account.locked {
                    SubjectState::Locked
                } else {
                    SubjectState::Active
                },
                entry_point: EntryPoint::Rest,
                by: caller,
            },
        );
        if let Some(password) = account.password {
            let change = self
                .password_to_write(realm, &sub, &names, None, password)
                .await?;
            changes.push(change);
        }
        self.commit_account(realm, changes).await?;
        self.account(realm, &sub.0).await
    }

    pub(super) fn creation(&self, realm: &RuntimeRealm, creation: Creation<'_>) -> Vec<Change> {
        let now = self.ports.clock.now();
        let sub = creation.sub.clone();
        let mut changes = vec![
            Change::InsertSubject {
                subject: SubjectRow {
                    sub: creation.sub,
                    store: INTERNAL_STORE.to_owned(),
                    store_key: creation.name,
                    state: creation.state,
                    required_factors: creation.required_factors,
                    created_at: now,
                    updated_at: now,
                    version: 0,
                },
                attributes: realm.schema().classed(creation.attributes),
                lookup: creation.lookup,
            },
            Change::SetRoles {
                sub: sub.clone(),
                roles: creation.roles,
            },
            Change::SetGroups {
                sub: sub.clone(),
                groups: creation.groups,
            },
        ];
        let event = AuditEvent::Registration {
            entry_point: creation.entry_point,
            id_store: INTERNAL_STORE.to_owned(),
        };
        changes.extend(self.account_event(realm, creation.by, &sub, event));
        changes
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
        let row = self.subject_row(realm, sub).await?;
        let wanted = change.version.unwrap_or(row.version);
        if wanted != row.version {
            return Err(AccountsError::Stale);
        }
        let now = self.ports.clock.now();
        let sub = &row.sub;
        let mut changes = Vec::new();
        let mut events = Vec::new();
        let touches = !change.attributes.is_empty()
            || change.roles.is_some()
            || change.groups.is_some()
            || change.required_factors.is_some()
            || change.state.is_some();
        if touches {
            // Also without attributes: this holds the version in the transaction, and raises it.
            let accepted = realm.schema().accept_change(&change.attributes)?;
            let stored = self.ports.store.attributes(realm.id(), sub).await?;
            events.extend(realm.schema().changed(&stored, &accepted));
            changes.push(Change::UpdateAttributes {
                sub: sub.clone(),
                version: row.version,
                set: realm.schema().classed(accepted.set),
                remove: accepted.remove,
                lookup: accepted.lookup,
                at: now,
            });
        }
        let mut membership = (None, None);
        if let Some(roles) = change.roles {
            let new = checked_roles(realm, roles)?;
            let old = self.ports.store.roles(realm.id(), sub).await?;
            membership.0 = Some(Changed {
                old,
                new: new.clone(),
            });
            changes.push(Change::SetRoles {
                sub: sub.clone(),
                roles: new,
            });
        }
        if let Some(groups) = change.groups {
            let new = checked_groups(groups)?;
            let old = self.ports.store.groups(realm.id(), sub).await?;
            membership.1 = Some(Changed {
                old,
                new: new.clone(),
            });
            changes.push(Change::SetGroups {
                sub: sub.clone(),
                groups: new,
            });
        }
        if let (roles, groups) = membership
            && (roles.is_some() || groups.is_some())
        {
            events.push(AuditEvent::MembershipChanged { roles, groups });
        }
        if let Some(factors) = change.required_factors {
            let factors = checked_factors(factors)?;
            events.push(AuditEvent::RequiredFactorChanged {
                old_factor: row.required_factors,
                new_factor: factors,
            });
            changes.push(Change::SetRequiredFactors {
                sub: sub.clone(),
                required_factors: factors,
                at: now,
            });
        }
        if let Some(state) = change.state {
            let (event, of_state) = state_change(sub, state, now);
            events.push(event);
            changes.extend(of_state);
        }
        for event in events {
            changes.extend(self.account_event(realm, caller, sub, event));
        }
        self.commit_account(realm, changes).await?;
        self.account(realm, &sub.0).await
    }

    /// Ends one session, or all with every grant. `DELETE /api/v1/accounts/{sub}/sessions[/{id}]`.
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
        let row = self.subject_row(realm, sub).await?;
        let at = self.ports.clock.now();
        let mut changes = match session {
            None => ends(&row.sub, at),
            Some(id) => {
                let id = Uuid::parse_str(id)
                    .map(SessionId)
                    .map_err(|_| AccountsError::NotFound("session"))?;
                let found = self.ports.store.session(realm.id(), &id).await?;
                found
                    .filter(|session| session.sub == row.sub)
                    .ok_or(AccountsError::NotFound("session"))?;
                vec![Change::EndSession { id, at }]
            }
        };
        let event = AuditEvent::ResetUserSessions;
        changes.extend(self.account_event(realm, caller, &row.sub, event));
        self.commit_account(realm, changes).await
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
        let row = self.subject_row(realm, sub).await?;
        let event = AuditEvent::InternalUserDeleted {
            id_store: row.store,
        };
        let events = self.account_event(realm, caller, &row.sub, event);
        let mut changes = vec![Change::EraseSubject { sub: row.sub }];
        changes.extend(events);
        self.commit_account(realm, changes).await
    }
}

/// Locking ends what the person has open: sessions, and grants that outlive sessions.
fn state_change(
    sub: &SubjectId,
    state: AccountState,
    at: jiff::Timestamp,
) -> (AuditEvent, Vec<Change>) {
    let set = |state| Change::SetSubjectState {
        sub: sub.clone(),
        state,
        at,
    };
    match state {
        AccountState::Active => (AuditEvent::UserUnlocked, vec![set(SubjectState::Active)]),
        AccountState::Locked => {
            let mut changes = vec![set(SubjectState::Locked)];
            changes.extend(ends(sub, at));
            (AuditEvent::UserLocked, changes)
        }
    }
}

/// Ends every session and grant of a person.
pub(super) fn ends(sub: &SubjectId, at: jiff::Timestamp) -> Vec<Change> {
    vec![
        Change::EndSessionsOf {
            sub: sub.clone(),
            except: None,
            at,
        },
        Change::EndGrantsOf {
            sub: sub.clone(),
            client: None,
            at,
        },
    ]
}
