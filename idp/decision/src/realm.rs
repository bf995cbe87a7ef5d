//! A realm's decisions, compiled once from its snapshot: what a pod prepares off the request path,
//! what the compiler proves, and what a config test runs on.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use realmwright_snapshot::{
    ClientId, ClientSnapshot, FlowName, MethodKind, MethodName, MethodSnapshot, RealmSnapshot,
    ScopeName, ScopeSnapshot,
};
use serde_json::{Map, Value as Json};

use crate::access::Access;
use crate::attributes::{Schema, SchemaFault};
use crate::claims::{ClaimFault, ClaimSet, Target, claims};
use crate::expression::{Compiled, Environment, ExpressionFault, Scope, Type, Value};
use crate::facts::{Application, Facts, Person};
use crate::flow::{Flow, FlowFault, Machine, Method};
use crate::matching::{MatchFault, Matching};
use crate::password::{Policy, PolicyFault};
use crate::roles::{RoleCatalogue, VisibleRoles};

/// Everything of a realm that decides, but for its applications: the one program that pods serve
/// with and that config tests run on.
#[derive(Clone, Debug)]
pub struct RealmProgram {
    schema: Arc<Schema>,
    required_factors: u8,
    methods: Vec<Method>,
    method_decisions: BTreeMap<MethodName, MethodDecisions>,
    flows: BTreeMap<FlowName, Flow>,
    standard: Flow,
    default_flow: Option<FlowName>,
    scopes: BTreeMap<ScopeName, ClaimSet>,
    environment: Environment,
}

/// A program with all applications compiled: a whole realm that decides.
#[derive(Clone, Debug)]
pub struct RealmDecisions {
    program: Arc<RealmProgram>,
    roles: RoleCatalogue,
    clients: BTreeMap<ClientId, Arc<ClientDecisions>>,
}

/// A flow that is named and not there: whoever needs it is denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("flow {0} is missing")]
pub struct UnknownFlow(pub FlowName);

/// Everything of an application that decides.
#[derive(Clone, Debug)]
pub struct ClientDecisions {
    /// What expressions read of it.
    pub application: Application,
    /// Who may use it.
    pub access: Access,
    /// Claims beside those of its scopes.
    pub claims: ClaimSet,
    /// Its own flow.
    pub flow: Option<FlowName>,
}

/// Everything of a method that decides.
#[derive(Clone, Debug)]
pub enum MethodDecisions {
    /// Login and password.
    Password(Arc<PasswordDecisions>),
    /// Time-based one-time password.
    Totp {
        /// Name of the account in the authenticator app.
        account_label: Compiled,
    },
}

/// See [`MethodDecisions::Password`].
#[derive(Clone, Debug)]
pub struct PasswordDecisions {
    /// How a typed login finds an account.
    pub matching: Matching,
    /// What a password must satisfy.
    pub policy: Policy,
}

/// A fault in what decides, by the object that it lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RealmFault {
    /// In the attribute schema or the purposes.
    Schema(SchemaFault),
    /// In a flow.
    Flow(FlowName, FlowFault),
    /// In the claims of a scope.
    Scope(ScopeName, ClaimFault),
    /// In an application.
    Client(ClientId, ClientFault),
    /// In a method.
    Method(MethodName, MethodFault),
    /// The realm's default flow is not there.
    UnknownFlow(FlowName),
}

/// See [`RealmFault::Client`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFault {
    /// In the access rule at this place.
    Access(usize, ExpressionFault),
    /// In its own claims.
    Claim(ClaimFault),
    /// Its flow is not there.
    UnknownFlow(FlowName),
}

/// See [`RealmFault::Method`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MethodFault {
    /// In a match rule.
    Match(MatchFault),
    /// In a character group of the policy.
    Policy(PolicyFault),
    /// In the account label.
    AccountLabel(ExpressionFault),
}

impl ClientDecisions {
    fn compile(
        client: &ClientSnapshot,
        environment: &Environment,
        is_flow: impl Fn(&FlowName) -> bool,
    ) -> Result<Self, Vec<ClientFault>> {
        let mut faults = Vec::new();
        let access = keep(
            Access::compile(&client.access, &environment.with_scope(Scope::Condition)),
            |(rule, fault)| ClientFault::Access(rule, fault),
            &mut faults,
        );
        let claims = keep(
            ClaimSet::compile(&client.claims, &environment.with_scope(Scope::Claim)),
            ClientFault::Claim,
            &mut faults,
        );
        if let Some(name) = client.flow.as_ref().filter(|name| !is_flow(name)) {
            faults.push(ClientFault::UnknownFlow(name.clone()));
        }
        match (access, claims) {
            (Some(access), Some(claims)) if faults.is_empty() => Ok(Self {
                application: Application::from(client),
                access,
                claims,
                flow: client.flow.clone(),
            }),
            _ => Err(faults),
        }
    }
}

