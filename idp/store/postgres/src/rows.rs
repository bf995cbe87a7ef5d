//! From database rows to the rows of the contract.

use jiff::Timestamp;
use realmwright_snapshot::{
    AttributeName, ClientId, Country, DataClass, InstanceName, MethodName, RealmId, RegionName,
};
use realmwright_store::{
    AccessTokenRow, AttemptRow, AuthenticationRow, CodeRow, ConsentRow, CredentialId,
    CredentialRow, DenialId, DenialRow, EventRow, GrantId, GrantRow, LoginId, LoginRow, OutboxId,
    OutboxRow, Owner, RefreshTokenRow, Result, SessionClientRow, SessionId, SessionRow, StoreError,
    StoredAttribute, SubjectId, SubjectRow, SubjectState, TokenHash, values,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{ColumnIndex, Decode, Postgres, Row, Type, postgres::PgRow};
use uuid::Uuid;

use crate::error::{OnTable as _, inconsistent};

/// A row with the name of its table, for errors.
pub(crate) struct Columns<'r> {
    table: &'static str,
    row: &'r PgRow,
}

impl<'r> Columns<'r> {
    pub(crate) const fn new(table: &'static str, row: &'r PgRow) -> Self {
        Self { table, row }
    }

    pub(crate) fn get<T>(&self, column: &'static str) -> Result<T>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
        &'static str: ColumnIndex<PgRow>,
    {
        self.row.try_get(column).reading(self.table)
    }

    fn json<T: DeserializeOwned + 'r>(&self, column: &'static str) -> Result<T> {
        let Json(value) = self.get(column)?;
        Ok(value)
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp> {
        self.timestamp(column, self.get(column)?)
    }

    pub(crate) fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>> {
        let micros: Option<i64> = self.get(column)?;
        micros
            .map(|micros| self.timestamp(column, micros))
            .transpose()
    }

    fn timestamp(&self, column: &'static str, micros: i64) -> Result<Timestamp> {
        Timestamp::from_microsecond(micros).map_err(|_| self.wrong(column))
    }

    pub(crate) fn count<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T> {
        let number: i64 = self.get(column)?;
        T::try_from(number).map_err(|_| self.wrong(column))
    }

    fn hash(&self, column: &'static str) -> Result<TokenHash> {
        let bytes: &[u8] = self.get(column)?;
        bytes
            .try_into()
            .map(TokenHash)
            .map_err(|_| self.wrong(column))
    }

    fn wrong(&self, column: &str) -> StoreError {
        inconsistent(self.table, &format!("column {column}"))
    }
}

pub(crate) fn subject(row: &PgRow) -> Result<SubjectRow> {
    let columns = Columns::new("subjects", row);
    let state = match columns.get("state")? {
        "active" => SubjectState::Active,
        "locked" => SubjectState::Locked,
        _ => return Err(columns.wrong("state")),
    };
    Ok(SubjectRow {
        sub: SubjectId(columns.get("sub")?),
        store: columns.get("store")?,
        store_key: columns.get("store_key")?,
        state,
        required_factors: columns.count("required_factors")?,
        created_at: columns.time("created_at")?,
        updated_at: columns.time("updated_at")?,
        version: columns.get("version")?,
    })
}

pub(crate) const fn state_name(state: SubjectState) -> &'static str {
    match state {
        SubjectState::Active => "active",
        SubjectState::Locked => "locked",
    }
}

pub(crate) fn attribute(row: &PgRow) -> Result<(AttributeName, StoredAttribute)> {
    let columns = Columns::new("attributes", row);
    let name: String = columns.get("name")?;
    let attribute = StoredAttribute {
        value: values::from_stored(columns.get("kind")?, columns.json("value")?)?,
        class: DataClass::named(columns.get("class")?).ok_or_else(|| columns.wrong("class"))?,
    };
    Ok((AttributeName::new(name), attribute))
}

