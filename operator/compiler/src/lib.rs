//! From YAML to a sealed snapshot: parse, validate, resolve, lower, plan, config tests, diagnostics.
