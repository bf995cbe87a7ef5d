//! Grants, codes, tokens, consents and what is used once.

use serde_json::json;

use super::samples::*;
use super::{Fixture, done, realm, refusal, refused};
use crate::{Change, CodeRow, ConsentRow, GrantRow, Refusal};

fn redeem(number: u64, at: jiff::Timestamp) -> Change {
    Change::ConsumeCode {
        hash: hash(2, number),
        at,
    }
}

fn rotate(number: u64, at: jiff::Timestamp) -> Change {
    Change::ConsumeRefreshToken {
        hash: hash(3, number),
        at,
        successor: vec![0, 1, 255],
    }
}

pub async fn reads_back_a_grant(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let full = GrantRow {
        authorization_details: json!([{ "type": "payment", "amount": 1.10 }]),
        claims: json!({ "userinfo": { "email": null } }),
        cnf: Some(json!({ "jkt": "0ZcOCORZNYy" })),
        ..grant(1, 1, at)
    };
    let of_a_client = GrantRow {
        sub: None,
        nonce: None,
        auth_time: None,
        acr: None,
        amr: vec![],
        scopes: vec![],
        resource: vec![],
        ..grant(2, 1, at)
    };
    let changes = vec![
        person(1, at),
        Change::InsertGrant(full.clone()),
        Change::InsertGrant(of_a_client.clone()),
    ];
    done(&*store, changes).await;
    for row in [full, of_a_client] {
        let id = row.id;
        assert_eq!(store.grant(&realm(), &id).await.unwrap(), Some(row));
    }
    assert_eq!(store.grant(&realm(), &grant_id(3)).await.unwrap(), None);
}

/// KC-AZ-06, RFC 6749 section 4.1.2.
pub async fn tells_used_from_unknown_codes(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let changes = vec![
        person(1, at),
        Change::InsertGrant(grant(1, 1, at)),
        Change::InsertCode(code(1, 1, at)),
        Change::InsertCode(code(2, 1, at)),
    ];
    done(&*store, changes).await;
    assert_eq!(
        store.code(&realm(), &hash(2, 1)).await.unwrap(),
        Some(code(1, 1, at))
    );
    assert_eq!(refusal(&*store, redeem(9, at)).await, Refusal::Unknown);
    let used = after(at, 1);
    done(&*store, vec![redeem(1, used)]).await;
    let expected = CodeRow {
        used_at: Some(used),
        expires_at: grant(1, 1, at).expires_at,
        ..code(1, 1, at)
    };
    assert_eq!(
        store.code(&realm(), &hash(2, 1)).await.unwrap(),
        Some(expected.clone())
    );
    assert_eq!(
        refusal(&*store, redeem(1, after(at, 2))).await,
        Refusal::AlreadyUsed
    );
    assert_eq!(
        store.code(&realm(), &hash(2, 1)).await.unwrap(),
        Some(expected)
    );

    let end = Change::EndGrant {
        id: grant_id(1),
        at,
    };
    done(&*store, vec![end]).await;
    assert_eq!(refusal(&*store, redeem(2, at)).await, Refusal::Ended);
    assert_eq!(refusal(&*store, redeem(1, at)).await, Refusal::AlreadyUsed);
    store.set_clock_offset(offset(61));
    assert_eq!(refusal(&*store, redeem(2, at)).await, Refusal::Unknown);
}

