//! A person as decisions, pages and the accounts API see one: the rows put together.

use std::collections::BTreeSet;

use jiff::Timestamp;
use realmwright_decision::facts::{Person, parse_role};
use realmwright_store::{
    Change, CredentialRow, StoredAttributes, SubjectId, SubjectRow, SubjectState, values,
};

use crate::Engine;
use crate::api::{EngineFault, PersonView};
use crate::runtime_realm::RuntimeRealm;

/// Everything about a person that a use case may need.
#[derive(Clone, Debug)]
pub(crate) struct PersonRecord {
    pub(crate) row: SubjectRow,
    pub(crate) person: Person,
    /// Roles held directly.
    pub(crate) held_roles: Vec<String>,
    pub(crate) credentials: Vec<CredentialRow>,
}

impl PersonRecord {
    /// The first credential of a kind.
    pub(crate) fn credential(&self, kind: &str) -> Option<&CredentialRow> {
        self.credentials.iter().find(|row| row.kind == kind)
    }

    /// Lets a commit in only while nobody else has committed one about the same reading: what was
    /// decided over these rows (that there is no generator yet) still holds then. Raises the
    /// version of the account.
    pub(crate) fn hold(&self, at: Timestamp) -> Change {
        Change::UpdateAttributes {
            sub: self.row.sub.clone(),
            version: self.row.version,
            set: StoredAttributes::new(),
            remove: Vec::new(),
            lookup: Vec::new(),
            at,
        }
    }
}

impl Engine {
    /// The person; none when the account is gone.
    pub(crate) async fn person(
        &self,
        realm: &RuntimeRealm,
        sub: &SubjectId,
    ) -> Result<Option<PersonRecord>, EngineFault> {
        match self.ports.store.subject(realm.id(), sub).await? {
            Some(row) => self.person_of(realm, row).await.map(Some),
            None => Ok(None),
        }
    }

    pub(crate) async fn person_of(
        &self,
        realm: &RuntimeRealm,
        row: SubjectRow,
    ) -> Result<PersonRecord, EngineFault> {
        let store = &self.ports.store;
        let (attributes, credentials, held_roles, groups) = futures::try_join!(
            store.attributes(realm.id(), &row.sub),
            store.credentials(realm.id(), &row.sub),
            store.roles(realm.id(), &row.sub),
            store.groups(realm.id(), &row.sub)
        )?;
        let roles = realm
            .roles
            .effective(held_roles.iter().map(|role| parse_role(role)));
        let kinds: BTreeSet<String> = credentials.iter().map(|row| row.kind.clone()).collect();
        let mut person = Person {
            sub: row.sub.0.clone(),
            attributes: values::unclassed(attributes),
            roles,
            groups: groups.into_iter().collect(),
            required_factors: row.required_factors,
            credentials: kinds,
            locked: row.state == SubjectState::Locked,
        };
        let now = self.ports.clock.now();
        realm.attribute_schema().complete(&mut person, now);
        Ok(PersonRecord {
            person,
            row,
            held_roles,
            credentials,
        })
    }
}

impl RuntimeRealm {
    /// What pages say about a person (AUTH-GEN-08, 09).
    pub(crate) fn person_view(&self, person: &Person, now: Timestamp) -> PersonView {
        PersonView {
            name: self.attribute_schema().display_name(person, now),
            identifier: self.attribute_schema().display_identifier(person, now),
        }
    }
}
