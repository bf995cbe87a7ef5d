//! Artefacts as Kubernetes objects, and back. Pure.
//!
//! ```text
//! head.<realm>                          ConfigMap: which revision of each artefact
//! snapshot.<realm>.<incarnation>-<rev>  Secret: envelope and root; the parts, when they are small
//! part.<realm>.<digest>                 Secret: one part of a snapshot that is not small
//! keyring.<realm>.<revision>            Secret
//! secrets.<realm>.<revision>[.<n>]      Secret: the bundle, in chunks
//! ```
//! Everything but the head is immutable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::ObjectMeta;
use realmwright_artefacts::{Head, Offer};
use realmwright_keys::{BundleFault, Keyring, KeyringFault, SecretBundle};
use realmwright_snapshot::{Digest, Envelope, RealmId, RootManifest, Sealed};
use serde::{Deserialize, Serialize};

use crate::names::{ARTEFACT, MANAGED_BY, OPERATOR, REALM, REALM_ID, realm_label};

/// Together so small, parts travel with their root.
const MOST_INLINE: usize = 256 * 1024;

/// Secrets hold 1 MiB at most, with everything.
const CHUNK: usize = 512 * 1024;

const SNAPSHOT_KEY: &str = "snapshot.json";
const KEYRING_KEY: &str = "keyring.json";
const CHUNK_KEY: &str = "chunk";
/// How many chunks there are; on the first.
const CHUNKS: &str = "realmwright.dev/chunks";
const HEAD_KEY: &str = "head.json";

/// What an object holds: the value of the label [`ARTEFACT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Artefact {
    /// Which revision of each is served.
    Head,
    /// Envelope and root manifest.
    Snapshot,
    /// A part of a snapshot.
    Part,
    /// Keys.
    Keyring,
    /// Secrets.
    Secrets,
}

impl Artefact {
    /// The label's value, and the beginning of the object's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Snapshot => "snapshot",
            Self::Part => "part",
            Self::Keyring => "keyring",
            Self::Secrets => "secrets",
        }
    }
}

