//! One realm: its objects lowered, its references held against each other, its placements sealed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use realmwright_crds::{ClientSpec, RealmSpec};
use realmwright_decision::expression::{Environment, Scope};
use realmwright_decision::realm::RealmDecisions;
use realmwright_snapshot::{
    ClientId, ClientSnapshot, DataClass, Digest, FlowSnapshot, GrantType, MethodSnapshot, Period,
    RealmSnapshot, RegionName, ScopeSnapshot, Sealer, canonical_json,
};

use crate::compiler::{CompileProfile, CompiledRealm};
use crate::config_test;
use crate::diagnostics::Code;
use crate::fault::{Fault, Report};
use crate::index::{Broken, Index, Members, Typed};
use crate::lower::core::Gathered;
use crate::lower::roles::Catalogue;
use crate::lower::{Context, ScopeFacts, attributes, client, core, flow, method, roles, scope};
use crate::object::{ObjectId, Placed, RealmKey};
use crate::path::{FieldPath, field};
use crate::secrets::SecretNeed;
use crate::stage::Memo;
use crate::validate::placements::Located;
use crate::validate::{flows, secrets};

/// What is remembered between runs.
#[derive(Default)]
pub(crate) struct Memory {
    clients: Memo<(Digest, Digest), ClientOutcome>,
    flows: Memo<(Digest, Digest), Vec<Fault>>,
    sealers: HashMap<(RealmKey, RegionName), Sealer>,
    /// The snapshot that the config tests of a realm last ran on, compiled.
    tested: HashMap<RealmKey, (Arc<RealmSnapshot>, RealmDecisions)>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    pub(crate) fn turn(&mut self) {
        self.clients.turn();
        self.flows.turn();
    }
}

/// A client, lowered or not.
#[derive(Debug)]
struct ClientOutcome {
    faults: Vec<Fault>,
    lowered: client::Lowered,
}

/// What all realms are compiled with.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) index: &'a Index<'a>,
    pub(crate) broken: &'a [Broken],
    /// Namespaces of what could not be read at all; none where not even that is known.
    pub(crate) unnamed: &'a [Option<String>],
    pub(crate) profile: &'a CompileProfile,
    /// How many realms the manifests declare.
    pub(crate) realms: usize,
}

/// The realm's own objects as values.
struct Parts {
    scopes: Vec<ScopeSnapshot>,
    methods: Vec<MethodSnapshot>,
    flows: Vec<FlowSnapshot>,
}

