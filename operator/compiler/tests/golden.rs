//! Golden cases: each folder of `testdata` holds `in/*.yaml` and what comes of it, either
//! `snapshot.json` or `diagnostics.txt`, or both when there are warnings. `BLESS=1 cargo test`
//! writes what comes out; read the difference before it is committed.
//!
//! Rows of the specification and the cases that hold them: APP-01 `one-identifier-twice` and
//! `rule-of-the-kind`; APP-20 `client-without-protocol-is-fine`; OIDC-10 and OIDC-11
//! `secret-faults`, `rotated-secret` and `full`; OIDC-13 and KC-CL-11 `redirect-addresses`;
//! KC-CL-01 `full` (web origins); OIDC-14, OIDC-15 and OIDC-57 `references-not-found`, `system-scope-of-people` and
//! `one-scope-twice`; OIDC-63 `references-not-found` (session claims); KC-MAP-01 to KC-MAP-07
//! `full`; KC-CONS-01 `openid-that-asks`; KC-ROLE-05 `role-cycle`; REGION-RES-01 `medical-data`, `medical-scope-without-consent`
//! and `class-lowered`; FLOW-01 and FLOW-04 `bad-expressions`; FLOW-06 `standard-flow-dead-end`;
//! FLOW-07 `flow-dead-end`, `flow-denies-everybody` and `flow-without-factor`; FLOW-20 and FLOW-26
//! `full`; AUTH-MATCH-01 `attribute-unfit`; ATTR-IN-01 `bad-pattern`; ATTR-COMP-01
//! `attribute-unfit`; CONF-STORE-03 `retention-too-short`, `retention-without-end` and
//! `retention-of-two-regions`.
//!
//! A folder with a file `dev` is compiled for the `Dev` profile with the origin in that file.

#![expect(clippy::expect_used, reason = "a test may fail so")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use realmwright_compiler::{Code, Colour, Compilation, CompileProfile, Compiler, Manifests, human};
use realmwright_snapshot::RealmSnapshot;
use serde_json::{Value, json};

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut cases: Vec<PathBuf> = fs::read_dir(root)
        .expect("testdata")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.join("in").is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() > 20, "the cases are not found");
    cases
}

fn manifests(case: &Path) -> Manifests {
    fs::read_dir(case.join("in"))
        .expect("in")
        .map(|entry| {
            let path = entry.expect("entry").path();
            let name = path
                .file_name()
                .expect("name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read(&path).expect("file"))
        })
        .collect()
}

fn profile(case: &Path) -> CompileProfile {
    match fs::read_to_string(case.join("dev")) {
        Ok(origin) => CompileProfile::Dev {
            origin: origin.trim().parse().expect("an origin"),
        },
        Err(_) => CompileProfile::Production,
    }
}

fn compile(case: &Path) -> Compilation {
    Compiler::new().compile(&manifests(case), &profile(case))
}

fn snapshot_json(realm: &RealmSnapshot) -> Value {
    let RealmSnapshot {
        core,
        scopes,
        methods,
        flows,
        clients,
    } = realm;
    json!({
        "core": core, "scopes": scopes, "methods": methods, "flows": flows, "clients": clients,
    })
}

fn compiled_text(compilation: &Compilation) -> Option<String> {
    if compilation.realms.is_empty() {
        return None;
    }
    let realms: Vec<Value> = compilation
        .realms
        .iter()
        .map(|realm| {
            let secrets: Vec<String> = realm
                .secrets
                .iter()
                .map(|need| format!("{} {:?} {:?}", need.handle, need.purpose, need.origin))
                .collect();
            json!({
                "id": realm.id, "region": realm.region, "instance": realm.instance,
                "digest": realm.sealed.digest, "secrets": secrets,
                "algorithms": realm.algorithms, "snapshot": snapshot_json(&realm.snapshot),
            })
        })
        .collect();
    Some(serde_json::to_string_pretty(&realms).expect("JSON") + "\n")
}

fn diagnostics_text(compilation: &Compilation) -> Option<String> {
    let tests: String = compilation
        .tests
        .iter()
        .map(|test| {
            let word = if test.passed() { "passed" } else { "FAILED" };
            format!("test {} {} {word}\n", test.test, test.case)
        })
        .collect();
    let text = human(&compilation.diagnostics, Colour::None) + &tests;
    (!text.is_empty()).then_some(text)
}

#[test]
fn every_case_gives_what_it_gave() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let compilation = compile(&case);
        let outputs = [
            ("snapshot.json", compiled_text(&compilation)),
            ("diagnostics.txt", diagnostics_text(&compilation)),
        ];
        for (name, text) in outputs {
            let path = case.join(name);
            let expected = fs::read_to_string(&path).ok();
            if text == expected {
                continue;
            }
            match (bless, &text) {
                (true, Some(text)) => fs::write(&path, text).expect("written"),
                (true, None) => fs::remove_file(&path).expect("removed"),
                (false, _) => {
                    wrong.push(format!("{}\n{}", path.display(), text.unwrap_or_default()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "differs:\n{}", wrong.join("\n"));
}

#[test]
fn every_code_is_shown_by_some_case() {
    let shown: BTreeSet<Code> = cases()
        .iter()
        .flat_map(|case| compile(case).diagnostics)
        .map(|diagnostic| diagnostic.code)
        .collect();
    let missing: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| !shown.contains(code))
        .map(|code| code.as_str())
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// The result depends on the input only: a compiler that has seen every other case before gives
/// the same as a new one.
#[test]
fn memory_changes_nothing() {
    let mut compiler = Compiler::new();
    for case in cases() {
        let remembered = compiler.compile(&manifests(&case), &profile(&case));
        let again = compiler.compile(&manifests(&case), &profile(&case));
        let fresh = compile(&case);
        for compilation in [remembered, again] {
            assert_eq!(
                compilation.diagnostics,
                fresh.diagnostics,
                "{}",
                case.display()
            );
            assert_eq!(compiled_text(&compilation), compiled_text(&fresh));
            assert_eq!(compilation.tests, fresh.tests);
        }
    }
}
