//! Signed tokens, RFC 7515 compact serialization with RFC 7519 claims and the rules of RFC 8725.
//!
//! The algorithm comes from the key (KC-VAL-02): a token's `alg` must agree with it and chooses
//! nothing else. `none` and MAC algorithms have no representation here. Header members that
//! bring keys along (`jwk`, `jku`, `x5c`, `x5u`) are never read; `crit` is refused.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use realmwright_snapshot::SigningAlgorithm;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::claims::Claims;
use super::jwk::{VerificationKeys, algorithm};
use super::seen::SeenSignatures;
use crate::Fault;

/// Longest token that is looked at.
pub const MAX_BYTES: usize = 16 * 1024;
const MAX_HEADER_BYTES: usize = 2 * 1024;

/// What a token is, as its `typ` says (RFC 8725 section 3.11): one kind never passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// An id token: `JWT`.
    IdToken,
    /// RFC 9068: `at+jwt`.
    AccessToken,
}

impl TokenType {
    /// The value of `typ`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdToken => "JWT",
            Self::AccessToken => "at+jwt",
        }
    }
}

/// Signing failed, or a key is not what its algorithm asks for.
#[derive(Debug, thiserror::Error)]
pub enum SignFault {
    /// Not PKCS#8 of the kind that the algorithm asks for.
    #[error("key {kid} does not fit {}", .alg.as_str())]
    Key {
        /// The key.
        kid: String,
        /// The algorithm.
        alg: SigningAlgorithm,
    },
    /// Claims without a JSON form.
    #[error("the claims have no JSON form")]
    Claims(#[source] serde_json::Error),
    /// The platform failed.
    #[error("signing failed")]
    Platform,
}

impl SignFault {
    /// Always ours.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        Fault::Internal
    }
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A private key, parsed once, with the only algorithm it signs with.
pub struct SigningKey {
    kid: String,
    alg: SigningAlgorithm,
    pair: Pair,
    id_token_header: String,
    access_token_header: String,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .finish_non_exhaustive()
    }
}

fn header(kid: &str, alg: SigningAlgorithm, typ: TokenType) -> Result<String, SignFault> {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: &'a str,
        typ: &'a str,
        kid: &'a str,
    }
    serde_json::to_vec(&Header {
        alg: alg.as_str(),
        typ: typ.as_str(),
        kid,
    })
    .map(|json| URL_SAFE_NO_PAD.encode(json))
    .map_err(SignFault::Claims)
}

impl SigningKey {
    /// Parses a private key in PKCS#8.
    ///
    /// # Errors
    /// [`SignFault::Key`] when it does not fit the algorithm.
    pub fn from_pkcs8(kid: &str, alg: SigningAlgorithm, pkcs8: &[u8]) -> Result<Self, SignFault> {
        let pair = match alg {
            SigningAlgorithm::ES256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .ok()
                    .map(Pair::Ec)
            }
            SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => {
                RsaKeyPair::from_pkcs8(pkcs8).ok().map(Pair::Rsa)
            }
            SigningAlgorithm::EdDSA => Ed25519KeyPair::from_pkcs8(pkcs8).ok().map(Pair::Ed),
        };
        Ok(Self {
            kid: kid.to_owned(),
            alg,
            pair: pair.ok_or_else(|| SignFault::Key {
                kid: kid.to_owned(),
                alg,
            })?,
            id_token_header: header(kid, alg, TokenType::IdToken)?,
            access_token_header: header(kid, alg, TokenType::AccessToken)?,
        })
    }

    /// Its identifier.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its algorithm.
    #[must_use]
    pub const fn alg(&self) -> SigningAlgorithm {
        self.alg
    }

    /// Signs claims as a compact token.
    ///
    /// # Errors
    /// [`SignFault`].
    pub fn sign<C: Serialize>(&self, typ: TokenType, claims: &C) -> Result<String, SignFault> {
        let payload = serde_json::to_vec(claims).map_err(SignFault::Claims)?;
        let header = match typ {
            TokenType::IdToken => &self.id_token_header,
            TokenType::AccessToken => &self.access_token_header,
        };
        let mut token = String::with_capacity(header.len() + payload.len() * 4 / 3 + 128);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&payload, &mut token);
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Ok(token)
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SignFault> {
        match &self.pair {
            Pair::Ec(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignFault::Platform),
            Pair::Ed(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignFault::Platform),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding = match self.alg {
                    SigningAlgorithm::PS256 => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                pair.sign(padding, &SystemRandom::new(), message, &mut signature)
                    .map(|()| signature)
                    .map_err(|_| SignFault::Platform)
            }
        }
    }
}

