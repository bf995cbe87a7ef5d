//! Counts of requests. Labels come from closed sets: an endpoint of the table, a method, a class
//! of status. No path, address or name of a person is ever one.

use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds in seconds: quick answers, the response floor, the password queue.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.025, 0.1, 0.3, 0.6, 1.0, 2.5, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    endpoint: String,
    method: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Place {
    endpoint: String,
}

/// Counts of requests.
#[derive(Clone, Debug)]
pub struct RequestMetrics {
    requests: Family<Labels, Counter>,
    seconds: Family<Place, Histogram, fn() -> Histogram>,
}

impl RequestMetrics {
    /// Registers `http_requests` and `http_request_seconds`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        };
        registry.register(
            "http_requests",
            "Requests by endpoint, method and class of status",
            metrics.requests.clone(),
        );
        registry.register(
            "http_request_seconds",
            "Time to the head of the answer, by endpoint",
            metrics.seconds.clone(),
        );
        metrics
    }

    /// Counts one. `endpoint` is a path of the table, or none for anything else.
    pub(crate) fn observe(
        &self,
        endpoint: Option<&str>,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let endpoint = endpoint.unwrap_or("other").to_owned();
        self.seconds
            .get_or_create(&Place {
                endpoint: endpoint.clone(),
            })
            .observe(took.as_secs_f64());
        self.requests
            .get_or_create(&Labels {
                endpoint,
                method: known(method),
                status: class(status),
            })
            .inc();
    }
}

pub(crate) fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded() {
        let mut registry = Registry::default();
        let metrics = RequestMetrics::register(&mut registry);
        for number in 0..50 {
            let method = Method::from_bytes(format!("M{number}").as_bytes()).unwrap();
            metrics.observe(None, &method, StatusCode::NOT_FOUND, Duration::ZERO);
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert_eq!(text.matches("http_requests_total{").count(), 1, "{text}");
    }
}
