//! The scenarios, one binary: the parts they start are shared.

mod support;
