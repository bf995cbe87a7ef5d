//! JSON Object Signing: keys (RFC 7517, RFC 7518 section 6, RFC 8037), signed tokens (RFC 7515,
//! RFC 7519, RFC 8725) and client assertions (RFC 7521, RFC 7523). Not here: encryption (RFC
//! 7516), detached payloads (RFC 7797), JSON serialization, MAC algorithms.

pub mod assertion;
mod claims;
pub mod jwk;
pub mod jws;
mod seen;

pub use claims::Claims;
pub use jwk::{JwkFault, VerificationKey, VerificationKeys};
pub use jws::{JwsFault, SignFault, SigningKey, TokenType, Verified};
pub use seen::SeenSignatures;

#[cfg(test)]
mod tests;
