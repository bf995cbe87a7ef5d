//! `realmwright completion`.

use std::io::Write;

use clap::CommandFactory;

use crate::Outcome;
use crate::arguments::{Arguments, Completion};

pub(crate) fn run(command: &Completion) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(
        command.shell,
        &mut Arguments::command(),
        "realmwright",
        &mut script,
    );
    std::io::stdout().lock().write_all(&script)?;
    Ok(Outcome::Good)
}
