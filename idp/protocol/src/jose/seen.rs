//! Signatures that were verified a short while ago. Whether a key made a signature over a message
//! never changes, so nothing here has to be forgotten: what has an end (a key's use, a token's
//! life, a grant) is asked each time by whoever trusts the answer.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use realmwright_snapshot::SigningAlgorithm;

type Fingerprint = [u8; 32];

/// Tokens that a process is shown again and again: 40 bytes each.
const SLOTS: usize = 16 * 1024;

/// A bounded memory of key, message and signature that belong together. Each has one place, and
/// what comes later takes it.
pub struct SeenSignatures {
    slots: Box<[Mutex<Fingerprint>]>,
}

impl fmt::Debug for SeenSignatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenSignatures").finish_non_exhaustive()
    }
}

impl Default for SeenSignatures {
    fn default() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl SeenSignatures {
    /// What `verify` says, which is not asked where it has said yes to the same before.
    pub(super) fn or_verify(
        &self,
        alg: SigningAlgorithm,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
        verify: impl FnOnce() -> bool,
    ) -> bool {
        let fingerprint = fingerprint(&[alg.as_str().as_bytes(), public_key, message, signature]);
        if self
            .slot(&fingerprint)
            .is_some_and(|seen| *seen == fingerprint)
        {
            return true;
        }
        let is_valid = verify();
        if is_valid && let Some(mut slot) = self.slot(&fingerprint) {
            *slot = fingerprint;
        }
        is_valid
    }

    /// The place of a fingerprint.
    fn slot(&self, fingerprint: &Fingerprint) -> Option<MutexGuard<'_, Fingerprint>> {
        let number = fingerprint
            .iter()
            .take(size_of::<usize>())
            .fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        let slot = self.slots.get(number % SLOTS)?;
        Some(slot.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Each part with its length before it, so that no two sequences give the same bytes.
fn fingerprint(parts: &[&[u8]]) -> Fingerprint {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut fingerprint = Fingerprint::default();
    fingerprint.copy_from_slice(context.finish().as_ref());
    fingerprint
}

#[cfg(test)]
mod tests {
    use super::*;

    const ES256: SigningAlgorithm = SigningAlgorithm::ES256;

    #[test]
    fn what_was_verified_is_not_verified_again_and_nothing_else_is_taken_for_it() {
        let seen = SeenSignatures::default();
        assert!(seen.or_verify(ES256, b"key", b"message", b"signature", || true));
        let known = seen.or_verify(ES256, b"key", b"message", b"signature", || {
            panic!("it is known")
        });
        assert!(known);
        for (alg, key, message, signature) in [
            (SigningAlgorithm::EdDSA, "key", "message", "signature"),
            (ES256, "other", "message", "signature"),
            (ES256, "key", "massage", "signature"),
            (ES256, "key", "message", "signatura"),
            // The same bytes, cut elsewhere.
            (ES256, "keym", "essage", "signature"),
            (ES256, "key", "messagesig", "nature"),
        ] {
            let [key, message, signature] = [key, message, signature].map(str::as_bytes);
            assert!(!seen.or_verify(alg, key, message, signature, || false));
        }
    }

    #[test]
    fn a_refusal_is_not_remembered() {
        let seen = SeenSignatures::default();
        assert!(!seen.or_verify(ES256, b"key", b"message", b"signature", || false));
        assert!(seen.or_verify(ES256, b"key", b"message", b"signature", || true));
    }

    /// An empty place holds no fingerprint of anything.
    #[test]
    fn memory_is_bounded() {
        let seen = SeenSignatures::default();
        for number in 0..3 * SLOTS as u64 {
            let message = number.to_be_bytes();
            assert!(seen.or_verify(ES256, b"key", &message, b"signature", || true));
        }
        assert_eq!(seen.slots.len(), SLOTS);
    }
}
