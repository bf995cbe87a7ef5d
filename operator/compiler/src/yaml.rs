//! Bytes to a tree in which every key and value knows where it stands, so that faults found
//! much later can still be shown in the source.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span as EventSpan};

/// Deeper nesting is refused.
const MAX_DEPTH: usize = 64;

/// More nodes in one document, aliases expanded, are refused.
const MAX_NODES: usize = 1_000_000;

/// A place in one document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// Zero-based line in the document.
    pub(crate) line: u32,
    /// Zero-based column in characters.
    pub(crate) column: u32,
    /// Byte range in the document.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    fn new(span: EventSpan) -> Self {
        let clamp = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let range = span.byte_range().unwrap_or_default();
        Self {
            line: clamp(span.start.line().saturating_sub(1)),
            column: clamp(span.start.col()),
            start: range.start,
            end: range.end.max(range.start),
        }
    }
}

/// A node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// What a node holds, by the YAML 1.2 core schema.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A member of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The same value as JSON, without its places.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(value) => serde_json::Value::Number(value.clone()),
            Value::String(value) => value.clone().into(),
            Value::Sequence(items) => items.iter().map(Self::to_json).collect(),
            Value::Mapping(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// Why a document has no tree, or not the one that was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct YamlFault {
    pub(crate) kind: YamlFaultKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum YamlFaultKind {
    Syntax(String),
    TooLarge(String),
    DuplicateKey {
        key: String,
        /// Zero-based line of the first one.
        first: u32,
    },
    Key,
    Unsupported(String),
}

/// Reads one document. There is no tree when the document is empty or not YAML; other faults
/// leave a tree without the offending part.
pub(crate) fn read(text: &str) -> (Option<Node>, Vec<YamlFault>) {
    let mut reader = Reader::default();
    for next in Parser::new_from_str(text) {
        let step = match next {
            Ok((event, span)) => reader.event(event, Span::new(span)),
            Err(fault) => {
                let marker = fault.marker();
                let clamp = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
                let start = marker.byte_offset().unwrap_or(0).min(text.len());
                Err(YamlFault {
                    kind: YamlFaultKind::Syntax(fault.kind().to_string()),
                    span: Span {
                        line: clamp(marker.line().saturating_sub(1)),
                        column: clamp(marker.col()),
                        start,
                        end: start,
                    },
                })
            }
        };
        if let Err(fault) = step {
            reader.faults.push(fault);
            return (None, reader.faults);
        }
    }
    (reader.root, reader.faults)
}

#[derive(Default)]
struct Reader {
    root: Option<Node>,
    documents: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    faults: Vec<YamlFault>,
}

struct Open {
    span: Span,
    anchor: usize,
    nodes_before: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        places: HashMap<String, u32>,
        key: Option<PendingKey>,
    },
}

