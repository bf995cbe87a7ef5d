//! `realmwright validate`.

use realmwright_compiler::{Compilation, human, json};

use super::{compile, findings};
use crate::Outcome;
use crate::arguments::{Format, Sources};
use crate::output::{BOLD, GOOD, Output};
use crate::reports;

pub(crate) fn run(sources: &Sources, output: Output) -> anyhow::Result<Outcome> {
    let compilation = compile(sources)?;
    let outcome = if compilation.has_errors() {
        Outcome::Wrong
    } else {
        Outcome::Good
    };
    let findings = || findings(&compilation.diagnostics, &sources.folder);
    match output.format {
        Format::Json => output.line(json(&compilation.diagnostics)?),
        Format::Github => output.text(reports::github(&findings())),
        Format::Sarif => output.json(&reports::sarif(&findings()))?,
        _ => for_people(&compilation, outcome, output),
    }
    Ok(outcome)
}

fn for_people(compilation: &Compilation, outcome: Outcome, output: Output) {
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
}

fn count(number: usize, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    }
}
