//! Password hashes as text: what is understood, and what checking it may cost. Hashing itself is
//! the process's.
//!
//! Understood are PHC texts of Argon2 (id, i, d), scrypt and PBKDF2 (SHA-1, SHA-256, SHA-512),
//! PBKDF2 as Django and passlib write it, and bcrypt in modular crypt form (`$2a$`, `$2b$`,
//! `$2y$`). Every text is foreign: its length and the work that it may ask for are bounded.

pub mod cost;
mod text;

use std::fmt;

use realmwright_snapshot::PasswordHashing;

/// scrypt works on blocks of 128 bytes.
const SCRYPT_BLOCKS_OF_A_KIB: u64 = 8;

/// A hash that a password can be checked against. `Debug` shows the family only.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordHash {
    /// Argon2, RFC 9106.
    Argon2(Argon2Hash),
    /// scrypt, RFC 7914.
    Scrypt(ScryptHash),
    /// PBKDF2, RFC 8018 section 5.2.
    Pbkdf2(Pbkdf2Hash),
    /// bcrypt.
    Bcrypt(BcryptHash),
}

/// Families of hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Argon2.
    Argon2,
    /// scrypt.
    Scrypt,
    /// PBKDF2.
    Pbkdf2,
    /// bcrypt.
    Bcrypt,
}

/// A hash of Argon2.
#[derive(Clone, PartialEq, Eq)]
pub struct Argon2Hash {
    /// Which Argon2.
    pub variant: Argon2Variant,
    /// Its version.
    pub version: Argon2Version,
    /// Its cost, which is one that Argon2 allows.
    pub cost: PasswordHashing,
    /// Salt: at least 8 bytes.
    pub salt: Vec<u8>,
    /// Output: at least 10 bytes.
    pub output: Vec<u8>,
}

/// Which Argon2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argon2Variant {
    /// The recommended one.
    Id,
    /// Independent of the password.
    I,
    /// Dependent on it.
    D,
}

/// Version of Argon2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argon2Version {
    /// 1.0, of before the competition ended.
    V10,
    /// 1.3, of RFC 9106.
    V13,
}

/// A hash of scrypt.
#[derive(Clone, PartialEq, Eq)]
pub struct ScryptHash {
    /// Exponent of `N`.
    pub log_n: u8,
    /// Size of a block.
    pub r: u32,
    /// Parallelism.
    pub p: u32,
    /// Salt.
    pub salt: Vec<u8>,
    /// Output: at least 10 bytes.
    pub output: Vec<u8>,
}

/// A hash of PBKDF2.
#[derive(Clone, PartialEq, Eq)]
pub struct Pbkdf2Hash {
    /// The hash function of its HMAC.
    pub digest: Pbkdf2Digest,
    /// Iterations.
    pub iterations: std::num::NonZeroU32,
    /// Salt.
    pub salt: Vec<u8>,
    /// Output: at least 10 bytes.
    pub output: Vec<u8>,
}

/// Hash functions of PBKDF2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pbkdf2Digest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Pbkdf2Digest {
    const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// A hash of bcrypt.
#[derive(Clone, PartialEq, Eq)]
pub struct BcryptHash {
    /// Modular crypt text, as `$2b$` and without the unused bits that some writers leave set.
    pub text: String,
}

/// Why a text cannot be checked against. Reads on from "it is".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatFault {
    /// Not one of the formats.
    #[error(
        "in no format that is understood: PHC text of Argon2, scrypt or PBKDF2, or bcrypt text"
    )]
    Unknown,
    /// One of the formats, but malformed.
    #[error("a malformed {0} hash")]
    Malformed(Family),
    /// It would cost too much memory or time.
    #[error("a {0} hash that costs more to check than is admitted ({bound})", bound = cost::bound(*.0))]
    TooExpensive(Family),
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Argon2 => "Argon2",
            Self::Scrypt => "scrypt",
            Self::Pbkdf2 => "PBKDF2",
            Self::Bcrypt => "bcrypt",
        })
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordHash({})", self.family())
    }
}

/// `Debug` of what holds salts and outputs: the name only.
macro_rules! shows_its_name_only {
    ($($hash:ident)*) => {$(
        impl fmt::Debug for $hash {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($hash)).finish_non_exhaustive()
            }
        }
    )*};
}

shows_its_name_only!(Argon2Hash ScryptHash Pbkdf2Hash BcryptHash);

impl PasswordHash {
    /// Parses a text.
    ///
    /// # Errors
    /// [`FormatFault`] says why it cannot be checked against.
    pub fn parse(text: &str) -> Result<Self, FormatFault> {
        text::parse(text)
    }

    /// Of which family it is.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Argon2(_) => Family::Argon2,
            Self::Scrypt(_) => Family::Scrypt,
            Self::Pbkdf2(_) => Family::Pbkdf2,
            Self::Bcrypt(_) => Family::Bcrypt,
        }
    }

    /// One that costs what a hash of `cost` costs, with an output that no password is known to
    /// have.
    #[must_use]
    pub fn of_nobody(cost: PasswordHashing, salt: [u8; 16], output: [u8; 32]) -> Self {
        Self::Argon2(Argon2Hash {
            variant: Argon2Variant::Id,
            version: Argon2Version::V13,
            cost,
            salt: salt.into(),
            output: output.into(),
        })
    }

    /// Whether it is weaker than what is wanted, so that it is made anew at a login: everything
    /// that is not Argon2id, or Argon2id with less memory or fewer passes.
    #[must_use]
    pub fn is_weaker_than(&self, wanted: PasswordHashing) -> bool {
        match self {
            Self::Argon2(Argon2Hash {
                variant: Argon2Variant::Id,
                cost,
                ..
            }) => cost.memory_kib < wanted.memory_kib || cost.iterations < wanted.iterations,
            _ => true,
        }
    }
}
