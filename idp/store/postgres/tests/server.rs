//! What is particular to a database behind a socket.

#![expect(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use realmwright_snapshot::{AttributeName, DataClass, RealmId};
use realmwright_store::{
    AttemptKey, Attempts as _, Change, Commit as _, Events as _, LookupKey, Maintenance as _,
    Outcome, Refusal, StoreError, SubjectId, SubjectQuery, SubjectRow, SubjectState, Subjects as _,
};
use realmwright_store_postgres::testing::{Durability, SERVER_URL, Server, TestDatabase};
use realmwright_store_postgres::{PostgresSettings, PostgresStore};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::mpsc;

fn realm() -> RealmId {
    RealmId::from("acme.people")
}

fn once(key: &str) -> Change {
    Change::UseOnce {
        kind: "test".to_owned(),
        key: key.to_owned(),
        expires_at: jiff::Timestamp::MAX,
    }
}

fn person(sub: &str, store_key: &str) -> Change {
    Change::InsertSubject {
        subject: SubjectRow {
            sub: SubjectId(sub.to_owned()),
            store: "internal".to_owned(),
            store_key: store_key.to_owned(),
            state: SubjectState::Active,
            required_factors: 0,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
            version: 1,
        },
        attributes: std::collections::BTreeMap::new(),
        lookup: vec![],
    }
}

async fn run(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
}

fn is_unavailable<T>(result: &realmwright_store::Result<T>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

const WRITERS: usize = 4;

enum Said {
    Acknowledged(usize, String),
    Failed(usize),
}

#[derive(Clone, Copy, Default)]
struct Tally {
    acknowledged: u32,
    failed: u32,
}

/// Commits until the stop and says what came of each.
async fn write(
    store: Arc<PostgresStore>,
    writer: usize,
    stop: Arc<AtomicBool>,
    say: mpsc::UnboundedSender<Said>,
) {
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let key = format!("{writer}-{number}");
        let said = match store.commit(&realm(), vec![once(&key)]).await {
            Ok(Outcome::Done(_)) => Said::Acknowledged(writer, key),
            Err(StoreError::Unavailable(_)) => Said::Failed(writer),
            other => panic!("{key}: {other:?}"),
        };
        if say.send(said).is_err() {
            return;
        }
    }
}

/// The server dies by SIGKILL under load and comes back: the store finds it again by itself, and
/// everything that was acknowledged is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_the_death_of_its_server() {
    if TestDatabase::create().await.is_none() || std::env::var(SERVER_URL).is_ok() {
        // A server of our own cannot be had, or we were told to start none.
        return;
    }
    let server = Server::start(Durability::OperatingSystem).unwrap();
    let database = TestDatabase::create_on(&server.url()).await;
    let store = Arc::new(database.store());
    store.migrate().await.unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let (sender, mut said) = mpsc::unbounded_channel();
    for writer in 0..WRITERS {
        tokio::spawn(write(
            Arc::clone(&store),
            writer,
            Arc::clone(&stop),
            sender.clone(),
        ));
    }
    drop(sender);
    let mut acknowledged = BTreeSet::new();
    let mut hear_until = async |enough: &dyn Fn(&[Tally]) -> bool| {
        let mut tallies = [Tally::default(); WRITERS];
        while !enough(&tallies) {
            let next = tokio::time::timeout(Duration::from_secs(60), said.recv());
            match next.await.expect("the writers go on").expect("and live") {
                Said::Acknowledged(writer, key) => {
                    tallies[writer].acknowledged += 1;
                    acknowledged.insert(key);
                }
                Said::Failed(writer) => tallies[writer].failed += 1,
            }
        }
    };
    hear_until(&|all| all.iter().all(|one| one.acknowledged >= 10)).await;
    server.crash();
    hear_until(&|all| all.iter().all(|one| one.failed > 0)).await;
    server.restart();
    hear_until(&|all| all.iter().all(|one| one.acknowledged >= 20)).await;
    stop.store(true, Ordering::Relaxed);
    while let Some(last) = said.recv().await {
        if let Said::Acknowledged(_, key) = last {
            acknowledged.insert(key);
        }
    }

    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT key FROM used_once")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let stored: BTreeSet<_> = stored
        .into_iter()
        .map(|key| String::from_utf8(key).unwrap())
        .collect();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// The reason is told, and at once.
#[tokio::test]
async fn a_server_that_refuses_is_named() {
    let settings = PostgresSettings::new("postgres://who:hunter2@127.0.0.1:1/database");
    let store = PostgresStore::connect(&settings).unwrap();
    for answer in [store.check_schema().await, store.migrate().await] {
        let error = answer.unwrap_err();
        let reason = std::error::Error::source(&error).unwrap();
        assert_eq!(reason.to_string(), "no connection to 127.0.0.1:1");
        assert!(
            format!("{reason:?}").contains("ConnectionRefused"),
            "{reason:?}"
        );
    }
}

