//! Parsers of crates that bring HTTP servers and databases along, which an instrumented build
//! would pay minutes for, and private ones: compiled from their own source files.

#![expect(dead_code, reason = "of each file, its parser alone is used")]

#[path = "../../idp/web/src/connection.rs"]
pub(crate) mod connection;
#[path = "../../idp/web/src/cookies.rs"]
pub(crate) mod cookies;
#[path = "../../idp/web/src/api/lines.rs"]
pub(crate) mod lines;
#[path = "../../idp/web/src/texts/negotiate.rs"]
pub(crate) mod negotiate;
#[path = "../../idp/src/password/check.rs"]
pub(crate) mod password_check;
#[path = "../../operator/compiler/src/yaml.rs"]
pub(crate) mod yaml;
