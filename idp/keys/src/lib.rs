//! Keys and secrets of one realm in one region, as values and as pure life cycles.
//!
//! - [`Keyring`] and [`SecretBundle`] are two of the three artefacts a pod serves from; each has
//!   its own revision and a JSON form for a 0600 file or a Kubernetes Secret.
//! - [`advance`] and [`apply`] are the life cycle of keys: what to create, activate, retire and
//!   remove, from a policy, the time and what the pods have acknowledged. [`rotate_early`] begins a
//!   rotation by hand, [`compromise`] cuts the waiting short. [`Keyring::standings`] says what each
//!   key does. [`rotate`], [`supply`] and [`advance_secret`] are the same for client secrets.
//! - [`bind`] says whether a snapshot can be served with a keyring and a bundle, or what is
//!   missing.
//!
//! This crate must not know who stores the artefacts, what time it is, or what is signed. The
//! only randomness comes through [`Generate`]. No `Debug` of it prints key material.
//!
//! Recipe for a new purpose: a [`Purpose`] variant, its row in [`Purpose::rotation`], its key
//! length or algorithm in [`SystemGenerator`], and its need in [`bind`].

mod bind;
mod bundle;
mod generate;
mod jwk;
mod keyring;
mod life_cycle;
mod material;
mod secret_rotation;
mod standing;
#[cfg(test)]
mod tests;

pub use bind::{Bound, Missing, bind};
pub use bundle::{BundleFault, PreviousValue, SecretBundle, SecretValues, UpcomingValue};
pub use generate::{Generate, GenerateFault, NewKey, RsaSize, SystemGenerator};
pub use jwk::{KeyFault, PublicJwk, PublicKeyMembers};
pub use keyring::{KeyEntry, Keyring, KeyringFault, Purpose, Rotation, Stage};
pub use life_cycle::{
    Acknowledgements, Activation, Blocked, Creation, Plan, Policy, Removal, RemovalCause,
    ReplaceFault, Retirement, Start, advance, apply, compromise, rotate_early,
};
pub use material::{KeyId, Material, SecretValue};
pub use secret_rotation::{
    SecretPolicy, SecretStep, SupplyFault, advance_secret, rotate, secret_policies, supply,
};
pub use standing::{KeyStanding, Standing};
