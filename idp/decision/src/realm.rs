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

/// Everything of a realm that decides.
#[derive(Clone, Debug)]
pub struct RealmDecisions {
    schema: Schema,
    roles: RoleCatalogue,
    required_factors: u8,
    methods: Vec<Method>,
    method_decisions: BTreeMap<MethodName, MethodDecisions>,
    flows: BTreeMap<FlowName, Flow>,
    standard: Flow,
    default_flow: Option<FlowName>,
    scopes: BTreeMap<ScopeName, ClaimSet>,
    clients: BTreeMap<ClientId, Arc<ClientDecisions>>,
}

/// Everything of an application that decides.
#[derive(Clone, Debug)]
pub struct ClientDecisions {
    /// What expressions read of it.
    pub application: Application,
    /// Who may use it.
    pub access: Access,
    claims: ClaimSet,
    flow: Option<FlowName>,
}

/// Everything of a method that decides.
#[derive(Clone, Debug)]
pub enum MethodDecisions {
    /// Login and password.
    Password {
        /// How a typed login finds an account.
        matching: Matching,
        /// What a password must satisfy.
        policy: Policy,
    },
    /// Time-based one-time password.
    Totp {
        /// Name of the account in the authenticator app.
        account_label: Compiled,
    },
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
    /// Compiles one application. `environment` is of the realm's schema, in any scope but
    /// `Computed`.
    ///
    /// # Errors
    /// Every fault with its place.
    pub fn compile(
        client: &ClientSnapshot,
        environment: &Environment,
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
        match (access, claims) {
            (Some(access), Some(claims)) => Ok(Self {
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
                matching
                    .zip(policy)
                    .map(|(matching, policy)| Self::Password { matching, policy })
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

impl RealmDecisions {
    /// Compiles a realm. Applications that equal those of `former`, under an equal schema, are
    /// shared with it.
    ///
    /// # Errors
    /// Every fault, by object and place.
    pub fn compile(
        realm: &RealmSnapshot,
        former: Option<(&RealmSnapshot, &Self)>,
    ) -> Result<Self, Vec<RealmFault>> {
        let core = &realm.core;
        let environment =
            Environment::new(Scope::Condition, &core.attributes, &core.session_claims);
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
        let former = former.filter(|(snapshot, _)| {
            snapshot.core.attributes == core.attributes
                && snapshot.core.session_claims == core.session_claims
        });
        let clients = keep_all(&realm.clients, &mut faults, |id, client| {
            if let Some(shared) = former.and_then(|former| shared(former, id, client)) {
                return Ok(shared);
            }
            ClientDecisions::compile(client, &environment)
                .map(Arc::new)
                .map_err(|f| {
                    f.into_iter()
                        .map(|f| RealmFault::Client(id.clone(), f))
                        .collect()
                })
        });
        unknown_flows(realm, &mut faults);
        match schema {
            Some(schema) if faults.is_empty() => Ok(Self {
                schema,
                roles: RoleCatalogue::new(realm),
                required_factors: core.required_factors,
                methods: realm.methods.values().map(Method::from).collect(),
                method_decisions,
                flows,
                standard: Flow::standard(),
                default_flow: core.flow.clone(),
                scopes,
                clients,
            }),
            _ => Err(faults),
        }
    }

    /// The attribute schema.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The declared roles.
    #[must_use]
    pub const fn roles(&self) -> &RoleCatalogue {
        &self.roles
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

    /// What decides for an application.
    #[must_use]
    pub fn client(&self, id: &ClientId) -> Option<&Arc<ClientDecisions>> {
        self.clients.get(id)
    }

    /// The flow of an application: its own, else the realm's, else the standard one (FLOW-02).
    #[must_use]
    pub fn flow(&self, client: &ClientDecisions) -> &Flow {
        client
            .flow
            .as_ref()
            .or(self.default_flow.as_ref())
            .and_then(|name| self.flows.get(name))
            .unwrap_or(&self.standard)
    }

    /// The machine of an application's flow.
    #[must_use]
    pub fn machine(&self, client: &ClientDecisions) -> Machine<'_> {
        Machine::new(self.flow(client), &self.methods, self.required_factors)
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
                    Value::String(text) => Some(text),
                    _ => None,
                }
            }
            MethodDecisions::Password { .. } => None,
        }
    }
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

fn keep_all<K: Clone + Ord, V, T>(
    objects: &BTreeMap<K, V>,
    faults: &mut Vec<RealmFault>,
    compile: impl Fn(&K, &V) -> Result<T, Vec<RealmFault>>,
) -> BTreeMap<K, T> {
    objects
        .iter()
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

fn unknown_flows(realm: &RealmSnapshot, faults: &mut Vec<RealmFault>) {
    let missing = |name: &FlowName| !realm.flows.contains_key(name);
    if let Some(name) = realm.core.flow.as_ref().filter(|name| missing(name)) {
        faults.push(RealmFault::UnknownFlow(name.clone()));
    }
    for (id, client) in &realm.clients {
        if let Some(name) = client.flow.as_ref().filter(|name| missing(name)) {
            let fault = ClientFault::UnknownFlow(name.clone());
            faults.push(RealmFault::Client(id.clone(), fault));
        }
    }
}
