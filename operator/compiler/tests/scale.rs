//! 10,000 clients in one file, which is the hard case because none of it can be skipped unread, and
//! 100,000 in a hundred: a cold compile, an edit of one, and plans. Run with `CARGO_PROFILE_RELEASE_LTO=off cargo test --release
//! -p realmwright-compiler --test scale -- --ignored --nocapture`. From the saved file to the swap
//! `operator/cli/src/dev/scale.rs` measures; results are in `docs/benchmarks.md`.

mod large;

use std::sync::Arc;
use std::time::Instant;

use large::{Clients, REALM};
use realmwright_compiler::plan::{self, Plan, plan};
use realmwright_compiler::{Colour, CompileProfile, Compiler, Manifests, human};
use realmwright_snapshot::RealmSnapshot;

fn manifests(clients: Clients, edit: &str) -> Manifests {
    let mut manifests = Manifests::new();
    manifests.insert("realm.yaml", REALM.as_bytes());
    for file in clients.files() {
        let text = clients.text(file, clients.count / 2, edit);
        manifests.insert(Clients::name(file), text.into_bytes());
    }
    manifests
}

#[expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement, for whoever runs it to read"
)]
fn measure(clients: Clients) {
    let profile = CompileProfile::Production;
    let first = manifests(clients, "");
    let edited = manifests(clients, " edited");
    let mut compiler = Compiler::new();
    let start = Instant::now();
    let cold = compiler.compile(&first, &profile);
    let cold_time = start.elapsed();
    assert_eq!(
        cold.realms.len(),
        1,
        "{}",
        human(&cold.diagnostics, Colour::None)
    );
    assert_eq!(cold.realms[0].snapshot.clients.len(), clients.count);
    let mut times = Vec::new();
    let mut last = cold.realms[0].sealed.digest;
    for round in 0..6 {
        let manifests = if round % 2 == 0 { &edited } else { &first };
        let start = Instant::now();
        let compilation = compiler.compile(manifests, &profile);
        times.push(start.elapsed());
        assert_ne!(compilation.realms[0].sealed.digest, last);
        last = compilation.realms[0].sealed.digest;
    }
    assert_eq!(last, cold.realms[0].sealed.digest);
    println!(
        "{} clients: cold {cold_time:?}, edits {times:?}",
        clients.count
    );
}

#[test]
#[ignore = "measures time: run it alone and in release"]
fn ten_thousand_clients() {
    measure(Clients {
        count: 10_000,
        per_file: 10_000,
    });
}

#[test]
#[ignore = "measures time: run it alone and in release"]
fn hundred_thousand_clients() {
    measure(Clients {
        count: 100_000,
        per_file: 1_000,
    });
}

/// The snapshot of a realm of these clients, each written as `edit` makes it. Compiled by itself,
/// as each side of `realmwright plan` is, so that the two share nothing.
#[expect(clippy::indexing_slicing, reason = "a realm that compiles")]
fn snapshot(edit: impl Fn(usize, String) -> String) -> Arc<RealmSnapshot> {
    let mut manifests = Manifests::new();
    manifests.insert("realm.yaml", REALM.as_bytes());
    for number in 0..10_000 {
        let text = edit(number, large::client(number, ""));
        manifests.insert(Clients::name(number), text.into_bytes());
    }
    let compilation = Compiler::new().compile(&manifests, &CompileProfile::Production);
    let faults = human(&compilation.diagnostics, Colour::None);
    assert!(!compilation.has_errors(), "{faults}");
    Arc::clone(&compilation.realms[0].snapshot)
}

#[expect(clippy::print_stdout, reason = "a measurement, for whoever runs it")]
#[expect(clippy::unwrap_used, reason = "snapshots that compiled")]
fn measure_plan(what: &str, old: &Arc<RealmSnapshot>, new: &Arc<RealmSnapshot>) -> Plan {
    let start = Instant::now();
    let planned = plan(&[Arc::clone(old)], &[Arc::clone(new)]).unwrap();
    let planning = start.elapsed();
    let text = plan::human(&planned, Colour::None);
    println!(
        "plan of 10000 clients, {what}: {planning:?}, written after {:?}, {} changes",
        start.elapsed(),
        planned
            .realms
            .iter()
            .map(|realm| realm.changes.len())
            .sum::<usize>()
    );
    assert!(text.len() < 200_000, "{}", text.len());
    planned
}

/// One edited and all edited, in a text and in what decides about logins.
#[test]
#[ignore = "measures time: run it alone and in release"]
fn plans_of_ten_thousand_clients() {
    let renamed = |number: usize, text: String| text.replace(&format!("Client {number}"), "Other");
    let opened = |_: usize, text: String| text.replace("@example.com", "example.com");
    let widened = |number: usize, text: String| {
        text.replace("@example.com", &format!("@n{number}.example.com"))
    };
    let one = |edit: fn(usize, String) -> String| {
        move |number: usize, text: String| match number {
            5_000 => edit(number, text),
            _ => text,
        }
    };
    let old = snapshot(|_, text| text);
    measure_plan("nothing edited", &old, &snapshot(|_, text| text));
    measure_plan("one name", &old, &snapshot(one(renamed)));
    measure_plan("one access rule", &old, &snapshot(one(opened)));
    measure_plan("all names", &old, &snapshot(renamed));
    measure_plan("all access rules alike", &old, &snapshot(opened));
    measure_plan("all access rules, each otherwise", &old, &snapshot(widened));
}
