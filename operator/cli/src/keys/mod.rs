//! `realmwright keys`: the keys of realms that `dev` serves, listed and replaced. No key material
//! is ever shown.

pub(crate) mod replace;
pub(crate) mod show;

use std::path::Path;

use anyhow::bail;
use jiff::Timestamp;
use realmwright_keys::SystemGenerator;

use crate::Outcome;
use crate::arguments::{Keys, KeysCommand, KeysRotate};
use crate::dev::control;
use crate::dev::state::State;
use crate::output::Output;
use replace::{Cause, Replaced, Wanted, Which, choose, replace};

pub(crate) fn run(command: Keys, output: Output) -> anyhow::Result<Outcome> {
    let now = now();
    match command.command {
        KeysCommand::List { folder, realm } => {
            let state = state_of(&folder)?;
            let mut realms = state.realms()?;
            if realm.is_some() {
                realms = vec![choose(realm.as_ref(), realms.iter())?.clone()];
            }
            let keyrings = realms.iter().map(|realm| state.keyring(realm));
            let keyrings = keyrings.collect::<anyhow::Result<Vec<_>>>()?;
            show::keyrings(&keyrings, now, output)?;
        }
        KeysCommand::Rotate(command) => {
            let state = state_of(&command.folder)?;
            let replaced = rotate(&state, &wanted(command), now)?;
            show::replaced(&replaced, output)?;
        }
    }
    Ok(Outcome::Good)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the moment at which somebody asks is where time comes in"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

fn state_of(folder: &Path) -> anyhow::Result<State> {
    let state = State::of(folder);
    if !state.root().is_dir() {
        bail!(
            "there is no {}: keys are made when `realmwright dev` first serves the folder",
            state.root().display()
        );
    }
    Ok(state)
}

fn wanted(command: KeysRotate) -> Wanted {
    Wanted {
        realm: command.realm,
        keys: match command.key {
            Some(kid) => Which::Key(kid),
            None => Which::InUseFor(command.purpose),
        },
        cause: if command.compromised {
            Cause::Compromised
        } else {
            Cause::Planned
        },
    }
}

/// Only the holder of the lock writes: where a `dev` holds it, that one is asked.
fn rotate(state: &State, wanted: &Wanted, now: Timestamp) -> anyhow::Result<Replaced> {
    let Some(_lock) = state.lock()? else {
        return control::ask(state, wanted);
    };
    let realms = state.realms()?;
    let realm = choose(wanted.realm.as_ref(), realms.iter())?;
    let keyring = state.keyring(realm)?;
    let (next, replaced) = replace(&keyring, wanted, now, &mut SystemGenerator::default())?;
    state.keep_replaced(&next, &replaced)?;
    Ok(replaced)
}
