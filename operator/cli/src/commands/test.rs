//! `realmwright test`.

use realmwright_compiler::{Code, Colour, Compilation, Diagnostic, Severity, TestResult, human};
use serde_json::json;

use super::{compile, findings};
use crate::Outcome;
use crate::arguments::{Format, Tests};
use crate::output::{BAD, FAINT, GOOD, Output};
use crate::reports::{self, root_of};

pub(crate) fn run(tests: &Tests, output: Output) -> anyhow::Result<Outcome> {
    let compilation = compile(&tests.sources)?;
    let wanted = |result: &&TestResult| {
        tests
            .only
            .as_ref()
            .is_none_or(|text| result.case.contains(text))
    };
    let results: Vec<_> = compilation.tests.iter().filter(wanted).collect();
    if let (Some(name), true, false) = (&tests.only, results.is_empty(), compilation.has_errors()) {
        output.complaint(format_args!("no case has `{name}` in its name"));
        return Ok(Outcome::Wrong);
    }
    let failed = results.iter().filter(|result| !result.passed()).count();
    // A realm that does not compile has run no test: that is not a pass.
    let outcome = if failed > 0 || compilation.has_errors() {
        Outcome::Wrong
    } else {
        Outcome::Good
    };
    // A case that fails is a diagnostic too; of those that were not asked for nothing is said.
    let is_said = |diagnostic: &&Diagnostic| {
        diagnostic.severity == Severity::Error
            && (diagnostic.code != Code::TestFailed
                || results
                    .iter()
                    .any(|result| result.location == diagnostic.location))
    };
    let errors = || compilation.diagnostics.iter().filter(is_said);
    let folder = &tests.sources.folder;
    match output.format {
        Format::Json => for_programs(&results, &compilation, output)?,
        Format::Github => output.text(reports::github(&findings(errors(), folder))),
        Format::Sarif => output.json(&reports::sarif(&findings(errors(), folder)))?,
        Format::Junit => {
            let refused = refusals(&compilation);
            let text = human(&refused, Colour::None);
            let refused = (!refused.is_empty()).then_some(text.as_str());
            output.line(reports::junit(&results, refused, &root_of(folder))?);
        }
        Format::Human | Format::Markdown => for_people(&results, &compilation, output),
    }
    Ok(outcome)
}

/// What keeps realms from being compiled, failing cases aside.
fn refusals(compilation: &Compilation) -> Vec<Diagnostic> {
    let diagnostics = compilation.diagnostics.iter();
    diagnostics
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .filter(|diagnostic| diagnostic.code != Code::TestFailed)
        .cloned()
        .collect()
}

fn for_programs(
    results: &[&TestResult],
    compilation: &Compilation,
    output: Output,
) -> anyhow::Result<()> {
    let cases: Vec<_> = results
        .iter()
        .map(|result| {
            json!({
                "test": result.test,
                "case": result.case,
                "passed": result.passed(),
                "location": result.location,
                "differences": result.differences,
            })
        })
        .collect();
    output.json(&json!({"cases": cases, "diagnostics": compilation.diagnostics}))
}

fn for_people(results: &[&TestResult], compilation: &Compilation, output: Output) {
    let errors: Vec<_> = compilation
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .cloned()
        .collect();
    if !errors.is_empty() {
        output.line(human(&errors, output.colour));
    }
    for result in results {
        show(result, output);
    }
    if results.is_empty() && errors.is_empty() {
        output.line("there are no config tests");
    } else {
        let passed = results.iter().filter(|result| result.passed()).count();
        let failed = results.len() - passed;
        output.line(format_args!("{passed} passed, {failed} failed"));
    }
}

fn show(result: &TestResult, output: Output) {
    let mark = if result.passed() {
        output.paint(GOOD, "pass")
    } else {
        output.paint(BAD, "FAIL")
    };
    output.line(format_args!(
        "{mark} {} {}",
        output.paint(FAINT, &result.test),
        result.case
    ));
    if let (false, Some(place)) = (result.passed(), &result.location) {
        output.line(output.paint(FAINT, format_args!("     {}:{}", place.file, place.line)));
    }
    for difference in &result.differences {
        output.line(format_args!("     {difference}"));
    }
}
