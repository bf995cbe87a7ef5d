//! The examples of the tree: each folder compiles without a word, and its config tests pass
//! (FLOW-06, FLOW-07, FLOW-20 to FLOW-26, FLOW-41, FLOW-44).

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panic")]

use std::fs;
use std::path::{Path, PathBuf};

use realmwright_compiler::{Colour, Compilation, CompileProfile, Compiler, Manifests, human};

fn folders() -> Vec<PathBuf> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut folders = vec![
        examples.join("client-secret-rotation"),
        examples.join("clients/realm"),
        examples.join("quickstart"),
    ];
    folders.extend(
        fs::read_dir(examples.join("flows"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir()),
    );
    folders.sort();
    folders
}

fn read(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn compile(files: &[(String, String)], profile: &CompileProfile) -> Compilation {
    let manifests: Manifests = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    Compiler::new().compile(&manifests, profile)
}

#[test]
fn every_example_compiles_and_passes_its_own_tests() {
    assert!(folders().len() > 10);
    for folder in folders() {
        let compilation = compile(&read(&folder), &CompileProfile::Production);
        let said = human(&compilation.diagnostics, Colour::None);
        assert!(
            compilation.diagnostics.is_empty(),
            "{}\n{said}",
            folder.display()
        );
        assert_eq!(compilation.realms.len(), 1, "{}", folder.display());
        assert!(
            !compilation.tests.is_empty(),
            "{} proves nothing",
            folder.display()
        );
        for test in &compilation.tests {
            assert!(test.passed(), "{} {test:?}", folder.display());
        }
    }
}

#[test]
fn the_quickstart_is_the_same_realm_under_dev() {
    let files = read(&folders().pop().unwrap());
    let origin = "http://127.0.0.1:8080".parse().unwrap();
    let compilation = compile(&files, &CompileProfile::Dev { origin });
    assert!(!compilation.has_errors());
    let realm = compilation.realms.first().unwrap();
    assert_eq!(realm.id.as_str(), "identity.quickstart");
    assert_eq!(
        realm.snapshot.core.issuer.as_str(),
        "http://127.0.0.1:8080/quickstart"
    );
    assert_eq!(
        realm.declared_issuer.as_str(),
        "https://id.example.com/quickstart"
    );
}

/// A case that cannot fail proves nothing: another method expected at a first step is noticed.
#[test]
fn the_expectations_can_fail() {
    for folder in folders() {
        let files: Vec<(String, String)> = read(&folder)
            .into_iter()
            .map(|(name, text)| (name, text.replace("steps: [[", "steps: [[other, ")))
            .collect();
        let compilation = compile(&files, &CompileProfile::Production);
        let failed = compilation.tests.iter().filter(|test| !test.passed());
        assert!(failed.count() > 0, "{}", folder.display());
        assert!(compilation.realms.is_empty(), "{}", folder.display());
    }
}
