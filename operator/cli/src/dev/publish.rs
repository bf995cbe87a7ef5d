//! From manifests to what is served: compile, keys, secrets, revision, store, swap.

mod keys;
mod secrets;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use jiff::Timestamp;
use realmwright_artefacts::{Directory, Offer};
use realmwright_compiler::{
    Compilation, CompileProfile, CompiledRealm, Compiler, Diagnostic, Manifests, Severity,
};
use realmwright_idp::hot_swap::{Accepted, HotSwap};
use realmwright_idp::served::{OfferFault, Preparation};
use realmwright_keys::SystemGenerator;
use realmwright_snapshot::{Digest, RealmId, RealmSnapshot};

use super::clients::{self, AccountsClients};
use super::state::{Running, RunningRealm, State};

/// How this process is named in acknowledgements.
const POD: &str = "dev";

/// What a look at the manifests led to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Realms that changed.
    pub(crate) live: Vec<Live>,
    /// Realms that compiled and still cannot be served, with the reason.
    pub(crate) held: Vec<(RealmId, String)>,
    /// Config tests that fail.
    pub(crate) failing: usize,
}

/// What was wrong at a look.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Faults {
    diagnostics: Vec<Diagnostic>,
    held: Vec<(RealmId, String)>,
    failing: usize,
}

/// A realm that changed.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) realm: RealmId,
    pub(crate) digest: Digest,
    /// What was served before; none when nothing was.
    pub(crate) former: Option<Arc<RealmSnapshot>>,
    pub(crate) now: Arc<RealmSnapshot>,
}

impl Report {
    /// What is wrong.
    pub(crate) fn faults(&self) -> Faults {
        Faults {
            diagnostics: self.diagnostics.clone(),
            held: self.held.clone(),
            failing: self.failing,
        }
    }

