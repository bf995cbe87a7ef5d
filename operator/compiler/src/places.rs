//! Where a served application or realm is declared.

use realmwright_crds::ClientSpec;
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
        self.client(realm, id).and_then(|(placed, _)| name(placed))
    }

    /// The objects that belong to a realm.
    pub(crate) fn members<'a>(&'a self, realm: &CompiledRealm) -> impl Iterator<Item = &'a Placed> {
        self.objects().filter(|placed| {
            let key = placed.object.realm.as_ref();
            key.is_some_and(|key| key.namespace == realm.namespace && key.name == realm.name)
        })
    }

    /// An application of a realm, as it is declared.
    pub(crate) fn client<'a>(
        &'a self,
        realm: &CompiledRealm,
        id: &ClientId,
    ) -> Option<(&'a Placed, &'a ClientSpec)> {
        self.members(realm).find_map(|placed| {
            let Resource::Client(spec) = &placed.object.resource else {
                return None;
            };
            let spec = spec.as_ref();
            let named = client::identifier(&Typed { placed, spec }) == id.as_str();
            named.then_some((placed, spec))
        })
    }
}

fn name(placed: &Placed) -> Option<Location> {
    Report::default().place(placed, &field!("metadata", "name"))
}
