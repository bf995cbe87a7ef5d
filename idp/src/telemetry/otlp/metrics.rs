//! The numbers of `/metrics`, sent now and then. They are counted in one place only: what goes out
//! is what the text says at that time.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::transform::common::tonic::Attributes;
use opentelemetry_sdk::Resource;
use prost::Message as _;
use realmwright_engine::ports::Clock as _;
use url::Url;

use super::collector::Sender;
use crate::clock::SystemClock;
use crate::lifecycle::Lifecycle;
use crate::telemetry::Metrics;
use crate::telemetry::openmetrics::{self, Kind, MetricFamily, Sample};

/// As the OpenTelemetry specification says.
const SEND_EVERY: Duration = Duration::from_secs(60);

/// Where metrics go, and as whose.
#[derive(Debug)]
pub(super) struct MetricSink {
    sender: Sender,
    url: Url,
    headers: HeaderMap,
    resource: ProtoResource,
    started: Timestamp,
    every: Duration,
}

impl MetricSink {
    pub(super) fn new(
        sender: Sender,
        url: Url,
        resource: &Resource,
        environment: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let headers = environment("OTEL_EXPORTER_OTLP_METRICS_HEADERS")
            .or_else(|| environment("OTEL_EXPORTER_OTLP_HEADERS"));
        let every = match environment("OTEL_METRIC_EXPORT_INTERVAL") {
            None => SEND_EVERY,
            Some(text) => match text.trim().parse() {
                Ok(millis @ 1..) => Duration::from_millis(millis),
                _ => bail!("OTEL_METRIC_EXPORT_INTERVAL is {text}; it takes milliseconds"),
            },
        };
        let attributes = resource
            .iter()
            .map(|(key, value)| opentelemetry::KeyValue::new(key.clone(), value.clone()));
        Ok(Self {
            sender,
            url,
            headers: read_headers(headers.as_deref().unwrap_or_default())?,
            resource: ProtoResource {
                attributes: Attributes::from(attributes).0,
                ..ProtoResource::default()
            },
            started: SystemClock.now(),
            every,
        })
    }

    /// Sends until the stop. The last word is [`super::Otlp::finish`]'s.
    pub(super) async fn push(&self, metrics: &Metrics, life: &Lifecycle) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                () = life.stopped() => return,
            }
            tokio::select! {
                // What went wrong was said.
                _ = self.send(metrics) => {}
                () = life.stopped() => return,
            }
        }
    }

    pub(super) async fn send(&self, metrics: &Metrics) -> anyhow::Result<()> {
        let families = openmetrics::parse(&metrics.encode()?);
        let span = Span {
            start: nanoseconds(self.started),
            end: nanoseconds(SystemClock.now()),
        };
        let message = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(self.resource.clone()),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(InstrumentationScope {
                        name: "realmwright".to_owned(),
                        version: env!("CARGO_PKG_VERSION").to_owned(),
                        ..InstrumentationScope::default()
                    }),
                    metrics: families
                        .into_iter()
                        .filter_map(|f| span.metric(f))
                        .collect(),
                    ..ScopeMetrics::default()
                }],
                ..ResourceMetrics::default()
            }],
        };
        let mut request = http::Request::post(self.url.as_str());
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(&self.headers);
            let protobuf = HeaderValue::from_static("application/x-protobuf");
            headers.insert(CONTENT_TYPE, protobuf);
        }
        let request = request.body(Bytes::from(message.encode_to_vec()))?;
        let status = self.sender.send(request).await?.status();
        if !status.is_success() {
            bail!("status {}", status.as_u16());
        }
        Ok(())
    }
}

/// `name=value,name=value`, percent-encoded.
fn read_headers(text: &str) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for pair in text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let read = || {
            let (name, value) = pair.split_once('=')?;
            let value = percent_encoding::percent_decode_str(value.trim());
            let name: HeaderName = name.trim().parse().ok()?;
            let value = HeaderValue::try_from(&*value.decode_utf8().ok()?).ok()?;
            Some((name, value))
        };
        // A value is a secret.
        let (name, value) =
            read().context("OTEL_EXPORTER_OTLP_HEADERS takes name=value,name=value")?;
        headers.insert(name, value);
    }
    Ok(headers)
}

fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or_default()
}

/// From the start of the counts to now.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    end: u64,
}

