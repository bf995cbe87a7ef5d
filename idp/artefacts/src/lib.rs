//! The three artefacts of a placement together: a sealed snapshot with its envelope, the keyring
//! and the secret bundle. Each has its own revision; only together can they be served.
//!
//! - [`Offer`] is the three, and judges whether they may follow three others.
//! - [`Head`] names the revisions that are to be served.
//! - [`Directory`] is the form in which they lie in a folder.
//!
//! Whoever writes artefacts (the operator, its init container, `realmwright dev`) and whoever
//! serves them read and write them here. This crate must not know how a realm is compiled, how it
//! is served, or Kubernetes.

mod directory;
mod head;
mod offer;

pub use directory::{Directory, DirectoryFault, News};
pub use head::Head;
pub use offer::{AdmitFault, Offer};
