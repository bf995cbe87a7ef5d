//! Holds documentation, dashboard and alert rules to what a process exports (MON-01, MON-03).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use jiff::{SignedDuration, Timestamp};
use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, LabelModifier, parse};
use promql_parser::util::{ExprVisitor, walk_expr};
use realmwright_engine::ports::{EventObserver as _, Observation};
use realmwright_keys::{KeyEntry, KeyId, Purpose, Stage};
use realmwright_snapshot::RealmId;
use realmwright_store::Maintenance as _;
use realmwright_store_sqlite::SqliteStore;
use realmwright_web::Transport;
use serde_json::Value;
use tower::ServiceExt as _;

use super::SpanCounts;
use super::openmetrics::{self, Kind, MetricFamily};
use crate::database::OwnDatabase;
use crate::fixture::{keyring, now, offer_of, snapshot, until};
use crate::lifecycle::Lifecycle;
use crate::process::{Process, ProcessSettings};
use crate::tls::TlsFiles;
use realmwright_artefacts::Offer;

fn repository(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

/// What a process exports in which everything has happened.
async fn exported() -> Vec<MetricFamily> {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("db")).await.unwrap();
    store.migrate().await.unwrap();
    let store = Arc::new(store);
    let spans = SpanCounts::default();
    for outcome in ["exported", "failed", "dropped"] {
        spans.add(outcome, 1);
    }
    let settings = ProcessSettings {
        trusted_proxies: Vec::new(),
        fetch_from: Vec::new(),
        own_database: OwnDatabase::OfRegion,
        spans,
        tls: Some(certificate(folder.path())),
    };
    let life = Lifecycle::new();
    let process = Process::assemble(store.clone(), settings, life.clone()).unwrap();
    process.swap().accept(rotated(), now()).unwrap();
    process.start(tokio::sync::watch::channel(true).1);
    let text = || process.metrics().encode().unwrap();
    until(|| text().contains("realmwright_outbox_dead{")).await;
    life.stop();
    let mut request = Request::get("https://id.example.com/oauth2/jwks")
        .body(Body::empty())
        .unwrap();
    request.extensions_mut().insert(Transport {
        peer: ([127, 0, 0, 1], 1).into(),
        tls: true,
    });
    process.router().oneshot(request).await.unwrap();
    for observation in [
        Observation::LoginFinished,
        Observation::CredentialRefused,
        Observation::LoginDenied,
        Observation::TokensIssued("refresh_token"),
        Observation::TokensRefused("invalid_grant"),
        Observation::CallerRefused("wrong_secret"),
        Observation::ReuseDetected,
        Observation::PasswordHashNotUnderstood,
        Observation::CheckSlowerThanFloor,
        Observation::PasswordQueueFull,
        Observation::AddressBarred,
    ] {
        let realm = RealmId::from("a.main");
        process.metrics().observe(&realm, observation);
    }
    process.readiness().check(true, true).await;
    store.close().await;
    process.readiness().check(true, true).await;
    openmetrics::parse(&process.metrics().encode().unwrap())
}

/// A realm whose former key is about to be retired.
fn rotated() -> Offer {
    let snapshot = snapshot("a.main", "https://id.example.com");
    let mut keys = keyring(&snapshot);
    let signs = |entry: &&KeyEntry| matches!(entry.purpose, Purpose::Sign { .. });
    let mut former = keys.entries.iter().find(signs).unwrap().clone();
    former.kid = KeyId::new("former");
    former.stage = Stage::Retiring {
        sign_after: former.published_at,
        retire_after: now() + SignedDuration::from_hours(1),
    };
    keys.entries.push(former);
    offer_of(&snapshot, keys, 1)
}

/// A certificate that ends at [`ENDS`].
fn certificate(folder: &Path) -> TlsFiles {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2031, 5, 6);
    let files = ["cert.pem", "key.pem"].map(|name| folder.join(name));
    let made = params.self_signed(&key).unwrap();
    std::fs::write(&files[0], made.pem()).unwrap();
    std::fs::write(&files[1], key.serialize_pem()).unwrap();
    TlsFiles::load(&files[0], &files[1]).unwrap()
}

const ENDS: &str = "2031-05-06T00:00:00Z";

/// The name as people write it.
fn name(family: &MetricFamily) -> String {
    match family.kind {
        Kind::Counter => format!("{}_total", family.name),
        Kind::Gauge | Kind::Histogram => family.name.clone(),
    }
}

