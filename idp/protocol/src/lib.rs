//! OAuth 2.0 and OpenID Connect as parse, validate and respond, one module for each
//! specification; JOSE; sealed state. No I/O, no clock: `now` is a parameter.
//!
//! - Foreign bytes enter through [`Parameters`], [`client_authentication`], [`jose::jws`],
//!   [`jose::jwk`], [`redirect`] and [`seal`]; each has a size limit, and an entry in [`fuzz`].
//! - [`oauth2`] and [`oidc`] turn parameters into requests, and answers into what HTTP sends.
//!   Each endpoint has one error type that knows its OAuth code and HTTP status.
//! - [`endpoints`] is the one table of paths.
//!
//! This crate must not know HTTP libraries, storage, pages, or who decides: whether a person may
//! log in, which scopes are granted and which claims are released comes from elsewhere.
//!
//! Recipe for a new grant: a variant of [`oauth2::token::TokenRequest`] and its parsing, a
//! `GrantType` in the snapshot, a line in [`oidc::discovery`], tests for what is refused. For a
//! new endpoint: a row in [`endpoints`], a module named by its specification, an error type.

pub mod client_authentication;
pub mod endpoints;
mod fault;
#[doc(hidden)]
pub mod fuzz;
pub mod jose;
pub mod oauth2;
pub mod oidc;
pub mod parameters;
pub mod redirect;
#[cfg(test)]
mod samples;
pub mod seal;
pub mod secret;

pub use endpoints::issuer;
pub use fault::Fault;
pub use parameters::{Parameters, ParametersFault};
