//! One realm: its objects lowered, its references held against each other, its placements sealed.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use realmwright_crds::{AuthFlowSpec, RealmSpec};
use realmwright_decision::expression::{Environment, Scope};
use realmwright_decision::realm::RealmDecisions;
use realmwright_snapshot::{
    ByClient, ClientSnapshot, DataClass, Digest, FlowSnapshot, MethodSnapshot, RealmSnapshot,
    RegionName, ScopeSnapshot, Sealer, canonical_json,
};

use crate::clients::{ClientMemory, Clients};
use crate::compiler::{CompileProfile, CompiledRealm, TestResult, Work};
use crate::config_test;
use crate::diagnostics::Code;
use crate::doubts::Absent;
use crate::fault::{Fault, Report};
use crate::index::{Broken, Index, Members, Typed};
use crate::lower::core::Gathered;
use crate::lower::roles::Catalogue;
use crate::lower::{Context, ScopeFacts, attributes, client, core, flow, method, roles, scope};
use crate::object::{Kind, Placed, RealmKey};
use crate::path::{FieldPath, field};
use crate::stage;
use crate::validate::placements::Located;
use crate::validate::{flows, secrets};

/// What is remembered of realms between runs.
#[derive(Default)]
pub(crate) struct Memory {
    realms: BTreeMap<RealmKey, RealmMemory>,
    run: u64,
}

/// What is remembered of a realm.
#[derive(Default)]
struct RealmMemory {
    /// The run that it was compiled in last.
    run: u64,
    clients: ClientMemory,
    sealers: BTreeMap<RegionName, Sealer>,
    /// The snapshot that the config tests last ran on, compiled.
    tested: Option<(Arc<RealmSnapshot>, RealmDecisions)>,
}

/// A realm that was not compiled in so many runs is forgotten: one that is broken for a save or two
/// need not be sealed anew when it is mended.
const KEPT_RUNS: u64 = 4;

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    fn of(&mut self, key: &RealmKey) -> &mut RealmMemory {
        let memory = self.realms.entry(key.clone()).or_default();
        memory.run = self.run;
        memory
    }

    /// Ends a run.
    pub(crate) fn turn(&mut self) {
        self.run += 1;
        let run = self.run;
        self.realms.retain(|_, realm| run - realm.run <= KEPT_RUNS);
    }
}

/// What comes of one realm.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Its placements; none when it is not whole.
    pub(crate) realms: Vec<CompiledRealm>,
    /// Its config tests.
    pub(crate) tests: Vec<TestResult>,
    pub(crate) work: Work,
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

/// Compiles a realm, unless something of its own namespace is faulty, and runs its config tests.
pub(crate) fn compile(
    surroundings: &Surroundings<'_>,
    key: &RealmKey,
    located: &Located<'_>,
    memory: &mut Memory,
    report: &mut Report,
) -> Outcome {
    let mut outcome = Outcome::default();
    let index = surroundings.index;
    let nothing = Members::default();
    let members = index.members.get(key).unwrap_or(&nothing);
    let Some(realm) = index.realms.get(key) else {
        return outcome;
    };
    let mut faults = Vec::new();
    let mut context = context(key, realm.spec, located, members, &mut faults);
    let parts = parts(&mut context, members, report);
    let context = context;
    let context_digest = context_digest(realm, members);

    outcome.work.flows = check_flows(&context, members, &parts, context_digest, report);
    stores(members, report);
    let memory = memory.of(key);
    let clients = Clients::lower(
        &context,
        &members.clients,
        context_digest,
        &mut memory.clients,
    );
    outcome.work.clients = clients.made;
    let catalogue = catalogue(key, realm.spec, members);
    check_roles(&catalogue, realm, members, report);
    clients.check(index, &catalogue, report);

    let gathered = gather(&context, &clients, surroundings.realms);
    way_in(key, &parts, &clients, &mut faults);
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
        secrets::check(index, realm.id(), need, path, &mut faults);
    }
    for fault in faults {
        report.add(realm.placed, fault);
    }

    let is_whole = |report: &Report| whole(surroundings, key, realm, located, members, report);
    if !is_whole(report) {
        return outcome;
    }
    let own_needs = needs.into_iter().map(|(_, need)| need).collect();
    let served = clients.serve(own_needs, &mut memory.clients, report);
    let snapshots: Vec<Arc<RealmSnapshot>> = cores
        .into_iter()
        .map(|core| Arc::new(snapshot(core, &parts, &served.clients)))
        .collect();
    if let Some(snapshot) = snapshots.first() {
        let left_out = clients.left_out(report);
        outcome.tests = tests(key, snapshot, members, left_out, memory, report);
    }
    if !is_whole(report) {
        return outcome;
    }
    for (placement, snapshot) in located.placements.iter().zip(snapshots) {
        let region = RegionName::from(placement.region);
        let sealer = memory.sealers.entry(region.clone()).or_default();
        // Values of the snapshot always have a JSON form.
        let Ok(sealed) = sealer.seal(&snapshot) else {
            continue;
        };
        outcome.work.parts += sealer.made();
        outcome.realms.push(CompiledRealm {
            id: context.id.clone(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            region,
            instance: snapshot.core.instance.clone(),
            declared_issuer: placement.issuer.clone(),
            algorithms: snapshot.core.keys.algorithms.clone(),
            snapshot,
            sealed,
            secrets: Arc::clone(&served.needs),
        });
    }
    outcome
}

