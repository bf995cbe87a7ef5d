//! Randomness, from the cryptographic library's generator.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use realmwright_engine::ports::Random;

/// The generator of the machine.
#[derive(Debug, Default)]
pub struct SystemRandomness(SystemRandom);

impl SystemRandomness {
    /// The generator.
    #[must_use]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Random for SystemRandomness {
    /// # Panics
    /// When the operating system has no randomness to give: nothing that this process does would
    /// be safe then.
    #[expect(
        clippy::panic,
        reason = "going on without randomness would sign and seal with known values"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        if self.0.fill(bytes).is_err() {
            panic!("the operating system gives no randomness");
        }
    }
}
