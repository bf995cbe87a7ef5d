//! What may differ for each application, from what its decisions read. It may say too much, never
//! too little: a property test holds it against the decision crate.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use realmwright_decision::claims::{Target, outermost};
use realmwright_decision::expression::{Compiled, Environment, Part, Reads, Scope};
use realmwright_decision::flow::Method;
use realmwright_decision::roles::RoleCatalogue;
use realmwright_decision::scopes::OPENID;
use realmwright_snapshot::{
    AttributeName, ClaimSnapshot, ClaimSource, ClientId, ClientScopes, ClientSnapshot, Expression,
    FlowSnapshot, GrantType, OidcClient, Outcome, RealmSnapshot, RoleScope, ScopeName,
};

use super::Class;

/// What may differ for each application of either side; one for which nothing can is left out.
/// `edited` are those that are not the same on both.
pub(super) fn announced(
    old: &RealmSnapshot,
    new: &RealmSnapshot,
    edited: &BTreeSet<&ClientId>,
) -> BTreeMap<ClientId, BTreeSet<Class>> {
    let comparison = Comparison::new(old, new);
    let ids: BTreeSet<&ClientId> = match comparison.is_of_applications_only() {
        true => edited.clone(),
        false => old.clients.keys().chain(new.clients.keys()).collect(),
    };
    ids.into_iter()
        .map(|id| (id.clone(), comparison.classes(id)))
        .filter(|(_, classes)| !classes.is_empty())
        .collect()
}

/// What differs in the realm, as far as decisions read it.
struct Comparison<'a> {
    old: &'a RealmSnapshot,
    new: &'a RealmSnapshot,
    /// Attributes that may have another value for the same person.
    attributes: BTreeSet<AttributeName>,
    /// Whether the same person may hold other roles.
    roles: bool,
    /// Whether other methods are there, or the realm demands more or fewer factors.
    methods: bool,
    environments: [Environment; 2],
    /// What expressions read, by their text.
    readings: RefCell<HashMap<Expression, Option<Reads>>>,
}

/// What differs for one application, as far as its expressions read it.
#[derive(Clone, Copy)]
struct Differs {
    tags: bool,
    /// What is granted to a request that names no scope.
    granted: bool,
    /// What the flow comes to.
    flow: bool,
}

impl<'a> Comparison<'a> {
    fn new(old: &'a RealmSnapshot, new: &'a RealmSnapshot) -> Self {
        let machine = |realm: &RealmSnapshot| -> Vec<Method> {
            realm.methods.values().map(Method::from).collect()
        };
        let environment = |realm: &RealmSnapshot| {
            let core = &realm.core;
            Environment::new(Scope::Condition, &core.attributes, &core.session_claims)
        };
        let mut comparison = Self {
            old,
            new,
            attributes: BTreeSet::new(),
            roles: RoleCatalogue::new(old) != RoleCatalogue::new(new),
            methods: machine(old) != machine(new)
                || old.core.required_factors != new.core.required_factors,
            environments: [environment(old), environment(new)],
            readings: RefCell::default(),
        };
        comparison.attributes = comparison.changed_attributes();
        comparison
    }

    /// Whether all that applications have in common decides the same.
    fn is_of_applications_only(&self) -> bool {
        let (old, new) = (self.old, self.new);
        self.attributes.is_empty()
            && !self.roles
            && !self.methods
            && old.core.session_claims == new.core.session_claims
            && old.core.flow == new.core.flow
            && old.core.issuer == new.core.issuer
            && old.flows == new.flows
            && old.scopes == new.scopes
    }

