//! One file for each endpoint: extract, call the engine, render.

pub(crate) mod assets;
pub(crate) mod authorize;
pub(crate) mod back_channel;
pub(crate) mod cors;
pub(crate) mod discovery;
pub(crate) mod form;
pub(crate) mod introspect;
pub(crate) mod jwks;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod missing;
pub(crate) mod reply;
pub(crate) mod revoke;
pub(crate) mod token;
pub(crate) mod userinfo;