/// Compiles a realm: its placements, unless something of its own namespace is faulty, and the
/// results of its config tests.
pub(crate) fn compile(
    surroundings: &Surroundings<'_>,
    key: &RealmKey,
    located: &Located<'_>,
    memory: &mut Memory,
    report: &mut Report,
) -> (Vec<CompiledRealm>, Vec<crate::compiler::TestResult>) {
    let index = surroundings.index;
    let nothing = Members::default();
    let members = index.members.get(key).unwrap_or(&nothing);
    let Some(realm) = index.realms.get(key) else {
        return Default::default();
    };
    let mut faults = Vec::new();
    let mut context = context(index, key, realm.spec, located, members, &mut faults);
    let parts = parts(&mut context, members, report);
    let context = context;
    let context_digest = context_digest(surroundings, key, realm, members);

    check_flows(&context, members, &parts, context_digest, memory, report);
    stores(members, report);
    let clients = clients(&context, members, context_digest, memory, report);
    let catalogue = catalogue(surroundings, key, realm.spec, members);
    check_roles(&catalogue, realm, members, &clients, report);
    let clients = unique(clients, key, report);
    check_secrets(surroundings, &clients, report);

    let gathered = gather(&context, &clients, surroundings.realms);
    way_in(&parts, &clients, &mut faults);
    faults.extend(flows::check_standard(&context, &parts.methods));
    let mut needs = Vec::new();
    let mut cores = Vec::new();
    for placement in &located.placements {
        // What is wrong is wrong in every placement and said once.
        let first = cores.is_empty();
        let (mut own_needs, mut own_faults) = (Vec::new(), Vec::new());
        cores.push(core::lower(
            &context,
            placement,
            surroundings.profile,
            &gathered,
            &mut own_needs,
            &mut own_faults,
        ));
        if first {
            faults.append(&mut own_faults);
            needs = own_needs;
        }
    }
    for (path, need) in &needs {
        secrets::check(
            index,
            realm.id(),
            need,
            path,
            surroundings.profile,
            &mut faults,
        );
    }
    for fault in faults {
        report.add(realm.placed, fault);
    }

    if !whole(surroundings, key, realm, located, members, report) {
        return Default::default();
    }
    let snapshots: Vec<Arc<RealmSnapshot>> = {
        let clients: BTreeMap<ClientId, Arc<ClientSnapshot>> = clients
            .iter()
            .filter(|one| client::is_enabled(one.typed.spec))
            .filter(|one| !report.is_faulty(one.typed.id()))
            .map(|one| {
                let snapshot = &one.outcome.lowered.snapshot;
                (snapshot.id.clone(), Arc::clone(snapshot))
            })
            .collect();
        cores
            .into_iter()
            .map(|core| Arc::new(snapshot(core, &parts, &clients)))
            .collect()
    };
    let left_out = clients
        .iter()
        .filter(|one| report.is_faulty(one.typed.id()))
        .map(|one| client::identifier(&one.typed))
        .collect();
    let tests = match snapshots.first() {
        Some(snapshot) => tests(&context, snapshot, members, left_out, memory, report),
        None => Vec::new(),
    };
    if !whole(surroundings, key, realm, located, members, report) {
        return (Vec::new(), tests);
    }
    let mut all_needs: Vec<SecretNeed> = needs
        .into_iter()
        .map(|(_, need)| need)
        .chain(
            clients
                .iter()
                .filter(|one| client::is_enabled(one.typed.spec))
                .filter(|one| !report.is_faulty(one.typed.id()))
                .flat_map(|one| &one.outcome.lowered.secrets)
                .map(|(_, need)| need.clone()),
        )
        .collect();
    all_needs.sort();
    all_needs.dedup();
    let compiled = located
        .placements
        .iter()
        .zip(snapshots)
        .filter_map(|(placement, snapshot)| {
            let region = RegionName::from(placement.region);
            let sealer = memory
                .sealers
                .entry((key.clone(), region.clone()))
                .or_default();
            // Values of the snapshot always have a JSON form.
            let sealed = sealer.seal(&snapshot).ok()?;
            Some(CompiledRealm {
                id: context.id.clone(),
                namespace: key.namespace.clone(),
                name: key.name.clone(),
                region,
                instance: snapshot.core.instance.clone(),
                declared_issuer: placement.issuer.clone(),
                algorithms: snapshot.core.keys.algorithms.clone(),
                snapshot,
                sealed,
                secrets: all_needs.clone(),
            })
        })
        .collect();
    (compiled, tests)
}

/// Runs the config tests; a placement changes nothing that they see.
fn tests(
    context: &Context<'_>,
    snapshot: &Arc<RealmSnapshot>,
    members: &Members<'_>,
    left_out: BTreeSet<&str>,
    memory: &mut Memory,
    report: &mut Report,
) -> Vec<crate::compiler::TestResult> {
    if members.tests.is_empty() {
        memory.tested.remove(context.key);
        return Vec::new();
    }
    let former = memory.tested.remove(context.key);
    let compiled = RealmDecisions::compile(
        snapshot,
        former
            .as_ref()
            .map(|(snapshot, decisions)| (snapshot.as_ref(), decisions)),
    );
    let Ok(decisions) = compiled else {
        // Every expression has been checked above, where its place is known.
        return Vec::new();
    };
    let bench = config_test::Bench {
        context,
        snapshot,
        decisions: &decisions,
        left_out,
    };
    let results = config_test::run(&bench, &members.tests, report);
    memory
        .tested
        .insert(context.key.clone(), (Arc::clone(snapshot), decisions));
    results
}

