//! Commands that need nothing but files.

pub(crate) mod crds;
pub(crate) mod explain;
pub(crate) mod plan;
pub(crate) mod test;
pub(crate) mod validate;

use anyhow::bail;
use realmwright_compiler::{Compilation, CompileProfile, Compiler};

use crate::arguments::Sources;
use crate::folder;

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
