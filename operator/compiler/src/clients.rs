//! The clients of a realm, shard by shard. What the realm must know of a shard is worked out once
//! for the members that it has; of an edit among 100,000 clients it is worked out for one shard.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use realmwright_crds::ClientSpec;
use realmwright_snapshot::{
    ByClient, ClientShard, ClientSnapshot, Digest, GrantType, Period, Shard, SigningAlgorithm,
    shared_shard,
};

use crate::diagnostics::Code;
use crate::fault::{Fault, Report};
use crate::index::{Index, Typed};
use crate::lower::Context;
use crate::lower::client::{self, Lowered};
use crate::lower::roles::Catalogue;
use crate::object::{Kind, ObjectId};
use crate::path::{FieldPath, field};
use crate::secrets::{SecretNeed, SecretNeeds, SecretOrigin};
use crate::stage;
use crate::validate::secrets;

/// What is made of a client, sound or not.
#[derive(Debug)]
pub(crate) struct ClientOutcome {
    faults: Vec<Fault>,
    lowered: Lowered,
}

/// A client with what came of it.
struct Member<'a> {
    typed: Typed<'a, ClientSpec>,
    outcome: Arc<ClientOutcome>,
}

impl Member<'_> {
    /// Whether it must be looked at in each run: it is wrong, or refers to other objects.
    fn is_watched(&self) -> bool {
        let ClientOutcome { faults, lowered } = &*self.outcome;
        let mut needs = lowered.secrets.iter();
        let supplied = needs.any(|(_, need)| matches!(need.origin, SecretOrigin::Secret(_)));
        !faults.is_empty() || !lowered.roles.is_empty() || supplied
    }
}

/// What a realm must know of a shard whose members are all sound.
struct Summary {
    /// Those that are switched on.
    served: Arc<ClientShard>,
    needs: SecretNeeds,
    algorithms: BTreeSet<SigningAlgorithm>,
    longest_token_life: Period,
    logs_people_in: bool,
    /// Positions of the members to be looked at in each run.
    watched: Vec<usize>,
    /// Positions of members whose identifier another one has, and of that one.
    doubles: Vec<(usize, usize)>,
}

/// A shard as it was last.
struct KnownShard {
    outcomes: Vec<Arc<ClientOutcome>>,
    summary: Arc<Summary>,
}

/// What is remembered of a realm's clients.
#[derive(Default)]
pub(crate) struct ClientMemory {
    shards: BTreeMap<Shard, KnownShard>,
    served: ByClient<Arc<ClientSnapshot>>,
    needs: KnownNeeds,
}

/// The needs of a realm as they were put together last, and of what.
#[derive(Default)]
struct KnownNeeds {
    parts: Vec<SecretNeeds>,
    all: SecretNeeds,
}

struct ShardOfClients<'a> {
    members: Vec<Member<'a>>,
    summary: Arc<Summary>,
}

/// See the module.
pub(crate) struct Clients<'a> {
    shards: BTreeMap<Shard, ShardOfClients<'a>>,
    /// How many were lowered and not remembered.
    pub(crate) made: usize,
}

impl<'a> Clients<'a> {
    /// Lowers what is not remembered. `against` is the digest of everything that clients are
    /// lowered against.
    pub(crate) fn lower(
        context: &Context<'_>,
        clients: &[Typed<'a, ClientSpec>],
        against: Digest,
        memory: &mut ClientMemory,
    ) -> Self {
        let outcomes = stage::make(
            clients,
            against,
            |one| &one.placed.object.client,
            |one| {
                let mut faults = Vec::new();
                let lowered = client::lower(context, one, &mut faults);
                ClientOutcome { faults, lowered }
            },
        );
        let mut shards: BTreeMap<Shard, Vec<Member<'a>>> = BTreeMap::new();
        for (typed, outcome) in clients.iter().zip(outcomes.values) {
            let shard = shards.entry(outcome.lowered.shard).or_default();
            shard.push(Member {
                typed: *typed,
                outcome,
            });
        }
        let shards = shards.into_iter().map(|(shard, members)| {
            let summary = memory.summary(shard, &members, context);
            (shard, ShardOfClients { members, summary })
        });
        let shards: BTreeMap<Shard, ShardOfClients<'a>> = shards.collect();
        memory.shards.retain(|shard, _| shards.contains_key(shard));
        Self {
            shards,
            made: outcomes.made,
        }
    }

    fn watched(&self) -> impl Iterator<Item = &Member<'a>> {
        self.shards.values().flat_map(|shard| {
            let watched = shard.summary.watched.iter();
            watched.filter_map(|position| shard.members.get(*position))
        })
    }

