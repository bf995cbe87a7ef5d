//! What becomes of connections when the server behind them is gone, changes, or takes no writes.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use realmwright_snapshot::RealmId;
use realmwright_store::{
    Change, Commit as _, Maintenance as _, Outcome, StoreError, SubjectId, Subjects as _,
};
use realmwright_store_postgres::testing::{Durability, Relay, SERVER_URL, Server, TestDatabase};
use realmwright_store_postgres::{PostgresSettings, PostgresStore};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

const CONNECTIONS: u32 = 4;
/// Longest call, by the settings of [`Scene`].
const CALL: Duration = Duration::from_millis(1500);

fn realm() -> RealmId {
    RealmId::from("acme.people")
}

fn once(key: &str) -> Vec<Change> {
    vec![Change::UseOnce {
        kind: "test".to_owned(),
        key: key.to_owned(),
        expires_at: jiff::Timestamp::MAX,
    }]
}

struct Scene {
    database: TestDatabase,
    relay: Relay,
    server: Server,
    store: Arc<PostgresStore>,
}

impl Scene {
    /// None where PostgreSQL cannot be had.
    async fn new() -> Option<Self> {
        if std::env::var_os(SERVER_URL).is_none() {
            // The server of this process says why where there is none.
            TestDatabase::create().await?;
        }
        let server = Server::start(Durability::OperatingSystem).ok()?;
        let relay = Relay::to(server.address());
        let database = TestDatabase::create_on(&server.url()).await;
        database.store().migrate().await.unwrap();
        let url = database
            .url()
            .replace(&server.address().to_string(), &relay.address().to_string());
        let settings = PostgresSettings {
            max_connections: CONNECTIONS,
            acquire_timeout: Duration::from_millis(500),
            statement_timeout: Duration::from_millis(500),
            ..PostgresSettings::new(url)
        };
        Some(Self {
            store: Arc::new(PostgresStore::connect(&settings).unwrap()),
            database,
            relay,
            server,
        })
    }

    /// Reads and writes at once, so that every connection is made.
    async fn warm(&self) {
        let all = (0..CONNECTIONS * 4).map(|number| {
            let store = Arc::clone(&self.store);
            async move {
                read(&store).await.unwrap();
                let key = format!("warm-{number}");
                store.commit(&realm(), once(&key)).await.unwrap();
            }
        });
        join_all(all).await;
    }

    async fn run(&self, statement: &str) {
        let mut connection = PgConnection::connect(self.database.url()).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap();
    }

    /// Asks until that goes well; how long that was.
    async fn recovers(&self, key: &str, within: Duration) -> Duration {
        let since = Instant::now();
        let mut number = 0;
        loop {
            number += 1;
            let all = (0..CONNECTIONS).map(|one| {
                let store = Arc::clone(&self.store);
                let key = format!("{key}-{number}-{one}");
                async move {
                    read(&store).await?;
                    store.commit(&realm(), once(&key)).await
                }
            });
            let answers = join_all(all).await;
            if answers.iter().all(Result::is_ok) {
                return since.elapsed();
            }
            for answer in answers {
                assert!(
                    matches!(
                        answer,
                        Ok(Outcome::Done(_)) | Err(StoreError::Unavailable(_))
                    ),
                    "{answer:?}"
                );
            }
            assert!(since.elapsed() < within, "not within {within:?}");
        }
    }
}

async fn read(store: &PostgresStore) -> Result<(), StoreError> {
    let nobody = SubjectId("nobody".to_owned());
    store.subject(&realm(), &nobody).await.map(drop)
}

async fn bounded<T>(call: impl Future<Output = T>) -> T {
    let limit = CALL + Duration::from_secs(1);
    tokio::time::timeout(limit, call).await.unwrap()
}

/// Connections that end, whether they lie at hand or in the pool.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_were_cut_are_made_anew() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    for round in 0..3 {
        scene.warm().await;
        scene.relay.cut();
        let took = scene.recovers(&format!("cut-{round}"), CALL).await;
        println!("after a cut: {took:?}");
    }
}

/// Connections to a machine that is gone neither answer nor end. They hold nobody up for longer
/// than a call may last, and none of them stays in the way of a new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_fell_silent_are_given_up() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    scene.warm().await;
    scene.relay.silence();
    let took = scene.recovers("silent", CALL * 4).await;
    println!("after silence: {took:?}");
    // Now those that nobody asked for a while.
    scene.warm().await;
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(1200) {
        tokio::task::yield_now().await;
    }
    scene.relay.silence();
    let took = scene.recovers("silent-idle", CALL * 4).await;
    println!("after silence, idle: {took:?}");
}

/// Callers that go away in the middle take no connection along, also when it is silent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_give_up_on_silence_leave_nothing_taken() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    scene.warm().await;
    scene.relay.silence();
    let realm = realm();
    for _ in 0..CONNECTIONS * 2 {
        let call = scene.store.commit(&realm, once("given-up"));
        let _ = tokio::time::timeout(Duration::from_millis(20), call).await;
    }
    scene.recovers("given-up", CALL * 4).await;
}

/// A server that has become a standby, or was told to take no writes: no answer, not a wrong one;
/// and once the address leads to one that does, no connection to the former one is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_a_server_without_writes_are_not_kept() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    scene.warm().await;
    scene
        .run("ALTER SYSTEM SET default_transaction_read_only = on")
        .await;
    scene.run("SELECT pg_reload_conf()").await;
    let since = Instant::now();
    loop {
        match bounded(scene.store.commit(&realm(), once("refused"))).await {
            Err(StoreError::Unavailable(_)) => break,
            // The setting reaches each session in its own time.
            Ok(_) => assert!(since.elapsed() < Duration::from_secs(5)),
            other => panic!("{other:?}"),
        }
    }
    let refused = bounded(scene.store.check_schema()).await;
    assert!(
        matches!(&refused, Err(StoreError::Unavailable(why)) if why.to_string().contains("writes")),
        "{refused:?}"
    );
    // Another server, which takes writes.
    let other = Server::start(Durability::OperatingSystem).unwrap();
    let (_, name) = scene.database.url().rsplit_once('/').unwrap();
    let mut superuser = PgConnection::connect(&other.url()).await.unwrap();
    let password = scene.server.url();
    let (_, password) = password.split_once("//postgres:").unwrap();
    let (password, _) = password.split_once('@').unwrap();
    for statement in [
        format!("ALTER ROLE postgres PASSWORD '{password}'"),
        format!("CREATE DATABASE {name}"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut superuser)
            .await
            .unwrap();
    }
    let direct = scene.database.url().replace(
        &scene.server.address().to_string(),
        &other.address().to_string(),
    );
    let direct = PostgresStore::connect(&PostgresSettings::new(direct)).unwrap();
    direct.migrate().await.unwrap();
    scene.relay.lead_to(other.address());
    scene.recovers("promoted", CALL * 2).await;
    scene.store.check_schema().await.unwrap();
    scene.relay.lead_to(scene.server.address());
    let mut former = PgConnection::connect(&scene.server.url()).await.unwrap();
    for statement in [
        "SET default_transaction_read_only = off",
        "ALTER SYSTEM RESET ALL",
        "SELECT pg_reload_conf()",
    ] {
        sqlx::raw_sql(statement).execute(&mut former).await.unwrap();
    }
}
