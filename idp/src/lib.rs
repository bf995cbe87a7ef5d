//! The identity provider process: settings, listeners, snapshot source, hot swap, telemetry, life
//! cycle. The binary `realmwright-idp` and `realmwright dev` are two ways to start it.
//!
//! It brings the ports of the engine (clock, randomness, password pool, fetcher) and joins the
//! crates of `idp/` to one process. It must not know what a request means, Kubernetes, or the
//! resources that a snapshot was compiled from.
//!
//! Recipe for a new setting of the process: a field in [`settings`], its use here, a line in the
//! reference. Behaviour of a realm is never a setting: it comes from the snapshot.
//! Recipe for a new port: the trait lies in the engine, its implementation gets a module here,
//! and [`process`] hands it over.

pub mod clock;
mod crowd;
pub mod database;
pub mod descriptors;
pub mod fetch;
#[cfg(test)]
mod fixture;
pub mod hot_swap;
pub mod key_journal;
pub mod lifecycle;
pub mod listener;
pub mod management;
pub mod password;
pub mod process;
pub mod random;
pub mod serve;
pub mod served;
pub mod settings;
pub mod settle;
pub mod source;
pub mod tasks;
pub mod telemetry;
pub mod tls;
mod watch;
mod watched_store;

pub use realmwright_engine::ports::Clock;