    /// Reports what is wrong with each, with their references and between them.
    pub(crate) fn check(&self, index: &Index<'_>, catalogue: &Catalogue<'_>, report: &mut Report) {
        for Member { typed, outcome } in self.watched() {
            let mut faults = outcome.faults.clone();
            for (path, role) in &outcome.lowered.roles {
                catalogue.check(role, path, &mut faults);
            }
            for (path, need) in &outcome.lowered.secrets {
                secrets::check(index, typed.id(), need, path, &mut faults);
            }
            for fault in faults {
                report.add(typed.placed, fault);
            }
        }
        for shard in self.shards.values() {
            for (later, first) in &shard.summary.doubles {
                let members = &shard.members;
                if let (Some(later), Some(first)) = (members.get(*later), members.get(*first)) {
                    let first = &first.typed;
                    let fault = double(&later.typed, first.id());
                    let fault = report.with_other(fault, first.placed, &identifier_path(first));
                    report.add(later.typed.placed, fault);
                }
            }
        }
    }

    /// Algorithms that those which are switched on sign with.
    pub(crate) fn algorithms(&self) -> BTreeSet<SigningAlgorithm> {
        let shards = self.shards.values();
        shards
            .flat_map(|shard| &shard.summary.algorithms)
            .copied()
            .collect()
    }

    /// The longest life of a token of theirs.
    pub(crate) fn longest_token_life(&self) -> Period {
        let shards = self.shards.values();
        shards
            .map(|shard| shard.summary.longest_token_life)
            .max()
            .unwrap_or(Period::ZERO)
    }

    /// Whether some of them logs people in.
    pub(crate) fn log_people_in(&self) -> bool {
        let mut shards = self.shards.values();
        shards.any(|shard| shard.summary.logs_people_in)
    }

    /// Those that have faults, with their shards.
    fn faulty<'s>(
        &'s self,
        report: &'s Report,
    ) -> impl Iterator<Item = (Shard, &'s Member<'a>)> + 's {
        let any = report.faulty().any(|id| id.kind == Kind::Client);
        let shards = self.shards.iter().filter(move |_| any);
        shards.flat_map(|(number, shard)| {
            let members = shard.members.iter();
            members
                .filter(|member| report.is_faulty(member.typed.id()))
                .map(|member| (*number, member))
        })
    }

    /// Identifiers of those that have faults.
    pub(crate) fn left_out(&self, report: &Report) -> BTreeSet<&'a str> {
        self.faulty(report)
            .map(|(_, member)| client::identifier(&member.typed))
            .collect()
    }

    /// Those that are served: switched on, and without faults; and the secrets that these and
    /// `own` need.
    pub(crate) fn serve(
        &self,
        own: Vec<SecretNeed>,
        memory: &mut ClientMemory,
        report: &Report,
    ) -> Served {
        let touched: BTreeSet<Shard> = self.faulty(report).map(|(shard, _)| shard).collect();
        let mut clients = ByClient::new();
        let mut parts = vec![own.into_iter().map(Arc::new).collect()];
        for (number, shard) in &self.shards {
            let (served, needs) = if touched.contains(number) {
                let sound = shard.members.iter();
                let sound = sound.filter(|member| !report.is_faulty(member.typed.id()));
                served(sound, memory.served.shard(*number))
            } else {
                let summary = &shard.summary;
                (Arc::clone(&summary.served), Arc::clone(&summary.needs))
            };
            clients.set_shard(*number, served);
            parts.push(needs);
        }
        memory.served = clients.clone();
        Served {
            clients,
            needs: memory.needs.put_together(parts),
        }
    }
}

/// What goes into the snapshot, and with it.
pub(crate) struct Served {
    pub(crate) clients: ByClient<Arc<ClientSnapshot>>,
    pub(crate) needs: SecretNeeds,
}

