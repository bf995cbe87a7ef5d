//! `realmwright crds`.

use std::io::Write;

use anyhow::Context;

use crate::Outcome;
use crate::arguments::Crds;

pub(crate) fn run(command: &Crds) -> anyhow::Result<Outcome> {
    let crds = realmwright_crds::crds().context("the definitions cannot be made")?;
    match &command.output {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
            for (name, yaml) in crds {
                let path = folder.join(format!("{name}.yaml"));
                std::fs::write(&path, yaml)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        None => {
            let mut out = std::io::stdout().lock();
            for (_, yaml) in crds {
                writeln!(out, "---\n{}", yaml.trim_start_matches("---\n").trim_end())?;
            }
        }
    }
    Ok(Outcome::Good)
}
