//! A small relying party on an independent OpenID Connect library.
fn main() {}
