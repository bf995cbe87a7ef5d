//! SIGKILL at any moment: what was acknowledged is there, and nothing is there by half.
//!
//! The writer is this same test binary, started anew with [`DATABASE`] in its environment; its
//! test [`write_until_killed`] prints the number of every commit that was acknowledged.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::samples::*;
use super::{Fixture, realm};
use crate::{Change, EventQuery, Outcome, Store};

/// Names the database to the writer.
pub const DATABASE: &str = "REALMWRIGHT_CRASH_TEST_DATABASE";
/// Where its numbers begin.
pub const FIRST: &str = "REALMWRIGHT_CRASH_TEST_FIRST";

const ROUNDS: u64 = 5;
/// Commits in a round before the writer is killed.
const COMMITS: usize = 12;

/// Commits numbered pairs (an event and a used identifier) for ever, and says each number once it
/// is acknowledged. For the test that the killed process runs.
pub async fn write_until_killed(store: &dyn Store) {
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let at = clock(store).await;
    for number in first.. {
        let changes = vec![
            Change::RecordEvent(event(number, 1, at)),
            Change::UseOnce {
                kind: "crash".to_owned(),
                key: number.to_string(),
                expires_at: after(at, 3600),
            },
        ];
        let outcome = store.commit(&realm(), changes).await.unwrap();
        assert!(matches!(outcome, Outcome::Done(_)));
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {number}").unwrap();
        out.flush().unwrap();
    }
}

/// What a fixture must tell the writer.
#[async_trait::async_trait]
pub trait CrashFixture: Fixture {
    /// Value of [`DATABASE`] for the writer.
    fn address(&self) -> String;
    /// The ignored test of this binary that calls [`write_until_killed`].
    fn writer_test(&self) -> &'static str;
}

/// Design section 5: `commit` is all or none, and what it acknowledged stays.
pub async fn keeps_what_it_acknowledged<F: CrashFixture>(fixture: &F) {
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let first = round * 1_000_000;
        acknowledged.extend(run_writer(fixture, first, round));
    }

    let store = fixture.another().await;
    let mut query = EventQuery {
        subject: None,
        limit: 500,
        after: None,
    };
    let mut recorded = BTreeSet::new();
    loop {
        let page = store.events(&realm(), &query).await.unwrap();
        recorded.extend(page.items.into_iter().map(|row| row.id.as_u64_pair().1));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    let lost: Vec<_> = acknowledged.difference(&recorded).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let used = fixture.dump("used_once").await.len();
    assert_eq!(used, recorded.len(), "a commit is there by half");
    let unsaid = recorded.len() - acknowledged.len();
    assert!(
        unsaid as u64 <= ROUNDS,
        "{unsaid} commits were never acknowledged"
    );
}

/// Starts the writer, kills it in the midst of its work, at another phase in each round, and
/// returns what it said was acknowledged.
fn run_writer(fixture: &dyn CrashFixture, first: u64, round: u64) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", fixture.writer_test()])
        .env(DATABASE, fixture.address())
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let number = |line: String| line.split("acknowledged ").nth(1)?.parse().ok();
    let mut numbers = lines.map_while(Result::ok).filter_map(number);
    // Counted, not timed: the machine may be slow.
    let mut said: Vec<u64> = numbers.by_ref().take(COMMITS).collect();
    assert_eq!(said.len(), COMMITS, "the writer commits");
    std::thread::sleep(Duration::from_micros(700 * round));
    child.kill().unwrap();
    said.extend(numbers);
    child.wait().unwrap();
    said
}
