//! Spans around what a use case does by itself; the crates that decide and sign know none. They say
//! what was done, and nothing about whom.

use realmwright_snapshot::{ClientId, SigningAlgorithm};
use tracing::{Span, info_span};

/// Decides `what`, one word of a closed set.
pub(crate) fn decide<T>(what: &'static str, decide: impl FnOnce() -> T) -> T {
    info_span!("decide", realmwright.decision = what).in_scope(decide)
}

/// Signs a token.
pub(crate) fn sign<T>(algorithm: SigningAlgorithm, sign: impl FnOnce() -> T) -> T {
    info_span!("sign", realmwright.algorithm = algorithm.as_str()).in_scope(sign)
}

/// Says on the span of the request which declared application it is about.
pub(crate) fn name_client(client: &ClientId) {
    Span::current().record("realmwright.client", client.as_str());
}