    /// Attributes whose type or computation differs, and those that are computed from such.
    fn changed_attributes(&self) -> BTreeSet<AttributeName> {
        let by_name = |realm: &'a RealmSnapshot| -> BTreeMap<_, _> {
            let attributes = realm.core.attributes.iter();
            attributes
                .map(|one| (&one.name, (one.kind, one.computed.as_ref())))
                .collect()
        };
        let (old, new) = (by_name(self.old), by_name(self.new));
        let names: BTreeSet<&AttributeName> = old.keys().chain(new.keys()).copied().collect();
        let mut changed: BTreeSet<AttributeName> = names
            .into_iter()
            .filter(|name| old.get(*name) != new.get(*name))
            .cloned()
            .collect();
        let follow: Vec<AttributeName> = new
            .iter()
            .filter(|(_, (_, computed))| {
                computed.is_some_and(|text| {
                    self.reads(text)
                        .is_none_or(|reads| !reads.attributes.is_disjoint(&changed))
                })
            })
            .map(|(name, _)| (*name).clone())
            .collect();
        changed.extend(follow);
        changed
    }

    /// What an expression reads; none when neither side can tell.
    fn reads(&self, text: &Expression) -> Option<Reads> {
        if let Some(known) = self.readings.borrow().get(text) {
            return known.clone();
        }
        let reads = self
            .environments
            .iter()
            .find_map(|environment| Compiled::compile(text, environment).ok())
            .map(|compiled| compiled.reads().clone());
        self.readings
            .borrow_mut()
            .insert(text.clone(), reads.clone());
        reads
    }

    /// Whether an expression that both sides have may come to something else.
    fn is_affected(&self, text: &Expression, differs: Differs) -> bool {
        self.reads(text).is_none_or(|reads| {
            let part = |part| reads.parts.contains(&part);
            !reads.attributes.is_disjoint(&self.attributes)
                || (self.roles && part(Part::Roles))
                || (differs.tags && part(Part::Tags))
                || (differs.granted && part(Part::Scopes))
                || (differs.flow && (part(Part::Session) || part(Part::Login)))
        })
    }

    fn classes(&self, id: &ClientId) -> BTreeSet<Class> {
        let served = |realm: &'a RealmSnapshot| -> Option<(&'a ClientSnapshot, &'a OidcClient)> {
            let client = realm.clients.get(id)?;
            Some((client, client.oidc.as_ref()?))
        };
        match (served(self.old), served(self.new)) {
            (None, None) => BTreeSet::new(),
            (Some(old), Some(new)) => {
                let mut classes = self.of_both(old, new);
                self.in_own_name(old, new, &mut classes);
                classes
            }
            _ => BTreeSet::from([Class::Result, Class::OwnResult]),
        }
    }

    /// What may differ in tokens that the application gets in its own name. Nobody logs in for
    /// these, so that a claim is a constant or an expression over application, scopes and time.
    fn in_own_name(
        &self,
        (old, old_oidc): (&ClientSnapshot, &OidcClient),
        (new, new_oidc): (&ClientSnapshot, &OidcClient),
        classes: &mut BTreeSet<Class>,
    ) {
        match (acts_alone(old_oidc), acts_alone(new_oidc)) {
            (true, true) => {}
            (false, false) => return,
            _ => {
                classes.insert(Class::OwnResult);
                return;
            }
        }
        let (before, after) = (
            own_scopes(self.old, old_oidc),
            own_scopes(self.new, new_oidc),
        );
        let granted = before.default != after.default;
        if granted {
            classes.insert(Class::OwnScopes);
        }
        if granted || before.allowed != after.allowed {
            classes.insert(Class::OwnResult);
        }
        let both: BTreeSet<&ScopeName> = before
            .allowed
            .intersection(&after.allowed)
            .copied()
            .collect();
        if granted
            || old_oidc.audiences != new_oidc.audiences
            || self.old.core.issuer != self.new.core.issuer
            || self.any_scope_differs(&both, |scope| scope.audiences.clone())
        {
            classes.insert(Class::OwnAudiences);
        }
        let tags = old.tags != new.tags;
        let affected = |claim: &ClaimSnapshot| match &claim.source {
            ClaimSource::Expression(text) => self.reads(text).is_none_or(|reads| {
                (tags && reads.parts.contains(&Part::Tags))
                    || (granted && reads.parts.contains(&Part::Scopes))
            }),
            _ => false,
        };
        let mut lists = vec![(old.claims.as_slice(), new.claims.as_slice())];
        lists.extend(
            both.iter()
                .map(|name| (claims_of(self.old, name), claims_of(self.new, name))),
        );
        for name in before.default.symmetric_difference(&after.default) {
            lists.push((claims_of(self.old, name), &[]));
            lists.push((&[], claims_of(self.new, name)));
        }
        for (old, new) in lists {
            let changed = changed_names(old, new, Target::AccessToken, &affected);
            classes.extend(changed.into_iter().map(Class::OwnClaim));
        }
    }

    fn of_both(
        &self,
        (old, old_oidc): (&ClientSnapshot, &OidcClient),
        (new, new_oidc): (&ClientSnapshot, &OidcClient),
    ) -> BTreeSet<Class> {
        let granted = default_scopes(self.old, old_oidc) != default_scopes(self.new, new_oidc);
        let requested = allowed_scopes(self.old, old_oidc) != allowed_scopes(self.new, new_oidc);
        let mut differs = Differs {
            tags: old.tags != new.tags,
            granted,
            flow: false,
        };
        differs.flow = self.flow_differs(old, new, differs);
        let names: BTreeSet<&ScopeName> = [old_oidc, new_oidc]
            .into_iter()
            .flat_map(|oidc| oidc.scopes.allowed.iter().chain(&oidc.scopes.default))
            .collect();
        let consent = old.consent_required != new.consent_required
            || granted
            || self.any_scope_differs(&names, |scope| scope.ask_consent);
        let mut classes = BTreeSet::new();
        if differs.flow {
            classes.extend([Class::Steps, Class::Result, Class::Session]);
        }
        if self.access_differs(old, new, differs) || requested || granted {
            classes.insert(Class::Result);
        }
        if granted {
            classes.insert(Class::Scopes);
        }
        if consent {
            classes.extend([Class::Consent, Class::Result]);
        }
        if granted
            || old_oidc.audiences != new_oidc.audiences
            || self.old.core.issuer != self.new.core.issuer
            || self.any_scope_differs(&names, |scope| scope.audiences.clone())
        {
            classes.insert(Class::Audiences);
        }
        self.claims(
            &names,
            (old, old_oidc),
            (new, new_oidc),
            differs,
            &mut classes,
        );
        classes
    }

    fn flow_differs(&self, old: &ClientSnapshot, new: &ClientSnapshot, differs: Differs) -> bool {
        let flow = |realm: &'a RealmSnapshot, client: &ClientSnapshot| {
            let name = client.flow.as_ref().or(realm.core.flow.as_ref())?;
            realm.flows.get(name)
        };
        let (before, after) = (flow(self.old, old), flow(self.new, new));
        let same_rules = match (before, after) {
            (None, None) => true,
            (Some(before), Some(after)) => {
                FlowSnapshot {
                    name: after.name.clone(),
                    ..before.clone()
                } == *after
            }
            _ => false,
        };
        self.methods
            || !same_rules
            || after.is_some_and(|flow| {
                flow_expressions(flow).any(|text| self.is_affected(text, differs))
            })
    }

    fn access_differs(&self, old: &ClientSnapshot, new: &ClientSnapshot, differs: Differs) -> bool {
        let rules = new.access.rules.as_deref().unwrap_or_default();
        old.access != new.access
            || rules
                .iter()
                .any(|rule| self.is_affected(&rule.when, differs))
    }

    fn any_scope_differs<T: PartialEq>(
        &self,
        names: &BTreeSet<&ScopeName>,
        of: impl Fn(&realmwright_snapshot::ScopeSnapshot) -> T,
    ) -> bool {
        names.iter().any(
            |name| match (self.old.scopes.get(*name), self.new.scopes.get(*name)) {
                (Some(old), Some(new)) => of(old) != of(new),
                _ => false,
            },
        )
    }

    fn claims(
        &self,
        names: &BTreeSet<&ScopeName>,
        (old, old_oidc): (&ClientSnapshot, &OidcClient),
        (new, new_oidc): (&ClientSnapshot, &OidcClient),
        differs: Differs,
        classes: &mut BTreeSet<Class>,
    ) {
        let roles = self.roles
            || old.role_scope != new.role_scope
            || (new.role_scope != RoleScope::Full
                && (differs.granted || self.any_scope_differs(names, |scope| scope.roles.clone())));
        let (before, after) = (
            &default_scopes(self.old, old_oidc),
            &default_scopes(self.new, new_oidc),
        );
        let mut lists: Vec<(&[ClaimSnapshot], &[ClaimSnapshot])> = names
            .iter()
            .map(|name| (claims_of(self.old, name), claims_of(self.new, name)))
            .collect();
        lists.push((&old.claims, &new.claims));
        let openid =
            |defaults: &BTreeSet<&ScopeName>| defaults.iter().any(|name| name.as_str() == OPENID);
        // Without `openid` there is no id token and no userinfo, and no claim in them.
        let all = openid(before) != openid(after);
        for name in names {
            if all || before.contains(name) != after.contains(name) {
                lists.push((claims_of(self.old, name), &[]));
                lists.push((&[], claims_of(self.new, name)));
            }
        }
        if all {
            lists.push((&old.claims, &[]));
            lists.push((&[], &new.claims));
        }
        let affected = |claim: &ClaimSnapshot| match &claim.source {
            ClaimSource::Attribute(name) => self.attributes.contains(name),
            ClaimSource::Expression(text) => self.is_affected(text, differs),
            ClaimSource::RealmRoles | ClaimSource::ClientRoles(_) => roles,
            ClaimSource::SessionClaim(_) => differs.flow,
            ClaimSource::Constant(_) | ClaimSource::Groups { .. } => false,
        };
        for (old, new) in lists {
            for target in Target::ALL {
                let changed = changed_names(old, new, target, &affected);
                classes.extend(changed.into_iter().map(|name| Class::Claim(target, name)));
            }
        }
    }
}

