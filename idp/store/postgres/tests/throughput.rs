//! `cargo test --release -p realmwright-store-postgres --test throughput -- --ignored --nocapture`,
//! on a private server that waits for its disk. The folder decides the disk: set `TMPDIR`.

use std::sync::Arc;

use realmwright_store::contract::throughput;
use realmwright_store::{Maintenance as _, Store};
use realmwright_store_postgres::testing::{Durability, Server, TestDatabase};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn commits_in_a_second() {
    let server = Server::start(Durability::Disk).unwrap();
    for writers in [1, 16] {
        let database = TestDatabase::create_on(&server.url()).await;
        let store = database.store();
        store.migrate().await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        println!("PostgreSQL, {}", throughput::measure(&store, writers).await);
    }
}
