//! Logins under way: a step submitted twice counts once.

use serde_json::json;

use super::samples::*;
use super::{Fixture, done, realm, refusal};
use crate::{Change, LoginRow, Refusal};

pub async fn saves_steps_by_version(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(
        &*store,
        vec![person(1, at), Change::SaveLogin(login(1, at))],
    )
    .await;
    let first = store.login(&realm(), &login_id(1)).await.unwrap().unwrap();
    let expected = LoginRow {
        version: 1,
        ..login(1, at)
    };
    assert_eq!(first, expected);
    assert_eq!(
        refusal(&*store, Change::SaveLogin(login(1, at))).await,
        Refusal::Conflict(None)
    );

    let step = LoginRow {
        sub: Some(sub(1)),
        state: json!({ "format": 1, "passed": ["password"], "typed": "\0" }),
        revision: 8,
        expires_at: after(at, 2000),
        ..first
    };
    done(&*store, vec![Change::SaveLogin(step.clone())]).await;
    let second = store.login(&realm(), &login_id(1)).await.unwrap().unwrap();
    let expected = LoginRow {
        version: 2,
        ..step.clone()
    };
    assert_eq!(second, expected);
    assert_eq!(
        refusal(&*store, Change::SaveLogin(step.clone())).await,
        Refusal::Stale
    );
    let unknown = LoginRow {
        id: login_id(2),
        ..step
    };
    assert_eq!(
        refusal(&*store, Change::SaveLogin(unknown)).await,
        Refusal::Unknown
    );
}

pub async fn finishes_once(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![Change::SaveLogin(login(1, at))]).await;
    let finish = |version| Change::FinishLogin {
        id: login_id(1),
        version,
    };
    assert_eq!(refusal(&*store, finish(0)).await, Refusal::Stale);
    assert_eq!(refusal(&*store, finish(2)).await, Refusal::Stale);
    done(&*store, vec![finish(1)]).await;
    assert_eq!(refusal(&*store, finish(1)).await, Refusal::Unknown);
    assert_eq!(store.login(&realm(), &login_id(1)).await.unwrap(), None);
}
