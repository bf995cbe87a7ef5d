//! Reading a folder of YAML.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use realmwright_compiler::Manifests;

use crate::dev::state::State;

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
    let length = std::fs::metadata(file)
        .with_context(|| format!("cannot read {}", file.display()))?
        .len();
    if length > MAX_FILE {
        bail!("{} is larger than {MAX_FILE} bytes", file.display());
    }
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file.strip_prefix(root).unwrap_or(file).to_string_lossy();
    manifests.insert(name.as_ref(), bytes);
    Ok(())
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

    #[test]
    fn a_single_file_may_be_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.yaml");
        std::fs::write(&file, "a: 1\n").unwrap();
        assert_eq!(read(&file).unwrap().len(), 1);
        assert!(read(&folder.path().join("none")).is_err());
    }
}