impl ClientMemory {
    fn summary(
        &mut self,
        shard: Shard,
        members: &[Member<'_>],
        context: &Context<'_>,
    ) -> Arc<Summary> {
        let known = self.shards.get(&shard).filter(|known| {
            known.outcomes.len() == members.len()
                && known
                    .outcomes
                    .iter()
                    .zip(members)
                    .all(|(known, member)| Arc::ptr_eq(known, &member.outcome))
        });
        if let Some(known) = known {
            return Arc::clone(&known.summary);
        }
        let summary = summarize(members, self.served.shard(shard), context);
        let summary = Arc::new(summary);
        let known = KnownShard {
            outcomes: members
                .iter()
                .map(|member| Arc::clone(&member.outcome))
                .collect(),
            summary: Arc::clone(&summary),
        };
        self.shards.insert(shard, known);
        summary
    }
}

impl KnownNeeds {
    /// The same list as last time where it is put together of the same.
    fn put_together(&mut self, parts: Vec<SecretNeeds>) -> SecretNeeds {
        let is_same = self.parts.len() == parts.len()
            && self
                .parts
                .iter()
                .zip(&parts)
                .all(|(known, part)| Arc::ptr_eq(known, part) || known == part);
        if !is_same {
            let mut all: Vec<Arc<SecretNeed>> =
                parts.iter().flat_map(|part| part.iter().cloned()).collect();
            all.sort();
            all.dedup();
            if *self.all != *all {
                self.all = all.into();
            }
        }
        self.parts = parts;
        Arc::clone(&self.all)
    }
}

/// `served_last` shares what is the same.
fn summarize(
    members: &[Member<'_>],
    served_last: Option<&Arc<ClientShard>>,
    context: &Context<'_>,
) -> Summary {
    let (served, needs) = served(members.iter(), served_last);
    let enabled = || {
        members
            .iter()
            .filter(|member| client::is_enabled(member.typed.spec))
    };
    let lowered = || members.iter().map(|member| &member.outcome.lowered);
    Summary {
        served,
        needs,
        algorithms: enabled()
            .filter_map(|member| member.outcome.lowered.algorithm)
            .collect(),
        longest_token_life: enabled()
            .map(|member| member.outcome.lowered.longest_token_life)
            .max()
            .unwrap_or(Period::ZERO),
        logs_people_in: lowered().any(|lowered| {
            let oidc = lowered.snapshot.oidc.as_ref();
            oidc.is_some_and(|oidc| oidc.grant_types.contains(&GrantType::AuthorizationCode))
        }),
        watched: positions(members, Member::is_watched),
        doubles: doubles(members, context),
    }
}

fn positions<T>(list: &[T], wanted: impl Fn(&T) -> bool) -> Vec<usize> {
    let all = list.iter().enumerate();
    all.filter(|(_, one)| wanted(one))
        .map(|(position, _)| position)
        .collect()
}

fn served<'m, 'a: 'm>(
    members: impl Iterator<Item = &'m Member<'a>>,
    former: Option<&Arc<ClientShard>>,
) -> (Arc<ClientShard>, SecretNeeds) {
    let lowered: Vec<&Lowered> = members
        .filter(|member| client::is_enabled(member.typed.spec))
        .map(|member| &member.outcome.lowered)
        .collect();
    let snapshots: Vec<&Arc<ClientSnapshot>> = lowered.iter().map(|one| &one.snapshot).collect();
    let needs = lowered.iter().flat_map(|one| &one.secrets);
    (
        shared_shard(former, &snapshots),
        needs.map(|(_, need)| Arc::clone(need)).collect(),
    )
}

/// One identifier names one application (APP-01). The realm's own namespace comes first, then the
/// order of namespace and name; whoever comes later is faulty. Who shares an identifier shares a
/// shard.
fn doubles(members: &[Member<'_>], context: &Context<'_>) -> Vec<(usize, usize)> {
    let is_foreign = |member: &Member<'_>| member.typed.namespace() != context.key.namespace;
    let mut order = positions(members, |member| !is_foreign(member));
    order.extend(positions(members, is_foreign));
    let mut holders: HashMap<&str, usize> = HashMap::with_capacity(members.len());
    let mut found = Vec::new();
    for position in order {
        let Some(member) = members.get(position) else {
            continue;
        };
        let identifier = client::identifier(&member.typed);
        match holders.get(identifier) {
            Some(holder) => found.push((position, *holder)),
            None => {
                holders.insert(identifier, position);
            }
        }
    }
    found
}

fn identifier_path(client: &Typed<'_, ClientSpec>) -> FieldPath {
    if client.spec.identifier.is_some() {
        field!("spec", "identifier")
    } else {
        field!("metadata", "name")
    }
}

fn double(later: &Typed<'_, ClientSpec>, first: &ObjectId) -> Fault {
    let identifier = client::identifier(later);
    Fault::error(
        Code::DuplicateClientIdentifier,
        identifier_path(later),
        format!("identifier `{identifier}` is that of {first}"),
    )
}
