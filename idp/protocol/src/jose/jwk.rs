//! Public keys that verify, from JWK sets: our own and those of clients.
//!
//! An algorithm belongs to a key before any token is seen (KC-VAL-02). Symmetric keys are never
//! read from a set, so a public key can never serve as a MAC secret.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use realmwright_snapshot::SigningAlgorithm;
use serde::Deserialize;
use serde_json::Value;

use super::SeenSignatures;
use crate::Fault;

/// Longest JWK set.
pub const MAX_BYTES: usize = 64 * 1024;
/// Most keys of a set.
pub const MAX_KEYS: usize = 32;

/// RSA moduli from 2048 to 8192 bits.
const RSA_OCTETS: std::ops::RangeInclusive<usize> = 256..=1024;

/// Why a JWK set is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkFault {
    /// Beyond [`MAX_BYTES`] or [`MAX_KEYS`].
    #[error("the JWK set is too large")]
    TooLarge,
    /// Not a JWK set.
    #[error("not a JWK set")]
    Form,
    /// A key with private or symmetric members: whoever wrote it gave it away.
    #[error("the JWK set holds a private or symmetric key")]
    Private,
    /// Two keys share a `kid`.
    #[error("two keys of the JWK set share a kid")]
    Duplicate,
    /// No key that could verify anything we accept.
    #[error("the JWK set holds no usable signing key")]
    Empty,
}

impl JwkFault {
    /// Whoever published the set.
    #[must_use]
    pub const fn fault(self) -> Fault {
        Fault::Upstream
    }
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    key_use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    // Only their presence is looked at.
    d: Option<Value>,
    p: Option<Value>,
    q: Option<Value>,
    k: Option<Value>,
}

/// A public key with the algorithms it may verify: one, or both RSA ones when its JWK does not
/// say which.
#[derive(Clone)]
pub struct VerificationKey {
    kid: Option<String>,
    by_algorithm: Vec<(SigningAlgorithm, ParsedPublicKey)>,
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("kid", &self.kid)
            .field("algorithms", &self.algorithms().collect::<Vec<_>>())
            .finish()
    }
}

impl VerificationKey {
    /// Its identifier.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithms it may verify.
    pub fn algorithms(&self) -> impl Iterator<Item = SigningAlgorithm> + '_ {
        self.by_algorithm.iter().map(|(alg, _)| *alg)
    }

    /// Whether this key made `signature` over `message` with `alg`; what is among `seen` is not
    /// worked out again.
    #[must_use]
    pub(super) fn verifies(
        &self,
        alg: SigningAlgorithm,
        message: &[u8],
        signature: &[u8],
        seen: Option<&SeenSignatures>,
    ) -> bool {
        let mut keys = self.by_algorithm.iter().filter(|(own, _)| *own == alg);
        keys.any(|(_, key)| {
            let verify = || key.verify_sig(message, signature).is_ok();
            match seen {
                Some(seen) => seen.or_verify(alg, key.as_ref(), message, signature, verify),
                None => verify(),
            }
        })
    }

    /// None for a key that we cannot use, which RFC 7517 section 5 says to ignore.
    fn from_jwk(jwk: Jwk) -> Option<Self> {
        if jwk
            .key_use
            .as_deref()
            .is_some_and(|key_use| key_use != "sig")
            || jwk
                .key_ops
                .is_some_and(|ops| !ops.iter().any(|op| op == "verify"))
        {
            return None;
        }
        let stated = match jwk.alg.as_deref() {
            Some(name) => Some(algorithm(name)?),
            None => None,
        };
        let octets = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let fitting: &[SigningAlgorithm] = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("EC", Some("P-256")) => &[SigningAlgorithm::ES256],
            ("OKP", Some("Ed25519")) => &[SigningAlgorithm::EdDSA],
            ("RSA", None) => &[SigningAlgorithm::RS256, SigningAlgorithm::PS256],
            _ => return None,
        };
        let usable: Vec<SigningAlgorithm> = fitting
            .iter()
            .copied()
            .filter(|alg| stated.is_none_or(|stated| stated == *alg))
            .collect();
        let (x, y, n, e) = (octets(jwk.x), octets(jwk.y), octets(jwk.n), octets(jwk.e));
        let by_algorithm = usable
            .into_iter()
            .map(|alg| {
                let key = match alg {
                    SigningAlgorithm::ES256 => {
                        let (x, y) = (x.as_ref()?, y.as_ref()?);
                        if x.len() != 32 || y.len() != 32 {
                            return None;
                        }
                        let point = [&[0x04], x.as_slice(), y.as_slice()].concat();
                        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?
                    }
                    SigningAlgorithm::EdDSA => ParsedPublicKey::new(&ED25519, x.as_ref()?).ok()?,
                    SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => {
                        let (n, e) = (n.as_ref()?, e.as_ref()?);
                        if !RSA_OCTETS.contains(&n.len()) || e.len() > 4 {
                            return None;
                        }
                        let parameters = match alg {
                            SigningAlgorithm::PS256 => &RSA_PSS_2048_8192_SHA256,
                            _ => &RSA_PKCS1_2048_8192_SHA256,
                        };
                        RsaPublicKeyComponents { n, e }
                            .to_parsed_public_key(parameters)
                            .ok()?
                    }
                };
                Some((alg, key))
            })
            .collect::<Option<Vec<_>>>()?;
        (!by_algorithm.is_empty()).then_some(Self {
            kid: jwk.kid,
            by_algorithm,
        })
    }
}

