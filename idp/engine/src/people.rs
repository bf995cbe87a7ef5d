//! A person as decisions, pages and the accounts API see one: the rows put together.

use jiff::Timestamp;
use realmwright_decision::facts::{Person, parse_role};
use realmwright_store::{
    Change, CredentialRow, StoredAttributes, StoredPerson, SubjectId, SubjectRow, SubjectState,
    values,
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
        let store = &self.ports.store;
        // In this order: credentials that changed in between came with a newer version than this
        // one, and `PersonRecord::hold` then lets nothing in.
        let Some(stored) = store.person(realm.id(), sub).await? else {
            return Ok(None);
        };
        let credentials = store.credentials(realm.id(), sub).await?;
        Ok(Some(PersonRecord {
            row: stored.subject.clone(),
            held_roles: stored.roles.clone(),
            person: realm.person(stored, self.ports.clock.now()),
            credentials,
        }))
    }
}

impl RuntimeRealm {
    /// The person as decisions see one.
    pub(crate) fn person(&self, stored: StoredPerson, now: Timestamp) -> Person {
        let held = stored.roles.iter().map(|role| parse_role(role));
        let mut person = Person {
            sub: stored.subject.sub.0,
            attributes: values::unclassed(stored.attributes),
            roles: self.roles.effective(held),
            groups: stored.groups.into_iter().collect(),
            required_factors: stored.subject.required_factors,
            credentials: stored.credentials,
            locked: stored.subject.state == SubjectState::Locked,
        };
        self.attribute_schema().complete(&mut person, now);
        person
    }

    /// What pages say about a person (AUTH-GEN-08, 09).
    pub(crate) fn person_view(&self, person: &Person, now: Timestamp) -> PersonView {
        PersonView {
            name: self.attribute_schema().display_name(person, now),
            identifier: self.attribute_schema().display_identifier(person, now),
        }
    }
}
