//! Rows to test with. Times are relative to the database clock.

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use realmwright_snapshot::{
    AttributeName, AttributeValue, ClientId, DataClass, MethodName, ScopeName,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    AccessTokenRow, AttemptKey, AuthenticationRow, Change, CodeRow, ConsentRow, CredentialId,
    CredentialRow, DenialId, DenialRow, EventRow, GrantId, GrantRow, LoginId, LoginRow, LookupKey,
    OutboxId, OutboxRow, RefreshTokenRow, SessionClientRow, SessionId, SessionRow, Store,
    StoredAttribute, StoredAttributes, SubjectId, SubjectRow, SubjectState, TokenHash,
};

/// Whose sample it is: numbers make the rows of different people and tokens differ.
pub type Number = u64;

/// The database clock.
pub async fn clock(store: &dyn Store) -> Timestamp {
    store.now().await.unwrap()
}

/// `seconds` after `at`.
pub fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at + seconds.seconds()
}

/// An offset for [`Store::set_clock_offset`].
pub fn offset(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn id(kind: u64, number: Number) -> Uuid {
    Uuid::from_u64_pair(kind, number)
}

pub fn sub(number: Number) -> SubjectId {
    SubjectId(format!("subject-{number}"))
}

pub fn client() -> ClientId {
    ClientId::from("demo")
}

pub fn session_id(number: Number) -> SessionId {
    SessionId(id(1, number))
}

pub fn grant_id(number: Number) -> GrantId {
    GrantId(id(2, number))
}

pub fn login_id(number: Number) -> LoginId {
    LoginId(id(3, number))
}

pub fn credential_id(number: Number) -> CredentialId {
    CredentialId(id(4, number))
}

pub fn event_id(number: Number) -> Uuid {
    id(5, number)
}

pub fn outbox_id(number: Number) -> OutboxId {
    OutboxId(id(6, number))
}

/// A token hash that is recognisable in a dump as little as a real one.
pub fn hash(kind: u8, number: Number) -> TokenHash {
    let mut bytes = [kind; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    TokenHash(bytes)
}

pub fn subject(number: Number, at: Timestamp) -> SubjectRow {
    SubjectRow {
        sub: sub(number),
        store: "internal".to_owned(),
        store_key: format!("key-{number}"),
        state: SubjectState::Active,
        required_factors: 0,
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

pub fn text(value: &str) -> AttributeValue {
    AttributeValue::String(value.to_owned())
}

pub fn classed(value: AttributeValue, class: DataClass) -> StoredAttribute {
    StoredAttribute { value, class }
}

pub fn personal(value: AttributeValue) -> StoredAttribute {
    classed(value, DataClass::Personal)
}

/// Attributes of the class that holds where none is declared.
pub fn attributes(pairs: &[(&str, AttributeValue)]) -> StoredAttributes {
    pairs
        .iter()
        .map(|(name, value)| (AttributeName::from(*name), personal(value.clone())))
        .collect()
}

pub fn key(attribute: &str, value: &str) -> LookupKey {
    LookupKey::new(attribute.into(), value.to_owned())
}

/// A person with an e-mail address that is unique, and a city that is not.
pub fn person(number: Number, at: Timestamp) -> Change {
    let email = format!("person{number}@example.com");
    Change::InsertSubject {
        subject: subject(number, at),
        attributes: attributes(&[("email", text(&email)), ("city", text("Kyiv"))]),
        lookup: vec![(key("email", &email), true), (key("city", "kyiv"), false)],
    }
}

pub fn credential(number: Number, whose: Number, at: Timestamp) -> CredentialRow {
    CredentialRow {
        id: credential_id(number),
        sub: sub(whose),
        kind: "password".to_owned(),
        label: "Password".to_owned(),
        secret: "$argon2id$planted-secret".to_owned(),
        state: json!({ "must_change": false }),
        created_at: at,
        last_used_at: None,
        version: 1,
    }
}

pub fn login(number: Number, at: Timestamp) -> LoginRow {
    LoginRow {
        id: login_id(number),
        sub: None,
        state: json!({ "format": 1, "passed": [] }),
        revision: 7,
        version: 0,
        expires_at: after(at, 1800),
    }
}

pub fn claims(pairs: Value) -> Map<String, Value> {
    match pairs {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

pub fn session(number: Number, whose: Number, at: Timestamp) -> SessionRow {
    SessionRow {
        id: session_id(number),
        sub: sub(whose),
        secret: hash(1, number),
        user_agent: Some("Browser/1.0".to_owned()),
        address: Some("203.0.113.7".to_owned()),
        claims: claims(json!({ "grps": ["a"] })),
        created_at: at,
        last_used_at: at,
        idle_expires_at: after(at, 1800),
        expires_at: after(at, 36_000),
    }
}

pub fn authentication(number: Number, method: &str, at: Timestamp) -> AuthenticationRow {
    AuthenticationRow {
        session: session_id(number),
        method: MethodName::from(method),
        amr: "pwd".to_owned(),
        factor: 1,
        at,
    }
}

/// A session that was begun with a password.
pub fn begin_session(number: Number, whose: Number, at: Timestamp) -> Change {
    Change::InsertSession {
        session: session(number, whose, at),
        authentications: vec![authentication(number, "password", at)],
    }
}

pub fn session_client(number: Number, at: Timestamp) -> SessionClientRow {
    SessionClientRow {
        session: session_id(number),
        client: client(),
        protocol: "oidc".to_owned(),
        reference: format!("sid-{number}"),
        first_at: at,
        last_at: at,
    }
}

/// A grant of a person, without a session.
pub fn grant(number: Number, whose: Number, at: Timestamp) -> GrantRow {
    GrantRow {
        id: grant_id(number),
        sub: Some(sub(whose)),
        session: None,
        client: client(),
        scopes: vec![ScopeName::from("openid"), ScopeName::from("profile")],
        resource: vec!["https://api.example.com".to_owned()],
        authorization_details: json!([]),
        claims: Value::Null,
        cnf: None,
        nonce: Some("n-0S6".to_owned()),
        auth_time: Some(at),
        acr: Some("1".to_owned()),
        amr: vec!["pwd".to_owned()],
        created_at: at,
        expires_at: after(at, 36_000),
        ended_at: None,
    }
}

/// A grant that depends on a session.
pub fn session_grant(number: Number, whose: Number, of: Number, at: Timestamp) -> GrantRow {
    GrantRow {
        session: Some(session_id(of)),
        ..grant(number, whose, at)
    }
}

pub fn code(number: Number, of: Number, at: Timestamp) -> CodeRow {
    CodeRow {
        hash: hash(2, number),
        grant: grant_id(of),
        redirect_uri: Some("https://app.example.com/callback".to_owned()),
        code_challenge: Some("E9Melhoa2Ow".to_owned()),
        expires_at: after(at, 60),
        used_at: None,
    }
}

pub fn refresh_token(number: Number, of: Number, at: Timestamp) -> RefreshTokenRow {
    RefreshTokenRow {
        hash: hash(3, number),
        grant: grant_id(of),
        expires_at: after(at, 1800),
        used_at: None,
        successor: None,
    }
}

pub fn access_token(number: Number, of: Option<Number>, at: Timestamp) -> AccessTokenRow {
    AccessTokenRow {
        hash: hash(4, number),
        grant: of.map(grant_id),
        client: client(),
        claims: claims(json!({ "scope": "openid", "exp": 1.5e9 })),
        expires_at: after(at, 300),
    }
}

pub fn consent(whose: Number, scopes: &[&str], at: Timestamp) -> ConsentRow {
    ConsentRow {
        sub: sub(whose),
        client: client(),
        scopes: scopes.iter().map(|scope| ScopeName::from(*scope)).collect(),
        granted_at: at,
        updated_at: at,
    }
}

pub fn attempt_key(key: &str) -> AttemptKey {
    AttemptKey {
        purpose: "password".to_owned(),
        key: key.to_owned(),
    }
}

pub fn event(number: Number, whose: Number, at: Timestamp) -> EventRow {
    EventRow {
        id: event_id(number),
        at,
        kind: "login_succeeded".to_owned(),
        subject: Some(sub(whose)),
        client: Some(client()),
        fields: claims(json!({ "address": "203.0.113.7" })),
    }
}

pub fn message(number: Number, whose: Number) -> OutboxRow {
    OutboxRow {
        realm: super::realm(),
        id: outbox_id(number),
        target: "log".to_owned(),
        subject: Some(sub(whose)),
        payload: json!({ "text": format!("message {number}") }),
        attempts: 0,
    }
}

/// One row about a person in every table that can hold one, under `number`.
pub fn denial_id(number: Number) -> DenialId {
    DenialId(format!("0000-0000-{number:04}"))
}

/// Why somebody was refused, kept for a month.
pub fn denial(number: Number, who: Option<Number>, at: Timestamp) -> DenialRow {
    DenialRow {
        id: denial_id(number),
        at,
        subject: who.map(sub),
        client: client(),
        digest: "00ff".to_owned(),
        class: DataClass::Personal,
        record: claims(json!({ "by": "flow", "rule": { "truth": "true" } })),
        expires_at: after(at, 86_400),
    }
}

pub fn everything(number: Number, at: Timestamp) -> Vec<Change> {
    vec![
        person(number, at),
        Change::SetRoles {
            sub: sub(number),
            roles: vec!["member".to_owned(), "demo:editor".to_owned()],
        },
        Change::SetGroups {
            sub: sub(number),
            groups: vec!["/Staff".to_owned()],
        },
        Change::InsertCredential(credential(number, number, at)),
        Change::SaveLogin(LoginRow {
            sub: Some(sub(number)),
            ..login(number, at)
        }),
        begin_session(number, number, at),
        Change::PutSessionClient(session_client(number, at)),
        Change::InsertGrant(session_grant(number, number, number, at)),
        Change::InsertCode(code(number, number, at)),
        Change::InsertRefreshToken(refresh_token(number, number, at)),
        Change::InsertAccessToken(access_token(number, Some(number), at)),
        Change::PutConsent(consent(number, &["openid"], at)),
        Change::CountAttempt {
            key: attempt_key(&sub(number).0),
            limit: 5,
            window: std::time::Duration::from_secs(900),
            bar: std::time::Duration::from_secs(60),
        },
        Change::UseOnce {
            kind: "login_request".to_owned(),
            key: format!("once-{number}"),
            expires_at: after(at, 60),
        },
        Change::RevokeJti {
            jti: format!("jti-{number}"),
            expires_at: after(at, 60),
        },
        Change::RecordDenial(denial(number, Some(number), at)),
        Change::RecordEvent(event(number, number, at)),
        Change::Enqueue(message(number, number)),
    ]
}
