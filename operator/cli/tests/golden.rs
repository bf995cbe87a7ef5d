//! What the commands that work on files print, and the status they end with.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;
use std::process::Command;

fn run(arguments: &[&str]) -> String {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let output = Command::new(env!("CARGO_BIN_EXE_realmwright"))
        .args(arguments)
        .current_dir(data)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!(
        "{}{}status {}",
        text(&output.stdout),
        text(&output.stderr),
        output.status.code().unwrap()
    )
}

/// Digests change with every new field of a snapshot.
fn without_digests(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.rsplit_once("  ") {
            Some((before, digest))
                if digest.trim().len() == 12
                    && digest.trim().bytes().all(|byte| byte.is_ascii_hexdigit()) =>
            {
                format!("{before}  <digest>\n")
            }
            _ => line.to_owned(),
        })
        .collect()
}

#[test]
fn a_good_folder_is_valid() {
    insta::assert_snapshot!(without_digests(&run(&["validate", "small"])));
}

#[test]
fn a_fault_is_shown_with_its_place_and_its_cure() {
    insta::assert_snapshot!(run(&["validate", "faulty"]));
}

#[test]
fn faults_are_json_for_programs() {
    insta::assert_snapshot!(run(&["validate", "faulty", "--format", "json"]));
}

/// Paths begin where the command ran, so that a runner finds the files.
#[test]
fn faults_are_annotations_for_a_runner() {
    insta::assert_snapshot!(run(&["validate", "faulty", "--format", "github"]));
}

#[test]
fn faults_are_sarif_for_code_scanning() {
    let text = run(&["validate", "faulty", "--format", "sarif"]);
    let (log, status) = text.rsplit_once('\n').unwrap();
    assert_eq!(status, "status 1");
    let log: serde_json::Value = serde_json::from_str(log).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        let place = &result["locations"][0]["physicalLocation"];
        let file = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(file.starts_with("faulty/"), "{file}");
        assert!(place["region"]["startLine"].as_u64() > Some(0), "{result}");
    }
}

#[test]
fn config_tests_are_junit_for_a_pipeline() {
    let text = run(&["test", "small", "--format", "junit"]);
    assert!(text.contains("<testsuites name=\"realmwright\""), "{text}");
    assert!(text.contains("failures=\"0\" errors=\"0\""), "{text}");
    assert!(text.ends_with("status 0"), "{text}");
    let text = run(&["test", "faulty", "--format", "junit"]);
    assert!(text.contains("errors=\"1\""), "{text}");
    assert!(text.ends_with("status 1"), "{text}");
}

/// A name that no case has is a mistake, and not a pass.
#[test]
fn a_case_that_is_not_there_is_said() {
    let text = run(&["test", "small", "--only", "no-such-case"]);
    assert!(
        text.contains("no case has `no-such-case` in its name"),
        "{text}"
    );
    assert!(text.ends_with("status 1"), "{text}");
}

