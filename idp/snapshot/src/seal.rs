//! Sealing: canonical bytes, content-addressed parts, a root manifest whose digest names the
//! whole, and the way back.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{ClientId, ClientSnapshot, RealmCore, RealmSnapshot};

/// A decompressed part beyond this is refused: 100,000 clients come to about 0.2 MB a shard.
const MAX_PART_BYTES: u64 = 64 * 1024 * 1024;

const COMPRESSION_LEVEL: i32 = 3;

/// blake3 digest of canonical bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The first twelve hexadecimal digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        blake3::Hash::from(self.0).to_hex().fmt(f)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        blake3::Hash::from_hex(&text)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(serde::de::Error::custom)
    }
}

/// Name of a part in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PartName {
    /// [`RealmCore`].
    Core,
    /// Scopes.
    Scopes,
    /// Methods and flows.
    Flows,
    /// One shard of clients.
    Clients(u8),
}

/// What the digest covers: the parts and their digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootManifest {
    /// Snapshot format.
    pub format: u32,
    /// Digest of each part's canonical bytes.
    pub parts: Vec<(PartName, Digest)>,
}

/// A sealed snapshot: what is stored, shipped and compared.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Digest of the root manifest's canonical bytes.
    pub digest: Digest,
    /// The manifest.
    pub root: RootManifest,
    /// Compressed canonical bytes of each part by digest.
    pub parts: BTreeMap<Digest, Arc<[u8]>>,
}

/// Why bytes are not a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SealFault {
    /// A part that the manifest names is not there.
    #[error("part {0:?} is missing")]
    Missing(PartName),
    /// The bytes are not those the manifest names.
    #[error("part {0:?} does not have the digest that the manifest names")]
    Digest(PartName),
    /// Larger than any real part.
    #[error("part {0:?} is larger than {MAX_PART_BYTES} bytes")]
    TooLarge(PartName),
    /// The manifest does not have the digest that names the snapshot.
    #[error("the root manifest does not have the expected digest")]
    Root,
    /// Not decompressible.
    #[error("part {0:?} cannot be decompressed")]
    Compression(PartName, #[source] std::io::Error),
    /// Not of the expected form.
    #[error("part {0:?} is not of the expected form")]
    Form(PartName, #[source] serde_json::Error),
}

/// Canonical JSON: sorted keys, no white space, integers as such. The same value gives the same
/// bytes on every machine.
///
/// # Errors
/// When the value has no JSON form.
pub fn canonical_json<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    fn write(value: &serde_json::Value, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        match value {
            serde_json::Value::Object(members) => {
                let sorted: BTreeMap<_, _> = members.iter().collect();
                out.push(b'{');
                for (index, (key, member)) in sorted.into_iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    serde_json::to_writer(&mut *out, key)?;
                    out.push(b':');
                    write(member, out)?;
                }
                out.push(b'}');
            }
            serde_json::Value::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    write(item, out)?;
                }
                out.push(b']');
            }
            scalar => serde_json::to_writer(&mut *out, scalar)?,
        }
        Ok(())
    }
    let mut out = Vec::new();
    write(&serde_json::to_value(value)?, &mut out)?;
    Ok(out)
}

struct Part {
    digest: Digest,
    compressed: Arc<[u8]>,
}

impl Part {
    fn seal<T: Serialize>(name: &PartName, value: &T) -> Result<Self, SealFault> {
        let form = |fault| SealFault::Form(name.clone(), fault);
        let bytes = canonical_json(value).map_err(form)?;
        let compressed = zstd::encode_all(bytes.as_slice(), COMPRESSION_LEVEL)
            .map_err(|fault| SealFault::Compression(name.clone(), fault))?;
        Ok(Self {
            digest: Digest::of(&bytes),
            compressed: compressed.into(),
        })
    }
}

/// Seals snapshots of one placement and keeps the parts of the last one, so that the work grows
/// with the edit and not with the realm.
#[derive(Default)]
pub struct Sealer {
    shards: BTreeMap<u8, (Vec<Arc<ClientSnapshot>>, Part)>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("shards", &self.shards.len())
            .finish()
    }
}

/// Clients are spread over 256 parts by the hash of their identifier. One edited client of
/// 100,000 then rewrites about 400 clients, and the number never changes with the realm's size,
/// so that neighbours keep their parts.
fn shard_of(id: &ClientId) -> u8 {
    let [first, ..] = *blake3::hash(id.as_str().as_bytes()).as_bytes();
    first
}