impl MethodDecisions {
    fn compile(
        method: &MethodSnapshot,
        realm: &RealmSnapshot,
        environment: &Environment,
    ) -> Result<Self, Vec<MethodFault>> {
        let mut faults = Vec::new();
        let compiled = match &method.kind {
            MethodKind::Password(password) => {
                let matching = keep(
                    Matching::compile(&password.matching, &realm.core.attributes),
                    MethodFault::Match,
                    &mut faults,
                );
                let policy = keep(
                    Policy::compile(&password.policy),
                    MethodFault::Policy,
                    &mut faults,
                );
                matching.zip(policy).map(|(matching, policy)| {
                    Self::Password(Arc::new(PasswordDecisions { matching, policy }))
                })
            }
            MethodKind::Totp(totp) => {
                let person = environment.with_scope(Scope::Person);
                let label = Compiled::compile_as(&totp.account_label, &person, &Type::String);
                keep(label, MethodFault::AccountLabel, &mut faults)
                    .map(|account_label| Self::Totp { account_label })
            }
        };
        compiled.ok_or(faults)
    }
}

impl RealmProgram {
    /// Compiles a realm without its applications.
    ///
    /// # Errors
    /// Every fault, by object and place.
    pub fn compile(realm: &RealmSnapshot) -> Result<Self, Vec<RealmFault>> {
        let core = &realm.core;
        let environment = environment(realm);
        let mut faults = Vec::new();
        let schema = keep(
            Schema::compile(&core.attributes, &core.purposes),
            RealmFault::Schema,
            &mut faults,
        );
        let flows = keep_all(&realm.flows, &mut faults, |name, flow| {
            Flow::compile(flow, &environment).map_err(|f| {
                f.into_iter()
                    .map(|f| RealmFault::Flow(name.clone(), f))
                    .collect()
            })
        });
        let of_claims = environment.with_scope(Scope::Claim);
        let scopes = keep_all(&realm.scopes, &mut faults, |name, scope: &ScopeSnapshot| {
            ClaimSet::compile(&scope.claims, &of_claims).map_err(|f| {
                f.into_iter()
                    .map(|f| RealmFault::Scope(name.clone(), f))
                    .collect()
            })
        });
        let method_decisions = keep_all(&realm.methods, &mut faults, |name, method| {
            MethodDecisions::compile(method, realm, &environment).map_err(|f| {
                f.into_iter()
                    .map(|f| RealmFault::Method(name.clone(), f))
                    .collect()
            })
        });
        let is_missing = |name: &&FlowName| !realm.flows.contains_key(*name);
        if let Some(name) = core.flow.as_ref().filter(is_missing) {
            faults.push(RealmFault::UnknownFlow(name.clone()));
        }
        match schema {
            Some(schema) if faults.is_empty() => Ok(Self {
                schema: Arc::new(schema),
                required_factors: core.required_factors,
                methods: realm.methods.values().map(Method::from).collect(),
                method_decisions,
                flows,
                standard: Flow::standard(),
                default_flow: core.flow.clone(),
                scopes,
                environment,
            }),
            _ => Err(faults),
        }
    }

    /// Whether one program comes of both snapshots.
    #[must_use]
    pub fn is_same(a: &RealmSnapshot, b: &RealmSnapshot) -> bool {
        Self::has_same_schema(a, b)
            && a.core.purposes == b.core.purposes
            && a.core.required_factors == b.core.required_factors
            && a.core.flow == b.core.flow
            && a.methods == b.methods
            && a.flows == b.flows
            && a.scopes == b.scopes
    }

    /// Whether applications that are the same in both snapshots decide the same.
    fn has_same_schema(a: &RealmSnapshot, b: &RealmSnapshot) -> bool {
        a.core.attributes == b.core.attributes && a.core.session_claims == b.core.session_claims
    }

    /// Compiles one application.
    ///
    /// # Errors
    /// Every fault with its place.
    pub fn client(&self, client: &ClientSnapshot) -> Result<ClientDecisions, Vec<ClientFault>> {
        ClientDecisions::compile(client, &self.environment, |name| {
            self.flows.contains_key(name)
        })
    }

    /// The attribute schema.
    #[must_use]
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The methods that are switched on.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// What decides for a method.
    #[must_use]
    pub fn method(&self, name: &MethodName) -> Option<&MethodDecisions> {
        self.method_decisions.get(name)
    }

    /// The flow of an application: its own, else the realm's, else the standard one (FLOW-02).
    fn flow(&self, own: Option<&FlowName>) -> Result<&Flow, UnknownFlow> {
        match own.or(self.default_flow.as_ref()) {
            None => Ok(&self.standard),
            Some(name) => self
                .flows
                .get(name)
                .ok_or_else(|| UnknownFlow(name.clone())),
        }
    }

