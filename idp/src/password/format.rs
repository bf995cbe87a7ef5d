//! Password hashes as text: what is understood, and whether a password has one.
//!
//! Understood are PHC texts of Argon2 (id, i, d), scrypt and PBKDF2 (SHA-1, SHA-256, SHA-512),
//! PBKDF2 as Django and passlib write it, and bcrypt in modular crypt form (`$2a$`, `$2b$`,
//! `$2y$`). Every text is foreign: its length and the work that it may ask for are bounded.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::{constant_time, pbkdf2};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use realmwright_snapshot::PasswordHashing;

/// No known format comes near.
const MAX_TEXT: usize = 1024;

/// 256 MiB: what an imported hash may ask of one check.
const MAX_MEMORY_KIB: u32 = 256 * 1024;

/// Memory times passes of Argon2, in KiB: some ten times the recommended cost.
const MAX_ARGON2_WORK: u64 = 2 * 1024 * 1024;

const MAX_LANES: u32 = 16;

/// About two seconds.
const MAX_PBKDF2_ITERATIONS: u32 = 5_000_000;

/// About one second.
const MAX_BCRYPT_COST: u32 = 14;

const MAX_HASH_BYTES: usize = 128;

/// Why a text cannot be checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatFault {
    /// Not one of the formats.
    #[error("not a password hash that is understood here")]
    Unknown,
    /// One of the formats, but malformed.
    #[error("a malformed {0} hash")]
    Malformed(&'static str),
    /// It would cost too much memory or time.
    #[error("a {0} hash that costs too much to check")]
    TooExpensive(&'static str),
}

/// Standard alphabet with or without padding; unused bits are let pass, as some writers leave
/// them set.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

const PHC_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_encode_padding(false),
);

/// A parsed hash.
pub struct PasswordHash(Kind);

enum Kind {
    Argon2 {
        algorithm: Algorithm,
        version: Version,
        memory_kib: u32,
        iterations: u32,
        parallelism: u32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        iterations: NonZeroU32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Bcrypt(String),
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Kind::Argon2 { .. } => "PasswordHash(argon2)",
            Kind::Scrypt { .. } => "PasswordHash(scrypt)",
            Kind::Pbkdf2 { .. } => "PasswordHash(pbkdf2)",
            Kind::Bcrypt(_) => "PasswordHash(bcrypt)",
        })
    }
}

impl PasswordHash {
    /// Parses a text.
    ///
    /// # Errors
    /// [`FormatFault`] says why it cannot be checked against.
    pub fn parse(text: &str) -> Result<Self, FormatFault> {
        if text.len() > MAX_TEXT {
            return Err(FormatFault::Unknown);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2_sha256$") {
            return django(rest, pbkdf2::PBKDF2_HMAC_SHA256);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2_sha1$") {
            return django(rest, pbkdf2::PBKDF2_HMAC_SHA1);
        }
        let rest = text.strip_prefix('$').ok_or(FormatFault::Unknown)?;
        let (id, rest) = rest.split_once('$').ok_or(FormatFault::Unknown)?;
        match id {
            "argon2id" => argon2(Algorithm::Argon2id, rest),
            "argon2i" => argon2(Algorithm::Argon2i, rest),
            "argon2d" => argon2(Algorithm::Argon2d, rest),
            "scrypt" => scrypt(rest),
            "pbkdf2" | "pbkdf2-sha1" => phc_pbkdf2(rest, pbkdf2::PBKDF2_HMAC_SHA1),
            "pbkdf2-sha256" => phc_pbkdf2(rest, pbkdf2::PBKDF2_HMAC_SHA256),
            "pbkdf2-sha512" => phc_pbkdf2(rest, pbkdf2::PBKDF2_HMAC_SHA512),
            "2a" | "2b" | "2y" => bcrypt(text, rest),
            _ => Err(FormatFault::Unknown),
        }
    }

