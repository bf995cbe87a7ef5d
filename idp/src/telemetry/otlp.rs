//! Traces and metrics to an OpenTelemetry collector over OTLP/HTTP, when the operator names one
//! (decision 0015).
//!
//! Nothing waits for the collector: spans lie in a bounded queue that a thread of its own empties,
//! what does not fit is dropped and counted, nothing is sent twice, and the stop waits for the
//! last batch no longer than [`LAST_WORD`].

mod collector;
mod endpoints;
mod metrics;
mod spans;

use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, Value};
use opentelemetry_otlp::{RetryPolicy, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator, SdkTracer, SdkTracerProvider};

use crate::lifecycle::Lifecycle;
use crate::settings::OtlpSettings;
use collector::{Collector, Signal};
use endpoints::Endpoints;
use metrics::MetricSink;
use spans::{Bounded, CountingExporter};

pub use spans::SpanCounts;

use super::Metrics;

/// The stop waits so long for what was not sent yet.
const LAST_WORD: Duration = Duration::from_secs(3);

/// What is exported, and where to.
#[derive(Debug)]
pub struct Otlp {
    traces: Option<SdkTracerProvider>,
    metrics: Option<MetricSink>,
    spans: SpanCounts,
}

impl Otlp {
    /// Begins to export what the settings and the standard environment variables ask for, as
    /// `service` unless they name it otherwise; none when they ask for nothing. To be called
    /// within a Tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn start(settings: &OtlpSettings, service: &'static str) -> anyhow::Result<Option<Self>> {
        let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let Some(endpoints) = Endpoints::resolve(settings.otlp_endpoint.as_ref(), environment)?
        else {
            return Ok(None);
        };
        let collector = Collector::new(environment)?;
        let resource = resource(service);
        let spans = SpanCounts::default();
        let traces = match &endpoints.traces {
            Some(url) => {
                let exporter = opentelemetry_otlp::SpanExporter::builder()
                    .with_http()
                    .with_http_client(collector.sender(Signal::Spans))
                    .with_endpoint(url.as_str())
                    .with_timeout(collector::TIMEOUT)
                    // Metrics come anew, and spans that wait for another attempt would keep newer ones out.
                    .with_retry_policy(RetryPolicy::disabled())
                    .build()
                    .context("traces cannot be exported")?;
                let exporter = CountingExporter::new(exporter, spans.clone());
                let provider = SdkTracerProvider::builder()
                    .with_resource(resource.clone())
                    .with_span_processor(Bounded::new(exporter, spans.clone()))
                    .build();
                Some(provider)
            }
            None => None,
        };
        let metrics = endpoints
            .metrics
            .map(|url| {
                let sender = collector.sender(Signal::Metrics);
                MetricSink::new(sender, url, &resource, environment)
            })
            .transpose()?;
        Ok(Some(Self {
            traces,
            metrics,
            spans,
        }))
    }

    /// What becomes of the spans, for the metrics.
    #[must_use]
    pub const fn spans(&self) -> &SpanCounts {
        &self.spans
    }

    pub(super) fn tracer(&self) -> Option<SdkTracer> {
        let traces = self.traces.as_ref()?;
        Some(traces.tracer("realmwright"))
    }

    /// Sends the metrics now and then, until the stop.
    pub async fn push_metrics(&self, metrics: &Metrics, life: &Lifecycle) {
        if let Some(sink) = &self.metrics {
            sink.push(metrics, life).await;
        }
    }

    /// Sends what is left, once the requests have ended.
    pub async fn finish(&self, metrics: &Metrics) {
        let traces = async {
            if let Some(traces) = self.traces.clone() {
                // It waits for its thread, which waits for the runtime that this would hold up.
                let shut = tokio::task::spawn_blocking(move || {
                    let _ = traces.shutdown_with_timeout(LAST_WORD);
                });
                let _ = shut.await;
            }
        };
        let numbers = async {
            if let Some(sink) = &self.metrics {
                let _ = tokio::time::timeout(LAST_WORD, sink.send(metrics)).await;
            }
        };
        tokio::join!(traces, numbers);
    }
}

/// Which process speaks: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` come first. Pods that
/// say nothing else of themselves are told apart by a random number.
fn resource(service: &'static str) -> Resource {
    let told = Resource::builder().build();
    let is_told = |name: &'static str| told.get(&name.into()).is_some();
    let mut attributes = Vec::new();
    let unnamed = |name: Value| name.as_str().starts_with("unknown_service");
    if told.get(&"service.name".into()).is_none_or(unnamed) {
        attributes.push(KeyValue::new("service.name", service));
    }
    if !is_told("service.version") {
        attributes.push(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    }
    if !is_told("service.instance.id") {
        let instance = RandomIdGenerator::default().new_trace_id();
        attributes.push(KeyValue::new("service.instance.id", instance.to_string()));
    }
    Resource::builder().with_attributes(attributes).build()
}
