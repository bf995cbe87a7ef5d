//! The input: source files, cut into documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use realmwright_snapshot::Digest;

/// Source files by path, as they are on disk or in a commit. The compiler reads nothing else.
///
/// Paths are relative to the folder and serve only to name places in diagnostics; their order
/// has no meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifests {
    files: BTreeMap<Arc<str>, Arc<[u8]>>,
}

impl Manifests {
    /// No files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file; one of the same path is replaced.
    pub fn insert(&mut self, path: impl Into<Arc<str>>, bytes: impl Into<Arc<[u8]>>) {
        self.files.insert(path.into(), bytes.into());
    }

    /// Takes a file away; says whether it was there.
    pub fn remove(&mut self, path: &str) -> bool {
        self.files.remove(path).is_some()
    }

    /// The bytes of a file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Arc<[u8]>> {
        self.files.get(path)
    }

    /// The files in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<[u8]>)> {
        self.files.iter()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }
}

impl<P: Into<Arc<str>>, B: Into<Arc<[u8]>>> FromIterator<(P, B)> for Manifests {
    fn from_iter<I: IntoIterator<Item = (P, B)>>(files: I) -> Self {
        Self {
            files: files
                .into_iter()
                .map(|(path, bytes)| (path.into(), bytes.into()))
                .collect(),
        }
    }
}

/// One YAML document of a file: the unit that is parsed and remembered apart.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) file: Arc<str>,
    /// Lines of the file before it.
    pub(crate) first_line: u32,
    pub(crate) text: Arc<str>,
    pub(crate) digest: Digest,
}

/// Cuts a file at its document markers. A line that begins with `---` starts a document
/// wherever it stands (YAML 1.2.2 section 9.1.2), so no parsing is needed for the cut.
pub(crate) fn documents<'a>(file: &'a Arc<str>, text: &'a str) -> impl Iterator<Item = Document> {
    let mut starts = vec![(0, 0)];
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if offset > 0 && is_marker(line) {
            starts.push((offset, u32::try_from(number).unwrap_or(u32::MAX)));
        }
        offset += line.len();
    }
    let ends: Vec<usize> = starts
        .iter()
        .skip(1)
        .map(|(start, _)| *start)
        .chain([text.len()])
        .collect();
    starts
        .into_iter()
        .zip(ends)
        .filter_map(|((start, first_line), end)| {
            let text = text.get(start..end)?;
            Some(Document {
                file: Arc::clone(file),
                first_line,
                text: text.into(),
                digest: Digest::of(text.as_bytes()),
            })
        })
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_markers_and_keeps_line_numbers() {
        let text = "a: 1\n---\nb: |\n  --- no marker\n---- neither\n--- # yes\nc: 3\n";
        let file: Arc<str> = "f.yaml".into();
        let cut: Vec<_> = documents(&file, text)
            .map(|document| (document.first_line, document.text.to_string()))
            .collect();
        assert_eq!(
            cut,
            [
                (0, "a: 1\n".to_owned()),
                (1, "---\nb: |\n  --- no marker\n---- neither\n".to_owned()),
                (5, "--- # yes\nc: 3\n".to_owned()),
            ]
        );
    }
}
