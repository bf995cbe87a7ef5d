//! Sealed state: what travels through a browser or rests in a column so that only we can read
//! it. AES-256-GCM-SIV under a key of the realm; a random nonce may even repeat without giving
//! the key away.
//!
//! The text is base64url of `version | key id length | key id | end | nonce | ciphertext`. The
//! head, the purpose, the realm and a context of the caller are authenticated with it, so that a
//! text sealed for one purpose, realm or person opens for no other.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::Fault;

/// Longest sealed text: an authorization request fits into a form field several times.
pub const MAX_TEXT: usize = 96 * 1024;
const VERSION: u8 = 1;
const TAG_LEN: usize = 16;

/// What is sealed, and for how long it may be open. A text of one purpose opens for no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealPurpose {
    /// An authorization request before the first submission.
    LoginRequest,
    /// A logout request that waits for its confirmation.
    LogoutRequest,
    /// A TOTP seed at rest.
    TotpSeed,
    /// The successor of a refresh token at rest.
    RefreshSuccessor,
    /// Recovery codes until their owner has seen them.
    RecoveryCodes,
}

impl SealPurpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::LoginRequest => b"login-request",
            Self::LogoutRequest => b"logout-request",
            Self::TotpSeed => b"totp-seed",
            Self::RefreshSuccessor => b"refresh-successor",
            Self::RecoveryCodes => b"recovery-codes",
        }
    }
}

/// Why a text does not open. Which of the first two it was is for the log, not for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// Not sealed by us for this purpose, realm and context, or with a key that is gone.
    #[error("the sealed text does not open")]
    Foreign,
    /// Its time is over.
    #[error("the sealed text has expired")]
    Expired,
    /// The platform failed to seal, or a key has the wrong length.
    #[error("sealing failed")]
    Platform,
}

impl SealFault {
    /// The caller's, unless sealing itself failed.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::Foreign | Self::Expired => Fault::Client,
            Self::Platform => Fault::Internal,
        }
    }
}

struct SealKey {
    id: String,
    key: RandomizedNonceKey,
}