    /// The machine of an application's flow, which is `own`, else the realm's, else the standard
    /// one (FLOW-02).
    ///
    /// # Errors
    /// [`UnknownFlow`]; then nobody may be let in.
    pub fn machine(&self, own: Option<&FlowName>) -> Result<Machine<'_>, UnknownFlow> {
        let flow = self.flow(own)?;
        Ok(Machine::new(flow, &self.methods, self.required_factors))
    }

    /// The claims of one answer for the granted scopes, in their order.
    #[must_use]
    pub fn claims(
        &self,
        client: &ClientDecisions,
        granted: &[ScopeName],
        target: Target,
        facts: &Facts<'_>,
        roles: &VisibleRoles,
    ) -> Map<String, Json> {
        let of_scopes = granted.iter().filter_map(|name| self.scopes.get(name));
        claims(of_scopes.chain([&client.claims]), target, facts, roles)
    }

    /// Name of a person's account in an authenticator app; none when it has no value.
    #[must_use]
    pub fn account_label(
        &self,
        method: &MethodName,
        person: &Person,
        now: Timestamp,
    ) -> Option<String> {
        match self.method_decisions.get(method)? {
            MethodDecisions::Totp { account_label } => {
                match account_label.evaluate_person(person, now).ok()? {
                    Value::String(text) if !text.trim().is_empty() => Some(text),
                    _ => None,
                }
            }
            MethodDecisions::Password(_) => None,
        }
    }
}

impl RealmDecisions {
    /// Compiles a realm with all its applications. The program is that of `former` when the same
    /// comes of both, and applications that equal those of `former`, under an equal schema, are
    /// shared with it.
    ///
    /// # Errors
    /// Every fault, by object and place.
    pub fn compile(
        realm: &RealmSnapshot,
        former: Option<(&RealmSnapshot, &Self)>,
    ) -> Result<Self, Vec<RealmFault>> {
        Self::compile_for(realm, realm.clients.keys(), former)
    }

    /// The same for these applications only, as far as the realm has them: nobody may use another.
    ///
    /// # Errors
    /// As [`Self::compile`], of these applications.
    pub fn compile_for<'i>(
        realm: &RealmSnapshot,
        clients: impl Iterator<Item = &'i ClientId>,
        former: Option<(&RealmSnapshot, &Self)>,
    ) -> Result<Self, Vec<RealmFault>> {
        let (program, mut faults) = match former {
            Some((snapshot, former)) if RealmProgram::is_same(snapshot, realm) => {
                (Some(Arc::clone(&former.program)), Vec::new())
            }
            _ => match RealmProgram::compile(realm) {
                Ok(program) => (Some(Arc::new(program)), Vec::new()),
                Err(faults) => (None, faults),
            },
        };
        let former = former.filter(|(snapshot, _)| RealmProgram::has_same_schema(snapshot, realm));
        let environment = environment(realm);
        let is_flow = |name: &FlowName| realm.flows.contains_key(name);
        let wanted = clients.filter_map(|id| Some((id, realm.clients.get(id)?)));
        let clients = keep_all(wanted, &mut faults, |id, client| {
            if let Some(shared) = former
                .and_then(|former| shared(former, id, client))
                .filter(|_| client.flow.as_ref().is_none_or(is_flow))
            {
                return Ok(shared);
            }
            ClientDecisions::compile(client, &environment, is_flow)
                .map(Arc::new)
                .map_err(|f| {
                    f.into_iter()
                        .map(|f| RealmFault::Client(id.clone(), f))
                        .collect()
                })
        });
        match program {
            Some(program) if faults.is_empty() => Ok(Self {
                program,
                roles: RoleCatalogue::sharing(
                    realm,
                    former.map(|(realm, decisions)| (realm, &decisions.roles)),
                ),
                clients,
            }),
            _ => Err(faults),
        }
    }

    /// What decides beside the applications.
    #[must_use]
    pub fn program(&self) -> &RealmProgram {
        &self.program
    }

    /// The declared roles.
    #[must_use]
    pub const fn roles(&self) -> &RoleCatalogue {
        &self.roles
    }

    /// What decides for an application.
    #[must_use]
    pub fn client(&self, id: &ClientId) -> Option<&Arc<ClientDecisions>> {
        self.clients.get(id)
    }
}

fn environment(realm: &RealmSnapshot) -> Environment {
    let core = &realm.core;
    Environment::new(Scope::Condition, &core.attributes, &core.session_claims)
}

fn keep<T, F, G>(
    result: Result<T, Vec<F>>,
    wrap: impl Fn(F) -> G,
    faults: &mut Vec<G>,
) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(found) => {
            faults.extend(found.into_iter().map(wrap));
            None
        }
    }
}

fn keep_all<'a, K: Clone + Ord + 'a, V: 'a, T>(
    objects: impl IntoIterator<Item = (&'a K, &'a V)>,
    faults: &mut Vec<RealmFault>,
    compile: impl Fn(&K, &V) -> Result<T, Vec<RealmFault>>,
) -> BTreeMap<K, T> {
    objects
        .into_iter()
        .filter_map(|(key, object)| {
            let compiled = keep(compile(key, object), |fault| fault, faults)?;
            Some((key.clone(), compiled))
        })
        .collect()
}

fn shared(
    (snapshot, decisions): (&RealmSnapshot, &RealmDecisions),
    id: &ClientId,
    client: &Arc<ClientSnapshot>,
) -> Option<Arc<ClientDecisions>> {
    let former = snapshot.clients.get(id)?;
    (Arc::ptr_eq(former, client) || former == client)
        .then(|| decisions.clients.get(id).cloned())
        .flatten()
}
