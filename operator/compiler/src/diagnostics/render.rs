//! Diagnostics as text for people and as JSON for tools.

use std::fmt::Write as _;

use super::{Diagnostic, Severity};

/// Whether the text carries ANSI colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// For a terminal.
    Ansi,
    /// For files and pipes.
    None,
}

const BOLD: &str = "\u{1b}[1m";
const BLUE: &str = "\u{1b}[1;34m";
const RESET: &str = "\u{1b}[0m";

impl Severity {
    const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    const fn ansi(self) -> &'static str {
        match self {
            Self::Error => "\u{1b}[1;31m",
            Self::Warning => "\u{1b}[1;33m",
            Self::Note => "\u{1b}[1;36m",
        }
    }
}

/// Puts ANSI colours around text, or not.
pub(crate) struct Painter(Colour);

impl Painter {
    pub(crate) const fn new(colour: Colour) -> Self {
        Self(colour)
    }

    pub(crate) fn paint(&self, ansi: &str, text: &str) -> String {
        match self.0 {
            Colour::Ansi => format!("{ansi}{text}{RESET}"),
            Colour::None => text.to_owned(),
        }
    }
}

/// The diagnostics with their source lines, and a count at the end.
#[must_use]
pub fn human(diagnostics: &[Diagnostic], colour: Colour) -> String {
    let painter = Painter(colour);
    let mut out = String::new();
    for diagnostic in diagnostics {
        one(&mut out, diagnostic, &painter);
        out.push('\n');
    }
    let count = |severity| {
        diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors + warnings > 0 {
        let mut parts = Vec::new();
        for (count, word) in [(errors, "error"), (warnings, "warning")] {
            if count > 0 {
                let plural = if count == 1 { "" } else { "s" };
                parts.push(format!("{count} {word}{plural}"));
            }
        }
        let _ = writeln!(out, "{}", parts.join(", "));
    }
    out
}

fn one(out: &mut String, diagnostic: &Diagnostic, painter: &Painter) {
    let Diagnostic {
        code,
        severity,
        message,
        location,
        object,
        field,
        fix,
        notes,
    } = diagnostic;
    let head = format!("{}[{}]", severity.word(), code.as_str());
    let _ = writeln!(
        out,
        "{}{}",
        painter.paint(severity.ansi(), &head),
        painter.paint(BOLD, &format!(": {message}"))
    );
    let gutter = location.as_ref().map_or(1, |location| {
        location.line.checked_ilog10().unwrap_or(0) as usize + 1
    });
    let blank = " ".repeat(gutter);
    let bar = painter.paint(BLUE, "|");
    if let Some(location) = location {
        let arrow = painter.paint(BLUE, "-->");
        let _ = writeln!(
            out,
            "{blank}{arrow} {}:{}:{}",
            location.file, location.line, location.column
        );
        if !location.source.is_empty() {
            let number = painter.paint(BLUE, &location.line.to_string());
            let before: String = location
                .source
                .chars()
                .take(location.column.saturating_sub(1) as usize)
                .map(|character| if character == '\t' { '\t' } else { ' ' })
                .collect();
            let marker =
                painter.paint(severity.ansi(), &"^".repeat(location.width.max(1) as usize));
            let _ = writeln!(out, "{blank} {bar}");
            let _ = writeln!(out, "{number} {bar} {}", location.source);
            let _ = writeln!(out, "{blank} {bar} {before}{marker}");
        }
    }
    let equals = painter.paint(BLUE, "=");
    if let Some(object) = object {
        let field = field
            .as_ref()
            .map(|field| format!(", {field}"))
            .unwrap_or_default();
        let _ = writeln!(out, "{blank} {equals} in: {object}{field}");
    }
    for note in notes {
        for (index, line) in note.lines().enumerate() {
            let lead = if index == 0 { "note: " } else { "      " };
            let _ = writeln!(out, "{blank} {equals} {lead}{line}");
        }
    }
    if let Some(fix) = fix {
        let _ = writeln!(out, "{blank} {equals} fix: {fix}");
    }
}

/// The diagnostics as a JSON array.
///
/// # Errors
/// Never for diagnostics of this crate; the signature is serde's.
pub fn json(diagnostics: &[Diagnostic]) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(diagnostics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Code, Location};

    fn sample() -> Diagnostic {
        Diagnostic {
            code: Code::UnknownField,
            severity: Severity::Error,
            message: "unknown field `spce`".to_owned(),
            location: Some(Location {
                file: "a/realm.yaml".into(),
                line: 12,
                column: 3,
                width: 4,
                source: "  spce: 1".to_owned(),
            }),
            object: Some("Realm identity/main".to_owned()),
            field: Some("spce".to_owned()),
            fix: Some("did you mean `spec`?".to_owned()),
            notes: vec!["one\ntwo".to_owned()],
        }
    }

    #[test]
    fn human_text_marks_the_place() {
        insta::assert_snapshot!(human(&[sample()], Colour::None), @r"
        error[RW0207]: unknown field `spce`
          --> a/realm.yaml:12:3
           |
        12 |   spce: 1
           |   ^^^^
           = in: Realm identity/main, spce
           = note: one
           =       two
           = fix: did you mean `spec`?

        1 error
        ");
    }

    #[test]
    fn colour_changes_no_word() {
        let coloured = human(&[sample()], Colour::Ansi);
        let mut plain = String::new();
        let mut inside = false;
        for character in coloured.chars() {
            match character {
                '\u{1b}' => inside = true,
                'm' if inside => inside = false,
                _ if inside => {}
                other => plain.push(other),
            }
        }
        assert_eq!(plain, human(&[sample()], Colour::None));
        assert_ne!(plain, coloured);
    }

    #[test]
    fn json_holds_the_same_facts() {
        let text = json(&[sample()]).expect("JSON");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value[0]["code"], "RW0207");
        assert_eq!(value[0]["severity"], "error");
        assert_eq!(value[0]["location"]["line"], 12);
        assert_eq!(value[0]["fix"], "did you mean `spec`?");
    }
}
