//! What people and programs read: colours, marks, JSON.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use realmwright_compiler::Colour;
use serde::Serialize;

use crate::arguments::Format;

/// Where and how results are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) colour: Colour,
}

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const LINK: Style = AnsiColor::Cyan.on_default();

impl Output {
    /// Colour only for people on a terminal, and not where `NO_COLOR` is set.
    pub(crate) fn new(format: Format) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = if format == Format::Human && std::io::stdout().is_terminal() && !plain {
            Colour::Ansi
        } else {
            Colour::None
        };
        Self { format, colour }
    }

    /// The text in a style, where there is colour.
    pub(crate) fn paint(self, style: Style, text: impl std::fmt::Display) -> String {
        match self.colour {
            Colour::Ansi => format!("{style}{text}{style:#}"),
            Colour::None => text.to_string(),
        }
    }

    /// A line for people. A reader that went away is not our fault.
    #[expect(clippy::unused_self, reason = "reads as one of the output's verbs")]
    pub(crate) fn line(self, text: impl std::fmt::Display) {
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Lines that are whole already.
    #[expect(clippy::unused_self, reason = "reads as one of the output's verbs")]
    pub(crate) fn text(self, text: impl std::fmt::Display) {
        let _ = write!(std::io::stdout().lock(), "{text}");
    }

    /// A value for programs.
    pub(crate) fn json<T: Serialize>(self, value: &T) -> anyhow::Result<()> {
        self.line(serde_json::to_string_pretty(value)?);
        Ok(())
    }

    /// Why a command could not be done.
    pub(crate) fn failure(self, fault: &anyhow::Error) {
        self.complaint(format_args!("{fault:#}"));
    }

    /// What is wrong with what was asked for.
    pub(crate) fn complaint(self, text: impl std::fmt::Display) {
        let mut error = std::io::stderr().lock();
        let _ = match self.format {
            Format::Json => writeln!(error, "{}", serde_json::json!({"error": text.to_string()})),
            _ => writeln!(error, "{} {text}", self.paint(BAD, "error:")),
        };
    }
}
