//! The listener of operators: liveness, readiness and metrics. Never reachable for browsers.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::SignedDuration;
use realmwright_engine::ports::Clock;
use realmwright_store::Store;

use crate::hot_swap::HotSwap;
use crate::lifecycle::Lifecycle;
use crate::password::PasswordPool;
use crate::telemetry::Metrics;

/// A process further off the database clock than this would expire rows and tokens wrongly.
const MOST_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_secs(5);

const CHECK_EVERY: Duration = Duration::from_secs(2);
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Why this process should get no requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// The first check is not done.
    Starting,
    /// No realm is served.
    NoRealm,
    /// The source names a realm or a revision that is not served.
    RealmNotServed,
    /// The database does not answer.
    Database,
    /// The clock differs from the database's.
    Clock,
    /// The stop was asked for.
    Stopping,
}

impl NotReady {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::NoRealm => "no realm is served",
            Self::RealmNotServed => "a realm of the source is not served",
            Self::Database => "the database does not answer",
            Self::Clock => "the clock is more than 5 s off the database's",
            Self::Stopping => "stopping",
        }
    }
}

/// Readiness, checked in the background so that a probe costs nothing.
pub struct Readiness {
    reasons: ArcSwap<Vec<NotReady>>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    swap: Arc<HotSwap>,
    life: Lifecycle,
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readiness")
            .field("reasons", &self.reasons.load())
            .finish_non_exhaustive()
    }
}

impl Readiness {
    /// Not ready before the first check.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        swap: Arc<HotSwap>,
        life: Lifecycle,
    ) -> Self {
        Self {
            reasons: ArcSwap::from_pointee(vec![NotReady::Starting]),
            store,
            clock,
            swap,
            life,
        }
    }

    /// Why not; nothing when ready.
    #[must_use]
    pub fn reasons(&self) -> Arc<Vec<NotReady>> {
        if self.life.is_stopping() {
            return Arc::new(vec![NotReady::Stopping]);
        }
        self.reasons.load_full()
    }

    /// Checks once. `source_is_served` is what the source says of itself.
    pub async fn check(&self, source_is_served: bool) {
        let mut reasons = Vec::new();
        if self.swap.current().is_empty() {
            reasons.push(NotReady::NoRealm);
        } else if !source_is_served {
            reasons.push(NotReady::RealmNotServed);
        }
        match tokio::time::timeout(CHECK_TIMEOUT, self.store.now()).await {
            Ok(Ok(theirs)) => {
                if theirs.duration_since(self.clock.now()).abs() > MOST_CLOCK_DIFFERENCE {
                    reasons.push(NotReady::Clock);
                }
            }
            Ok(Err(_)) | Err(_) => reasons.push(NotReady::Database),
        }
        let former = self.reasons.swap(Arc::new(reasons.clone()));
        if *former != reasons {
            let reasons: Vec<_> = reasons.iter().map(NotReady::as_str).collect();
            if reasons.is_empty() {
                tracing::info!("ready");
            } else {
                tracing::warn!(reasons = reasons.join("; "), "not ready");
            }
        }
    }

    /// Checks until the stop.
    pub async fn keep_checking(self: Arc<Self>, source_is_served: impl Fn() -> bool + Send) {
        loop {
            self.check(source_is_served()).await;
            tokio::select! {
                () = tokio::time::sleep(CHECK_EVERY) => {}
                () = self.life.stopped() => return,
            }
        }
    }
}

#[derive(Clone)]
struct Management {
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    passwords: PasswordPool,
    swap: Arc<HotSwap>,
}

/// The routes of the management listener.
pub fn router(
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    passwords: PasswordPool,
    swap: Arc<HotSwap>,
) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
        .with_state(Management {
            readiness,
            metrics,
            passwords,
            swap,
        })
}

async fn ready(State(state): State<Management>) -> Response {
    let reasons = state.readiness.reasons();
    if reasons.is_empty() {
        return "ready\n".into_response();
    }
    let mut text = String::new();
    for reason in reasons.iter() {
        text.push_str(reason.as_str());
        text.push('\n');
    }
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn metrics_text(State(state): State<Management>) -> Response {
    state
        .metrics
        .password_queue
        .set(state.passwords.waiting().into());
    for realm in state.swap.current().iter() {
        state.metrics.serving(realm.id(), realm.version().revision);
    }
    match state.metrics.encode() {
        Ok(text) => (
            [(
                header::CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
