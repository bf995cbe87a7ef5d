//! The formats.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use realmwright_snapshot::PasswordHashing;

use super::cost::{MAX_BCRYPT_COST, MAX_SCRYPT_WORK_KIB, admits, max_pbkdf2_work};
use super::{
    Argon2Hash, Argon2Variant, Argon2Version, BcryptHash, Family, FormatFault, PasswordHash,
    Pbkdf2Digest, Pbkdf2Hash, SCRYPT_BLOCKS_OF_A_KIB, ScryptHash,
};

/// No known format comes near.
const MAX_TEXT: usize = 1024;

const MAX_BYTES: usize = 128;

/// Unused bits are let pass, as some writers leave them set; padding may be there or not.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true)
    .with_encode_padding(false);

const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, LENIENT);

pub(super) fn parse(text: &str) -> Result<PasswordHash, FormatFault> {
    if text.len() > MAX_TEXT {
        return Err(FormatFault::Unknown);
    }
    if let Some(rest) = text.strip_prefix("pbkdf2_sha256$") {
        return django(rest, Pbkdf2Digest::Sha256);
    }
    if let Some(rest) = text.strip_prefix("pbkdf2_sha1$") {
        return django(rest, Pbkdf2Digest::Sha1);
    }
    let rest = text.strip_prefix('$').ok_or(FormatFault::Unknown)?;
    let (id, rest) = rest.split_once('$').ok_or(FormatFault::Unknown)?;
    match id {
        "argon2id" => argon2(Argon2Variant::Id, rest),
        "argon2i" => argon2(Argon2Variant::I, rest),
        "argon2d" => argon2(Argon2Variant::D, rest),
        "scrypt" => scrypt(rest),
        "pbkdf2" | "pbkdf2-sha1" => phc_pbkdf2(rest, Pbkdf2Digest::Sha1),
        "pbkdf2-sha256" => phc_pbkdf2(rest, Pbkdf2Digest::Sha256),
        "pbkdf2-sha512" => phc_pbkdf2(rest, Pbkdf2Digest::Sha512),
        "2a" | "2b" | "2y" => bcrypt(rest),
        _ => Err(FormatFault::Unknown),
    }
}

fn decode(text: &str, family: Family) -> Result<Vec<u8>, FormatFault> {
    // passlib writes `.` for `+`.
    let bytes = BASE64
        .decode(text.replace('.', "+"))
        .map_err(|_| FormatFault::Malformed(family))?;
    if bytes.len() > MAX_BYTES {
        return Err(FormatFault::Malformed(family));
    }
    Ok(bytes)
}

/// The output of a hash: fewer than 80 bits would be guessed.
fn decode_output(text: &str, family: Family) -> Result<Vec<u8>, FormatFault> {
    let bytes = decode(text, family)?;
    if bytes.len() < 10 {
        return Err(FormatFault::Malformed(family));
    }
    Ok(bytes)
}

/// `name=number` pairs.
struct Parameters<'a> {
    text: &'a str,
    family: Family,
}

impl Parameters<'_> {
    fn number(&self, name: &str) -> Result<u32, FormatFault> {
        let malformed = FormatFault::Malformed(self.family);
        let mut found = None;
        for pair in self.text.split(',') {
            let (key, value) = pair.split_once('=').ok_or(malformed)?;
            if key == name {
                if found.is_some() {
                    return Err(malformed);
                }
                found = Some(value.parse().map_err(|_| malformed)?);
            }
        }
        found.ok_or(malformed)
    }
}

fn three(rest: &str, family: Family) -> Result<(Parameters<'_>, &str, &str), FormatFault> {
    let mut fields = rest.split('$');
    match (fields.next(), fields.next(), fields.next(), fields.next()) {
        (Some(text), Some(salt), Some(output), None) => {
            Ok((Parameters { text, family }, salt, output))
        }
        _ => Err(FormatFault::Malformed(family)),
    }
}

fn argon2(variant: Argon2Variant, rest: &str) -> Result<PasswordHash, FormatFault> {
    const FAMILY: Family = Family::Argon2;
    let malformed = FormatFault::Malformed(FAMILY);
    let (version, rest) = match rest
        .strip_prefix("v=")
        .and_then(|rest| rest.split_once('$'))
    {
        Some(("19", rest)) => (Argon2Version::V13, rest),
        Some(("16", rest)) => (Argon2Version::V10, rest),
        Some(_) => return Err(malformed),
        None => (Argon2Version::V10, rest),
    };
    let (parameters, salt, output) = three(rest, FAMILY)?;
    let cost = PasswordHashing {
        memory_kib: parameters.number("m")?,
        iterations: parameters.number("t")?,
        parallelism: parameters.number("p")?,
    };
    if !admits(cost) {
        return Err(FormatFault::TooExpensive(FAMILY));
    }
    let salt = decode(salt, FAMILY)?;
    let output = decode_output(output, FAMILY)?;
    // RFC 9106 section 3.1.
    if cost.parallelism < 1
        || cost.iterations < 1
        || cost.memory_kib < 8 * cost.parallelism
        || salt.len() < 8
    {
        return Err(malformed);
    }
    Ok(PasswordHash::Argon2(Argon2Hash {
        variant,
        version,
        cost,
        salt,
        output,
    }))
}