/// Labels and their values by metric.
type Known = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What may be asked for, each with its labels.
fn known(families: &[MetricFamily]) -> Known {
    let mut known = Known::new();
    for family in families {
        for sample in &family.samples {
            let name = format!("{}{}", family.name, sample.suffix);
            let labels = known.entry(name).or_default();
            for (label, value) in &sample.labels {
                labels
                    .entry(label.clone())
                    .or_default()
                    .insert(value.clone());
            }
        }
    }
    // Not every failure of the database can be had here.
    for row in documented() {
        if let Some(labels) = known.get_mut(&row.name) {
            for values in labels.values_mut() {
                values.extend(row.values.iter().cloned());
            }
        }
    }
    known
}

/// A row of the first table of docs/monitoring.md.
struct Row {
    name: String,
    kind: String,
    labels: BTreeSet<String>,
    values: Vec<String>,
}

fn documented() -> Vec<Row> {
    let text = read("docs/monitoring.md");
    let code = |cell: &str| -> Vec<String> {
        let marked = cell.split('`').skip(1).step_by(2);
        marked.map(str::to_owned).collect()
    };
    text.lines()
        .filter(|line| line.starts_with("| `realmwright_"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            Row {
                name: code(cells[1]).remove(0),
                kind: cells[2].to_owned(),
                labels: code(cells[3]).into_iter().collect(),
                values: code(cells[4]),
            }
        })
        .collect()
}

#[tokio::test]
async fn every_metric_is_documented_with_its_labels() {
    let families = exported().await;
    let exported: BTreeMap<_, _> = families
        .iter()
        .map(|family| {
            assert!(!family.samples.is_empty(), "{} has no sample", family.name);
            let labels: BTreeSet<String> = family
                .samples
                .iter()
                .flat_map(|sample| sample.labels.keys())
                .filter(|label| *label != "le")
                .cloned()
                .collect();
            (name(family), (family.kind, labels))
        })
        .collect();
    let documented = documented();
    let names: BTreeSet<_> = documented.iter().map(|row| &row.name).collect();
    assert_eq!(names, exported.keys().collect());
    assert_eq!(names.len(), documented.len(), "one row each");
    for row in &documented {
        let name = &row.name;
        let (exported_kind, exported_labels) = &exported[name];
        assert_eq!(&row.labels, exported_labels, "{name}");
        let said = match exported_kind {
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Gauge if name.ends_with("_info") => "info",
            Kind::Gauge => "gauge",
        };
        assert_eq!(row.kind, said, "{name}");
    }
}

#[tokio::test]
async fn times_are_those_of_the_certificate_and_of_the_keys() {
    let families = exported().await;
    let number = |name: &str| {
        let family = families.iter().find(|family| family.name == name).unwrap();
        family.samples[0].value
    };
    let ends: Timestamp = ENDS.parse().unwrap();
    let ends = f64::from(u32::try_from(ends.as_second()).unwrap());
    assert_eq!(
        number("realmwright_tls_certificate_expiry_time_seconds"),
        ends
    );
    // Nothing has looked at the clock since the realm was prepared.
    assert!(number("realmwright_next_key_change_seconds") < 0.0);
    assert_eq!(number("realmwright_outbox_dead"), 0.0);
}

/// Labels that Prometheus adds.
const OF_PROMETHEUS: [&str; 2] = ["instance", "job"];
/// Labels whose values are the installation's own, or not all in the samples.
const OPEN: [&str; 6] = [
    "realm",
    "instance",
    "endpoint",
    "operation",
    "status",
    "version",
];

struct Asked<'k> {
    known: &'k Known,
    metrics: BTreeSet<String>,
    labels: BTreeSet<String>,
}

