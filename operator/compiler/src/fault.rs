//! Faults by field path, as the stages find them, and the report that gives each its place in
//! the source.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use realmwright_decision::expression::ExpressionFault;
use realmwright_snapshot::Digest;

use crate::diagnostics::{Code, Diagnostic, Location, Severity, did_you_mean};
use crate::doubts::{Absent, Doubts};
use crate::manifests::Document;
use crate::object::{Kind, ObjectId, Placed};
use crate::path::{FieldPath, Step};
use crate::yaml::{self, Node, Span, Value};

/// Longer source lines are cut.
const MAX_SOURCE_CHARS: usize = 240;

/// A fault of one object. It holds no place in a file, so that it can be remembered while the
/// object moves about.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) severity: Severity,
    pub(crate) path: FieldPath,
    pub(crate) anchor: Anchor,
    pub(crate) message: String,
    pub(crate) fix: Option<String>,
    pub(crate) notes: Vec<String>,
    /// What it would not be there without; see [`Doubts`].
    pub(crate) lacks: Vec<Absent>,
}

#[derive(Clone, Debug)]
pub(crate) enum Anchor {
    /// The value at the path.
    Value,
    /// Bytes of the text at the path.
    Within(std::ops::Range<usize>),
    /// A place that is already known.
    Span(Span),
}

impl Fault {
    pub(crate) fn error(code: Code, path: FieldPath, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            path,
            anchor: Anchor::Value,
            message: message.into(),
            fix: None,
            notes: Vec::new(),
            lacks: Vec::new(),
        }
    }

    pub(crate) fn warning(code: Code, path: FieldPath, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, path, message)
        }
    }

    pub(crate) fn note_only(code: Code, path: FieldPath, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::error(code, path, message)
        }
    }

    /// Something by `name` that is not among `candidates`.
    pub(crate) fn not_found<'a>(
        code: Code,
        path: FieldPath,
        what: &str,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut names: Vec<&str> = candidates.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        let fault = Self::error(code, path, format!("{what} `{name}` does not exist"));
        let fix = did_you_mean(name, names.iter().copied());
        if fix.is_none() && !names.is_empty() && names.len() <= 12 {
            return fault.note(format!("known: {}", names.join(", ")));
        }
        Self { fix, ..fault }
    }

    /// What is wrong with an expression, and where in it.
    pub(crate) fn expression(path: FieldPath, fault: ExpressionFault) -> Self {
        let ExpressionFault {
            message,
            span,
            suggestion,
            ..
        } = fault;
        Self {
            anchor: Anchor::Within(span),
            fix: suggestion.map(|suggestion| format!("did you mean `{suggestion}`?")),
            ..Self::error(Code::BadExpression, path, message)
        }
    }

    pub(crate) fn at_span(self, span: Span) -> Self {
        Self {
            anchor: Anchor::Span(span),
            ..self
        }
    }

    pub(crate) fn fix(self, fix: impl Into<Option<String>>) -> Self {
        Self {
            fix: fix.into(),
            ..self
        }
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// It is a consequence where what is absent is there but faulty.
    pub(crate) fn lacking(mut self, absent: Absent) -> Self {
        self.lacks.push(absent);
        self
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Collects faults as diagnostics and knows which objects have errors.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) doubts: Doubts,
    faulty: BTreeSet<ObjectId>,
    trees: HashMap<Digest, Option<Arc<Node>>>,
}

impl Report {
    /// Reports a fault of an object that is compiled. One that follows from the fault of another
    /// object stops its own object all the same, but is not shown.
    pub(crate) fn add(&mut self, placed: &Placed, fault: Fault) {
        if fault.is_error() {
            self.faulty.insert(placed.object.id.clone());
        }
        if self.is_consequence(&fault) {
            return;
        }
        let location = self.locate(&placed.document, &fault.path, &fault.anchor);
        let fault = discreet(&placed.document, fault);
        self.push(Some(placed.object.id.to_string()), location, fault);
    }

