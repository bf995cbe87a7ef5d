//! The stop of the process, in two strengths: *stop* lets what has begun finish, *abort* does not.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Shared by everything that runs. Cloning shares the same life.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    stop: CancellationToken,
    abort: CancellationToken,
    tasks: TaskTracker,
    failed: Arc<AtomicBool>,
}

/// How a stop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything that had begun was finished.
    Finished,
    /// Time ran out, or a second signal came: the rest was dropped.
    Aborted,
}

impl Lifecycle {
    /// A new life.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `task` until it ends, or until the abort. A task that should end with the stop
    /// listens to [`Lifecycle::stopped`] itself.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let abort = self.abort.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = task => {}
                () = abort.cancelled() => {}
            }
        });
    }

    /// Asks for the stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Asks for the stop because the process cannot go on.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        self.stop.cancel();
    }

    /// Whether the process had to stop.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Drops whatever still runs.
    pub fn abort(&self) {
        self.stop.cancel();
        self.abort.cancel();
    }

    /// Whether the stop was asked for.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Resolves when the stop is asked for.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// A token that is cancelled with the stop.
    #[must_use]
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits until everything that was spawned has ended; after `patience` the rest is dropped.
    /// Call it once the stop was asked for: until then it waits for ever.
    pub async fn finish(&self, patience: Duration) -> Ended {
        self.stop.cancelled().await;
        self.tasks.close();
        let ended = tokio::select! {
            () = self.tasks.wait() => Ended::Finished,
            () = tokio::time::sleep(patience) => Ended::Aborted,
            () = self.abort.cancelled() => Ended::Aborted,
        };
        self.abort.cancel();
        self.tasks.wait().await;
        ended
    }

    /// Listens for SIGTERM and SIGINT: the first one stops, the second one aborts.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn listen_for_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let life = self.clone();
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                }
            };
            let name = next().await;
            life.stop();
            tracing::info!(signal = name, "stopping; a second signal aborts");
            let name = next().await;
            life.abort();
            tracing::warn!(signal = name, "aborting");
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stop_lets_begun_work_finish() {
        let life = Lifecycle::new();
        let done = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&done);
        life.spawn(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            flag.store(true, Ordering::SeqCst);
        });
        life.stop();
        assert_eq!(life.finish(Duration::from_secs(10)).await, Ended::Finished);
        assert!(done.load(Ordering::SeqCst));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_has_an_end() {
        let life = Lifecycle::new();
        life.spawn(std::future::pending());
        life.stop();
        assert_eq!(life.finish(Duration::from_secs(10)).await, Ended::Aborted);
    }

    #[tokio::test(start_paused = true)]
    async fn an_abort_does_not_wait() {
        let life = Lifecycle::new();
        life.spawn(std::future::pending());
        life.abort();
        let before = tokio::time::Instant::now();
        assert_eq!(life.finish(Duration::from_secs(10)).await, Ended::Aborted);
        assert_eq!(before.elapsed(), Duration::ZERO);
    }
}
