//! All changes of a use case in one transaction, one file for each area.

mod attempts;
mod denials;
mod events;
mod grants;
mod logins;
mod once;
mod sessions;
mod subjects;

use std::time::Duration;

use async_trait::async_trait;
use realmwright_snapshot::RealmId;
use realmwright_store::{AttemptRow, Change, Commit, Committed, Outcome, Result, StoreError};
use serde::Serialize;
use sqlx::{Connection as _, SqliteConnection};

use crate::SqliteStore;
use crate::error::{Halt, OnTable as _, inconsistent};

/// The transaction that a list of changes goes into.
pub(crate) struct Writing<'c> {
    connection: &'c mut SqliteConnection,
    realm: &'c str,
    /// The database clock when the transaction began.
    now: i64,
}

#[async_trait]
impl Commit for SqliteStore {
    async fn commit(&self, realm: &RealmId, changes: Vec<Change>) -> Result<Outcome> {
        let mut writer = self.writer.acquire().await.reading("meta")?;
        let done = self.write(&mut writer, realm, changes).await;
        if done.is_err() {
            // SQLite may have undone the transaction by itself, as it does on a full disk. The
            // driver does not know, and would never begin another one on this connection.
            writer.close_on_drop();
        }
        done
    }
}

impl SqliteStore {
    async fn write(
        &self,
        writer: &mut SqliteConnection,
        realm: &RealmId,
        changes: Vec<Change>,
    ) -> Result<Outcome> {
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.reading("meta")?;
        let mut writing = Writing {
            connection: &mut transaction,
            realm: realm.as_str(),
            now: self.clock.now(),
        };
        let mut committed = Committed::default();
        for (index, change) in changes.into_iter().enumerate() {
            match writing.apply(change).await {
                Ok(attempt) => committed.attempts.extend(attempt),
                Err(Halt::Refused(reason)) => {
                    transaction.rollback().await.reading("meta")?;
                    return Ok(Outcome::Refused { index, reason });
                }
                Err(Halt::Failed(error)) => return Err(error),
            }
        }
        transaction.commit().await.reading("meta")?;
        Ok(Outcome::Done(committed))
    }
}

impl Writing<'_> {
    async fn apply(&mut self, change: Change) -> std::result::Result<Option<AttemptRow>, Halt> {
        match change {
            Change::InsertSubject {
                subject,
                attributes,
                lookup,
            } => self.insert_subject(subject, attributes, lookup).await?,
            Change::UpdateAttributes {
                sub,
                version,
                set,
                remove,
                lookup,
                at,
            } => {
                self.raise_subject_version(&sub, version, at).await?;
                self.replace_attributes(&sub, set, &remove, lookup).await?;
            }
            Change::SetSubjectState { sub, state, at } => {
                self.set_subject_state(&sub, state, at).await?;
            }
            Change::SetRequiredFactors {
                sub,
                required_factors,
                at,
            } => {
                self.set_required_factors(&sub, required_factors, at)
                    .await?
            }
            Change::SetRoles { sub, roles } => self.set_roles(&sub, roles).await?,
            Change::SetGroups { sub, groups } => self.set_groups(&sub, groups).await?,
            Change::EraseSubject { sub } => self.erase_subject(&sub).await?,
            Change::InsertCredential(row) => self.insert_credential(row).await?,
            Change::UpdateCredential(row) => self.update_credential(row).await?,
            Change::DeleteCredential { sub, id } => self.delete_credential(&sub, id).await?,
            Change::DeleteCredentials { sub, kind } => self.delete_credentials(&sub, &kind).await?,
            Change::SaveLogin(row) => self.save_login(row).await?,
            Change::FinishLogin { id, version } => self.finish_login(id, version).await?,
            Change::InsertSession {
                session,
                authentications,
            } => {
                self.insert_session(session).await?;
                self.insert_authentications(authentications).await?;
            }
            Change::TouchSession {
                id,
                secret,
                at,
                idle_expires_at,
                address,
                claims,
                authentications,
            } => {
                self.touch_session(id, secret, at, idle_expires_at, address)
                    .await?;
                self.merge_claims(id, claims).await?;
                self.insert_authentications(authentications).await?;
            }
            Change::EndSession { id, at } => self.end_session(id, at).await?,
            Change::EndSessionsOf { sub, except, at } => {
                self.end_sessions_of(&sub, except, at).await?;
            }
            Change::PutSessionClient(row) => self.put_session_client(row).await?,
            Change::InsertGrant(row) => self.insert_grant(row).await?,
            Change::EndGrant { id, at } => self.end_grant(id, at).await?,
            Change::EndGrantsOf { sub, client, at } => {
                self.end_grants_of(&sub, client.as_ref(), at).await?;
            }
            Change::InsertCode(row) => self.insert_code(row).await?,
            Change::ConsumeCode { hash, at } => self.consume_code(hash, at).await?,
            Change::InsertRefreshToken(row) => self.insert_refresh_token(row).await?,
            Change::ConsumeRefreshToken {
                hash,
                at,
                successor,
            } => self.consume_refresh_token(hash, at, &successor).await?,
            Change::InsertAccessToken(row) => self.insert_access_token(row).await?,
            Change::DeleteAccessToken { hash } => self.delete_access_token(hash).await?,
            Change::RevokeJti { jti, expires_at } => self.revoke_jti(&jti, expires_at).await?,
            Change::UseOnce {
                kind,
                key,
                expires_at,
            } => self.use_once(&kind, &key, expires_at).await?,
            Change::PutConsent(row) => self.put_consent(row).await?,
            Change::DeleteConsent { sub, client } => self.delete_consent(&sub, &client).await?,
            Change::CountAttempt {
                key,
                limit,
                window,
                bar,
            } => return self.count_attempt(&key, limit, window, bar).await.map(Some),
            Change::ResetAttempts { key } => self.reset_attempts(&key).await?,
            Change::UncountAttempt { key } => self.uncount_attempt(&key).await?,
            Change::RecordEvent(row) => self.record_event(row).await?,
            Change::RecordDenial(row) => self.record_denial(row).await?,
            Change::Enqueue(row) => self.enqueue(row).await?,
        }
        Ok(None)
    }
}

fn json<T: Serialize + ?Sized>(table: &'static str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|_| inconsistent(table, "a value that is no JSON"))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A number that the database keeps as a signed one.
fn signed(table: &'static str, number: u64) -> std::result::Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| inconsistent(table, "a number beyond 63 bits"))
}
