//! JWT access tokens, RFC 9068.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Fault;
use crate::jose::{Claims, JwsFault, TokenType, VerificationKeys};

/// Claims that released data never replaces.
const RESERVED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "azp",
    "scope",
    "auth_time",
    "acr",
    "amr",
    "sid",
    "cnf",
    "act",
    "may_act",
    "grant_id",
    "active",
    "typ",
    "token_type",
];

/// The claims of an access token, those of an opaque one as well.
#[derive(Clone, Debug)]
pub struct AccessTokenClaims<'a> {
    /// The realm.
    pub issuer: &'a str,
    /// The person as this client sees them, or the client itself.
    pub subject: &'a str,
    /// Who may accept it; never empty.
    pub audiences: &'a [String],
    /// The client.
    pub client_id: &'a str,
    /// Granted scopes, those that tokens name.
    pub scope: &'a str,
    /// Identifier, never used before.
    pub jti: &'a str,
    /// Creation.
    pub issued_at: Timestamp,
    /// End.
    pub expires_at: Timestamp,
    /// When the person authenticated.
    pub auth_time: Option<Timestamp>,
    /// Authentication context.
    pub acr: Option<&'a str>,
    /// Authentication methods.
    pub amr: &'a [String],
    /// The session.
    pub sid: Option<&'a str>,
    /// The grant: introspection and userinfo look its state up.
    pub grant_id: Option<&'a str>,
    /// RFC 7800 confirmation.
    pub cnf: Option<&'a Value>,
    /// Released claims; reserved names among them are left out.
    pub released: &'a Map<String, Value>,
}

impl AccessTokenClaims<'_> {
    /// The members of the token.
    #[must_use]
    pub fn members(&self) -> Map<String, Value> {
        let mut members: Map<String, Value> = self
            .released
            .iter()
            .filter(|(name, _)| !RESERVED.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("iss", json!(self.issuer));
        put("sub", json!(self.subject));
        put("aud", audience(self.audiences));
        put("client_id", json!(self.client_id));
        put("azp", json!(self.client_id));
        put("jti", json!(self.jti));
        put("iat", json!(self.issued_at.as_second()));
        put("exp", json!(self.expires_at.as_second()));
        if !self.scope.is_empty() {
            put("scope", json!(self.scope));
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
        if let Some(grant_id) = self.grant_id {
            put("grant_id", json!(grant_id));
        }
        if let Some(cnf) = self.cnf {
            put("cnf", cnf.clone());
        }
        members
    }
}

/// One audience as a text, several as a list (KC D.4.1).
#[must_use]
pub fn audience<A: AsRef<str> + Serialize>(audiences: &[A]) -> Value {
    match audiences {
        [one] => json!(one.as_ref()),
        many => json!(many),
    }
}

/// Why an access token is not accepted: `invalid_token`, whatever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenFault {
    /// Not signed by us as an access token.
    #[error("the access token cannot be verified")]
    Signature(#[source] JwsFault),
    /// Of another issuer, or without a claim that every one of ours has.
    #[error("the access token is not from this issuer")]
    Issuer,
    /// Its time is over.
    #[error("the access token has expired")]
    Expired,
}

impl AccessTokenFault {
    /// Always the caller's.
    #[must_use]
    pub const fn fault(self) -> Fault {
        Fault::Client
    }
}

/// Verifies a JWT access token of ours: signature, type, issuer, time (KC-VAL-01). Whether its
/// grant still lives is looked up by the caller.
///
/// # Errors
/// [`AccessTokenFault`].
pub fn verify(
    keys: &VerificationKeys,
    token: &str,
    issuer: &str,
    now: Timestamp,
) -> Result<Claims, AccessTokenFault> {
    let claims = keys
        .verify(TokenType::AccessToken, token)
        .map_err(AccessTokenFault::Signature)?
        .claims;
    let is_complete = ["sub", "jti", "client_id"]
        .iter()
        .all(|name| claims.text(name).is_some());
    if claims.text("iss") != Some(issuer) || !is_complete {
        return Err(AccessTokenFault::Issuer);
    }
    match claims.instant("exp") {
        Some(end) if now < end => Ok(claims),
        _ => Err(AccessTokenFault::Expired),
    }
}
