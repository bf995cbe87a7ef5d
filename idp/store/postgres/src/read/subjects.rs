use async_trait::async_trait;
use realmwright_snapshot::RealmId;
use realmwright_store::{
    CredentialRow, LookupKey, Page, PersonalData, Result, StoredAttributes, StoredPerson,
    SubjectId, SubjectQuery, SubjectRow, Subjects, documents, export,
};

use super::documents::PERSON;
use super::{all, page, probe, storable};
use crate::{PostgresStore, rows};

const SUBJECT: &str = "SELECT sub, store, store_key, state, required_factors, created_at,
        updated_at, version
    FROM subjects WHERE realm = $1 AND sub = $2";
const BY_STORE_KEY: &str = "SELECT sub, store, store_key, state, required_factors, created_at,
        updated_at, version
    FROM subjects WHERE realm = $1 AND store = $2 AND store_key = $3";
const LOOKUP: &str = "SELECT sub FROM lookup
    WHERE realm = $1 AND attribute = $2 AND value = $3 ORDER BY sub LIMIT $4";
const SEARCH: &str = "SELECT sub, store, store_key, state, required_factors, created_at,
        updated_at, version
    FROM subjects
    WHERE realm = $1 AND sub > $2 AND ($3 IS NULL OR state = $3)
    ORDER BY sub LIMIT $4";
// The first value is $5 and $6, which the index serves; the others are in $7 and $8.
const SEARCH_BY_VALUE: &str = "SELECT s.sub, s.store, s.store_key, s.state, s.required_factors,
        s.created_at, s.updated_at, s.version
    FROM lookup f JOIN subjects s ON s.realm = f.realm AND s.sub = f.sub
    WHERE f.realm = $1 AND f.attribute = $5 AND f.value = $6 AND f.sub > $2
        AND ($3 IS NULL OR s.state = $3)
        AND NOT EXISTS (
            SELECT 1 FROM unnest($7::text[], $8::text[]) AS q (attribute, value)
            WHERE NOT EXISTS (
                SELECT 1 FROM lookup l
                WHERE l.realm = f.realm AND l.attribute = q.attribute AND l.value = q.value
                    AND l.sub = f.sub))
    ORDER BY f.sub LIMIT $4";
const ATTRIBUTES: &str = "SELECT name, kind, value, class FROM attributes
    WHERE realm = $1 AND sub = $2";
const CREDENTIALS: &str = "SELECT id, sub, kind, label, secret, state, created_at, last_used_at,
        version
    FROM credentials WHERE realm = $1 AND sub = $2 ORDER BY created_at, id";
const ROLES: &str = "SELECT role FROM subject_roles WHERE realm = $1 AND sub = $2 ORDER BY role";
const GROUPS: &str = "SELECT path FROM subject_groups WHERE realm = $1 AND sub = $2 ORDER BY path";

#[async_trait]
impl Subjects for PostgresStore {
    async fn subject(&self, realm: &RealmId, sub: &SubjectId) -> Result<Option<SubjectRow>> {
        let found = self
            .run(
                "subjects",
                sqlx::query(SUBJECT)
                    .bind(realm.as_str())
                    .bind(&sub.0)
                    .fetch_optional(&self.pool),
            )
            .await?;
        found.as_ref().map(rows::subject).transpose()
    }

    async fn person(&self, realm: &RealmId, sub: &SubjectId) -> Result<Option<StoredPerson>> {
        let found: Option<String> = self
            .run(
                "subjects",
                sqlx::query_scalar(PERSON)
                    .bind(realm.as_str())
                    .bind(&sub.0)
                    .fetch_optional(&self.pool),
            )
            .await?;
        found
            .map(|document| documents::read("subjects", &document))
            .transpose()
    }

