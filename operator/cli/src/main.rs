//! The command line: dev, validate, test, explain, crds, accounts.
fn main() {}
