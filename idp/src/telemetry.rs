//! Logs, metrics and traces. None names a person: logs carry realm, application, error id and kind,
//! metrics labels of closed sets, spans what docs/monitoring.md lists.
//!
//! Spans cost nothing unless they are exported: they belong to one layer, which is there with a
//! collector only, and the layer of the log never enables them.

pub(crate) mod context;
#[cfg(test)]
mod documented;
mod facts;
mod json;
mod metrics;
mod openmetrics;
mod otlp;

use std::io::IsTerminal;

use tracing::Metadata;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

pub(crate) use facts::Facts;
pub use metrics::Metrics;
pub use otlp::{Otlp, SpanCounts};

/// Target of the lines that are audit events.
pub(crate) const AUDIT: &str = "audit";

/// How logs look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people on a terminal, else JSON.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Whether something is a span of ours; those of libraries may say anything.
fn is_our_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("realmwright")
}

/// Sends logs to standard error, and spans to the collector, where there is one.
///
/// # Errors
/// When the filter cannot be read, or logs already go somewhere.
pub fn start_logs(format: LogFormat, filter: &str, otlp: Option<&Otlp>) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(filter).map_err(|fault| {
        anyhow::anyhow!(
            "--log {filter} cannot be read: {fault}; it takes `info`, or `warn,realmwright_idp=debug`"
        )
    })?;
    let human = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let lines = tracing_subscriber::fmt::layer()
        // It would tell of a closed standard error on standard error, and so panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let lines = if human {
        lines.with_ansi(std::io::stderr().is_terminal()).boxed()
    } else {
        lines.event_format(json::JsonLines).boxed()
    };
    let spans = otlp.and_then(Otlp::tracer).map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            // Lines of the log may quote what a span must not hold.
            .with_filter(filter_fn(is_our_span).with_max_level_hint(LevelFilter::INFO))
    });
    tracing_subscriber::registry()
        .with(spans)
        .with(lines.with_filter(filter.and(filter_fn(|metadata| !is_our_span(metadata)))))
        .try_init()
        .map_err(|fault| anyhow::anyhow!(fault))
}
