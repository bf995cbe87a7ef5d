//! Public keys as JWK, RFC 7517 with RFC 7518 section 6 and RFC 8037. Private parts are never
//! written as JWK.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use realmwright_snapshot::SigningAlgorithm;
use serde::{Deserialize, Serialize};

use crate::material::{KeyId, Material};

/// Why a key has no public JWK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not a signing key.
    #[error("the key is not a signing key")]
    NotASigningKey,
    /// Not PKCS#8 of the kind that the algorithm asks for.
    #[error("the key material does not fit its algorithm")]
    Material,
}

/// Members of a public key that its thumbprint covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum PublicKeyMembers {
    /// Elliptic curve.
    #[serde(rename = "EC")]
    Ec {
        /// `P-256`.
        crv: String,
        /// Coordinate, base64url.
        x: String,
        /// Coordinate, base64url.
        y: String,
    },
    /// RSA.
    #[serde(rename = "RSA")]
    Rsa {
        /// Exponent, base64url.
        e: String,
        /// Modulus, base64url.
        n: String,
    },
    /// Edwards curve.
    #[serde(rename = "OKP")]
    Okp {
        /// `Ed25519`.
        crv: String,
        /// Public key, base64url.
        x: String,
    },
}

impl PublicKeyMembers {
    /// SHA-256 thumbprint, RFC 7638 section 3.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // Lexicographic order and no white space; every value is plain base64url or a curve name.
        let canonical = match self {
            Self::Ec { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Rsa { e, n } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
        };
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
    }

    /// The public members of a private key in PKCS#8.
    ///
    /// # Errors
    /// [`KeyFault::Material`] when it does not fit the algorithm.
    pub fn of_private_key(alg: SigningAlgorithm, material: &Material) -> Result<Self, KeyFault> {
        let pkcs8 = material.expose();
        match alg {
            SigningAlgorithm::ES256 => {
                let pair =
                    EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                        .map_err(|_| KeyFault::Material)?;
                // SEC 1 section 2.3.3: 0x04, then both coordinates.
                match pair.public_key().as_ref() {
                    [0x04, coordinates @ ..] if coordinates.len() == 64 => {
                        let (x, y) = coordinates.split_at(32);
                        Ok(Self::Ec {
                            crv: "P-256".to_owned(),
                            x: URL_SAFE_NO_PAD.encode(x),
                            y: URL_SAFE_NO_PAD.encode(y),
                        })
                    }
                    _ => Err(KeyFault::Material),
                }
            }
            SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyFault::Material)?;
                let public = pair.public_key();
                Ok(Self::Rsa {
                    e: URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
                    n: URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
                })
            }
            SigningAlgorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyFault::Material)?;
                Ok(Self::Okp {
                    crv: "Ed25519".to_owned(),
                    x: URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
                })
            }
        }
    }
}

/// A public signing key as it stands in the JWK set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    /// Key type and its members.
    #[serde(flatten)]
    pub members: PublicKeyMembers,
    /// Identifier.
    pub kid: KeyId,
    /// The only algorithm it is used with.
    pub alg: SigningAlgorithm,
    /// `sig`.
    #[serde(rename = "use")]
    pub key_use: String,
}

impl PublicJwk {
    /// The public JWK of a private key in PKCS#8.
    ///
    /// # Errors
    /// [`KeyFault::Material`] when it does not fit the algorithm.
    pub fn of_private_key(
        kid: &KeyId,
        alg: SigningAlgorithm,
        material: &Material,
    ) -> Result<Self, KeyFault> {
        Ok(Self {
            members: PublicKeyMembers::of_private_key(alg, material)?,
            kid: kid.clone(),
            alg,
            key_use: "sig".to_owned(),
        })
    }
}
