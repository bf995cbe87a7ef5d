//! Logs and metrics. Neither names a person: logs carry realm, application, error id and kind.

mod json;

use std::io::IsTerminal;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use realmwright_engine::ports::{EventObserver, Observation};
use realmwright_snapshot::RealmId;
use realmwright_web::RequestMetrics;
use tracing_subscriber::EnvFilter;

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

/// Sends logs to standard error.
///
/// # Errors
/// When the filter cannot be read, or logs already go somewhere.
pub fn start_logs(format: LogFormat, filter: &str) -> anyhow::Result<()> {
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
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // It would tell of a closed standard error on standard error, and so panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let started = if human {
        builder
            .with_ansi(std::io::stderr().is_terminal())
            .try_init()
    } else {
        builder.event_format(json::JsonLines).try_init()
    };
    started.map_err(|fault| anyhow::anyhow!(fault))
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRealm {
    realm: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRealmAndKind {
    realm: String,
    kind: &'static str,
}

/// What is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    logins: Family<OfRealmAndKind, Counter>,
    tokens: Family<OfRealmAndKind, Counter>,
    refusals: Family<OfRealmAndKind, Counter>,
    callers: Family<OfRealmAndKind, Counter>,
    defences: Family<OfRealmAndKind, Counter>,
    revision: Family<OfRealm, Gauge>,
    /// Password checks that wait for a core.
    pub password_queue: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::with_requests().0
    }

    /// Nothing counted yet, and the counts of requests that the web crate keeps.
    #[must_use]
    pub fn with_requests() -> (Self, RequestMetrics) {
        let mut registry = Registry::with_prefix("realmwright");
        let requests = RequestMetrics::register(&mut registry);
        let logins = Family::default();
        registry.register("logins", "Ends of logins by kind", logins.clone());
        let tokens = Family::default();
        registry.register("tokens", "Tokens issued by grant type", tokens.clone());
        let refusals = Family::default();
        registry.register(
            "token_refusals",
            "Token requests refused by error",
            refusals.clone(),
        );
        let callers = Family::default();
        registry.register(
            "client_authentication_failures",
            "Calls of applications that did not prove who they are, by reason",
            callers.clone(),
        );
        let defences = Family::default();
        registry.register(
            "defences",
            "Attacks and overloads that were turned away, by kind",
            defences.clone(),
        );
        let revision = Family::default();
        registry.register("revision", "Served snapshot revision", revision.clone());
        let password_queue = Gauge::default();
        registry.register(
            "password_queue",
            "Password checks that wait for a core",
            password_queue.clone(),
        );
        let metrics = Self {
            registry,
            logins,
            tokens,
            refusals,
            callers,
            defences,
            revision,
            password_queue,
        };
        (metrics, requests)
    }

    /// Notes what is served.
    pub fn serving(&self, realm: &RealmId, revision: u64) {
        self.revision
            .get_or_create(&OfRealm {
                realm: realm.to_string(),
            })
            .set(i64::try_from(revision).unwrap_or(i64::MAX));
    }

    /// OpenMetrics text.
    ///
    /// # Errors
    /// Never in practice: writing to a string.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl EventObserver for Metrics {
    fn observe(&self, realm: &RealmId, observation: Observation) {
        let (family, kind) = match observation {
            Observation::LoginFinished => (&self.logins, "finished"),
            Observation::CredentialRefused => (&self.logins, "credential_refused"),
            Observation::LoginDenied => (&self.logins, "denied"),
            Observation::TokensIssued(grant) => (&self.tokens, grant),
            Observation::TokensRefused(error) => (&self.refusals, error),
            Observation::CallerRefused(reason) => (&self.callers, reason),
            Observation::ReuseDetected => (&self.defences, "reuse"),
            Observation::PasswordHashNotUnderstood => {
                (&self.logins, "password_hash_not_understood")
            }
            Observation::CheckSlowerThanFloor => (&self.logins, "check_slower_than_floor"),
            Observation::PasswordQueueFull => (&self.defences, "password_queue_full"),
            Observation::AddressBarred => (&self.defences, "address_barred"),
        };
        family
            .get_or_create(&OfRealmAndKind {
                realm: realm.to_string(),
                kind,
            })
            .inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_are_counted_by_realm_and_kind() {
        let metrics = Metrics::new();
        let realm = RealmId::from("identity.main");
        metrics.observe(&realm, Observation::LoginFinished);
        metrics.observe(&realm, Observation::LoginFinished);
        metrics.observe(&realm, Observation::TokensIssued("refresh_token"));
        metrics.serving(&realm, 7);
        let text = metrics.encode().unwrap();
        for line in [
            r#"realmwright_logins_total{realm="identity.main",kind="finished"} 2"#,
            r#"realmwright_tokens_total{realm="identity.main",kind="refresh_token"} 1"#,
            r#"realmwright_revision{realm="identity.main"} 7"#,
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
