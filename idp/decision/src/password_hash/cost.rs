//! What checking one password may cost. The one home of these numbers: the schema of `AuthMethod`
//! repeats them, and a test of the compiler holds it to them.
//!
//! Each bound is a third of a second or so of one core of a present server, below the default
//! response floor (`docs/decisions/0012-the-response-floor-follows-the-slowest-check.md`).

use realmwright_snapshot::PasswordHashing;

use super::{Family, Pbkdf2Digest, SCRYPT_BLOCKS_OF_A_KIB};

/// Memory of one Argon2 hash, in KiB: 256 MiB.
pub const MAX_ARGON2_MEMORY_KIB: u32 = 262_144;

/// Passes of Argon2 over its memory: what the work admits at the least memory of a new hash.
pub const MAX_ARGON2_PASSES: u32 = 36;

/// Lanes of Argon2.
pub const MAX_ARGON2_LANES: u32 = 16;

/// Memory in KiB times passes of Argon2: some seven times the default.
pub const MAX_ARGON2_WORK: u64 = 262_144;

/// Memory of one scrypt hash times its `p`, in KiB: `N` = 2^17 with `r` = 8 and `p` = 1, which is
/// what OWASP recommends, or as much in another form.
pub const MAX_SCRYPT_WORK_KIB: u64 = 131_072;

/// Iterations of PBKDF2 times the blocks of its output.
#[must_use]
pub const fn max_pbkdf2_work(digest: Pbkdf2Digest) -> u64 {
    match digest {
        Pbkdf2Digest::Sha1 => 1_500_000,
        Pbkdf2Digest::Sha256 => 2_000_000,
        Pbkdf2Digest::Sha512 => 1_000_000,
    }
}

/// Exponent of bcrypt.
pub const MAX_BCRYPT_COST: u32 = 12;

/// Whether hashes of this cost can be checked, and so may be made.
#[must_use]
pub fn admits(cost: PasswordHashing) -> bool {
    let PasswordHashing {
        memory_kib,
        iterations,
        parallelism,
    } = cost;
    memory_kib <= MAX_ARGON2_MEMORY_KIB
        && iterations <= MAX_ARGON2_PASSES
        && parallelism <= MAX_ARGON2_LANES
        && u64::from(memory_kib) * u64::from(iterations) <= MAX_ARGON2_WORK
}

/// The bound of a family of hashes, in words.
pub(super) fn bound(family: Family) -> String {
    match family {
        Family::Argon2 => format!(
            "m at most {MAX_ARGON2_MEMORY_KIB}, t at most {MAX_ARGON2_PASSES}, p at most \
             {MAX_ARGON2_LANES}, m times t at most {MAX_ARGON2_WORK}"
        ),
        Family::Scrypt => format!(
            "N times r times p at most {}",
            MAX_SCRYPT_WORK_KIB * SCRYPT_BLOCKS_OF_A_KIB
        ),
        Family::Pbkdf2 => format!(
            "iterations times blocks of output at most {} with SHA-1, {} with SHA-256, {} with \
             SHA-512",
            max_pbkdf2_work(Pbkdf2Digest::Sha1),
            max_pbkdf2_work(Pbkdf2Digest::Sha256),
            max_pbkdf2_work(Pbkdf2Digest::Sha512)
        ),
        Family::Bcrypt => format!("cost at most {MAX_BCRYPT_COST}"),
    }
}
