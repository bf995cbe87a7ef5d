//! What scenarios stand on.

pub(crate) use realmwright_e2e::{certificates, child};

pub(crate) mod application;
pub(crate) mod authenticator;
pub(crate) mod binaries;
pub(crate) mod browser;
pub(crate) mod collector;
pub(crate) mod dev;
pub(crate) mod examples;
pub(crate) mod network;
pub(crate) mod operator;
pub(crate) mod person;
pub(crate) mod pods;
pub(crate) mod region_database;
pub(crate) mod secured;
pub(crate) mod tls_server;
pub(crate) mod upstream;
