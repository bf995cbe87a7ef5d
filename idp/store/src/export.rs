//! Everything about one person as JSON, composed of the reads that every database has.
//!
//! Secrets (password hashes, seeds, cookie and token hashes) are left out by construction: each
//! row is taken apart here without `..`, so that a new field is decided upon.

use realmwright_snapshot::RealmId;
use serde_json::{Map, Value, json};

use crate::rows::{
    AuthenticationRow, ConsentRow, CredentialRow, DenialRow, EventRow, GrantRow, SessionClientRow,
    SessionRow, StoredAttribute, SubjectId, SubjectRow,
};
use crate::{Denials, EventQuery, Events, Grants, Result, Sessions, Subjects, values};

const PAGE: u32 = 500;

/// What [`crate::PersonalData::export`] answers; empty for an unknown person without audit.
///
/// # Errors
/// Those of the reads.
pub async fn collect<S>(store: &S, realm: &RealmId, sub: &SubjectId) -> Result<Map<String, Value>>
where
    S: Subjects + Sessions + Grants + Denials + Events + ?Sized,
{
    let mut tables = Map::new();
    let mut put = |table: &str, rows: Vec<Value>| {
        if !rows.is_empty() {
            tables.insert(table.to_owned(), Value::Array(rows));
        }
    };

    put(
        "subjects",
        store
            .subject(realm, sub)
            .await?
            .map(subject)
            .into_iter()
            .collect(),
    );
    let attributes = store.attributes(realm, sub).await?;
    put(
        "attributes",
        attributes
            .iter()
            .map(|(name, stored)| attribute(name.as_str(), stored))
            .collect(),
    );
    put(
        "credentials",
        map(store.credentials(realm, sub).await?, credential),
    );
    put(
        "subject_roles",
        map(
            store.roles(realm, sub).await?,
            |role| json!({ "role": role }),
        ),
    );
    put(
        "subject_groups",
        map(
            store.groups(realm, sub).await?,
            |path| json!({ "path": path }),
        ),
    );

    let mut sessions = Vec::new();
    let mut authentications = Vec::new();
    let mut session_clients = Vec::new();
    for row in store.sessions_of(realm, sub).await? {
        authentications.extend(map(
            store.authentications(realm, &row.id).await?,
            authentication,
        ));
        session_clients.extend(map(
            store.session_clients(realm, &row.id).await?,
            session_client,
        ));
        sessions.push(session(row));
    }
    put("sessions", sessions);
    put("authentications", authentications);
    put("session_clients", session_clients);

    put("grants", map(store.grants_of(realm, sub).await?, grant));
    put(
        "consents",
        map(store.consents_of(realm, sub).await?, consent),
    );
    put("denials", map(store.denials_of(realm, sub).await?, denial));
    put("events", map(all_events(store, realm, sub).await?, event));
    Ok(tables)
}

async fn all_events<S>(store: &S, realm: &RealmId, sub: &SubjectId) -> Result<Vec<EventRow>>
where
    S: Events + ?Sized,
{
    let mut query = EventQuery {
        subject: Some(sub.clone()),
        limit: PAGE,
        after: None,
    };
    let mut rows = Vec::new();
    loop {
        let page = store.events(realm, &query).await?;
        rows.extend(page.items);
        if page.next.is_none() {
            return Ok(rows);
        }
        query.after = page.next;
    }
}

fn map<T>(rows: Vec<T>, to_json: impl Fn(T) -> Value) -> Vec<Value> {
    rows.into_iter().map(to_json).collect()
}

fn subject(row: SubjectRow) -> Value {
    let SubjectRow {
        sub,
        store,
        store_key,
        state,
        required_factors,
        created_at,
        updated_at,
        version: _,
    } = row;
    json!({
        "sub": sub,
        "store": store,
        "storeKey": store_key,
        "state": state,
        "requiredFactors": required_factors,
        "createdAt": created_at,
        "updatedAt": updated_at,
    })
}

fn attribute(name: &str, stored: &StoredAttribute) -> Value {
    let StoredAttribute { value, class } = stored;
    let (_, value) = values::to_stored(value);
    json!({ "name": name, "value": value, "class": class.as_str() })
}

fn credential(row: CredentialRow) -> Value {
    let CredentialRow {
        id,
        sub: _,
        kind,
        label,
        secret: _,
        state: _,
        created_at,
        last_used_at,
        version: _,
    } = row;
    json!({
        "id": id,
        "kind": kind,
        "label": label,
        "createdAt": created_at,
        "lastUsedAt": last_used_at,
    })
}

fn session(row: SessionRow) -> Value {
    let SessionRow {
        id,
        sub: _,
        secret: _,
        user_agent,
        address,
        claims,
        created_at,
        last_used_at,
        idle_expires_at,
        expires_at,
    } = row;
    json!({
        "id": id,
        "userAgent": user_agent,
        "address": address,
        "claims": claims,
        "createdAt": created_at,
        "lastUsedAt": last_used_at,
        "idleExpiresAt": idle_expires_at,
        "expiresAt": expires_at,
    })
}

fn authentication(row: AuthenticationRow) -> Value {
    let AuthenticationRow {
        session,
        method,
        amr,
        factor,
        at,
    } = row;
    json!({ "session": session, "method": method, "amr": amr, "factor": factor, "at": at })
}

fn session_client(row: SessionClientRow) -> Value {
    let SessionClientRow {
        session,
        client,
        protocol,
        reference,
        first_at,
        last_at,
    } = row;
    json!({
        "session": session,
        "client": client,
        "protocol": protocol,
        "reference": reference,
        "firstAt": first_at,
        "lastAt": last_at,
    })
}

fn grant(row: GrantRow) -> Value {
    let GrantRow {
        id,
        sub: _,
        session,
        client,
        scopes,
        resource,
        authorization_details,
        claims,
        cnf: _,
        nonce: _,
        auth_time,
        acr,
        amr,
        created_at,
        expires_at,
        ended_at,
    } = row;
    json!({
        "id": id,
        "session": session,
        "client": client,
        "scopes": scopes,
        "resource": resource,
        "authorizationDetails": authorization_details,
        "claims": claims,
        "authTime": auth_time,
        "acr": acr,
        "amr": amr,
        "createdAt": created_at,
        "expiresAt": expires_at,
        "endedAt": ended_at,
    })
}

fn consent(row: ConsentRow) -> Value {
    let ConsentRow {
        sub: _,
        client,
        scopes,
        granted_at,
        updated_at,
    } = row;
    json!({
        "client": client,
        "scopes": scopes,
        "grantedAt": granted_at,
        "updatedAt": updated_at,
    })
}

fn denial(row: DenialRow) -> Value {
    let DenialRow {
        id,
        at,
        subject: _,
        client,
        digest,
        class,
        record,
        expires_at,
    } = row;
    json!({
        "id": id,
        "at": at,
        "client": client,
        "digest": digest,
        "class": class.as_str(),
        "record": record,
        "expiresAt": expires_at,
    })
}

fn event(row: EventRow) -> Value {
    let EventRow {
        id,
        at,
        kind,
        subject: _,
        client,
        fields,
    } = row;
    json!({ "id": id, "at": at, "kind": kind, "client": client, "fields": fields })
}
