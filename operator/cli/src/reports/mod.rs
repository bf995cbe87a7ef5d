//! What was found, as other tools read it: workflow commands for GitHub Actions and SARIF for code
//! scanning, of one list of [`Finding`]s; JUnit for test reports.

mod github;
mod junit;
mod sarif;

use std::path::{Path, PathBuf};

use realmwright_compiler::{Diagnostic, Location, Severity};

pub(crate) use github::github;
pub(crate) use junit::junit;
pub(crate) use sarif::sarif;

/// One thing that a tool shows at a line of a file.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) rule: Rule,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    /// Where, by its path from where the command ran.
    pub(crate) place: Option<Place>,
}

/// What kind of thing it is.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// A code, or an effect of a plan.
    pub(crate) id: String,
    pub(crate) title: &'static str,
    /// What it means and what to do.
    pub(crate) help: &'static str,
}

/// See [`Finding::place`].
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) end_column: u32,
}

impl Place {
    /// `root` is the folder that the location's path begins at.
    pub(crate) fn new(root: &Path, location: &Location) -> Self {
        let file = root.join(location.file.as_ref());
        let here = std::env::current_dir().ok();
        let relative = here.and_then(|here| file.strip_prefix(here).ok().map(Path::to_owned));
        // The folder here is `.`, which a path says by itself.
        let relative = relative.or_else(|| file.strip_prefix(".").ok().map(Path::to_owned));
        Self {
            file: relative.unwrap_or(file),
            line: location.line,
            column: location.column,
            end_column: location.column.saturating_add(location.width),
        }
    }
}

impl Finding {
    /// A diagnostic of the compiler, its cure included.
    pub(crate) fn of(diagnostic: &Diagnostic, root: &Path) -> Self {
        let explanation = diagnostic.code.explanation();
        let mut message = diagnostic.message.clone();
        if let Some(object) = &diagnostic.object {
            message.push_str("\nin: ");
            message.push_str(object);
            if let Some(field) = &diagnostic.field {
                message.push_str(", ");
                message.push_str(field);
            }
        }
        for note in &diagnostic.notes {
            message.push('\n');
            message.push_str(note);
        }
        if let Some(fix) = &diagnostic.fix {
            message.push_str("\nfix: ");
            message.push_str(fix);
        }
        Self {
            rule: Rule {
                id: diagnostic.code.as_str().to_owned(),
                title: explanation.title,
                help: explanation.text,
            },
            severity: diagnostic.severity,
            message,
            place: diagnostic
                .location
                .as_ref()
                .map(|location| Place::new(root, location)),
        }
    }
}

/// The folder that paths of a folder's manifests begin at; a single file begins at its own.
pub(crate) fn root_of(folder: &Path) -> PathBuf {
    match folder.parent() {
        Some(parent) if folder.is_file() => parent.to_owned(),
        _ => folder.to_owned(),
    }
}

#[cfg(test)]
pub(crate) fn sample() -> Vec<Finding> {
    vec![
        Finding {
            rule: Rule {
                id: "RW0207".to_owned(),
                title: "unknown field",
                help: "The schema of the kind has no such field.",
            },
            severity: Severity::Error,
            message: "100% unknown field `a:b,c`\nfix: did you mean `d`?".to_owned(),
            place: Some(Place {
                file: "con fig/a,b#1.yaml".into(),
                line: 12,
                column: 3,
                end_column: 7,
            }),
        },
        Finding {
            rule: Rule {
                id: "login-stops".to_owned(),
                title: "logins stop",
                help: "People who got in are refused.",
            },
            severity: Severity::Warning,
            message: "nobody gets in".to_owned(),
            place: None,
        },
    ]
}
