//! The two sides of a comparison: a folder, a folder in a Git revision, or sealed snapshots.

mod git;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use realmwright_artefacts::Directory;
use realmwright_compiler::{Compilation, CompileProfile, Compiler, Manifests};
use realmwright_snapshot::{Profile, RealmSnapshot, open};

use crate::folder;
use crate::reports::root_of;

/// What a side holds.
enum Held {
    /// To be compiled.
    Manifests(Manifests, PathBuf),
    /// Compiled already.
    Snapshots(Vec<Arc<RealmSnapshot>>),
}

/// A side, ready to be compared.
pub(crate) struct Side {
    pub(crate) snapshots: Vec<Arc<RealmSnapshot>>,
    /// What was compiled; none of a side that was sealed already.
    pub(crate) compiled: Option<Compiled>,
}

/// A side of manifests.
pub(crate) struct Compiled {
    pub(crate) compiler: Compiler,
    pub(crate) compilation: Compilation,
    /// The folder that the paths of its manifests begin at.
    pub(crate) root: PathBuf,
}

/// Reads both sides and compiles what is not compiled, for the same profile: that of the sealed
/// side if there is one, else as a pod would serve it.
pub(crate) fn read(old: &str, new: &str) -> anyhow::Result<(Side, Side)> {
    let (old, new) = (held(old, new)?, held(new, old)?);
    let profile = [&old, &new]
        .into_iter()
        .find_map(|held| match held {
            Held::Snapshots(snapshots) => snapshots.first(),
            Held::Manifests(..) => None,
        })
        .map_or(CompileProfile::Production, |realm| {
            match &realm.core.profile {
                Profile::Production => CompileProfile::Production,
                Profile::Dev { origin } => CompileProfile::Dev {
                    origin: origin.clone(),
                },
            }
        });
    Ok((side(old, &profile), side(new, &profile)))
}

/// Reads one configuration, as a pod would serve it.
pub(crate) fn one(name: &str) -> anyhow::Result<Side> {
    Ok(side(held(name, name)?, &CompileProfile::Production))
}

/// Reads one configuration as a process of this profile serves it: of a folder that `dev` serves,
/// with the Secrets that it keeps there.
pub(crate) fn served(name: &str, profile: &CompileProfile) -> anyhow::Result<Side> {
    let path = Path::new(name);
    let held = if path.exists() {
        on_disk(path, folder::read)?
    } else {
        held(name, name)?
    };
    Ok(side(held, profile))
}

fn side(held: Held, profile: &CompileProfile) -> Side {
    match held {
        Held::Snapshots(snapshots) => Side {
            snapshots,
            compiled: None,
        },
        Held::Manifests(manifests, root) => {
            let mut compiler = Compiler::new();
            let compilation = compiler.compile(&manifests, profile);
            let realms = compilation.realms.iter();
            Side {
                snapshots: realms.map(|realm| Arc::clone(&realm.snapshot)).collect(),
                compiled: Some(Compiled {
                    compiler,
                    compilation,
                    root,
                }),
            }
        }
    }
}

/// What `name` stands for: something on disk, else `REVISION:PATH`, else a revision of the folder
/// that the other side names.
fn held(name: &str, other: &str) -> anyhow::Result<Held> {
    let path = Path::new(name);
    if path.exists() {
        return on_disk(path, folder::read_committed);
    }
    let (manifests, root) = match name.split_once(':') {
        Some((revision, path)) => (git::read(Path::new("."), revision, path)?, path.into()),
        None => {
            let beside = Path::new(other);
            if !beside.is_dir() {
                bail!("{name} is neither a folder nor REVISION:PATH");
            }
            let path = git::path_of(beside)
                .with_context(|| format!("{name} is not a folder, and not a revision either"))?;
            (git::read(beside, name, &path)?, beside.to_owned())
        }
    };
    if manifests.is_empty() {
        bail!("{name} holds no YAML files");
    }
    Ok(Held::Manifests(manifests, root))
}

fn on_disk(path: &Path, read: impl Fn(&Path) -> anyhow::Result<Manifests>) -> anyhow::Result<Held> {
    if path.is_dir() {
        let directory = Directory::new(path);
        let heads = directory.heads()?;
        if !heads.is_empty() {
            let mut snapshots = Vec::new();
            for (realm, head) in heads {
                let offer = directory.load(&realm, head)?;
                let snapshot = open(&offer.sealed, None)
                    .with_context(|| format!("the snapshot of {realm} cannot be opened"))?;
                snapshots.push(Arc::new(snapshot));
            }
            return Ok(Held::Snapshots(snapshots));
        }
    }
    let manifests = read(path)?;
    if manifests.is_empty() {
        bail!("{} holds no YAML files", path.display());
    }
    Ok(Held::Manifests(manifests, root_of(path)))
}
