//! What is particular to a database in a file.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;
use std::time::Duration;

use realmwright_snapshot::{DataClass, RealmId};
use realmwright_store::{
    Change, Commit as _, Maintenance as _, StoreError, SubjectId, Subjects as _,
};
use realmwright_store_sqlite::SqliteStore;
use sqlx::{Connection as _, SqliteConnection};

fn change() -> Vec<Change> {
    vec![Change::UseOnce {
        kind: "test".to_owned(),
        key: "key".to_owned(),
        expires_at: jiff::Timestamp::MAX,
    }]
}

fn realm() -> RealmId {
    RealmId::from("acme.people")
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_the_file_and_its_log() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    std::fs::write(&path, b"").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    store.commit(&realm(), change()).await.unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        seen += 1;
    }
    assert_eq!(seen, 3, "the file, its log and its shared memory");
    store.close().await;
    assert!(
        !folder.path().join("store.sqlite-wal").exists(),
        "closing folds the log in"
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_made_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let answer = SqliteStore::open(&folder.path().join("no/such/folder/store.sqlite")).await;
    assert!(
        matches!(answer, Err(StoreError::Unavailable(_))),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let notes = "not a database\n".repeat(500);
    std::fs::write(&path, &notes).unwrap();
    let answer = SqliteStore::open(&path).await;
    assert!(matches!(answer, Err(StoreError::Refused(_))), "{answer:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
}

/// Another process that holds the file for long makes us unavailable, and readers go on.
#[tokio::test]
async fn a_locked_file_is_unavailable_to_writers_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let store = SqliteStore::open(&path).await.unwrap();
    let mut other = connect(&path).await;
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let started = std::time::Instant::now();
    let answer = store.commit(&realm(), change()).await;
    assert!(
        matches!(answer, Err(StoreError::Unavailable(_))),
        "{answer:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(30));
    let nobody = SubjectId("nobody".to_owned());
    assert_eq!(store.subject(&realm(), &nobody).await.unwrap(), None);
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    store.commit(&realm(), change()).await.unwrap();
}

/// The tables are strict: a text does not pass for a number.
#[tokio::test]
async fn every_table_is_strict() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let store = SqliteStore::open(&path).await.unwrap();
    store.check_schema().await.unwrap();
    let loose: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM pragma_table_list
        WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND NOT strict",
    )
    .fetch_all(&mut connect(&path).await)
    .await
    .unwrap();
    assert!(loose.is_empty(), "{loose:?}");
}

const PERSON_OF_THE_FIRST_SCHEMA: &str =
    "INSERT INTO subjects (realm, sub, store, store_key, state,
        required_factors, created_at, updated_at, version)
    VALUES ('acme.people', 'somebody', 'internal', 'key', 'active', 0, 0, 0, 1);
    INSERT INTO attributes (realm, sub, name, kind, value)
    VALUES ('acme.people', 'somebody', 'city', 'string', '\"Kyiv\"')";

/// Migrations expand: what a former build has written is there, and that build goes on.
#[tokio::test]
async fn a_database_of_the_first_schema_is_brought_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let store = SqliteStore::connect(&path).unwrap();
    let mut former = connect(&path).await;
    sqlx::raw_sql(include_str!("../migrations/0001.sql"))
        .execute(&mut former)
        .await
        .unwrap();
    assert!(store.check_schema().await.is_err());
    let letter = "INSERT INTO outbox (realm, id, target, payload, attempts, due_at)
        VALUES ('acme.people', zeroblob(16), 'log', '{}', 3, NULL)";
    sqlx::query(letter).execute(&mut former).await.unwrap();
    sqlx::raw_sql(PERSON_OF_THE_FIRST_SCHEMA)
        .execute(&mut former)
        .await
        .unwrap();
    store.migrate().await.unwrap();
    store.check_schema().await.unwrap();
    let oldest_reader: i64 = sqlx::query_scalar("SELECT oldest_reader FROM meta")
        .fetch_one(&mut former)
        .await
        .unwrap();
    assert_eq!(oldest_reader, 1);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox")
        .fetch_one(&mut former)
        .await
        .unwrap();
    assert_eq!(left, 1);
    let sub = SubjectId("somebody".to_owned());
    let attributes = store.attributes(&realm(), &sub).await.unwrap();
    assert_eq!(attributes["city"].class, DataClass::Personal);
}

/// A commit that its caller gives up on leaves the writer usable and nothing by half.
#[tokio::test]
async fn a_commit_that_is_dropped_blocks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("store.sqlite"))
        .await
        .unwrap();
    for patience in 0..40 {
        let realm = realm();
        let commit = store.commit(&realm, change());
        let _ = tokio::time::timeout(Duration::from_micros(patience * 50), commit).await;
    }
    let once = vec![Change::UseOnce {
        kind: "test".to_owned(),
        key: "another".to_owned(),
        expires_at: jiff::Timestamp::MAX,
    }];
    store.commit(&realm(), once).await.unwrap();
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", path.display()))
        .await
        .unwrap()
}