impl Sealer {
    /// A sealer without memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Seals one snapshot. Shards whose clients are the same objects as last time are reused
    /// without being read.
    ///
    /// # Errors
    /// When a value has no JSON form, or compression fails.
    pub fn seal(&mut self, realm: &RealmSnapshot) -> Result<Sealed, SealFault> {
        let RealmSnapshot {
            core,
            scopes,
            methods,
            flows,
            clients,
        } = realm;
        let mut named = vec![
            (PartName::Core, Part::seal(&PartName::Core, core)?),
            (PartName::Scopes, Part::seal(&PartName::Scopes, scopes)?),
            (
                PartName::Flows,
                Part::seal(&PartName::Flows, &(methods, flows))?,
            ),
        ];

        let mut members: BTreeMap<u8, Vec<Arc<ClientSnapshot>>> = BTreeMap::new();
        for (id, client) in clients {
            members
                .entry(shard_of(id))
                .or_default()
                .push(Arc::clone(client));
        }
        let mut shards = BTreeMap::new();
        for (shard, members) in members {
            let name = PartName::Clients(shard);
            let part = match self.shards.remove(&shard) {
                Some((former, part)) if same_objects(&former, &members) => part,
                _ => Part::seal(&name, &members)?,
            };
            named.push((
                name,
                Part {
                    digest: part.digest,
                    compressed: Arc::clone(&part.compressed),
                },
            ));
            shards.insert(shard, (members, part));
        }
        self.shards = shards;

        let root = RootManifest {
            format: crate::FORMAT,
            parts: named
                .iter()
                .map(|(name, part)| (name.clone(), part.digest))
                .collect(),
        };
        Ok(Sealed {
            digest: root_digest(&root)?,
            root,
            parts: named
                .into_iter()
                .map(|(_, part)| (part.digest, part.compressed))
                .collect(),
        })
    }
}

fn same_objects(former: &[Arc<ClientSnapshot>], now: &[Arc<ClientSnapshot>]) -> bool {
    former.len() == now.len() && former.iter().zip(now).all(|(a, b)| Arc::ptr_eq(a, b))
}

fn root_digest(root: &RootManifest) -> Result<Digest, SealFault> {
    canonical_json(root)
        .map(|bytes| Digest::of(&bytes))
        .map_err(|fault| SealFault::Form(PartName::Core, fault))
}

/// Opens a sealed snapshot, checking every digest on the way. Shards that `former` already holds
/// under the same digest are shared with it instead of decoded again.
///
/// # Errors
/// [`SealFault`] names the part that is missing, altered or malformed.
pub fn open(
    sealed: &Sealed,
    former: Option<(&Sealed, &RealmSnapshot)>,
) -> Result<RealmSnapshot, SealFault> {
    if root_digest(&sealed.root)? != sealed.digest {
        return Err(SealFault::Root);
    }
    let mut core: Option<RealmCore> = None;
    let mut scopes = None;
    let mut flows = None;
    let mut clients = BTreeMap::new();
    let known: BTreeMap<_, _> = former
        .map(|(sealed, _)| sealed.root.parts.iter().cloned().collect())
        .unwrap_or_default();
    let mut by_shard: BTreeMap<u8, Vec<&Arc<ClientSnapshot>>> = BTreeMap::new();
    if let Some((_, realm)) = former {
        for (id, client) in &realm.clients {
            by_shard.entry(shard_of(id)).or_default().push(client);
        }
    }
    for (name, digest) in &sealed.root.parts {
        match name {
            PartName::Core => core = Some(decode(sealed, name, digest)?),
            PartName::Scopes => scopes = Some(decode(sealed, name, digest)?),
            PartName::Flows => flows = Some(decode(sealed, name, digest)?),
            PartName::Clients(shard) => {
                let shared = (known.get(name) == Some(digest))
                    .then(|| by_shard.get(shard))
                    .flatten();
                if let Some(shared) = shared {
                    for client in shared {
                        clients.insert(client.id.clone(), Arc::clone(client));
                    }
                } else {
                    let members: Vec<Arc<ClientSnapshot>> = decode(sealed, name, digest)?;
                    for client in members {
                        clients.insert(client.id.clone(), client);
                    }
                }
            }
        }
    }
    let (methods, flows) = flows.ok_or(SealFault::Missing(PartName::Flows))?;
    Ok(RealmSnapshot {
        core: core.ok_or(SealFault::Missing(PartName::Core))?,
        scopes: scopes.ok_or(SealFault::Missing(PartName::Scopes))?,
        methods,
        flows,
        clients,
    })
}

fn decode<T: DeserializeOwned>(
    sealed: &Sealed,
    name: &PartName,
    digest: &Digest,
) -> Result<T, SealFault> {
    let compressed = sealed
        .parts
        .get(digest)
        .ok_or_else(|| SealFault::Missing(name.clone()))?;
    let compression = |fault| SealFault::Compression(name.clone(), fault);
    let mut bytes = Vec::new();
    zstd::Decoder::new(&**compressed)
        .map_err(compression)?
        .take(MAX_PART_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(compression)?;
    if bytes.len() as u64 > MAX_PART_BYTES {
        return Err(SealFault::TooLarge(name.clone()));
    }
    if Digest::of(&bytes) != *digest {
        return Err(SealFault::Digest(name.clone()));
    }
    serde_json::from_slice(&bytes).map_err(|fault| SealFault::Form(name.clone(), fault))
}