/// Why a token is refused. Callers of endpoints learn no more than that it is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsFault {
    /// Longer than [`MAX_BYTES`].
    #[error("the token is too long")]
    TooLarge,
    /// Not three parts of base64url with JSON objects.
    #[error("the token is malformed")]
    Malformed,
    /// A header member that must be understood, and is not.
    #[error("the token has a crit header")]
    Critical,
    /// Another kind of token.
    #[error("the token is of another type")]
    Type,
    /// No key of ours has its `kid`.
    #[error("the token was signed with an unknown key")]
    UnknownKey,
    /// Its `alg` is not the one of the key.
    #[error("the token names another algorithm than its key")]
    Algorithm,
    /// The signature is not that of the key.
    #[error("the signature of the token is wrong")]
    Signature,
}

impl JwsFault {
    /// Always the caller's.
    #[must_use]
    pub const fn fault(self) -> Fault {
        Fault::Client
    }
}

/// A token whose signature was checked. Nothing else was: issuer, audience and times are the
/// caller's to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its claims.
    pub claims: Claims,
    /// Algorithm of the key that signed it.
    pub alg: SigningAlgorithm,
}

/// Which `typ` a token must have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ExpectedType {
    /// Exactly this one.
    Ours(TokenType),
    /// One of these, or none at all: tokens of others, where `typ` is optional.
    OneOfOrNone(&'static [&'static str]),
}

impl ExpectedType {
    fn admits(self, typ: Option<&str>) -> bool {
        // RFC 7515 section 4.1.9: case does not matter, and `application/` may be left out.
        let plain = typ.map(|typ| {
            let typ = typ.to_ascii_lowercase();
            typ.strip_prefix("application/")
                .map(str::to_owned)
                .unwrap_or(typ)
        });
        match self {
            Self::Ours(expected) => {
                plain.is_some_and(|typ| typ.eq_ignore_ascii_case(expected.as_str()))
            }
            Self::OneOfOrNone(expected) => {
                plain.is_none_or(|typ| expected.iter().any(|other| typ.eq_ignore_ascii_case(other)))
            }
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    crit: Option<Value>,
}

struct Compact<'a> {
    header: Header,
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    fn split(token: &'a str) -> Result<Self, JwsFault> {
        if token.len() > MAX_BYTES {
            return Err(JwsFault::TooLarge);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsFault::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsFault::Malformed)?;
        if payload.contains('.') || header.len() > MAX_HEADER_BYTES {
            return Err(JwsFault::Malformed);
        }
        let decode = |text: &str| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| JwsFault::Malformed)
        };
        Ok(Self {
            header: serde_json::from_slice(&decode(header)?).map_err(|_| JwsFault::Malformed)?,
            signed,
            payload,
            signature: decode(signature)?,
        })
    }

    fn claims(&self) -> Result<Claims, JwsFault> {
        let json = URL_SAFE_NO_PAD
            .decode(self.payload)
            .map_err(|_| JwsFault::Malformed)?;
        serde_json::from_slice::<Map<String, Value>>(&json)
            .map(Claims::new)
            .map_err(|_| JwsFault::Malformed)
    }
}

/// The `kid` of a token that nobody has checked: only to choose which key set to load.
#[must_use]
pub fn unverified_kid(token: &str) -> Option<String> {
    Compact::split(token).ok()?.header.kid
}

/// The claims of a token that nobody has checked: only to choose whose keys to check it with.
pub(crate) fn unverified_claims(token: &str) -> Option<Claims> {
    Compact::split(token).ok()?.claims().ok()
}

impl VerificationKeys {
    /// Checks the signature of a token of ours.
    ///
    /// # Errors
    /// [`JwsFault`].
    pub fn verify(&self, typ: TokenType, token: &str) -> Result<Verified, JwsFault> {
        self.verify_as(ExpectedType::Ours(typ), token, None)
    }

    /// The same for tokens that come again and again: a signature that is among `seen` is not
    /// worked out again.
    ///
    /// # Errors
    /// [`JwsFault`].
    pub fn verify_again(
        &self,
        typ: TokenType,
        token: &str,
        seen: &SeenSignatures,
    ) -> Result<Verified, JwsFault> {
        self.verify_as(ExpectedType::Ours(typ), token, Some(seen))
    }

    pub(crate) fn verify_as(
        &self,
        typ: ExpectedType,
        token: &str,
        seen: Option<&SeenSignatures>,
    ) -> Result<Verified, JwsFault> {
        let compact = Compact::split(token)?;
        if compact.header.crit.is_some() {
            return Err(JwsFault::Critical);
        }
        if !typ.admits(compact.header.typ.as_deref()) {
            return Err(JwsFault::Type);
        }
        let stated = algorithm(&compact.header.alg).ok_or(JwsFault::Algorithm)?;
        let mut fault = JwsFault::UnknownKey;
        for key in self.candidates(compact.header.kid.as_deref()) {
            let Some(alg) = key.algorithms().find(|alg| *alg == stated) else {
                fault = JwsFault::Algorithm;
                continue;
            };
            if key.verifies(alg, compact.signed.as_bytes(), &compact.signature, seen) {
                return Ok(Verified {
                    claims: compact.claims()?,
                    alg,
                });
            }
            fault = JwsFault::Signature;
        }
        Err(fault)
    }
}
