//! JWT access tokens, RFC 9068.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Fault;
use crate::jose::{Claims, JwsFault, SeenSignatures, TokenType, VerificationKeys};

/// Which of the granted scopes the token has, where it has not all of them: by position, because
/// some scopes are not named in tokens. Ours alone.
pub const SCOPE_POSITIONS: &str = "scope_positions";

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
    SCOPE_POSITIONS,
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
    /// See [`SCOPE_POSITIONS`].
    pub scope_positions: Option<&'a [usize]>,
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
        if let Some(positions) = self.scope_positions {
            put(SCOPE_POSITIONS, json!(positions));
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
/// grant still lives is looked up by the caller. A signature that is among `seen` is not worked
/// out again.
///
/// # Errors
/// [`AccessTokenFault`].
pub fn verify(
    keys: &VerificationKeys,
    seen: &SeenSignatures,
    token: &str,
    issuer: &str,
    now: Timestamp,
) -> Result<Claims, AccessTokenFault> {
    let claims = keys
        .verify_again(TokenType::AccessToken, token, seen)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{ISSUER, signing_key};

    const NOW: i64 = 1_800_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn claims<'a>(
        audiences: &'a [String],
        amr: &'a [String],
        released: &'a Map<String, Value>,
    ) -> AccessTokenClaims<'a> {
        AccessTokenClaims {
            issuer: ISSUER,
            subject: "s",
            audiences,
            client_id: "demo",
            scope: "openid",
            jti: "j",
            issued_at: at(NOW),
            expires_at: at(NOW + 300),
            auth_time: Some(at(NOW - 10)),
            acr: Some("1"),
            amr,
            sid: Some("session"),
            grant_id: None,
            scope_positions: None,
            cnf: None,
            released,
        }
    }

    /// KC-TK-12, RFC 9068 section 2.2
    #[test]
    fn the_token_has_the_claims_of_the_rfc() {
        let (audiences, amr) = (["api".to_owned()], ["pwd".to_owned()]);
        let released = Map::from_iter([("grps".to_owned(), json!(["a"]))]);
        assert_eq!(
            Value::Object(claims(&audiences, &amr, &released).members()),
            json!({
                "iss": ISSUER, "sub": "s", "aud": "api", "client_id": "demo", "azp": "demo",
                "scope": "openid", "jti": "j", "iat": NOW, "exp": NOW + 300,
                "auth_time": NOW - 10, "acr": "1", "amr": ["pwd"], "sid": "session",
                "grps": ["a"],
            })
        );
    }

    /// RFC 6749 section 6: a narrowed token says which scopes it has, without naming them.
    #[test]
    fn a_narrowed_token_tells_its_scopes_by_position() {
        let (audiences, released) = (["api".to_owned()], Map::new());
        let members = AccessTokenClaims {
            scope_positions: Some(&[0, 2]),
            ..claims(&audiences, &[], &released)
        }
        .members();
        assert_eq!(members[SCOPE_POSITIONS], json!([0, 2]));
    }

    /// A claim of the configuration never replaces one that verifiers rely on.
    #[test]
    fn released_data_cannot_replace_reserved_claims() {
        let released: Map<String, Value> = RESERVED
            .iter()
            .map(|name| ((*name).to_owned(), json!("forged")))
            .collect();
        let (audiences, amr) = (["api".to_owned()], ["pwd".to_owned()]);
        let members = claims(&audiences, &amr, &released).members();
        assert!(!members.values().any(|value| value == "forged"));
    }

    /// KC D.4.1: a text for one audience, a list for several.
    #[test]
    fn several_audiences_are_a_list() {
        assert_eq!(audience(&["a"]), json!("a"));
        assert_eq!(audience(&["a", "b"]), json!(["a", "b"]));
    }

    /// KC-VAL-01
    #[test]
    fn a_token_holds_until_its_end_for_its_issuer_only() {
        let (signing, keys) = signing_key();
        let (audiences, released) = (["api".to_owned()], Map::new());
        let members = claims(&audiences, &[], &released).members();
        let token = signing.sign(TokenType::AccessToken, &members).unwrap();
        let seen = SeenSignatures::default();
        let verify = |issuer: &str, now| verify(&keys, &seen, &token, issuer, at(now));
        assert_eq!(verify(ISSUER, NOW + 299).unwrap().text("sub"), Some("s"));
        assert_eq!(verify(ISSUER, NOW + 300), Err(AccessTokenFault::Expired));
        assert_eq!(
            verify("https://other.example", NOW),
            Err(AccessTokenFault::Issuer)
        );
        let (_, other_keys) = signing_key();
        assert_eq!(
            super::verify(&other_keys, &seen, &token, ISSUER, at(NOW)),
            Err(AccessTokenFault::Signature(JwsFault::UnknownKey))
        );
    }

    #[test]
    fn a_token_without_the_claims_of_ours_is_refused() {
        let (signing, keys) = signing_key();
        let seen = SeenSignatures::default();
        let (audiences, released) = (["api".to_owned()], Map::new());
        for missing in ["sub", "jti", "client_id", "iss", "exp"] {
            let mut members = claims(&audiences, &[], &released).members();
            members.remove(missing);
            let token = signing.sign(TokenType::AccessToken, &members).unwrap();
            assert!(
                verify(&keys, &seen, &token, ISSUER, at(NOW)).is_err(),
                "{missing}"
            );
        }
    }
}