fn snapshot(
    core: realmwright_snapshot::RealmCore,
    parts: &Parts,
    clients: &BTreeMap<ClientId, Arc<ClientSnapshot>>,
) -> RealmSnapshot {
    let Parts {
        scopes,
        methods,
        flows,
    } = parts;
    RealmSnapshot {
        core,
        scopes: scopes
            .iter()
            .map(|scope| (scope.name.clone(), scope.clone()))
            .collect(),
        methods: methods
            .iter()
            .map(|method| (method.name.clone(), method.clone()))
            .collect(),
        flows: flows
            .iter()
            .map(|flow| (flow.name.clone(), flow.clone()))
            .collect(),
        clients: clients.clone(),
    }
}

/// Everything but scopes, methods and flows, which are lowered against it.
fn context<'a>(
    index: &'a Index<'a>,
    key: &'a RealmKey,
    realm: &'a RealmSpec,
    located: &Located<'_>,
    members: &Members<'a>,
    faults: &mut Vec<Fault>,
) -> Context<'a> {
    let schema = attributes::schema(&realm.attributes, faults);
    let declared: BTreeSet<String> = realm
        .session_claims
        .iter()
        .map(ToString::to_string)
        .collect();
    let environment = Environment::new(Scope::Condition, &schema, &declared);
    Context {
        key,
        id: located.id.clone(),
        realm,
        index,
        locales: core::locales(realm.locales.as_ref()),
        session_claims: flow::session_claim_classes(realm, &members.flows, &environment),
        schema,
        environment,
        scopes: BTreeMap::new(),
        methods: BTreeMap::new(),
        flows: BTreeSet::new(),
        tokens: core::tokens(realm),
    }
}

fn parts<'a>(context: &mut Context<'a>, members: &Members<'a>, report: &mut Report) -> Parts {
    let mut scopes = Vec::new();
    for one in &members.scopes {
        let mut faults = Vec::new();
        let token = scope::token(one);
        let lowered = scope::lower(context, one, &mut faults);
        let facts = ScopeFacts {
            system: lowered.system,
            data_class: lowered
                .claims
                .iter()
                .map(|claim| claim.data_class)
                .max()
                .unwrap_or(DataClass::Pseudonymous),
        };
        if context.scopes.insert(token, facts).is_some() {
            faults.push(Fault::error(
                Code::DuplicateScope,
                field!("spec", "scope"),
                format!("another Scope of the realm has the token `{token}`"),
            ));
        }
        add_all(report, one.placed, faults);
        scopes.push(lowered);
    }
    context.methods = members
        .methods
        .iter()
        .map(|one| (one.name(), method::facts(one.spec)))
        .collect();
    context.flows = members.flows.iter().map(Typed::name).collect();
    let mut methods = Vec::new();
    for one in &members.methods {
        let mut faults = Vec::new();
        let lowered = method::lower(context, one, &mut faults);
        add_all(report, one.placed, faults);
        methods.extend(lowered.filter(|_| !method::facts(one.spec).disabled));
    }
    let mut flows = Vec::new();
    for one in &members.flows {
        let mut faults = Vec::new();
        flows.push(flow::lower(context, one, &mut faults));
        add_all(report, one.placed, faults);
    }
    Parts {
        scopes,
        methods,
        flows,
    }
}

fn add_all(report: &mut Report, placed: &Placed, faults: Vec<Fault>) {
    for fault in faults {
        report.add(placed, fault);
    }
}

/// The digest of everything that a client is lowered against.
fn context_digest(
    surroundings: &Surroundings<'_>,
    key: &RealmKey,
    realm: &Typed<'_, RealmSpec>,
    members: &Members<'_>,
) -> Digest {
    let mut of: Vec<String> = vec![realm.placed.object.digest.to_string()];
    let digest = |placed: &Placed| placed.object.digest.to_string();
    of.extend(members.scopes.iter().map(|one| digest(one.placed)));
    of.extend(members.methods.iter().map(|one| digest(one.placed)));
    of.extend(members.flows.iter().map(|one| digest(one.placed)));
    let mut broken: Vec<String> = surroundings
        .broken
        .iter()
        .filter(|broken| broken.id.namespace == key.namespace)
        .map(|broken| broken.id.to_string())
        .collect();
    broken.sort();
    of.extend(broken);
    Digest::of(&canonical_json(&of).unwrap_or_default())
}

