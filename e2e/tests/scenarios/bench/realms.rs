//! How long a pod takes from its start to ready, and what it holds when idle, by the number of
//! realms that it serves.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::support::dev::{ANY_PORT, Dev};
use crate::support::pods::{Pod, PodSettings};
use crate::support::region_database::RegionDatabase;

const NUMBERS: [usize; 5] = [1, 10, 100, 1_000, 10_000];

const STARTS: usize = 5;

/// Realms with a login by password and two applications each.
fn realms(count: usize) -> String {
    let mut text = String::from(
        "\
apiVersion: realmwright.dev/v1alpha1
kind: Region
metadata: {name: ua}
spec: {country: UA, hosts: [{pattern: id.example.com, namespaces: [many]}]}
",
    );
    for number in 0..count {
        let realm = include_str!("realm.yaml").replace("{NUMBER}", &number.to_string());
        let _ = write!(text, "---\n{realm}");
    }
    text
}

/// A line of the table.
fn measure(count: usize, database: &RegionDatabase) -> String {
    let memory = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    std::fs::write(memory.path().join("realms.yaml"), realms(count)).expect("it can be written");
    let start = Instant::now();
    let mut dev = Dev::start_with(memory, ANY_PORT, &[]);
    let published = start.elapsed();
    assert_eq!(dev.realms.len(), count);
    let source = dev.published();
    let settings = || PodSettings::anywhere(&source, database.serve_url_file());
    dev.kill();
    let mut times: Vec<Duration> = Vec::new();
    let mut resident = 0;
    for _ in 0..STARTS {
        let start = Instant::now();
        let pod = Pod::start(settings());
        times.push(start.elapsed());
        resident = pod.running().resident_bytes() >> 20;
    }
    times.sort_unstable();
    format!(
        "| {count} | {} | {} | {resident} |",
        times[STARTS / 2].as_millis(),
        published.as_millis()
    )
}

#[test]
#[ignore = "measures time: run it with `make bench`"]
fn bench_realms() {
    let database = RegionDatabase::migrated();
    println!("| realms | start to ready, ms | YAML to served by `dev`, ms | MB resident |");
    println!("|---|---|---|---|");
    for count in NUMBERS {
        println!("{}", measure(count, &database));
    }
}
