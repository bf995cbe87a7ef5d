//! What may happen once happens once, however many try: 64 racers over two processes' stores.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;

use super::samples::*;
use super::{Fixture, done, realm};
use crate::{Change, Committed, CredentialRow, LoginRow, Outcome, Refusal, Store};

const RACERS: usize = 64;

/// Runs all racers at once, on two stores in turn.
async fn race<T, F>(fixture: &impl Fixture, run: impl Fn(Arc<dyn Store>, u64) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let stores = [fixture.store(), fixture.another().await];
    let barrier = Arc::new(Barrier::new(RACERS));
    let racers = (0..RACERS).map(|number| {
        let barrier = Arc::clone(&barrier);
        let racer = run(Arc::clone(&stores[number % 2]), number as u64);
        tokio::spawn(async move {
            barrier.wait().await;
            racer.await
        })
    });
    futures::future::join_all(racers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

/// One commit each; answers the winners, and why the others lost.
async fn race_to_commit(
    fixture: &impl Fixture,
    changes: impl Fn(u64) -> Vec<Change>,
) -> (Vec<Committed>, Vec<Refusal>) {
    let outcomes = race(fixture, |store, number| {
        let changes = changes(number);
        async move { store.commit(&realm(), changes).await.unwrap() }
    })
    .await;
    let mut winners = Vec::new();
    let mut losers = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Done(committed) => winners.push(committed),
            Outcome::Refused { reason, .. } => losers.push(reason),
        }
    }
    (winners, losers)
}

fn all(reasons: &[Refusal], expected: &Refusal) -> bool {
    reasons.len() == RACERS - 1 && reasons.iter().all(|reason| reason == expected)
}

/// KC-AZ-06.
pub async fn redeem_a_code_once(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let changes = vec![
        person(1, at),
        Change::InsertGrant(grant(1, 1, at)),
        Change::InsertCode(code(1, 1, at)),
    ];
    done(&*store, changes).await;
    let (winners, losers) = race_to_commit(fixture, |number| {
        vec![
            Change::ConsumeCode {
                hash: hash(2, 1),
                at,
            },
            Change::InsertRefreshToken(refresh_token(number, 1, at)),
        ]
    })
    .await;
    assert_eq!(winners.len(), 1);
    assert!(all(&losers, &Refusal::AlreadyUsed), "{losers:?}");
    assert_eq!(fixture.dump("refresh_tokens").await.len(), 1);
}

/// KC-TK-05, KC-TK-06.
pub async fn rotate_a_refresh_token_once(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let changes = vec![
        person(1, at),
        Change::InsertGrant(grant(1, 1, at)),
        Change::InsertRefreshToken(refresh_token(100, 1, at)),
    ];
    done(&*store, changes).await;
    let (winners, losers) = race_to_commit(fixture, |number| {
        vec![
            Change::ConsumeRefreshToken {
                hash: hash(3, 100),
                at,
                successor: number.to_be_bytes().to_vec(),
            },
            Change::InsertRefreshToken(refresh_token(number, 1, at)),
        ]
    })
    .await;
    assert_eq!(winners.len(), 1);
    assert!(all(&losers, &Refusal::AlreadyUsed), "{losers:?}");
    let used = store
        .refresh_token(&realm(), &hash(3, 100))
        .await
        .unwrap()
        .unwrap();
    let successor = u64::from_be_bytes(used.successor.unwrap().try_into().unwrap());
    let next = store
        .refresh_token(&realm(), &hash(3, successor))
        .await
        .unwrap();
    assert!(next.is_some(), "the successor is the winner's");
}

pub async fn use_an_identifier_once(fixture: &impl Fixture) {
    let at = clock(&*fixture.store()).await;
    let (winners, losers) = race_to_commit(fixture, |_| {
        vec![Change::UseOnce {
            kind: "client_assertion".to_owned(),
            key: "jti".to_owned(),
            expires_at: after(at, 60),
        }]
    })
    .await;
    assert_eq!(winners.len(), 1);
    assert!(all(&losers, &Refusal::AlreadyUsed), "{losers:?}");
}

pub async fn take_a_login_step_once(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![Change::SaveLogin(login(1, at))]).await;
    let (winners, losers) = race_to_commit(fixture, |number| {
        let step = LoginRow {
            version: 1,
            revision: number,
            ..login(1, at)
        };
        vec![Change::SaveLogin(step)]
    })
    .await;
    assert_eq!(winners.len(), 1);
    assert!(all(&losers, &Refusal::Stale), "{losers:?}");
}

