//! The listener of operators: liveness, readiness and metrics. Never reachable for browsers.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use realmwright_store::Store;
use tokio::sync::watch;

use crate::clock::SteadyClock;
use crate::hot_swap::HotSwap;
use crate::lifecycle::Lifecycle;
use crate::telemetry::Metrics;

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
    /// The database does not answer or takes no writes, or its schema is not for this build.
    Database,
    /// Whose database it is has not been settled.
    Owner,
    /// The clock differs from the database's.
    Clock,
    /// The stop was asked for.
    Stopping,
}

impl NotReady {
    /// All there are.
    pub(crate) const ALL: [Self; 7] = [
        Self::Starting,
        Self::NoRealm,
        Self::RealmNotServed,
        Self::Database,
        Self::Owner,
        Self::Clock,
        Self::Stopping,
    ];

    /// Its name in the metrics.
    pub(crate) const fn key(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::NoRealm => "no_realm",
            Self::RealmNotServed => "realm_not_served",
            Self::Database => "database",
            Self::Owner => "owner",
            Self::Clock => "clock",
            Self::Stopping => "stopping",
        }
    }

    const fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::NoRealm => "no realm is served",
            Self::RealmNotServed => "a realm of the source is not served",
            Self::Database => {
                "the database does not answer, takes no writes, or has another schema"
            }
            Self::Owner => "whose database it is has not been settled",
            Self::Clock => "the clock is more than 5 s off the database's",
            Self::Stopping => "stopping",
        }
    }
}

/// Readiness, checked in the background so that a probe costs nothing.
pub struct Readiness {
    reasons: ArcSwap<Vec<NotReady>>,
    store: Arc<dyn Store>,
    clock: Arc<SteadyClock>,
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
        clock: Arc<SteadyClock>,
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

    /// Checks once. `source_is_served` is what the source says of itself, `is_owned` whether the
    /// database is known to be of the region of every served realm.
    pub async fn check(&self, source_is_served: bool, is_owned: bool) {
        let mut reasons = Vec::new();
        if self.swap.current().is_empty() {
            reasons.push(NotReady::NoRealm);
        } else if !source_is_served {
            reasons.push(NotReady::RealmNotServed);
        }
        let database = self.ask_database().await;
        match &database {
            Ok(theirs) => {
                if !self.clock.hear(*theirs) {
                    reasons.push(NotReady::Clock);
                }
                if !is_owned {
                    reasons.push(NotReady::Owner);
                }
            }
            Err(_) => reasons.push(NotReady::Database),
        }
        let former = self.reasons.swap(Arc::new(reasons.clone()));
        if *former != reasons {
            let reasons: Vec<_> = reasons.iter().map(NotReady::as_str).collect();
            let error = database.as_ref().err().map(|fault| {
                let error: &(dyn std::error::Error + 'static) = &**fault;
                error
            });
            if reasons.is_empty() {
                tracing::info!("ready");
            } else {
                tracing::warn!(reasons = reasons.join("; "), error, "not ready");
            }
        }
    }

    async fn ask_database(&self) -> Result<Timestamp, Box<dyn std::error::Error + Send + Sync>> {
        let ask = async {
            self.store.check_schema().await?;
            self.store.now().await
        };
        match tokio::time::timeout(CHECK_TIMEOUT, ask).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(format!("no answer within {CHECK_TIMEOUT:?}").into()),
        }
    }

    /// Checks until the stop, and at once when what `source_is_served` or `is_owned` tell of
    /// changes.
    pub async fn keep_checking(
        self: Arc<Self>,
        mut source_is_served: watch::Receiver<bool>,
        mut is_owned: watch::Receiver<bool>,
    ) {
        loop {
            let (source, owned) = (
                *source_is_served.borrow_and_update(),
                *is_owned.borrow_and_update(),
            );
            self.check(source, owned).await;
            tokio::select! {
                () = tokio::time::sleep(CHECK_EVERY) => {}
                Ok(()) = source_is_served.changed() => {}
                Ok(()) = is_owned.changed() => {}
                () = self.life.stopped() => return,
            }
        }
    }
}

#[derive(Clone)]
struct Management {
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
}

