//! Workflow commands of GitHub Actions: lines of the log that become annotations of files.

use std::fmt::Write as _;

use realmwright_compiler::Severity;

use super::{Finding, Place};

/// One command a finding. A runner shows ten annotations of each severity for a step; the log holds
/// all.
pub(crate) fn github(findings: &[Finding]) -> String {
    let mut out = String::new();
    for Finding {
        rule,
        severity,
        message,
        place,
    } in findings
    {
        let command = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let _ = write!(out, "::{command} ");
        if let Some(Place {
            file,
            line,
            column,
            end_column,
        }) = place
        {
            let file = property(&file.to_string_lossy());
            let _ = write!(
                out,
                "file={file},line={line},col={column},endColumn={end_column},"
            );
        }
        let title = property(&format!("{}: {}", rule.id, rule.title));
        let _ = writeln!(out, "title={title}::{}", data(message));
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message must not end its own command, nor begin another.
    #[test]
    fn text_of_the_yaml_stays_text() {
        insta::assert_snapshot!(github(&super::super::sample()), @r"
        ::error file=con fig/a%2Cb#1.yaml,line=12,col=3,endColumn=7,title=RW0207%3A unknown field::100%25 unknown field `a:b,c`%0Afix: did you mean `d`?
        ::warning title=login-stops%3A logins stop::nobody gets in
        ");
    }
}