/// RFC 6238 section 5.2: a code that passed does not pass again.
pub async fn pass_a_totp_code_once(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let insert = Change::InsertCredential(credential(1, 1, at));
    done(&*store, vec![person(1, at), insert]).await;
    let (winners, losers) = race_to_commit(fixture, |number| {
        let passed = CredentialRow {
            state: serde_json::json!({ "last_step": 1, "racer": number }),
            ..credential(1, 1, at)
        };
        vec![Change::UpdateCredential(passed)]
    })
    .await;
    assert_eq!(winners.len(), 1);
    assert!(all(&losers, &Refusal::Stale), "{losers:?}");
}

/// AUTH-PWD-04: guessing in parallel gains nothing.
pub async fn stop_at_the_attempt_limit(fixture: &impl Fixture) {
    let (winners, losers) = race_to_commit(fixture, |_| {
        vec![Change::CountAttempt {
            key: attempt_key("who"),
            limit: 5,
            window: Duration::from_secs(900),
            bar: Duration::from_secs(60),
        }]
    })
    .await;
    let mut counts: Vec<_> = winners.iter().map(|won| won.attempts[0].count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2, 3, 4, 5]);
    assert_eq!(losers.len(), RACERS - 5);
    let barred = |reason: &Refusal| matches!(reason, Refusal::Barred { .. });
    assert!(losers.iter().all(barred), "{losers:?}");
}

pub async fn give_a_unique_value_to_one_person(fixture: &impl Fixture) {
    let at = clock(&*fixture.store()).await;
    let (winners, losers) = race_to_commit(fixture, |number| {
        vec![Change::InsertSubject {
            subject: subject(number, at),
            attributes: attributes(&[("email", text("same"))]),
            lookup: vec![(key("email", "same"), true)],
        }]
    })
    .await;
    assert_eq!(winners.len(), 1);
    assert!(
        all(&losers, &Refusal::Conflict(Some("email".into()))),
        "{losers:?}"
    );
    assert_eq!(fixture.dump("subjects").await.len(), 1);
}

pub async fn lease_an_outbox_row_once(fixture: &impl Fixture) {
    let store = fixture.store();
    let messages = (0..100).map(|number| Change::Enqueue(message(number, 1)));
    done(&*store, messages.collect()).await;
    let leased = race(fixture, |store, _| async move {
        store
            .claim_outbox(&[realm()], 3, Duration::from_secs(60))
            .await
            .unwrap()
    })
    .await;
    let mut ids: Vec<_> = leased.into_iter().flatten().map(|row| row.id).collect();
    ids.sort_unstable();
    let total = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), total, "a row was leased twice");
    assert!(total >= 64, "{total}");
}

/// KC-SES-02: logout against logins of the same session. Whatever wins, nothing stays behind.
pub async fn end_a_session_with_every_grant(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![person(1, at), begin_session(1, 1, at)]).await;
    let (_, losers) = race_to_commit(fixture, |number| {
        if number == 32 {
            return vec![Change::EndSession {
                id: session_id(1),
                at,
            }];
        }
        vec![
            Change::InsertGrant(session_grant(number, 1, 1, at)),
            Change::InsertRefreshToken(refresh_token(number, number, at)),
        ]
    })
    .await;
    assert!(
        losers.iter().all(|reason| *reason == Refusal::Ended),
        "{losers:?}"
    );
    let live = store.grants_of(&realm(), &sub(1)).await.unwrap();
    assert!(
        live.is_empty(),
        "{} grants outlived the session",
        live.len()
    );
}

/// Commits that lock the same rows in opposite orders all go through.
pub async fn opposite_orders_of_locks_all_commit(fixture: &impl Fixture) {
    let stores = [fixture.store(), fixture.another().await];
    let count = |key: &str| Change::CountAttempt {
        key: attempt_key(key),
        limit: 1000,
        window: Duration::from_secs(900),
        bar: Duration::from_secs(60),
    };
    let racers = (0..6).map(|number| {
        let store = Arc::clone(&stores[number % 2]);
        let mut changes = vec![count("a"), count("b")];
        changes.rotate_left(number % 2);
        tokio::spawn(async move { done(&*store, changes).await })
    });
    for racer in futures::future::join_all(racers).await {
        racer.unwrap();
    }
    for key in ["a", "b"] {
        let row = stores[0]
            .attempts(&realm(), &attempt_key(key))
            .await
            .unwrap();
        assert_eq!(row.unwrap().count, 6);
    }
}
