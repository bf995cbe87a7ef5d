//! The store in PostgreSQL 13 or newer, for every real installation.
//!
//! - Read committed; what must happen once is one conditional statement on the row itself, and
//!   rows that depend on a person, session or grant lock it by foreign key or `FOR KEY SHARE`.
//! - Every call has limits on connecting, on each statement and on the whole; a deadlock is
//!   tried again, since the database has rolled it back. A lost connection at the end of a commit
//!   is `Unavailable`: it may or may not have happened.
//! - Serving needs only to read and write rows; `migrate` needs the right to define tables and
//!   takes an advisory lock.
//!
//! This crate must not know SQLite, HTTP or what the rows mean for a login. What both databases
//! must do alike is said and proved in `realmwright_store`; see the recipe there for a new table.
//! A change of the schema is a new file in `migrations/`.

mod clock;
mod commit;
mod connections;
mod error;
mod maintenance;
mod read;
mod rows;
#[cfg(feature = "testing")]
pub mod testing;

use std::fmt;
use std::future::Future;
use std::str::FromStr as _;
use std::time::Duration;

use jiff::SignedDuration;
use realmwright_store::{ConnectionUse, Result, Store, StoreError};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::time::timeout;

use crate::clock::Clock;
use crate::connections::Connections;
use crate::error::OnTable as _;

const UNREADABLE_URL: &str = "its URL cannot be read; it is one line like \
    postgres://user:password@host:5432/database?sslmode=verify-full";

/// Where the database is, and how long to wait for it.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=...`.
    pub url: String,
    /// Connections at most.
    pub max_connections: u32,
    /// Longest wait for a connection.
    pub acquire_timeout: Duration,
    /// Longest run of one statement, and twice that for a whole call.
    pub statement_timeout: Duration,
}

impl PostgresSettings {
    /// The usual limits: 10 connections, 5 s for a connection and 5 s for a statement.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 10,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}

/// A store in PostgreSQL.
#[derive(Debug)]
pub struct PostgresStore {
    pool: Connections,
    clock: Clock,
    acquire_timeout: Duration,
    call_timeout: Duration,
}

impl PostgresStore {
    /// Prepares the pool. Connections are made when they are needed, so that a process starts
    /// while its database is down, and says that it is not ready. To be called within a Tokio
    /// runtime.
    ///
    /// # Errors
    /// `Refused` when the URL cannot be read; the message does not quote it.
    pub fn connect(settings: &PostgresSettings) -> Result<Self> {
        let milliseconds = |duration: Duration| duration.as_millis().to_string();
        let statement = milliseconds(settings.statement_timeout);
        let transaction = milliseconds(settings.statement_timeout * 2);
        let options = parse_url(&settings.url)
            .ok_or_else(|| StoreError::Refused(UNREADABLE_URL.to_owned()))?
            .application_name("realmwright")
            .options([
                ("statement_timeout", statement.as_str()),
                ("lock_timeout", statement.as_str()),
                ("idle_in_transaction_session_timeout", transaction.as_str()),
            ]);
        let pool = Connections::new(options, settings.max_connections, settings.acquire_timeout);
        Ok(Self {
            pool,
            clock: Clock::default(),
            acquire_timeout: settings.acquire_timeout,
            call_timeout: settings.acquire_timeout + settings.statement_timeout * 2,
        })
    }

    /// Closes all connections once their statements have ended.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// One statement on `table` outside a transaction, within the time of a call.
    async fn run<T>(
        &self,
        table: &'static str,
        statement: impl Future<Output = std::result::Result<T, sqlx::Error>> + Send,
    ) -> Result<T> {
        self.within(async { statement.await.reading(table) }).await
    }

    /// A connection beside the pool, which keeps the reason to itself when it can make none.
    async fn connect_directly(&self) -> Result<PgConnection> {
        let options = self.pool.options();
        match timeout(self.acquire_timeout, options.connect()).await {
            Ok(Err(sqlx::Error::Io(source))) => Err(NoConnection::To {
                host: options.get_host().to_owned(),
                port: options.get_port(),
                source,
            }
            .into()),
            Ok(made) => made.reading("meta"),
            Err(_) => Err(NoConnection::InTime(self.acquire_timeout).into()),
        }
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        timeout(self.call_timeout, call)
            .await
            .unwrap_or_else(|late| Err(StoreError::Unavailable(Box::new(late))))
    }
}

/// The driver's parser takes any scheme and goes on over the end of a line.
fn parse_url(url: &str) -> Option<PgConnectOptions> {
    let is_ours = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    if !is_ours || url.contains(char::is_whitespace) {
        return None;
    }
    PgConnectOptions::from_str(url).ok()
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum NoConnection {
    #[error("no connection to {host}:{port}")]
    To {
        host: String,
        port: u16,
        source: std::io::Error,
    },
    #[error("no connection within {0:?}")]
    InTime(Duration),
}

impl From<NoConnection> for StoreError {
    fn from(reason: NoConnection) -> Self {
        Self::Unavailable(Box::new(reason))
    }
}

impl Store for PostgresStore {
    fn set_clock_offset(&self, offset: SignedDuration) {
        self.clock.set_offset(offset);
    }

    fn system(&self) -> &'static str {
        "postgresql"
    }

    fn connections(&self) -> ConnectionUse {
        self.pool.in_use()
    }
}
