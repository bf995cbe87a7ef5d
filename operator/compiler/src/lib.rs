//! From YAML to a sealed snapshot: parse, validate, resolve, lower, seal, and the config tests.
//!
//! The whole path is pure: the same [`Manifests`] and [`CompileProfile`] give the same bytes,
//! digests and diagnostics, in the CLI, in `dev`, in the admission webhook and in the operator.
//! This crate must not know clocks, networks, clusters, environment variables or random numbers,
//! and it never puts a secret's value into a snapshot or a diagnostic.
//!
//! The stages, a module each:
//! - `read` cuts [`Manifests`] into documents; `yaml` reads each into a tree whose every node knows
//!   its place; `structure` holds the tree against the schema of its kind, so that *all* faults
//!   of a document are found; `parse` adds the CEL rules (`rules`) and makes typed resources.
//! - `index` files the resources by kind, namespace, name and realm, and finds duplicates.
//! - `validate` and `resolve` judge what one object cannot know of another.
//! - `lower` turns each realm into snapshot values, and `realm` seals them.
//! - `stage` remembers what did not change, object by object. [`Work`] counts what did; a test
//!   holds it to the size of the edit. What is left over the whole realm is comparing pointers,
//!   and must stay so: no stage clones, formats or allocates for an object that is the same.
//! - `doubts` knows what is there but faulty, so that of a fault and what follows from it only the
//!   fault is shown; what follows stops its object all the same.
//! - `config_test` runs `RealmTest` cases on the decision crate that also serves.
//! - [`plan`] says what a change does to people and applications.
//!
//! Recipe for a new rule: add a code to `diagnostics/catalogue.rs` with its explanation, emit it
//! where the facts are at hand, and add a folder to `testdata/` that shows it. A test fails for a
//! code that no folder shows. Recipe for a new field: add it to `crds` and to the snapshot; `lower`
//! destructures without `..` and will not compile until the field is thought of.

mod clients;
mod compiler;
mod config_test;
mod diagnostics;
mod doubts;
pub mod evaluate;
mod fault;
mod index;
mod kinds;
mod lower;
mod manifests;
mod object;
mod parse;
mod path;
mod places;
pub mod plan;
mod read;
mod realm;
mod rules;
mod secrets;
mod stage;
mod structure;
mod validate;
pub mod why;
mod yaml;

pub use compiler::{Compilation, CompileProfile, CompiledRealm, Compiler, TestResult, Work};
pub use diagnostics::{Code, Colour, Diagnostic, Explanation, Location, Severity, human, json};
pub use manifests::Manifests;
pub use secrets::{SecretKey, SecretNeed, SecretNeeds, SecretOrigin, SecretPurpose, SecretValues};