#[test]
fn a_shell_an_editor_and_man_are_served() {
    let text = run(&["completion", "bash"]);
    assert!(text.contains("_realmwright()"), "{text}");
    assert!(text.ends_with("status 0"));
    let text = run(&["man"]);
    assert!(text.contains(".TH realmwright 1"), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert!(run(&["schemas", "--output", path]).ends_with("status 0"));
    assert!(folder.path().join("realmwright.json").is_file());
    assert!(run(&["man", "--output", path]).ends_with("status 0"));
    assert!(folder.path().join("realmwright-plan.1").is_file());
}

#[test]
fn config_tests_are_listed_with_their_result() {
    insta::assert_snapshot!(run(&["test", "small"]));
}

#[test]
fn a_realm_that_does_not_compile_passes_no_test() {
    let text = run(&["test", "faulty"]);
    assert!(text.ends_with("status 1"), "{text}");
}

#[test]
fn a_code_is_explained() {
    insta::assert_snapshot!(run(&["explain", "RW0207"]));
}

#[test]
fn a_code_is_explained_however_it_is_typed() {
    assert_eq!(run(&["explain", "rw0207"]), run(&["explain", "RW0207"]));
}

#[test]
fn an_unknown_code_is_said_to_be_one() {
    insta::assert_snapshot!(run(&["explain", "RW9999"]));
}

#[test]
fn every_code_is_listed() {
    let text = run(&["explain", "--all"]);
    assert!(text.contains("RW0207  unknown field\n"), "{text}");
    assert!(text.ends_with("status 0"));
}

#[test]
fn what_cannot_be_read_is_neither_good_nor_wrong() {
    insta::assert_snapshot!(run(&["validate", "nowhere"]));
}

#[test]
fn wrong_usage_has_its_own_status() {
    for arguments in [
        &["frobnicate"][..],
        &["validate"],
        &["dev", "small", "--tls-cert", "x"],
    ] {
        let text = run(arguments);
        assert!(text.ends_with("status 2"), "{arguments:?}: {text}");
    }
}

#[test]
fn the_definitions_are_one_stream_of_documents() {
    let text = run(&["crds"]);
    assert_eq!(text.matches("kind: CustomResourceDefinition").count(), 9);
    assert_eq!(text.matches("\n---\n").count(), 8);
}

#[test]
fn accounts_without_a_running_dev_says_what_is_missing() {
    let text = run(&["accounts", "--dev", "small", "show", "x"]);
    assert!(
        text.contains("is `realmwright dev small` running?"),
        "{text}"
    );
    assert!(text.ends_with("status 3"), "{text}");
}

/// What is shown of a change, and what a pipeline reads from the status: 0 nothing, 4 a change, 5
/// a risky one, 1 a side that does not compile, 3 a side that is not there.
#[test]
fn a_plan_says_by_its_status_what_it_found() {
    let ends = |arguments: &[&str], status: &str| {
        let text = run(arguments);
        assert!(text.ends_with(status), "{arguments:?}: {text}");
        text
    };
    let none = ends(&["plan", "small", "small"], "status 0");
    assert_eq!(none, "no changes\nstatus 0");
    let refused = ends(&["plan", "small", "faulty"], "status 1");
    assert!(
        refused.starts_with("faulty does not compile\n"),
        "{refused}"
    );
    ends(&["plan", "nowhere", "small"], "status 3");
    ends(&["plan", "small"], "status 2");

    let folder = tempfile::tempdir().unwrap();
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/small");
    let edited = |from: &str, to: &str| {
        let mut found = false;
        for entry in std::fs::read_dir(&data).unwrap() {
            let entry = entry.unwrap();
            let text = std::fs::read_to_string(entry.path()).unwrap();
            found |= text.contains(from);
            let path = folder.path().join(entry.file_name());
            std::fs::write(path, text.replace(from, to)).unwrap();
        }
        assert!(found, "no file holds {from:?}");
        folder.path().to_str().unwrap().to_owned()
    };
    let named = edited("displayName: {en: ", "displayName: {en: Another ");
    ends(&["plan", "small", &named], "status 4");
    let json = ends(&["plan", "small", &named, "--format", "json"], "status 4");
    let json: serde_json::Value = serde_json::from_str(json.trim_end_matches("status 4")).unwrap();
    assert_eq!(json["verdict"], "changed");
    assert_eq!(json["realms"][0]["changes"][0]["effect"], "texts");
    let annotated = ends(&["plan", "small", &named, "--format", "github"], "status 4");
    assert!(annotated.starts_with("::notice file="), "{annotated}");
    assert!(annotated.contains("title=texts%3A "), "{annotated}");
    let refused = ends(
        &["plan", "small", "faulty", "--format", "github"],
        "status 1",
    );
    assert!(refused.starts_with("::error file=faulty/"), "{refused}");
}

#[test]
fn a_format_that_a_command_does_not_write_is_wrong_usage() {
    for (command, format, by) in [
        (&["validate", "small"][..], "markdown", "`plan` alone"),
        (&["plan", "small", "small"], "junit", "`test` alone"),
        (&["crds"], "sarif", "`validate`, `test` and `plan`"),
    ] {
        let text = run(&[command, &["--format", format]].concat());
        assert!(text.contains(by), "{text}");
        assert!(text.ends_with("status 2"), "{text}");
    }
    let text = run(&["plan", "small", "small", "--format", "markdown"]);
    assert!(text.ends_with("status 0"), "{text}");
}

/// Both sides may be in Git: a revision alone is the folder of the other side.
#[test]
fn a_side_may_be_a_revision() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let done = Command::new("git")
            .arg("-C")
            .arg(folder.path())
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    let config = folder.path().join("config");
    std::fs::create_dir(&config).unwrap();
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/small");
    for entry in std::fs::read_dir(&data).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), config.join(entry.file_name())).unwrap();
    }
    std::fs::write(config.join(".hidden.yaml"), "not: [yaml").unwrap();
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
    let config = config.to_str().unwrap();
    assert_eq!(run(&["plan", "HEAD", config]), "no changes\nstatus 0");
    let shop = PathBuf::from(config).join("clients.yaml");
    let text = std::fs::read_to_string(&shop).unwrap();
    std::fs::write(&shop, text.replace("{en: Shop}", "{en: Store}")).unwrap();
    let text = run(&["plan", "HEAD", config]);
    assert!(text.contains("its name or links differ"), "{text}");
    assert!(text.ends_with("status 4"), "{text}");
    let text = run(&["plan", "nosuchrevision", config]);
    assert!(text.contains("nosuchrevision"), "{text}");
    assert!(text.ends_with("status 3"), "{text}");
}

