//! Roles: existence of what references name, and the transitive closure of what roles include
//! (KC-ROLE-05).

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use realmwright_crds::client::ClientRole;
use realmwright_crds::realm::RealmRole;
use realmwright_crds::{ClientSpec, RealmSpec, RoleRef as SpecRef};
use realmwright_decision::expression::{RoleLiteral, role_literals};
use realmwright_snapshot::{ClientId, RoleName, RoleRef, RoleSnapshot};

use super::{Context, client};
use crate::diagnostics::Code;
use crate::doubts::Absent;
use crate::fault::{Anchor, Fault};
use crate::index::Typed;
use crate::object::{Kind, RealmKey};
use crate::path::{FieldPath, field};

pub(crate) fn reference(role: &SpecRef) -> RoleRef {
    let SpecRef { client, role } = role;
    RoleRef {
        client: client
            .as_ref()
            .map(|client| ClientId::from(client.as_str())),
        role: RoleName::from(role.as_str()),
    }
}

pub(crate) fn references(roles: &[SpecRef]) -> BTreeSet<RoleRef> {
    roles.iter().map(reference).collect()
}

/// Which roles there are: those of the realm, and those of each client by its identifier.
#[derive(Debug)]
pub(crate) struct Catalogue<'a> {
    pub(crate) realm: BTreeSet<&'a str>,
    /// Where those of clients are declared.
    pub(crate) declared: &'a [Typed<'a, ClientSpec>],
    /// Made when somebody names one; few do.
    pub(crate) clients: OnceCell<BTreeMap<&'a str, &'a [ClientRole]>>,
    /// The realm that declares them.
    pub(crate) key: &'a RealmKey,
}

impl Catalogue<'_> {
    /// Reports a role that nobody declares.
    pub(crate) fn check(&self, role: &RoleRef, path: &FieldPath, faults: &mut Vec<Fault>) {
        let name = role.role.as_str();
        let Some(client) = &role.client else {
            if !self.realm.contains(name) {
                faults.push(Fault::not_found(
                    Code::RoleNotFound,
                    path.clone(),
                    "realm role",
                    name,
                    self.realm.iter().copied(),
                ));
            }
            return;
        };
        let clients = self.clients.get_or_init(|| {
            let declared = self.declared.iter();
            declared
                .map(|one| (client::identifier(one), one.spec.roles.as_slice()))
                .collect()
        });
        match clients.get(client.as_str()) {
            None => faults.push(
                Fault::not_found(
                    Code::ClientNotFound,
                    path.clone(),
                    "client",
                    client.as_str(),
                    clients.keys().copied(),
                )
                .lacking(Absent::member(Kind::Client, self.key, client.as_str())),
            ),
            Some(roles) if !roles.iter().any(|role| role.name.as_str() == name) => {
                faults.push(Fault::not_found(
                    Code::RoleNotFound,
                    path.clone(),
                    "client role",
                    name,
                    roles.iter().map(|role| role.name.as_str()),
                ));
            }
            Some(_) => {}
        }
    }
}

/// Reports roles of the realm that an expression compares with and nobody declares: such a condition
/// never holds, or always does. Of `client:role` nothing is said: which roles a client has is not
/// known where expressions are lowered.
pub(crate) fn check_literals(
    context: &Context<'_>,
    source: &str,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) {
    let declared = || context.realm.roles.iter().map(|role| role.name.as_str());
    for literal in role_literals(source) {
        let RoleLiteral { name, span } = literal;
        if name.contains(':') || declared().any(|role| role == name) {
            continue;
        }
        let fault = Fault::not_found(
            Code::RoleNotFound,
            path.clone(),
            "realm role",
            &name,
            declared(),
        );
        faults.push(Fault {
            anchor: Anchor::Within(span),
            ..fault
        });
    }
}