    /// Realms that are held, with the reason.
    pub(crate) fn not_served(&self) -> BTreeMap<&str, &str> {
        let held = self.held.iter();
        held.map(|(realm, reason)| (realm.as_str(), reason.as_str()))
            .collect()
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.held.is_empty()
            || self.failing > 0
            || self
                .diagnostics
                .iter()
                .any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Compiles and offers, with memory of what is served.
pub(crate) struct Publisher {
    state: State,
    directory: Directory,
    compiler: Compiler,
    profile: CompileProfile,
    region: Option<String>,
    swap: Arc<HotSwap>,
    generator: SystemGenerator,
    /// Served realms.
    served: BTreeMap<RealmId, Placement>,
    /// When secrets have to be looked at next; none before anything happens.
    secrets_due: Option<Timestamp>,
}

/// A served realm.
#[derive(Clone)]
pub(crate) struct Placement {
    pub(crate) compiled: CompiledRealm,
    pub(crate) offer: Offer,
    /// The Secrets among the manifests that it was compiled with.
    manifests: realmwright_compiler::SecretValues,
    accounts_clients: AccountsClients,
    /// When its keys have to be looked at next; none when only a change can ask for it.
    keys_due: Option<Timestamp>,
}

impl Publisher {
    pub(crate) fn new(
        state: State,
        origin: url::Url,
        region: Option<String>,
        swap: Arc<HotSwap>,
    ) -> Self {
        Self {
            directory: Directory::new(state.published()),
            state,
            compiler: Compiler::new(),
            profile: CompileProfile::Dev { origin },
            region,
            swap,
            generator: SystemGenerator::default(),
            served: BTreeMap::new(),
            secrets_due: None,
        }
    }

    pub(crate) const fn served(&self) -> &BTreeMap<RealmId, Placement> {
        &self.served
    }

    /// Compiles and serves what is good. A realm with a fault goes on as it was.
    pub(crate) fn publish(
        &mut self,
        manifests: &Manifests,
        now: Timestamp,
    ) -> anyhow::Result<Report> {
        let mut compilation = self.compiler.compile(manifests, &self.profile);
        let realms = self.choose(std::mem::take(&mut compilation.realms))?;
        let mut report = Report {
            failing: compilation
                .tests
                .iter()
                .filter(|result| !result.passed())
                .count(),
            diagnostics: std::mem::take(&mut compilation.diagnostics),
            ..Report::default()
        };
        let kept: Vec<RealmId> = realms.iter().map(|realm| realm.id.clone()).collect();
        let mut placements = Vec::new();
        for realm in realms {
            let id = realm.id.clone();
            match self.place(realm, &compilation, now) {
                Ok(placement) => placements.push(placement),
                Err(fault) => report.held.push((id, format!("{fault:#}"))),
            }
        }
        self.serve(placements, &mut report, now);
        // A realm that does not compile is absent too: only a folder without faults says that it
        // is gone.
        if !report.has_errors() {
            self.served.retain(|id, _| kept.contains(id));
            self.swap.retain(|id| kept.contains(id));
        }
        self.note_running()?;
        Ok(report)
    }

    /// The placements of one region: one database belongs to one.
    fn choose(&self, realms: Vec<CompiledRealm>) -> anyhow::Result<Vec<CompiledRealm>> {
        let mut regions: Vec<String> = realms
            .iter()
            .map(|realm| realm.region.to_string())
            .collect();
        regions.sort();
        regions.dedup();
        let wanted = match (&self.region, regions.as_slice()) {
            (Some(region), _) if regions.contains(region) || regions.is_empty() => region.clone(),
            (Some(region), _) => bail!(
                "no realm is placed in region {region}; say --region {}",
                regions.join(" or --region ")
            ),
            (None, []) => return Ok(Vec::new()),
            (None, [only]) => only.clone(),
            (None, _) => bail!(
                "the folder has several regions; say --region {}",
                regions.join(" or --region ")
            ),
        };
        Ok(realms
            .into_iter()
            .filter(|realm| realm.region.as_str() == wanted)
            .collect())
    }

    /// A compiled realm with the keys, secrets and revision that it is to be served with.
    fn place(
        &mut self,
        compiled: CompiledRealm,
        compilation: &Compilation,
        now: Timestamp,
    ) -> anyhow::Result<Placement> {
        let former = self.served.get(&compiled.id).cloned();
        let stored = former
            .as_ref()
            .map(|former| former.offer.clone())
            .or_else(|| self.stored(&compiled.id));
        let keyring = same_or_new(
            stored.as_ref().map(|stored| &stored.keyring),
            self.keyring(&compiled, now)?,
        );
        let secrets = match &former {
            Some(former)
                if Arc::ptr_eq(&former.compiled.secrets, &compiled.secrets)
                    && former.manifests.is_same_as(&compilation.secrets) =>
            {
                Arc::clone(&former.offer.secrets)
            }
            _ => same_or_new(
                stored.as_ref().map(|stored| &stored.secrets),
                self.secrets(&compiled, compilation, stored.as_ref(), now)?,
            ),
        };
        let offer = Offer::after(
            stored.as_ref(),
            compiled.id.clone(),
            compiled.region.clone(),
            Arc::new(compiled.sealed.clone()),
            keyring,
            secrets,
        );
        let accounts_clients = clients::accounts_clients(
            &compiled.snapshot,
            former
                .as_ref()
                .map(|former| (&*former.compiled.snapshot, &former.accounts_clients)),
        );
        // What is new to the process is acknowledged now, and another policy has other times.
        let keys_due = match &former {
            Some(former)
                if former.compiled.sealed.digest == compiled.sealed.digest
                    && former.offer.keyring.revision == offer.keyring.revision =>
            {
                former.keys_due
            }
            _ => Some(now),
        };
        Ok(Placement {
            compiled,
            offer,
            manifests: compilation.secrets.clone(),
            accounts_clients,
            keys_due,
        })
    }

    /// Serves what is good of these, all at once, and keeps it.
    fn serve(&mut self, placements: Vec<Placement>, report: &mut Report, now: Timestamp) {
        let offers = placements.iter().map(|placement| placement.offer.clone());
        let answers = self
            .swap
            .accept_all(offers.collect(), Preparation::Before, now);
        for (placement, answer) in placements.into_iter().zip(answers) {
            let id = placement.compiled.id.clone();
            match self.keep(&placement.offer, answer) {
                Ok(true) => report.live.push(self.live(&placement)),
                Ok(false) => {}
                Err(fault) => {
                    report.held.push((id, format!("{fault:#}")));
                    continue;
                }
            }
            self.served.insert(id, placement);
        }
    }

    fn live(&self, placement: &Placement) -> Live {
        let compiled = &placement.compiled;
        let former = self.served.get(&compiled.id);
        Live {
            realm: compiled.id.clone(),
            digest: compiled.sealed.digest,
            former: former.map(|former| Arc::clone(&former.compiled.snapshot)),
            now: Arc::clone(&compiled.snapshot),
        }
    }

    /// Serves an offer and keeps it; says whether anything changed.
    fn offer(&self, offer: &Offer, now: Timestamp) -> anyhow::Result<bool> {
        self.keep(offer, self.swap.accept(offer.clone(), now))
    }

    /// Keeps an offer that was accepted; says whether anything changed.
    fn keep(&self, offer: &Offer, accepted: Result<Accepted, OfferFault>) -> anyhow::Result<bool> {
        if accepted? == Accepted::Same {
            return Ok(false);
        }
        self.directory
            .store(offer)
            .context("the artefacts cannot be kept")?;
        Ok(true)
    }

    /// What a former run left.
    fn stored(&self, realm: &RealmId) -> Option<Offer> {
        let head = self.directory.head(realm).ok()??;
        self.directory.load(realm, head).ok()
    }

    /// Notes what is served for `accounts --dev`, with the secrets that programs read.
    fn note_running(&self) -> anyhow::Result<()> {
        let mut realms = Vec::new();
        for (id, placement) in &self.served {
            let accounts_clients = placement.accounts_clients.values();
            let accounts_client = accounts_clients
                .filter_map(|client| client.as_ref().as_ref())
                .min()
                .map(ToString::to_string);
            if let Some(client) = &accounts_client {
                self.keep_client_secret(id, client)?;
            }
            self.renew_client_secrets(id)?;
            realms.push(RunningRealm {
                id: id.to_string(),
                issuer: placement.compiled.snapshot.core.issuer.clone(),
                accounts_client,
            });
        }
        self.state.keep_running(&Running { realms })
    }

    /// Writes the secret of a client to a file of its own; none when it has none.
    pub(crate) fn keep_client_secret(
        &self,
        realm: &RealmId,
        client: &str,
    ) -> anyhow::Result<Option<std::path::PathBuf>> {
        let Some(placement) = self.served.get(realm) else {
            return Ok(None);
        };
        let Some(handle) = clients::secret_of(&placement.compiled.snapshot, client) else {
            return Ok(None);
        };
        let Some(values) = placement.offer.secrets.get(&handle) else {
            return Ok(None);
        };
        self.state
            .keep_client_secret(realm.as_str(), client, &values.current)
            .map(Some)
    }
}

/// What is equal to the former is the former: who serves it sees by the pointer that nothing
/// changed.
fn same_or_new<T: PartialEq>(former: Option<&Arc<T>>, new: T) -> Arc<T> {
    match former {
        Some(former) if **former == new => Arc::clone(former),
        _ => Arc::new(new),
    }
}
