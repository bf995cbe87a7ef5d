//! The process: ports, engine, web and tasks joined. Both ways of starting go through here.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;
use realmwright_engine::ports::{Clock, Ports};
use realmwright_engine::{Engine, RuntimeRealm};
use realmwright_store::{Store, StoreError};
use realmwright_web::{NoRoute, RealmRoutes, TraceHooks, TrustedProxies, Web, WebSettings};
use tokio::sync::watch;

use crate::clock::SteadyClock;
use crate::database::OwnDatabase;
use crate::fetch::{AddressGuard, GuardedFetcher};
use crate::hot_swap::HotSwap;
use crate::key_journal::KeyJournal;
use crate::lifecycle::{Ended, Lifecycle};
use crate::management::{self, Readiness};
use crate::password::PasswordPool;
use crate::random::SystemRandomness;
use crate::served::Unprepared;
use crate::settle::Settling;
use crate::tasks::{self, Batches, DeadLetters};
use crate::telemetry::{Facts, Metrics, Otlp, SpanCounts, context};
use crate::tls::TlsFiles;
use crate::watched_store::{StoreMetrics, WatchedStore};

/// What the process is told once, at its start.
#[derive(Clone, Debug)]
pub struct ProcessSettings {
    /// Proxies whose forwarded headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Internal networks that documents of applications may come from.
    pub fetch_from: Vec<IpNet>,
    /// Whose database it is.
    pub own_database: OwnDatabase,
    /// What becomes of the spans.
    pub spans: SpanCounts,
    /// Certificate of the listener for browsers; none where it speaks plain http.
    pub tls: Option<TlsFiles>,
}

/// Why a process cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum ProcessFault {
    /// No HTTP client.
    #[error("no HTTP client can be made")]
    Fetcher(#[source] reqwest::Error),
    /// The built-in pages.
    #[error("the built-in pages cannot be loaded")]
    Pages(#[source] realmwright_web::pages::PageError),
}

/// A process that is ready to be started.
pub struct Process {
    life: Lifecycle,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    swap: Arc<HotSwap>,
    engine: Engine,
    metrics: Arc<Metrics>,
    batches: Arc<Batches>,
    dead_letters: Arc<DeadLetters>,
    readiness: Arc<Readiness>,
    router: Router,
    own_database: OwnDatabase,
    is_owned: Arc<watch::Sender<bool>>,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").finish_non_exhaustive()
    }
}

impl RealmRoutes for HotSwap {
    fn route<'p>(
        &self,
        host: &str,
        path: &'p str,
    ) -> Result<(Arc<RuntimeRealm>, &'p str), NoRoute> {
        let current = self.current();
        let (served, rest) = current.route(host, path).ok_or(NoRoute::Unknown)?;
        let realm = self
            .realm(served)
            .map_err(|Unprepared| NoRoute::Unprepared)?;
        Ok((realm, rest))
    }
}

impl Process {
    /// Joins everything; nothing runs yet.
    ///
    /// # Errors
    /// [`ProcessFault`].
    pub fn assemble(
        store: Arc<dyn Store>,
        settings: ProcessSettings,
        life: Lifecycle,
    ) -> Result<Self, ProcessFault> {
        let ProcessSettings {
            trusted_proxies,
            fetch_from,
            own_database,
            spans,
            tls,
        } = settings;
        let store_metrics = StoreMetrics::default();
        let store: Arc<dyn Store> = Arc::new(WatchedStore::new(store, store_metrics.clone()));
        let steady = Arc::new(SteadyClock::new());
        let clock: Arc<dyn Clock> = steady.clone();
        let random = Arc::new(SystemRandomness::new());
        let swap = Arc::new(HotSwap::new(Arc::clone(&clock)));
        let passwords = PasswordPool::for_this_machine();
        let readiness = Arc::new(Readiness::new(
            Arc::clone(&store),
            steady,
            Arc::clone(&swap),
            life.clone(),
        ));
        let dead_letters = Arc::new(DeadLetters::default());
        let (mut metrics, requests) = Metrics::with_requests();
        metrics.measure_passwords(passwords.metrics());
        metrics.measure_store(&store_metrics);
        metrics.count_spans(&spans);
        metrics.tell(Facts {
            started: clock.now(),
            clock: Arc::clone(&clock),
            readiness: Arc::clone(&readiness),
            swap: Arc::clone(&swap),
            passwords: passwords.clone(),
            store: Arc::clone(&store),
            dead_letters: Arc::clone(&dead_letters),
            tls,
        });
        let metrics = Arc::new(metrics);
        let batches = Arc::new(Batches::default());
        let fetcher =
            GuardedFetcher::new(AddressGuard::new(fetch_from)).map_err(ProcessFault::Fetcher)?;
        let engine = Engine::new(Ports {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            random: random.clone(),
            passwords: Arc::new(passwords.clone()),
            fetcher: Arc::new(fetcher),
            realms: swap.clone(),
            batch: batches.clone(),
            observer: metrics.clone(),
        });
        let web = Web::new(
            engine.clone(),
            swap.clone(),
            random,
            WebSettings {
                trusted_proxies: TrustedProxies::new(trusted_proxies),
                traces: TraceHooks {
                    join: context::join,
                    rename: context::rename,
                },
            },
            requests,
        )
        .map_err(ProcessFault::Pages)?;
        Ok(Self {
            router: realmwright_web::router(web),
            life,
            store,
            clock,
            swap,
            engine,
            metrics,
            batches,
            dead_letters,
            readiness,
            own_database,
            is_owned: Arc::new(watch::Sender::new(false)),
        })
    }

