//! Collectors over https, whose authority only `OTEL_EXPORTER_OTLP_CERTIFICATE` names; and that
//! `realmwright dev` exports as `realmwright-idp` does.

use std::time::Duration;

use crate::support::certificates::Certificates;
use crate::support::child::{Running, Told};
use crate::support::collector::{Collector, texts};
use crate::support::dev::{ANY_PORT, Dev, scenario_folder};
use crate::support::network::Network;
use crate::support::pods::Pods;
use crate::support::region_database::RegionDatabase;
use crate::support::secured::{text, trimmed, until};

/// Exports to a collector that has its certificate from this authority.
fn told(collector: &Collector, authority: &Certificates) -> Told {
    Told {
        arguments: vec!["--otlp-endpoint".to_owned(), collector.endpoint.clone()],
        environment: vec![
            (
                "OTEL_EXPORTER_OTLP_CERTIFICATE",
                text(&authority.authority_file()).to_owned(),
            ),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100".to_owned()),
        ],
        ..Told::default()
    }
}

async fn assert_serves(http: &reqwest::Client, address: &str) {
    let unknown = "A".repeat(43);
    let form = [("grant_type", "refresh_token"), ("refresh_token", &unknown)];
    let request = http.post(address).form(&form);
    let request = request.basic_auth("app", Some("planted-client-secret-4f1c0e6b9a7d2835"));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_exports_to_a_collector_whose_authority_it_was_told() {
    let certificates = Certificates::of("localhost");
    let collector = Collector::start_secured(&certificates).await;
    let mut dev = Dev::start_told(scenario_folder(), ANY_PORT, told(&collector, &certificates));
    let http = Network::default().http().build().unwrap();
    let address = format!("{}/oauth2/token", trimmed(&dev.issuer));
    assert_serves(&http, &address).await;
    until("traces and metrics", async || {
        collector.has_both().then_some(())
    })
    .await;
    assert_eq!(dev.stop(), Some(0));

    for resource in collector.resources() {
        assert_eq!(resource["service.name"], "realmwright-dev");
    }
    let spans = collector.spans();
    let named = |name: &str| spans.iter().find(|span| span.name == name);
    let request = named("POST /oauth2/token").expect("the request");
    let call = named("refresh_token").expect("a call of the database");
    assert_eq!(call.parent_span_id, request.span_id);
    let about = texts(&call.attributes);
    assert_eq!(about["db.system.name"], "sqlite");
    assert_eq!(about["db.collection.name"], "refresh_tokens");
}

/// Once for each of traces and metrics.
fn wait_for_refusals(running: &Running) {
    for what in ["does not take spans", "does not take metrics"] {
        running.wait_for(0, Duration::from_secs(20), what, |line| {
            let refused = line.contains(what)
                && line.contains("invalid peer certificate")
                && line.contains("OTEL_EXPORTER_OTLP_CERTIFICATE");
            refused.then_some(())
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_authority_costs_what_would_be_exported_and_is_named() {
    let certificates = Certificates::of("localhost");
    let collector = Collector::start_secured(&certificates).await;
    let other = Certificates::of("localhost");
    let told = told(&collector, &other);
    let mut pods = Pods::start_told(1, scenario_folder(), RegionDatabase::migrated(), &told);
    let http = pods.network().http().build().unwrap();
    let address = format!("{}/oauth2/token", trimmed(pods.issuer()));
    assert_serves(&http, &address).await;
    wait_for_refusals(pods.first().running());

    assert_serves(&http, &address).await;
    assert!(pods.first().is_ready().await);
    assert!(collector.has_nothing(), "to whom is not known");
    for pod in pods.iter_mut() {
        assert_eq!(pod.stop(), Some(0));
    }
}
