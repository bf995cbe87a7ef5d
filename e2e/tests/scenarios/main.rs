//! The scenarios, one binary: the parts they start are shared.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "support of tests: a part that is not there fails the test"
)]

mod accounts;
mod browser;
mod kill;
mod live;
mod relying_party;
mod support;