    /// Reports a fault of a document, whatever it declares.
    pub(crate) fn add_document(
        &mut self,
        document: &Document,
        object: Option<&ObjectId>,
        fault: Fault,
    ) {
        if fault.is_error()
            && let Some(object) = object
        {
            self.faulty.insert(object.clone());
        }
        let location = self.locate(document, &fault.path, &fault.anchor);
        let fault = discreet(document, fault);
        self.push(object.map(ToString::to_string), location, fault);
    }

    /// Reports a fault of a file that could not be cut into documents.
    pub(crate) fn add_file(&mut self, file: &Arc<str>, code: Code, message: String) {
        let location = Location {
            file: Arc::clone(file),
            line: 1,
            column: 1,
            width: 1,
            source: String::new(),
        };
        let fault = Fault::error(code, FieldPath::root(), message);
        self.push(None, Some(location), fault);
    }

    /// Whether a fault follows from that of another object.
    pub(crate) fn is_consequence(&self, fault: &Fault) -> bool {
        let mut lacks = fault.lacks.iter();
        lacks.any(|absent| self.doubts.explain(absent))
    }

    /// Objects with errors.
    pub(crate) fn faulty(&self) -> impl Iterator<Item = &ObjectId> {
        self.faulty.iter()
    }

    pub(crate) fn is_faulty(&self, object: &ObjectId) -> bool {
        self.faulty.contains(object)
    }

    fn push(&mut self, object: Option<String>, location: Option<Location>, fault: Fault) {
        let Fault {
            code,
            severity,
            path,
            anchor: _,
            message,
            fix,
            notes,
            lacks: _,
        } = fault;
        self.diagnostics.push(Diagnostic {
            code,
            severity,
            message,
            location,
            object,
            field: (!path.is_empty()).then(|| path.to_string()),
            fix,
            notes,
        });
    }

    /// Where a path of an object stands.
    pub(crate) fn place(&mut self, placed: &Placed, path: &FieldPath) -> Option<Location> {
        self.locate(&placed.document, path, &Anchor::Value)
    }

    /// Says where the other of two objects that exclude each other stands.
    pub(crate) fn with_other(&mut self, fault: Fault, other: &Placed, path: &FieldPath) -> Fault {
        match self.place(other, path) {
            Some(Location { file, line, .. }) => {
                fault.note(format!("the other one is in {file}:{line}"))
            }
            None => fault,
        }
    }

    /// The tree is read again: places are needed for faults only, and faults are few.
    fn tree(&mut self, document: &Document) -> Option<Arc<Node>> {
        self.trees
            .entry(document.digest)
            .or_insert_with(|| yaml::read(&document.text).0.map(Arc::new))
            .clone()
    }

    fn locate(
        &mut self,
        document: &Document,
        path: &FieldPath,
        anchor: &Anchor,
    ) -> Option<Location> {
        let span = match anchor {
            Anchor::Span(span) => *span,
            Anchor::Value => span_of(self.tree(document)?.as_ref(), path),
            Anchor::Within(range) => {
                let tree = self.tree(document)?;
                match find(&tree, path) {
                    Some(node) => {
                        let start = yaml::place_in_scalar(&document.text, node, range.start);
                        let end = yaml::place_in_scalar(&document.text, node, range.end);
                        Span {
                            end: end.start.max(start.start),
                            ..start
                        }
                    }
                    None => span_of(&tree, path),
                }
            }
        };
        Some(location(document, span))
    }
}

/// Whether a document is, or tries to be, a Secret: by its kind or its group, or, where these are
/// mistyped, by the fields that only a Secret has. Its text is then never shown. The text is judged,
/// not what was parsed of it: it may be what cannot be parsed.
fn holds_secrets(document: &Document) -> bool {
    let lines = || document.text.lines();
    let of_kind = |line: &str| {
        let kind = line.strip_prefix("kind:").map(bare);
        kind.is_some_and(|kind| Kind::OURS.iter().any(|ours| ours.as_str() == kind))
    };
    let is_ours = lines().any(of_kind);
    lines().any(|line| {
        let names_it = line.contains("kind") && line.contains("Secret");
        (names_it && !is_ours)
            || line.strip_prefix("apiVersion:").map(bare) == Some("v1")
            || has_key(line, "data")
            || has_key(line, "stringData")
    })
}

