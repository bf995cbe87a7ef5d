//! `realmwright validate`.

use realmwright_compiler::{human, json};

use super::compile;
use crate::Outcome;
use crate::arguments::{Format, Sources};
use crate::output::{BOLD, GOOD, Output};

pub(crate) fn run(sources: &Sources, output: Output) -> anyhow::Result<Outcome> {
    let compilation = compile(sources)?;
    let outcome = if compilation.has_errors() {
        Outcome::Wrong
    } else {
        Outcome::Good
    };
    if output.format == Format::Json {
        output.line(json(&compilation.diagnostics)?);
        return Ok(outcome);
    }
    if !compilation.diagnostics.is_empty() {
        output.line(human(&compilation.diagnostics, output.colour).trim_end());
    }
    if outcome == Outcome::Good {
        for realm in &compilation.realms {
            output.line(format_args!(
                "{} {} in {}: {}, {}, {}, {}  {}",
                output.paint(GOOD, "valid"),
                output.paint(BOLD, &realm.id),
                realm.region,
                count(realm.snapshot.clients.len(), "client"),
                count(realm.snapshot.scopes.len(), "scope"),
                count(realm.snapshot.methods.len(), "method"),
                count(realm.snapshot.flows.len(), "flow"),
                realm.sealed.digest.short(),
            ));
        }
    }
    Ok(outcome)
}

fn count(number: usize, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    }
}
