//! 10,000 clients, from a saved file to the swapped pointer. It measures time, so it is run alone:
//! `CARGO_PROFILE_RELEASE_LTO=off cargo test --release -p realmwright scale -- --ignored --nocapture
//! --test-threads=1`. Results are in `docs/benchmarks.md`.

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use realmwright_compiler::plan::plan;
use realmwright_compiler::{Colour, human};

use super::*;

#[path = "../../../compiler/tests/large/mod.rs"]
mod large;

use large::{Clients, REALM};

const CLIENTS: usize = 10_000;

const ROUNDS: usize = 11;

/// Writes the file that the edited client stands in.
fn save(folder: &Path, clients: Clients, edit: &str) {
    let edited = clients.count / 2;
    let file = edited / clients.per_file;
    fs::write(
        folder.join(Clients::name(file)),
        clients.text(file, edited, edit),
    )
    .unwrap();
}

/// Processor time of this thread.
fn processor_time() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(told.split(' ').next().unwrap().parse().unwrap())
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2]
}

fn measure(per_file: usize) {
    let clients = Clients {
        count: CLIENTS,
        per_file,
    };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("realm.yaml"), REALM).unwrap();
    for file in clients.files() {
        let text = clients.text(file, 0, "");
        fs::write(folder.path().join(Clients::name(file)), text).unwrap();
    }
    let state = State::of(folder.path());
    let _lock = state.prepare().unwrap();
    let swap = Arc::new(realmwright_idp::hot_swap::HotSwap::new(Arc::new(
        realmwright_idp::clock::SystemClock,
    )));
    let origin = Url::parse("http://127.0.0.1:8080").unwrap();
    let mut publisher = Publisher::new(state, origin, None, Arc::clone(&swap));

    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let start = Instant::now();
    let mut read = Folder::read(folder.path()).unwrap();
    let reading = start.elapsed();
    let report = publisher.publish(read.manifests(), now).unwrap();
    let cold = start.elapsed();
    assert_eq!(
        report.live.len(),
        1,
        "{}",
        human(&report.diagnostics, Colour::None)
    );
    // The secrets that were generated are manifests themselves from now on.
    read.read_again(&Changed::Anything).unwrap();
    publisher.publish(read.manifests(), now).unwrap();

    let mut watch = FolderWatch::new(folder.path()).unwrap();
    let mut changes = swap.changes();
    changes.mark_unchanged();
    let (sender, swapped) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        while runtime.block_on(changes.changed()).is_ok() {
            if sender.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    let mut times: [Vec<Duration>; 5] = Default::default();
    for round in 0..ROUNDS {
        let saved = Instant::now();
        save(folder.path(), clients, &format!(" edit {round}"));
        let Wake::Files(_, changed) = watch.next(Duration::from_secs(5)) else {
            panic!("the save was not noticed");
        };
        let (woken, worked) = (Instant::now(), processor_time());
        read.read_again(&changed).unwrap();
        let report = publisher.publish(read.manifests(), now).unwrap();
        let (kept, worked) = (woken.elapsed(), processor_time() - worked);
        let live = &report.live[0];
        let began = processor_time();
        let former = live.former.clone().unwrap();
        let plan = plan(&[former], &[Arc::clone(&live.now)]).unwrap();
        let planned = processor_time() - began;
        let [change] = plan.realms[0].changes.as_slice() else {
            panic!("{plan:?}");
        };
        assert_eq!(change.words(), "client-5000: its name or links differ");
        let swapped = swapped.recv().unwrap() - woken;
        let measured = [woken - saved, swapped, kept, worked, planned];
        for (times, time) in times.iter_mut().zip(measured) {
            times.push(time);
        }
    }
    let [noticed, swapped, kept, worked, planned] = times.each_mut().map(|times| median(times));
    println!("{per_file} a file: cold {cold:?}, of it reading {reading:?}");
    println!(
        "{per_file} a file: an edit is noticed in {noticed:?}, swapped {swapped:?} later, kept on \
         disk {kept:?} later; processor time to there {worked:?}; what it does is told after \
         {planned:?} of another thread"
    );
    println!("{per_file} a file: all swaps {:?}", times[1]);
}

#[test]
#[ignore = "measures time: run it alone and in release"]
fn scale_one_client_a_file() {
    measure(1);
}

#[test]
#[ignore = "measures time: run it alone and in release"]
fn scale_a_hundred_clients_a_file() {
    measure(100);
}
