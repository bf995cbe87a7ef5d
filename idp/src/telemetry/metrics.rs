//! What is counted. docs/monitoring.md says what each means; a test holds it to that.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use realmwright_engine::ports::{EventObserver, Observation};
use realmwright_snapshot::RealmId;
use realmwright_web::RequestMetrics;

use super::{Facts, SpanCounts};
use crate::password::PasswordMetrics;
use crate::watched_store::StoreMetrics;

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
        registry.register(
            "build",
            "The build that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let metrics = Self {
            registry,
            logins,
            tokens,
            refusals,
            callers,
            defences,
        };
        (metrics, requests)
    }

    /// Measures passwords as well.
    pub(crate) fn measure_passwords(&mut self, passwords: &PasswordMetrics) {
        passwords.register(&mut self.registry);
    }

    /// Measures the database as well.
    pub(crate) fn measure_store(&mut self, store: &StoreMetrics) {
        store.register(&mut self.registry);
    }

    /// Counts spans as well.
    pub(crate) fn count_spans(&mut self, spans: &SpanCounts) {
        self.registry.register(
            "spans",
            "Spans by what became of them",
            spans.outcomes.clone(),
        );
    }

    /// Says at each reading how the process stands as well.
    pub(crate) fn tell(&mut self, facts: Facts) {
        self.registry.register_collector(Box::new(facts));
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
        let text = metrics.encode().unwrap();
        for line in [
            r#"realmwright_logins_total{realm="identity.main",kind="finished"} 2"#,
            r#"realmwright_tokens_total{realm="identity.main",kind="refresh_token"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
