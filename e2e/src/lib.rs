//! Black-box scenarios on real parts: our binaries over real sockets, a real PostgreSQL, a real
//! Chromium, independent relying parties, a real Kubernetes.
//!
//! What tests of other crates stand on as well is here: processes that end with their test, a
//! certificate authority, [`kubernetes`]. `tests/workspace.rs` holds the crate table,
//! `tests/scenarios/` the scenarios, `tests/scenarios/support/` what they alone stand on.
//!
//! Recipe for a scenario: a module in `tests/scenarios/`, a [`Dev`] (our binary on a copy of a
//! folder, ended with the test) or [`Pods`] (`realmwright-idp` over a PostgreSQL database that is
//! prepared as `docs/running.md` says), and what a person or an application would do. What must
//! hold whatever happens between two requests belongs into the [journey], which every kind of
//! site goes through. Wait for conditions, never for time. All output of our binaries is searched
//! for planted secrets when they end.
//!
//! [`Dev`]: ../tests/scenarios/support/dev.rs
//! [`Pods`]: ../tests/scenarios/support/pods.rs
//! [journey]: ../tests/scenarios/journey.rs
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "support of tests: a part that is not there fails the test"
)]

pub mod certificates;
pub mod child;
pub mod kubernetes;
pub mod wait;

use std::path::Path;

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