/// Where the realm itself names roles.
pub(crate) fn named_by_realm(realm: &RealmSpec) -> Vec<(FieldPath, RoleRef)> {
    let mut named = Vec::new();
    for (index, role) in realm.roles.iter().enumerate() {
        for (position, included) in role.includes.iter().enumerate() {
            named.push((
                field!("spec", "roles", index, "includes", position, "role"),
                reference(included),
            ));
        }
    }
    for (index, role) in realm.default_roles.iter().enumerate() {
        named.push((
            field!("spec", "defaultRoles", index),
            RoleRef {
                client: None,
                role: RoleName::from(role.as_str()),
            },
        ));
    }
    for (index, account) in realm.bootstrap_accounts.iter().enumerate() {
        for (position, role) in account.roles.iter().enumerate() {
            named.push((
                field!(
                    "spec",
                    "bootstrapAccounts",
                    index,
                    "roles",
                    position,
                    "role"
                ),
                reference(role),
            ));
        }
    }
    named
}

/// The realm's roles, each with everything that comes with it.
pub(crate) fn lower(
    context: &Context<'_>,
    faults: &mut Vec<Fault>,
) -> BTreeMap<RoleName, RoleSnapshot> {
    let roles = &context.realm.roles;
    let direct: BTreeMap<&str, Vec<RoleRef>> = roles
        .iter()
        .map(|role| {
            let included = role.includes.iter().map(reference).collect();
            (role.name.as_str(), included)
        })
        .collect();
    let mut in_cycles: BTreeSet<&str> = BTreeSet::new();
    let mut lowered = BTreeMap::new();
    for (index, role) in roles.iter().enumerate() {
        let RealmRole {
            name,
            display_name,
            includes: _,
        } = role;
        let closed = closure(name, &direct);
        if let Some(way) = closed.cycle
            && !in_cycles.contains(name.as_str())
        {
            in_cycles.extend(way.iter().copied());
            let said = way.join(" -> ");
            faults.push(Fault::error(
                Code::RoleCycle,
                field!("spec", "roles", index, "includes"),
                format!("roles include each other: {said}"),
            ));
        }
        let display_name = context.texts(
            display_name.as_ref(),
            Some(name),
            &field!("spec", "roles", index, "displayName"),
            faults,
        );
        lowered.insert(
            RoleName::from(name.as_str()),
            RoleSnapshot {
                display_name,
                includes: closed.roles,
            },
        );
    }
    lowered
}

struct Closed<'a> {
    roles: BTreeSet<RoleRef>,
    /// The way from the role back to itself.
    cycle: Option<Vec<&'a str>>,
}

fn closure<'a>(start: &'a str, direct: &'a BTreeMap<&'a str, Vec<RoleRef>>) -> Closed<'a> {
    let mut roles = BTreeSet::new();
    let mut cycle = None;
    let mut ways: Vec<Vec<&'a str>> = vec![vec![start]];
    while let Some(way) = ways.pop() {
        let Some(included) = way.last().and_then(|last| direct.get(last)) else {
            continue;
        };
        for role in included {
            let name = role.role.as_str();
            if role.client.is_none() && name == start {
                let mut back = way.clone();
                back.push(start);
                cycle.get_or_insert(back);
            } else if roles.insert(role.clone()) && role.client.is_none() {
                let mut further = way.clone();
                further.push(name);
                ways.push(further);
            }
        }
    }
    Closed { roles, cycle }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(name: &str) -> RoleRef {
        RoleRef {
            client: None,
            role: name.into(),
        }
    }

    /// KC-ROLE-05: a role brings the whole chain.
    #[test]
    fn closure_is_transitive_and_finds_the_way_of_a_cycle() {
        let direct: BTreeMap<&str, Vec<RoleRef>> = [
            ("a", vec![realm("b")]),
            ("b", vec![realm("c"), realm("d")]),
            ("c", vec![realm("b")]),
            ("d", vec![]),
        ]
        .into();
        let a = closure("a", &direct);
        assert_eq!(a.roles, [realm("b"), realm("c"), realm("d")].into());
        assert_eq!(a.cycle, None);
        let b = closure("b", &direct);
        assert_eq!(b.cycle, Some(vec!["b", "c", "b"]));
    }
}
