//! 10,000 clients in one file, which is the hard case because none of it can be skipped unread, and
//! 100,000 in a hundred: a cold compile and an edit of one. Run with `CARGO_PROFILE_RELEASE_LTO=off cargo test --release
//! -p realmwright-compiler --test scale -- --ignored --nocapture`. From the saved file to the swap
//! `operator/cli/src/dev/scale.rs` measures; results are in `docs/benchmarks.md`.

mod large;

use std::time::Instant;

use large::{Clients, REALM};
use realmwright_compiler::{Colour, CompileProfile, Compiler, Manifests, human};

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
