//! What scenarios stand on.

pub(crate) mod application;
pub(crate) mod binaries;
pub(crate) mod browser;
pub(crate) mod child;
pub(crate) mod dev;
pub(crate) mod person;
