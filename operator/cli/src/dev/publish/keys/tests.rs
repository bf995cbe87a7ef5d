use std::fs;
use std::time::Duration;

use realmwright_compiler::Manifests;
use realmwright_idp::clock::SystemClock;
use realmwright_idp::hot_swap::HotSwap;
use realmwright_keys::{KeyStanding, Purpose, Standing};
use realmwright_snapshot::SigningAlgorithm;

use super::*;
use crate::arguments::PurposeName;
use crate::dev::state::State;
use crate::keys::replace::{Cause, Which};

const REALM: &str = "
apiVersion: realmwright.dev/v1alpha1
kind: Region
metadata: {name: ua}
spec:
  country: UA
  hosts: [{pattern: id.example.com, namespaces: [identity]}]
---
apiVersion: realmwright.dev/v1alpha1
kind: Realm
metadata: {namespace: identity, name: main}
spec:
  placements: [{region: ua, issuer: 'https://id.example.com/main'}]
  keys: {jwksMaxAge: 10s, publishAhead: AHEAD}
";

const SIGN: Purpose = Purpose::Sign {
    alg: SigningAlgorithm::ES256,
};

/// A folder that is served, by a clock that the test moves.
struct Bench {
    folder: tempfile::TempDir,
    publisher: Publisher,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        drop(State::of(folder.path()).prepare().unwrap());
        let publisher = Publisher::new(
            State::of(folder.path()),
            "http://127.0.0.1:8080".parse().unwrap(),
            None,
            Arc::new(HotSwap::new(Arc::new(SystemClock))),
        );
        let mut bench = Self { folder, publisher };
        bench.publish("60s", 0);
        bench.publisher.advance_keys(at(0)).unwrap();
        bench
    }

    fn publish(&mut self, ahead: &str, now: i64) {
        let text = REALM.replace("AHEAD", ahead);
        let manifests: Manifests = [("realm.yaml".to_owned(), text.into_bytes())]
            .into_iter()
            .collect();
        let report = self.publisher.publish(&manifests, at(now)).unwrap();
        assert!(!report.has_errors(), "{report:?}");
    }

    fn rotate(&mut self, now: i64) -> anyhow::Result<Replaced> {
        let wanted = Wanted {
            realm: None,
            keys: Which::InUseFor(PurposeName::Sign),
            cause: Cause::Planned,
        };
        self.publisher.replace_keys(&wanted, at(now))
    }

    /// What the served signing keys do, oldest first.
    fn signing(&self, now: i64) -> Vec<Standing> {
        let placement = self.publisher.served().values().next().unwrap();
        let keys = placement.offer.keyring.standings(at(now));
        let signing = keys
            .into_iter()
            .filter(|key: &KeyStanding| key.purpose == SIGN);
        signing.map(|key| key.standing).collect()
    }

    fn rest(&self, now: i64) -> Duration {
        self.publisher.keys_rest(at(now)).unwrap()
    }
}

/// KC-KEY-02: it is looked at when the time comes, and not before.
#[test]
fn a_rotation_begins_at_once_and_ends_at_its_time() {
    let mut bench = Bench::new();
    let replaced = bench.rotate(100).unwrap();
    assert_eq!(replaced.keys[0].used_from, Some(at(160)));
    assert_eq!(bench.signing(100), [Standing::InUse, Standing::Upcoming]);
    assert_eq!(bench.rest(100), Duration::from_secs(60));
    assert!(bench.publisher.advance_keys(at(159)).unwrap().is_empty());
    assert_eq!(bench.publisher.advance_keys(at(160)).unwrap().len(), 1);
    assert_eq!(bench.signing(160), [Standing::Former, Standing::InUse]);
    assert!(bench.rest(160) > Duration::from_secs(60));
}

/// Another policy has other times: they are looked at with the edit.
#[test]
fn an_edit_of_the_policy_is_looked_at_at_once() {
    let mut bench = Bench::new();
    assert!(bench.rest(1) > Duration::from_secs(1000));
    bench.publish("60s", 1);
    assert!(bench.rest(1) > Duration::from_secs(1000), "nothing changed");
    bench.publish("20s", 2);
    assert_eq!(bench.rest(2), Duration::ZERO);
    bench.publisher.advance_keys(at(2)).unwrap();
    let replaced = bench.rotate(100).unwrap();
    assert_eq!(replaced.keys[0].used_from, Some(at(120)));
}

/// A keyring that cannot be read is said to be so now and then, and not without a pause.
#[test]
fn what_fails_is_tried_again_later() {
    let mut bench = Bench::new();
    let kept = bench
        .folder
        .path()
        .join(".realmwright/keyring/identity.main.json");
    let good = fs::read(&kept).unwrap();
    bench.publish("20s", 1);
    fs::write(&kept, b"{").unwrap();
    assert!(bench.publisher.advance_keys(at(1)).is_err());
    assert!(bench.rotate(1).is_err());
    assert_eq!(bench.rest(1), Duration::from_secs(30));
    assert_eq!(
        bench.signing(1),
        [Standing::InUse],
        "it goes on being served"
    );
    fs::write(&kept, good).unwrap();
    assert!(bench.publisher.advance_keys(at(31)).unwrap().is_empty());
    assert!(bench.rest(31) > Duration::from_secs(1000));
}

/// What was asked for and kept is served as soon as it can be, however often it takes.
#[test]
fn what_is_kept_is_served_in_the_end() {
    let mut bench = Bench::new();
    let state = bench.folder.path().join(".realmwright");
    let (published, away) = (state.join("published"), state.join("away"));
    fs::rename(&published, &away).unwrap();
    fs::write(&published, b"").unwrap();
    assert!(bench.rotate(100).is_err());
    assert_eq!(bench.rest(100), Duration::from_secs(30));
    fs::remove_file(&published).unwrap();
    fs::rename(&away, &published).unwrap();
    assert_eq!(bench.publisher.advance_keys(at(130)).unwrap().len(), 1);
    assert_eq!(bench.signing(130), [Standing::InUse, Standing::Upcoming]);
    assert_eq!(bench.rest(130), Duration::from_secs(30));
}
