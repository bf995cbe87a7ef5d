//! What authors of configuration write.

use std::cell::RefCell;

use realmwright_compiler::{Colour, CompileProfile, Compiler, Manifests, human, json};

use crate::sources::yaml::{Node, Value, read};

/// The reader alone: places lie in the text, and JSON, which YAML contains, reads as what it is.
pub(crate) fn yaml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (tree, faults) = read(text);
    for fault in &faults {
        assert!(
            text.get(fault.span.start..fault.span.end).is_some(),
            "{fault:?}"
        );
    }
    let Some(tree) = tree else {
        assert!(
            !faults.is_empty()
                || !text.contains(|letter: char| letter.is_alphanumeric())
                || is_comment(text)
        );
        return;
    };
    places(&tree, text);
    let value = tree.to_json();
    let written = serde_json::to_string(&value).expect("a value is JSON");
    if !written.chars().all(is_printable) {
        return;
    }
    let (again, faults) = read(&written);
    assert_eq!(faults, [], "{written}");
    assert_eq!(again.map(|tree| tree.to_json()), Some(value), "{written}");
}

/// `c-printable`, YAML 1.2.2 production 1: the reader takes no other letter unescaped, although
/// JSON does between quotes.
fn is_printable(letter: char) -> bool {
    !matches!(letter, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

/// Comments, directives and markers only.
fn is_comment(text: &str) -> bool {
    text.lines().all(|line| {
        let line = line.trim_start_matches(|letter: char| !letter.is_ascii_graphic());
        line.is_empty()
            || line.starts_with(['#', '%'])
            || line.starts_with("---")
            || line.starts_with("...")
    })
}

fn places(node: &Node, text: &str) {
    assert!(
        text.get(node.span.start..node.span.end).is_some(),
        "{:?}",
        node.span
    );
    match &node.value {
        Value::Sequence(items) => items.iter().for_each(|item| places(item, text)),
        Value::Mapping(entries) => entries.iter().for_each(|entry| places(&entry.value, text)),
        _ => {}
    }
}

/// A whole compile: diagnostics, never a panic (a tenant must not crash the compiler), and the
/// same ones whatever was compiled before.
pub(crate) fn manifests(bytes: &[u8]) {
    thread_local! {
        static LONG_LIVED: RefCell<Compiler> = RefCell::default();
    }
    let mut manifests = Manifests::default();
    manifests.insert("fuzz.yaml", bytes.to_vec());
    let profile = CompileProfile::Production;
    let fresh = Compiler::default().compile(&manifests, &profile);
    let again = LONG_LIVED.with_borrow_mut(|compiler| compiler.compile(&manifests, &profile));
    assert_eq!(fresh.diagnostics, again.diagnostics);
    let digests = |compilation: &realmwright_compiler::Compilation| {
        compilation
            .realms
            .iter()
            .map(|realm| realm.sealed.digest)
            .collect::<Vec<_>>()
    };
    assert_eq!(digests(&fresh), digests(&again));
    for realm in &fresh.realms {
        let opened =
            realmwright_snapshot::open(&realm.sealed, None).expect("what was sealed opens");
        assert_eq!(opened, *realm.snapshot);
    }
    let _ = human(&fresh.diagnostics, Colour::None);
    let _ = json(&fresh.diagnostics);
}
