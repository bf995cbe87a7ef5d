//! Client assertions, RFC 7521 section 4.2 and RFC 7523 sections 2.2 and 3: `private_key_jwt`.
//! Not here: authorization grants by assertion, and `client_secret_jwt`.

use jiff::{SignedDuration, Timestamp};
use realmwright_snapshot::ClientId;

use super::jwk::VerificationKeys;
use super::jws::{ExpectedType, JwsFault, unverified_claims};
use crate::Fault;

/// Value of `client_assertion_type`.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Longest life that an assertion may have left.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// How far the clock of the client may be off.
const LEEWAY: SignedDuration = SignedDuration::from_secs(30);
const MAX_JTI: usize = 256;
const MAX_AUDIENCES: usize = 8;

/// Why an assertion is refused. The client learns `invalid_client`; the rest is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionFault {
    /// Its signature or form.
    #[error("the client assertion cannot be verified")]
    Signature(#[source] JwsFault),
    /// `iss` and `sub` are not both the client.
    #[error("issuer and subject of the client assertion are not the client")]
    Identity,
    /// `aud` names anybody but us.
    #[error("the client assertion is for another audience")]
    Audience,
    /// `exp` is missing or over, or a time lies in the future.
    #[error("the client assertion is outside its time")]
    Expired,
    /// It would live longer than five minutes.
    #[error("the client assertion lives too long")]
    TooLong,
    /// `jti` is missing, empty or too long.
    #[error("the client assertion has no usable jti")]
    Jti,
}

impl AssertionFault {
    /// Always the caller's.
    #[must_use]
    pub const fn fault(self) -> Fault {
        Fault::Client
    }
}

/// An assertion that holds, if its `jti` was never seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// To be used once.
    pub jti: String,
    /// From then on it would be refused in any case, by the clock that `now` is of; the `jti` may
    /// be forgotten once every clock says so.
    pub expires_at: Timestamp,
}

/// The client that an assertion claims to be from, unchecked: whose keys to verify it with.
#[must_use]
pub fn claimed_client(assertion: &str) -> Option<ClientId> {
    unverified_claims(assertion)?
        .text("sub")
        .map(ClientId::from)
}

/// Verifies an assertion of `client`. `audiences` are ours: the issuer and the token endpoint.
///
/// # Errors
/// [`AssertionFault`].
pub fn verify(
    assertion: &str,
    client: &ClientId,
    keys: &VerificationKeys,
    audiences: &[&str],
    now: Timestamp,
) -> Result<Assertion, AssertionFault> {
    let typ = ExpectedType::OneOfOrNone(&["jwt", "client-authentication+jwt"]);
    let claims = keys
        .verify_as(typ, assertion, None)
        .map_err(AssertionFault::Signature)?
        .claims;
    let is_client = |name| claims.text(name) == Some(client.as_str());
    if !is_client("iss") || !is_client("sub") {
        return Err(AssertionFault::Identity);
    }
    // An assertion that is also meant for somebody else could be replayed here by them.
    let named = claims.audiences().ok_or(AssertionFault::Audience)?;
    if named.is_empty()
        || named.len() > MAX_AUDIENCES
        || !named.iter().all(|audience| audiences.contains(audience))
    {
        return Err(AssertionFault::Audience);
    }
    let expires_at = claims.instant("exp").ok_or(AssertionFault::Expired)?;
    let shift = |at: Timestamp, by: SignedDuration| at.saturating_add(by).unwrap_or(at);
    let is_future = |name: &str| {
        claims.members().contains_key(name)
            && claims
                .instant(name)
                .is_none_or(|at| at > shift(now, LEEWAY))
    };
    if shift(expires_at, LEEWAY) <= now || is_future("nbf") || is_future("iat") {
        return Err(AssertionFault::Expired);
    }
    if expires_at > shift(now, LONGEST_LIFE + LEEWAY) {
        return Err(AssertionFault::TooLong);
    }
    let jti = claims
        .text("jti")
        .filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI)
        .ok_or(AssertionFault::Jti)?;
    Ok(Assertion {
        jti: jti.to_owned(),
        expires_at: shift(expires_at, LEEWAY),
    })
}
