//! The suite of the store, on SQLite files.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use realmwright_store::contract::crash::{self, CrashFixture};
use realmwright_store::contract::{Fixture, crash::DATABASE};
use realmwright_store::{Store, contract_suite};
use realmwright_store_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Column as _, Connection as _, Row as _, ValueRef as _};

struct SqliteFixture {
    folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
    empties: AtomicUsize,
}

async fn open() -> Option<SqliteFixture> {
    // SIGKILL does not empty a memory disk, and a busy one is no part of the contract.
    let folder = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let store = SqliteStore::open(&folder.path().join("store.sqlite"))
        .await
        .unwrap();
    Some(SqliteFixture {
        folder,
        store: Arc::new(store),
        empties: AtomicUsize::new(0),
    })
}

impl SqliteFixture {
    fn path(&self) -> PathBuf {
        self.folder.path().join("store.sqlite")
    }

    async fn connection(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path());
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    async fn rows(&self, statement: String) -> Vec<SqliteRow> {
        sqlx::query(AssertSqlSafe(statement))
            .fetch_all(&mut self.connection().await)
            .await
            .unwrap()
    }
}

fn text(row: &SqliteRow) -> String {
    let columns = row.columns().iter().map(|column| {
        let value = row.try_get_raw(column.ordinal()).unwrap();
        let text = if value.is_null() {
            "null".to_owned()
        } else {
            row.try_get_unchecked::<String, _>(column.ordinal())
                .unwrap_or_else(|_| "bytes".to_owned())
        };
        format!("{}={text}", column.name())
    });
    columns.collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl Fixture for SqliteFixture {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    async fn another(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.path()).await.unwrap())
    }

    async fn empty(&self) -> Arc<dyn Store> {
        let number = self.empties.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.path().join(format!("empty{number}.sqlite"));
        Arc::new(SqliteStore::connect(&path).unwrap())
    }

    async fn columns(&self) -> BTreeMap<String, Vec<String>> {
        let rows = self
            .rows(
                "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
                WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid"
                    .to_owned(),
            )
            .await;
        let mut columns = BTreeMap::<String, Vec<String>>::new();
        for row in rows {
            columns.entry(row.get(0)).or_default().push(row.get(1));
        }
        columns
    }

    async fn dump(&self, table: &str) -> Vec<String> {
        let rows = self.rows(format!("SELECT * FROM {table}")).await;
        rows.iter().map(text).collect()
    }

    async fn execute(&self, statement: String) {
        self.rows(statement).await;
    }
}

#[async_trait]
impl CrashFixture for SqliteFixture {
    fn address(&self) -> String {
        self.path().display().to_string()
    }

    fn writer_test(&self) -> &'static str {
        "the_writer_that_is_killed"
    }
}

contract_suite!(open);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the crash test, which kills it"]
async fn the_writer_that_is_killed() {
    let Ok(path) = std::env::var(DATABASE) else {
        return;
    };
    let store = SqliteStore::open(Path::new(&path)).await.unwrap();
    crash::write_until_killed(&store).await;
}
