//! Repository traits, row types and the contract tests that every database crate runs.