/// The script of the examples for pipelines, in a repository of its own.
#[test]
fn the_script_for_pipelines_says_what_a_change_is() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/ci/plan.sh");
    let tools = PathBuf::from(env!("CARGO_BIN_EXE_realmwright"));
    let path = std::env::join_paths(
        std::iter::once(tools.parent().unwrap().to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let git = |arguments: &[&str]| {
        let done = Command::new("git")
            .arg("-C")
            .arg(root)
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    let plan = |revision: &str| {
        let done = Command::new("bash")
            .arg(&script)
            .args([revision, "config", "plan.md"])
            .current_dir(root)
            .env("PATH", &path)
            .output()
            .unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        let word = said.lines().last().unwrap_or_default().to_owned();
        let text = std::fs::read_to_string(root.join("plan.md")).unwrap_or_default();
        (done.status.success(), word, text)
    };
    let config = root.join("config");
    std::fs::create_dir(&config).unwrap();
    git(&["init", "--quiet"]);
    git(&["commit", "--quiet", "--allow-empty", "--message", "nothing"]);
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let take = |name: &str| {
        for entry in std::fs::read_dir(data.join(name)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), config.join(entry.file_name())).unwrap();
        }
    };
    take("small");
    let (good, word, text) = plan("HEAD");
    assert!(
        good && word == "changes" && text.contains("is new"),
        "{text}"
    );
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "config"]);
    assert_eq!(plan("HEAD").1, "none");
    let edited = std::fs::read_dir(&config).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let other = text.replace("displayName: {en: ", "displayName: {en: Another ");
        (other != text).then(|| std::fs::write(path, other).unwrap())
    });
    assert!(edited.is_some(), "nothing to edit");
    let (good, word, text) = plan("HEAD");
    assert!(good && word == "changes", "{word}");
    assert!(text.starts_with("### Realmwright plan: "), "{text}");
    let (good, ..) = plan("no-such-revision");
    assert!(!good);
    std::fs::write(config.join("broken.yaml"), "kind: [").unwrap();
    let (good, ..) = plan("HEAD");
    assert!(!good);
}

/// KC-EVAL-01: tokens and userinfo of a login that nobody makes.
#[test]
fn a_login_is_evaluated_without_one() {
    let quickstart = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/quickstart");
    let evaluate = |arguments: &[&str]| run(&[&["evaluate", quickstart], arguments].concat());
    insta::assert_snapshot!(evaluate(&[
        "--client", "demo", "--person", "demo", "--scope", "openid", "--scope", "email",
    ]));
    insta::assert_snapshot!(evaluate(&["--client", "demo", "--prompt", "none"]));
    insta::assert_snapshot!(evaluate(&[
        "--client",
        "dmo",
        "--attribute",
        "emal=x",
        "--scope",
        "opnid",
        "--credential",
        "pasword",
    ]));
    let text = evaluate(&[
        "--client",
        "demo",
        "--role",
        "administrator",
        "--session",
        "password",
        "--format",
        "json",
    ]);
    let (json, status) = text.rsplit_once('\n').unwrap();
    assert_eq!(status, "status 0");
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["result"], "allowed");
    assert_eq!(json["steps"][0]["taken"], "totp");
    let text = evaluate(&["--client", "demo", "--person", "nobody"]);
    assert!(text.contains("there are: demo"), "{text}");
    assert!(text.ends_with("status 3"), "{text}");
}
