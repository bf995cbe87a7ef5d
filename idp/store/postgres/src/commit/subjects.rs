use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use realmwright_snapshot::AttributeName;
use realmwright_store::{
    CredentialId, CredentialRow, LookupKey, Refusal, StoredAttributes, SubjectId, SubjectRow,
    SubjectState, values,
};

use super::{Writing, json};
use crate::error::{Halt, OnTable as _};
use crate::rows;

const INSERT: &str = "INSERT INTO subjects (realm, sub, store, store_key, state, required_factors,
        created_at, updated_at, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const RAISE_VERSION: &str = "UPDATE subjects SET version = version + 1, updated_at = $4
    WHERE realm = $1 AND sub = $2 AND version = $3";
const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM subjects WHERE realm = $1 AND sub = $2)";
const PUT_ATTRIBUTES: &str = "INSERT INTO attributes (realm, sub, name, kind, value, class)
    SELECT $1, $2, name, kind, value::json, class
    FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS given (name, kind, value, class)
    ON CONFLICT (realm, sub, name) DO UPDATE
    SET kind = excluded.kind, value = excluded.value, class = excluded.class";
const REMOVE_ATTRIBUTES: &str = "DELETE FROM attributes
    WHERE realm = $1 AND sub = $2 AND name = ANY($3)";
const REMOVE_LOOKUP: &str = "DELETE FROM lookup
    WHERE realm = $1 AND sub = $2 AND attribute = ANY($3)";
// Answers the attributes that went in: the missing one is taken.
const PUT_LOOKUP: &str = "INSERT INTO lookup (realm, attribute, value, sub, is_unique)
    SELECT $1, attribute, value, $2, is_unique
    FROM unnest($3::text[], $4::text[], $5::bool[]) AS given (attribute, value, is_unique)
    ON CONFLICT DO NOTHING RETURNING attribute, value";
const SET_STATE: &str = "UPDATE subjects SET state = $3, updated_at = $4, version = version + 1
    WHERE realm = $1 AND sub = $2";
const SET_FACTORS: &str = "UPDATE subjects SET required_factors = $3, updated_at = $4
    WHERE realm = $1 AND sub = $2";
const CLEAR_ROLES: &str = "DELETE FROM subject_roles WHERE realm = $1 AND sub = $2";
const ADD_ROLES: &str = "INSERT INTO subject_roles (realm, sub, role)
    SELECT $1, $2, unnest($3::text[]) ON CONFLICT DO NOTHING";
const CLEAR_GROUPS: &str = "DELETE FROM subject_groups WHERE realm = $1 AND sub = $2";
const ADD_GROUPS: &str = "INSERT INTO subject_groups (realm, sub, path)
    SELECT $1, $2, unnest($3::text[]) ON CONFLICT DO NOTHING";
// Rows of the other tables go with the person, by their foreign keys.
const ERASE: &str = "DELETE FROM subjects WHERE realm = $1 AND sub = $2";
const ERASE_ATTEMPTS: &str = "DELETE FROM attempts WHERE realm = $1 AND key = $2";
const ERASE_OUTBOX: &str = "DELETE FROM outbox WHERE realm = $1 AND subject = $2";
const EMPTY_EVENTS: &str = "UPDATE events SET fields = '{}' WHERE realm = $1 AND subject = $2";
const INSERT_CREDENTIAL: &str = "INSERT INTO credentials (realm, sub, id, kind, label, secret,
        state, created_at, last_used_at, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7::json, $8, $9, $10)";
const UPDATE_CREDENTIAL: &str = "UPDATE credentials
    SET label = $5, secret = $6, state = $7::json, created_at = $8, last_used_at = $9,
        version = version + 1
    WHERE realm = $1 AND sub = $2 AND id = $3 AND version = $4";
const DELETE_CREDENTIAL: &str = "DELETE FROM credentials
    WHERE realm = $1 AND sub = $2 AND id = $3";
const DELETE_CREDENTIALS: &str = "DELETE FROM credentials
    WHERE realm = $1 AND sub = $2 AND kind = $3";

