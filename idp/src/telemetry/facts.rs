//! How the process stands, looked at when metrics are read.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use realmwright_engine::ports::Clock;
use realmwright_store::Store;

use crate::hot_swap::HotSwap;
use crate::management::{NotReady, Readiness};
use crate::password::PasswordPool;
use crate::tasks::DeadLetters;
use crate::tls::TlsFiles;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRealm {
    realm: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKey {
    realm: String,
    algorithm: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    reason: &'static str,
}

/// What the metrics look at.
pub(crate) struct Facts {
    pub(crate) started: Timestamp,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) swap: Arc<HotSwap>,
    pub(crate) passwords: PasswordPool,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) dead_letters: Arc<DeadLetters>,
    /// None where the listener speaks plain http.
    pub(crate) tls: Option<TlsFiles>,
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts").finish_non_exhaustive()
    }
}

/// Says one metric.
fn say(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

fn gauge(value: impl TryInto<i64>) -> Gauge {
    let gauge = Gauge::<i64>::default();
    gauge.set(value.try_into().unwrap_or(i64::MAX));
    gauge
}

impl Facts {
    fn say_readiness(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let given = self.readiness.reasons();
        say(
            encoder,
            ("ready", "Whether /readyz says ready: 1 or 0"),
            &gauge(u8::from(given.is_empty())),
        )?;
        let reasons = Family::<OfReason, Gauge>::default();
        for reason in NotReady::ALL {
            let of_reason = OfReason {
                reason: reason.key(),
            };
            let holds = given.contains(&reason);
            reasons.get_or_create(&of_reason).set(i64::from(holds));
        }
        say(
            encoder,
            (
                "not_ready",
                "Whether this keeps it from being ready: 1 or 0",
            ),
            &reasons,
        )
    }

    fn say_realms(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let now = self.clock.now();
        let revisions = Family::<OfRealm, Gauge>::default();
        let ages = Family::<OfKey, Gauge>::default();
        let intervals = Family::<OfRealm, Gauge>::default();
        let changes = Family::<OfRealm, Gauge>::default();
        for served in self.swap.current().iter() {
            let realm = served.id().to_string();
            for (algorithm, since) in served.offer().keyring.signing_since(now) {
                let of_key = OfKey {
                    realm: realm.clone(),
                    algorithm: algorithm.as_str(),
                };
                let age = now.duration_since(since).as_secs();
                ages.get_or_create(&of_key).set(age);
            }
            let of_realm = OfRealm { realm };
            let revision = i64::try_from(served.version().revision).unwrap_or(i64::MAX);
            revisions.get_or_create(&of_realm).set(revision);
            let interval = served.outline().rotation_interval.as_duration();
            let interval = i64::try_from(interval.as_secs()).unwrap_or(i64::MAX);
            intervals.get_or_create(&of_realm).set(interval);
            if let Some(at) = served.keys_change_at() {
                let left = at.duration_since(now).as_secs();
                changes.get_or_create(&of_realm).set(left);
            }
        }
        say(
            encoder,
            ("revision", "Served snapshot revision"),
            &revisions,
        )?;
        say(
            encoder,
            (
                "signing_key_age_seconds",
                "How long the key that signs has signed",
            ),
            &ages,
        )?;
        say(
            encoder,
            (
                "key_rotation_interval_seconds",
                "How long a key signs before its successor does, as the realm says",
            ),
            &intervals,
        )?;
        say(
            encoder,
            (
                "next_key_change_seconds",
                "Until the keys that are used or published change by the clock; below 0 when that is late",
            ),
            &changes,
        )
    }

    fn say_dead_letters(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let dead = Family::<OfRealm, Gauge>::default();
        for (realm, count) in self.dead_letters.counted().iter() {
            let of_realm = OfRealm {
                realm: realm.to_string(),
            };
            dead.get_or_create(&of_realm).set(i64::from(*count));
        }
        say(
            encoder,
            ("outbox_dead", "Deliveries that were given up and are kept"),
            &dead,
        )
    }

    fn say_certificate(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(expiry) = self.tls.as_ref().and_then(TlsFiles::expiry) else {
            return Ok(());
        };
        say(
            encoder,
            (
                "tls_certificate_expiry_time_seconds",
                "When the certificate of the listener ends, in seconds since 1970",
            ),
            &gauge(expiry.as_second()),
        )
    }
}

impl Collector for Facts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        say(
            encoder,
            (
                "start_time_seconds",
                "When the process started, in seconds since 1970",
            ),
            &gauge(self.started.as_second()),
        )?;
        self.say_readiness(encoder)?;
        self.say_realms(encoder)?;
        self.say_dead_letters(encoder)?;
        self.say_certificate(encoder)?;
        say(
            encoder,
            ("password_queue", "Password checks that wait for a core"),
            &gauge(self.passwords.waiting()),
        )?;
        let connections = self.store.connections();
        let states = Family::<OfState, Gauge>::default();
        for (state, count) in [("busy", connections.busy), ("idle", connections.idle)] {
            states
                .get_or_create(&OfState { state })
                .set(i64::from(count));
        }
        say(
            encoder,
            (
                "database_connections",
                "Connections to the database by state",
            ),
            &states,
        )?;
        say(
            encoder,
            (
                "database_connections_limit",
                "Connections to the database at most",
            ),
            &gauge(connections.most),
        )
    }
}