    /// Whether the password has this hash. Takes as long as the hash costs; compares in constant
    /// time. Bcrypt reads no more than 72 bytes of a password: longer ones are compared by
    /// their first 72, as every system that wrote such a hash did.
    ///
    /// # Errors
    /// [`FormatFault::Malformed`] when the parameters do not fit together.
    pub fn verify(&self, password: &[u8]) -> Result<bool, FormatFault> {
        match &self.0 {
            Kind::Argon2 {
                algorithm,
                version,
                memory_kib,
                iterations,
                parallelism,
                salt,
                hash,
            } => {
                let malformed = |_| FormatFault::Malformed("argon2");
                let params = Params::new(*memory_kib, *iterations, *parallelism, Some(hash.len()))
                    .map_err(malformed)?;
                let mut found = vec![0; hash.len()];
                Argon2::new(*algorithm, *version, params)
                    .hash_password_into(password, salt, &mut found)
                    .map_err(malformed)?;
                Ok(constant_time::verify_slices_are_equal(&found, hash).is_ok())
            }
            Kind::Scrypt { params, salt, hash } => {
                let mut found = vec![0; hash.len()];
                ::scrypt::scrypt(password, salt, params, &mut found)
                    .map_err(|_| FormatFault::Malformed("scrypt"))?;
                Ok(constant_time::verify_slices_are_equal(&found, hash).is_ok())
            }
            Kind::Pbkdf2 {
                algorithm,
                iterations,
                salt,
                hash,
            } => Ok(pbkdf2::verify(*algorithm, *iterations, salt, password, hash).is_ok()),
            Kind::Bcrypt(text) => {
                ::bcrypt::verify(password, text).map_err(|_| FormatFault::Malformed("bcrypt"))
            }
        }
    }
}

/// A new Argon2id hash as PHC text.
///
/// # Errors
/// [`FormatFault::Malformed`] when the cost is outside what Argon2 allows.
pub fn argon2id(
    password: &[u8],
    salt: &[u8; 16],
    cost: PasswordHashing,
) -> Result<String, FormatFault> {
    let malformed = |_| FormatFault::Malformed("argon2");
    let PasswordHashing {
        memory_kib,
        iterations,
        parallelism,
    } = cost;
    let params = Params::new(memory_kib, iterations, parallelism, Some(32)).map_err(malformed)?;
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, salt, &mut hash)
        .map_err(malformed)?;
    Ok(format!(
        "$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${}${}",
        PHC_BASE64.encode(salt),
        PHC_BASE64.encode(hash)
    ))
}

/// Whether a text is anything but Argon2id of exactly this cost: it is then replaced at the next
/// login.
#[must_use]
pub fn needs_upgrade(text: &str, cost: PasswordHashing) -> bool {
    match PasswordHash::parse(text) {
        Ok(PasswordHash(Kind::Argon2 {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            memory_kib,
            iterations,
            parallelism,
            ..
        })) => {
            (memory_kib, iterations, parallelism)
                != (cost.memory_kib, cost.iterations, cost.parallelism)
        }
        _ => true,
    }
}

fn decode(text: &str, format: &'static str) -> Result<Vec<u8>, FormatFault> {
    // passlib writes `.` for `+`.
    let bytes = BASE64
        .decode(text.replace('.', "+"))
        .map_err(|_| FormatFault::Malformed(format))?;
    if bytes.len() > MAX_HASH_BYTES {
        return Err(FormatFault::Malformed(format));
    }
    Ok(bytes)
}

/// The output of a hash: fewer than 80 bits would be guessed.
fn decode_hash(text: &str, format: &'static str) -> Result<Vec<u8>, FormatFault> {
    let bytes = decode(text, format)?;
    if bytes.len() < 10 {
        return Err(FormatFault::Malformed(format));
    }
    Ok(bytes)
}

/// `name=number` pairs; a pair that is missing has its default.
struct Parameters<'a> {
    text: &'a str,
    format: &'static str,
}

impl Parameters<'_> {
    fn number(&self, name: &str) -> Result<Option<u32>, FormatFault> {
        let mut found = None;
        for pair in self.text.split(',') {
            let (key, value) = pair
                .split_once('=')
                .ok_or(FormatFault::Malformed(self.format))?;
            if key == name {
                if found.is_some() {
                    return Err(FormatFault::Malformed(self.format));
                }
                found = Some(
                    value
                        .parse()
                        .map_err(|_| FormatFault::Malformed(self.format))?,
                );
            }
        }
        Ok(found)
    }

    fn required(&self, name: &str) -> Result<u32, FormatFault> {
        self.number(name)?
            .ok_or(FormatFault::Malformed(self.format))
    }
}

fn three<'a>(
    rest: &'a str,
    format: &'static str,
) -> Result<(Parameters<'a>, &'a str, &'a str), FormatFault> {
    let mut fields = rest.split('$');
    match (fields.next(), fields.next(), fields.next(), fields.next()) {
        (Some(text), Some(salt), Some(hash), None) => Ok((Parameters { text, format }, salt, hash)),
        _ => Err(FormatFault::Malformed(format)),
    }
}