fn claims_of<'a>(realm: &'a RealmSnapshot, scope: &ScopeName) -> &'a [ClaimSnapshot] {
    realm.scopes.get(scope).map_or(&[], |scope| &scope.claims)
}

/// Names in an answer whose claims in a list differ, or may come to something else.
fn changed_names(
    old: &[ClaimSnapshot],
    new: &[ClaimSnapshot],
    target: Target,
    affected: &impl Fn(&ClaimSnapshot) -> bool,
) -> BTreeSet<String> {
    let by_name = |claims: &[ClaimSnapshot]| -> BTreeMap<String, Vec<ClaimSnapshot>> {
        let mut names: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for claim in claims.iter().filter(|c| target.is_among(c.targets)) {
            let named = names.entry(outermost(&claim.claim)).or_default();
            named.push(claim.clone());
        }
        names
    };
    let (old, new) = (by_name(old), by_name(new));
    let same = |name: &String| {
        let source = |claims: Option<&Vec<ClaimSnapshot>>| -> Vec<(String, ClaimSource)> {
            claims
                .into_iter()
                .flatten()
                .map(|claim| (claim.claim.clone(), claim.source.clone()))
                .collect()
        };
        source(old.get(name)) == source(new.get(name))
            && !new.get(name).into_iter().flatten().any(affected)
    };
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| !same(name))
        .cloned()
        .collect()
}

