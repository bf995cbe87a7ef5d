//! All objects by kind, name and realm; duplicates and objects without a realm are found here.

use std::collections::{BTreeMap, BTreeSet};

use realmwright_crds::{
    AttributeStoreSpec, AuthFlowSpec, AuthMethodSpec, ClientSpec, RealmSpec, RealmTestSpec,
    ReferenceGrantSpec, RegionSpec, ScopeSpec,
};

use crate::diagnostics::Code;
use crate::fault::{Fault, Report};
use crate::object::{Kind, ObjectId, Placed, RealmKey, Resource, SecretData};
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

/// The objects of one realm.
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

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Index<'a> {
    pub(crate) regions: BTreeMap<&'a str, Typed<'a, RegionSpec>>,
    pub(crate) realms: BTreeMap<RealmKey, Typed<'a, RealmSpec>>,
    pub(crate) members: BTreeMap<RealmKey, Members<'a>>,
    /// By the namespace that grants.
    pub(crate) grants: BTreeMap<&'a str, Vec<Typed<'a, ReferenceGrantSpec>>>,
    pub(crate) secrets: BTreeMap<(&'a str, &'a str), &'a SecretData>,
    broken: BTreeSet<ObjectId>,
}

impl<'a> Index<'a> {
    /// Files objects; they come in the order of files and lines, and of duplicates the first one
    /// stays.
    pub(crate) fn build(placed: &'a [Placed], broken: &[Broken], report: &mut Report) -> Self {
        let mut index = Self {
            broken: broken.iter().map(|broken| broken.id.clone()).collect(),
            ..Self::default()
        };
        let mut first: BTreeMap<&ObjectId, &Placed> = BTreeMap::new();
        for one in placed {
            let id = &one.object.id;
            if let Some(former) = first.get(id) {
                let place = report.place(former, &field!("metadata", "name"));
                let fault = Fault::error(
                    Code::DuplicateObject,
                    field!("metadata", "name"),
                    format!("{id} is declared twice"),
                );
                report.add(
                    one,
                    match place {
                        Some(place) => {
                            fault.note(format!("first in {}:{}", place.file, place.line))
                        }
                        None => fault,
                    },
                );
                continue;
            }
            first.insert(id, one);
            index.file(one);
        }
        index.drop_strays(report);
        for members in index.members.values_mut() {
            members.sort();
        }
        for grants in index.grants.values_mut() {
            grants.sort_by_key(Typed::id);
        }
        index
    }

    fn file(&mut self, placed: &'a Placed) {
        let id = &placed.object.id;
        let resource = &placed.object.resource;
        let members = resource
            .realm_ref()
            .map(|reference| RealmKey::referred(reference, &id.namespace))
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
            (Resource::Secret(data), _) => {
                self.secrets.insert((&id.namespace, &id.name), data);
            }
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
        let broken = &self.broken;
        for (key, members) in &mut self.members {
            if !realms.contains_key(key) && !broken.contains(&key.id()) {
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
            members.keep_own(&key.namespace, report);
        }
    }

    /// Whether an object of this name exists but could not be read, so that a reference to it is
    /// no second fault.
    pub(crate) fn is_broken(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        self.broken.contains(&ObjectId {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl<'a> Members<'a> {
    fn placed(&self) -> Vec<&'a Placed> {
        let Self {
            clients,
            scopes,
            stores,
            methods,
            flows,
            tests,
        } = self;
        let mut all: Vec<&'a Placed> = Vec::new();
        all.extend(clients.iter().map(|one| one.placed));
        all.extend(scopes.iter().map(|one| one.placed));
        all.extend(stores.iter().map(|one| one.placed));
        all.extend(methods.iter().map(|one| one.placed));
        all.extend(flows.iter().map(|one| one.placed));
        all.extend(tests.iter().map(|one| one.placed));
        all
    }

    /// Its objects of one namespace.
    pub(crate) fn own(&self, namespace: &str) -> impl Iterator<Item = &'a Placed> {
        self.placed()
            .into_iter()
            .filter(move |placed| placed.object.id.namespace == namespace)
    }

    /// Only Clients are attached from other namespaces; whether the realm admits them is judged
    /// with the realm at hand.
    fn keep_own(&mut self, namespace: &str, report: &mut Report) {
        fn keep<T>(list: &mut Vec<Typed<'_, T>>, namespace: &str, report: &mut Report) {
            list.retain(|one| {
                let own = one.namespace() == namespace;
                if !own {
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
        keep(&mut self.scopes, namespace, report);
        keep(&mut self.stores, namespace, report);
        keep(&mut self.methods, namespace, report);
        keep(&mut self.flows, namespace, report);
        keep(&mut self.tests, namespace, report);
    }

    fn sort(&mut self) {
        let Self {
            clients,
            scopes,
            stores,
            methods,
            flows,
            tests,
        } = self;
        clients.sort_by_key(Typed::id);
        scopes.sort_by_key(Typed::id);
        stores.sort_by_key(Typed::id);
        methods.sort_by_key(Typed::id);
        flows.sort_by_key(Typed::id);
        tests.sort_by_key(Typed::id);
    }
}
