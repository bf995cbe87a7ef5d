//! JUnit XML, the format of test reports.

use std::path::Path;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use realmwright_compiler::TestResult;

use super::Place;

/// A suite a RealmTest, a case each case. `refused` is what kept a realm from running its cases,
/// as text: a report of it must not look like a pass.
pub(crate) fn junit(
    results: &[&TestResult],
    refused: Option<&str>,
    root: &Path,
) -> anyhow::Result<String> {
    let mut report = Report::new("realmwright");
    for tests in results.chunk_by(|a, b| a.test == b.test) {
        let mut suite = TestSuite::new(tests.first().map_or("", |result| result.test.as_str()));
        for result in tests {
            suite.add_test_case(case(result, root));
        }
        report.add_test_suite(suite);
    }
    if let Some(text) = refused {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status
            .set_message("the folder does not compile")
            .set_description(text);
        let mut suite = TestSuite::new("compile");
        suite.add_test_case(TestCase::new("compile", status));
        report.add_test_suite(suite);
    }
    Ok(report.to_string()?)
}

fn case(result: &TestResult, root: &Path) -> TestCase {
    let status = if result.passed() {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let first = result.differences.first().cloned().unwrap_or_default();
        status
            .set_message(first)
            .set_description(result.differences.join("\n"));
        status
    };
    let mut case = TestCase::new(result.case.as_str(), status);
    case.set_classname(result.test.as_str());
    if let Some(location) = &result.location {
        let place = Place::new(root, location);
        case.extra
            .insert("file".into(), place.file.to_string_lossy().as_ref().into());
        case.extra
            .insert("line".into(), place.line.to_string().into());
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(case: &str, differences: &[&str]) -> TestResult {
        TestResult {
            test: "identity/login".to_owned(),
            case: case.to_owned(),
            location: None,
            differences: differences.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_report_counts_and_escapes() {
        let (good, bad) = (
            result("good", &[]),
            result("bad", &["steps: a < b", "more"]),
        );
        let text = junit(&[&good, &bad], Some("error[RW0101]"), Path::new("")).unwrap();
        assert!(text.contains(r#"tests="3""#), "{text}");
        assert!(text.contains(r#"failures="1""#), "{text}");
        assert!(text.contains(r#"errors="1""#), "{text}");
        assert!(text.contains("steps: a &lt; b"), "{text}");
        assert!(!text.contains("a < b"), "{text}");
    }
}
