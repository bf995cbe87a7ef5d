//! A database that dies, falls silent, is held up, or takes no writes. Codes are redeemed by two
//! callers at once all the while: never does a code give two answers with tokens.

use std::time::{Duration, Instant};

use super::scene::{RECOVERY, Scene, until_counted};

/// SIGKILL, and a start with crash recovery.
#[tokio::test]
async fn a_database_that_dies_and_comes_back() {
    let scene = Scene::new();
    let codes = scene.codes(8).await;
    let won = scene
        .race(&codes, async |not_now| {
            scene.server.crash();
            until_counted(not_now).await;
            scene.assert_stateless_is_fast().await;
            scene.becomes(false).await;
            scene.server.restart();
        })
        .await;
    scene.assert_recovered(won, codes.len()).await;
}

/// A failover in which the former machine is gone: connections to it neither answer nor end.
#[tokio::test]
async fn a_database_whose_connections_fall_silent() {
    let scene = Scene::new();
    let codes = scene.codes(8).await;
    let since = Instant::now();
    scene.relay.silence();
    scene.race(&codes, async |_| {}).await;
    println!("all codes certain {:?} after silence", since.elapsed());
    assert!(since.elapsed() < RECOVERY, "{:?}", since.elapsed());
    scene.becomes(true).await;
    scene.assert_serves().await;
}

/// A lock that somebody holds for longer than a call may take.
#[tokio::test]
async fn a_database_that_is_held_up() {
    let scene = Scene::new();
    let codes = scene.codes(6).await;
    let lock = scene.pods.database().lock("codes");
    let won = scene
        .race(&codes, async |not_now| {
            scene.assert_stateless_is_fast().await;
            until_counted(not_now).await;
            drop(lock);
        })
        .await;
    assert_eq!(won, codes.len(), "nothing was decided while it was held");
    scene.assert_serves().await;
}

/// Each way to the database takes a tenth of a second: all is right, and slow.
#[tokio::test]
async fn a_database_that_is_slow() {
    let scene = Scene::new();
    scene.relay.delay(Duration::from_millis(100));
    let codes = scene.codes(2).await;
    let won = scene
        .race(&codes, async |_| scene.assert_stateless_is_fast().await)
        .await;
    assert_eq!(won, codes.len());
    assert!(scene.pods.first().is_ready().await);
}

/// A database that takes no writes, as a standby or one whose disk is full: nobody logs in, and the
/// pod says that it is not ready; with writes again all goes on by itself.
#[tokio::test]
async fn a_database_that_takes_no_writes() {
    let scene = Scene::new();
    let codes = scene.codes(4).await;
    let database = scene.pods.database();
    database.run_as_superuser("ALTER DATABASE realmwright SET default_transaction_read_only = on");
    scene.relay.cut();
    let won = scene
        .race(&codes, async |not_now| {
            until_counted(not_now).await;
            scene.becomes(false).await;
            scene.assert_no_login().await;
            scene.assert_stateless_is_fast().await;
            database.run_as_superuser("ALTER DATABASE realmwright RESET ALL");
        })
        .await;
    assert_eq!(won, codes.len());
    let ready = scene.becomes(true).await;
    println!("ready {ready:?} after the last code");
    scene.assert_serves().await;
}