/// A scalar without its quotes.
fn bare(scalar: &str) -> &str {
    scalar.trim().trim_matches(['"', '\''])
}

/// Whether a line has this key, at its start or within braces.
fn has_key(line: &str, key: &str) -> bool {
    line.match_indices(key).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let after = rest.get(key.len()..).unwrap_or_default();
        let after = after.trim_start_matches(['"', '\'']).trim_start();
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_') && after.starts_with(':')
    })
}

/// In a mistyped Secret a value may have become a key, so keys are not shown either, but for one
/// that is nearly the name of a field.
fn discreet(document: &Document, fault: Fault) -> Fault {
    if !holds_secrets(document) {
        return fault;
    }
    let quotes_keys = matches!(fault.code, Code::DuplicateKey | Code::UnknownField);
    if !quotes_keys {
        return Fault {
            path: fault.path.first(),
            ..fault
        };
    }
    let is_near = fault
        .fix
        .as_ref()
        .is_some_and(|fix| fix.starts_with("did you mean"));
    Fault {
        path: if is_near {
            fault.path.first()
        } else {
            FieldPath::root()
        },
        message: fault.code.explanation().title.to_owned(),
        ..fault
    }
}

fn find<'a>(node: &'a Node, path: &FieldPath) -> Option<&'a Node> {
    path.steps()
        .iter()
        .try_fold(node, |node, step| match (step, &node.value) {
            (Step::Field(field), Value::Mapping(_)) => node.get(field).map(|entry| &entry.value),
            (Step::Index(index), Value::Sequence(items)) => items.get(*index),
            _ => None,
        })
}

/// The place of the value at `path`, or of the deepest part of the path that is there. A value of
/// several lines is marked at its key.
fn span_of(root: &Node, path: &FieldPath) -> Span {
    let mut node = root;
    let mut span = first_key(root);
    for step in path.steps() {
        match (step, &node.value) {
            (Step::Field(field), Value::Mapping(_)) => {
                let Some(entry) = node.get(field) else { break };
                node = &entry.value;
                span = match node.value {
                    Value::Mapping(_) | Value::Sequence(_) | Value::Null => entry.key_span,
                    _ => node.span,
                };
            }
            (Step::Index(index), Value::Sequence(items)) => {
                let Some(item) = items.get(*index) else { break };
                node = item;
                span = match node.value {
                    Value::Mapping(_) => first_key(node),
                    _ => node.span,
                };
            }
            _ => break,
        }
    }
    span
}

/// The first key of a mapping, so that a marker has something to stand under.
fn first_key(node: &Node) -> Span {
    match &node.value {
        Value::Mapping(entries) => entries.first().map_or(node.span, |entry| entry.key_span),
        _ => node.span,
    }
}

fn location(document: &Document, span: Span) -> Location {
    let source = document
        .text
        .split('\n')
        .nth(span.line as usize)
        .unwrap_or_default()
        .trim_end_matches('\r');
    let rest = source.chars().count().saturating_sub(span.column as usize);
    let marked = document
        .text
        .get(span.start..span.end)
        .and_then(|text| text.lines().next())
        .map_or(1, |text| text.trim_end().chars().count());
    let width = marked.min(rest).max(1);
    Location {
        file: Arc::clone(&document.file),
        line: document
            .first_line
            .saturating_add(span.line)
            .saturating_add(1),
        column: span.column.saturating_add(1),
        width: u32::try_from(width).unwrap_or(1),
        source: if holds_secrets(document) {
            String::new()
        } else {
            source.chars().take(MAX_SOURCE_CHARS).collect()
        },
    }
}
