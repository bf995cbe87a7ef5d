//! The pure middle: flow machine, claims, scopes, consent and access decisions, expressions, audit events.
