//! `realmwright man`.

use anyhow::Context;
use clap::CommandFactory;

use crate::Outcome;
use crate::arguments::{Arguments, Man};

pub(crate) fn run(command: &Man) -> anyhow::Result<Outcome> {
    let program = Arguments::command();
    match &command.output {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
            clap_mangen::generate_to(program, folder)
                .with_context(|| format!("cannot write into {}", folder.display()))?;
        }
        None => clap_mangen::Man::new(program).render(&mut std::io::stdout().lock())?,
    }
    Ok(Outcome::Good)
}
