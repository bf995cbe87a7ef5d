//! The suite that every database crate runs.
