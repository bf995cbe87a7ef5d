//! Every key begins with the realm id: nothing is found or changed across realms.

use std::time::Duration;

use realmwright_snapshot::RealmId;

use super::samples::*;
use super::{Fixture, done, done_in, realm};
use crate::{Change, EventQuery, LoginRow, Outcome, Store, SubjectQuery};

fn other() -> RealmId {
    RealmId::from("acme.people2")
}

/// Everything that the reads find of person 1 in a realm, as text.
async fn found(store: &dyn Store, realm: &RealmId) -> Vec<String> {
    let mut found = Vec::new();
    macro_rules! look {
        (one $read:expr) => {
            found.extend($read.await.unwrap().map(|row| format!("{row:?}")))
        };
        (all $read:expr) => {
            found.extend($read.await.unwrap().iter().map(|row| format!("{row:?}")))
        };
    }
    look!(one store.subject(realm, &sub(1)));
    look!(one store.person(realm, &sub(1)));
    look!(one store.subject_by_store_key(realm, "internal", "key-1"));
    look!(all store.lookup(realm, &key("email", "person1@example.com"), 10));
    for keys in [vec![], vec![key("city", "kyiv")]] {
        let query = SubjectQuery {
            attributes: keys,
            limit: 10,
            ..SubjectQuery::default()
        };
        found.extend(
            store
                .search(realm, &query)
                .await
                .unwrap()
                .items
                .iter()
                .map(|row| format!("{row:?}")),
        );
    }
    look!(all store.attributes(realm, &sub(1)));
    look!(all store.credentials(realm, &sub(1)));
    look!(all store.roles(realm, &sub(1)));
    look!(all store.groups(realm, &sub(1)));
    look!(one store.login(realm, &login_id(1)));
    look!(one store.session(realm, &session_id(1)));
    look!(all store.authentications(realm, &session_id(1)));
    look!(all store.session_clients(realm, &session_id(1)));
    look!(all store.sessions_of(realm, &sub(1)));
    look!(one store.code(realm, &hash(2, 1)));
    look!(one store.grant(realm, &grant_id(1)));
    look!(one store.standing(realm, &grant_id(1)));
    let presented = store.presented(realm, &grant_id(1), "jti-1").await.unwrap();
    found.extend(presented.standing.map(|standing| format!("{standing:?}")));
    if presented.revoked {
        found.push("revoked".to_owned());
    }
    look!(one store.refresh_token(realm, &hash(3, 1)));
    look!(one store.access_token(realm, &hash(4, 1)));
    if store.is_revoked(realm, "jti-1").await.unwrap() {
        found.push("revoked".to_owned());
    }
    look!(one store.consent(realm, &sub(1), &client()));
    look!(all store.consents_of(realm, &sub(1)));
    look!(all store.grants_of(realm, &sub(1)));
    look!(one store.denial(realm, &denial_id(1)));
    look!(all store.denials_of(realm, &sub(1)));
    look!(one store.attempts(realm, &attempt_key(&sub(1).0)));
    for subject in [None, Some(sub(1))] {
        let query = EventQuery {
            subject,
            limit: 10,
            after: None,
        };
        found.extend(
            store
                .events(realm, &query)
                .await
                .unwrap()
                .items
                .iter()
                .map(|row| format!("{row:?}")),
        );
    }
    look!(all store.export(realm, &sub(1)));
    found
}

pub async fn finds_nothing_across_realms(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, everything(1, at)).await;
    let here = found(&*store, &realm()).await;
    assert!(here.len() > 30, "the test looks everywhere: {}", here.len());
    for realm in ["acme.people2", "acme.peopl", "ACME.people", "", "%"] {
        let there = found(&*store, &RealmId::from(realm)).await;
        assert!(there.is_empty(), "{realm:?}: {there:?}");
    }
    // The same ids may live in two realms without knowing of each other.
    done_in(&*store, &other(), everything(1, at)).await;
    assert_eq!(found(&*store, &realm()).await, here);
    assert_eq!(found(&*store, &other()).await.len(), here.len());
}

