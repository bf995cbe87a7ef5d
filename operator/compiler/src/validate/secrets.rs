//! Secrets: references across namespaces need a grant, and what is among the manifests must fit.

use realmwright_crds::reference_grant::{GrantFromKind, GrantToKind, GrantVerb};
use secrecy::ExposeSecret as _;

use crate::compiler::CompileProfile;
use crate::diagnostics::{Code, did_you_mean};
use crate::fault::Fault;
use crate::index::Index;
use crate::object::{Kind, ObjectId};
use crate::path::FieldPath;
use crate::secrets::{SecretNeed, SecretOrigin, SecretPurpose};

/// Fewest bytes of a client secret: 128 bits (design section 7).
const MIN_CLIENT_SECRET_BYTES: usize = 16;

/// Judges one need of an object.
pub(crate) fn check(
    index: &Index<'_>,
    of: &ObjectId,
    need: &SecretNeed,
    path: &FieldPath,
    profile: &CompileProfile,
    faults: &mut Vec<Fault>,
) {
    let SecretOrigin::Secret(key) = &need.origin else {
        return;
    };
    if key.namespace != of.namespace && !granted(index, of, &key.namespace, &key.name) {
        faults.push(
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
            )),
        );
        return;
    }
    let Some(data) = index.secrets.get(&key.namespace, &key.name) else {
        let supplied_elsewhere = matches!(profile, CompileProfile::Dev { .. });
        if !supplied_elsewhere && !index.is_broken(Kind::Secret, &key.namespace, &key.name) {
            faults.push(Fault::warning(
                Code::SecretMissing,
                path.clone(),
                format!(
                    "Secret {}/{} is not among the manifests",
                    key.namespace, key.name
                ),
            ));
        }
        return;
    };
    match data.get(&key.key) {
        None => faults.push(
            Fault::error(
                Code::SecretKeyMissing,
                path.at("key"),
                format!(
                    "Secret {}/{} has no key `{}`",
                    key.namespace, key.name, key.key
                ),
            )
            .fix(did_you_mean(&key.key, data.keys().map(String::as_str))),
        ),
        Some(value)
            if need.purpose == SecretPurpose::ClientSecret
                && value.expose_secret().len() < MIN_CLIENT_SECRET_BYTES =>
        {
            faults.push(
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
                )),
            );
        }
        Some(_) => {}
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
