//! The store in one SQLite file, for one-process use: `realmwright dev` and small installations.
//!
//! - WAL, one writer connection whose transactions begin with `BEGIN IMMEDIATE`, and a few
//!   read-only connections beside it.
//! - `synchronous=FULL`: a commit that was acknowledged survives loss of power. `NORMAL` would
//!   survive SIGKILL only.
//! - The database clock is that of this process.
//! - The file has mode 0600 and its directory must exist.
//!
//! This crate must not know PostgreSQL, HTTP or what the rows mean for a login. What both
//! databases must do alike is said and proved in `realmwright_store`; see the recipe there for a
//! new table. A change of the schema is a new file in `migrations/`.

mod clock;
mod commit;
mod error;
mod maintenance;
mod read;
mod rows;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use realmwright_store::{ConnectionUse, Maintenance as _, Result, Store, StoreError};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::clock::Clock;

/// How long a statement waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection: the writer serves one commit after the other, and
/// each may wait for a slow disk.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);
const READERS: u32 = 4;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be opened for writing", path.display())]
struct NoFile {
    path: PathBuf,
    source: std::io::Error,
}

/// A store in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    clock: Clock,
}

impl SqliteStore {
    /// Opens the file, creating it when there is none, and brings its schema up to this build.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be opened, is locked for 5 s, the disk is full
    /// or too slow;
    /// `Refused` when it is no SQLite database or its schema is too new.
    pub async fn open(path: &Path) -> Result<Self> {
        let store = Self::connect(path)?;
        store.migrate().await?;
        Ok(store)
    }

    /// Prepares the connections to the file and leaves its schema alone. To be called within a
    /// Tokio runtime.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be created.
    pub fn connect(path: &Path) -> Result<Self> {
        create_private(path).map_err(|source| {
            let path = path.to_owned();
            StoreError::Unavailable(Box::new(NoFile { path, source }))
        })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            // What was erased is overwritten, not only unlinked.
            .pragma("secure_delete", "ON");
        Ok(Self {
            writer: pool(1).connect_lazy_with(options.clone()),
            readers: pool(READERS).connect_lazy_with(options.pragma("query_only", "ON")),
            clock: Clock::default(),
        })
    }

    /// Closes all connections once their statements have ended, and folds the log into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl Store for SqliteStore {
    fn set_clock_offset(&self, offset: SignedDuration) {
        self.clock.set_offset(offset);
    }

    fn system(&self) -> &'static str {
        "sqlite"
    }

    fn connections(&self) -> ConnectionUse {
        let count = |pool: &SqlitePool| {
            let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            (pool.size().saturating_sub(idle), idle)
        };
        let (writing, of_writer) = count(&self.writer);
        let (reading, of_readers) = count(&self.readers);
        ConnectionUse {
            busy: writing + reading,
            idle: of_writer + of_readers,
            most: 1 + READERS,
        }
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

#[cfg(unix)]
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map(drop)
}