fn flow_expressions(flow: &FlowSnapshot) -> impl Iterator<Item = &Expression> {
    let rules = flow.entry.iter().chain(&flow.after_step);
    let of_rules = rules.flat_map(|rule| {
        let claims = match &rule.then {
            Outcome::Enough { claims, .. } => claims.as_slice(),
            _ => &[],
        };
        rule.when
            .iter()
            .chain(claims.iter().map(|claim| &claim.value))
    });
    flow.deny.iter().map(|rule| &rule.when).chain(of_rules)
}

fn claim_expressions(claims: &[ClaimSnapshot]) -> impl Iterator<Item = &Expression> {
    claims.iter().filter_map(|claim| match &claim.source {
        ClaimSource::Expression(text) => Some(text),
        _ => None,
    })
}

/// Every expression of a realm that decides about logins and what they release.
pub(super) fn expressions(realm: &RealmSnapshot) -> BTreeSet<&Expression> {
    let mut all: BTreeSet<&Expression> = realm.flows.values().flat_map(flow_expressions).collect();
    all.extend(
        realm
            .scopes
            .values()
            .flat_map(|scope| claim_expressions(&scope.claims)),
    );
    for client in realm.clients.values() {
        all.extend(claim_expressions(&client.claims));
        let rules = client.access.rules.as_deref().unwrap_or_default();
        all.extend(rules.iter().map(|rule| &rule.when));
    }
    let attributes = realm.core.attributes.iter();
    all.extend(attributes.filter_map(|attribute| attribute.computed.as_ref()));
    all
}

/// Whether an application gets tokens in its own name.
pub(super) fn acts_alone(client: &OidcClient) -> bool {
    client.grant_types.contains(&GrantType::ClientCredentials)
}

/// Scopes of an application in its own name: system scopes, and none unless it acts alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OwnScopes<'a> {
    /// What it may ask for.
    pub(super) allowed: BTreeSet<&'a ScopeName>,
    /// What is granted when it names none.
    pub(super) default: BTreeSet<&'a ScopeName>,
}

pub(super) fn own_scopes<'a>(realm: &RealmSnapshot, client: &'a OidcClient) -> OwnScopes<'a> {
    if !acts_alone(client) {
        return OwnScopes::default();
    }
    let is_system = |name: &&ScopeName| realm.scopes.get(*name).is_some_and(|scope| scope.system);
    let ClientScopes { default, allowed } = &client.scopes;
    OwnScopes {
        allowed: allowed.iter().chain(default).filter(is_system).collect(),
        default: default.iter().filter(is_system).collect(),
    }
}

/// What is granted to a request that names no scope.
fn default_scopes<'a>(realm: &RealmSnapshot, client: &'a OidcClient) -> BTreeSet<&'a ScopeName> {
    let default = client.scopes.default.iter();
    default
        .filter(|name| realm.scopes.get(*name).is_some_and(|scope| !scope.system))
        .collect()
}

/// What may be asked for, with whether only programs may.
fn allowed_scopes<'a>(
    realm: &RealmSnapshot,
    client: &'a OidcClient,
) -> BTreeMap<&'a ScopeName, bool> {
    let scopes = &client.scopes;
    scopes
        .allowed
        .iter()
        .chain(&scopes.default)
        .filter_map(|name| Some((name, realm.scopes.get(name)?.system)))
        .collect()
}
