//! Random values, hashes, and what only the holder of a token can open.

use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use realmwright_protocol::seal::{SealPurpose, Sealer};
use realmwright_protocol::secret::{RandomToken, hash_token};
use realmwright_store::TokenHash;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::api::EngineFault;
use crate::ports::Random;

/// Fresh random octets.
pub(crate) fn octets<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// A random token of 256 bits.
pub(crate) fn token(random: &dyn Random) -> RandomToken {
    RandomToken::from_octets(octets(random))
}

/// A random UUID (version 4).
pub(crate) fn uuid(random: &dyn Random) -> Uuid {
    uuid::Builder::from_random_bytes(octets(random)).into_uuid()
}

/// A time-ordered UUID (version 7).
pub(crate) fn ordered_uuid(random: &dyn Random, now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &octets(random)).into_uuid()
}

/// A number for somebody to read out: 60 random bits as three groups of four letters and digits,
/// of which none is taken for another.
#[must_use]
pub fn error_id(random: &dyn Random) -> String {
    let letters = octets::<12>(random).map(|octet| {
        let letter = ERROR_ID_LETTERS.get(usize::from(octet & 31));
        char::from(letter.copied().unwrap_or(b'0'))
    });
    grouped(letters)
}

/// The number that somebody means who types it without hyphens, in capitals, or takes a letter for
/// a digit; none when it cannot be one.
pub(crate) fn meant_error_id(typed: &str) -> Option<String> {
    let letters: Vec<char> = typed
        .chars()
        .filter(|letter| !matches!(letter, '-' | ' '))
        .map(|letter| match letter.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            letter => letter,
        })
        .collect();
    let letters: [char; 12] = letters.try_into().ok()?;
    let is_one = |letter: &char| {
        ERROR_ID_LETTERS
            .iter()
            .any(|known| char::from(*known) == *letter)
    };
    letters.iter().all(is_one).then(|| grouped(letters))
}

const ERROR_ID_LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn grouped(letters: [char; 12]) -> String {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = letters;
    String::from_iter([a, b, c, d, '-', e, f, g, h, '-', i, j, k, l])
}

/// What is stored in place of a token.
pub(crate) fn token_hash(token: &str) -> TokenHash {
    TokenHash(hash_token(token))
}

/// Base64url without padding.
pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// HMAC-SHA-256 of length-prefixed parts, so that no two lists of parts collide.
pub(crate) fn keyed_hash(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// Whether two values are equal, in time that does not tell where they differ.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}

const KEY_NAME: &str = "token";

/// A sealer whose key only the holder of `token` can derive, RFC 5869.
fn sealer_of_token(token: &str) -> Result<Sealer, EngineFault> {
    let mut key = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"realmwright")
        .extract(token.as_bytes())
        .expand(&[b"successor of a refresh token"], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *key))
        .map_err(|_| EngineFault::internal("key derivation failed"))?;
    Sealer::new("", KEY_NAME, [(KEY_NAME, key.as_slice())]).map_err(EngineFault::internal)
}

/// Encrypts a successor so that only its predecessor opens it.
pub(crate) fn seal_successor(predecessor: &str, successor: &str) -> Result<Vec<u8>, EngineFault> {
    sealer_of_token(predecessor)?
        .seal(
            SealPurpose::RefreshSuccessor,
            b"",
            successor.as_bytes(),
            None,
        )
        .map(String::into_bytes)
        .map_err(EngineFault::internal)
}

/// The opposite of [`seal_successor`].
pub(crate) fn open_successor(predecessor: &str, sealed: &[u8], now: Timestamp) -> Option<String> {
    let text = std::str::from_utf8(sealed).ok()?;
    let plain = sealer_of_token(predecessor)
        .ok()?
        .open(SealPurpose::RefreshSuccessor, b"", text, now)
        .ok()?;
    std::str::from_utf8(&plain).ok().map(str::to_owned)
}
