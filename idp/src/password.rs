//! Password hashes on a bounded pool behind a fair queue (AUTH-PWD-02).
//!
//! A hash costs tens of milliseconds of a core and tens of megabytes. As many run at once as
//! there are cores; the others wait in the order in which they came, so that nobody is served
//! by luck, and beyond the realm's limits they are told at once to come again.

pub mod check;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use realmwright_decision::password_hash::PasswordHash;
use realmwright_engine::ports::{Checked, HashFault, PasswordHasher};
use realmwright_snapshot::{PasswordHashing, PasswordQueue};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{Instrument as _, field, info_span};

use check::CheckFault;

/// The pool of this process.
#[derive(Clone, Debug)]
pub struct PasswordPool {
    cores: Arc<Semaphore>,
    waiting: Arc<AtomicU32>,
    metrics: PasswordMetrics,
}

/// Upper bounds in seconds: cheap hashes, those that are recommended, the longest wait.
const BUCKETS: [f64; 9] = [0.001, 0.01, 0.03, 0.06, 0.125, 0.25, 0.5, 1.0, 5.0];

/// How long passwords take.
#[derive(Clone, Debug)]
pub(crate) struct PasswordMetrics {
    waits: Histogram,
    hashes: Histogram,
}

impl Default for PasswordMetrics {
    fn default() -> Self {
        Self {
            waits: Histogram::new(BUCKETS),
            hashes: Histogram::new(BUCKETS),
        }
    }
}

impl PasswordMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "password_wait_seconds",
            "Time that a password waited for a core",
            self.waits.clone(),
        );
        registry.register(
            "password_hash_seconds",
            "Time that a core took for a password, without the wait",
            self.hashes.clone(),
        );
    }
}

/// Leaves the queue when dropped, also when the caller gave up.
struct Place<'a>(&'a AtomicU32);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl PasswordPool {
    /// As many hashes at once as `workers`, at least one.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            cores: Arc::new(Semaphore::new(workers.max(1))),
            waiting: Arc::new(AtomicU32::new(0)),
            metrics: PasswordMetrics::default(),
        }
    }

    pub(crate) const fn metrics(&self) -> &PasswordMetrics {
        &self.metrics
    }

    /// As many hashes at once as the machine has cores.
    #[must_use]
    pub fn for_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// How many wait now, for metrics.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Acquire)
    }

    async fn run<T, F>(&self, queue: PasswordQueue, work: F) -> Result<T, HashFault>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, CheckFault> + Send + 'static,
    {
        let span = info_span!(
            "hash_password",
            error.type = field::Empty,
            otel.status_code = field::Empty
        );
        let done = self.queue_and_run(queue, work).instrument(span.clone());
        let done = done.await;
        if let Err(fault) = &done {
            let kind = match fault {
                HashFault::Busy { .. } => "busy",
                HashFault::Failed(_) => "failed",
            };
            span.record("error.type", kind);
            span.record("otel.status_code", "ERROR");
        }
        done
    }

    async fn queue_and_run<T, F>(&self, queue: PasswordQueue, work: F) -> Result<T, HashFault>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, CheckFault> + Send + 'static,
    {
        let begun = Instant::now();
        let core = self.wait(queue).instrument(info_span!("wait")).await?;
        self.metrics.waits.observe(begun.elapsed().as_secs_f64());
        let (hashes, span) = (self.metrics.hashes.clone(), info_span!("work"));
        tokio::task::spawn_blocking(move || {
            // The core stays taken until the hash is done, also when the caller went away.
            let _core = core;
            let begun = Instant::now();
            let done = span.in_scope(work);
            hashes.observe(begun.elapsed().as_secs_f64());
            done
        })
        .await
        .map_err(|fault| HashFault::Failed(fault.to_string()))?
        .map_err(|fault| HashFault::Failed(fault.to_string()))
    }

    /// A core, once it is this one's turn.
    async fn wait(&self, queue: PasswordQueue) -> Result<OwnedSemaphorePermit, HashFault> {
        let max_wait = queue.max_wait.as_duration();
        let busy = HashFault::Busy {
            retry_after: max_wait.max(Duration::from_secs(1)),
        };
        if let Ok(core) = Arc::clone(&self.cores).try_acquire_owned() {
            return Ok(core);
        }
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _place = Place(&self.waiting);
        if before >= queue.length {
            return Err(busy);
        }
        // The semaphore serves its waiters in the order in which they came.
        tokio::time::timeout(max_wait, Arc::clone(&self.cores).acquire_owned())
            .await
            .map_err(|_| busy)?
            .map_err(|fault| HashFault::Failed(fault.to_string()))
    }
}

#[async_trait]
impl PasswordHasher for PasswordPool {
    async fn verify(
        &self,
        password: SecretString,
        hash: PasswordHash,
        queue: PasswordQueue,
    ) -> Result<Checked, HashFault> {
        self.run(queue, move || {
            let began = Instant::now();
            let right = check::verify(&hash, password.expose_secret().as_bytes())?;
            Ok(Checked {
                right,
                took: began.elapsed(),
            })
        })
        .await
    }

    async fn hash(
        &self,
        password: SecretString,
        salt: [u8; 16],
        cost: PasswordHashing,
        queue: PasswordQueue,
    ) -> Result<String, HashFault> {
        self.run(queue, move || {
            check::argon2id(password.expose_secret().as_bytes(), &salt, cost)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
