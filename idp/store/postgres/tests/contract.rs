//! The suite of the store, on a real PostgreSQL server.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use realmwright_store::contract::Fixture;
use realmwright_store::contract::crash::{self, CrashFixture, DATABASE};
use realmwright_store::{Store, contract_suite};
use realmwright_store_postgres::testing::TestDatabase;
use realmwright_store_postgres::{PostgresSettings, PostgresStore};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

struct PostgresFixture {
    store: Arc<PostgresStore>,
    empties: Mutex<Vec<TestDatabase>>,
    database: TestDatabase,
}

async fn open() -> Option<PostgresFixture> {
    let database = TestDatabase::create().await?;
    Some(PostgresFixture {
        store: Arc::new(database.store()),
        empties: Mutex::default(),
        database,
    })
}

impl PostgresFixture {
    async fn connection(&self) -> PgConnection {
        PgConnection::connect(self.database.url()).await.unwrap()
    }
}

#[async_trait]
impl Fixture for PostgresFixture {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    async fn another(&self) -> Arc<dyn Store> {
        Arc::new(self.database.store())
    }

    async fn empty(&self) -> Arc<dyn Store> {
        let database = self.database.create_empty().await;
        let store = database.store();
        self.empties.lock().unwrap().push(database);
        Arc::new(store)
    }

    async fn columns(&self) -> BTreeMap<String, Vec<String>> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT table_name::text, column_name::text FROM information_schema.columns
            WHERE table_schema = 'public' ORDER BY table_name, ordinal_position",
        )
        .fetch_all(&mut self.connection().await)
        .await
        .unwrap();
        let mut columns = BTreeMap::<String, Vec<String>>::new();
        for (table, column) in rows {
            columns.entry(table).or_default().push(column);
        }
        columns
    }

    async fn dump(&self, table: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM {table} t")))
            .fetch_all(&mut self.connection().await)
            .await
            .unwrap()
    }

    async fn execute(&self, statement: String) {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut self.connection().await)
            .await
            .unwrap();
    }
}

#[async_trait]
impl CrashFixture for PostgresFixture {
    fn address(&self) -> String {
        self.database.url().to_owned()
    }

    fn writer_test(&self) -> &'static str {
        "the_writer_that_is_killed"
    }
}

contract_suite!(open);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the crash test, which kills it"]
async fn the_writer_that_is_killed() {
    let Ok(url) = std::env::var(DATABASE) else {
        return;
    };
    let store = PostgresStore::connect(&PostgresSettings::new(url)).unwrap();
    crash::write_until_killed(&store).await;
}
