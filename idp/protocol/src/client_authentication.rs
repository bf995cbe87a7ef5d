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

pub(crate) const MAX_HEADER: usize = 4 * 1024;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::parameters;
    use realmwright_snapshot::AssertionKeys;
    use rstest::rstest;

    fn basic_header(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    fn parse(header: Option<&str>, form: &str) -> Result<Presented, ClientAuthenticationError> {
        Presented::parse(header.map(str::as_bytes), &parameters(form))
    }

    fn secret(presented: &Presented) -> Option<(SecretMethod, &str)> {
        match &presented.proof {
            Proof::Secret { method, secret } => Some((*method, secret)),
            _ => None,
        }
    }

    /// OIDC-10, RFC 6749 section 2.3.1: both halves are form-encoded.
    #[rstest]
    #[case("demo:s3cret", "demo", "s3cret")]
    #[case("a%3Ab:p%25q+r%2B", "a:b", "p%q r+")]
    #[case("demo:a:b", "demo", "a:b")]
    fn basic_is_form_decoded(#[case] pair: &str, #[case] id: &str, #[case] value: &str) {
        let presented = parse(Some(&basic_header(pair)), "").unwrap();
        assert_eq!(presented.client_id.as_str(), id);
        assert_eq!(
            secret(&presented),
            Some((SecretMethod::ClientSecretBasic, value))
        );
        assert!(!format!("{presented:?}").contains(value));
    }

    #[test]
    fn a_secret_in_the_form_and_no_proof_at_all_are_read() {
        let posted = parse(None, "client_id=demo&client_secret=s").unwrap();
        assert_eq!(secret(&posted), Some((SecretMethod::ClientSecretPost, "s")));
        let public = parse(None, "client_id=demo").unwrap();
        assert_eq!(public.proof, Proof::None);
    }

    #[test]
    fn an_assertion_names_its_client() {
        let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .encode(r#"{"iss":"demo","sub":"demo"}"#);
        let assertion = format!("eyJhbGciOiJFUzI1NiJ9.{payload}.AA");
        let kind = ASSERTION_TYPE.replace(':', "%3A");
        let form = format!("client_assertion_type={kind}&client_assertion={assertion}");
        let presented = parse(None, &form).unwrap();
        assert_eq!(presented.client_id.as_str(), "demo");
        assert!(matches!(presented.proof, Proof::Assertion(_)));
        assert_eq!(
            parse(None, &format!("{form}&client_id=other")),
            Err(ClientAuthenticationError::Request(
                "client_id is not the authenticated client"
            ))
        );
    }

    /// OIDC-18, RFC 6749 section 2.3: never two ways at once.
    #[rstest]
    #[case(true, "client_secret=s")]
    #[case(true, "client_assertion=a")]
    #[case(false, "client_secret=s&client_assertion=a")]
    #[case(true, "client_id=other")]
    #[case(false, "client_id=demo&client_assertion_type=saml")]
    #[case(false, "client_id=demo&client_assertion=a")]
    fn more_than_one_way_is_an_invalid_request(#[case] header: bool, #[case] form: &str) {
        let header = header.then(|| basic_header("demo:s"));
        assert!(matches!(
            parse(header.as_deref(), form),
            Err(ClientAuthenticationError::Request(_))
        ));
    }

    #[rstest]
    #[case(None, "")]
    #[case(None, "client_secret=s")]
    #[case(Some("Basic"), "")]
    #[case(Some("Basic !!!"), "")]
    #[case(Some("Bearer abc"), "client_id=demo")]
    #[case(Some("Basic ZGVtbw=="), "")]
    #[case(Some("Basic OnM="), "")]
    #[case(Some("Basic ZGVtbzo="), "")]
    #[case(Some("Basic /zpz"), "")]
    fn what_names_no_client_fails(#[case] header: Option<&str>, #[case] form: &str) {
        assert_eq!(parse(header, form), Err(ClientAuthenticationError::Failed));
    }

    #[test]
    fn what_is_too_long_fails() {
        let long = basic_header(&format!("demo:{}", "s".repeat(MAX_HEADER)));
        assert!(parse(Some(&long), "").is_err());
        let form = format!("client_id={}", "a".repeat(MAX_CLIENT_ID + 1));
        assert!(parse(None, &form).is_err());
    }

    /// OIDC-18, KC-TK-11: only the registered way is admitted.
    #[test]
    fn another_way_than_the_registered_one_fails() {
        let registered = [
            ClientAuthentication::None,
            ClientAuthentication::Secret {
                methods: [SecretMethod::ClientSecretBasic].into(),
                secret: "h".into(),
                additional: None,
                rotation: None,
            },
            ClientAuthentication::Secret {
                methods: [SecretMethod::ClientSecretPost].into(),
                secret: "h".into(),
                additional: None,
                rotation: None,
            },
            ClientAuthentication::PrivateKeyJwt(AssertionKeys::Jwks(serde_json::json!({}))),
        ];
        let proofs = [
            Proof::None,
            Proof::Secret {
                method: SecretMethod::ClientSecretBasic,
                secret: Zeroizing::new("s".to_owned()),
            },
            Proof::Secret {
                method: SecretMethod::ClientSecretPost,
                secret: Zeroizing::new("s".to_owned()),
            },
            Proof::Assertion(Zeroizing::new("a".to_owned())),
        ];
        for (row, registered) in registered.iter().enumerate() {
            for (column, proof) in proofs.iter().enumerate() {
                let presented = Presented {
                    client_id: ClientId::from("demo"),
                    proof: proof.clone(),
                };
                assert_eq!(presented.admit(registered).is_ok(), row == column);
            }
        }
    }
}
