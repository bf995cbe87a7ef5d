//! Reading a folder of YAML: whole, or only the files that are known to have changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use realmwright_compiler::Manifests;

use crate::dev::state::{self, State};

/// No file that a person writes comes near.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Deeper folders are more likely a loop than configuration.
const MAX_DEPTH: usize = 16;

/// All `.yaml` and `.yml` files under a folder, by their path in it, and the Secrets that `dev`
/// keeps beside its state. Other hidden files and folders are left out.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Manifests> {
    let mut manifests = read_committed(folder)?;
    let secrets = State::of(folder).secrets();
    if secrets.is_dir() {
        for file in files(&secrets)? {
            insert(&mut manifests, folder, &file)?;
        }
    }
    Ok(manifests)
}

/// The same without what `dev` keeps: what a commit of the folder holds.
pub(crate) fn read_committed(folder: &Path) -> anyhow::Result<Manifests> {
    let mut manifests = Manifests::new();
    let metadata =
        std::fs::metadata(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    if metadata.is_file() {
        insert(&mut manifests, folder.parent().unwrap_or(folder), folder)?;
        return Ok(manifests);
    }
    for file in files(folder)? {
        insert(&mut manifests, folder, &file)?;
    }
    Ok(manifests)
}

fn insert(manifests: &mut Manifests, root: &Path, file: &Path) -> anyhow::Result<()> {
    let name = file.strip_prefix(root).unwrap_or(file).to_string_lossy();
    manifests.insert(name.as_ref(), read_file(file)?);
    Ok(())
}

fn read_file(file: &Path) -> anyhow::Result<Vec<u8>> {
    let length = std::fs::metadata(file)
        .with_context(|| format!("cannot read {}", file.display()))?
        .len();
    if length > MAX_FILE {
        bail!("{} is larger than {MAX_FILE} bytes", file.display());
    }
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// What may have changed in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// These files, by their path in the folder.
    Files(BTreeSet<PathBuf>),
    /// Nobody knows: a folder came or went, or there was too much to say.
    Anything,
}

impl Changed {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Files(mut one), Self::Files(other)) => {
                one.extend(other);
                Self::Files(one)
            }
            _ => Self::Anything,
        }
    }
}

/// How a folder differs from what was read of it before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    /// Not at all.
    Nothing,
    /// In the Secrets that `dev` keeps beside its state.
    Kept,
    /// In what people write.
    Authored,
}

impl Difference {
    fn at(path: &str) -> Self {
        if Path::new(path).starts_with(state::NAME) {
            Self::Kept
        } else {
            Self::Authored
        }
    }
}

/// A folder as it was read last.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    manifests: Manifests,
}

