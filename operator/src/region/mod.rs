//! Regions: namespaces, pods and what stands before them.

mod apply;
pub mod build;

pub use apply::{Applied, RegionFault, Regions};
