//! Sealing: canonical bytes, content-addressed parts, a root manifest whose digest names the
//! whole, and the way back.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::sync::Arc;

use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zstd::zstd_safe::DCtx;

use crate::{ByClient, ClientShard, ClientSnapshot, RealmCore, RealmSnapshot, Shard};

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
    /// A client lies in another part than its identifier says, where nobody would find it.
    #[error("part {0:?} holds a client of another part")]
    Misplaced(PartName),
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

#[derive(Clone)]
struct Part {
    digest: Digest,
    compressed: Arc<[u8]>,
}

impl Part {
    fn seal<T: Serialize>(name: &PartName, value: &T) -> Result<Self, SealFault> {
        let form = |fault| SealFault::Form(name.clone(), fault);
        let bytes = canonical_json(value).map_err(form)?;
        // The frame says how long it is, so that whoever opens it takes no more memory than that.
        let compressed = zstd::bulk::compress(&bytes, COMPRESSION_LEVEL)
            .map_err(|fault| SealFault::Compression(name.clone(), fault))?;
        Ok(Self {
            digest: Digest::of(&bytes),
            compressed: compressed.into(),
        })
    }
}

/// A sealed part of clients and what it was made of.
struct SealedShard {
    members: Arc<ClientShard>,
    part: Part,
}

/// Seals snapshots of one placement and keeps the parts of the last one, so that the work grows
/// with the edit and not with the realm.
#[derive(Default)]
pub struct Sealer {
    shards: BTreeMap<Shard, SealedShard>,
    made: usize,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("shards", &self.shards.len())
            .finish_non_exhaustive()
    }
}

impl Sealer {
    /// A sealer without memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many parts of clients the last snapshot needed anew.
    #[must_use]
    pub const fn made(&self) -> usize {
        self.made
    }

    /// Seals one snapshot. Shards of clients that are the same objects as last time are reused
    /// without being read; the others are sealed on all cores.
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
        self.seal_clients(clients)?;
        let mut named = vec![
            (PartName::Core, Part::seal(&PartName::Core, core)?),
            (PartName::Scopes, Part::seal(&PartName::Scopes, scopes)?),
            (
                PartName::Flows,
                Part::seal(&PartName::Flows, &(methods, flows))?,
            ),
        ];
        named.extend(self.shards.iter().map(|(shard, sealed)| {
            let part = sealed.part.clone();
            (PartName::Clients(shard.number()), part)
        }));
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

    fn seal_clients(&mut self, clients: &ByClient<Arc<ClientSnapshot>>) -> Result<(), SealFault> {
        self.shards
            .retain(|shard, _| clients.shard(*shard).is_some());
        let missing: Vec<_> = clients
            .shards()
            .filter(|(shard, members)| {
                self.shards
                    .get(shard)
                    .is_none_or(|sealed| !same_objects(&sealed.members, members))
            })
            .collect();
        let made: Vec<(Shard, SealedShard)> = missing
            .into_par_iter()
            .map(|(shard, members)| {
                let clients: Vec<&Arc<ClientSnapshot>> = members.values().collect();
                Ok((
                    shard,
                    SealedShard {
                        members: Arc::clone(members),
                        part: Part::seal(&PartName::Clients(shard.number()), &clients)?,
                    },
                ))
            })
            .collect::<Result<_, SealFault>>()?;
        self.made = made.len();
        self.shards.extend(made);
        Ok(())
    }
}

fn same_objects(former: &Arc<ClientShard>, now: &Arc<ClientShard>) -> bool {
    Arc::ptr_eq(former, now)
        || (former.len() == now.len()
            && former
                .values()
                .zip(now.values())
                .all(|(a, b)| Arc::ptr_eq(a, b)))
}

fn root_digest(root: &RootManifest) -> Result<Digest, SealFault> {
    canonical_json(root)
        .map(|bytes| Digest::of(&bytes))
        .map_err(|fault| SealFault::Form(PartName::Core, fault))
}

impl Sealed {
    /// How many bytes its compressed parts take together.
    #[must_use]
    pub fn size(&self) -> usize {
        self.parts.values().map(|part| part.len()).sum()
    }
}

/// Opens the core alone, checking the digests of root and core.
///
/// # Errors
/// [`SealFault`] says what is missing, altered or malformed.
pub fn open_core(sealed: &Sealed) -> Result<RealmCore, SealFault> {
    check_root(sealed)?;
    let mut parts = sealed.root.parts.iter();
    let (name, digest) = parts
        .find(|(name, _)| *name == PartName::Core)
        .ok_or(SealFault::Missing(PartName::Core))?;
    decode(sealed, name, digest)
}

fn check_root(sealed: &Sealed) -> Result<(), SealFault> {
    if root_digest(&sealed.root)? == sealed.digest {
        Ok(())
    } else {
        Err(SealFault::Root)
    }
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
    check_root(sealed)?;
    let mut core: Option<RealmCore> = None;
    let mut scopes = None;
    let mut flows = None;
    let mut clients = ByClient::new();
    let known: BTreeMap<_, _> = former
        .map(|(sealed, _)| sealed.root.parts.iter().cloned().collect())
        .unwrap_or_default();
    for (name, digest) in &sealed.root.parts {
        match name {
            PartName::Core => core = Some(decode(sealed, name, digest)?),
            PartName::Scopes => scopes = Some(decode(sealed, name, digest)?),
            PartName::Flows => flows = Some(decode(sealed, name, digest)?),
            PartName::Clients(number) => {
                let shard = Shard::from(*number);
                let shared = former
                    .filter(|_| known.get(name) == Some(digest))
                    .and_then(|(_, realm)| realm.clients.shard(shard));
                let members = match shared {
                    Some(shared) => Arc::clone(shared),
                    None => Arc::new(decode_shard(sealed, name, shard, digest)?),
                };
                clients.set_shard(shard, members);
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

fn decode_shard(
    sealed: &Sealed,
    name: &PartName,
    shard: Shard,
    digest: &Digest,
) -> Result<ClientShard, SealFault> {
    let members: Vec<Arc<ClientSnapshot>> = decode(sealed, name, digest)?;
    if members
        .iter()
        .any(|client| Shard::of(client.id.as_str()) != shard)
    {
        return Err(SealFault::Misplaced(name.clone()));
    }
    Ok(members
        .into_iter()
        .map(|client| (client.id.clone(), client))
        .collect())
}

/// The bytes of a part, and no more than one beyond the limit.
fn decompress(compressed: &[u8]) -> std::io::Result<Vec<u8>> {
    thread_local! {
        // To make one costs more than to open a small part, and a pod opens thousands.
        static CONTEXT: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
    }
    let mut bytes = Vec::new();
    CONTEXT.with_borrow_mut(|context| {
        zstd::Decoder::with_context(compressed, context)
            .take(MAX_PART_BYTES + 1)
            .read_to_end(&mut bytes)
    })?;
    Ok(bytes)
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
    let bytes = decompress(compressed).map_err(compression)?;
    if bytes.len() as u64 > MAX_PART_BYTES {
        return Err(SealFault::TooLarge(name.clone()));
    }
    if Digest::of(&bytes) != *digest {
        return Err(SealFault::Digest(name.clone()));
    }
    serde_json::from_slice(&bytes).map_err(|fault| SealFault::Form(name.clone(), fault))
}
