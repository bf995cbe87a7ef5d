//! What scenarios stand on.

pub mod application;
pub mod binaries;
pub mod browser;
pub mod child;
pub mod dev;
pub mod person;
