//! Client authentication, RFC 6749 section 2.3 and RFC 7521 section 4.2, at every endpoint that
//! applications call from their servers.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode;
use realmwright_snapshot::{ClientAuthentication, ClientId, SecretMethod};
use zeroize::Zeroizing;

use crate::jose::assertion::{ASSERTION_TYPE, claimed_client};
use crate::{Fault, Parameters};

const MAX_HEADER: usize = 4 * 1024;
const MAX_CLIENT_ID: usize = 256;

/// What an application presented to prove who it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing.
    None,
    /// A shared secret.
    Secret {
        /// How it was sent.
        method: SecretMethod,
        /// The secret.
        secret: Zeroizing<String>,
    },
    /// A signed assertion.
    Assertion(Zeroizing<String>),
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Secret { method, .. } => write!(f, "Secret({method:?}, redacted)"),
            Self::Assertion(_) => f.write_str("Assertion(redacted)"),
        }
    }
}

/// Which application a request claims to be from, and its proof, both unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The application.
    pub client_id: ClientId,
    /// Its proof.
    pub proof: Proof,
}

/// Why an application is not who it says. Unknown application, wrong secret and wrong method
/// give one answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientAuthenticationError {
    /// More than one way to authenticate, or parts of one: `invalid_request`.
    #[error("{0}")]
    Request(&'static str),
    /// `invalid_client`.
    #[error("client authentication failed")]
    Failed,
}

impl ClientAuthenticationError {
    /// Always the caller's.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        Fault::Client
    }
}

impl Presented {
    /// Reads the `Authorization` header and the form.
    ///
    /// # Errors
    /// [`ClientAuthenticationError::Request`] when the request authenticates in more than one way
    /// (RFC 6749 section 2.3), [`ClientAuthenticationError::Failed`] when it names no client.
    pub fn parse(
        authorization: Option<&[u8]>,
        form: &Parameters,
    ) -> Result<Self, ClientAuthenticationError> {
        let stated = form.get("client_id");
        let secret = form.contains("client_secret");
        let assertion = form.contains("client_assertion") || form.contains("client_assertion_type");
        let ways =
            usize::from(authorization.is_some()) + usize::from(secret) + usize::from(assertion);
        if ways > 1 {
            return Err(ClientAuthenticationError::Request(
                "more than one client authentication method was used",
            ));
        }
        let presented = if let Some(header) = authorization {
            basic(header)?
        } else if assertion {
            by_assertion(form)?
        } else {
            let client_id = stated.ok_or(ClientAuthenticationError::Failed)?;
            Self {
                client_id: ClientId::from(client_id),
                proof: form
                    .get("client_secret")
                    .map_or(Proof::None, |secret| Proof::Secret {
                        method: SecretMethod::ClientSecretPost,
                        secret: Zeroizing::new(secret.to_owned()),
                    }),
            }
        };
        let id = presented.client_id.as_str();
        if id.len() > MAX_CLIENT_ID {
            return Err(ClientAuthenticationError::Failed);
        }
        if stated.is_some_and(|stated| stated != id) {
            return Err(ClientAuthenticationError::Request(
                "client_id is not the authenticated client",
            ));
        }
        Ok(presented)
    }

    /// Whether the proof is of the kind that the client registered (OIDC-18, KC-TK-11): another
    /// kind is refused before anything is compared. A public client that sends a secret is
    /// refused, so that a mistake shows.
    ///
    /// # Errors
    /// [`ClientAuthenticationError::Failed`].
    pub fn admit(
        &self,
        registered: &ClientAuthentication,
    ) -> Result<(), ClientAuthenticationError> {
        let fits = match (registered, &self.proof) {
            (ClientAuthentication::None, Proof::None)
            | (ClientAuthentication::PrivateKeyJwt(_), Proof::Assertion(_)) => true,
            (ClientAuthentication::Secret { methods, .. }, Proof::Secret { method, .. }) => {
                methods.contains(method)
            }
            _ => false,
        };
        if fits {
            Ok(())
        } else {
            Err(ClientAuthenticationError::Failed)
        }
    }
}

/// RFC 6749 section 2.3.1: both halves are form-encoded before Basic joins them.
fn basic(header: &[u8]) -> Result<Presented, ClientAuthenticationError> {
    let failed = ClientAuthenticationError::Failed;
    if header.len() > MAX_HEADER {
        return Err(failed);
    }
    let text = std::str::from_utf8(header).map_err(|_| failed.clone())?;
    let (scheme, encoded) = text.split_once(' ').ok_or_else(|| failed.clone())?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(failed);
    }
    let pair = Zeroizing::new(
        STANDARD
            .decode(encoded.trim())
            .map_err(|_| failed.clone())?,
    );
    let colon = pair
        .iter()
        .position(|octet| *octet == b':')
        .ok_or_else(|| failed.clone())?;
    let (id, secret) = pair.split_at(colon);
    let client_id = form_decode(id).ok_or_else(|| failed.clone())?;
    let secret = form_decode(secret.get(1..).unwrap_or_default()).ok_or_else(|| failed.clone())?;
    if client_id.is_empty() || secret.is_empty() {
        return Err(failed);
    }
    Ok(Presented {
        client_id: ClientId::from(client_id.as_str()),
        proof: Proof::Secret {
            method: SecretMethod::ClientSecretBasic,
            secret,
        },
    })
}

fn form_decode(octets: &[u8]) -> Option<Zeroizing<String>> {
    let spaced: Zeroizing<Vec<u8>> = Zeroizing::new(
        octets
            .iter()
            .map(|octet| if *octet == b'+' { b' ' } else { *octet })
            .collect(),
    );
    let text = percent_decode(&spaced).decode_utf8().ok()?;
    (!text.contains('\0')).then(|| Zeroizing::new(text.into_owned()))
}

fn by_assertion(form: &Parameters) -> Result<Presented, ClientAuthenticationError> {
    if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Err(ClientAuthenticationError::Request(
            "client_assertion_type is not supported",
        ));
    }
    let assertion = form
        .get("client_assertion")
        .ok_or(ClientAuthenticationError::Request(
            "client_assertion is missing",
        ))?;
    let client_id = claimed_client(assertion).ok_or(ClientAuthenticationError::Failed)?;
    Ok(Presented {
        client_id,
        proof: Proof::Assertion(Zeroizing::new(assertion.to_owned())),
    })
}