/// The algorithm with this registered name; none for any that we do not accept, `none` and the
/// MAC ones among them.
pub(super) fn algorithm(name: &str) -> Option<SigningAlgorithm> {
    [
        SigningAlgorithm::ES256,
        SigningAlgorithm::RS256,
        SigningAlgorithm::PS256,
        SigningAlgorithm::EdDSA,
    ]
    .into_iter()
    .find(|alg| alg.as_str() == name)
}

/// Public keys of one party, parsed once.
#[derive(Clone, Debug, Default)]
pub struct VerificationKeys {
    keys: Vec<VerificationKey>,
}

impl VerificationKeys {
    /// Reads the bytes of a JWK set, as a client publishes it.
    ///
    /// # Errors
    /// [`JwkFault`].
    pub fn parse(bytes: &[u8]) -> Result<Self, JwkFault> {
        if bytes.len() > MAX_BYTES {
            return Err(JwkFault::TooLarge);
        }
        let set: Value = serde_json::from_slice(bytes).map_err(|_| JwkFault::Form)?;
        Self::from_set(&set)
    }

    /// Reads a JWK set. Keys of unknown kinds and uses are left out.
    ///
    /// # Errors
    /// [`JwkFault`].
    pub fn from_set(set: &Value) -> Result<Self, JwkFault> {
        let members = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(JwkFault::Form)?;
        Self::from_jwks(members)
    }

    /// Reads single JWKs, such as our own public keys.
    ///
    /// # Errors
    /// [`JwkFault`].
    pub fn from_jwks(jwks: &[Value]) -> Result<Self, JwkFault> {
        if jwks.len() > MAX_KEYS {
            return Err(JwkFault::TooLarge);
        }
        let mut keys: Vec<VerificationKey> = Vec::new();
        for jwk in jwks {
            let jwk = Jwk::deserialize(jwk).map_err(|_| JwkFault::Form)?;
            if jwk.kty == "oct" || [&jwk.d, &jwk.p, &jwk.q, &jwk.k].iter().any(|m| m.is_some()) {
                return Err(JwkFault::Private);
            }
            let Some(key) = VerificationKey::from_jwk(jwk) else {
                continue;
            };
            if key.kid.is_some() && keys.iter().any(|other| other.kid == key.kid) {
                return Err(JwkFault::Duplicate);
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(JwkFault::Empty);
        }
        Ok(Self { keys })
    }

    /// The keys that may have signed a token: the one with its `kid`, or all when it names none.
    pub(super) fn candidates<'a>(
        &'a self,
        kid: Option<&'a str>,
    ) -> impl Iterator<Item = &'a VerificationKey> {
        self.keys
            .iter()
            .filter(move |key| kid.is_none_or(|kid| key.kid.as_deref() == Some(kid)))
    }

    /// Whether a key with this `kid` is there; when not, a client's set is fetched anew.
    #[must_use]
    pub fn contains(&self, kid: &str) -> bool {
        self.candidates(Some(kid)).next().is_some()
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[VerificationKey] {
        &self.keys
    }
}