fn check_flows(
    context: &Context<'_>,
    members: &Members<'_>,
    parts: &Parts,
    context_digest: Digest,
    memory: &mut Memory,
    report: &mut Report,
) {
    let tasks: Vec<((Digest, Digest), &FlowSnapshot)> = members
        .flows
        .iter()
        .zip(&parts.flows)
        .filter(|(one, _)| !report.is_faulty(one.id()))
        .map(|(one, flow)| ((one.placed.object.digest, context_digest), flow))
        .collect();
    let sound: Vec<_> = members
        .flows
        .iter()
        .filter(|one| !report.is_faulty(one.id()))
        .collect();
    let found = memory
        .flows
        .all(&tasks, |flow| flows::check(context, &parts.methods, flow));
    for (one, faults) in sound.into_iter().zip(found) {
        add_all(report, one.placed, faults.to_vec());
    }
}

fn stores(members: &Members<'_>, report: &mut Report) {
    for one in members.stores.iter().skip(1) {
        report.add(
            one.placed,
            Fault::error(
                Code::SeveralStores,
                field!("spec", "realmRef"),
                "the realm already has an attribute store",
            ),
        );
    }
}

/// A client with what came of it.
struct Compiled<'a> {
    typed: Typed<'a, ClientSpec>,
    outcome: Arc<ClientOutcome>,
}

fn clients<'a>(
    context: &Context<'_>,
    members: &Members<'a>,
    context_digest: Digest,
    memory: &mut Memory,
    report: &mut Report,
) -> Vec<Compiled<'a>> {
    let tasks: Vec<((Digest, Digest), Typed<'a, ClientSpec>)> = members
        .clients
        .iter()
        .map(|one| ((one.placed.object.digest, context_digest), *one))
        .collect();
    let outcomes = memory.clients.all(&tasks, |one| {
        let mut faults = Vec::new();
        let lowered = client::lower(context, one, &mut faults);
        ClientOutcome { faults, lowered }
    });
    tasks
        .into_iter()
        .zip(outcomes)
        .map(|((_, typed), outcome)| {
            for fault in &outcome.faults {
                report.add(typed.placed, fault.clone());
            }
            Compiled { typed, outcome }
        })
        .collect()
}

fn catalogue<'a>(
    surroundings: &Surroundings<'_>,
    key: &RealmKey,
    realm: &'a RealmSpec,
    members: &Members<'a>,
) -> Catalogue<'a> {
    Catalogue {
        realm: realm.roles.iter().map(|role| role.name.as_str()).collect(),
        clients: members
            .clients
            .iter()
            .map(|one| {
                let declared = one.spec.roles.iter().map(|role| role.name.as_str());
                (client::identifier(one), declared.collect())
            })
            .collect(),
        unknown_clients: surroundings.broken.iter().any(|broken| {
            broken.id.kind == crate::object::Kind::Client
                && broken.realm.as_ref().is_none_or(|realm| realm == key)
        }),
    }
}

