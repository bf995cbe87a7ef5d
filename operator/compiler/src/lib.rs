//! From YAML to a sealed snapshot: parse, validate, resolve, lower, seal, and the config tests.
//!
//! The whole path is pure: the same [`Manifests`] and [`CompileProfile`] give the same bytes,
//! digests and diagnostics, in the CLI, in `dev`, in the admission webhook and in the operator.
//! This crate must not know clocks, networks, clusters, environment variables or random numbers,
//! and it never puts a secret's value into a snapshot or a diagnostic.
//!
//! The stages, a module each:
//! - [`Manifests`] are cut into documents; `yaml` reads each into a tree whose every node knows
//!   its place; `structure` holds the tree against the schema of its kind, so that *all* faults
//!   of a document are found; `parse` adds the CEL rules and makes typed resources.
//! - `index` files the resources by kind, namespace, name and realm, and finds duplicates.
//! - `validate` and `resolve` judge what one object cannot know of another.
//! - `lower` turns each realm into snapshot values; `compiler` seals them and remembers what did
//!   not change, object by object.
//! - `config_test` runs `RealmTest` cases on the decision crate that also serves.
//! - [`plan`] says what a change does to people and applications.
//!
//! Recipe for a new rule: add a code to `diagnostics/catalogue.rs` with its explanation, emit it
//! where the facts are at hand, and add a folder to `testdata/` that shows it. A test fails for a
//! code that no folder shows. Recipe for a new field: add it to `crds` and to the snapshot; `lower`
//! destructures without `..` and will not compile until the field is thought of.

mod compiler;
mod config_test;
mod diagnostics;
mod fault;
mod index;
mod kinds;
mod lower;
mod manifests;
mod object;
mod parse;
mod path;
pub mod plan;
mod realm;
mod secrets;
mod stage;
mod structure;
mod validate;
mod yaml;

pub use compiler::{Compilation, CompileProfile, CompiledRealm, Compiler, TestResult};
pub use diagnostics::{Code, Colour, Diagnostic, Explanation, Location, Severity, human, json};
pub use manifests::Manifests;
pub use secrets::{SecretKey, SecretNeed, SecretOrigin, SecretPurpose, SecretValues};
