//! UI-20, UI-21: every language has every text, with the same arguments, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use fluent::FluentArgs;

use super::{LANGUAGES, TextError, Texts};
use crate::pages::{
    ErrorKind, Failure, MethodLabel, Notice, PasswordChangeReason, RuleState, RuleView,
};

/// Keys of a file with the arguments that each text names.
fn messages(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut messages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, _)) = line
            .split_once(" =")
            .filter(|_| line.starts_with(|first: char| first.is_ascii_lowercase()))
        {
            current = key.to_owned();
            assert!(
                messages.insert(current.clone(), BTreeSet::new()).is_none(),
                "{key} twice"
            );
        }
        for argument in line.split('$').skip(1) {
            let name: String = argument
                .chars()
                .take_while(|letter| letter.is_ascii_alphanumeric())
                .collect();
            messages.get_mut(&current).unwrap().insert(name);
        }
    }
    messages
}

/// Keys that templates name as `t("…")`, and keys that views carry.
fn used() -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
    for entry in std::fs::read_dir(folder).unwrap() {
        let template = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        used.extend(
            template
                .split("t(\"")
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().to_owned()),
        );
    }
    let carried = Notice::ALL
        .iter()
        .map(|one| one.key())
        .chain(Failure::ALL.iter().map(|one| one.key()))
        .chain(MethodLabel::ALL.iter().map(|one| one.key()))
        .chain(PasswordChangeReason::ALL.iter().map(|one| one.key()))
        .chain(RuleState::ALL.iter().map(|one| one.key()))
        .chain(ErrorKind::ALL.iter().map(|one| one.key()))
        .chain(RuleView::KEYS);
    used.extend(carried.map(str::to_owned));
    used.extend(
        ErrorKind::ALL
            .iter()
            .map(|one| format!("{}-title", one.key())),
    );
    used
}

#[test]
fn no_text_is_missing_and_none_is_unused() {
    let used = used();
    for language in LANGUAGES {
        let there: BTreeSet<String> = messages(language.source).into_keys().collect();
        let missing: Vec<_> = used.difference(&there).collect();
        let unused: Vec<_> = there.difference(&used).collect();
        assert!(missing.is_empty(), "{}: missing {missing:?}", language.tag);
        assert!(unused.is_empty(), "{}: unused {unused:?}", language.tag);
    }
}

#[test]
fn arguments_are_the_same_in_every_language() {
    let first = messages(LANGUAGES[0].source);
    for language in &LANGUAGES[1..] {
        assert_eq!(messages(language.source), first, "{}", language.tag);
    }
}

#[test]
fn no_text_is_left_in_another_language() {
    let english = Texts::load().unwrap();
    let mut args = FluentArgs::new();
    for name in ["application", "realm", "person", "groups", "title"] {
        args.set(name, "x");
    }
    for name in ["count", "digits"] {
        args.set(name, 5);
    }
    for key in messages(LANGUAGES[0].source).keys() {
        for tag in ["uk", "ru"] {
            let text = english.get(tag, key, &args).unwrap();
            assert_ne!(text, english.get("en", key, &args).unwrap(), "{tag} {key}");
            assert!(
                text.chars().any(|letter| ('а'..='я').contains(&letter)),
                "{tag} {key}: {text}"
            );
        }
        let ukrainian = english.get("uk", key, &args).unwrap();
        assert!(
            !ukrainian.chars().any(|letter| "ыэъёЫЭЪЁ".contains(letter)),
            "uk {key}: {ukrainian}"
        );
    }
}

#[test]
fn plurals_follow_the_language() {
    let texts = Texts::load().unwrap();
    let form = |tag: &str, count: i64| {
        let mut args = FluentArgs::new();
        args.set("count", count);
        texts.get(tag, "rule-min-length", &args).unwrap()
    };
    assert_eq!(form("en", 1), "has at least 1 character");
    assert_eq!(form("uk", 2), "має щонайменше 2 символи");
    assert_eq!(form("uk", 12), "має щонайменше 12 символів");
    assert_eq!(form("uk", 21), "має щонайменше 21 символ");
    assert_eq!(form("ru", 21), "содержит не менее 21 символа");
}

#[test]
fn a_foreign_language_falls_back() {
    let texts = Texts::load().unwrap();
    let none = FluentArgs::new();
    assert_eq!(texts.get("uk-UA", "login-submit", &none).unwrap(), "Увійти");
    assert_eq!(texts.get("pl", "login-submit", &none).unwrap(), "Log in");
    assert!(matches!(
        texts.get("en", "no-such-text", &none),
        Err(TextError::Missing(_))
    ));
    assert!(matches!(
        texts.get("en", "login-to", &none),
        Err(TextError::Format(..))
    ));
}
