//! The scenarios, one binary: the parts they start are shared.

mod accounts;
mod browser;
mod kill;
mod live;
mod relying_party;
mod support;
