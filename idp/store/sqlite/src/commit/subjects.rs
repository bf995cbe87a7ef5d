use std::collections::BTreeMap;

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
const PUT_ATTRIBUTE: &str = "INSERT INTO attributes (realm, sub, name, kind, value, class)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (realm, sub, name) DO UPDATE
    SET kind = excluded.kind, value = excluded.value, class = excluded.class";
const REMOVE_ATTRIBUTE: &str = "DELETE FROM attributes
    WHERE realm = $1 AND sub = $2 AND name = $3";
const REMOVE_LOOKUP: &str = "DELETE FROM lookup WHERE realm = $1 AND sub = $2 AND attribute = $3";
const PUT_LOOKUP: &str = "INSERT INTO lookup (realm, attribute, value, sub, is_unique)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const SET_STATE: &str = "UPDATE subjects SET state = $3, updated_at = $4, version = version + 1
    WHERE realm = $1 AND sub = $2";
const SET_FACTORS: &str = "UPDATE subjects SET required_factors = $3, updated_at = $4
    WHERE realm = $1 AND sub = $2";
const CLEAR_ROLES: &str = "DELETE FROM subject_roles WHERE realm = $1 AND sub = $2";
const ADD_ROLE: &str = "INSERT INTO subject_roles (realm, sub, role)
    VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const CLEAR_GROUPS: &str = "DELETE FROM subject_groups WHERE realm = $1 AND sub = $2";
const ADD_GROUP: &str = "INSERT INTO subject_groups (realm, sub, path)
    VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
// Rows of the other tables go with the person, by their foreign keys.
const ERASE: &str = "DELETE FROM subjects WHERE realm = $1 AND sub = $2";
const ERASE_ATTEMPTS: &str = "DELETE FROM attempts WHERE realm = $1 AND key = $2";
const ERASE_OUTBOX: &str = "DELETE FROM outbox WHERE realm = $1 AND subject = $2";
const EMPTY_EVENTS: &str = "UPDATE events SET fields = '{}' WHERE realm = $1 AND subject = $2";
const INSERT_CREDENTIAL: &str = "INSERT INTO credentials (realm, sub, id, kind, label, secret,
        state, created_at, last_used_at, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const UPDATE_CREDENTIAL: &str = "UPDATE credentials
    SET label = $5, secret = $6, state = $7, created_at = $8, last_used_at = $9,
        version = version + 1
    WHERE realm = $1 AND sub = $2 AND id = $3 AND version = $4";
const DELETE_CREDENTIAL: &str = "DELETE FROM credentials
    WHERE realm = $1 AND sub = $2 AND id = $3";
const DELETE_CREDENTIALS: &str = "DELETE FROM credentials
    WHERE realm = $1 AND sub = $2 AND kind = $3";

impl Writing<'_> {
    pub(super) async fn insert_subject(
        &mut self,
        subject: SubjectRow,
        attributes: StoredAttributes,
        lookup: Vec<(LookupKey, bool)>,
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
        set: StoredAttributes,
        remove: &[AttributeName],
        lookup: Vec<(LookupKey, bool)>,
    ) -> Result<(), Halt> {
        for name in remove {
            sqlx::query(REMOVE_ATTRIBUTE)
                .bind(self.realm)
                .bind(&sub.0)
                .bind(name.as_str())
                .execute(&mut *self.connection)
                .await
                .changing("attributes")?;
        }
        for name in set.keys().chain(remove) {
            sqlx::query(REMOVE_LOOKUP)
                .bind(self.realm)
                .bind(&sub.0)
                .bind(name.as_str())
                .execute(&mut *self.connection)
                .await
                .changing("lookup")?;
        }
        for (name, attribute) in &set {
            let (kind, value) = values::to_stored(&attribute.value);
            sqlx::query(PUT_ATTRIBUTE)
                .bind(self.realm)
                .bind(&sub.0)
                .bind(name.as_str())
                .bind(kind)
                .bind(value.to_string())
                .bind(attribute.class.as_str())
                .execute(&mut *self.connection)
                .await
                .changing("attributes")?;
        }
        self.put_lookup(sub, lookup).await
    }

    async fn put_lookup(
        &mut self,
        sub: &SubjectId,
        lookup: Vec<(LookupKey, bool)>,
    ) -> Result<(), Halt> {
        let wanted: BTreeMap<_, _> = lookup
            .iter()
            .map(|(key, unique)| ((&key.attribute, &key.value), *unique))
            .collect();
        for ((attribute, value), unique) in wanted {
            let put = sqlx::query(PUT_LOOKUP)
                .bind(self.realm)
                .bind(attribute.as_str())
                .bind(value)
                .bind(&sub.0)
                .bind(unique)
                .execute(&mut *self.connection)
                .await
                .changing("lookup")?;
            if put.rows_affected() == 0 {
                return Err(Refusal::Conflict(Some(attribute.clone())).into());
            }
        }
        Ok(())
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
        roles: Vec<String>,
    ) -> Result<(), Halt> {
        sqlx::query(CLEAR_ROLES)
            .bind(self.realm)
            .bind(&sub.0)
            .execute(&mut *self.connection)
            .await
            .changing("subject_roles")?;
        for role in roles {
            sqlx::query(ADD_ROLE)
                .bind(self.realm)
                .bind(&sub.0)
                .bind(role)
                .execute(&mut *self.connection)
                .await
                .changing("subject_roles")?;
        }
        Ok(())
    }

    pub(super) async fn set_groups(
        &mut self,
        sub: &SubjectId,
        groups: Vec<String>,
    ) -> Result<(), Halt> {
        sqlx::query(CLEAR_GROUPS)
            .bind(self.realm)
            .bind(&sub.0)
            .execute(&mut *self.connection)
            .await
            .changing("subject_groups")?;
        for path in groups {
            sqlx::query(ADD_GROUP)
                .bind(self.realm)
                .bind(&sub.0)
                .bind(path)
                .execute(&mut *self.connection)
                .await
                .changing("subject_groups")?;
        }
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

    pub(super) async fn insert_credential(&mut self, row: CredentialRow) -> Result<(), Halt> {
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

    pub(super) async fn update_credential(&mut self, row: CredentialRow) -> Result<(), Halt> {
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
