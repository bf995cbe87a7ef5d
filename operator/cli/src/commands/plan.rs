//! `realmwright plan`.

use realmwright_compiler::plan::{Plan, Verdict, human, markdown, plan};
use realmwright_compiler::{Severity, human as diagnostics_text};

use crate::Outcome;
use crate::arguments::{Compare, Format};
use crate::output::{BOLD, Output};
use crate::sides::{self, Side};

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
        Format::Json => output.json(&Report {
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

/// A side that does not compile cannot be compared: its faults are what there is to say.
fn is_refused(name: &str, side: &Side, output: Output) -> anyhow::Result<bool> {
    let Some(compilation) = side.compilation.as_ref().filter(|c| c.has_errors()) else {
        return Ok(false);
    };
    let errors: Vec<_> = compilation
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
        Format::Json => {
            output.json(&serde_json::json!({"refused": name, "diagnostics": errors}))?;
        }
    }
    Ok(true)
}