impl Folder {
    /// Reads all of it.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            root: root.to_owned(),
            manifests: read(root)?,
        })
    }

    pub(crate) const fn manifests(&self) -> &Manifests {
        &self.manifests
    }

    /// Reads again what may have changed. Where that fails, everything stays as it was.
    pub(crate) fn read_again(&mut self, changed: &Changed) -> anyhow::Result<Difference> {
        let of_files = match changed {
            Changed::Files(files) => self.read_files(files)?,
            Changed::Anything => None,
        };
        if let Some(difference) = of_files {
            return Ok(difference);
        }
        // What is the same keeps its place in memory, by which the compiler knows it.
        let now: Manifests = read(&self.root)?
            .iter()
            .map(|(path, bytes)| {
                let known = self.manifests.get(path).filter(|known| *known == bytes);
                (Arc::clone(path), Arc::clone(known.unwrap_or(bytes)))
            })
            .collect();
        let differs = |(path, bytes): (&Arc<str>, &Arc<[u8]>), other: &Manifests| {
            (other.get(path) != Some(bytes)).then(|| Difference::at(path))
        };
        let came = now.iter().filter_map(|file| differs(file, &self.manifests));
        let went = self.manifests.iter().filter_map(|file| differs(file, &now));
        let difference = came.chain(went).max().unwrap_or(Difference::Nothing);
        if difference > Difference::Nothing {
            self.manifests = now;
        }
        Ok(difference)
    }

    /// None where one of them is no file, so that the whole folder must be looked at.
    fn read_files(&mut self, files: &BTreeSet<PathBuf>) -> anyhow::Result<Option<Difference>> {
        let mut found = Vec::with_capacity(files.len());
        for file in files {
            let (path, name) = (self.root.join(file), file.to_string_lossy());
            match std::fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() && file.components().count() <= MAX_DEPTH => {
                    found.push((name, Some(read_file(&path)?)));
                }
                Err(fault)
                    if fault.kind() == std::io::ErrorKind::NotFound
                        && self.manifests.get(&name).is_some() =>
                {
                    found.push((name, None));
                }
                _ => return Ok(None),
            }
        }
        let mut difference = Difference::Nothing;
        for (name, bytes) in found {
            if self.manifests.get(&name).map(|bytes| &**bytes) == bytes.as_deref() {
                continue;
            }
            difference = difference.max(Difference::at(&name));
            match bytes {
                Some(bytes) => self.manifests.insert(name.as_ref(), bytes),
                None => {
                    self.manifests.remove(&name);
                }
            }
        }
        Ok(Some(difference))
    }
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        if depth > MAX_DEPTH {
            bail!("{} is nested too deeply", folder.display());
        }
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            // An editor's half-way state: the file may be gone again.
            let Ok(metadata) = std::fs::metadata(&path) else {
                continue;
            };
            if metadata.is_dir() {
                folders.push((path, depth + 1));
            } else if is_manifest(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a path is one that is read.
pub(crate) fn is_manifest(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Whether a path in a folder is one that is read from a commit: YAML, and nothing hidden.
pub(crate) fn is_committed_manifest(path: &Path) -> bool {
    let hidden = path
        .components()
        .any(|part| part.as_os_str().to_string_lossy().starts_with('.'));
    is_manifest(path) && !hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_read_and_hidden_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "a: 1\n").unwrap();
        };
        for name in [
            "b.yml",
            "a.yaml",
            "deep/er/c.yaml",
            "README.md",
            ".hidden.yaml",
            ".realmwright/secrets/x.yaml",
            ".realmwright/published/y.yaml",
            ".git/z.yaml",
            "a.yaml.swp",
        ] {
            write(name);
        }
        let manifests = read(folder.path()).unwrap();
        let names: Vec<_> = manifests.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(
            names,
            [
                ".realmwright/secrets/x.yaml",
                "a.yaml",
                "b.yml",
                "deep/er/c.yaml"
            ]
        );
    }

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn files(names: &[&str]) -> Changed {
        Changed::Files(names.iter().map(PathBuf::from).collect())
    }

    /// However it is told what changed, a folder is in the end what a new reading gives.
    #[test]
    fn what_changed_is_read_again_and_the_rest_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "a.yaml", "a: 1\n");
        write(root, "b.yaml", "b: 1\n");
        let mut read = Folder::read(root).unwrap();
        let b = Arc::clone(read.manifests().get("b.yaml").unwrap());
        let mut again = |changed: &Changed| {
            let difference = read.read_again(changed).unwrap();
            assert_eq!(*read.manifests(), super::read(root).unwrap());
            difference
        };

        assert_eq!(again(&files(&["a.yaml"])), Difference::Nothing);
        write(root, "a.yaml", "a: 2\n");
        assert_eq!(again(&files(&["a.yaml"])), Difference::Authored);
        write(root, "deep/c.yaml", "c: 1\n");
        write(root, ".realmwright/secrets/s.yaml", "s: 1\n");
        let secret = files(&[".realmwright/secrets/s.yaml"]);
        assert_eq!(
            again(&secret.and(files(&["deep/c.yaml"]))),
            Difference::Authored
        );
        write(root, ".realmwright/secrets/s.yaml", "s: 2\n");
        assert_eq!(again(&Changed::Anything), Difference::Kept);
        std::fs::remove_file(root.join("a.yaml")).unwrap();
        assert_eq!(again(&files(&["a.yaml"])), Difference::Authored);
        assert_eq!(again(&files(&["a.yaml"])), Difference::Nothing);
        std::fs::remove_dir_all(root.join("deep")).unwrap();
        assert_eq!(again(&files(&["deep"])), Difference::Authored);
        write(root, "folder.yaml/d.yaml", "d: 1\n");
        assert_eq!(again(&files(&["folder.yaml"])), Difference::Authored);
        std::fs::remove_dir_all(root.join("folder.yaml")).unwrap();
        assert_eq!(again(&files(&["folder.yaml"])), Difference::Authored);
        assert_eq!(again(&Changed::Anything), Difference::Nothing);
        assert!(Arc::ptr_eq(&b, read.manifests().get("b.yaml").unwrap()));
    }

    #[test]
    fn a_single_file_may_be_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.yaml");
        std::fs::write(&file, "a: 1\n").unwrap();
        assert_eq!(read(&file).unwrap().len(), 1);
        assert!(read(&folder.path().join("none")).is_err());
    }
}
