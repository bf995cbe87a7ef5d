//! All objects by kind, name and realm; duplicates and objects without a realm are found here.

use std::collections::BTreeMap;
use std::sync::Arc;

use realmwright_crds::{
    AttributeStoreSpec, AuthFlowSpec, AuthMethodSpec, ClientSpec, RealmSpec, RealmTestSpec,
    ReferenceGrantSpec, RegionSpec, ScopeSpec,
};

use crate::diagnostics::Code;
use crate::doubts::{Absent, Doubtful};
use crate::fault::{Fault, Report};
use crate::object::{Kind, Object, ObjectId, Placed, RealmKey, Resource, SecretData};
use crate::path::field;

/// An object with its spec.
#[derive(Debug)]
pub(crate) struct Typed<'a, T> {
    pub(crate) placed: &'a Placed,
    pub(crate) spec: &'a T,
}

impl<T> Clone for Typed<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Typed<'_, T> {}

impl<'a, T> Typed<'a, T> {
    pub(crate) fn id(&self) -> &'a ObjectId {
        &self.placed.object.id
    }

    pub(crate) fn namespace(&self) -> &'a str {
        &self.id().namespace
    }

    pub(crate) fn name(&self) -> &'a str {
        &self.id().name
    }
}

/// The objects of one realm, each list in the order of ids.
#[derive(Debug, Default)]
pub(crate) struct Members<'a> {
    pub(crate) clients: Vec<Typed<'a, ClientSpec>>,
    pub(crate) scopes: Vec<Typed<'a, ScopeSpec>>,
    pub(crate) stores: Vec<Typed<'a, AttributeStoreSpec>>,
    pub(crate) methods: Vec<Typed<'a, AuthMethodSpec>>,
    pub(crate) flows: Vec<Typed<'a, AuthFlowSpec>>,
    pub(crate) tests: Vec<Typed<'a, RealmTestSpec>>,
}

/// A resource that exists but could not be read.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) id: ObjectId,
    pub(crate) realm: Option<RealmKey>,
}

/// The plain Secrets, by id.
#[derive(Debug, Default)]
pub(crate) struct Secrets<'a>(Vec<&'a Arc<Object>>);

impl<'a> Secrets<'a> {
    pub(crate) fn objects(&self) -> impl Iterator<Item = &'a Arc<Object>> {
        self.0.iter().copied()
    }

    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<&'a SecretData> {
        let found = self.0.binary_search_by(|object| {
            (object.id.namespace.as_str(), object.id.name.as_str()).cmp(&(namespace, name))
        });
        self.0.get(found.ok()?)?.secret()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Index<'a> {
    pub(crate) regions: BTreeMap<&'a str, Typed<'a, RegionSpec>>,
    pub(crate) realms: BTreeMap<RealmKey, Typed<'a, RealmSpec>>,
    pub(crate) members: BTreeMap<&'a RealmKey, Members<'a>>,
    /// By the namespace that grants.
    pub(crate) grants: BTreeMap<&'a str, Vec<Typed<'a, ReferenceGrantSpec>>>,
    pub(crate) secrets: Secrets<'a>,
}

impl<'a> Index<'a> {
    /// Files objects; they come in the order of their ids, and of those with one id in the order of
    /// files and lines: the first one stays.
    pub(crate) fn build(objects: impl Iterator<Item = &'a Placed>, report: &mut Report) -> Self {
        let mut index = Self::default();
        let mut former: Option<&Placed> = None;
        for one in objects {
            match former.filter(|former| former.object.id == one.object.id) {
                Some(former) => declared_twice(one, former, report),
                None => {
                    former = Some(one);
                    index.file(one);
                }
            }
        }
        index.drop_strays(report);
        index
    }

    fn file(&mut self, placed: &'a Placed) {
        let id = &placed.object.id;
        let resource = &placed.object.resource;
        let members = placed
            .object
            .realm
            .as_ref()
            .map(|key| self.members.entry(key).or_default());
        match (resource, members) {
            (Resource::Region(spec), _) => {
                self.regions.insert(&id.name, Typed { placed, spec });
            }
            (Resource::Realm(spec), _) => {
                let key = RealmKey {
                    namespace: id.namespace.clone(),
                    name: id.name.clone(),
                };
                self.realms.insert(key, Typed { placed, spec });
            }
            (Resource::ReferenceGrant(spec), _) => self
                .grants
                .entry(&id.namespace)
                .or_default()
                .push(Typed { placed, spec }),
            (Resource::Secret(_), _) => self.secrets.0.push(&placed.object),
            (Resource::Client(spec), Some(members)) => {
                members.clients.push(Typed { placed, spec });
            }
            (Resource::Scope(spec), Some(members)) => members.scopes.push(Typed { placed, spec }),
            (Resource::AttributeStore(spec), Some(members)) => {
                members.stores.push(Typed { placed, spec });
            }
            (Resource::AuthMethod(spec), Some(members)) => {
                members.methods.push(Typed { placed, spec });
            }
            (Resource::AuthFlow(spec), Some(members)) => members.flows.push(Typed { placed, spec }),
            (Resource::RealmTest(spec), Some(members)) => {
                members.tests.push(Typed { placed, spec });
            }
            (_, None) => {}
        }
    }

