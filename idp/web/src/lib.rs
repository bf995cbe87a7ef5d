//! The HTTP face of the identity provider: routers, extractors, one error for each endpoint,
//! pages and texts.
//!
//! A handler extracts, calls one use case of the engine, and renders what comes back. This crate
//! must not know how a login is decided, what lies in the database, which keys sign, or where
//! snapshots come from; it owns the syntax of cookies, headers, forms and pages and nothing of
//! their meaning.
//!
//! Recipe for a new page: a view in [`pages`] with its samples, a template in `templates/`, its
//! texts in every file of `texts/`. Tests then render it in every language and complain of a
//! text that is missing, unused, or has other placeholders.
//!
//! Recipe for a new endpoint: a row in `realmwright_protocol::endpoints`, a file in `routes/` with
//! its handler, a line in [`router`], where the compiler asks for it.
//!
//! Recipe for a new language: a file in `texts/` and a line in `texts::LANGUAGES`.

mod api;
pub mod assets;
mod body;
pub mod connection;
mod cookies;
mod entry;
mod headers;
mod metrics;
pub mod pages;
#[cfg(test)]
mod reference;
pub mod router;
mod routes;
pub mod texts;
mod trace;
mod visit;
mod web;

pub use api::document as accounts_api_document;
pub use body::{BodyTime, SlowBody};
pub use connection::{ConnInfo, Transport, TrustedProxies};
pub use metrics::RequestMetrics;
pub use router::router;
pub use web::{NoRoute, RealmRoutes, TraceHooks, Web, WebSettings};
