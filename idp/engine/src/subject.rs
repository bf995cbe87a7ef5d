//! The one way in which a person's identifier leaves the realm (APP-06): from an account and an
//! application to the subject that this application sees.

use std::fmt;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use realmwright_keys::{Keyring, Purpose};
use realmwright_snapshot::{ClientId, ClientSnapshot};
use realmwright_store::{SessionId, SubjectId};

use crate::api::EngineFault;
use crate::crypto::{equal, keyed_hash};

/// What an application knows a person by: the public identifier, or one of its privacy domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ReleasedSubject(String);

impl ReleasedSubject {
    /// The value of `sub`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReleasedSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Octets of the synthetic initialisation vector in front of a pairwise subject.
const VECTOR: usize = 16;

/// The subject that `client` sees of `account`. Clients of one privacy domain see the same, of
/// two domains unrelated ones; without a domain it is the identifier itself. A missing key never
/// falls back to the plain identifier.
pub(crate) fn release(
    keyring: &Keyring,
    account: &SubjectId,
    client: &ClientSnapshot,
) -> Result<ReleasedSubject, EngineFault> {
    let Some(domain) = &client.privacy_domain else {
        return Ok(ReleasedSubject(account.0.clone()));
    };
    let keys = domain_keys(keyring, domain.as_str())?;
    let vector = vector(&keys, account.0.as_bytes());
    let mut body = account.0.clone().into_bytes();
    apply(&keys, vector, &mut body)?;
    let mut whole = vector.to_vec();
    whole.append(&mut body);
    Ok(ReleasedSubject(URL_SAFE_NO_PAD.encode(whole)))
}

/// The account behind a subject that `client` presents; none when it is not one of its domain.
pub(crate) fn resolve(
    keyring: &Keyring,
    subject: &str,
    client: &ClientSnapshot,
) -> Option<SubjectId> {
    let Some(domain) = &client.privacy_domain else {
        return Some(SubjectId(subject.to_owned()));
    };
    let keys = domain_keys(keyring, domain.as_str()).ok()?;
    let whole = URL_SAFE_NO_PAD.decode(subject).ok()?;
    let (head, body) = whole.split_at_checked(VECTOR)?;
    let head: [u8; VECTOR] = head.try_into().ok()?;
    let mut body = body.to_vec();
    apply(&keys, head, &mut body).ok()?;
    equal(&head, &vector(&keys, &body))
        .then(|| String::from_utf8(body).ok().map(SubjectId))
        .flatten()
}

/// What `client` knows the session by, the claim `sid`: another one for each application, so
/// that sessions do not link what privacy domains keep apart.
pub(crate) fn session_reference(
    keyring: &Keyring,
    session: &SessionId,
    client: &ClientId,
) -> Result<String, EngineFault> {
    let hash = keyed_hash(
        master(keyring)?,
        &[b"sid", session.0.as_bytes(), client.as_str().as_bytes()],
    );
    let (short, _) = hash.split_at(16);
    Ok(URL_SAFE_NO_PAD.encode(short))
}

struct DomainKeys {
    vector: [u8; 32],
    body: [u8; 32],
}

/// The realm's one pairwise key: it rotates only by explicit migration, so the youngest of the
/// ring is the only one.
fn master(keyring: &Keyring) -> Result<&[u8], EngineFault> {
    keyring
        .of(Purpose::Pairwise)
        .last()
        .map(|entry| entry.material.expose())
        .ok_or_else(|| EngineFault::internal("no key for pairwise subjects"))
}

fn domain_keys(keyring: &Keyring, domain: &str) -> Result<DomainKeys, EngineFault> {
    let master = master(keyring)?;
    Ok(DomainKeys {
        vector: keyed_hash(master, &[b"pairwise vector", domain.as_bytes()]),
        body: keyed_hash(master, &[b"pairwise body", domain.as_bytes()]),
    })
}

/// Deterministic encryption with a synthetic vector (the construction of RFC 5297): the vector is
/// a keyed hash of the plain text, so equal accounts give equal subjects and nothing else does.
fn vector(keys: &DomainKeys, plain: &[u8]) -> [u8; VECTOR] {
    let mut vector = [0; VECTOR];
    let hash = keyed_hash(&keys.vector, &[plain]);
    for (to, from) in vector.iter_mut().zip(hash) {
        *to = from;
    }
    vector
}

/// AES-256 in counter mode is its own inverse.
fn apply(keys: &DomainKeys, vector: [u8; VECTOR], body: &mut [u8]) -> Result<(), EngineFault> {
    let failed = |_| EngineFault::internal("pairwise encryption failed");
    let key = UnboundCipherKey::new(&AES_256, &keys.body).map_err(failed)?;
    EncryptingKey::ctr(key)
        .and_then(|key| {
            key.less_safe_encrypt(body, EncryptionContext::Iv128(FixedLength::from(vector)))
        })
        .map(|_| ())
        .map_err(failed)
}
