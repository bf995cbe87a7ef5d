//! Diagnostics: what is wrong, where it stands, and how it is put right.

mod catalogue;
mod render;

use std::sync::Arc;

use serde::{Serialize, Serializer};

pub use catalogue::{Code, Explanation};
pub(crate) use render::Painter;
pub use render::{Colour, human, json};

/// How bad a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Stops the realm (or leaves out the attached object) that it concerns.
    Error,
    /// Stops nothing.
    Warning,
    /// Said once, for information.
    Note,
}

/// Where a fault stands. Lines and columns begin at 1; columns count characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// Path as given in the manifests.
    pub file: Arc<str>,
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
    /// How many characters the marker covers; at least 1.
    pub width: u32,
    /// The line's text; empty where it is not shown, as in Secrets.
    pub source: String,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// Stable code, explained by [`Code::explanation`].
    #[serde(serialize_with = "code_text")]
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where; none when the whole input is meant.
    pub location: Option<Location>,
    /// `Kind namespace/name` of the object, where one is known.
    pub object: Option<String>,
    /// Field path in that object, such as `spec.oidc.redirectUris[0]`.
    pub field: Option<String>,
    /// How it is put right, where that is known.
    pub fix: Option<String>,
    /// More facts, a line each.
    pub notes: Vec<String>,
}

fn code_text<S: Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.as_str())
}

impl Diagnostic {
    /// Order of output: by place, then by code.
    pub(crate) fn order(&self) -> impl Ord + '_ {
        (
            self.location.as_ref(),
            self.code.as_str(),
            &self.object,
            &self.message,
        )
    }
}

/// The best of `candidates` for a mistyped `word`, if one is near.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(
                &word.to_ascii_lowercase(),
                &candidate.to_ascii_lowercase(),
            );
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `did you mean ...?` for the nearest of `candidates`.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let names = ["profile", "email", "openid"];
        assert_eq!(nearest("profil", names), Some("profile"));
        assert_eq!(nearest("Email", names), Some("email"));
        assert_eq!(nearest("albums", names), None);
    }
}
