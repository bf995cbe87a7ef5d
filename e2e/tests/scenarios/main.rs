//! The scenarios, one binary: the parts they start are shared.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "support of tests: a part that is not there fails the test"
)]

mod accounts;
mod apache;
mod bench;
mod browser;
mod choice;
mod clients;
mod cluster;
mod consent;
mod dev_options;
mod faults;
mod journey;
mod keys;
mod kill;
mod kubernetes;
mod live;
mod oauth2_proxy;
mod operator;
mod pages;
mod pods;
mod refusals;
mod region_database;
mod relying_party;
mod support;
mod telemetry;
mod telemetry_secured;
mod why_denied;
