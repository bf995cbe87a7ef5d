//! Whether a password has a hash, and new hashes.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::{constant_time, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use realmwright_decision::password_hash::{
    Argon2Hash, Argon2Variant, Argon2Version, Family, PasswordHash, Pbkdf2Digest, cost,
};
use realmwright_snapshot::PasswordHashing;

/// Why a hash function did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckFault {
    /// It does not take these parameters, though they were admitted.
    #[error("{0} does not take these parameters")]
    Parameters(Family),
    /// A hash of this cost could not be checked later, and so is not made.
    #[error("hashes of this cost could not be checked")]
    Cost,
}

/// Whether the password has this hash. Takes as long as the hash costs; compares in constant
/// time. Bcrypt reads no more than 72 bytes of a password: longer ones are compared by their
/// first 72, as every system that wrote such a hash did.
///
/// # Errors
/// [`CheckFault::Parameters`].
pub fn verify(hash: &PasswordHash, password: &[u8]) -> Result<bool, CheckFault> {
    let fault = CheckFault::Parameters(hash.family());
    match hash {
        PasswordHash::Argon2(hash) => {
            let found = argon2(hash, password).ok_or(fault)?;
            Ok(constant_time::verify_slices_are_equal(&found, &hash.output).is_ok())
        }
        PasswordHash::Scrypt(hash) => {
            let params = ::scrypt::Params::new(hash.log_n, hash.r, hash.p).map_err(|_| fault)?;
            let mut found = vec![0; hash.output.len()];
            ::scrypt::scrypt(password, &hash.salt, &params, &mut found).map_err(|_| fault)?;
            Ok(constant_time::verify_slices_are_equal(&found, &hash.output).is_ok())
        }
        PasswordHash::Pbkdf2(hash) => {
            let algorithm = match hash.digest {
                Pbkdf2Digest::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
                Pbkdf2Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
                Pbkdf2Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
            };
            let (salt, output) = (&hash.salt, &hash.output);
            Ok(pbkdf2::verify(algorithm, hash.iterations, salt, password, output).is_ok())
        }
        PasswordHash::Bcrypt(hash) => ::bcrypt::verify(password, &hash.text).map_err(|_| fault),
    }
}

/// A new Argon2id hash as PHC text.
///
/// # Errors
/// [`CheckFault`]; nothing that could not be checked later is made.
pub fn argon2id(
    password: &[u8],
    salt: &[u8; 16],
    cost: PasswordHashing,
) -> Result<String, CheckFault> {
    if !cost::admits(cost) {
        return Err(CheckFault::Cost);
    }
    let hash = Argon2Hash {
        variant: Argon2Variant::Id,
        version: Argon2Version::V13,
        cost,
        salt: salt.to_vec(),
        output: vec![0; 32],
    };
    let output = argon2(&hash, password).ok_or(CheckFault::Parameters(Family::Argon2))?;
    let PasswordHashing {
        memory_kib,
        iterations,
        parallelism,
    } = cost;
    Ok(format!(
        "$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${}${}",
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(output)
    ))
}

/// The output of the password with everything else of `hash`.
fn argon2(hash: &Argon2Hash, password: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match hash.variant {
        Argon2Variant::Id => Algorithm::Argon2id,
        Argon2Variant::I => Algorithm::Argon2i,
        Argon2Variant::D => Algorithm::Argon2d,
    };
    let version = match hash.version {
        Argon2Version::V10 => Version::V0x10,
        Argon2Version::V13 => Version::V0x13,
    };
    let PasswordHashing {
        memory_kib,
        iterations,
        parallelism,
    } = hash.cost;
    let mut found = vec![0; hash.output.len()];
    let params = Params::new(memory_kib, iterations, parallelism, Some(found.len())).ok()?;
    Argon2::new(algorithm, version, params)
        .hash_password_into(password, &hash.salt, &mut found)
        .ok()?;
    Some(found)
}

#[cfg(test)]
mod tests;
