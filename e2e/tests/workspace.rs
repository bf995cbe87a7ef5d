//! The crate table of `docs/ARCHITECTURE.md`, held over `cargo metadata` (design.md section 3).
#![expect(
    clippy::expect_used,
    reason = "a tool that does not answer fails the test"
)]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which of our crates each crate may use directly, outside tests.
const MAY_USE: &[(&str, &[&str])] = &[
    ("crds", &[]),
    ("snapshot", &[]),
    ("decision", &["snapshot"]),
    ("keys", &["snapshot"]),
    ("artefacts", &["snapshot", "keys"]),
    ("compiler", &["crds", "snapshot", "decision"]),
    ("protocol", &["snapshot"]),
    (
        "engine",
        &["decision", "snapshot", "protocol", "keys", "store"],
    ),
    ("store", &["snapshot"]),
    ("store-sqlite", &["store", "snapshot"]),
    ("store-postgres", &["store", "snapshot"]),
    ("web", &["engine", "protocol", "snapshot"]),
    (
        "idp",
        &[
            "snapshot",
            "artefacts",
            "decision",
            "keys",
            "protocol",
            "engine",
            "store",
            "store-sqlite",
            "store-postgres",
            "web",
        ],
    ),
    (
        "operator",
        &["compiler", "crds", "snapshot", "artefacts", "keys"],
    ),
    (
        "cli",
        &[
            "compiler",
            "crds",
            "snapshot",
            "artefacts",
            "decision",
            "keys",
            "idp",
        ],
    ),
    ("demo", &[]),
    ("e2e", &[]),
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .other_options(
            ["--locked", "--filter-platform", "x86_64-unknown-linux-gnu"].map(str::to_owned),
        )
        .exec()
        .expect("cargo metadata answers")
}

fn short(package: &str) -> &str {
    match package {
        "realmwright" => "cli",
        other => other.strip_prefix("realmwright-").unwrap_or(other),
    }
}

fn direct(package: &Package) -> impl Iterator<Item = &str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .map(|dependency| dependency.name.as_str())
}

#[test]
fn crates_use_only_what_the_table_allows() {
    let metadata = metadata();
    let table: BTreeMap<_, BTreeSet<_>> = MAY_USE
        .iter()
        .map(|(name, uses)| (*name, uses.iter().copied().collect()))
        .collect();
    for package in metadata.workspace_packages() {
        let name = short(&package.name);
        let allowed = table
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the table"));
        for used in direct(package).filter(|used| used.starts_with("realmwright")) {
            assert!(
                allowed.contains(short(used)),
                "{name} uses {used}, which the table does not allow"
            );
        }
    }
}

#[test]
fn only_resources_operator_and_tests_know_kubernetes() {
    let metadata = metadata();
    let allowed = ["crds", "operator", "cli", "compiler", "e2e"];
    for package in metadata.workspace_packages() {
        if direct(package).any(|used| used.starts_with("kube") || used == "k8s-openapi") {
            let name = short(&package.name);
            assert!(allowed.contains(&name), "{name} depends on kube");
        }
    }
}

#[test]
fn nothing_under_idp_reaches_kubernetes_or_the_resources() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().expect("a resolved graph");
    let names: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    let edges: BTreeMap<_, Vec<_>> = resolve
        .nodes
        .iter()
        .map(|node| {
            let used = node
                .deps
                .iter()
                .filter(|dependency| {
                    dependency
                        .dep_kinds
                        .iter()
                        .any(|kind| kind.kind != DependencyKind::Development)
                })
                .map(|dependency| &dependency.pkg)
                .collect();
            (&node.id, used)
        })
        .collect();
    for package in metadata.workspace_packages() {
        // Below the root: a checkout may itself lie in a folder of that name.
        if !package
            .manifest_path
            .starts_with(metadata.workspace_root.join("idp"))
        {
            continue;
        }
        let mut seen = BTreeSet::new();
        let mut open = vec![&package.id];
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let name = names[id];
            assert!(
                !matches!(name, "kube" | "kube-core" | "kube-client" | "k8s-openapi")
                    && name != "realmwright-crds",
                "{} reaches {name}",
                package.name
            );
            open.extend(edges[id].iter().copied());
        }
    }
}
