//! Id tokens, OpenID Connect Core 1.0 sections 2 and 3.1.3.6. Not here: encrypted and aggregated
//! ones.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use realmwright_snapshot::{ClientId, SigningAlgorithm};
use serde_json::{Map, Value, json};

use crate::Fault;
use crate::jose::{JwsFault, TokenType, VerificationKeys};

/// Claims that released data never replaces.
const RESERVED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "azp",
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "sid",
    "at_hash",
    "c_hash",
    "s_hash",
    "events",
    "sub_jwk",
    "cnf",
];

/// The claims of an id token.
#[derive(Clone, Debug)]
pub struct IdTokenClaims<'a> {
    /// The realm.
    pub issuer: &'a str,
    /// The person as this client sees them.
    pub subject: &'a str,
    /// The client.
    pub client_id: &'a str,
    /// Creation.
    pub issued_at: Timestamp,
    /// End.
    pub expires_at: Timestamp,
    /// Identifier, never used before.
    pub jti: &'a str,
    /// As the authorization request had it; an id token of a refresh has none.
    pub nonce: Option<&'a str>,
    /// When the person authenticated.
    pub auth_time: Option<Timestamp>,
    /// Authentication context.
    pub acr: Option<&'a str>,
    /// Authentication methods.
    pub amr: &'a [String],
    /// The session.
    pub sid: Option<&'a str>,
    /// The access token issued beside it, for `at_hash`.
    pub access_token: Option<&'a str>,
    /// Released claims; reserved names among them are left out.
    pub released: &'a Map<String, Value>,
}

impl IdTokenClaims<'_> {
    /// The members of a token that is signed with `alg`.
    #[must_use]
    pub fn members(&self, alg: SigningAlgorithm) -> Map<String, Value> {
        let mut members: Map<String, Value> = self
            .released
            .iter()
            .filter(|(name, _)| !RESERVED.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("iss", json!(self.issuer));
        put("sub", json!(self.subject));
        put("aud", json!(self.client_id));
        put("azp", json!(self.client_id));
        put("jti", json!(self.jti));
        put("iat", json!(self.issued_at.as_second()));
        put("exp", json!(self.expires_at.as_second()));
        if let Some(nonce) = self.nonce {
            put("nonce", json!(nonce));
        }
        if let Some(auth_time) = self.auth_time {
            put("auth_time", json!(auth_time.as_second()));
        }
        if let Some(acr) = self.acr {
            put("acr", json!(acr));
        }
        if !self.amr.is_empty() {
            put("amr", json!(self.amr));
        }
        if let Some(sid) = self.sid {
            put("sid", json!(sid));
        }
        if let Some(token) = self.access_token {
            put("at_hash", json!(half_hash(alg, token)));
        }
        members
    }
}

/// The left half of a token's hash, base64url: `at_hash`. The hash is that of the signature
/// algorithm; SHA-512 for Ed25519.
#[must_use]
pub fn half_hash(alg: SigningAlgorithm, token: &str) -> String {
    let hash = match alg {
        SigningAlgorithm::ES256 | SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => {
            digest::digest(&digest::SHA256, token.as_bytes())
        }
        SigningAlgorithm::EdDSA => digest::digest(&digest::SHA512, token.as_bytes()),
    };
    let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

/// Why an `id_token_hint` is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HintFault {
    /// Not signed by us as an id token.
    #[error("the id token hint cannot be verified")]
    Signature(#[source] JwsFault),
    /// Of another issuer, or without a claim that every one of ours has.
    #[error("the id token hint is not from this issuer")]
    Issuer,
}

impl HintFault {
    /// Always the caller's.
    #[must_use]
    pub const fn fault(self) -> Fault {
        Fault::Client
    }
}

/// What an id token of ours says about who is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdTokenHint {
    /// The person as the client sees them.
    pub subject: String,
    /// The client that it was issued to.
    pub client_id: ClientId,
    /// The session.
    pub sid: Option<String>,
}

/// Reads an `id_token_hint`. It may have expired (RP-Initiated Logout 1.0 section 2), but must
/// have been signed by us with a key that is still known.
///
/// # Errors
/// [`HintFault`].
pub fn hint(keys: &VerificationKeys, token: &str, issuer: &str) -> Result<IdTokenHint, HintFault> {
    let claims = keys
        .verify(TokenType::IdToken, token)
        .map_err(HintFault::Signature)?
        .claims;
    if claims.text("iss") != Some(issuer) {
        return Err(HintFault::Issuer);
    }
    match (claims.text("sub"), claims.audiences().as_deref()) {
        (Some(subject), Some([client])) => Ok(IdTokenHint {
            subject: subject.to_owned(),
            client_id: ClientId::from(*client),
            sid: claims.text("sid").map(str::to_owned),
        }),
        _ => Err(HintFault::Issuer),
    }
}
