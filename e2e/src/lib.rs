//! Black-box scenarios on real parts: our binaries over real sockets, a real PostgreSQL, a real
//! Chromium, independent relying parties.
//!
//! Everything is in `tests/`; there is nothing to link. `tests/workspace.rs` holds the crate
//! table, `tests/scenarios/` the scenarios, `tests/scenarios/support/` what they stand on.
//!
//! Recipe for a scenario: a module in `tests/scenarios/`, a [`Dev`] (our binary on a copy of a
//! folder, ended with the test), and what a person or an application would do. Wait for
//! conditions, never for time. All output of a [`Dev`] is searched for planted secrets when it
//! ends.
//!
//! [`Dev`]: ../tests/scenarios/support/dev.rs
