//! Passwords that are set or imported, and factors that are taken away.

use realmwright_decision::audit::AuditEvent;
use realmwright_decision::password::SetBy;
use realmwright_decision::password_hash::PasswordHash;
use realmwright_store::{AttemptKey, Change, CredentialRow, SubjectId};
use secrecy::ExposeSecret as _;

use super::change::ends;
use super::types::{AccountsCaller, AccountsError, NewPassword};
use crate::Engine;
use crate::passwords::PASSWORD;
use crate::passwords::change::PasswordChange;
use crate::runtime_realm::RuntimeRealm;

/// Kinds that can be reset, each with what goes along.
const RESETTABLE: &[(&str, &[&str])] = &[
    ("password", &["password"]),
    ("totp", &["totp", "recovery_codes"]),
    ("recovery_codes", &["recovery_codes"]),
];

impl Engine {
    /// Sets the password, and ends what was open under the former one.
    /// `PUT /api/v1/accounts/{sub}/password`.
    ///
    /// # Errors
    /// [`AccountsError`]; nothing is changed then.
    pub async fn set_password(
        &self,
        realm: &RuntimeRealm,
        caller: &AccountsCaller,
        sub: &str,
        password: NewPassword,
    ) -> Result<(), AccountsError> {
        let record = self.account_record(realm, sub).await?;
        let sub = &record.row.sub;
        let stored = record.credential(PASSWORD);
        let names = realm.names_of(&record.person.attributes);
        let had_one = stored.is_some();
        let change = self
            .password_to_write(realm, sub, &names, stored, password)
            .await?;
        let mut changes = vec![change, barred_no_more(PASSWORD, sub)];
        if had_one {
            changes.extend(ends(sub, self.ports.clock.now()));
        }
        changes.extend(self.account_event(realm, caller, sub, AuditEvent::ResetUserPassword));
        self.commit_account(realm, changes).await
    }

    /// Judges a password or a hash, and makes the change that writes it.
    pub(super) async fn password_to_write(
        &self,
        realm: &RuntimeRealm,
        sub: &SubjectId,
        names: &[String],
        stored: Option<&CredentialRow>,
        password: NewPassword,
    ) -> Result<Change, AccountsError> {
        let prepared = realm.first_password_method().ok_or_else(|| {
            AccountsError::invalid("password", "the realm has no password method")
        })?;
        match (password.value, password.hash) {
            (Some(plain), None) => {
                let change = PasswordChange {
                    realm,
                    prepared,
                    sub,
                    stored,
                    by: SetBy::Administrator,
                    names,
                    former: None,
                    password: &plain,
                };
                let broken = self.broken_rules(&change).await?;
                if !broken.is_empty() {
                    return Err(AccountsError::Password(broken));
                }
                Ok(self.write_password(&change, password.must_change).await?)
            }
            (None, Some(hash)) => {
                let hash = hash.expose_secret().trim();
                PasswordHash::parse(hash).map_err(|fault| {
                    AccountsError::invalid("password.hash", format!("is {fault}"))
                })?;
                Ok(self.password_row(
                    sub,
                    stored,
                    hash.to_owned(),
                    password.must_change,
                    prepared.method.policy.history,
                ))
            }
            _ => Err(AccountsError::invalid(
                "password",
                "must have exactly one of value and hash",
            )),
        }
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
        let (_, along) = RESETTABLE
            .iter()
            .find(|(name, _)| *name == kind)
            .ok_or(AccountsError::NotFound("credential"))?;
        let row = self.subject_row(realm, sub).await?;
        let credentials = self.ports.store.credentials(realm.id(), &row.sub).await?;
        let mut changes: Vec<Change> = along
            .iter()
            .flat_map(|kind| {
                [
                    Change::DeleteCredentials {
                        sub: row.sub.clone(),
                        kind: (*kind).to_owned(),
                    },
                    barred_no_more(kind, &row.sub),
                ]
            })
            .collect();
        for credential in credentials
            .iter()
            .filter(|row| along.contains(&row.kind.as_str()))
        {
            let event = AuditEvent::CredentialRemoved {
                kind: credential.kind.clone(),
                credential: credential.id.to_string(),
            };
            changes.extend(self.account_event(realm, caller, &row.sub, event));
        }
        self.commit_account(realm, changes).await
    }
}

fn barred_no_more(kind: &str, sub: &SubjectId) -> Change {
    Change::ResetAttempts {
        key: AttemptKey {
            purpose: kind.to_owned(),
            key: sub.0.clone(),
        },
    }
}