fn scrypt(rest: &str) -> Result<PasswordHash, FormatFault> {
    const FAMILY: Family = Family::Scrypt;
    let malformed = FormatFault::Malformed(FAMILY);
    let (parameters, salt, output) = three(rest, FAMILY)?;
    let log_n = parameters.number("ln")?;
    let r = parameters.number("r")?;
    let p = parameters.number("p")?;
    if log_n < 1 || r < 1 || p < 1 {
        return Err(malformed);
    }
    let blocks = 1_u64
        .checked_shl(log_n)
        .and_then(|n| n.checked_mul(r.into())?.checked_mul(p.into()));
    if blocks.is_none_or(|blocks| blocks > MAX_SCRYPT_WORK_KIB * SCRYPT_BLOCKS_OF_A_KIB) {
        return Err(FormatFault::TooExpensive(FAMILY));
    }
    Ok(PasswordHash::Scrypt(ScryptHash {
        log_n: u8::try_from(log_n).map_err(|_| malformed)?,
        r,
        p,
        salt: decode(salt, FAMILY)?,
        output: decode_output(output, FAMILY)?,
    }))
}

fn pbkdf2(
    digest: Pbkdf2Digest,
    iterations: u32,
    salt: Vec<u8>,
    output: &str,
) -> Result<PasswordHash, FormatFault> {
    const FAMILY: Family = Family::Pbkdf2;
    let output = decode_output(output, FAMILY)?;
    let blocks = output.len().div_ceil(digest.bytes());
    let work = u64::try_from(blocks).map(|blocks| blocks.saturating_mul(iterations.into()));
    if work.is_ok_and(|work| work > max_pbkdf2_work(digest)) {
        return Err(FormatFault::TooExpensive(FAMILY));
    }
    Ok(PasswordHash::Pbkdf2(Pbkdf2Hash {
        digest,
        iterations: NonZeroU32::new(iterations).ok_or(FormatFault::Malformed(FAMILY))?,
        salt,
        output,
    }))
}

/// PHC with `i=` (and `l=`, which the length of the output says anyway), or passlib's bare number.
fn phc_pbkdf2(rest: &str, digest: Pbkdf2Digest) -> Result<PasswordHash, FormatFault> {
    let (parameters, salt, output) = three(rest, Family::Pbkdf2)?;
    let iterations = match parameters.text.parse() {
        Ok(number) => number,
        Err(_) => parameters.number("i")?,
    };
    pbkdf2(digest, iterations, decode(salt, Family::Pbkdf2)?, output)
}

/// Django keeps the salt as text.
fn django(rest: &str, digest: Pbkdf2Digest) -> Result<PasswordHash, FormatFault> {
    let (parameters, salt, output) = three(rest, Family::Pbkdf2)?;
    let iterations = parameters
        .text
        .parse()
        .map_err(|_| FormatFault::Malformed(Family::Pbkdf2))?;
    pbkdf2(digest, iterations, salt.as_bytes().to_vec(), output)
}

fn bcrypt(rest: &str) -> Result<PasswordHash, FormatFault> {
    let malformed = FormatFault::Malformed(Family::Bcrypt);
    let (cost_text, body) = rest.split_once('$').ok_or(malformed)?;
    let cost: u32 = cost_text.parse().map_err(|_| malformed)?;
    if cost_text.len() != 2 || !(4..=31).contains(&cost) || body.len() != 53 {
        return Err(malformed);
    }
    let (salt, output) = body.split_at_checked(22).ok_or(malformed)?;
    let salt = BCRYPT_BASE64.decode(salt).map_err(|_| malformed)?;
    let output = BCRYPT_BASE64.decode(output).map_err(|_| malformed)?;
    if cost > MAX_BCRYPT_COST {
        return Err(FormatFault::TooExpensive(Family::Bcrypt));
    }
    Ok(PasswordHash::Bcrypt(BcryptHash {
        text: format!(
            "$2b${cost:02}${}{}",
            BCRYPT_BASE64.encode(salt),
            BCRYPT_BASE64.encode(output)
        ),
    }))
}

#[cfg(test)]
mod tests;