enum PendingKey {
    Good(String, Span),
    /// Its value is read and dropped.
    Bad,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlFault> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(YamlFault {
                        kind: YamlFaultKind::Syntax("a new document begins with `---`".to_owned()),
                        span,
                    });
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, span)?;
                if let Some(tag) = &tag
                    && !tag.is_yaml_core_schema()
                {
                    self.unsupported(&format!("tag `{}`", tag.original()), span);
                }
                let forced_text = tag.is_some_and(|tag| tag.core_suffix() == Some("str"));
                // A key is its text: `y` of a JWK is no boolean.
                let is_key = self.awaits_key() && !text.is_empty();
                let value = if style == ScalarStyle::Plain && !forced_text && !is_key {
                    plain(&text)
                } else {
                    Value::String(text.into_owned())
                };
                let node = Node { span, value };
                if anchor != 0 {
                    self.anchors.insert(anchor, (node.clone(), 1));
                }
                self.place(node);
            }
            Event::SequenceStart(_, anchor, _) => {
                self.start(span, anchor, Content::Sequence(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, _) => {
                let content = Content::Mapping {
                    entries: Vec::new(),
                    places: HashMap::new(),
                    key: None,
                };
                self.start(span, anchor, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let value = match open.content {
                        Content::Sequence(items) => Value::Sequence(items),
                        Content::Mapping { entries, .. } => Value::Mapping(entries),
                    };
                    let node = Node {
                        span: Span {
                            end: span.end.max(open.span.start),
                            ..open.span
                        },
                        value,
                    };
                    if open.anchor != 0 {
                        let size = self.nodes - open.nodes_before;
                        self.anchors.insert(open.anchor, (node.clone(), size));
                    }
                    self.place(node);
                }
            }
            Event::Alias(anchor) => {
                // An alias is counted as what it stands for, so that nested aliases cannot grow
                // beyond the limit before they are copied.
                let Some(size) = self.anchors.get(&anchor).map(|(_, size)| *size) else {
                    return Err(YamlFault {
                        kind: YamlFaultKind::Unsupported(
                            "alias of a node it is part of".to_owned(),
                        ),
                        span,
                    });
                };
                self.count(size, span)?;
                if let Some((node, _)) = self.anchors.get(&anchor) {
                    let node = Node {
                        span,
                        value: node.value.clone(),
                    };
                    self.place(node);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| matches!(open.content, Content::Mapping { key: None, .. }))
    }

    fn start(&mut self, span: Span, anchor: usize, content: Content) -> Result<(), YamlFault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(YamlFault {
                kind: YamlFaultKind::TooLarge(format!("nested deeper than {MAX_DEPTH} levels")),
                span,
            });
        }
        let nodes_before = self.nodes;
        self.count(1, span)?;
        self.open.push(Open {
            span,
            anchor,
            nodes_before,
            content,
        });
        Ok(())
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), YamlFault> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(YamlFault {
                kind: YamlFaultKind::TooLarge(format!(
                    "more than {MAX_NODES} nodes, aliases expanded"
                )),
                span,
            });
        }
        Ok(())
    }

    fn unsupported(&mut self, what: &str, span: Span) {
        self.faults.push(YamlFault {
            kind: YamlFaultKind::Unsupported(what.to_owned()),
            span,
        });
    }

    fn place(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping {
                entries,
                places,
                key,
            } => match key.take() {
                Some(PendingKey::Good(key, key_span)) => entries.push(Entry {
                    key,
                    key_span,
                    value: node,
                }),
                Some(PendingKey::Bad) => {}
                None => {
                    let span = node.span;
                    let Some(text) = key_text(node.value) else {
                        *key = Some(PendingKey::Bad);
                        self.faults.push(YamlFault {
                            kind: YamlFaultKind::Key,
                            span,
                        });
                        return;
                    };
                    if let Some(first) = places.get(&text) {
                        let first = *first;
                        *key = Some(PendingKey::Bad);
                        self.faults.push(YamlFault {
                            kind: YamlFaultKind::DuplicateKey { key: text, first },
                            span,
                        });
                    } else {
                        places.insert(text.clone(), span.line);
                        *key = Some(PendingKey::Good(text, span));
                    }
                }
            },
        }
    }
}

/// Scalars are keys by their text.
fn key_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// YAML 1.2.2 section 10.3.2, and the booleans of YAML 1.1 that `kubectl` still reads: a manifest
/// must not mean one thing here and another there.
pub(crate) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Value::String(text.to_owned());
    }
    let radix = |prefix: &str, radix| {
        text.strip_prefix(prefix)
            .and_then(|digits| i64::from_str_radix(digits, radix).ok())
    };
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Value::Number(number.into());
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if let Ok(number) = text.parse::<i64>() {
            return Value::Number(number.into());
        }
        if let Ok(number) = text.parse::<u64>() {
            return Value::Number(number.into());
        }
        return Value::String(text.to_owned());
    }
    let float_form = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+'));
    float_form
        .then(|| text.parse::<f64>().ok())
        .flatten()
        .and_then(serde_json::Number::from_f64)
        .map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// Where the character at `offset` (bytes in the decoded scalar) stands in the source: the raw
