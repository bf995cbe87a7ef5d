//! Artefacts in a folder: what an init container writes, what a pod keeps beside it, and what
//! `realmwright dev` publishes.
//!
//! ```text
//! <folder>/<realm id>/head.json                         which revision of each artefact
//! <folder>/<realm id>/snapshots/<incarnation>-<revision>.json   envelope and root manifest
//! <folder>/<realm id>/parts/<digest>                    parts, compressed
//! <folder>/<realm id>/keyrings/<revision>.json
//! <folder>/<realm id>/secrets/<revision>.json
//! <folder>/.news                                        replaced after each head
//! ```
//! Everything but the head is written once and never changed; the head is replaced by a rename
//! after what it names is there. So a reader sees the old whole or the new whole, and one look at
//! the news tells it whether any head was moved.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use realmwright_keys::{BundleFault, Keyring, KeyringFault, SecretBundle};
use realmwright_snapshot::{Digest, Envelope, RealmId, RootManifest, Sealed};
use serde::{Deserialize, Serialize};

use crate::head::Head;
use crate::offer::Offer;

const HEAD: &str = "head.json";

const NEWS: &str = ".news";

/// No artefact comes near; more is not read.
const MAX_FILE: u64 = 128 * 1024 * 1024;

/// So many revisions of each artefact are kept.
const KEPT: usize = 5;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SnapshotFile {
    envelope: Envelope,
    root: RootManifest,
}

/// Why a folder gives no offer.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryFault {
    /// Not readable or not writable.
    #[error("{} cannot be read or written", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        detail: ErrorKind,
        /// The whole of it.
        #[source]
        source: std::io::Error,
    },
    /// Larger than any artefact.
    #[error("{} is larger than {MAX_FILE} bytes", .0.display())]
    TooLarge(PathBuf),
    /// Not of the expected form.
    #[error("{} is not of the expected form (line {line}, column {column})", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// A keyring that cannot be read.
    #[error("{}: {fault}", path.display())]
    Keyring {
        /// Which file.
        path: PathBuf,
        /// Why.
        fault: KeyringFault,
    },
    /// A secret bundle that cannot be read.
    #[error("{}: not a secret bundle (line {}, column {})", path.display(), fault.line, fault.column)]
    Secrets {
        /// Which file.
        path: PathBuf,
        /// Where.
        fault: BundleFault,
    },
    /// The file holds another revision than its name says.
    #[error("{} holds another revision than its name says", .0.display())]
    Misnamed(PathBuf),
    /// A realm id that would be another path.
    #[error("the realm id {0:?} cannot be a folder's name")]
    Name(String),
}

/// Differs after every move of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    inode: u64,
    written: (i64, i64),
}

