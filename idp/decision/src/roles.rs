//! Roles: which a person holds, and which of these an application sees.

use std::collections::{BTreeMap, BTreeSet};

use realmwright_snapshot::{
    ClientId, PerShard, RealmSnapshot, RoleName, RoleRef, RoleScope, ScopeSnapshot, Shard,
};

/// The roles that a realm declares, with what each brings along (KC-ROLE-01, KC-ROLE-05).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleCatalogue {
    realm: BTreeMap<RoleName, BTreeSet<RoleRef>>,
    /// Those that declare any.
    clients: PerShard<BTreeMap<ClientId, BTreeSet<RoleName>>>,
    default: BTreeSet<RoleName>,
}

impl RoleCatalogue {
    /// The roles of a realm and of its clients.
    #[must_use]
    pub fn new(realm: &RealmSnapshot) -> Self {
        Self::sharing(realm, None)
    }

    /// The same; what clients declare that `former` has too is not read again.
    #[must_use]
    pub fn sharing(realm: &RealmSnapshot, former: Option<(&RealmSnapshot, &Self)>) -> Self {
        let former = former.map(|(realm, roles)| (&realm.clients, &roles.clients));
        Self {
            realm: realm
                .core
                .roles
                .iter()
                .map(|(name, role)| (name.clone(), role.includes.clone()))
                .collect(),
            clients: realm.clients.per_shard(former, |clients| {
                clients
                    .iter()
                    .filter(|(_, client)| !client.roles.is_empty())
                    .map(|(id, client)| (id.clone(), client.roles.keys().cloned().collect()))
                    .collect()
            }),
            default: realm.core.default_roles.clone(),
        }
    }

    /// Whether the realm or the client declares it.
    #[must_use]
    pub fn declares(&self, role: &RoleRef) -> bool {
        match &role.client {
            None => self.realm.contains_key(&role.role),
            Some(client) => self
                .clients
                .get(&Shard::of(client.as_str()))
                .and_then(|clients| clients.get(client))
                .is_some_and(|roles| roles.contains(&role.role)),
        }
    }

    /// Every role that comes with these, themselves among them; without those that are no longer
    /// declared. Ends on a cycle as well.
    #[must_use]
    pub fn closure(&self, roles: impl IntoIterator<Item = RoleRef>) -> BTreeSet<RoleRef> {
        let mut closed = BTreeSet::new();
        let mut open: Vec<RoleRef> = roles.into_iter().collect();
        while let Some(role) = open.pop() {
            if !self.declares(&role) || closed.contains(&role) {
                continue;
            }
            if role.client.is_none()
                && let Some(includes) = self.realm.get(&role.role)
            {
                open.extend(includes.iter().cloned());
            }
            closed.insert(role);
        }
        closed
    }

    /// What a person holds: roles given directly, the default roles, and what these include.
    #[must_use]
    pub fn effective(&self, direct: impl IntoIterator<Item = RoleRef>) -> BTreeSet<RoleRef> {
        let default = self.default.iter().map(|role| RoleRef {
            client: None,
            role: role.clone(),
        });
        self.closure(direct.into_iter().chain(default))
    }

    /// What an application sees of a person's roles (KC-ROLE-02): those in its role scope or let
    /// through by a granted scope (KC-ROLE-04), with what these include.
    #[must_use]
    pub fn visible<'s>(
        &self,
        held: &BTreeSet<RoleRef>,
        scope: &RoleScope,
        granted: impl IntoIterator<Item = &'s ScopeSnapshot>,
    ) -> VisibleRoles {
        let admitted = match scope {
            RoleScope::Full => None,
            RoleScope::Only(roles) => {
                let by_scopes = granted.into_iter().flat_map(|scope| scope.roles.clone());
                Some(self.closure(roles.iter().cloned().chain(by_scopes)))
            }
        };
        let mut visible = VisibleRoles::default();
        for role in held {
            if admitted.as_ref().is_some_and(|roles| !roles.contains(role)) {
                continue;
            }
            match &role.client {
                None => {
                    visible.realm.insert(role.role.clone());
                }
                Some(client) => {
                    visible
                        .clients
                        .entry(client.clone())
                        .or_default()
                        .insert(role.role.clone());
                }
            }
        }
        visible
    }
}

/// Roles that go into claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VisibleRoles {
    /// Realm roles.
    pub realm: BTreeSet<RoleName>,
    /// Client roles; no client has an empty set.
    pub clients: BTreeMap<ClientId, BTreeSet<RoleName>>,
}
