//! What a plan says: each folder of `testdata-plan` holds `old/*.yaml`, `new/*.yaml` and what
//! comes of the difference, `plan.txt` and `plan.md`. `BLESS=1 cargo test` writes what comes out;
//! read it as a reviewer would before it is committed. A side without a folder is empty.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use realmwright_compiler::plan::{Plan, Verdict, human, markdown, plan};
use realmwright_compiler::{Colour, CompileProfile, Compiler, Manifests};
use realmwright_snapshot::RealmSnapshot;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata-plan")
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect()
}

/// The files of `common` with those of the side, which replace others of the same name.
fn side(case: &Path, side: &str) -> Vec<Arc<RealmSnapshot>> {
    let own = files(&case.join(side));
    if own.is_empty() {
        return Vec::new();
    }
    let manifests: Manifests = files(&root().join("common"))
        .into_iter()
        .chain(own)
        .collect();
    let compilation = Compiler::new().compile(&manifests, &CompileProfile::Production);
    let faults = realmwright_compiler::human(&compilation.diagnostics, Colour::None);
    assert!(
        !compilation.has_errors(),
        "{}/{side}:\n{faults}",
        case.display()
    );
    compilation
        .realms
        .iter()
        .map(|realm| Arc::clone(&realm.snapshot))
        .collect()
}

fn planned(case: &Path) -> Plan {
    plan(&side(case, "old"), &side(case, "new")).unwrap()
}

#[test]
fn every_case_reads_as_it_did() {
    let mut cases: Vec<PathBuf> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("old").is_dir() || path.join("new").is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() >= 6, "the cases are not found");
    let mut wrong = Vec::new();
    for case in cases {
        let plan = planned(&case);
        let texts = [
            ("plan.txt", human(&plan, Colour::None)),
            ("plan.md", markdown(&plan)),
        ];
        for (name, text) in texts {
            let path = case.join(name);
            if std::env::var_os("BLESS").is_some() {
                fs::write(&path, &text).unwrap();
            }
            if fs::read_to_string(&path).unwrap_or_default() != text {
                wrong.push(format!("{}:\n{text}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_plan_is_the_same_whenever_it_is_made() {
    let case = root().join("weaker-login");
    assert_eq!(
        serde_json::to_value(planned(&case)).unwrap(),
        serde_json::to_value(planned(&case)).unwrap()
    );
}

#[test]
fn the_verdict_is_the_worst_of_what_changes() {
    assert_eq!(
        planned(&root().join("weaker-login")).verdict(),
        Verdict::Risky
    );
    assert_eq!(
        planned(&root().join("texts-only")).verdict(),
        Verdict::Changed
    );
    let old = side(&root().join("texts-only"), "old");
    assert_eq!(plan(&old, &old).unwrap().verdict(), Verdict::Unchanged);
}

/// Texts of YAML do not become markup, mentions or links of the comment that they are shown in.
#[test]
fn a_comment_shows_texts_as_they_are() {
    let text = markdown(&planned(&root().join("markup-in-names")));
    let parts: Vec<&str> = text.split("```").collect();
    let [before, fields, after] = parts.as_slice() else {
        panic!("a text breaks out of the block of fields: {text}");
    };
    assert!(
        fields.contains("<script>"),
        "the block shows the value: {text}"
    );
    for outside in [before, after] {
        for markup in ["<script", "](", " @everybody"] {
            assert!(!outside.contains(markup), "{markup} in {text}");
        }
    }
}

/// A program has no logins to find a witness in; what it gains is said all the same.
#[test]
fn what_a_program_gains_is_said() {
    let plan = planned(&root().join("program-gains-power"));
    let changes = &plan.realms[0].changes;
    let said = |text: &str| {
        let found = changes.iter().find(|change| change.text.contains(text));
        let Some(change) = found else {
            panic!("{text} is not said: {changes:#?}");
        };
        assert_eq!(change.applications, ["nightly".into()]);
        change
    };
    let power = said("may ask for `realmwright:accounts`");
    assert!(power.risk.is_some());
    let granted = said("scopes of a program that names none");
    assert_eq!(granted.before.as_deref(), Some("reports"));
    said("`tier`");
    said("audiences");
    assert_eq!(plan.verdict(), Verdict::Risky);
}
