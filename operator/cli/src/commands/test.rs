//! `realmwright test`.

use realmwright_compiler::{Severity, TestResult, human};
use serde_json::json;

use super::compile;
use crate::Outcome;
use crate::arguments::{Format, Tests};
use crate::output::{BAD, FAINT, GOOD, Output};

pub(crate) fn run(tests: &Tests, output: Output) -> anyhow::Result<Outcome> {
    let compilation = compile(&tests.sources)?;
    let wanted = |result: &&TestResult| {
        tests
            .only
            .as_ref()
            .is_none_or(|text| result.case.contains(text))
    };
    let results: Vec<_> = compilation.tests.iter().filter(wanted).collect();
    let failed = results.iter().filter(|result| !result.passed()).count();
    // A realm that does not compile has run no test: that is not a pass.
    let outcome = if failed > 0 || compilation.has_errors() {
        Outcome::Wrong
    } else {
        Outcome::Good
    };
    if output.format == Format::Json {
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
        output.json(&json!({"cases": cases, "diagnostics": compilation.diagnostics}))?;
        return Ok(outcome);
    }
    let errors: Vec<_> = compilation
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .cloned()
        .collect();
    if !errors.is_empty() {
        output.line(human(&errors, output.colour));
    }
    for result in &results {
        show(result, output);
    }
    if results.is_empty() && errors.is_empty() {
        output.line("there are no config tests");
    } else {
        let passed = results.len() - failed;
        output.line(format_args!("{passed} passed, {failed} failed"));
    }
    Ok(outcome)
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
