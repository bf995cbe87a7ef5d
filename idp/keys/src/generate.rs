//! Where new keys and secrets come from.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use realmwright_snapshot::SigningAlgorithm;
use zeroize::Zeroizing;

use crate::jwk::PublicKeyMembers;
use crate::keyring::Purpose;
use crate::material::{KeyId, Material, SecretValue};

/// The random source or the key generation of the platform failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key could be generated")]
pub struct GenerateFault;

/// A key that has just been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Identifier, never used before.
    pub kid: KeyId,
    /// The key.
    pub material: Material,
}

/// Makes keys and secrets. The only source of randomness of this crate.
pub trait Generate {
    /// A new key for a purpose.
    ///
    /// # Errors
    /// When the platform cannot make one.
    fn key(&mut self, purpose: Purpose) -> Result<NewKey, GenerateFault>;

    /// A new client secret of 256 bits.
    ///
    /// # Errors
    /// When the platform cannot make one.
    fn secret(&mut self) -> Result<SecretValue, GenerateFault>;
}

/// Length of RSA moduli.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RsaSize {
    /// 2048 bits.
    Bits2048,
    /// 3072 bits: 128 bits of strength, as the other algorithms have.
    #[default]
    Bits3072,
}

/// Makes keys with the random source of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemGenerator {
    /// Length of RSA moduli.
    pub rsa: RsaSize,
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, GenerateFault> {
    let mut octets = Zeroizing::new([0; N]);
    rand::fill(octets.as_mut_slice()).map_err(|_| GenerateFault)?;
    Ok(octets)
}

impl SystemGenerator {
    fn private_key(self, alg: SigningAlgorithm) -> Result<Material, GenerateFault> {
        let octets = match alg {
            SigningAlgorithm::ES256 => {
                EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)
                    .and_then(|pair| pair.to_pkcs8v1())
                    .map(|document| document.as_ref().to_vec())
            }
            SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => {
                let size = match self.rsa {
                    RsaSize::Bits2048 => KeySize::Rsa2048,
                    RsaSize::Bits3072 => KeySize::Rsa3072,
                };
                RsaKeyPair::generate(size)
                    .and_then(|pair| pair.as_der())
                    .map(|document| document.as_ref().to_vec())
            }
            SigningAlgorithm::EdDSA => Ed25519KeyPair::generate()
                .and_then(|pair| pair.to_pkcs8())
                .map(|document| document.as_ref().to_vec()),
        };
        octets.map(Material::new).map_err(|_| GenerateFault)
    }
}

impl Generate for SystemGenerator {
    fn key(&mut self, purpose: Purpose) -> Result<NewKey, GenerateFault> {
        if let Purpose::Sign { alg } = purpose {
            let material = self.private_key(alg)?;
            let members =
                PublicKeyMembers::of_private_key(alg, &material).map_err(|_| GenerateFault)?;
            return Ok(NewKey {
                kid: KeyId::new(members.thumbprint()),
                material,
            });
        }
        Ok(NewKey {
            kid: KeyId::new(URL_SAFE_NO_PAD.encode(random::<9>()?)),
            material: Material::new(random::<32>()?.to_vec()),
        })
    }

    fn secret(&mut self) -> Result<SecretValue, GenerateFault> {
        random::<32>().map(|octets| SecretValue::new(URL_SAFE_NO_PAD.encode(octets)))
    }
}
