//! What all handlers share, and the realm that a request is for.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use realmwright_engine::ports::Random;
use realmwright_engine::{Engine, RuntimeRealm};
use tracing::Span;

use crate::assets::Assets;
use crate::connection::TrustedProxies;
use crate::metrics::RequestMetrics;
use crate::pages::{PageError, Pages};

/// Why a request has no realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// No realm lies there.
    Unknown,
    /// The one that lies there cannot be used.
    Unprepared,
}

/// The realms that are served. Asked once for each request, which then keeps its realm.
pub trait RealmRoutes: Send + Sync {
    /// The realm whose issuer lies at `host` (in lower case, with its port where that is not the
    /// scheme's own) and begins `path` at a segment boundary, the longest first; and the rest of
    /// the path.
    ///
    /// # Errors
    /// [`NoRoute`].
    fn route<'p>(&self, host: &str, path: &'p str)
    -> Result<(Arc<RuntimeRealm>, &'p str), NoRoute>;
}

/// Settings of the process that change how requests are read.
#[derive(Clone, Debug, Default)]
pub struct WebSettings {
    /// Proxies whose forwarded headers count.
    pub trusted_proxies: TrustedProxies,
    /// Traces.
    pub traces: TraceHooks,
}

/// What the process does with the span of a request, and `tracing` alone cannot.
#[derive(Clone, Copy, Debug)]
pub struct TraceHooks {
    /// Makes a span that was not entered yet part of the trace that the headers name, if any.
    /// Called for requests that came through a trusted proxy.
    pub join: fn(&Span, &HeaderMap),
    /// Gives a span another name.
    pub rename: fn(&Span, String),
}

impl Default for TraceHooks {
    /// Nothing.
    fn default() -> Self {
        Self {
            join: |_, _| {},
            rename: |_, _| {},
        }
    }
}

/// What all handlers share.
pub struct Web {
    pub(crate) engine: Engine,
    pub(crate) realms: Arc<dyn RealmRoutes>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) settings: WebSettings,
    pub(crate) metrics: RequestMetrics,
    pub(crate) pages: Pages,
    pub(crate) assets: Assets,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Web {
    /// Loads pages, texts and files, which are built in.
    ///
    /// # Errors
    /// [`PageError`] when something built in is wrong; tests find it.
    pub fn new(
        engine: Engine,
        realms: Arc<dyn RealmRoutes>,
        random: Arc<dyn Random>,
        settings: WebSettings,
        metrics: RequestMetrics,
    ) -> Result<Self, PageError> {
        Ok(Self {
            engine,
            realms,
            random,
            settings,
            metrics,
            pages: Pages::load()?,
            assets: Assets::load(),
        })
    }

    /// A number for an error page and its log line.
    pub(crate) fn error_id(&self) -> String {
        realmwright_engine::error_id(&*self.random)
    }
}
