//! Proof key for code exchange, RFC 7636. Only `S256` exists here: `plain` proves nothing to
//! whoever has read the authorization request.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// `code_challenge` of method `S256`: 43 letters of base64url.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge(String);

impl fmt::Debug for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeChallenge(..)")
    }
}

impl CodeChallenge {
    /// Reads a challenge; none when it cannot be the SHA-256 of anything.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut octets = [0; 32];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut octets);
        (length == Ok(32)).then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a verifier is the one that this challenge was made from.
    #[must_use]
    pub fn admits(&self, verifier: &str) -> bool {
        // RFC 7636 section 4.1.
        let is_verifier = (43..=128).contains(&verifier.len())
            && verifier.bytes().all(|octet| {
                octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
            });
        let made = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        let equal =
            constant_time::verify_slices_are_equal(made.as_bytes(), self.0.as_bytes()).is_ok();
        is_verifier & equal
    }
}

/// Whether a code may be redeemed: a challenge asks for its verifier, and a verifier without a
/// challenge betrays that the challenge was stripped from the authorization request
/// (RFC 9700 section 4.8.2).
#[must_use]
pub fn may_redeem(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            CodeChallenge::parse(challenge).is_some_and(|challenge| challenge.admits(verifier))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    /// RFC 7636 appendix B; KC-AZ-09, OIDC-17
    #[test]
    fn the_vector_of_the_rfc_is_admitted() {
        assert!(may_redeem(Some(CHALLENGE), Some(VERIFIER)));
    }

    /// KC-AZ-09, OIDC-17
    #[test]
    fn a_missing_stripped_or_wrong_verifier_is_refused() {
        assert!(!may_redeem(Some(CHALLENGE), None));
        assert!(!may_redeem(None, Some(VERIFIER)));
        assert!(!may_redeem(Some(CHALLENGE), Some(CHALLENGE)));
        // `plain`: the verifier is the challenge.
        assert!(!may_redeem(Some(VERIFIER), Some(VERIFIER)));
        assert!(!may_redeem(Some("short"), Some(VERIFIER)));
        assert!(may_redeem(None, None));
    }

    #[test]
    fn a_verifier_outside_the_grammar_is_refused_even_when_it_fits() {
        for verifier in [
            "short",
            &"a".repeat(129),
            &"a b".repeat(20),
            &"ä".repeat(43),
        ] {
            let made = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
            assert!(!may_redeem(Some(&made), Some(verifier)));
        }
    }

    proptest! {
        #[test]
        fn only_the_right_verifier_is_admitted(
            a in "[A-Za-z0-9._~-]{43,128}", b in "[A-Za-z0-9._~-]{43,128}"
        ) {
            let made = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, a.as_bytes()));
            prop_assert!(may_redeem(Some(&made), Some(&a)));
            prop_assert_eq!(may_redeem(Some(&made), Some(&b)), a == b);
        }
    }
}
