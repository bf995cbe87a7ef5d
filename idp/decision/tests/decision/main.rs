//! The decisions, through the crate's public surface.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod access;
mod attributes;
mod audit;
mod claims;
mod expressions;
mod fixture;
mod flow_check;
mod flows;
mod own_token;
mod passwords;
mod properties;
mod roles;
mod scopes;
mod simulation;
mod why;
