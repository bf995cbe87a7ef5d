//! Random tokens, their hashes, and the comparison of client secrets.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use zeroize::Zeroizing;

/// Octets of a random token: 256 bits.
pub const TOKEN_OCTETS: usize = 32;
/// Longest secret that is looked at.
const MAX_SECRET: usize = 1024;

/// A random token as it travels: 43 letters of base64url. Codes, refresh tokens, opaque access
/// tokens and cookie secrets have this form (KC-AZ-07: nothing of a session is inside).
#[derive(Clone, PartialEq, Eq)]
pub struct RandomToken(Zeroizing<String>);

impl RandomToken {
    /// Makes a token of octets from the random source.
    #[must_use]
    pub fn from_octets(octets: [u8; TOKEN_OCTETS]) -> Self {
        let octets = Zeroizing::new(octets);
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(octets.as_slice())))
    }

    /// Reads a token that was presented; none when it has not the form of ours, so that no
    /// look-up is spent on it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut octets = Zeroizing::new([0; TOKEN_OCTETS]);
        let length = URL_SAFE_NO_PAD.decode_slice(text, octets.as_mut_slice());
        (text.len() == 43 && length == Ok(TOKEN_OCTETS))
            .then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The text that travels.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored in its place.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        hash_token(&self.0)
    }
}

impl fmt::Debug for RandomToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RandomToken(redacted)")
    }
}

/// SHA-256 of a token's text. Enough for random tokens, never for passwords.
#[must_use]
pub fn hash_token(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

/// Whether two texts are equal, in a time that tells nothing about where they differ.
#[must_use]
pub fn equal(a: &str, b: &str) -> bool {
    constant_time::verify_slices_are_equal(&hash_token(a), &hash_token(b)).is_ok()
}

/// The accepted values of one client secret, as keyed hashes: what is held in memory while
/// serving gives no secret away, and comparison takes the same time whichever one fits
/// (OIDC-10, OIDC-11).
#[derive(Clone)]
pub struct AcceptedSecrets {
    key: hmac::Key,
    accepted: Vec<([u8; 32], Option<Timestamp>)>,
}

impl fmt::Debug for AcceptedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptedSecrets")
            .field("accepted", &self.accepted.len())
            .finish_non_exhaustive()
    }
}

impl AcceptedSecrets {
    /// Hashes the accepted values under a key of the `pepper` purpose. Each is refused from its
    /// instant on; none has no end.
    pub fn new<'a>(
        pepper: &[u8],
        values: impl IntoIterator<Item = (&'a str, Option<Timestamp>)>,
    ) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, pepper);
        let accepted = values
            .into_iter()
            .map(|(value, not_after)| (keyed(&key, value), not_after))
            .collect();
        Self { key, accepted }
    }

    /// Whether a presented secret is accepted at `now`.
    #[must_use]
    pub fn verify(&self, presented: &str, now: Timestamp) -> bool {
        if presented.len() > MAX_SECRET {
            return false;
        }
        let hash = keyed(&self.key, presented);
        self.accepted
            .iter()
            .fold(false, |found, (accepted, not_after)| {
                let equal = constant_time::verify_slices_are_equal(accepted, &hash).is_ok();
                found | (equal & not_after.is_none_or(|end| now < end))
            })
    }
}

fn keyed(key: &hmac::Key, value: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(hmac::sign(key, value.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// OIDC-10, OIDC-11: main and former secret, then only the main one.
    #[test]
    fn both_secrets_of_an_overlap_are_accepted_until_it_ends() {
        let secrets = AcceptedSecrets::new(
            b"pepper",
            [("the-new-secret", None), ("the-old-secret", Some(at(100)))],
        );
        assert!(secrets.verify("the-new-secret", at(99)));
        assert!(secrets.verify("the-old-secret", at(99)));
        assert!(!secrets.verify("the-old-secret", at(100)));
        assert!(secrets.verify("the-new-secret", at(100)));
        for wrong in ["", "the-new-secre", "the-new-secret ", "The-new-secret"] {
            assert!(!secrets.verify(wrong, at(0)), "{wrong}");
        }
    }

    #[test]
    fn no_accepted_secret_means_none() {
        assert!(!AcceptedSecrets::new(b"pepper", []).verify("", at(0)));
    }

    /// KC-AZ-07
    #[test]
    fn tokens_carry_256_bits_and_nothing_else() {
        let token = RandomToken::from_octets([7; TOKEN_OCTETS]);
        assert_eq!(token.expose().len(), 43);
        assert_eq!(RandomToken::parse(token.expose()), Some(token.clone()));
        assert_eq!(token.hash(), hash_token(token.expose()));
        assert_eq!(format!("{token:?}"), "RandomToken(redacted)");
        for wrong in ["", "a", &"a".repeat(42), &"a".repeat(44), &"=".repeat(43)] {
            assert_eq!(RandomToken::parse(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn equal_is_equality(a in ".{0,12}", b in ".{0,12}") {
            prop_assert_eq!(equal(&a, &b), a == b);
            prop_assert!(equal(&a, &a));
        }
    }
}
