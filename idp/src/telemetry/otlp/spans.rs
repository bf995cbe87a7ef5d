//! Spans on their way out: a queue with an end, and a count of what became of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// So many spans wait at most, about 10 MB; further ones are dropped.
const MOST_WAITING: usize = 16_384;
const BATCH: usize = 1_024;
/// A span waits no longer, unless an export is under way.
const SEND_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    outcome: &'static str,
}

/// What became of the spans, and how many wait.
#[derive(Clone, Debug, Default)]
pub struct SpanCounts {
    pub(crate) outcomes: Family<Outcome, Counter>,
    waiting: Arc<AtomicUsize>,
}

impl SpanCounts {
    pub(crate) fn add(&self, outcome: &'static str, spans: usize) {
        self.outcomes
            .get_or_create(&Outcome { outcome })
            .inc_by(spans as u64);
    }
}

/// In front of the queue of the SDK, which does not say what it drops.
#[derive(Debug)]
pub(super) struct Bounded {
    queue: BatchSpanProcessor,
    counts: SpanCounts,
    is_full: AtomicBool,
}

impl Bounded {
    pub(super) fn new<E: SpanExporter + 'static>(exporter: E, counts: SpanCounts) -> Self {
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(MOST_WAITING + BATCH)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(SEND_EVERY)
            .build();
        Self {
            queue: BatchSpanProcessor::builder(exporter)
                .with_batch_config(config)
                .build(),
            counts,
            is_full: AtomicBool::new(false),
        }
    }
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.queue.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.counts.waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING {
            self.queue.on_end(span);
            return;
        }
        self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
        self.counts.add("dropped", 1);
        if !self.is_full.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the collector is too slow for the spans: those that do not fit are dropped, and \
                 counted in realmwright_spans"
            );
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.queue.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.queue.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.queue.set_resource(resource);
    }
}

/// Counts the spans that the collector takes, and those that it does not.
#[derive(Debug)]
pub(super) struct CountingExporter<E> {
    exporter: E,
    counts: SpanCounts,
}

impl<E> CountingExporter<E> {
    pub(super) const fn new(exporter: E, counts: SpanCounts) -> Self {
        Self { exporter, counts }
    }
}

impl<E: SpanExporter> SpanExporter for CountingExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.counts.waiting.fetch_sub(spans, Ordering::Relaxed);
        let exported = self.exporter.export(batch).await;
        self.counts.add(
            if exported.is_ok() {
                "exported"
            } else {
                "failed"
            },
            spans,
        );
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