    /// Objects of realms that are not there, and objects that another namespace may not attach.
    fn drop_strays(&mut self, report: &mut Report) {
        let realms = &self.realms;
        for (key, members) in &mut self.members {
            let absent = Absent::object(Kind::Realm, &key.namespace, &key.name);
            if !realms.contains_key(key) && !report.doubts.explain(&absent) {
                members.doubt(key, None, report);
                let near: Vec<&str> = realms
                    .keys()
                    .filter(|candidate| candidate.namespace == key.namespace)
                    .map(|candidate| candidate.name.as_str())
                    .collect();
                for placed in members.placed() {
                    let own = placed.object.id.namespace == key.namespace;
                    let name = if own {
                        key.name.clone()
                    } else {
                        format!("{}/{}", key.namespace, key.name)
                    };
                    let mut fault = Fault::not_found(
                        Code::RealmNotFound,
                        field!("spec", "realmRef", "name"),
                        "realm",
                        &name,
                        near.iter().copied(),
                    );
                    if own && fault.fix.is_none() {
                        let elsewhere = realms
                            .keys()
                            .find(|candidate| candidate.name == key.name)
                            .map(|candidate| {
                                format!(
                                    "a realm of this name is in namespace `{}`",
                                    candidate.namespace
                                )
                            });
                        fault = fault.fix(elsewhere);
                    }
                    report.add(placed, fault);
                }
                *members = Members::default();
            }
            members.keep_own(key, report);
        }
    }
}

fn declared_twice(placed: &Placed, former: &Placed, report: &mut Report) {
    let path = field!("metadata", "name");
    let place = report.place(former, &path);
    let id = &placed.object.id;
    let fault = Fault::error(
        Code::DuplicateObject,
        path,
        format!("{id} is declared twice"),
    );
    let fault = match place {
        Some(place) => fault.note(format!("first in {}:{}", place.file, place.line)),
        None => fault,
    };
    report.add(placed, fault);
}

fn doubt(placed: &Placed, key: &RealmKey, realm: Option<&RealmKey>, report: &mut Report) {
    report.doubts.add(Doubtful {
        kind: placed.object.id.kind,
        namespace: &key.namespace,
        realm,
        called: Some(placed.object.called()),
    });
}

impl<'a> Members<'a> {
    fn placed(&self) -> impl Iterator<Item = &'a Placed> {
        let Self {
            clients,
            scopes,
            stores,
            methods,
            flows,
            tests,
        } = self;
        fn each<'m, 'a, T>(list: &'m [Typed<'a, T>]) -> impl Iterator<Item = &'a Placed> + 'm {
            list.iter().map(|one| one.placed)
        }
        each(clients)
            .chain(each(scopes))
            .chain(each(stores))
            .chain(each(methods))
            .chain(each(flows))
            .chain(each(tests))
    }

    /// Whoever looks for one of them in a realm will not find it. None as the realm is any that
    /// they may have been meant for.
    fn doubt(&self, key: &RealmKey, realm: Option<&RealmKey>, report: &mut Report) {
        for placed in self.placed() {
            doubt(placed, key, realm, report);
        }
    }

    /// Whether it has an object with this id.
    pub(crate) fn have(&self, id: &ObjectId) -> bool {
        fn has<T>(list: &[Typed<'_, T>], id: &ObjectId) -> bool {
            list.binary_search_by_key(&id, Typed::id).is_ok()
        }
        match id.kind {
            Kind::Client => has(&self.clients, id),
            Kind::Scope => has(&self.scopes, id),
            Kind::AttributeStore => has(&self.stores, id),
            Kind::AuthMethod => has(&self.methods, id),
            Kind::AuthFlow => has(&self.flows, id),
            Kind::RealmTest => has(&self.tests, id),
            Kind::Region | Kind::Realm | Kind::ReferenceGrant | Kind::Secret => false,
        }
    }

    /// Only Clients are attached from other namespaces; whether the realm admits them is judged
    /// with the realm at hand.
    fn keep_own(&mut self, realm: &RealmKey, report: &mut Report) {
        fn keep<T>(list: &mut Vec<Typed<'_, T>>, realm: &RealmKey, report: &mut Report) {
            let namespace = &realm.namespace;
            list.retain(|one| {
                let own = one.namespace() == namespace;
                if !own {
                    doubt(one.placed, realm, Some(realm), report);
                    report.add(
                        one.placed,
                        Fault::error(
                            Code::AttachmentRefused,
                            field!("spec", "realmRef", "namespace"),
                            format!(
                                "a {} cannot join a realm of another namespace",
                                one.id().kind.as_str()
                            ),
                        )
                        .fix(format!("move it to namespace `{namespace}`")),
                    );
                }
                own
            });
        }
        keep(&mut self.scopes, realm, report);
        keep(&mut self.stores, realm, report);
        keep(&mut self.methods, realm, report);
        keep(&mut self.flows, realm, report);
        keep(&mut self.tests, realm, report);
    }
}