/// A folder of artefacts.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> DirectoryFault + '_ {
    move |source| DirectoryFault::Io {
        path: path.to_owned(),
        detail: source.kind(),
        source,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, DirectoryFault> {
    let file = fs::File::open(path).map_err(io(path))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(io(path))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(DirectoryFault::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

fn read_head(folder: &Path) -> Result<Option<Head>, DirectoryFault> {
    match read_json(&folder.join(HEAD)) {
        Ok(head) => Ok(Some(head)),
        Err(DirectoryFault::Io {
            detail: ErrorKind::NotFound | ErrorKind::NotADirectory,
            ..
        }) => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, DirectoryFault> {
    serde_json::from_slice(&read(path)?).map_err(|fault| DirectoryFault::Form {
        path: path.to_owned(),
        line: fault.line(),
        column: fault.column(),
    })
}

/// Writes beside the place and renames, so that nobody sees half of it; for its owner only.
fn write(path: &Path, bytes: &[u8]) -> Result<(), DirectoryFault> {
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(io(&beside))?;
    file.write_all(bytes).map_err(io(&beside))?;
    file.sync_all().map_err(io(&beside))?;
    fs::rename(&beside, path).map_err(io(path))
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), DirectoryFault> {
    let bytes = serde_json::to_vec(value).map_err(|fault| DirectoryFault::Form {
        path: path.to_owned(),
        line: fault.line(),
        column: fault.column(),
    })?;
    write(path, &bytes)
}

fn create_folder(path: &Path) -> Result<(), DirectoryFault> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(io(path))
}

impl Directory {
    /// The folder at `root`, which need not exist yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn folder(&self, realm: &RealmId) -> Result<PathBuf, DirectoryFault> {
        let name = realm.as_str();
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return Err(DirectoryFault::Name(name.to_owned()));
        }
        Ok(self.root.join(name))
    }

    /// The news of now; none where nobody has written them. Who moves a head by other means than
    /// [`Directory::store`] makes none.
    #[must_use]
    pub fn news(&self) -> Option<News> {
        let file = fs::metadata(self.root.join(NEWS)).ok()?;
        Some(News {
            inode: file.ino(),
            written: (file.mtime(), file.mtime_nsec()),
        })
    }

    /// The head of one realm; none when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn head(&self, realm: &RealmId) -> Result<Option<Head>, DirectoryFault> {
        read_head(&self.folder(realm)?)
    }

    /// The heads of all realms, by folder name. A folder without a head is not a realm yet.
    ///
    /// # Errors
    /// When the folder or a head cannot be read.
    pub fn heads(&self) -> Result<BTreeMap<RealmId, Head>, DirectoryFault> {
        let mut heads = BTreeMap::new();
        for entry in fs::read_dir(&self.root).map_err(io(&self.root))? {
            let entry = entry.map_err(io(&self.root))?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
                continue;
            };
            if let Some(head) = read_head(&entry.path())? {
                heads.insert(RealmId::from(name), head);
            }
        }
        Ok(heads)
    }

    /// What a head names. Digests are checked when it is opened.
    ///
    /// # Errors
    /// When something is missing or malformed.
    pub fn load(&self, realm: &RealmId, head: Head) -> Result<Offer, DirectoryFault> {
        let folder = self.folder(realm)?;
        let path = folder.join(snapshot_name(head.incarnation, head.revision));
        let SnapshotFile { envelope, root }: SnapshotFile = read_json(&path)?;
        if envelope.order() != (head.incarnation, head.revision) || envelope.realm != *realm {
            return Err(DirectoryFault::Misnamed(path));
        }
        let mut parts = BTreeMap::new();
        for (_, digest) in &root.parts {
            let bytes = read(&folder.join(part_name(digest)))?;
            parts.insert(*digest, bytes.into());
        }
        let path = folder.join(keyring_name(head.keyring));
        let keyring =
            Keyring::from_json(&read(&path)?).map_err(|fault| DirectoryFault::Keyring {
                path: path.clone(),
                fault,
            })?;
        if keyring.revision != head.keyring {
            return Err(DirectoryFault::Misnamed(path));
        }
        let path = folder.join(secrets_name(head.secrets));
        let secrets =
            SecretBundle::from_json(&read(&path)?).map_err(|fault| DirectoryFault::Secrets {
                path: path.clone(),
                fault,
            })?;
        if secrets.revision != head.secrets {
            return Err(DirectoryFault::Misnamed(path));
        }
        Ok(Offer {
            sealed: Arc::new(Sealed {
                digest: envelope.digest,
                root,
                parts,
            }),
            envelope,
            keyring: Arc::new(keyring),
            secrets: Arc::new(secrets),
        })
    }

    /// Writes an offer, then moves the head to it, then removes what no kept revision needs.
    ///
    /// # Errors
    /// When something cannot be written; the head then names what it named before.
    pub fn store(&self, offer: &Offer) -> Result<(), DirectoryFault> {
        let folder = self.folder(offer.realm())?;
        for name in ["snapshots", "parts", "keyrings", "secrets"] {
            create_folder(&folder.join(name))?;
        }
        for (digest, bytes) in &offer.sealed.parts {
            let path = folder.join(part_name(digest));
            if !path.exists() {
                write(&path, bytes)?;
            }
        }
        let (incarnation, revision) = offer.envelope.order();
        write_json(
            &folder.join(snapshot_name(incarnation, revision)),
            &SnapshotFile {
                envelope: offer.envelope.clone(),
                root: offer.sealed.root.clone(),
            },
        )?;
        // What the head names is final; a file of another revision may be left from a write that
        // did not come to its end.
        let named: Option<Head> = read_json(&folder.join(HEAD)).ok();
        let path = folder.join(keyring_name(offer.keyring.revision));
        if named.is_none_or(|named| named.keyring != offer.keyring.revision) || !path.exists() {
            let keyring = offer.keyring.to_json();
            write(&path, &keyring.map_err(|fault| form(&path, &fault))?)?;
        }
        let path = folder.join(secrets_name(offer.secrets.revision));
        if named.is_none_or(|named| named.secrets != offer.secrets.revision) || !path.exists() {
            let secrets = offer.secrets.to_json();
            write(&path, &secrets.map_err(|fault| form(&path, &fault))?)?;
        }
        write_json(&folder.join(HEAD), &Head::of(offer))?;
        write(&self.root.join(NEWS), offer.realm().as_str().as_bytes())?;
        collect(&folder)
    }
}

fn form(path: &Path, fault: &serde_json::Error) -> DirectoryFault {
    DirectoryFault::Form {
        path: path.to_owned(),
        line: fault.line(),
        column: fault.column(),
    }
}

fn snapshot_name(incarnation: u64, revision: u64) -> String {
    format!("snapshots/{incarnation}-{revision}.json")
}

fn part_name(digest: &Digest) -> String {
    format!("parts/{digest}")
}

fn keyring_name(revision: u64) -> String {
    format!("keyrings/{revision}.json")
}

fn secrets_name(revision: u64) -> String {
    format!("secrets/{revision}.json")
}

/// The numbers in a file's name, in order.
fn order(path: &Path) -> Option<Vec<u64>> {
    if path.extension()? != "json" {
        return None;
    }
    path.file_stem()?
        .to_str()?
        .split('-')
        .map(|number| number.parse().ok())
        .collect()
}

/// Keeps the newest revisions of a folder and returns their paths.
fn keep_newest(folder: &Path) -> Result<Vec<PathBuf>, DirectoryFault> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io(folder))? {
        let path = entry.map_err(io(folder))?.path();
        if let Some(order) = order(&path) {
            files.push((order, path));
        }
    }
    files.sort();
    let old = files.len().saturating_sub(KEPT);
    for (_, path) in files.drain(..old) {
        fs::remove_file(&path).map_err(io(&path))?;
    }
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

fn collect(folder: &Path) -> Result<(), DirectoryFault> {
    keep_newest(&folder.join("keyrings"))?;
    keep_newest(&folder.join("secrets"))?;
    let mut used = BTreeSet::new();
    for path in keep_newest(&folder.join("snapshots"))? {
        let SnapshotFile { root, .. } = read_json(&path)?;
        used.extend(root.parts.iter().map(|(_, digest)| digest.to_string()));
    }
    let parts = folder.join("parts");
    for entry in fs::read_dir(&parts).map_err(io(&parts))? {
        let path = entry.map_err(io(&parts))?.path();
        let is_used = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| used.contains(name));
        if !is_used {
            fs::remove_file(&path).map_err(io(&path))?;
        }
    }
    Ok(())
}