/// Why objects are no artefact. What they hold is never quoted.
#[derive(Debug, thiserror::Error)]
pub enum ObjectFault {
    /// A key of the object is missing.
    #[error("{object} has no {key}")]
    Missing {
        /// Name of the object.
        object: String,
        /// The key.
        key: String,
    },
    /// Not of the expected form.
    #[error("{object} is not of the expected form (line {line}, column {column})")]
    Form {
        /// Name of the object.
        object: String,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// Not a keyring.
    #[error("{object} holds no keyring")]
    Keyring {
        /// Name of the object.
        object: String,
        /// Why.
        #[source]
        source: KeyringFault,
    },
    /// Not a bundle.
    #[error("{object} holds no secret bundle")]
    Bundle {
        /// Name of the object.
        object: String,
        /// Why.
        #[source]
        source: BundleFault,
    },
    /// Another revision or realm than its name says.
    #[error("{object} holds something else than its name says")]
    Misnamed {
        /// Name of the object.
        object: String,
    },
}

#[derive(Serialize, Deserialize)]
struct SnapshotDocument {
    envelope: Envelope,
    root: RootManifest,
}

/// Name of the head.
#[must_use]
pub fn head_name(realm: &RealmId) -> String {
    format!("head.{realm}")
}

/// Name of the authoritative keyring, in the namespace of the region's keys.
#[must_use]
pub fn kept_keyring_name(realm: &RealmId) -> String {
    format!("keyring.{realm}")
}

/// Name of a snapshot.
#[must_use]
pub fn snapshot_name(realm: &RealmId, (incarnation, revision): (u64, u64)) -> String {
    format!("snapshot.{realm}.{incarnation}-{revision}")
}

/// Name of a part.
#[must_use]
pub fn part_name(realm: &RealmId, digest: &Digest) -> String {
    let digest: String = digest.to_string().chars().take(40).collect();
    format!("part.{realm}.{digest}")
}

/// Name of a keyring's copy.
#[must_use]
pub fn keyring_name(realm: &RealmId, revision: u64) -> String {
    format!("keyring.{realm}.{revision}")
}

/// Name of a chunk of a bundle; the first has the number 0.
#[must_use]
pub fn secrets_name(realm: &RealmId, revision: u64, chunk: usize) -> String {
    match chunk {
        0 => format!("secrets.{realm}.{revision}"),
        chunk => format!("secrets.{realm}.{revision}.{chunk}"),
    }
}

fn metadata(realm: &RealmId, artefact: Artefact, name: String) -> ObjectMeta {
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    ObjectMeta {
        name: Some(name),
        labels: Some(BTreeMap::from([
            label(MANAGED_BY, OPERATOR),
            label(ARTEFACT, artefact.as_str()),
            label(REALM, &realm_label(realm)),
        ])),
        annotations: Some(BTreeMap::from([label(REALM_ID, realm.as_str())])),
        ..ObjectMeta::default()
    }
}

fn secret(metadata: ObjectMeta, data: impl IntoIterator<Item = (String, Vec<u8>)>) -> Secret {
    Secret {
        metadata,
        immutable: Some(true),
        data: Some(
            data.into_iter()
                .map(|(key, bytes)| (key, ByteString(bytes)))
                .collect(),
        ),
        ..Secret::default()
    }
}

/// A snapshot: first the parts, so that whoever finds the last finds all.
///
/// # Errors
/// Never for values of these types; the encoder's own error type is passed on.
pub fn snapshot_objects(
    envelope: &Envelope,
    sealed: &Sealed,
) -> Result<Vec<Secret>, serde_json::Error> {
    let realm = &envelope.realm;
    let document = serde_json::to_vec(&SnapshotDocument {
        envelope: envelope.clone(),
        root: sealed.root.clone(),
    })?;
    let parts = sealed.parts.iter();
    let parts = parts.map(|(digest, bytes)| (digest, (digest.to_string(), bytes.to_vec())));
    let mut data = BTreeMap::from([(SNAPSHOT_KEY.to_owned(), document)]);
    let mut objects = Vec::new();
    if sealed.size() <= MOST_INLINE {
        data.extend(parts.map(|(_, part)| part));
    } else {
        objects.extend(parts.map(|(digest, part)| {
            let name = part_name(realm, digest);
            secret(metadata(realm, Artefact::Part, name), [part])
        }));
    }
    let name = snapshot_name(realm, envelope.order());
    objects.push(secret(metadata(realm, Artefact::Snapshot, name), data));
    Ok(objects)
}

/// A keyring, under this name.
///
/// # Errors
/// As [`snapshot_objects`].
pub fn keyring_object(keyring: &Keyring, name: String) -> Result<Secret, serde_json::Error> {
    let bytes = keyring.to_json()?.to_vec();
    let metadata = metadata(&keyring.realm, Artefact::Keyring, name);
    Ok(secret(metadata, [(KEYRING_KEY.to_owned(), bytes)]))
}

/// A secret bundle, the first chunk last.
///
/// # Errors
/// As [`snapshot_objects`].
pub fn bundle_objects(bundle: &SecretBundle) -> Result<Vec<Secret>, serde_json::Error> {
    let bytes = bundle.to_json()?;
    let chunks: Vec<&[u8]> = bytes.chunks(CHUNK).collect();
    let count = chunks.len();
    let objects = chunks.into_iter().enumerate().map(|(number, chunk)| {
        let name = secrets_name(&bundle.realm, bundle.revision, number);
        let mut metadata = metadata(&bundle.realm, Artefact::Secrets, name);
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(CHUNKS.to_owned(), count.to_string());
        secret(metadata, [(CHUNK_KEY.to_owned(), chunk.to_vec())])
    });
    let mut objects: Vec<Secret> = objects.collect();
    objects.reverse();
    Ok(objects)
}

/// The head.
///
/// # Errors
/// As [`snapshot_objects`].
pub fn head_object(realm: &RealmId, head: &Head) -> Result<ConfigMap, serde_json::Error> {
    Ok(ConfigMap {
        metadata: metadata(realm, Artefact::Head, head_name(realm)),
        data: Some(BTreeMap::from([(
            HEAD_KEY.to_owned(),
            serde_json::to_string(head)?,
        )])),
        ..ConfigMap::default()
    })
}

fn name_of(metadata: &ObjectMeta) -> String {
    metadata.name.clone().unwrap_or_default()
}

fn value<'a>(object: &'a Secret, key: &str) -> Result<&'a [u8], ObjectFault> {
    let data = object.data.as_ref();
    let found = data.and_then(|data| data.get(key));
    found
        .map(|bytes| bytes.0.as_slice())
        .ok_or_else(|| ObjectFault::Missing {
            object: name_of(&object.metadata),
            key: key.to_owned(),
        })
}

