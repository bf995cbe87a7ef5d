//! Single sign-on sessions (KC-SES-01, KC-SES-02).

use serde_json::json;

use super::samples::*;
use super::{Fixture, done, realm, refusal};
use crate::{Change, Refusal, SessionClientRow, SessionRow};

pub async fn reads_back_a_session(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let entered = session_client(1, at);
    let changes = vec![
        person(1, at),
        begin_session(1, 1, at),
        begin_session(2, 1, after(at, 1)),
        Change::PutSessionClient(entered.clone()),
    ];
    done(&*store, changes).await;
    assert_eq!(
        store.session(&realm(), &session_id(1)).await.unwrap(),
        Some(session(1, 1, at))
    );
    assert_eq!(store.session(&realm(), &session_id(3)).await.unwrap(), None);
    assert_eq!(
        store
            .authentications(&realm(), &session_id(1))
            .await
            .unwrap(),
        [authentication(1, "password", at)]
    );
    assert_eq!(
        store
            .session_clients(&realm(), &session_id(1))
            .await
            .unwrap(),
        std::slice::from_ref(&entered)
    );
    let all = store.sessions_of(&realm(), &sub(1)).await.unwrap();
    assert_eq!(all, [session(2, 1, after(at, 1)), session(1, 1, at)]);

    let again = SessionClientRow {
        reference: "other".to_owned(),
        first_at: after(at, 50),
        last_at: after(at, 50),
        ..entered.clone()
    };
    done(&*store, vec![Change::PutSessionClient(again.clone())]).await;
    let expected = SessionClientRow {
        first_at: entered.first_at,
        ..again
    };
    assert_eq!(
        store
            .session_clients(&realm(), &session_id(1))
            .await
            .unwrap(),
        [expected]
    );
}

pub async fn touches_a_session(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![person(1, at), begin_session(1, 1, at)]).await;
    let later = after(at, 100);
    let touch = |id, secret, claims| Change::TouchSession {
        id: session_id(id),
        secret,
        at: later,
        idle_expires_at: after(later, 1800),
        address: None,
        claims,
        authentications: vec![
            authentication(id, "totp", later),
            authentication(id, "password", at),
        ],
    };
    done(&*store, vec![touch(1, None, claims(json!({})))]).await;
    let renewed = SessionRow {
        last_used_at: later,
        idle_expires_at: after(later, 1800),
        ..session(1, 1, at)
    };
    assert_eq!(
        store.session(&realm(), &session_id(1)).await.unwrap(),
        Some(renewed.clone())
    );
    let passed = store
        .authentications(&realm(), &session_id(1))
        .await
        .unwrap();
    let expected = [
        authentication(1, "password", at),
        authentication(1, "totp", later),
    ];
    assert_eq!(passed, expected, "one that is recorded stays one");

    let more = claims(json!({ "level": null, "grps": ["b"], "odd": "\0" }));
    done(&*store, vec![touch(1, Some(hash(9, 9)), more.clone())]).await;
    let stored = store
        .session(&realm(), &session_id(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.claims, more, "claims are replaced one by one");
    assert_eq!(stored.secret, hash(9, 9));
    assert_eq!(stored.address, renewed.address, "none given, none changed");

    assert_eq!(
        refusal(&*store, touch(2, None, claims(json!({})))).await,
        Refusal::Unknown
    );
}

/// KC-SES-02: ending a session ends what depends on it, and nothing else.
pub async fn ends_its_grants_with_a_session(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let changes = vec![
        person(1, at),
        begin_session(1, 1, at),
        begin_session(2, 1, at),
        Change::InsertGrant(session_grant(1, 1, 1, at)),
        Change::InsertGrant(session_grant(2, 1, 2, at)),
        Change::InsertGrant(grant(3, 1, at)),
        Change::InsertRefreshToken(refresh_token(1, 1, at)),
        Change::InsertAccessToken(access_token(1, Some(1), at)),
    ];
    done(&*store, changes).await;
    let ended = after(at, 5);
    let end = |at| Change::EndSession {
        id: session_id(1),
        at,
    };
    done(&*store, vec![end(ended)]).await;
    done(&*store, vec![end(after(at, 9))]).await;
    assert_eq!(store.session(&realm(), &session_id(1)).await.unwrap(), None);
    assert!(
        store
            .authentications(&realm(), &session_id(1))
            .await
            .unwrap()
            .is_empty()
    );
    let row = store.grant(&realm(), &grant_id(1)).await.unwrap().unwrap();
    assert_eq!(row.ended_at, Some(ended), "the first end stays");
    let live = store.grants_of(&realm(), &sub(1)).await.unwrap();
    let live: Vec<_> = live.into_iter().map(|row| row.id).collect();
    assert_eq!(
        live,
        [grant_id(2), grant_id(3)],
        "another session, and an offline grant"
    );
    let refresh = Change::ConsumeRefreshToken {
        hash: hash(3, 1),
        at,
        successor: vec![1],
    };
    assert_eq!(refusal(&*store, refresh).await, Refusal::Ended);
    assert_eq!(
        store.access_token(&realm(), &hash(4, 1)).await.unwrap(),
        None
    );
}

/// FLOW-08: an application may demand that a person has one session only.
pub async fn ends_the_other_sessions_of_a_person(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let mut changes = vec![person(1, at), person(2, at)];
    for number in 1..=3 {
        changes.push(begin_session(number, 1, at));
        changes.push(Change::InsertGrant(session_grant(number, 1, number, at)));
    }
    changes.push(begin_session(4, 2, at));
    changes.push(Change::InsertGrant(grant(4, 1, at)));
    changes.push(Change::InsertGrant(session_grant(5, 2, 4, at)));
    done(&*store, changes).await;
    let end = |except| Change::EndSessionsOf {
        sub: sub(1),
        except,
        at,
    };
    done(&*store, vec![end(Some(session_id(2)))]).await;
    let left = store.sessions_of(&realm(), &sub(1)).await.unwrap();
    assert_eq!(left, [session(2, 1, at)]);
    let grants = store.grants_of(&realm(), &sub(1)).await.unwrap();
    let grants: Vec<_> = grants.into_iter().map(|row| row.id).collect();
    assert_eq!(grants, [grant_id(2), grant_id(4)]);
    done(&*store, vec![end(None)]).await;
    assert!(
        store
            .sessions_of(&realm(), &sub(1))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.sessions_of(&realm(), &sub(2)).await.unwrap().len(), 1);
    assert_eq!(store.grants_of(&realm(), &sub(2)).await.unwrap().len(), 1);
}

/// A logout and a login of the same session at once: no grant is left behind.
pub async fn refuses_a_grant_of_an_ended_session(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![person(1, at), begin_session(1, 1, at)]).await;
    let insert = |number| Change::InsertGrant(session_grant(number, 1, 1, at));
    done(&*store, vec![insert(1)]).await;
    store.set_clock_offset(offset(1801));
    assert_eq!(refusal(&*store, insert(2)).await, Refusal::Ended, "idle");
    store.set_clock_offset(offset(0));
    let end = Change::EndSession {
        id: session_id(1),
        at,
    };
    done(&*store, vec![end]).await;
    assert_eq!(refusal(&*store, insert(3)).await, Refusal::Ended);
}
