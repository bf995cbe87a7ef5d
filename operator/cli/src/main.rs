//! `realmwright`: the command line for people. `dev` serves a folder of YAML, `validate`, `test`,
//! `plan`, `evaluate`, `explain`, `crds` and `schemas` work on files alone, `keys` works on the
//! state of `dev`, `accounts` talks to the REST API of a served realm, and `why-denied` does both.
//!
//! It decides nothing itself: the compiler judges YAML, the engine judges people. It must not
//! use the engine, the web crate or a store directly; `realmwright-idp` joins them.
//!
//! Recipe for a command: its arguments in [`arguments`], a module in [`commands`] with a `run`
//! that returns [`Outcome`], a golden test of what it prints.

mod accounts;
mod arguments;
mod commands;
mod dev;
mod folder;
mod keys;
mod output;
mod reports;
mod sides;
mod why_denied;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use output::Output;

/// A password check takes tens of megabytes for tens of milliseconds: this allocator gives them
/// back (decision 0016).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command says to its caller besides its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done; nothing is wrong.
    Good,
    /// Done; what was looked at is wrong: faults in YAML, failing tests, no such account.
    Wrong,
    /// Done; two configurations differ.
    Changed,
    /// Done; they differ in something that should be looked at twice.
    Risky,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Good => Self::SUCCESS,
            Outcome::Wrong => Self::from(1),
            Outcome::Changed => Self::from(4),
            Outcome::Risky => Self::from(5),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(fault) = arguments.check() {
        fault.exit();
    }
    let output = Output::new(arguments.format);
    let ran = match arguments.command {
        Command::Validate(command) => commands::validate::run(&command, output),
        Command::Test(command) => commands::test::run(&command, output),
        Command::Plan(command) => commands::plan::run(&command, output),
        Command::Evaluate(command) => commands::evaluate::run(&command, output),
        Command::Explain(command) => commands::explain::run(&command, output),
        Command::Crds(command) => commands::crds::run(&command),
        Command::Schemas(command) => commands::schemas::run(&command, output),
        Command::Completion(command) => commands::completion::run(&command),
        Command::Man(command) => commands::man::run(&command),
        Command::Dev(command) => dev::run(*command, output),
        Command::Keys(command) => keys::run(command, output),
        Command::Accounts(command) => accounts::run(*command, output),
        Command::WhyDenied(command) => why_denied::run(&command, output),
    };
    match ran {
        Ok(outcome) => outcome.into(),
        Err(fault) => {
            output.failure(&fault);
            ExitCode::from(3)
        }
    }
}