fn argon2(algorithm: Algorithm, rest: &str) -> Result<PasswordHash, FormatFault> {
    const FORMAT: &str = "argon2";
    let (version, rest) = match rest
        .strip_prefix("v=")
        .and_then(|rest| rest.split_once('$'))
    {
        Some(("19", rest)) => (Version::V0x13, rest),
        Some(("16", rest)) => (Version::V0x10, rest),
        Some(_) => return Err(FormatFault::Malformed(FORMAT)),
        None => (Version::V0x10, rest),
    };
    let (parameters, salt, hash) = three(rest, FORMAT)?;
    let memory_kib = parameters.required("m")?;
    let iterations = parameters.required("t")?;
    let parallelism = parameters.required("p")?;
    if memory_kib > MAX_MEMORY_KIB
        || parallelism > MAX_LANES
        || u64::from(memory_kib) * u64::from(iterations) > MAX_ARGON2_WORK
    {
        return Err(FormatFault::TooExpensive(FORMAT));
    }
    let salt = decode(salt, FORMAT)?;
    let hash = decode_hash(hash, FORMAT)?;
    Params::new(memory_kib, iterations, parallelism, Some(hash.len()))
        .map_err(|_| FormatFault::Malformed(FORMAT))?;
    if salt.len() < 8 {
        return Err(FormatFault::Malformed(FORMAT));
    }
    Ok(PasswordHash(Kind::Argon2 {
        algorithm,
        version,
        memory_kib,
        iterations,
        parallelism,
        salt,
        hash,
    }))
}

fn scrypt(rest: &str) -> Result<PasswordHash, FormatFault> {
    const FORMAT: &str = "scrypt";
    let (parameters, salt, hash) = three(rest, FORMAT)?;
    let log_n = parameters.required("ln")?;
    let r = parameters.required("r")?;
    let p = parameters.required("p")?;
    let kib = 1_u64
        .checked_shl(log_n)
        .map(|n| n.saturating_mul(u64::from(r)) / 8);
    let within = matches!(kib, Some(kib) if log_n < 32 && kib <= u64::from(MAX_MEMORY_KIB));
    if !within || p > MAX_LANES {
        return Err(FormatFault::TooExpensive(FORMAT));
    }
    let log_n = u8::try_from(log_n).map_err(|_| FormatFault::Malformed(FORMAT))?;
    let params = ::scrypt::Params::new(log_n, r, p).map_err(|_| FormatFault::Malformed(FORMAT))?;
    Ok(PasswordHash(Kind::Scrypt {
        params,
        salt: decode(salt, FORMAT)?,
        hash: decode_hash(hash, FORMAT)?,
    }))
}

fn pbkdf2_kind(
    algorithm: pbkdf2::Algorithm,
    iterations: u32,
    salt: Vec<u8>,
    hash: &str,
) -> Result<PasswordHash, FormatFault> {
    const FORMAT: &str = "pbkdf2";
    if iterations > MAX_PBKDF2_ITERATIONS {
        return Err(FormatFault::TooExpensive(FORMAT));
    }
    Ok(PasswordHash(Kind::Pbkdf2 {
        algorithm,
        iterations: NonZeroU32::new(iterations).ok_or(FormatFault::Malformed(FORMAT))?,
        salt,
        hash: decode_hash(hash, FORMAT)?,
    }))
}

/// PHC with `i=` (and `l=`, which the length of the hash says anyway), or passlib's bare number.
fn phc_pbkdf2(rest: &str, algorithm: pbkdf2::Algorithm) -> Result<PasswordHash, FormatFault> {
    let (parameters, salt, hash) = three(rest, "pbkdf2")?;
    let iterations = match parameters.text.parse() {
        Ok(number) => number,
        Err(_) => parameters.required("i")?,
    };
    pbkdf2_kind(algorithm, iterations, decode(salt, "pbkdf2")?, hash)
}

/// Django keeps the salt as text.
fn django(rest: &str, algorithm: pbkdf2::Algorithm) -> Result<PasswordHash, FormatFault> {
    let (parameters, salt, hash) = three(rest, "pbkdf2")?;
    let iterations = parameters
        .text
        .parse()
        .map_err(|_| FormatFault::Malformed("pbkdf2"))?;
    pbkdf2_kind(algorithm, iterations, salt.as_bytes().to_vec(), hash)
}

fn bcrypt(text: &str, rest: &str) -> Result<PasswordHash, FormatFault> {
    let malformed = FormatFault::Malformed("bcrypt");
    let (cost, body) = rest.split_once('$').ok_or(malformed)?;
    let cost: u32 = cost.parse().map_err(|_| malformed)?;
    let in_alphabet = |c: u8| c.is_ascii_alphanumeric() || c == b'.' || c == b'/';
    if !(4..=31).contains(&cost) || body.len() != 53 || !body.bytes().all(in_alphabet) {
        return Err(malformed);
    }
    if cost > MAX_BCRYPT_COST {
        return Err(FormatFault::TooExpensive("bcrypt"));
    }
    Ok(PasswordHash(Kind::Bcrypt(text.to_owned())))
}

#[cfg(test)]
mod tests;
