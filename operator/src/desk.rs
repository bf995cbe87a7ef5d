//! The loop: what is there, compiled, published, told. It wakes when something changed, or when
//! the time of a key or secret has come; it does nothing twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use realmwright_compiler::{Compilation, CompileProfile, Compiler};
use realmwright_keys::Acknowledgements;
use realmwright_snapshot::RegionName;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::catalogue::{Catalogue, Moment};
use crate::cluster_secrets::ClusterSecrets;
use crate::names::Placement;
use crate::publish::{PublishFault, Published, Publisher, Wanted};
use crate::region::{Applied, Regions};
use crate::status::{self, Outcomes, StatusWriter};

/// Changes that come together are compiled together.
const GATHER: Duration = Duration::from_millis(20);

/// What failed is tried again, and what was said is looked at again, so often at the least.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// The desk of one operator.
#[derive(Debug)]
pub struct Desk {
    catalogue: Catalogue,
    secrets: ClusterSecrets,
    publisher: Publisher,
    statuses: StatusWriter,
    regions: Regions,
    compiler: Option<Compiler>,
    leads: watch::Receiver<Option<Timestamp>>,
}

/// How a turn ended.
#[derive(Debug, Default)]
struct Turn {
    /// The next one is due then.
    due: Option<Timestamp>,
    has_failed: bool,
}

fn now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks for the time"
    )]
    Timestamp::now()
}

impl Desk {
    /// A desk that has done nothing yet. It acts while `leads` says so.
    #[must_use]
    pub fn new(
        catalogue: Catalogue,
        secrets: ClusterSecrets,
        publisher: Publisher,
        statuses: StatusWriter,
        regions: Regions,
        leads: watch::Receiver<Option<Timestamp>>,
    ) -> Self {
        Self {
            catalogue,
            secrets,
            publisher,
            statuses,
            regions,
            compiler: Some(Compiler::new()),
            leads,
        }
    }

    /// Works until the stop.
    pub async fn work(mut self, stop: CancellationToken) {
        let mut changes = self.catalogue.changes();
        let mut led = false;
        loop {
            changes.mark_unchanged();
            self.leads.mark_unchanged();
            let leads = self.leads();
            if leads && !led {
                // Another leader may have moved what this process remembers.
                self.publisher.forget();
            }
            led = leads;
            let turn = match self.catalogue.moment() {
                Some(moment) if leads => self.turn(moment).await,
                _ => Turn::default(),
            };
            let rest = rest(&turn, now());
            let wake = async {
                tokio::select! {
                    _ = changes.changed() => {}
                    _ = self.leads.changed() => {}
                    () = tokio::time::sleep(rest) => {}
                }
                tokio::time::sleep(GATHER).await;
            };
            if stop.run_until_cancelled(wake).await.is_none() {
                return;
            }
        }
    }

    fn leads(&self) -> bool {
        self.leads.borrow().is_some_and(|until| now() < until)
    }

    async fn turn(&mut self, moment: Moment) -> Turn {
        let mut turn = Turn::default();
        let Some(compilation) = self.compile(&moment).await else {
            turn.has_failed = true;
            return turn;
        };
        turn.has_failed |= !self.apply_regions(&moment, &compilation).await;
        let (keyrings, bundles) = (Acknowledgements::default(), Acknowledgements::default());
        let mut outcomes: BTreeMap<Placement, Result<Arc<Published>, PublishFault>> =
            BTreeMap::new();
        for compiled in &compilation.realms {
            if !self.leads() {
                return turn;
            }
            let wanted = Wanted {
                compiled,
                keyrings: &keyrings,
                bundles: &bundles,
                secret_changes: moment.secret_changes,
                now: now(),
            };
            let outcome = self.publisher.publish(wanted, &self.secrets).await;
            match &outcome {
                Ok(published) => turn.due = turn.due.into_iter().chain(published.due).min(),
                Err(fault) => {
                    turn.has_failed = true;
                    tracing::warn!(
                        realm = %compiled.id,
                        region = %compiled.region,
                        error = fault as &dyn std::error::Error,
                        "not published; what was published before goes on"
                    );
                }
            }
            outcomes.insert(wanted.placement(), outcome);
        }
        let told = outcomes
            .iter()
            .map(|(placement, outcome)| (placement.clone(), outcome.as_deref()))
            .collect();
        turn.has_failed |= !self.tell(&moment, &compilation, &told).await;
        turn
    }