/// Nobody listens, or somebody who says nothing: an answer within the limits, never "no".
#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let silent = silent.local_addr().unwrap().port();
    for (port, what) in [(1, "nobody"), (silent, "silence")] {
        let settings = PostgresSettings {
            acquire_timeout: Duration::from_millis(300),
            ..PostgresSettings::new(format!("postgres://who:secret@127.0.0.1:{port}/database"))
        };
        let store = PostgresStore::connect(&settings).unwrap();
        let started = Instant::now();
        let nobody = SubjectId("nobody".to_owned());
        assert!(
            is_unavailable(&store.subject(&realm(), &nobody).await),
            "{what}"
        );
        assert!(
            is_unavailable(&store.commit(&realm(), vec![once("a")]).await),
            "{what}"
        );
        assert!(is_unavailable(&store.migrate().await), "{what}");
        assert!(is_unavailable(&store.check_schema().await), "{what}");
        assert!(is_unavailable(&store.now().await), "{what}");
        assert!(started.elapsed() < Duration::from_secs(5), "{what}");
    }
}

#[tokio::test]
async fn the_url_is_never_shown() {
    for url in [
        "postgres://who:hunter2@[bad/database",
        "mysql://who:hunter2@127.0.0.1/database",
        "postgres://who:hunter2@127.0.0.1/database\npostgres://who:hunter2@127.0.0.2/database",
        "who:hunter2",
        "",
    ] {
        let settings = PostgresSettings::new(url);
        assert!(!format!("{settings:?}").contains("hunter2"));
        let error = PostgresStore::connect(&settings).unwrap_err();
        assert!(matches!(error, StoreError::Refused(_)), "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

/// A row that somebody else holds for long: an answer within the limits, and nothing by half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_locked_for_long_is_unavailable() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let settings = PostgresSettings {
        statement_timeout: Duration::from_millis(400),
        ..PostgresSettings::new(database.url())
    };
    let store = PostgresStore::connect(&settings).unwrap();
    store
        .commit(&realm(), vec![person("one", "key")])
        .await
        .unwrap();
    let mut other = PgConnection::connect(database.url()).await.unwrap();
    let mut holding = other.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM subjects FOR UPDATE")
        .execute(&mut *holding)
        .await
        .unwrap();
    let lock = Change::SetSubjectState {
        sub: SubjectId("one".to_owned()),
        state: SubjectState::Locked,
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    let answer = store.commit(&realm(), vec![once("a"), lock.clone()]).await;
    assert!(is_unavailable(&answer), "{answer:?}");
    holding.rollback().await.unwrap();
    let answer = store.commit(&realm(), vec![once("a"), lock]).await.unwrap();
    assert!(
        matches!(answer, Outcome::Done(_)),
        "the first left nothing behind: {answer:?}"
    );
}

/// Design section 5: serving pods need no right to define tables.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serving_needs_only_rows() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let (address, name) = database.url().rsplit_once('/').unwrap();
    let role = format!("{name}_pod");
    let rights = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'pod';
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
    );
    run(database.url(), &rights).await;
    let (_, host) = address.rsplit_once('@').unwrap();
    let settings = PostgresSettings::new(format!("postgres://{role}:pod@{host}/{name}"));
    let store = PostgresStore::connect(&settings).unwrap();
    store.check_schema().await.unwrap();
    store.migrate().await.unwrap();
    store
        .commit(&realm(), vec![person("one", "key"), once("a")])
        .await
        .unwrap();
    assert_eq!(store.sweep(10).await.unwrap(), 0);
    let empty = database.create_empty().await;
    let refused = empty
        .url()
        .replace(address, &format!("postgres://{role}:pod@{host}"));
    let store = PostgresStore::connect(&PostgresSettings::new(refused)).unwrap();
    assert!(
        is_unavailable(&store.migrate().await),
        "there it may define nothing"
    );
    run(
        database.url(),
        &format!("DROP OWNED BY {role}; DROP ROLE {role}"),
    )
    .await;
}

/// Migrations expand: what a former build has written is there, and that build goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_the_first_schema_is_brought_up() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let database = database.create_empty().await;
    run(database.url(), include_str!("../migrations/0001.sql")).await;
    let store = database.store();
    assert!(store.check_schema().await.is_err());
    run(
        database.url(),
        "INSERT INTO outbox (realm, id, target, payload, attempts, due_at)
        VALUES ('acme.people', gen_random_uuid(), 'log', '{}', 3, NULL);
        INSERT INTO subjects (realm, sub, store, store_key, state, required_factors, created_at,
            updated_at, version)
        VALUES ('acme.people', 'somebody', 'internal', 'key', 'active', 0, 0, 0, 1);
        INSERT INTO attributes (realm, sub, name, kind, value)
        VALUES ('acme.people', 'somebody', 'city', 'string', '\"Kyiv\"')",
    )
    .await;
    store.migrate().await.unwrap();
    store.check_schema().await.unwrap();
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let (oldest_reader, left): (i64, i64) =
        sqlx::query_as("SELECT (SELECT oldest_reader FROM meta), (SELECT count(*) FROM outbox)")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!((oldest_reader, left), (1, 1));
    let sub = SubjectId("somebody".to_owned());
    let attributes = store.attributes(&realm(), &sub).await.unwrap();
    assert_eq!(attributes["city"].class, DataClass::Personal);
}

