//! Commands over files; `evaluate` reads an account beside, when it is asked about one.

pub(crate) mod completion;
pub(crate) mod crds;
pub(crate) mod evaluate;
pub(crate) mod explain;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod schemas;
pub(crate) mod test;
pub(crate) mod validate;

use std::path::Path;

use anyhow::bail;
use realmwright_compiler::{Compilation, CompileProfile, Compiler, Diagnostic};

use crate::arguments::Sources;
use crate::folder;
use crate::reports::{Finding, root_of};

/// Compiles a folder once. Without `--production` it is judged as `dev` would serve it.
fn compile(sources: &Sources) -> anyhow::Result<Compilation> {
    let manifests = folder::read(&sources.folder)?;
    if manifests.is_empty() {
        bail!("{} holds no YAML files", sources.folder.display());
    }
    let profile = if sources.production {
        CompileProfile::Production
    } else {
        CompileProfile::Dev {
            origin: "http://127.0.0.1:8080".parse()?,
        }
    };
    Ok(Compiler::new().compile(&manifests, &profile))
}

/// What the compiler said of a folder, for other tools.
fn findings<'a>(
    diagnostics: impl IntoIterator<Item = &'a Diagnostic>,
    folder: &Path,
) -> Vec<Finding> {
    let root = root_of(folder);
    diagnostics
        .into_iter()
        .map(|diagnostic| Finding::of(diagnostic, &root))
        .collect()
}