    /// What the regions of this cluster should have; says whether nothing is left to do. A region
    /// that has a fault is left as it is.
    async fn apply_regions(&mut self, moment: &Moment, compilation: &Compilation) -> bool {
        let mut all = true;
        for (name, spec) in moment.regions() {
            if !status::is_accepted(compilation, &name.to_string()) || !self.regions.serves(&spec) {
                continue;
            }
            let region = RegionName::from(name.name.as_str());
            let changes = moment.secret_changes;
            if self.regions.is_done(&region, &spec, changes, now()) {
                continue;
            }
            if let Err(fault) = self.regions.apply_namespaces(&region, &spec).await {
                all = false;
                let fault = &fault as &dyn std::error::Error;
                tracing::warn!(%region, error = fault, "its namespaces are not applied");
                continue;
            }
            let applied = self
                .regions
                .apply_instances(&region, &spec, &self.catalogue);
            let mut whole = true;
            for (instance, outcome) in applied.await {
                match outcome {
                    Ok(Applied::Whole) => {}
                    Ok(Applied::Migrating) => whole = false,
                    Err(fault) => {
                        whole = false;
                        let fault = &fault as &dyn std::error::Error;
                        tracing::warn!(%region, instance, error = fault, "its pods are not applied");
                    }
                }
            }
            if whole {
                self.regions.note_done(region, spec, changes, now());
            }
            all &= whole;
        }
        all
    }

    /// None when the compiler failed, which is a fault of ours; it then begins without memory.
    async fn compile(&mut self, moment: &Moment) -> Option<Arc<Compilation>> {
        let mut compiler = self.compiler.take().unwrap_or_default();
        let manifests = moment.manifests.clone();
        let compiled = tokio::task::spawn_blocking(move || {
            let compilation = compiler.compile(&manifests, &CompileProfile::Production);
            (compiler, compilation)
        });
        match compiled.await {
            Ok((compiler, compilation)) => {
                self.compiler = Some(compiler);
                Some(Arc::new(compilation))
            }
            Err(fault) => {
                tracing::error!(error = %fault, "the compiler failed; what was published goes on");
                None
            }
        }
    }

    /// Writes the statuses that changed; says whether all were written.
    async fn tell(
        &self,
        moment: &Moment,
        compilation: &Compilation,
        outcomes: &Outcomes<'_>,
    ) -> bool {
        let mut all = true;
        for (name, known) in &moment.objects {
            let written = match name.kind.as_str() {
                "Realm" => {
                    let status = status::of_realm(name, known, compilation, outcomes, now());
                    self.statuses.write(name, known, &status).await
                }
                "Region" | "ReferenceGrant" => continue,
                _ => {
                    let status = status::of_object(name, known, compilation, now());
                    self.statuses.write(name, known, &status).await
                }
            };
            if let Err(fault) = written {
                all = false;
                let fault = &fault as &dyn std::error::Error;
                tracing::warn!(object = %name, error = fault, "its status is not written");
            }
        }
        all
    }
}

fn rest(turn: &Turn, now: Timestamp) -> Duration {
    let longest = if turn.has_failed {
        TRY_AGAIN
    } else {
        LOOK_AGAIN
    };
    let due = turn.due.map(|due| due.duration_since(now));
    let due = due.map(|due| Duration::try_from(due).unwrap_or_default());
    due.map_or(longest, |due| due.min(longest))
}
