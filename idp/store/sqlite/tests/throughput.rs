//! `cargo test --release -p realmwright-store-sqlite --test throughput -- --ignored --nocapture`.
//! The folder decides the disk: set `TMPDIR`.

use std::sync::Arc;

use realmwright_store::Store;
use realmwright_store::contract::throughput;
use realmwright_store_sqlite::SqliteStore;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn commits_in_a_second() {
    for writers in [1, 16] {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("store.sqlite"))
            .await
            .unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        println!("SQLite, {}", throughput::measure(&store, writers).await);
    }
}