fn form(metadata: &ObjectMeta) -> impl FnOnce(serde_json::Error) -> ObjectFault + '_ {
    |fault| ObjectFault::Form {
        object: name_of(metadata),
        line: fault.line(),
        column: fault.column(),
    }
}

/// What a head names, and of which realm.
///
/// # Errors
/// [`ObjectFault`].
pub fn read_head(object: &ConfigMap) -> Result<(RealmId, Head), ObjectFault> {
    let missing = |key: &str| ObjectFault::Missing {
        object: name_of(&object.metadata),
        key: key.to_owned(),
    };
    let annotations = object.metadata.annotations.as_ref();
    let realm = annotations.and_then(|annotations| annotations.get(REALM_ID));
    let realm = RealmId::from(realm.ok_or_else(|| missing(REALM_ID))?.as_str());
    let data = object.data.as_ref();
    let text = data.and_then(|data| data.get(HEAD_KEY));
    let text = text.ok_or_else(|| missing(HEAD_KEY))?;
    let head = serde_json::from_str(text).map_err(form(&object.metadata))?;
    Ok((realm, head))
}

/// A snapshot that was read: its parts, or those that lie elsewhere.
#[derive(Debug)]
pub struct ReadSnapshot {
    /// What ships beside it.
    pub envelope: Envelope,
    /// What the digest covers.
    pub root: RootManifest,
    /// The parts that were with it.
    pub parts: BTreeMap<Digest, Arc<[u8]>>,
}

impl ReadSnapshot {
    /// The parts that are still to be read.
    pub fn missing(&self) -> impl Iterator<Item = &Digest> {
        let named = self.root.parts.iter().map(|(_, digest)| digest);
        named.filter(|digest| !self.parts.contains_key(digest))
    }

    /// The whole, once nothing is missing. Digests are checked when it is opened.
    #[must_use]
    pub fn sealed(self) -> (Envelope, Sealed) {
        let sealed = Sealed {
            digest: self.envelope.digest,
            root: self.root,
            parts: self.parts,
        };
        (self.envelope, sealed)
    }
}

/// Reads the root and what lies with it.
///
/// # Errors
/// [`ObjectFault`].
pub fn read_snapshot(object: &Secret) -> Result<ReadSnapshot, ObjectFault> {
    let document: SnapshotDocument =
        serde_json::from_slice(value(object, SNAPSHOT_KEY)?).map_err(form(&object.metadata))?;
    let SnapshotDocument { envelope, root } = document;
    if name_of(&object.metadata) != snapshot_name(&envelope.realm, envelope.order()) {
        return Err(ObjectFault::Misnamed {
            object: name_of(&object.metadata),
        });
    }
    let inline = root.parts.iter().filter_map(|(_, digest)| {
        let bytes = value(object, &digest.to_string()).ok()?;
        Some((*digest, bytes.into()))
    });
    Ok(ReadSnapshot {
        parts: inline.collect(),
        envelope,
        root,
    })
}

/// Reads one part.
///
/// # Errors
/// [`ObjectFault`].
pub fn read_part(object: &Secret, digest: &Digest) -> Result<Arc<[u8]>, ObjectFault> {
    value(object, &digest.to_string()).map(Into::into)
}