/// Each change is tried from another realm, with the ids of this one.
pub async fn changes_nothing_across_realms(fixture: &impl Fixture) {
    let store = fixture.store();
    let at = clock(&*store).await;
    done(&*store, everything(1, at)).await;
    let before = found(&*store, &realm()).await;
    let later = after(at, 9);
    let attempt = || attempt_key(&sub(1).0);
    let foreign = vec![
        Change::UpdateAttributes {
            sub: sub(1),
            version: 1,
            set: attributes(&[("email", text("stolen"))]),
            remove: vec!["city".into()],
            lookup: vec![],
            at: later,
        },
        Change::SetSubjectState {
            sub: sub(1),
            state: crate::SubjectState::Locked,
            at: later,
        },
        Change::SetRequiredFactors {
            sub: sub(1),
            required_factors: 2,
            at: later,
        },
        Change::SetRoles {
            sub: sub(1),
            roles: vec![],
        },
        Change::SetRoles {
            sub: sub(1),
            roles: vec!["admin".to_owned()],
        },
        Change::SetGroups {
            sub: sub(1),
            groups: vec![],
        },
        Change::EraseSubject { sub: sub(1) },
        Change::InsertCredential(credential(2, 1, at)),
        Change::UpdateCredential(credential(1, 1, at)),
        Change::DeleteCredential {
            sub: sub(1),
            id: credential_id(1),
        },
        Change::DeleteCredentials {
            sub: sub(1),
            kind: "password".to_owned(),
        },
        Change::SaveLogin(LoginRow {
            version: 1,
            ..login(1, at)
        }),
        Change::FinishLogin {
            id: login_id(1),
            version: 1,
        },
        Change::TouchSession {
            id: session_id(1),
            secret: None,
            at: later,
            idle_expires_at: later,
            address: None,
            claims: claims(serde_json::json!({})),
            authentications: vec![],
        },
        Change::EndSession {
            id: session_id(1),
            at: later,
        },
        Change::EndSessionsOf {
            sub: sub(1),
            except: None,
            at: later,
        },
        Change::PutSessionClient(session_client(1, later)),
        Change::InsertGrant(session_grant(2, 1, 1, at)),
        Change::EndGrant {
            id: grant_id(1),
            at: later,
        },
        Change::EndGrantsOf {
            sub: sub(1),
            client: None,
            at: later,
        },
        Change::ConsumeCode {
            hash: hash(2, 1),
            at: later,
        },
        Change::InsertCode(code(2, 1, at)),
        Change::ConsumeRefreshToken {
            hash: hash(3, 1),
            at: later,
            successor: vec![],
        },
        Change::InsertRefreshToken(refresh_token(2, 1, at)),
        Change::InsertAccessToken(access_token(2, Some(1), at)),
        Change::DeleteAccessToken { hash: hash(4, 1) },
        Change::PutConsent(consent(1, &[], later)),
        Change::DeleteConsent {
            sub: sub(1),
            client: client(),
        },
        Change::ResetAttempts { key: attempt() },
        Change::UncountAttempt { key: attempt() },
        Change::CountAttempt {
            key: attempt(),
            limit: 1,
            window: Duration::from_secs(60),
            bar: Duration::from_secs(60),
        },
    ];
    for change in foreign {
        let said = format!("{change:?}");
        let outcome = store.commit(&other(), vec![change]).await.unwrap();
        let after = found(&*store, &realm()).await;
        assert_eq!(after, before, "{said}: {outcome:?}");
        if let Outcome::Refused { reason, .. } = outcome {
            let known = matches!(
                reason,
                crate::Refusal::Unknown | crate::Refusal::Stale | crate::Refusal::Ended
            );
            assert!(known, "{said}: {reason:?}");
        }
    }
    store
        .complete_outbox(&other(), &outbox_id(1))
        .await
        .unwrap();
    store
        .release_outbox(&other(), &outbox_id(1), None, "no")
        .await
        .unwrap();
    let leased = store
        .claim_outbox(&[realm()], 10, Duration::from_secs(9))
        .await
        .unwrap();
    assert_eq!(leased, [message(1, 1)]);
}