impl Writing<'_> {
    pub(super) async fn insert_subject(
        &mut self,
        subject: &SubjectRow,
        attributes: &StoredAttributes,
        lookup: &[(LookupKey, bool)],
    ) -> Result<(), Halt> {
        sqlx::query(INSERT)
            .bind(self.realm)
            .bind(&subject.sub.0)
            .bind(&subject.store)
            .bind(&subject.store_key)
            .bind(rows::state_name(subject.state))
            .bind(i64::from(subject.required_factors))
            .bind(subject.created_at.as_microsecond())
            .bind(subject.updated_at.as_microsecond())
            .bind(subject.version)
            .execute(&mut *self.connection)
            .await
            .changing("subjects")?;
        self.replace_attributes(&subject.sub, attributes, &[], lookup)
            .await
    }

    pub(super) async fn raise_subject_version(
        &mut self,
        sub: &SubjectId,
        version: i64,
        at: Timestamp,
    ) -> Result<(), Halt> {
        let raised = sqlx::query(RAISE_VERSION)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(version)
            .bind(at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("subjects")?;
        if raised.rows_affected() == 1 {
            return Ok(());
        }
        let exists: bool = sqlx::query_scalar(EXISTS)
            .bind(self.realm)
            .bind(&sub.0)
            .fetch_one(&mut *self.connection)
            .await
            .changing("subjects")?;
        Err(if exists {
            Refusal::Stale
        } else {
            Refusal::Unknown
        }
        .into())
    }

    pub(super) async fn replace_attributes(
        &mut self,
        sub: &SubjectId,
        set: &StoredAttributes,
        remove: &[AttributeName],
        lookup: &[(LookupKey, bool)],
    ) -> Result<(), Halt> {
        self.remove_attributes(sub, remove).await?;
        let replaced: Vec<_> = set
            .keys()
            .chain(remove)
            .map(AttributeName::as_str)
            .collect();
        sqlx::query(REMOVE_LOOKUP)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(replaced)
            .execute(&mut *self.connection)
            .await
            .changing("lookup")?;
        self.put_attributes(sub, set).await?;
        self.put_lookup(sub, lookup).await
    }

    async fn remove_attributes(
        &mut self,
        sub: &SubjectId,
        remove: &[AttributeName],
    ) -> Result<(), Halt> {
        if remove.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = remove.iter().map(AttributeName::as_str).collect();
        sqlx::query(REMOVE_ATTRIBUTES)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(names)
            .execute(&mut *self.connection)
            .await
            .changing("attributes")?;
        Ok(())
    }

    async fn put_attributes(
        &mut self,
        sub: &SubjectId,
        set: &StoredAttributes,
    ) -> Result<(), Halt> {
        if set.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = set.keys().map(AttributeName::as_str).collect();
        let (kinds, values): (Vec<_>, Vec<_>) = set
            .values()
            .map(|attribute| values::to_stored(&attribute.value))
            .map(|(kind, value)| (kind, value.to_string()))
            .unzip();
        let classes: Vec<_> = set
            .values()
            .map(|attribute| attribute.class.as_str())
            .collect();
        sqlx::query(PUT_ATTRIBUTES)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(names)
            .bind(kinds)
            .bind(values)
            .bind(classes)
            .execute(&mut *self.connection)
            .await
            .changing("attributes")?;
        Ok(())
    }

    async fn put_lookup(
        &mut self,
        sub: &SubjectId,
        lookup: &[(LookupKey, bool)],
    ) -> Result<(), Halt> {
        // Sorted, so that two people who want the same values do not deadlock.
        let wanted: BTreeMap<_, _> = lookup
            .iter()
            .map(|(key, unique)| ((key.attribute.as_str(), key.value.as_str()), *unique))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let (attributes, values): (Vec<_>, Vec<_>) = wanted.keys().copied().unzip();
        let unique: Vec<_> = wanted.values().copied().collect();
        let put: Vec<(String, String)> = sqlx::query_as(PUT_LOOKUP)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(attributes)
            .bind(values)
            .bind(unique)
            .fetch_all(&mut *self.connection)
            .await
            .changing("lookup")?;
        let put: BTreeSet<_> = put.iter().map(|(a, v)| (a.as_str(), v.as_str())).collect();
        match wanted.keys().find(|key| !put.contains(*key)) {
            Some((attribute, _)) => {
                Err(Refusal::Conflict(Some(AttributeName::new(*attribute))).into())
            }
            None => Ok(()),
        }
    }

    pub(super) async fn set_subject_state(
        &mut self,
        sub: &SubjectId,
        state: SubjectState,
        at: Timestamp,
    ) -> Result<(), Halt> {
        let set = sqlx::query(SET_STATE)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(rows::state_name(state))
            .bind(at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("subjects")?;
        known(set.rows_affected())
    }

    pub(super) async fn set_required_factors(
        &mut self,
        sub: &SubjectId,
        required_factors: u8,
        at: Timestamp,
    ) -> Result<(), Halt> {
        let set = sqlx::query(SET_FACTORS)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(i64::from(required_factors))
            .bind(at.as_microsecond())
            .execute(&mut *self.connection)
            .await
            .changing("subjects")?;
        known(set.rows_affected())
    }

    pub(super) async fn set_roles(
        &mut self,
        sub: &SubjectId,
        roles: &[String],
    ) -> Result<(), Halt> {
        sqlx::query(CLEAR_ROLES)
            .bind(self.realm)
            .bind(&sub.0)
            .execute(&mut *self.connection)
            .await
            .changing("subject_roles")?;
        sqlx::query(ADD_ROLES)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(roles)
            .execute(&mut *self.connection)
            .await
            .changing("subject_roles")?;
        Ok(())
    }

    pub(super) async fn set_groups(
        &mut self,
        sub: &SubjectId,
        groups: &[String],
    ) -> Result<(), Halt> {
        sqlx::query(CLEAR_GROUPS)
            .bind(self.realm)
            .bind(&sub.0)
            .execute(&mut *self.connection)
            .await
            .changing("subject_groups")?;
        sqlx::query(ADD_GROUPS)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(groups)
            .execute(&mut *self.connection)
            .await
            .changing("subject_groups")?;
        Ok(())
    }

    pub(super) async fn erase_subject(&mut self, sub: &SubjectId) -> Result<(), Halt> {
        let erased = sqlx::query(ERASE)
            .bind(self.realm)
            .bind(&sub.0)
            .execute(&mut *self.connection)
            .await
            .changing("subjects")?;
        known(erased.rows_affected())?;
        for statement in [ERASE_ATTEMPTS, ERASE_OUTBOX, EMPTY_EVENTS] {
            sqlx::query(statement)
                .bind(self.realm)
                .bind(&sub.0)
                .execute(&mut *self.connection)
                .await
                .changing("subjects")?;
        }
        Ok(())
    }

    pub(super) async fn insert_credential(&mut self, row: &CredentialRow) -> Result<(), Halt> {
        sqlx::query(INSERT_CREDENTIAL)
            .bind(self.realm)
            .bind(&row.sub.0)
            .bind(row.id.0)
            .bind(&row.kind)
            .bind(&row.label)
            .bind(&row.secret)
            .bind(json("credentials", &row.state)?)
            .bind(row.created_at.as_microsecond())
            .bind(row.last_used_at.map(Timestamp::as_microsecond))
            .bind(row.version)
            .execute(&mut *self.connection)
            .await
            .changing("credentials")?;
        Ok(())
    }

    pub(super) async fn update_credential(&mut self, row: &CredentialRow) -> Result<(), Halt> {
        let updated = sqlx::query(UPDATE_CREDENTIAL)
            .bind(self.realm)
            .bind(&row.sub.0)
            .bind(row.id.0)
            .bind(row.version)
            .bind(&row.label)
            .bind(&row.secret)
            .bind(json("credentials", &row.state)?)
            .bind(row.created_at.as_microsecond())
            .bind(row.last_used_at.map(Timestamp::as_microsecond))
            .execute(&mut *self.connection)
            .await
            .changing("credentials")?;
        if updated.rows_affected() == 1 {
            Ok(())
        } else {
            Err(Refusal::Stale.into())
        }
    }

    pub(super) async fn delete_credential(
        &mut self,
        sub: &SubjectId,
        id: CredentialId,
    ) -> Result<(), Halt> {
        let deleted = sqlx::query(DELETE_CREDENTIAL)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(id.0)
            .execute(&mut *self.connection)
            .await
            .changing("credentials")?;
        known(deleted.rows_affected())
    }

    pub(super) async fn delete_credentials(
        &mut self,
        sub: &SubjectId,
        kind: &str,
    ) -> Result<(), Halt> {
        sqlx::query(DELETE_CREDENTIALS)
            .bind(self.realm)
            .bind(&sub.0)
            .bind(kind)
            .execute(&mut *self.connection)
            .await
            .changing("credentials")?;
        Ok(())
    }
}

fn known(rows: u64) -> Result<(), Halt> {
    if rows == 0 {
        Err(Refusal::Unknown.into())
    } else {
        Ok(())
    }
}