impl Span {
    fn metric(self, family: MetricFamily) -> Option<Metric> {
        if family.samples.is_empty() {
            return None;
        }
        let temporality = AggregationTemporality::Cumulative.into();
        let data = match family.kind {
            Kind::Gauge => metric::Data::Gauge(Gauge {
                data_points: self.numbers(&family.samples),
            }),
            Kind::Counter => metric::Data::Sum(Sum {
                data_points: self.numbers(&family.samples),
                aggregation_temporality: temporality,
                is_monotonic: true,
            }),
            Kind::Histogram => metric::Data::Histogram(Histogram {
                data_points: self.histograms(&family.samples),
                aggregation_temporality: temporality,
            }),
        };
        let unit = if family.name.ends_with("_seconds") {
            "s"
        } else {
            "1"
        };
        Some(Metric {
            name: family.name,
            description: family.help,
            unit: unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        })
    }

    fn numbers(self, samples: &[Sample]) -> Vec<NumberDataPoint> {
        samples
            .iter()
            .map(|sample| NumberDataPoint {
                attributes: attributes(&sample.labels),
                start_time_unix_nano: self.start,
                time_unix_nano: self.end,
                value: Some(number_data_point::Value::AsDouble(sample.value)),
                ..NumberDataPoint::default()
            })
            .collect()
    }

    fn histograms(self, samples: &[Sample]) -> Vec<HistogramDataPoint> {
        let mut points: BTreeMap<BTreeMap<String, String>, HistogramDataPoint> = BTreeMap::new();
        for sample in samples {
            let mut labels = sample.labels.clone();
            let bound = labels.remove("le");
            let point = points
                .entry(labels)
                .or_insert_with_key(|labels| HistogramDataPoint {
                    attributes: attributes(labels),
                    start_time_unix_nano: self.start,
                    time_unix_nano: self.end,
                    ..HistogramDataPoint::default()
                });
            match sample.suffix.as_str() {
                "_sum" => point.sum = Some(sample.value),
                "_count" => point.count = whole(sample.value),
                "_bucket" => {
                    // Ours hold what lies under their bound, theirs what lies in them.
                    let below: u64 = point.bucket_counts.iter().sum();
                    point
                        .bucket_counts
                        .push(whole(sample.value).saturating_sub(below));
                    let bound = bound.and_then(|bound| bound.parse::<f64>().ok());
                    point
                        .explicit_bounds
                        .extend(bound.filter(|bound| bound.is_finite()));
                }
                _ => {}
            }
        }
        points.into_values().collect()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count, which the text writes as a whole number"
)]
const fn whole(value: f64) -> u64 {
    value as u64
}

fn attributes(labels: &BTreeMap<String, String>) -> Vec<KeyValue> {
    labels
        .iter()
        .map(|(name, value)| KeyValue {
            key: name.clone(),
            value: Some(AnyValue {
                value: Some(any_value::Value::StringValue(value.clone())),
            }),
            ..KeyValue::default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(text: &str) -> metric::Data {
        let family = openmetrics::parse(text).remove(0);
        let span = Span { start: 1, end: 2 };
        span.metric(family).unwrap().data.unwrap()
    }

    #[test]
    fn buckets_hold_what_lies_in_them() {
        let text = "# HELP t x\n# TYPE t histogram\nt_sum{a=\"b\"} 7.5\nt_count{a=\"b\"} 6\n\
            t_bucket{le=\"0.1\",a=\"b\"} 2\nt_bucket{le=\"1.0\",a=\"b\"} 5\nt_bucket{le=\"+Inf\",a=\"b\"} 6\n";
        let metric::Data::Histogram(histogram) = metric(text) else {
            panic!("no histogram");
        };
        let [point] = histogram.data_points.as_slice() else {
            panic!("{histogram:?}");
        };
        assert_eq!(point.explicit_bounds, [0.1, 1.0]);
        assert_eq!(point.bucket_counts, [2, 3, 1]);
        assert_eq!((point.count, point.sum), (6, Some(7.5)));
        assert_eq!(point.attributes.len(), 1, "the bound is no attribute");
    }

    #[test]
    fn a_counter_only_grows_and_counts_from_the_start() {
        let text = "# HELP c x\n# TYPE c counter\nc_total 4\n";
        let metric::Data::Sum(sum) = metric(text) else {
            panic!("no sum");
        };
        assert!(sum.is_monotonic);
        let point = &sum.data_points[0];
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (1, 2));
        assert_eq!(point.value, Some(number_data_point::Value::AsDouble(4.0)));
    }

    #[test]
    fn headers_are_read_and_a_value_is_not_quoted() {
        let headers = read_headers("api-key=a%20b, x=1,").unwrap();
        assert_eq!(headers["api-key"], "a b");
        assert_eq!(headers["x"], "1");
        let fault = read_headers("planted-secret").unwrap_err().to_string();
        assert!(!fault.contains("planted"), "{fault}");
    }
}