/// KC-TK-05, KC-TK-06.
pub async fn rotates_refresh_tokens(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let changes = vec![
        person(1, at),
        Change::InsertGrant(grant(1, 1, at)),
        Change::InsertRefreshToken(refresh_token(1, 1, at)),
    ];
    done(&*store, changes).await;
    assert_eq!(
        store.refresh_token(&realm(), &hash(3, 1)).await.unwrap(),
        Some(refresh_token(1, 1, at))
    );
    assert_eq!(refusal(&*store, rotate(9, at)).await, Refusal::Unknown);
    let next = Change::InsertRefreshToken(refresh_token(2, 1, at));
    done(&*store, vec![rotate(1, after(at, 1)), next]).await;
    let used = store
        .refresh_token(&realm(), &hash(3, 1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(used.used_at, Some(after(at, 1)));
    assert_eq!(
        used.successor,
        Some(vec![0, 1, 255]),
        "for a client that retries"
    );
    assert_eq!(refusal(&*store, rotate(1, at)).await, Refusal::AlreadyUsed);

    let end = Change::EndGrant {
        id: grant_id(1),
        at,
    };
    done(&*store, vec![end.clone(), end]).await;
    for number in [1, 2] {
        assert_eq!(refusal(&*store, rotate(number, at)).await, Refusal::Ended);
    }
    store.set_clock_offset(offset(1801));
    assert_eq!(refusal(&*store, rotate(2, at)).await, Refusal::Unknown);
}

/// RFC 6749 section 4.1.2, RFC 9700 section 4.14.2: reuse is known as such for as long as there is
/// a family to end, swept or not.
pub async fn remembers_what_was_used_until_its_grant_expires(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let changes = vec![
        person(1, at),
        Change::InsertGrant(grant(1, 1, at)),
        Change::InsertCode(code(1, 1, at)),
        Change::InsertRefreshToken(refresh_token(1, 1, at)),
    ];
    done(&*store, changes).await;
    done(&*store, vec![redeem(1, at), rotate(1, at)]).await;
    store.set_clock_offset(offset(35_000));
    store.sweep(100).await.unwrap();
    for again in [redeem(1, at), rotate(1, at)] {
        assert_eq!(refusal(&*store, again).await, Refusal::AlreadyUsed);
    }
    let used = store.code(&realm(), &hash(2, 1)).await.unwrap();
    assert!(used.is_some_and(|row| row.used_at.is_some()));
    let rotated = store.refresh_token(&realm(), &hash(3, 1)).await.unwrap();
    assert!(rotated.is_some_and(|row| row.used_at.is_some()));

    store.set_clock_offset(offset(36_001));
    for again in [redeem(1, at), rotate(1, at)] {
        assert_eq!(refusal(&*store, again).await, Refusal::Unknown);
    }
    store.sweep(100).await.unwrap();
    for table in ["codes", "refresh_tokens", "grants"] {
        assert!(fixture.dump(table).await.is_empty(), "{table}");
    }
}

pub async fn ends_all_tokens_with_their_grant(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let mut changes = vec![person(1, at)];
    for number in 1..=2 {
        changes.push(Change::InsertGrant(grant(number, 1, at)));
        changes.push(Change::InsertCode(code(number, number, at)));
        changes.push(Change::InsertAccessToken(access_token(
            number,
            Some(number),
            at,
        )));
    }
    done(&*store, changes).await;
    let end = |at| Change::EndGrant {
        id: grant_id(1),
        at,
    };
    done(&*store, vec![end(after(at, 1))]).await;
    done(&*store, vec![end(after(at, 2))]).await;
    let row = store.grant(&realm(), &grant_id(1)).await.unwrap().unwrap();
    assert_eq!(row.ended_at, Some(after(at, 1)));
    assert_eq!(
        store.access_token(&realm(), &hash(4, 1)).await.unwrap(),
        None
    );
    assert_eq!(refusal(&*store, redeem(1, at)).await, Refusal::Ended);
    assert!(
        store
            .access_token(&realm(), &hash(4, 2))
            .await
            .unwrap()
            .is_some()
    );
    done(&*store, vec![redeem(2, at)]).await;
}

pub async fn ends_grants_of_a_client(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let other = GrantRow {
        client: "other".into(),
        ..grant(2, 1, at)
    };
    let changes = vec![
        person(1, at),
        person(2, at),
        Change::InsertGrant(grant(1, 1, at)),
        Change::InsertGrant(other),
        Change::InsertGrant(grant(3, 2, at)),
    ];
    done(&*store, changes).await;
    let end = |client| Change::EndGrantsOf {
        sub: sub(1),
        client,
        at,
    };
    done(&*store, vec![end(Some(client()))]).await;
    let left = store.grants_of(&realm(), &sub(1)).await.unwrap();
    assert_eq!(
        left.iter().map(|row| row.id).collect::<Vec<_>>(),
        [grant_id(2)]
    );
    done(&*store, vec![end(None)]).await;
    assert!(store.grants_of(&realm(), &sub(1)).await.unwrap().is_empty());
    assert_eq!(store.grants_of(&realm(), &sub(2)).await.unwrap().len(), 1);
}

pub async fn keeps_opaque_access_tokens(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let row = access_token(1, None, at);
    done(&*store, vec![Change::InsertAccessToken(row.clone())]).await;
    let stored = store.access_token(&realm(), &hash(4, 1)).await.unwrap();
    assert_eq!(stored, Some(row.clone()));
    assert_eq!(
        refusal(&*store, Change::InsertAccessToken(row)).await,
        Refusal::Conflict(None)
    );
    let delete = Change::DeleteAccessToken { hash: hash(4, 1) };
    done(&*store, vec![delete.clone(), delete]).await;
    assert_eq!(
        store.access_token(&realm(), &hash(4, 1)).await.unwrap(),
        None
    );
}

pub async fn revokes_by_jti(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let revoke = |seconds| Change::RevokeJti {
        jti: "token".to_owned(),
        expires_at: after(at, seconds),
    };
    assert!(!store.is_revoked(&realm(), "token").await.unwrap());
    done(&*store, vec![revoke(100), revoke(50)]).await;
    assert!(store.is_revoked(&realm(), "token").await.unwrap());
    assert!(!store.is_revoked(&realm(), "Token").await.unwrap());
    store.set_clock_offset(offset(80));
    assert!(
        store.is_revoked(&realm(), "token").await.unwrap(),
        "the later end holds"
    );
    store.set_clock_offset(offset(101));
    assert!(!store.is_revoked(&realm(), "token").await.unwrap());
}

/// RFC 7523 section 3, the `jti` of a client assertion.
pub async fn uses_once_until_it_expires(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let once = |kind: &str, key: &str, seconds| Change::UseOnce {
        kind: kind.to_owned(),
        key: key.to_owned(),
        expires_at: after(at, seconds),
    };
    done(
        &*store,
        vec![once("assertion", "a", 60), once("request", "a", 60)],
    )
    .await;
    assert_eq!(
        refusal(&*store, once("assertion", "a", 90)).await,
        Refusal::AlreadyUsed
    );
    done(&*store, vec![once("assertion", "\0'\u{10FFFF}", 60)]).await;
    let twice = vec![once("assertion", "b", 60), once("assertion", "b", 60)];
    assert_eq!(refused(&*store, twice).await, (1, Refusal::AlreadyUsed));
    store.set_clock_offset(offset(61));
    done(&*store, vec![once("assertion", "a", 120)]).await;
    assert_eq!(
        refusal(&*store, once("assertion", "a", 120)).await,
        Refusal::AlreadyUsed
    );
}

pub async fn remembers_consents(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    let first = consent(1, &["openid", "profile"], at);
    done(
        &*store,
        vec![person(1, at), Change::PutConsent(first.clone())],
    )
    .await;
    let stored = store.consent(&realm(), &sub(1), &client()).await.unwrap();
    assert_eq!(stored, Some(first));
    let second = consent(1, &["openid"], after(at, 7));
    let other = ConsentRow {
        client: "other".into(),
        ..second.clone()
    };
    let changes = vec![
        Change::PutConsent(second.clone()),
        Change::PutConsent(other.clone()),
    ];
    done(&*store, changes).await;
    let expected = ConsentRow {
        granted_at: at,
        ..second
    };
    let all = store.consents_of(&realm(), &sub(1)).await.unwrap();
    assert_eq!(all, [expected, other]);
    let delete = Change::DeleteConsent {
        sub: sub(1),
        client: client(),
    };
    done(&*store, vec![delete.clone(), delete]).await;
    let stored = store.consent(&realm(), &sub(1), &client()).await.unwrap();
    assert_eq!(stored, None);
    assert_eq!(store.consents_of(&realm(), &sub(1)).await.unwrap().len(), 1);
}

/// All or nothing, wherever in the list the refusal is.
pub async fn refuses_all_when_it_refuses_one(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, vec![]).await;
    for position in [0, 5, everything(1, at).len()] {
        let mut changes = everything(1, at);
        changes.insert(position, redeem(77, at));
        assert_eq!(
            refused(&*store, changes).await,
            (position, Refusal::Unknown)
        );
        for table in crate::tables::TABLES {
            if table.name != "meta" {
                let rows = fixture.dump(table.name).await;
                assert!(rows.is_empty(), "{}: {rows:?}", table.name);
            }
        }
    }
    done(&*store, everything(1, at)).await;
}