    async fn subject_by_store_key(
        &self,
        realm: &RealmId,
        store: &str,
        key: &str,
    ) -> Result<Option<SubjectRow>> {
        if !storable(store) || !storable(key) {
            return Ok(None);
        }
        let found = self
            .run(
                "subjects",
                sqlx::query(BY_STORE_KEY)
                    .bind(realm.as_str())
                    .bind(store)
                    .bind(key)
                    .fetch_optional(&self.pool),
            )
            .await?;
        found.as_ref().map(rows::subject).transpose()
    }

    async fn lookup(&self, realm: &RealmId, key: &LookupKey, limit: u32) -> Result<Vec<SubjectId>> {
        if !storable(&key.value) {
            return Ok(Vec::new());
        }
        let found: Vec<String> = self
            .run(
                "lookup",
                sqlx::query_scalar(LOOKUP)
                    .bind(realm.as_str())
                    .bind(key.attribute.as_str())
                    .bind(&key.value)
                    .bind(i64::from(limit))
                    .fetch_all(&self.pool),
            )
            .await?;
        Ok(found.into_iter().map(SubjectId).collect())
    }

    async fn search(&self, realm: &RealmId, query: &SubjectQuery) -> Result<Page<SubjectRow>> {
        let after = query.after.as_deref().unwrap_or_default();
        if !storable(after) || !query.attributes.iter().all(|key| storable(&key.value)) {
            return Ok(page(Vec::new(), query.limit, |_| String::new()));
        }
        let state = query.state.map(rows::state_name);
        let statement = match query.attributes.split_first() {
            None => sqlx::query(SEARCH)
                .bind(realm.as_str())
                .bind(after)
                .bind(state)
                .bind(probe(query.limit)),
            Some((first, rest)) => {
                let (attributes, values): (Vec<_>, Vec<_>) = rest
                    .iter()
                    .map(|key| (key.attribute.as_str(), key.value.as_str()))
                    .unzip();
                sqlx::query(SEARCH_BY_VALUE)
                    .bind(realm.as_str())
                    .bind(after)
                    .bind(state)
                    .bind(probe(query.limit))
                    .bind(first.attribute.as_str())
                    .bind(&first.value)
                    .bind(attributes)
                    .bind(values)
            }
        };
        let found = self
            .run("subjects", statement.fetch_all(&self.pool))
            .await?;
        let subjects = all(&found, rows::subject)?;
        Ok(page(subjects, query.limit, |subject| subject.sub.0.clone()))
    }

    async fn attributes(&self, realm: &RealmId, sub: &SubjectId) -> Result<StoredAttributes> {
        let found = self
            .run(
                "attributes",
                sqlx::query(ATTRIBUTES)
                    .bind(realm.as_str())
                    .bind(&sub.0)
                    .fetch_all(&self.pool),
            )
            .await?;
        found.iter().map(rows::attribute).collect()
    }

    async fn credentials(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<CredentialRow>> {
        let found = self
            .run(
                "credentials",
                sqlx::query(CREDENTIALS)
                    .bind(realm.as_str())
                    .bind(&sub.0)
                    .fetch_all(&self.pool),
            )
            .await?;
        all(&found, rows::credential)
    }

    async fn roles(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<String>> {
        self.run(
            "subject_roles",
            sqlx::query_scalar(ROLES)
                .bind(realm.as_str())
                .bind(&sub.0)
                .fetch_all(&self.pool),
        )
        .await
    }

    async fn groups(&self, realm: &RealmId, sub: &SubjectId) -> Result<Vec<String>> {
        self.run(
            "subject_groups",
            sqlx::query_scalar(GROUPS)
                .bind(realm.as_str())
                .bind(&sub.0)
                .fetch_all(&self.pool),
        )
        .await
    }
}

#[async_trait]
impl PersonalData for PostgresStore {
    async fn export(
        &self,
        realm: &RealmId,
        sub: &SubjectId,
    ) -> Result<serde_json::Map<String, serde_json::Value>> {
        export::collect(self, realm, sub).await
    }
}