pub(crate) fn credential(row: &PgRow) -> Result<CredentialRow> {
    let columns = Columns::new("credentials", row);
    Ok(CredentialRow {
        id: CredentialId(columns.get("id")?),
        sub: SubjectId(columns.get("sub")?),
        kind: columns.get("kind")?,
        label: columns.get("label")?,
        secret: columns.get("secret")?,
        state: columns.json("state")?,
        created_at: columns.time("created_at")?,
        last_used_at: columns.optional_time("last_used_at")?,
        version: columns.get("version")?,
    })
}

pub(crate) fn login(row: &PgRow) -> Result<LoginRow> {
    let columns = Columns::new("logins", row);
    let sub: Option<String> = columns.get("sub")?;
    Ok(LoginRow {
        id: LoginId(columns.get("id")?),
        sub: sub.map(SubjectId),
        state: columns.json("state")?,
        revision: columns.count("revision")?,
        version: columns.get("version")?,
        expires_at: columns.time("expires_at")?,
    })
}

pub(crate) fn session(row: &PgRow) -> Result<SessionRow> {
    let columns = Columns::new("sessions", row);
    Ok(SessionRow {
        id: SessionId(columns.get("id")?),
        sub: SubjectId(columns.get("sub")?),
        secret: columns.hash("secret")?,
        user_agent: columns.get("user_agent")?,
        address: columns.get("address")?,
        claims: columns.json("claims")?,
        created_at: columns.time("created_at")?,
        last_used_at: columns.time("last_used_at")?,
        idle_expires_at: columns.time("idle_expires_at")?,
        expires_at: columns.time("expires_at")?,
    })
}

pub(crate) fn authentication(row: &PgRow) -> Result<AuthenticationRow> {
    let columns = Columns::new("authentications", row);
    let method: String = columns.get("method")?;
    Ok(AuthenticationRow {
        session: SessionId(columns.get("session_id")?),
        method: MethodName::new(method),
        amr: columns.get("amr")?,
        factor: columns.count("factor")?,
        at: columns.time("at")?,
    })
}

pub(crate) fn session_client(row: &PgRow) -> Result<SessionClientRow> {
    let columns = Columns::new("session_clients", row);
    let client: String = columns.get("client")?;
    Ok(SessionClientRow {
        session: SessionId(columns.get("session_id")?),
        client: ClientId::new(client),
        protocol: columns.get("protocol")?,
        reference: columns.get("reference")?,
        first_at: columns.time("first_at")?,
        last_at: columns.time("last_at")?,
    })
}

pub(crate) fn grant(row: &PgRow) -> Result<GrantRow> {
    let columns = Columns::new("grants", row);
    let sub: Option<String> = columns.get("sub")?;
    let session: Option<Uuid> = columns.get("session_id")?;
    let client: String = columns.get("client")?;
    let cnf: Option<Json<Value>> = columns.get("cnf")?;
    Ok(GrantRow {
        id: GrantId(columns.get("id")?),
        sub: sub.map(SubjectId),
        session: session.map(SessionId),
        client: ClientId::new(client),
        scopes: columns.json("scopes")?,
        resource: columns.json("resource")?,
        authorization_details: columns.json("authorization_details")?,
        claims: columns.json("claims")?,
        cnf: cnf.map(|Json(value)| value),
        nonce: columns.get("nonce")?,
        auth_time: columns.optional_time("auth_time")?,
        acr: columns.get("acr")?,
        amr: columns.json("amr")?,
        created_at: columns.time("created_at")?,
        expires_at: columns.time("expires_at")?,
        ended_at: columns.optional_time("ended_at")?,
    })
}

pub(crate) fn code(row: &PgRow) -> Result<CodeRow> {
    let columns = Columns::new("codes", row);
    Ok(CodeRow {
        hash: columns.hash("hash")?,
        grant: GrantId(columns.get("grant_id")?),
        redirect_uri: columns.get("redirect_uri")?,
        code_challenge: columns.get("code_challenge")?,
        expires_at: columns.time("expires_at")?,
        used_at: columns.optional_time("used_at")?,
    })
}