/// Runs the config tests; a placement changes nothing that they see.
fn tests(
    key: &RealmKey,
    snapshot: &Arc<RealmSnapshot>,
    members: &Members<'_>,
    left_out: BTreeSet<&str>,
    memory: &mut RealmMemory,
    report: &mut Report,
) -> Vec<TestResult> {
    let former = memory.tested.take();
    if members.tests.is_empty() {
        return Vec::new();
    }
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
        key,
        snapshot,
        decisions: &decisions,
        left_out,
    };
    let results = config_test::run(&bench, &members.tests, report);
    memory.tested = Some((Arc::clone(snapshot), decisions));
    results
}

fn snapshot(
    core: realmwright_snapshot::RealmCore,
    parts: &Parts,
    clients: &ByClient<Arc<ClientSnapshot>>,
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
            let fault = Fault::error(
                Code::DuplicateScope,
                field!("spec", "scope"),
                format!("another Scope of the realm has the token `{token}`"),
            );
            let other = members
                .scopes
                .iter()
                .find(|other| scope::token(other) == token);
            faults.push(match other {
                Some(other) => report.with_other(fault, other.placed, &scope::token_path(other)),
                None => fault,
            });
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
fn context_digest(realm: &Typed<'_, RealmSpec>, members: &Members<'_>) -> Digest {
    let mut of: Vec<String> = vec![realm.placed.object.digest.to_string()];
    let digest = |placed: &Placed| placed.object.digest.to_string();
    of.extend(members.scopes.iter().map(|one| digest(one.placed)));
    of.extend(members.methods.iter().map(|one| digest(one.placed)));
    of.extend(members.flows.iter().map(|one| digest(one.placed)));
    Digest::of(&canonical_json(&of).unwrap_or_default())
}

fn check_flows(
    context: &Context<'_>,
    members: &Members<'_>,
    parts: &Parts,
    context_digest: Digest,
    report: &mut Report,
) -> usize {
    let sound: Vec<(&Typed<'_, AuthFlowSpec>, &FlowSnapshot)> = members
        .flows
        .iter()
        .zip(&parts.flows)
        .filter(|(one, _)| !report.is_faulty(one.id()))
        .collect();
    let found = stage::make(
        &sound,
        context_digest,
        |(one, _)| &one.placed.object.graph,
        |(_, flow)| flows::check(context, &parts.methods, flow),
    );
    for ((one, _), faults) in sound.into_iter().zip(found.values) {
        add_all(report, one.placed, faults.to_vec());
    }
    found.made
}

fn stores(members: &Members<'_>, report: &mut Report) {
    let Some((first, others)) = members.stores.split_first() else {
        return;
    };
    for one in others {
        let path = field!("spec", "realmRef");
        let fault = Fault::error(
            Code::SeveralStores,
            path.clone(),
            "the realm already has an attribute store",
        );
        let fault = report.with_other(fault, first.placed, &path);
        report.add(one.placed, fault);
    }
}

fn catalogue<'a>(
    key: &'a RealmKey,
    realm: &'a RealmSpec,
    members: &'a Members<'a>,
) -> Catalogue<'a> {
    Catalogue {
        realm: realm.roles.iter().map(|role| role.name.as_str()).collect(),
        declared: &members.clients,
        clients: OnceCell::new(),
        key,
    }
}

fn check_roles(
    catalogue: &Catalogue<'_>,
    realm: &Typed<'_, RealmSpec>,
    members: &Members<'_>,
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
}

fn gather(context: &Context<'_>, clients: &Clients<'_>, realms: usize) -> Gathered {
    let mut algorithms = clients.algorithms();
    if algorithms.is_empty() {
        algorithms.insert(context.tokens.algorithm);
    }
    Gathered {
        algorithms,
        longest_token_life: clients
            .longest_token_life()
            .max(context.tokens.access_lifetime),
        realms,
    }
}

/// People can log in only with a first factor.
fn way_in(key: &RealmKey, parts: &Parts, clients: &Clients<'_>, faults: &mut Vec<Fault>) {
    let offered = parts.methods.iter().any(|method| method.kind.factor() == 1);
    if clients.log_people_in() && !offered {
        faults.push(
            Fault::error(
                Code::NoMethod,
                FieldPath::root(),
                "applications log people in, but no AuthMethod of the first factor is switched on",
            )
            .fix("add an AuthMethod with `password`".to_owned())
            .lacking(Absent::any_member(Kind::AuthMethod, key)),
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
    let faulty = report
        .faulty()
        .any(|id| id.namespace == key.namespace && members.have(id));
    !broken
        && !unread
        && !faulty
        && !report.is_faulty(realm.id())
        && located.placements.len() == realm.spec.placements.len()
}
