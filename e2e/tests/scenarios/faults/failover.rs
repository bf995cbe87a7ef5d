//! A failover to a second server with a copy of the first, which each commit waits for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::join_all;
use reqwest::StatusCode;

use super::scene::{RECOVERY, Scene, until_counted};
use super::{is_not_now, told, until};
use crate::support::person::Person;

/// What people are doing while it happens.
#[derive(Default)]
struct Lots {
    served: AtomicUsize,
    over: AtomicBool,
}

impl Lots {
    /// Codes of somebody who asks for one after another until it is over.
    async fn codes(&self, scene: &Scene, person: &Person) -> Vec<String> {
        let mut codes = Vec::new();
        while !self.over.load(Ordering::SeqCst) {
            if let Some(code) = scene.code_for(person).await {
                codes.push(code);
                self.served.fetch_add(1, Ordering::SeqCst);
            }
        }
        codes
    }

    async fn until_served(&self, count: usize) {
        until(RECOVERY, || async {
            tokio::task::yield_now().await;
            self.served.load(Ordering::SeqCst) >= count
        })
        .await;
    }
}

/// The first server is killed while people log in and codes are redeemed, and the address is led
/// to the second one. Whoever was told that they are in, is; no code is redeemed twice; and when
/// the first one comes back with what it had, without writes, nobody is answered from it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_fails_over_to_its_copy() {
    let scene = Scene::new();
    let second = scene.server.synchronous_standby().expect("a standby");
    let (used, held) = (scene.codes(2).await, scene.codes(8).await);
    let tokens = join_all(used.iter().map(|code| scene.tokens(code))).await;
    let access_token = tokens[0]["access_token"].as_str().expect("a token");

    let people = join_all((0..4).map(|_| scene.person())).await;
    let lots = Lots::default();
    let all_codes = join_all(people.iter().map(|person| lots.codes(&scene, person)));
    let failover = async {
        lots.until_served(8).await;
        let won = scene.race(&held, async |not_now| {
            scene.server.crash();
            until_counted(not_now).await;
            scene.assert_stateless_is_fast().await;
            scene.becomes(false).await;
            second.promote().expect("it is a standby");
            scene.relay.lead_to(second.address());
        });
        let won = won.await;
        lots.over.store(true, Ordering::SeqCst);
        won
    };
    let (acknowledged, won) = futures::join!(all_codes, failover);
    let acknowledged = acknowledged.concat();
    scene.assert_recovered(won, held.len()).await;
    let kept = scene.race(&acknowledged, async |_| {}).await;
    assert_eq!(
        kept,
        acknowledged.len(),
        "a login that was acknowledged is lost"
    );
    for code in &used {
        let (status, error) = told(scene.redeem(code).await).await;
        assert_eq!(
            (status, &*error),
            (StatusCode::BAD_REQUEST, "invalid_grant")
        );
    }

    scene.server.return_as_standby().expect("it comes back");
    scene.relay.lead_to(scene.server.address());
    scene.relay.cut();
    for _ in 0..20 {
        let answer = scene.userinfo(access_token).await;
        assert!(is_not_now(&answer), "answered from the past: {answer:?}");
    }
    scene.assert_no_login().await;
    scene.becomes(false).await;
    scene.relay.lead_to(second.address());
    scene.relay.cut();
    let ready = scene.becomes(true).await;
    println!("ready {ready:?} after the address leads to the second server again");
    scene.assert_serves().await;
}
