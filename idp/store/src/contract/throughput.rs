//! How many logins and refreshes a database takes in a second: a measurement, not a test.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::done;
use super::samples::*;
use crate::{Change, Store};

/// Runs `writers` at once for some seconds and says what they did.
pub async fn measure(store: &Arc<dyn Store>, writers: u64) -> String {
    let at = clock(&**store).await;
    done(&**store, vec![person(1, at)]).await;
    let logins = run(store, writers, move |number| login_end(number, at)).await;
    let first = |writer: u64| writer * STRIDE;
    for writer in 0..writers {
        let changes = vec![
            Change::InsertGrant(grant(first(writer) + STRIDE / 2, 1, at)),
            Change::InsertRefreshToken(refresh_token(
                first(writer),
                first(writer) + STRIDE / 2,
                at,
            )),
        ];
        done(&**store, changes).await;
    }
    let refreshes = run(store, writers, move |number| {
        let family = number / STRIDE * STRIDE + STRIDE / 2;
        vec![
            Change::ConsumeRefreshToken {
                hash: hash(3, number),
                at,
                successor: vec![7; 64],
            },
            Change::InsertRefreshToken(refresh_token(number + 1, family, at)),
            Change::RecordEvent(event(STRIDE * STRIDE + number, 1, at)),
        ]
    })
    .await;
    format!("{writers} writers: {logins:.0} logins/s, {refreshes:.0} refreshes/s")
}

const STRIDE: u64 = 1_000_000;
const LENGTH: Duration = Duration::from_secs(3);

/// What the last step of a login writes.
fn login_end(number: u64, at: jiff::Timestamp) -> Vec<Change> {
    vec![
        begin_session(number, 1, at),
        Change::PutSessionClient(session_client(number, at)),
        Change::InsertGrant(session_grant(number, 1, number, at)),
        Change::InsertCode(code(number, number, at)),
        Change::RecordEvent(event(number, 1, at)),
    ]
}

async fn run(
    store: &Arc<dyn Store>,
    writers: u64,
    changes: impl Fn(u64) -> Vec<Change> + Copy + Send + 'static,
) -> f64 {
    let started = Instant::now();
    let tasks = (0..writers).map(|writer| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut commits = 0_u32;
            while started.elapsed() < LENGTH {
                done(&*store, changes(writer * STRIDE + u64::from(commits))).await;
                commits += 1;
            }
            commits
        })
    });
    let commits: u32 = futures::future::join_all(tasks)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    f64::from(commits) / started.elapsed().as_secs_f64()
}
