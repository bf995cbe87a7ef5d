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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{ISSUER, signing_key};

    /// KC D.4.1: the two golden vectors.
    #[test]
    fn at_hash_is_the_one_of_the_golden_vectors() {
        let vectors = include_str!("../../testdata/at_hash.txt");
        let mut count = 0;
        for (hash, token) in vectors.lines().filter_map(|line| line.split_once(' ')) {
            assert_eq!(half_hash(SigningAlgorithm::RS256, token), hash);
            assert_ne!(half_hash(SigningAlgorithm::EdDSA, token), hash);
            count += 1;
        }
        assert_eq!(count, 2);
    }

    fn claims<'a>(released: &'a Map<String, Value>, amr: &'a [String]) -> IdTokenClaims<'a> {
        let at = |second| Timestamp::from_second(second).unwrap();
        IdTokenClaims {
            issuer: ISSUER,
            subject: "s",
            client_id: "demo",
            issued_at: at(1000),
            expires_at: at(1300),
            jti: "j",
            nonce: Some("n"),
            auth_time: Some(at(990)),
            acr: Some("1"),
            amr,
            sid: Some("session"),
            access_token: Some("token"),
            released,
        }
    }

    /// KC-AZ-04: `auth_time` is there.
    #[test]
    fn the_token_has_the_claims_of_the_standard() {
        let released = Map::from_iter([("email".to_owned(), json!("a@b.example"))]);
        let amr = ["pwd".to_owned(), "otp".to_owned()];
        assert_eq!(
            Value::Object(claims(&released, &amr).members(SigningAlgorithm::ES256)),
            json!({
                "iss": ISSUER, "sub": "s", "aud": "demo", "azp": "demo", "jti": "j",
                "iat": 1000, "exp": 1300, "nonce": "n", "auth_time": 990, "acr": "1",
                "amr": ["pwd", "otp"], "sid": "session", "email": "a@b.example",
                "at_hash": half_hash(SigningAlgorithm::ES256, "token"),
            })
        );
    }

    #[test]
    fn released_data_cannot_replace_reserved_claims() {
        let released: Map<String, Value> = RESERVED
            .iter()
            .map(|name| ((*name).to_owned(), json!("forged")))
            .collect();
        let members = claims(&released, &[]).members(SigningAlgorithm::ES256);
        assert!(!members.values().any(|value| value == "forged"));
    }

    /// KC-LO-01: a hint may have expired, but is ours.
    #[test]
    fn an_expired_token_is_still_a_hint() {
        let (signing, keys) = signing_key();
        let released = Map::new();
        let members = claims(&released, &[]).members(SigningAlgorithm::ES256);
        let token = signing.sign(TokenType::IdToken, &members).unwrap();
        assert_eq!(
            hint(&keys, &token, ISSUER).unwrap(),
            IdTokenHint {
                subject: "s".to_owned(),
                client_id: ClientId::from("demo"),
                sid: Some("session".to_owned()),
            }
        );
        assert_eq!(
            hint(&keys, &token, "https://other.example"),
            Err(HintFault::Issuer)
        );
        let access_token = signing.sign(TokenType::AccessToken, &members).unwrap();
        assert_eq!(
            hint(&keys, &access_token, ISSUER),
            Err(HintFault::Signature(JwsFault::Type))
        );
        let (_, other_keys) = signing_key();
        assert!(hint(&other_keys, &token, ISSUER).is_err());
    }
}