/// Seals with the current key of a realm, and opens with every accepted one.
pub struct Sealer {
    realm: String,
    current: Option<usize>,
    keys: Vec<SealKey>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("realm", &self.realm)
            .field("keys", &self.keys.iter().map(|k| &k.id).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Sealer {
    /// A sealer of a realm from its accepted keys (identifier and 32 octets each), of which
    /// `current` seals.
    ///
    /// # Errors
    /// [`SealFault::Platform`] when a key has not 32 octets or its identifier is longer than 255.
    pub fn new<'a>(
        realm: impl Into<String>,
        current: &str,
        keys: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, SealFault> {
        let keys = keys
            .into_iter()
            .map(|(id, octets)| {
                if id.len() > usize::from(u8::MAX) {
                    return Err(SealFault::Platform);
                }
                Ok(SealKey {
                    id: id.to_owned(),
                    key: RandomizedNonceKey::new(&AES_256_GCM_SIV, octets)
                        .map_err(|_| SealFault::Platform)?,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            realm: realm.into(),
            current: keys.iter().position(|key| key.id == current),
            keys,
        })
    }

    /// Seals octets until `end`; none for as long as the key is kept. `context` binds the text
    /// to whatever must be presented again to open it, such as a cookie or a person.
    ///
    /// # Errors
    /// [`SealFault::Platform`].
    pub fn seal(
        &self,
        purpose: SealPurpose,
        context: &[u8],
        octets: &[u8],
        end: Option<Timestamp>,
    ) -> Result<String, SealFault> {
        let key = self
            .current
            .and_then(|current| self.keys.get(current))
            .ok_or(SealFault::Platform)?;
        let mut text = vec![VERSION];
        text.push(u8::try_from(key.id.len()).map_err(|_| SealFault::Platform)?);
        text.extend_from_slice(key.id.as_bytes());
        let end = end.map_or(i64::MAX, Timestamp::as_millisecond);
        text.extend_from_slice(&end.to_be_bytes());
        let aad = self.aad(purpose, context, &text);
        let mut sealed = octets.to_vec();
        let nonce = key
            .key
            .seal_in_place_append_tag(Aad::from(aad), &mut sealed)
            .map_err(|_| SealFault::Platform)?;
        text.extend_from_slice(nonce.as_ref());
        text.extend_from_slice(&sealed);
        Ok(URL_SAFE_NO_PAD.encode(text))
    }

    /// Opens a sealed text.
    ///
    /// # Errors
    /// [`SealFault::Foreign`] or [`SealFault::Expired`].
    pub fn open(
        &self,
        purpose: SealPurpose,
        context: &[u8],
        text: &str,
        now: Timestamp,
    ) -> Result<Zeroizing<Vec<u8>>, SealFault> {
        if text.len() > MAX_TEXT {
            return Err(SealFault::Foreign);
        }
        let octets = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| SealFault::Foreign)?;
        let Parts {
            head,
            id,
            end,
            nonce,
            sealed,
        } = Parts::split(&octets).ok_or(SealFault::Foreign)?;
        let key = self
            .keys
            .iter()
            .find(|key| key.id.as_bytes() == id)
            .ok_or(SealFault::Foreign)?;
        let aad = self.aad(purpose, context, head);
        let mut opened = Zeroizing::new(sealed.to_vec());
        let length = key
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                &mut opened,
            )
            .map_err(|_| SealFault::Foreign)?
            .len();
        opened.truncate(length);
        // Only after it is known to be ours.
        if end <= now.as_millisecond() {
            return Err(SealFault::Expired);
        }
        Ok(opened)
    }

    fn aad(&self, purpose: SealPurpose, context: &[u8], head: &[u8]) -> Vec<u8> {
        let mut aad = b"realmwright-seal".to_vec();
        for part in [purpose.label(), self.realm.as_bytes(), context, head] {
            aad.extend_from_slice(&(part.len() as u64).to_be_bytes());
            aad.extend_from_slice(part);
        }
        aad
    }
}

struct Parts<'a> {
    head: &'a [u8],
    id: &'a [u8],
    end: i64,
    nonce: [u8; NONCE_LEN],
    sealed: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(octets: &'a [u8]) -> Option<Self> {
        let [VERSION, id_length, rest @ ..] = octets else {
            return None;
        };
        let (id, rest) = rest.split_at_checked(usize::from(*id_length))?;
        let (end, rest) = rest.split_first_chunk::<8>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        if sealed.len() < TAG_LEN {
            return None;
        }
        let (head, _) = octets.split_at_checked(octets.len() - rest.len())?;
        Some(Self {
            head,
            id,
            end: i64::from_be_bytes(*end),
            nonce: *nonce,
            sealed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOGIN: SealPurpose = SealPurpose::LoginRequest;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn sealer(realm: &str, current: &str) -> Sealer {
        Sealer::new(
            realm,
            current,
            [("one", &[1; 32][..]), ("two", &[2; 32][..])],
        )
        .unwrap()
    }

    #[test]
    fn opens_for_the_same_purpose_realm_and_context_until_its_end() {
        let other = sealer("b.main", "one");
        let sealer = sealer("a.main", "one");
        let text = sealer
            .seal(LOGIN, b"cookie", b"hello", Some(at(100)))
            .unwrap();
        let opened = sealer.open(LOGIN, b"cookie", &text, at(99)).unwrap();
        assert_eq!(opened.as_slice(), b"hello");
        assert_eq!(
            sealer.open(LOGIN, b"cookie", &text, at(100)),
            Err(SealFault::Expired)
        );
        assert_eq!(
            sealer.open(SealPurpose::TotpSeed, b"cookie", &text, at(0)),
            Err(SealFault::Foreign)
        );
        assert_eq!(
            sealer.open(LOGIN, b"another", &text, at(0)),
            Err(SealFault::Foreign)
        );
        assert_eq!(
            other.open(LOGIN, b"cookie", &text, at(0)),
            Err(SealFault::Foreign)
        );
    }

    #[test]
    fn a_former_key_opens_and_a_forgotten_one_does_not() {
        let text = sealer("r", "one").seal(LOGIN, b"", b"x", None).unwrap();
        assert!(
            sealer("r", "two")
                .open(LOGIN, b"", &text, Timestamp::MAX)
                .is_ok()
        );
        let without = Sealer::new("r", "two", [("two", &[2; 32][..])]).unwrap();
        assert_eq!(
            without.open(LOGIN, b"", &text, at(0)),
            Err(SealFault::Foreign)
        );
    }

    #[test]
    fn a_key_of_the_wrong_length_or_no_current_key_cannot_seal() {
        assert!(Sealer::new("r", "one", [("one", &[1; 16][..])]).is_err());
        let none = Sealer::new("r", "three", [("one", &[1; 32][..])]).unwrap();
        assert_eq!(none.seal(LOGIN, b"", b"x", None), Err(SealFault::Platform));
    }

    #[test]
    fn two_texts_of_one_value_differ() {
        let sealer = sealer("r", "one");
        let seal = || sealer.seal(LOGIN, b"", b"x", None).unwrap();
        assert_ne!(seal(), seal());
    }

    proptest! {
        #[test]
        fn no_altered_text_opens(at_octet in 0usize..200, flip in 1u8..) {
            let sealer = sealer("r", "one");
            let text = sealer.seal(LOGIN, b"c", b"the pending request", None).unwrap();
            let mut octets = URL_SAFE_NO_PAD.decode(&text).unwrap();
            let position = at_octet % octets.len();
            octets[position] ^= flip;
            let altered = URL_SAFE_NO_PAD.encode(octets);
            prop_assert_eq!(
                sealer.open(LOGIN, b"c", &altered, at(0)),
                Err(SealFault::Foreign)
            );
        }

        #[test]
        fn any_text_is_refused(text in "[A-Za-z0-9_-]{0,200}|.{0,60}") {
            prop_assert_eq!(
                sealer("r", "one").open(LOGIN, b"", &text, at(0)),
                Err(SealFault::Foreign)
            );
        }
    }
}
