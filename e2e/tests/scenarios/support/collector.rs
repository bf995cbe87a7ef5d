//! An OpenTelemetry collector: takes traces and metrics over OTLP/HTTP, and keeps them as they
//! came.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::serve::Listener;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificates::Certificates;
use super::dev::ANY_PORT;

#[derive(Default)]
struct Received {
    traces: Vec<Bytes>,
    metrics: Vec<Bytes>,
}

/// A running collector.
pub(crate) struct Collector {
    received: Arc<Mutex<Received>>,
    /// Where it listens.
    pub(crate) endpoint: String,
}

/// Values by name and labels.
pub(crate) type Numbers = BTreeMap<String, f64>;

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(ANY_PORT).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        Self::serve(listener, format!("http://{address}"))
    }

    /// The same over https, as `localhost`, which the certificates are for.
    pub(crate) async fn start_secured(certificates: &Certificates) -> Self {
        let listener = TcpListener::bind(ANY_PORT).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let listener = TlsListener {
            listener,
            acceptor: certificates.acceptor(),
        };
        Self::serve(listener, format!("https://localhost:{port}"))
    }

    fn serve<L: Listener<Addr: std::fmt::Debug>>(listener: L, endpoint: String) -> Self {
        let received = Arc::new(Mutex::new(Received::default()));
        let routes = Router::new()
            .route("/v1/traces", post(take_traces))
            .route("/v1/metrics", post(take_metrics))
            .with_state(Arc::clone(&received));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { received, endpoint }
    }

    fn received(&self) -> std::sync::MutexGuard<'_, Received> {
        self.received.lock().expect("no panic")
    }

    /// Whether any of this came in any form.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let received = self.received();
        let mut bodies = received.traces.iter().chain(&received.metrics);
        bodies.any(|body| {
            let mut windows = body.windows(text.len());
            windows.any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
        })
    }

    /// Whether traces and metrics came.
    pub(crate) fn has_both(&self) -> bool {
        let received = self.received();
        !received.traces.is_empty() && !received.metrics.is_empty()
    }

    /// Whether nothing came.
    pub(crate) fn has_nothing(&self) -> bool {
        let received = self.received();
        received.traces.is_empty() && received.metrics.is_empty()
    }

    /// Spans, in the order in which they ended.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let received = self.received();
        received
            .traces
            .iter()
            .map(|body| ExportTraceServiceRequest::decode(body.clone()).expect("spans"))
            .flat_map(|message| message.resource_spans)
            .flat_map(|of_resource| of_resource.scope_spans)
            .flat_map(|of_scope| of_scope.spans)
            .collect()
    }

    /// What was said of the processes that spoke.
    pub(crate) fn resources(&self) -> Vec<BTreeMap<String, String>> {
        let received = self.received();
        let spans = received.traces.iter().flat_map(|body| {
            let message = ExportTraceServiceRequest::decode(body.clone()).expect("spans");
            message.resource_spans.into_iter().map(|of| of.resource)
        });
        let metrics = received.metrics.iter().flat_map(|body| {
            let message = ExportMetricsServiceRequest::decode(body.clone()).expect("metrics");
            message.resource_metrics.into_iter().map(|of| of.resource)
        });
        spans
            .chain(metrics)
            .map(|resource| texts(&resource.expect("a resource").attributes))
            .collect()
    }

    /// The numbers of the last message: counters and gauges by their value, histograms by their
    /// count.
    pub(crate) fn numbers(&self) -> Numbers {
        let received = self.received();
        let Some(body) = received.metrics.last() else {
            return Numbers::new();
        };
        let message = ExportMetricsServiceRequest::decode(body.clone()).expect("metrics");
        let metrics = message
            .resource_metrics
            .into_iter()
            .flat_map(|of_resource| of_resource.scope_metrics)
            .flat_map(|of_scope| of_scope.metrics);
        let mut numbers = Numbers::new();
        for metric in metrics {
            let mut put = |attributes: &[KeyValue], value| {
                let key = format!("{} {:?}", metric.name, texts(attributes));
                assert_eq!(numbers.insert(key, value), None, "twice: {}", metric.name);
            };
            let number = |value| match value {
                Some(number_data_point::Value::AsDouble(value)) => value,
                other => panic!("{other:?}"),
            };
            match metric.data.clone().expect("data") {
                metric::Data::Gauge(gauge) => {
                    for point in gauge.data_points {
                        put(&point.attributes, number(point.value));
                    }
                }
                metric::Data::Sum(sum) => {
                    for point in sum.data_points {
                        put(&point.attributes, number(point.value));
                    }
                }
                metric::Data::Histogram(histogram) => {
                    for point in histogram.data_points {
                        let count = u32::try_from(point.count).expect("few");
                        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
                        put(&point.attributes, f64::from(count));
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        numbers
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((socket, address)) = self.listener.accept().await else {
                continue;
            };
            if let Ok(stream) = self.acceptor.accept(socket).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

async fn take_traces(State(received): State<Arc<Mutex<Received>>>, body: Bytes) -> StatusCode {
    received.lock().expect("no panic").traces.push(body);
    StatusCode::OK
}

async fn take_metrics(State(received): State<Arc<Mutex<Received>>>, body: Bytes) -> StatusCode {
    received.lock().expect("no panic").metrics.push(body);
    StatusCode::OK
}

/// Attributes as text.
pub(crate) fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    };
    attributes
        .iter()
        .map(|attribute| (attribute.key.clone(), text(&attribute.value)))
        .collect()
}
