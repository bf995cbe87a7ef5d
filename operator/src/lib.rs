//! The control plane: it watches the resources of a cluster, compiles them with the same compiler
//! as the command line, keeps keys and secrets, ships artefacts to pods, and says in statuses what
//! became of each object.
//!
//! - [`catalogue`] watches, [`desk`] is the loop that the rest is called from.
//! - [`publish`] turns a compiled realm into a moved head; [`ship`] is how artefacts lie in the
//!   cluster; [`fetch`] is what the init container of a pod does with them.
//! - [`lease`] says who leads: only the leader writes.
//! - [`status`] tells.
//!
//! This crate must not know what a login is: it depends on neither engine nor web.

pub mod catalogue;
pub mod cluster_secrets;
pub mod desk;
pub mod fetch;
pub mod lease;
pub mod names;
pub mod publish;
pub mod region;
pub mod run;
pub mod settings;
pub mod ship;
pub mod status;
