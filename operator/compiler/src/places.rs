//! Where a served application or realm is declared.

use realmwright_snapshot::ClientId;

use crate::compiler::{CompiledRealm, Compiler};
use crate::diagnostics::Location;
use crate::fault::Report;
use crate::index::Typed;
use crate::lower::client;
use crate::object::{Placed, Resource};
use crate::path::field;

impl Compiler {
    /// Where a realm of the last compile is declared.
    #[must_use]
    pub fn place_of_realm(&self, realm: &CompiledRealm) -> Option<Location> {
        let mut objects = self.objects();
        let declared = objects.find(|placed| {
            let id = &placed.object.id;
            matches!(placed.object.resource, Resource::Realm(_))
                && id.namespace == realm.namespace
                && id.name == realm.name
        })?;
        name(declared)
    }

    /// Where an application of it is declared; none when it has no such application.
    #[must_use]
    pub fn place_of_client(&self, realm: &CompiledRealm, id: &ClientId) -> Option<Location> {
        let mut objects = self.objects();
        let declared = objects.find(|placed| {
            let Resource::Client(spec) = &placed.object.resource else {
                return false;
            };
            let of_realm = placed
                .object
                .realm
                .as_ref()
                .is_some_and(|key| key.namespace == realm.namespace && key.name == realm.name);
            of_realm
                && client::identifier(&Typed {
                    placed,
                    spec: spec.as_ref(),
                }) == id.as_str()
        })?;
        name(declared)
    }
}

fn name(placed: &Placed) -> Option<Location> {
    Report::default().place(placed, &field!("metadata", "name"))
}
