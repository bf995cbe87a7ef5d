//! OpenID Connect: Core 1.0, Discovery 1.0 and RFC 8414, RP-Initiated Logout 1.0.

pub mod discovery;
pub mod id_token;
pub mod logout;
pub mod userinfo;