/// The routes of the management listener.
pub fn router(readiness: Arc<Readiness>, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
        .with_state(Management { readiness, metrics })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{now, offer, until};
    use jiff::SignedDuration;
    use realmwright_store_sqlite::SqliteStore;

    struct Scene {
        _folder: tempfile::TempDir,
        store: Arc<SqliteStore>,
        swap: Arc<HotSwap>,
        life: Lifecycle,
        readiness: Arc<Readiness>,
    }

    async fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("db")).await.unwrap();
        let store = Arc::new(store);
        let swap = crate::fixture::swap();
        let life = Lifecycle::new();
        let readiness = Arc::new(Readiness::new(
            store.clone(),
            Arc::new(SteadyClock::new()),
            Arc::clone(&swap),
            life.clone(),
        ));
        Scene {
            _folder: folder,
            store,
            swap,
            life,
            readiness,
        }
    }

    async fn status(scene: &Scene) -> StatusCode {
        use axum::http::Request;
        use tower::ServiceExt;
        let router = router(Arc::clone(&scene.readiness), Arc::new(Metrics::new()));
        let request = Request::get("/readyz")
            .body(axum::body::Body::empty())
            .unwrap();
        router.oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn ready_is_said_when_a_realm_is_served_and_not_before() {
        let scene = scene().await;
        assert_eq!(*scene.readiness.reasons(), [NotReady::Starting]);
        assert_eq!(status(&scene).await, StatusCode::SERVICE_UNAVAILABLE);
        scene.readiness.check(true, true).await;
        assert_eq!(*scene.readiness.reasons(), [NotReady::NoRealm]);
        let offer = offer("a.main", "https://id.example.com", 1);
        scene.swap.accept(offer, now()).unwrap();
        scene.readiness.check(true, true).await;
        assert_eq!(*scene.readiness.reasons(), []);
        assert_eq!(status(&scene).await, StatusCode::OK);
        scene.life.stop();
        assert_eq!(*scene.readiness.reasons(), [NotReady::Stopping]);
    }

    #[tokio::test]
    async fn a_realm_that_is_not_served_as_its_head_says_makes_it_unready() {
        let scene = scene().await;
        let offer = offer("a.main", "https://id.example.com", 1);
        scene.swap.accept(offer, now()).unwrap();
        scene.readiness.check(false, true).await;
        assert_eq!(*scene.readiness.reasons(), [NotReady::RealmNotServed]);
    }

    #[tokio::test]
    async fn a_database_that_nobody_has_claimed_makes_it_unready() {
        let scene = scene().await;
        let offer = offer("a.main", "https://id.example.com", 1);
        scene.swap.accept(offer, now()).unwrap();
        scene.readiness.check(true, false).await;
        assert_eq!(*scene.readiness.reasons(), [NotReady::Owner]);
    }

    #[tokio::test]
    async fn what_changes_is_looked_at_at_once() {
        let scene = scene().await;
        let offer = offer("a.main", "https://id.example.com", 1);
        scene.swap.accept(offer, now()).unwrap();
        let (source, owned) = (watch::Sender::new(true), watch::Sender::new(false));
        let checking = Arc::clone(&scene.readiness);
        tokio::spawn(checking.keep_checking(source.subscribe(), owned.subscribe()));
        until(|| *scene.readiness.reasons() == [NotReady::Owner]).await;
        owned.send_replace(true);
        let told = until(|| scene.readiness.reasons().is_empty());
        let sooner = tokio::time::timeout(CHECK_EVERY / 2, told).await;
        assert!(sooner.is_ok(), "it waits for the next check");
    }

    #[tokio::test]
    async fn a_clock_off_the_databases_makes_it_unready() {
        let scene = scene().await;
        let offer = offer("a.main", "https://id.example.com", 1);
        scene.swap.accept(offer, now()).unwrap();
        for (seconds, reasons) in [
            (3, vec![]),
            (7, vec![NotReady::Clock]),
            (-7, vec![NotReady::Clock]),
        ] {
            scene
                .store
                .set_clock_offset(SignedDuration::from_secs(seconds));
            scene.readiness.check(true, true).await;
            assert_eq!(*scene.readiness.reasons(), reasons, "{seconds}");
        }
    }

    #[tokio::test]
    async fn a_database_that_is_away_makes_it_unready() {
        let scene = scene().await;
        let offer = offer("a.main", "https://id.example.com", 1);
        scene.swap.accept(offer, now()).unwrap();
        scene.store.close().await;
        scene.readiness.check(true, true).await;
        assert_eq!(*scene.readiness.reasons(), [NotReady::Database]);
    }
}