/// text is walked along the decoded one, past quotes, escapes, folding and indentation.
pub(crate) fn place_in_scalar(source: &str, node: &Node, offset: usize) -> Span {
    let Some((raw, decoded)) = source
        .get(node.span.start..node.span.end)
        .zip(node.as_str())
    else {
        return node.span;
    };
    // What ends too early is shown at its last character, not on the next line.
    let offset = offset.min(decoded.trim_end().len());
    let mut at = 0;
    if raw.starts_with(['|', '>']) {
        at = raw.find('\n').map_or(0, |end| end + 1);
    } else if raw.starts_with(['"', '\'']) {
        at = 1;
    }
    let prefix = decoded.get(..offset).unwrap_or(decoded);
    let mut walked = raw.get(at..).unwrap_or_default().chars().peekable();
    for wanted in prefix.chars() {
        for found in walked.by_ref() {
            at += found.len_utf8();
            if found == wanted || (wanted.is_whitespace() && found.is_whitespace()) {
                break;
            }
        }
    }
    if let Some(wanted) = decoded.get(offset..).and_then(|rest| rest.chars().next()) {
        while let Some(found) = walked.peek() {
            if *found == wanted || !found.is_whitespace() {
                break;
            }
            at += found.len_utf8();
            walked.next();
        }
    }
    let start = node.span.start + at.min(raw.len());
    let before = source.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Span {
        line: u32::try_from(before.matches('\n').count()).unwrap_or(u32::MAX),
        column: u32::try_from(
            before
                .get(line_start..)
                .map_or(0, |text| text.chars().count()),
        )
        .unwrap_or(u32::MAX),
        start,
        end: node.span.end.max(start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        let (node, faults) = read(text);
        assert_eq!(faults, []);
        node.expect("a tree")
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        let json =
            tree("a: yes\nb: 'true'\nyes: true\nd: 0x1F\ne: 1.5\nf: 007\ng: ~\nh: 10m\ni: -3")
                .to_json();
        assert_eq!(
            json,
            serde_json::json!({
                "a": true, "b": "true", "yes": true, "d": 31, "e": 1.5, "f": 7, "g": null,
                "h": "10m", "i": -3,
            })
        );
    }

    #[test]
    fn every_duplicate_key_is_a_fault_and_the_first_value_stays() {
        let (node, faults) = read("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n");
        assert_eq!(
            node.expect("a tree").to_json(),
            serde_json::json!({"a": 1, "b": {"c": 1}})
        );
        let lines: Vec<_> = faults.iter().map(|fault| fault.span.line).collect();
        assert_eq!(lines, [3, 4]);
    }

    #[test]
    fn alias_bombs_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let former = level - 1;
            let items = vec![format!("*a{former}"); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        let (node, faults) = read(&text);
        assert_eq!(node, None);
        assert!(matches!(
            faults.last().map(|fault| &fault.kind),
            Some(YamlFaultKind::TooLarge(_))
        ));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let (node, faults) = read(&"- ".repeat(100));
        assert_eq!(node, None);
        assert!(matches!(
            faults.last().map(|fault| &fault.kind),
            Some(YamlFaultKind::TooLarge(_))
        ));
    }

    #[test]
    fn keys_that_are_not_scalars_are_faults() {
        let (_, faults) = read("? [a, b]\n: 1\nc: 2\n");
        assert!(matches!(faults.as_slice(), [fault] if fault.kind == YamlFaultKind::Key));
    }

    fn place(text: &str, needle: &str) -> (u32, u32) {
        let node = tree(text);
        let scalar = &node.get("e").expect("e").value;
        let offset = scalar
            .as_str()
            .and_then(|text| text.find(needle))
            .expect("needle");
        let span = place_in_scalar(text, scalar, offset);
        (span.line, span.column)
    }

    #[test]
    fn places_inside_scalars_of_every_style() {
        assert_eq!(place("e: a && bad", "bad"), (0, 8));
        assert_eq!(place("e: 'x == ''y'' && bad'", "bad"), (0, 18));
        assert_eq!(place("e: \"x == \\\"y\\\" && bad\"", "bad"), (0, 18));
        assert_eq!(place("e: |\n  one &&\n  two || bad\n", "bad"), (2, 9));
        assert_eq!(place("e: >-\n  one &&\n  bad\n", "bad"), (2, 2));
        assert_eq!(place("e: one &&\n   bad\n", "bad"), (1, 3));
    }
}