/// Reads a keyring.
///
/// # Errors
/// [`ObjectFault`].
pub fn read_keyring(object: &Secret) -> Result<Keyring, ObjectFault> {
    Keyring::from_json(value(object, KEYRING_KEY)?).map_err(|source| ObjectFault::Keyring {
        object: name_of(&object.metadata),
        source,
    })
}

/// How many chunks a bundle has, as its first says.
#[must_use]
pub fn chunks(first: &Secret) -> usize {
    let annotations = first.metadata.annotations.as_ref();
    let count = annotations.and_then(|annotations| annotations.get(CHUNKS));
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// Reads a bundle from its chunks in order.
///
/// # Errors
/// [`ObjectFault`].
pub fn read_bundle(chunks: &[Secret]) -> Result<SecretBundle, ObjectFault> {
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    for chunk in chunks {
        bytes.extend_from_slice(value(chunk, CHUNK_KEY)?);
    }
    SecretBundle::from_json(&bytes).map_err(|source| ObjectFault::Bundle {
        object: chunks
            .first()
            .map(|first| name_of(&first.metadata))
            .unwrap_or_default(),
        source,
    })
}

/// Which artefact an object says it holds.
fn artefact_of(object: &Secret) -> Option<&str> {
    let labels = object.metadata.labels.as_ref()?;
    labels.get(ARTEFACT).map(String::as_str)
}

/// The numbers at the end of a name, `3-17` or `17` or `17.2`: what orders revisions.
fn order_of(object: &Secret, artefact: Artefact, realm: &RealmId) -> Option<Vec<u64>> {
    let name = object.metadata.name.as_deref()?;
    let rest = name.strip_prefix(&format!("{}.{realm}.", artefact.as_str()))?;
    rest.split(['-', '.'])
        .map(|number| number.parse().ok())
        .collect()
}

/// Names of the objects of a realm that neither the offer nor one of the last `kept` revisions of
/// each artefact needs. What is newer than the offer is left alone.
#[must_use]
pub fn superfluous(objects: &[Secret], offer: &Offer, kept: usize) -> Vec<String> {
    let realm = offer.realm();
    let mut names = Vec::new();
    let mut used: BTreeSet<String> = BTreeSet::new();
    for artefact in [Artefact::Snapshot, Artefact::Keyring, Artefact::Secrets] {
        // Chunks of one bundle are one revision: the first numbers tell.
        let length = if artefact == Artefact::Snapshot { 2 } else { 1 };
        let mut found: Vec<(Vec<u64>, &Secret)> = objects
            .iter()
            .filter(|object| artefact_of(object) == Some(artefact.as_str()))
            .filter_map(|object| {
                let mut order = order_of(object, artefact, realm)?;
                order.truncate(length);
                Some((order, object))
            })
            .collect();
        found.sort_by(|(one, _), (other, _)| other.cmp(one));
        let revisions: BTreeSet<&Vec<u64>> = found.iter().map(|(order, _)| order).collect();
        let oldest = revisions.iter().rev().nth(kept.saturating_sub(1)).copied();
        for (order, object) in &found {
            if oldest.is_some_and(|oldest| order < oldest) {
                names.push(name_of(&object.metadata));
            } else if artefact == Artefact::Snapshot
                && let Ok(snapshot) = read_snapshot(object)
            {
                let parts = snapshot.root.parts.iter();
                used.extend(parts.map(|(_, digest)| part_name(realm, digest)));
            }
        }
    }
    let served = offer.sealed.root.parts.iter();
    used.extend(served.map(|(_, digest)| part_name(realm, digest)));
    let parts = objects
        .iter()
        .filter(|object| artefact_of(object) == Some(Artefact::Part.as_str()))
        .map(|object| name_of(&object.metadata));
    names.extend(parts.filter(|name| !used.contains(name)));
    names
}

#[cfg(test)]
mod tests;
