//! Our binaries, built once by the cargo that runs the tests.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

pub(crate) use realmwright_e2e::repository;

/// Path of a program of others that `scripts/prepare` builds.
pub(crate) fn tool(name: &str) -> PathBuf {
    repository().join("e2e/tools").join(name)
}

/// Folder of binaries that are tried as they are, instead of building some.
const BUILT: &str = "REALMWRIGHT_BINARIES";

/// Path of one of our binaries: `realmwright`, `realmwright-idp`, `realmwright-demo` or
/// `realmwright-operator`.
pub(crate) fn binary(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = || std::env::var_os(BUILT).map_or_else(build, PathBuf::from);
    DIRECTORY.get_or_init(directory).join(name)
}

/// Tests and binaries share one profile directory: the test's executable lies in its `deps`.
fn build() -> PathBuf {
    let optimised = (!cfg!(debug_assertions)).then_some("--release");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet"])
        .args(optimised)
        .args([
            "-p",
            "realmwright",
            "-p",
            "realmwright-idp",
            "-p",
            "realmwright-demo",
            "-p",
            "realmwright-operator",
        ])
        .current_dir(repository())
        .status()
        .expect("cargo runs");
    assert!(built.success(), "our binaries do not build");
    let test = std::env::current_exe().expect("the test has a path");
    test.ancestors()
        .find(|path| path.ends_with("debug") || path.ends_with("release"))
        .expect("a profile directory")
        .to_owned()
}
