//! Sealing, hashing and random values, over keys of the realm's keyring.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use realmwright_keys::{KeyId, Keyring, Purpose};
use realmwright_store::TokenHash;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::api::EngineFault;
use crate::ports::Random;

/// Bytes of a random token: 256 bits.
const TOKEN_BYTES: usize = 32;

/// Fresh random octets.
pub(crate) fn octets<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// A random token of 256 bits: 43 letters of base64url.
pub(crate) fn token(random: &dyn Random) -> String {
    URL_SAFE_NO_PAD.encode(octets::<TOKEN_BYTES>(random))
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

/// What is stored in place of a token.
pub(crate) fn token_hash(token: &str) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    TokenHash(hash)
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

fn encrypt(
    key: &[u8],
    random: &dyn Random,
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, EngineFault> {
    let failed = |_| EngineFault::internal("sealing failed");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(failed)?);
    let nonce: [u8; NONCE_LEN] = octets(random);
    let mut body = plain.to_vec();
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(aad),
        &mut body,
    )
    .map_err(failed)?;
    let mut sealed = nonce.to_vec();
    sealed.append(&mut body);
    Ok(sealed)
}

fn decrypt(key: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let mut body = Zeroizing::new(body.to_vec());
    let plain = key
        .open_in_place(
            Nonce::try_assume_unique_for_key(nonce).ok()?,
            Aad::from(aad),
            &mut body,
        )
        .ok()?
        .len();
    body.truncate(plain);
    Some(body)
}

/// Seals under the current key of a purpose: `kid.base64url(nonce, ciphertext, tag)`. The
/// associated data says what and whose it is, so that one sealed value never stands for another.
pub(crate) fn seal(
    keyring: &Keyring,
    purpose: Purpose,
    now: Timestamp,
    random: &dyn Random,
    aad: &[&str],
    plain: &[u8],
) -> Result<String, EngineFault> {
    let entry = keyring
        .current(purpose, now)
        .ok_or_else(|| EngineFault::internal(format!("no key for {purpose:?}")))?;
    let sealed = encrypt(entry.material.expose(), random, &joined(aad), plain)?;
    Ok(format!("{}.{}", entry.kid, URL_SAFE_NO_PAD.encode(sealed)))
}

/// Opens what [`seal`] made; none when it was altered, is of something else, or its key is gone.
pub(crate) fn open(
    keyring: &Keyring,
    purpose: Purpose,
    now: Timestamp,
    aad: &[&str],
    sealed: &str,
) -> Option<Zeroizing<Vec<u8>>> {
    let (kid, body) = sealed.split_once('.')?;
    let kid = KeyId::new(kid);
    let entry = keyring
        .accepted(purpose, now)
        .find(|entry| entry.kid == kid)?;
    let body = URL_SAFE_NO_PAD.decode(body).ok()?;
    decrypt(entry.material.expose(), &joined(aad), &body)
}

/// A key that only the holder of `token` can derive, RFC 5869.
fn key_of_token(token: &str, purpose: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"realmwright")
        .extract(token.as_bytes())
        .expand(&[purpose], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *key))
        .ok()?;
    Some(key)
}

const SUCCESSOR: &[u8] = b"successor of a refresh token";

/// Encrypts a successor so that only its predecessor opens it.
pub(crate) fn seal_successor(
    random: &dyn Random,
    predecessor: &str,
    successor: &[u8],
) -> Result<Vec<u8>, EngineFault> {
    let key = key_of_token(predecessor, SUCCESSOR)
        .ok_or_else(|| EngineFault::internal("key derivation failed"))?;
    encrypt(&*key, random, b"", successor)
}

/// The opposite of [`seal_successor`].
pub(crate) fn open_successor(predecessor: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    decrypt(&*key_of_token(predecessor, SUCCESSOR)?, b"", sealed)
}

fn joined(parts: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out
}