pub(crate) fn refresh_token(row: &PgRow) -> Result<RefreshTokenRow> {
    let columns = Columns::new("refresh_tokens", row);
    Ok(RefreshTokenRow {
        hash: columns.hash("hash")?,
        grant: GrantId(columns.get("grant_id")?),
        expires_at: columns.time("expires_at")?,
        used_at: columns.optional_time("used_at")?,
        successor: columns.get("successor")?,
    })
}

pub(crate) fn access_token(row: &PgRow) -> Result<AccessTokenRow> {
    let columns = Columns::new("access_tokens", row);
    let grant: Option<Uuid> = columns.get("grant_id")?;
    let client: String = columns.get("client")?;
    Ok(AccessTokenRow {
        hash: columns.hash("hash")?,
        grant: grant.map(GrantId),
        client: ClientId::new(client),
        claims: columns.json("claims")?,
        expires_at: columns.time("expires_at")?,
    })
}

pub(crate) fn consent(row: &PgRow) -> Result<ConsentRow> {
    let columns = Columns::new("consents", row);
    let client: String = columns.get("client")?;
    Ok(ConsentRow {
        sub: SubjectId(columns.get("sub")?),
        client: ClientId::new(client),
        scopes: columns.json("scopes")?,
        granted_at: columns.time("granted_at")?,
        updated_at: columns.time("updated_at")?,
    })
}

pub(crate) fn attempt(row: &PgRow) -> Result<AttemptRow> {
    let columns = Columns::new("attempts", row);
    Ok(AttemptRow {
        count: columns.count("count")?,
        locked_until: columns.optional_time("locked_until")?,
        expires_at: columns.time("expires_at")?,
    })
}

pub(crate) fn event(row: &PgRow) -> Result<EventRow> {
    let columns = Columns::new("events", row);
    let subject: Option<String> = columns.get("subject")?;
    let client: Option<String> = columns.get("client")?;
    Ok(EventRow {
        id: columns.get("id")?,
        at: columns.time("at")?,
        kind: columns.get("kind")?,
        subject: subject.map(SubjectId),
        client: client.map(ClientId::new),
        fields: columns.json("fields")?,
    })
}

pub(crate) fn denial(row: &PgRow) -> Result<DenialRow> {
    let columns = Columns::new("denials", row);
    let subject: Option<String> = columns.get("subject")?;
    let client: String = columns.get("client")?;
    Ok(DenialRow {
        id: DenialId(columns.get("id")?),
        at: columns.time("at")?,
        subject: subject.map(SubjectId),
        client: ClientId::new(client),
        digest: columns.get("digest")?,
        class: DataClass::named(columns.get("class")?).ok_or_else(|| columns.wrong("class"))?,
        record: columns.json("record")?,
        expires_at: columns.time("expires_at")?,
    })
}

pub(crate) fn outbox(row: &PgRow) -> Result<OutboxRow> {
    let columns = Columns::new("outbox", row);
    let realm: String = columns.get("realm")?;
    let subject: Option<String> = columns.get("subject")?;
    Ok(OutboxRow {
        realm: RealmId::new(realm),
        id: OutboxId(columns.get("id")?),
        target: columns.get("target")?,
        subject: subject.map(SubjectId),
        payload: columns.json("payload")?,
        attempts: columns.count("attempts")?,
    })
}

/// Of a realm, how many rows of the outbox are dead.
pub(crate) fn dead_letters(row: &PgRow) -> Result<(RealmId, u32)> {
    let columns = Columns::new("outbox", row);
    let realm: String = columns.get("realm")?;
    Ok((RealmId::new(realm), columns.count("dead")?))
}

pub(crate) fn owner(row: &PgRow) -> Result<Owner> {
    let columns = Columns::new("meta", row);
    let region: String = columns.get("region")?;
    let country: String = columns.get("country")?;
    let instance: Option<String> = columns.get("instance")?;
    Ok(Owner {
        region: RegionName::new(region),
        country: Country::new(country),
        instance: instance.map(InstanceName::new),
    })
}