fn check_roles(
    catalogue: &Catalogue<'_>,
    realm: &Typed<'_, RealmSpec>,
    members: &Members<'_>,
    clients: &[Compiled<'_>],
    report: &mut Report,
) {
    let mut check = |placed: &Placed, named: &[(FieldPath, realmwright_snapshot::RoleRef)]| {
        let mut faults = Vec::new();
        for (path, role) in named {
            catalogue.check(role, path, &mut faults);
        }
        add_all(report, placed, faults);
    };
    check(realm.placed, &roles::named_by_realm(realm.spec));
    for one in &members.scopes {
        check(one.placed, &client::named_by_scope(&one.spec.roles));
    }
    for one in clients {
        check(one.typed.placed, &one.outcome.lowered.roles);
    }
}

/// One identifier names one application (APP-01). The realm's own namespace comes first, then the
/// order of namespace and name; whoever comes later is faulty.
fn unique<'a>(
    mut clients: Vec<Compiled<'a>>,
    key: &RealmKey,
    report: &mut Report,
) -> Vec<Compiled<'a>> {
    clients.sort_by_key(|one| (one.typed.namespace() != key.namespace, one.typed.id()));
    let mut holders: HashMap<&str, &ObjectId> = HashMap::with_capacity(clients.len());
    for one in &clients {
        let identifier = client::identifier(&one.typed);
        if let Some(holder) = holders.get(identifier) {
            let explicit = one.typed.spec.identifier.is_some();
            let path = if explicit {
                field!("spec", "identifier")
            } else {
                field!("metadata", "name")
            };
            report.add(
                one.typed.placed,
                Fault::error(
                    Code::DuplicateClientIdentifier,
                    path,
                    format!("identifier `{identifier}` is that of {holder}"),
                ),
            );
        } else {
            holders.insert(identifier, one.typed.id());
        }
    }
    clients
}

fn check_secrets(surroundings: &Surroundings<'_>, clients: &[Compiled<'_>], report: &mut Report) {
    for one in clients {
        for (path, need) in &one.outcome.lowered.secrets {
            let mut faults = Vec::new();
            secrets::check(
                surroundings.index,
                one.typed.id(),
                need,
                path,
                surroundings.profile,
                &mut faults,
            );
            add_all(report, one.typed.placed, faults);
        }
    }
}

fn gather(context: &Context<'_>, clients: &[Compiled<'_>], realms: usize) -> Gathered {
    let enabled = || {
        clients
            .iter()
            .filter(|one| client::is_enabled(one.typed.spec))
    };
    let mut algorithms: BTreeSet<_> = enabled()
        .filter_map(|one| one.outcome.lowered.algorithm)
        .collect();
    if algorithms.is_empty() {
        algorithms.insert(context.tokens.algorithm);
    }
    Gathered {
        algorithms,
        longest_token_life: enabled()
            .map(|one| one.outcome.lowered.longest_token_life)
            .max()
            .unwrap_or(Period::ZERO)
            .max(context.tokens.access_lifetime),
        realms,
    }
}

/// People can log in only with a first factor.
fn way_in(parts: &Parts, clients: &[Compiled<'_>], faults: &mut Vec<Fault>) {
    let wanted = clients.iter().any(|one| {
        let snapshot = &one.outcome.lowered.snapshot;
        snapshot
            .oidc
            .as_ref()
            .is_some_and(|oidc| oidc.grant_types.contains(&GrantType::AuthorizationCode))
    });
    let offered = parts.methods.iter().any(|method| method.kind.factor() == 1);
    if wanted && !offered {
        faults.push(
            Fault::error(
                Code::NoMethod,
                FieldPath::root(),
                "applications log people in, but no AuthMethod of the first factor is switched on",
            )
            .fix("add an AuthMethod with `password`".to_owned()),
        );
    }
}

/// Whether every object of the realm's own namespace is good: then, and only then, it is
/// compiled. Objects of other namespaces stop nothing.
fn whole(
    surroundings: &Surroundings<'_>,
    key: &RealmKey,
    realm: &Typed<'_, RealmSpec>,
    located: &Located<'_>,
    members: &Members<'_>,
    report: &Report,
) -> bool {
    let broken = surroundings.broken.iter().any(|broken| {
        broken.id.namespace == key.namespace
            && broken.id.kind.has_realm_ref()
            && broken.realm.as_ref().is_none_or(|realm| realm == key)
    });
    let unread = surroundings
        .unnamed
        .iter()
        .any(|namespace| namespace.as_ref().is_none_or(|name| *name == key.namespace));
    let faulty = members
        .own(&key.namespace)
        .any(|placed| report.is_faulty(&placed.object.id));
    !broken
        && !unread
        && !faulty
        && !report.is_faulty(realm.id())
        && located.placements.len() == realm.spec.placements.len()
}
