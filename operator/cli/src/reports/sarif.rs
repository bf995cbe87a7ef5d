//! SARIF 2.1.0, the format of code scanning.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use realmwright_compiler::Severity;
use serde_json::{Value, json};
use url::Url;

use super::{Finding, Place, Rule};

/// A log of one run.
pub(crate) fn sarif(findings: &[Finding]) -> Value {
    let rules: BTreeMap<&str, &Rule> = findings
        .iter()
        .map(|finding| (finding.rule.id.as_str(), &finding.rule))
        .collect();
    let described: Vec<Value> = rules
        .values()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": {"text": rule.title},
                "fullDescription": {"text": rule.help},
                "help": {"text": rule.help},
            })
        })
        .collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "ruleId": finding.rule.id,
                "ruleIndex": rules.keys().position(|id| *id == finding.rule.id),
                "level": level(finding.severity),
                "message": {"text": finding.message},
                "locations": finding.place.iter().map(location).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "realmwright",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": described,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn location(place: &Place) -> Value {
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&place.file)},
        "region": {
            "startLine": place.line,
            "startColumn": place.column,
            "endColumn": place.end_column,
        },
    }})
}

/// A relative reference (RFC 3986) for a relative path, a `file:` address for an absolute one.
fn uri(path: &Path) -> String {
    // A base that is not shown: it lends its encoding of path segments.
    let Ok(mut url) = Url::parse("file:///") else {
        return String::new();
    };
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.extend(path.components().filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_string_lossy()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        }));
    }
    if path.is_absolute() {
        url.into()
    } else {
        url.path().trim_start_matches('/').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_holds_rules_results_and_places() {
        let log = sarif(&super::super::sample());
        let run = &log["runs"][0];
        assert_eq!(log["version"], "2.1.0");
        assert_eq!(
            run["tool"]["driver"]["rules"]
                .as_array()
                .unwrap()
                .iter()
                .map(|rule| rule["id"].as_str().unwrap())
                .collect::<Vec<_>>(),
            ["RW0207", "login-stops"]
        );
        let [error, warning] = run["results"].as_array().unwrap().as_slice() else {
            panic!("{log}");
        };
        assert_eq!(error["ruleIndex"], 0);
        assert_eq!(error["level"], "error");
        assert_eq!(
            error["locations"],
            json!([{"physicalLocation": {
                "artifactLocation": {"uri": "con%20fig/a,b%231.yaml"},
                "region": {"startLine": 12, "startColumn": 3, "endColumn": 7},
            }}])
        );
        assert_eq!(warning["ruleIndex"], 1);
        assert_eq!(warning["locations"], json!([]));
    }

    #[test]
    fn absolute_paths_are_file_addresses() {
        assert_eq!(uri(Path::new("/a b/c.yaml")), "file:///a%20b/c.yaml");
        assert_eq!(uri(Path::new("./a/c.yaml")), "a/c.yaml");
    }
}
