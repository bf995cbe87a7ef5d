//! `realmwright plan`.

use std::path::Path;

use realmwright_compiler::plan::{Change, Plan, RealmPlan, Verdict, human, markdown, plan};
use realmwright_compiler::{Diagnostic, Severity, human as diagnostics_text};

use crate::Outcome;
use crate::arguments::{Compare, Format};
use crate::output::{BOLD, Output};
use crate::reports::{self, Finding, Place, Rule};
use crate::sides::{self, Compiled, Side};

pub(crate) fn run(command: &Compare, output: Output) -> anyhow::Result<Outcome> {
    let (old, new) = sides::read(&command.old, &command.new)?;
    for (name, side) in [(&command.old, &old), (&command.new, &new)] {
        if is_refused(name, side, output)? {
            return Ok(Outcome::Wrong);
        }
    }
    let plan = plan(&old.snapshots, &new.snapshots)?;
    match output.format {
        Format::Human => output.line(human(&plan, output.colour).trim_end()),
        Format::Markdown => output.line(markdown(&plan).trim_end()),
        Format::Github => output.text(reports::github(&findings(&plan, &new))),
        Format::Sarif => output.json(&reports::sarif(&findings(&plan, &new)))?,
        Format::Json | Format::Junit => output.json(&Report {
            verdict: plan.verdict(),
            plan: &plan,
        })?,
    }
    Ok(match plan.verdict() {
        Verdict::Unchanged => Outcome::Good,
        Verdict::Changed => Outcome::Changed,
        Verdict::Risky => Outcome::Risky,
    })
}

#[derive(serde::Serialize)]
struct Report<'a> {
    verdict: Verdict,
    #[serde(flatten)]
    plan: &'a Plan,
}

/// What changes, at the object of the new side that it concerns.
fn findings(plan: &Plan, new: &Side) -> Vec<Finding> {
    let mut found = Vec::new();
    for realm in &plan.realms {
        for change in realm.shown() {
            let (severity, risk) = match change.risk {
                Some(risk) => (Severity::Warning, format!("\n{risk}")),
                None => (Severity::Note, String::new()),
            };
            let words = change.words();
            found.push(Finding {
                rule: Rule {
                    id: change.effect.as_str().to_owned(),
                    title: change.effect.title(),
                    help: "A change of the configuration that people or applications notice.",
                },
                severity,
                message: format!("{} in {}: {words}{risk}", realm.realm, realm.region),
                place: place(realm, change, new),
            });
        }
    }
    found
}

fn place(realm: &RealmPlan, change: &Change, new: &Side) -> Option<Place> {
    let Compiled {
        compiler,
        compilation,
        root,
    } = new.compiled.as_ref()?;
    let mut compiled = compilation.realms.iter();
    let compiled = compiled.find(|one| one.id == realm.realm && one.region == realm.region)?;
    let mut applications = change.applications.iter();
    let declared = applications
        .find_map(|client| compiler.place_of_client(compiled, client))
        .or_else(|| compiler.place_of_realm(compiled))?;
    Some(Place::new(root, &declared))
}

/// A side that does not compile cannot be compared: its faults are what there is to say.
fn is_refused(name: &str, side: &Side, output: Output) -> anyhow::Result<bool> {
    let Some(side) = side
        .compiled
        .as_ref()
        .filter(|side| side.compilation.has_errors())
    else {
        return Ok(false);
    };
    let errors: Vec<_> = side
        .compilation
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .cloned()
        .collect();
    match output.format {
        Format::Human => {
            let title = format!("{name} does not compile");
            output.line(output.paint(BOLD, title));
            output.line(diagnostics_text(&errors, output.colour).trim_end());
        }
        Format::Markdown => {
            let text = diagnostics_text(&errors, realmwright_compiler::Colour::None);
            let text = text.replace("```", "'''");
            output.line(format_args!(
                "### Realmwright plan: `{name}` does not compile\n\n```\n{}\n```",
                text.trim_end()
            ));
        }
        Format::Github => output.text(reports::github(&refusals(&errors, &side.root))),
        Format::Sarif => output.json(&reports::sarif(&refusals(&errors, &side.root)))?,
        Format::Json | Format::Junit => {
            output.json(&serde_json::json!({"refused": name, "diagnostics": errors}))?;
        }
    }
    Ok(true)
}

fn refusals(errors: &[Diagnostic], root: &Path) -> Vec<Finding> {
    errors
        .iter()
        .map(|error| Finding::of(error, root))
        .collect()
}