/// PostgreSQL keeps no NUL character: nobody is found by one, and no message quotes the value.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_with_nul_find_nothing_and_are_not_quoted() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let store = database.store();
    let key = LookupKey::new(AttributeName::from("email"), "private\0".to_owned());
    assert!(store.lookup(&realm(), &key, 10).await.unwrap().is_empty());
    for query in [
        SubjectQuery {
            attributes: vec![key],
            limit: 10,
            ..SubjectQuery::default()
        },
        SubjectQuery {
            after: Some("\0".to_owned()),
            limit: 10,
            ..SubjectQuery::default()
        },
    ] {
        assert!(
            store
                .search(&realm(), &query)
                .await
                .unwrap()
                .items
                .is_empty()
        );
    }
    let error = store
        .commit(&realm(), vec![person("one", "private\0")])
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Inconsistent { .. }),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains("private"), "{error:?}");
}

/// A commit that its caller gives up on leaves the pool usable and nothing by half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_dropped_blocks_nobody() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let settings = PostgresSettings {
        max_connections: 2,
        ..PostgresSettings::new(database.url())
    };
    let store = PostgresStore::connect(&settings).unwrap();
    let key = AttemptKey {
        purpose: "password".to_owned(),
        key: "who".to_owned(),
    };
    let count = Change::CountAttempt {
        key: key.clone(),
        limit: 1_000_000,
        window: Duration::from_secs(3600),
        bar: Duration::ZERO,
    };
    for patience in 0..40 {
        let realm = realm();
        let pair = vec![count.clone(), once(&patience.to_string())];
        let commit = store.commit(&realm, pair);
        let _ = tokio::time::timeout(Duration::from_micros(patience * 150), commit).await;
    }
    store
        .commit(&realm(), vec![count, once("last")])
        .await
        .unwrap();
    let counted = store.attempts(&realm(), &key).await.unwrap().unwrap().count;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let used: i64 = sqlx::query_scalar("SELECT count(*) FROM used_once")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(i64::from(counted), used, "both or none");
}

/// Many callers, some of whom give up, share a few connections: everybody gets their own answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_is_dropped_gives_nobody_its_answer() {
    const CONNECTIONS: u32 = 3;
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let settings = PostgresSettings {
        max_connections: CONNECTIONS,
        ..PostgresSettings::new(database.url())
    };
    let store = Arc::new(PostgresStore::connect(&settings).unwrap());
    for number in 0..8 {
        let change = person(&format!("s{number}"), &format!("k{number}"));
        store.commit(&realm(), vec![change]).await.unwrap();
    }
    let readers = (0..8).map(|number: u64| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let (realm, sub) = (realm(), SubjectId(format!("s{number}")));
            for round in 0..60 {
                if round % 3 == 0 {
                    let patience = Duration::from_micros(round * 20);
                    let _ = tokio::time::timeout(patience, store.subject(&realm, &sub)).await;
                }
                let read = store.person(&realm, &sub).await.unwrap().unwrap();
                assert_eq!(read.subject.sub, sub);
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for reader in readers {
        reader.await.unwrap();
    }
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'realmwright'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert!((1..=i64::from(CONNECTIONS)).contains(&open), "{open}");
}

async fn until_somebody_waits_for_a_lock(database: &TestDatabase) {
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let waits = async {
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_one(&mut connection)
            .await
            .unwrap();
            if waiting > 0 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waits)
        .await
        .unwrap();
}

/// A unique value that an unfinished commit holds is waited for, and free when that is undone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_for_a_commit_that_may_be_undone() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let store = Arc::new(database.store());
    let mut other = PgConnection::connect(database.url()).await.unwrap();
    let mut holding = other.begin().await.unwrap();
    sqlx::query("INSERT INTO used_once VALUES ('acme.people', 'test', 'a', 9000000000000000)")
        .execute(&mut *holding)
        .await
        .unwrap();
    let racing = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(&realm(), vec![once("a")]).await.unwrap() }
    });
    until_somebody_waits_for_a_lock(&database).await;
    assert!(!racing.is_finished(), "the other one is not done yet");
    holding.rollback().await.unwrap();
    assert!(matches!(racing.await.unwrap(), Outcome::Done(_)));
    let again = store.commit(&realm(), vec![once("a")]).await.unwrap();
    let used = Outcome::Refused {
        index: 0,
        reason: Refusal::AlreadyUsed,
    };
    assert_eq!(again, used);
    let events = store
        .events(&realm(), &realmwright_store::EventQuery::default())
        .await
        .unwrap();
    assert!(events.items.is_empty());
}
