//! Secrets: references across namespaces need a grant, and what is among the manifests must fit.

use realmwright_crds::reference_grant::{GrantFromKind, GrantToKind, GrantVerb};
use realmwright_decision::password_hash::PasswordHash;
use secrecy::ExposeSecret as _;

use crate::diagnostics::{Code, did_you_mean};
use crate::doubts::Absent;
use crate::fault::Fault;
use crate::index::Index;
use crate::object::{Kind, ObjectId};
use crate::path::FieldPath;
use crate::secrets::{SecretKey, SecretNeed, SecretOrigin, SecretPurpose};

/// Fewest bytes of a client secret: 128 bits (design section 7).
const MIN_CLIENT_SECRET_BYTES: usize = 16;

/// Judges one need of an object.
pub(crate) fn check(
    index: &Index<'_>,
    of: &ObjectId,
    need: &SecretNeed,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) {
    let SecretOrigin::Secret(key) = &need.origin else {
        return;
    };
    let fault = if key.namespace != of.namespace && !granted(index, of, &key.namespace, &key.name) {
        Some(not_granted(of, key, path))
    } else if let Some(data) = index.secrets.get(&key.namespace, &key.name) {
        match data.get(&key.key) {
            None => Some(no_key(key, data.keys().map(String::as_str), path)),
            Some(value) => unfit(need, value.expose_secret(), path),
        }
    } else {
        Some(missing(index, key, path))
    };
    faults.extend(fault);
}

fn not_granted(of: &ObjectId, key: &SecretKey, path: &FieldPath) -> Fault {
    Fault::error(
        Code::SecretNotGranted,
        path.clone(),
        format!(
            "no ReferenceGrant in namespace `{}` lets {}s of `{}` read Secret `{}`",
            key.namespace,
            of.kind.as_str(),
            of.namespace,
            key.name
        ),
    )
    .fix(format!(
        "add a ReferenceGrant to namespace `{}`",
        key.namespace
    ))
    .lacking(Absent::any_in(Kind::ReferenceGrant, &key.namespace))
}

/// It may be supplied at run time, but nothing here says so: in every profile worth a word.
fn missing(index: &Index<'_>, key: &SecretKey, path: &FieldPath) -> Fault {
    let there = index.secrets.objects().filter_map(|object| {
        let id = &object.id;
        (id.namespace == key.namespace).then_some(id.name.as_str())
    });
    Fault::warning(
        Code::SecretMissing,
        path.clone(),
        format!(
            "Secret {}/{} is not among the manifests",
            key.namespace, key.name
        ),
    )
    .fix(did_you_mean(&key.name, there))
    .lacking(Absent::object(Kind::Secret, &key.namespace, &key.name))
}

fn no_key<'a>(key: &SecretKey, there: impl Iterator<Item = &'a str>, path: &FieldPath) -> Fault {
    Fault::error(
        Code::SecretKeyMissing,
        path.at("key"),
        format!(
            "Secret {}/{} has no key `{}`",
            key.namespace, key.name, key.key
        ),
    )
    .fix(did_you_mean(&key.key, there))
}

/// What is wrong with a value, without any part of it.
fn unfit(need: &SecretNeed, value: &[u8], path: &FieldPath) -> Option<Fault> {
    match need.purpose {
        SecretPurpose::ClientSecret => (value.len() < MIN_CLIENT_SECRET_BYTES).then(|| {
            Fault::error(
                Code::WeakSecret,
                path.clone(),
                format!(
                    "the client secret has fewer than {} bits",
                    MIN_CLIENT_SECRET_BYTES * 8
                ),
            )
            .fix(format!(
                "put {MIN_CLIENT_SECRET_BYTES} random bytes or more there, or have the secret \
                 made by `generated: {{}}`"
            ))
        }),
        SecretPurpose::PasswordHash => {
            let text = std::str::from_utf8(value).unwrap_or_default();
            let fault = PasswordHash::parse(text.trim()).err()?;
            let key = need.origin.key();
            Some(
                Fault::error(
                    Code::UnusablePasswordHash,
                    path.clone(),
                    format!(
                        "what Secret {}/{} holds at `{}` is {fault}",
                        key.namespace, key.name, key.key
                    ),
                )
                .fix("put the hash of a password there, such as `$argon2id$v=19$m=19456,t=2,p=1$...`".to_owned()),
            )
        }
    }
}

fn granted(index: &Index<'_>, of: &ObjectId, namespace: &str, name: &str) -> bool {
    let Some(grants) = index.grants.get(namespace) else {
        return false;
    };
    grants.iter().any(|grant| {
        let verbs = grant.spec.verbs.as_deref().unwrap_or(&[GrantVerb::Read]);
        verbs.contains(&GrantVerb::Read)
            && grant.spec.from.iter().any(|from| {
                let kind = match from.kind {
                    GrantFromKind::Client => Kind::Client,
                    GrantFromKind::Realm => Kind::Realm,
                };
                kind == of.kind && from.namespace.as_str() == of.namespace
            })
            && grant.spec.to.iter().any(|to| {
                to.kind == GrantToKind::Secret
                    && to.name.as_ref().is_none_or(|to| to.as_str() == name)
            })
    })
}