    /// Where offers go.
    #[must_use]
    pub const fn swap(&self) -> &Arc<HotSwap> {
        &self.swap
    }

    /// Time.
    #[must_use]
    pub const fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Whether requests should come.
    #[must_use]
    pub const fn readiness(&self) -> &Arc<Readiness> {
        &self.readiness
    }

    /// Where replaced keys are recorded.
    #[must_use]
    pub fn key_journal(&self) -> KeyJournal {
        KeyJournal::new(self.engine.clone(), Arc::clone(&self.swap))
    }

    /// For browsers and applications. The listener adds [`realmwright_web::Transport`].
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// For probes and metrics.
    pub fn management_router(&self) -> Router {
        management::router(Arc::clone(&self.readiness), Arc::clone(&self.metrics))
    }

    /// What is counted.
    #[must_use]
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Sends what is counted to a collector, where there is one.
    pub fn export(&self, otlp: Option<&Arc<Otlp>>) {
        if let Some(otlp) = otlp.cloned() {
            let (metrics, life) = (Arc::clone(&self.metrics), self.life.clone());
            self.life
                .spawn(async move { otlp.push_metrics(&metrics, &life).await });
        }
    }

    /// Starts what runs beside the requests. `source_is_served` is what the source says of itself.
    pub fn start(&self, source_is_served: watch::Receiver<bool>) {
        let Self {
            life,
            store,
            clock,
            swap,
            ..
        } = self;
        life.spawn(tasks::sweep(
            Arc::clone(store),
            Arc::clone(swap),
            life.clone(),
        ));
        life.spawn(tasks::deliver(
            Arc::clone(store),
            Arc::clone(swap),
            Arc::clone(clock),
            life.clone(),
        ));
        life.spawn(Arc::clone(&self.dead_letters).keep_counting(
            Arc::clone(store),
            Arc::clone(swap),
            life.clone(),
        ));
        life.spawn(Arc::clone(&self.batches).keep_flushing(Arc::clone(store), life.clone()));
        life.spawn(Arc::clone(swap).follow_the_clock(life.clone()));
        life.spawn(Arc::clone(swap).check_what_waits(life.clone()));
        life.spawn(self.settling().follow(life.clone()));
        life.spawn(
            Arc::clone(&self.readiness).keep_checking(source_is_served, self.is_owned.subscribe()),
        );
    }

    /// Settles whose the database is and makes the accounts that the served realms begin with,
    /// before people come. What cannot be done now, as the database is away, is tried again after
    /// [`Process::start`]; says whether all was done.
    ///
    /// # Errors
    /// When the database refuses this region.
    pub async fn settle(&self) -> Result<bool, StoreError> {
        self.settling().settle().await
    }

    fn settling(&self) -> Settling {
        Settling::new(
            Arc::clone(&self.store),
            self.engine.clone(),
            Arc::clone(&self.swap),
            self.own_database,
            Arc::clone(&self.is_owned),
        )
    }

    /// After the stop was asked for: waits for requests under way, then writes what they left.
    pub async fn finish(self, patience: Duration) -> Ended {
        let ended = self.life.finish(patience).await;
        self.batches.flush(&*self.store).await;
        ended
    }
}
