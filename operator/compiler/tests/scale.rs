//! 10,000 clients in one file, which is the hard case because none of it can be skipped unread: a
//! cold compile and an edit of one. Run with `CARGO_PROFILE_RELEASE_LTO=off cargo test --release
//! -p realmwright-compiler --test scale -- --ignored --nocapture`. From the saved file to the swap
//! `operator/cli/src/dev/scale.rs` measures; results are in `docs/benchmarks.md`.

mod large;

use std::time::Instant;

use large::{Clients, REALM};
use realmwright_compiler::{Colour, CompileProfile, Compiler, Manifests, human};

const CLIENTS: Clients = Clients {
    count: 10_000,
    per_file: 10_000,
};

fn manifests(edit: &str) -> Manifests {
    let mut manifests = Manifests::new();
    manifests.insert("realm.yaml", REALM.as_bytes());
    for file in CLIENTS.files() {
        let text = CLIENTS.text(file, CLIENTS.count / 2, edit);
        manifests.insert(Clients::name(file), text.into_bytes());
    }
    manifests
}

#[test]
#[ignore = "measures time: run it alone and in release"]
fn ten_thousand_clients() {
    let profile = CompileProfile::Production;
    let (first, edited) = (manifests(""), manifests(" edited"));
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
    assert_eq!(cold.realms[0].snapshot.clients.len(), CLIENTS.count);
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
    println!("cold {cold_time:?}, edits {times:?}");
}
