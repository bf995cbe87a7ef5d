//! What scenarios stand on.

pub mod binaries;
pub mod browser;
pub mod child;
pub mod dev;