impl ExprVisitor for Asked<'_> {
    type Error = String;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, String> {
        let selector = match expr {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(matrix) => &matrix.vs,
            Expr::Aggregate(aggregate) => {
                if let Some(LabelModifier::Include(by) | LabelModifier::Exclude(by)) =
                    &aggregate.modifier
                {
                    self.labels.extend(by.labels.iter().cloned());
                }
                return Ok(true);
            }
            _ => return Ok(true),
        };
        let name = selector.name.clone().ok_or("a selector without a name")?;
        let labels = self
            .known
            .get(&name)
            .ok_or_else(|| format!("no metric {name}"))?;
        for matcher in &selector.matchers.matchers {
            let label = matcher.name.as_str();
            if !OF_PROMETHEUS.contains(&label) && !labels.contains_key(label) {
                return Err(format!("{name} has no label {label}"));
            }
            let wanted: Vec<&str> = match &matcher.op {
                MatchOp::Equal => vec![&matcher.value],
                _ => matcher.value.split('|').collect(),
            };
            for value in wanted {
                if !OPEN.contains(&label) && !labels[label].contains(value) {
                    return Err(format!("{name} has no {label} {value}"));
                }
            }
        }
        self.metrics.insert(name);
        Ok(true)
    }
}

/// The metrics that an expression asks for, all of which there are.
fn asked(expr: &str, known: &Known) -> Result<BTreeSet<String>, String> {
    let expr = expr.replace("$__rate_interval", "5m");
    let mut asked = Asked {
        known,
        metrics: BTreeSet::new(),
        labels: BTreeSet::new(),
    };
    walk_expr(&mut asked, &parse(&expr)?)?;
    for label in &asked.labels {
        let is_label = asked.metrics.iter().any(|metric| {
            OF_PROMETHEUS.contains(&label.as_str()) || known[metric].contains_key(label)
        });
        if !is_label {
            return Err(format!("nothing has a label {label}"));
        }
    }
    Ok(asked.metrics)
}

/// MON-03.
#[tokio::test]
async fn alert_rules_ask_for_what_there_is_and_say_what_to_do() {
    let known = known(&exported().await);
    let rules: Value =
        serde_saphyr::from_str(&read("manifests/monitoring/realmwright-rules.yaml")).unwrap();
    let docs = read("docs/monitoring.md");
    let mut alerts = BTreeSet::new();
    for group in rules["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            let alert = rule["alert"].as_str().unwrap();
            let found = asked(rule["expr"].as_str().unwrap(), &known);
            assert!(found.is_ok_and(|metrics| !metrics.is_empty()), "{rule}");
            let severity = rule["labels"]["severity"].as_str().unwrap();
            assert!(
                ["critical", "warning", "info"].contains(&severity),
                "{alert}"
            );
            for text in ["summary", "runbook"] {
                assert!(
                    rule["annotations"][text].as_str().unwrap().len() > 20,
                    "{alert}"
                );
            }
            assert!(
                docs.contains(&format!("`{alert}`")),
                "{alert} is not documented"
            );
            assert!(alerts.insert(alert), "{alert} twice");
        }
    }
    assert_eq!(alerts.len(), docs.matches("`Realmwright").count());
}

/// FUNC-MON-01.
#[tokio::test]
async fn the_dashboard_shows_every_metric_that_there_is() {
    let known = known(&exported().await);
    let board: Value =
        serde_json::from_str(&read("manifests/monitoring/realmwright-dashboard.json")).unwrap();
    let mut shown = BTreeSet::new();
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expr = target["expr"].as_str().unwrap();
            let found = asked(expr, &known).unwrap_or_else(|fault| panic!("{fault}: {expr}"));
            shown.extend(found);
        }
    }
    let is_shown = |metric: &str| {
        ["", "_bucket", "_count", "_sum"]
            .iter()
            .any(|suffix| shown.contains(&format!("{metric}{suffix}")))
    };
    for row in documented() {
        assert!(is_shown(&row.name), "{} is on no panel", row.name);
    }
}

#[test]
fn an_expression_that_asks_for_nothing_is_found() {
    let labels = BTreeMap::from([("kind".to_owned(), BTreeSet::from(["a".to_owned()]))]);
    let known = Known::from([("m_total".to_owned(), labels)]);
    for good in [
        r#"rate(m_total{kind="a"}[5m]) > 1"#,
        "sum by (kind) (m_total)",
        r#"sum by (instance) (m_total{instance=~"x"})"#,
    ] {
        assert_eq!(
            asked(good, &known).map(|found| found.len()),
            Ok(1),
            "{good}"
        );
    }
    for bad in [
        "m",
        "rate(m_total[5m]",
        "sum by (kinds) (m_total)",
        r#"m_total{kinds="a"}"#,
        r#"m_total{kind="b"}"#,
        r#"m_total{kind=~"a|b"}"#,
        "rate(m_total)",
    ] {
        assert!(asked(bad, &known).is_err(), "{bad}");
    }
}
