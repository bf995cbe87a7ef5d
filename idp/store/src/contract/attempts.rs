//! Counters that hold across processes (AUTH-PWD-04).

use std::time::Duration;

use super::samples::*;
use super::{Fixture, done, realm, refusal, refused};
use crate::{AttemptRow, Change, Refusal, Store};

fn count(limit: u32, window: u64, bar: u64) -> Change {
    Change::CountAttempt {
        key: attempt_key("who"),
        limit,
        window: Duration::from_secs(window),
        bar: Duration::from_secs(bar),
    }
}

async fn counted(store: &dyn Store, change: Change) -> AttemptRow {
    let committed = done(store, vec![change]).await;
    assert_eq!(committed.attempts.len(), 1);
    committed.attempts[0].clone()
}

async fn stored(store: &dyn Store) -> Option<AttemptRow> {
    store.attempts(&realm(), &attempt_key("who")).await.unwrap()
}

/// Whether `time` is `seconds` after `from`, give or take the run of the test.
fn is_about(time: jiff::Timestamp, from: jiff::Timestamp, seconds: i64) -> bool {
    let early = after(from, seconds - 1);
    let late = after(from, seconds + 20);
    (early..late).contains(&time)
}

pub async fn bars_at_the_limit_and_forgets_after_the_bar(fixture: &impl Fixture) {
    let store = fixture.store();
    let start = clock(&*store).await;
    assert_eq!(stored(&*store).await, None);
    for attempt in 1..3 {
        let row = counted(&*store, count(3, 900, 60)).await;
        assert_eq!((row.count, row.locked_until), (attempt, None));
        assert!(is_about(row.expires_at, start, 900), "{row:?}");
        assert_eq!(stored(&*store).await, Some(row));
    }
    let row = counted(&*store, count(3, 900, 60)).await;
    assert_eq!(row.count, 3);
    let until = row.locked_until.unwrap();
    assert!(is_about(until, start, 60), "{row:?}");
    let answer = refusal(&*store, count(3, 900, 60)).await;
    assert_eq!(answer, Refusal::Barred { until });
    assert_eq!(
        stored(&*store).await,
        Some(row),
        "a barred attempt does not count"
    );

    store.set_clock_offset(offset(30));
    assert!(matches!(
        refusal(&*store, count(3, 900, 60)).await,
        Refusal::Barred { .. }
    ));
    store.set_clock_offset(offset(90));
    assert_eq!(stored(&*store).await, None);
    let row = counted(&*store, count(3, 900, 60)).await;
    assert_eq!((row.count, row.locked_until), (1, None));
}

pub async fn bars_until_the_window_ends_without_a_bar(fixture: &impl Fixture) {
    let store = fixture.store();
    let start = clock(&*store).await;
    counted(&*store, count(2, 900, 0)).await;
    let row = counted(&*store, count(2, 900, 0)).await;
    assert_eq!((row.count, row.locked_until), (2, None));
    match refusal(&*store, count(2, 900, 0)).await {
        Refusal::Barred { until } => assert!(is_about(until, start, 900)),
        other => panic!("{other:?}"),
    }
    store.set_clock_offset(offset(1000));
    assert_eq!(counted(&*store, count(2, 900, 0)).await.count, 1);
}

pub async fn starts_a_new_window_after_the_old_one(fixture: &impl Fixture) {
    let store = fixture.store();
    counted(&*store, count(5, 900, 60)).await;
    let first = counted(&*store, count(5, 900, 60)).await;
    store.set_clock_offset(offset(600));
    let second = counted(&*store, count(5, 900, 60)).await;
    assert_eq!(second.count, 3);
    assert_eq!(
        second.expires_at, first.expires_at,
        "the window does not slide"
    );
    store.set_clock_offset(offset(950));
    let row = counted(&*store, count(5, 900, 60)).await;
    assert_eq!(row.count, 1);
    assert!(row.expires_at > first.expires_at);

    let alone = Change::CountAttempt {
        key: attempt_key("another"),
        limit: 1,
        window: Duration::from_secs(900),
        bar: Duration::from_secs(60),
    };
    let row = counted(&*store, alone.clone()).await;
    assert!(
        row.locked_until.is_some(),
        "a limit of one bars at the first"
    );
    assert!(matches!(
        refusal(&*store, alone).await,
        Refusal::Barred { .. }
    ));
}

pub async fn resets_and_takes_back(fixture: &impl Fixture) {
    let store = fixture.store();
    let uncount = || Change::UncountAttempt {
        key: attempt_key("who"),
    };
    let reset = || Change::ResetAttempts {
        key: attempt_key("who"),
    };
    done(&*store, vec![uncount(), reset()]).await;
    assert_eq!(stored(&*store).await, None);

    let first = counted(&*store, count(2, 900, 60)).await;
    counted(&*store, count(2, 900, 60)).await;
    done(&*store, vec![uncount()]).await;
    let row = stored(&*store).await.unwrap();
    assert_eq!(row, first, "neither the bar nor its time is left");
    done(&*store, vec![uncount(), uncount()]).await;
    assert_eq!(stored(&*store).await.unwrap().count, 0, "never below zero");

    counted(&*store, count(2, 900, 60)).await;
    counted(&*store, count(2, 900, 60)).await;
    done(&*store, vec![reset()]).await;
    assert_eq!(stored(&*store).await, None);
    assert_eq!(counted(&*store, count(2, 900, 60)).await.count, 1);
}

pub async fn a_lower_limit_bars_at_once(fixture: &impl Fixture) {
    let store = fixture.store();
    for _ in 0..4 {
        counted(&*store, count(10, 900, 60)).await;
    }
    assert!(matches!(
        refusal(&*store, count(3, 900, 60)).await,
        Refusal::Barred { .. }
    ));
    assert_eq!(counted(&*store, count(10, 900, 60)).await.count, 5);
}

pub async fn a_refused_commit_counts_nothing(fixture: &impl Fixture) {
    let store = fixture.store();
    let other = || Change::CountAttempt {
        key: attempt_key("other"),
        limit: 1,
        window: Duration::from_secs(900),
        bar: Duration::from_secs(60),
    };
    let committed = done(&*store, vec![count(5, 900, 60), other()]).await;
    let counts: Vec<_> = committed.attempts.iter().map(|row| row.count).collect();
    assert_eq!(counts, [1, 1], "in the order of the changes");
    let (index, _) = refused(&*store, vec![count(5, 900, 60), other()]).await;
    assert_eq!(index, 1);
    assert_eq!(stored(&*store).await.unwrap().count, 1);
}
