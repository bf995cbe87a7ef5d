//! Black-box scenarios on real parts: our binaries over real sockets, a real PostgreSQL, a real
//! Chromium, independent relying parties.
//!
//! Everything is in `tests/`; there is nothing to link. `tests/workspace.rs` holds the crate
//! table, `tests/scenarios/` the scenarios, `tests/scenarios/support/` what they stand on.
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
