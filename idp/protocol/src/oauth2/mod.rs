//! OAuth 2.0: RFC 6749 with RFC 7636 (PKCE), RFC 8707 (resource indicators), RFC 9068 (JWT access
//! tokens), RFC 9207 (issuer identification), RFC 7662 (introspection), RFC 7009 (revocation).

pub mod access_token;
pub mod authorize;
pub mod error;
pub mod introspect;
pub mod pkce;
pub mod response;
pub mod revoke;
mod scope;
pub mod token;

pub use error::{EndpointError, ErrorAnswer, ErrorCode};
pub use scope::{ScopeFault, parse_scope, scope_text};
