use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;
use std::{fs, io};

use realmwright_compiler::{CompileProfile, Compiler};
use realmwright_idp::clock::SystemClock;
use realmwright_idp::hot_swap::HotSwap;
use realmwright_keys::PreviousValue;

use super::*;
use crate::dev::publish::Report;

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
---
apiVersion: realmwright.dev/v1alpha1
kind: Client
metadata: {namespace: identity, name: demo}
spec:
  realmRef: {name: main}
  oidc:
    authentication:
      secret: SECRET
    grantTypes: [client_credentials]
";

/// Long after everything, and before a key is due.
const LATER: i64 = 1_000_000;

const ROTATED: &str = "{generated: {rotation: {interval: 1000s, overlap: 100s}}}";

const OWN: &str = "
apiVersion: v1
kind: Secret
metadata: {namespace: identity, name: demo-client}
stringData: {clientSecret: written-by-a-person-0123456789}
";

/// A folder that is served, by a clock that the test moves.
struct Bench {
    folder: tempfile::TempDir,
    publisher: Publisher,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn realm() -> RealmId {
    RealmId::from("identity.main")
}

fn publisher(folder: &tempfile::TempDir) -> Publisher {
    Publisher::new(
        State::of(folder.path()),
        "http://127.0.0.1:8080".parse().unwrap(),
        None,
        Arc::new(HotSwap::new(Arc::new(SystemClock))),
    )
}

impl Bench {
    /// Serves a client with such a secret at the second 0.
    fn of(secret: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        drop(State::of(folder.path()).prepare().unwrap());
        let publisher = publisher(&folder);
        let mut bench = Self { folder, publisher };
        bench.say(secret);
        bench.publish(0);
        // Our own writing wakes it again.
        bench.publish(0);
        bench
    }

    fn state(&self) -> State {
        State::of(self.folder.path())
    }

    /// Edits the client.
    fn say(&self, secret: &str) {
        let text = REALM.replace("SECRET", secret);
        fs::write(self.folder.path().join("realm.yaml"), text).unwrap();
    }

    fn publish(&mut self, now: i64) -> Report {
        let manifests = crate::folder::read(self.folder.path()).unwrap();
        let report = self.publisher.publish(&manifests, at(now)).unwrap();
        assert!(!report.has_errors(), "{report:?}");
        report
    }

    /// What the loop of `dev` does when it wakes.
    fn wake(&mut self, now: i64) -> Vec<Replaced> {
        let replaced = self.publisher.advance_secrets(at(now)).unwrap();
        // Our own writing wakes it again, and nothing comes of it.
        let report = self.publish(now);
        assert!(report.live.is_empty() && !report.has_errors(), "{report:?}");
        replaced
    }

    /// The same folder in a new process.
    fn start_again(&mut self, now: i64) {
        self.publisher = publisher(&self.folder);
        self.publish(now);
    }

    fn bundle(&self) -> Arc<SecretBundle> {
        Arc::clone(&self.publisher.served()[&realm()].offer.secrets)
    }

    fn values(&self) -> SecretValues {
        let bundle = self.bundle();
        bundle.secrets.values().next().unwrap().clone()
    }

    fn accepts(&self, value: &str, now: i64) -> bool {
        self.values().accepted().any(|(accepted, end)| {
            accepted.expose() == value && end.is_none_or(|end| at(now) < end)
        })
    }

    fn manifest(&self) -> PathBuf {
        let name = "identity.demo-client.clientSecret.yaml";
        self.state().secrets().join(name)
    }

    /// The current and the former value, as the manifest tells them to their owner.
    fn told(&self) -> (String, Option<String>) {
        let manifests = crate::folder::read(self.folder.path()).unwrap();
        let compiled = Compiler::new().compile(&manifests, &CompileProfile::Production);
        let value = |name: &str| {
            let key = SecretKey {
                namespace: "identity".into(),
                name: "demo-client".into(),
                key: name.into(),
            };
            let bytes = compiled.secrets.get(&key)?.expose_secret();
            Some(String::from_utf8(bytes.to_vec()).unwrap())
        };
        (
            value("clientSecret").unwrap(),
            value("clientSecretPrevious"),
        )
    }

    fn rest(&self, now: i64) -> Option<Duration> {
        self.publisher.secrets_rest(at(now))
    }
}

/// OIDC-10, OIDC-11: the whole life of a value, in the bundle and in the manifest.
#[test]
fn a_generated_secret_is_replaced_by_schedule_with_an_overlap() {
    let mut bench = Bench::of(ROTATED);
    let (first, none) = bench.told();
    assert_eq!(none, None);
    assert_eq!(bench.wake(999), []);
    assert_eq!(bench.rest(999), Some(Duration::from_secs(1)));
    assert_eq!(bench.told(), (first.clone(), None));

    let replaced = bench.wake(1000);
    let [replaced] = replaced.as_slice() else {
        panic!("{replaced:?}");
    };
    assert_eq!(
        replaced.secret.to_string(),
        "identity/demo-client[clientSecret]"
    );
    assert_eq!(replaced.former_until, Some(at(1100)));
    let (second, former) = bench.told();
    assert_ne!(second, first);
    assert_eq!(former.as_ref(), Some(&first));
    let text = fs::read_to_string(bench.manifest()).unwrap();
    let until = format!("{:.0}", at(1100));
    assert!(
        text.contains(&format!("realmwright.dev/previous-until: \"{until}\"")),
        "{text}"
    );
    assert!(bench.accepts(&first, 1099) && bench.accepts(&second, 1099));
    assert!(!bench.accepts(&first, 1100) && bench.accepts(&second, 1100));

    assert_eq!(bench.wake(1099), []);
    assert_eq!(bench.rest(1099), Some(Duration::from_secs(1)));
    assert_eq!(bench.wake(1100), []);
    assert_eq!(bench.told(), (second.clone(), None));
    assert_eq!(bench.values().previous, None);
    assert_eq!(bench.rest(1100), Some(Duration::from_secs(900)));

    assert_eq!(bench.wake(1999), []);
    assert_eq!(bench.wake(2000).len(), 1);
    assert_eq!(bench.told().1, Some(second));
}

/// OIDC-11: the schedule and the former value survive the process.
#[test]
fn a_new_process_goes_on_with_the_schedule() {
    let mut bench = Bench::of(ROTATED);
    let (first, _) = bench.told();
    bench.start_again(500);
    assert_eq!(bench.wake(999), []);
    bench.start_again(1000);
    assert_eq!(bench.wake(1000).len(), 1);
    bench.start_again(1050);
    let (second, former) = bench.told();
    assert_eq!(former, Some(first.clone()));
    assert!(bench.accepts(&first, 1099) && !bench.accepts(&first, 1100));
    bench.start_again(5000);
    assert!(bench.accepts(&second, 5000));
    // What was due meanwhile is done at once, and once.
    assert_eq!(bench.wake(5000).len(), 1);
    assert_eq!(bench.told().1, Some(second));
}

/// The process ends after the new value was told and before the bundle that says so is kept.
#[test]
fn a_value_that_was_told_is_accepted_whatever_happens() {
    let mut bench = Bench::of(ROTATED);
    let (first, _) = bench.told();
    let served = bench.bundle();
    let handle: SecretHandle = served.secrets.keys().next().unwrap().clone();
    let placement = bench.publisher.served()[&realm()].clone();
    let mut generator = realmwright_keys::SystemGenerator::default();
    let state = bench.state();
    let mut take = |served: &SecretBundle| {
        Turn::take(
            &state,
            &mut generator,
            &placement.compiled,
            served,
            at(1000),
        )
        .unwrap()
    };
    // The first step is kept, the second only told.
    let offer = Offer {
        secrets: Arc::new(take(&served).applied(&served)),
        ..placement.offer.clone()
    };
    bench.publisher.offer(&offer, at(1000)).unwrap();
    let told = take(&offer.secrets);
    assert_eq!(told.replaced.len(), 1);
    let second = told.changed[&handle].current.clone();
    assert_eq!(bench.told().0, second.expose());

    bench.start_again(1001);
    assert!(bench.accepts(second.expose(), 1001) && bench.accepts(&first, 1001));
    assert_eq!(bench.wake(1001), []);
    assert_eq!(bench.told(), (second.expose().to_owned(), Some(first)));
}

/// OIDC-11: what others supply, others rotate.
#[test]
fn a_supplied_secret_is_never_replaced() {
    for (secret, supplied) in [
        ("{secretRef: {name: demo-client, key: clientSecret}}", OWN),
        // A Secret by the name of the generated one, that is not ours.
        (ROTATED, OWN),
    ] {
        let folder = tempfile::tempdir().unwrap();
        drop(State::of(folder.path()).prepare().unwrap());
        fs::write(folder.path().join("secret.yaml"), supplied).unwrap();
        let publisher = publisher(&folder);
        let mut bench = Bench { folder, publisher };
        bench.say(secret);
        bench.publish(0);
        let served = bench.bundle();
        assert_eq!(bench.wake(LATER), [], "{secret}");
        assert_eq!(bench.rest(LATER), None);
        assert_eq!(bench.bundle(), served);
        assert!(!bench.manifest().exists());
        let own = fs::read_to_string(bench.folder.path().join("secret.yaml")).unwrap();
        assert_eq!(own, supplied);
    }
}

/// OIDC-10: without a schedule a value stays.
#[test]
fn without_a_schedule_nothing_is_replaced() {
    let mut bench = Bench::of("{generated: {}}");
    let told = bench.told();
    assert_eq!(bench.wake(LATER), []);
    assert_eq!(bench.rest(LATER), None);
    assert_eq!(bench.told(), told);
}

/// OIDC-11: by hand, whether there is a schedule or not.
#[test]
fn a_manifest_that_is_removed_comes_back_with_a_new_value() {
    for (secret, overlap) in [(ROTATED, 100), ("{generated: {}}", 3600)] {
        let mut bench = Bench::of(secret);
        let (first, _) = bench.told();
        fs::remove_file(bench.manifest()).unwrap();
        bench.publish(50);
        let (second, former) = bench.told();
        assert_ne!(second, first);
        assert_eq!(former.as_ref(), Some(&first));
        assert!(bench.accepts(&second, 50));
        let end = 50 + overlap;
        assert!(bench.accepts(&first, end - 1) && !bench.accepts(&first, end));
        assert_eq!(bench.wake(end), []);
        assert_eq!(bench.told(), (second, None));
    }
}

/// OIDC-11: what a person writes into our manifest is their rotation.
#[test]
fn a_value_that_is_written_into_the_manifest_replaces_ours() {
    let mut bench = Bench::of(ROTATED);
    let (first, _) = bench.told();
    fs::write(bench.manifest(), OWN).unwrap();
    bench.publish(10);
    let own = "written-by-a-person-0123456789";
    assert_eq!(bench.told(), (own.to_owned(), Some(first.clone())));
    assert!(bench.accepts(own, 10) && bench.accepts(&first, 109) && !bench.accepts(&first, 110));
}

#[test]
fn another_schedule_holds_at_once() {
    let mut bench = Bench::of(ROTATED);
    bench.say("{generated: {rotation: {interval: 20s, overlap: 10s}}}");
    bench.publish(15);
    assert_eq!(bench.wake(19), []);
    assert_eq!(bench.wake(20).len(), 1);
    bench.say("{generated: {}}");
    bench.publish(25);
    assert!(
        matches!(bench.values().previous, Some(PreviousValue { not_after, .. }) if not_after == at(30))
    );
    assert_eq!(bench.wake(LATER), []);
    assert_eq!(bench.values().previous, None);
}

#[test]
fn files_are_for_their_owner_and_written_only_when_they_change() {
    let mut bench = Bench::of(ROTATED);
    let plain = bench
        .publisher
        .keep_client_secret(&realm(), "demo")
        .unwrap()
        .unwrap();
    let seen = |path: &PathBuf| -> io::Result<(u64, u32)> {
        let found = fs::metadata(path)?;
        Ok((found.ino(), found.permissions().mode() & 0o777))
    };
    let files = [bench.manifest(), plain.clone()];
    let before = files.each_ref().map(|path| seen(path).unwrap());
    assert!(before.iter().all(|(_, mode)| *mode == 0o600));
    bench.wake(999);
    let after = files.each_ref().map(|path| seen(path).unwrap());
    assert_eq!(after, before);

    // A program that was given the secret in a file finds the new one there.
    bench.wake(1000);
    assert_eq!(fs::read_to_string(&plain).unwrap(), bench.told().0);
    for path in &files {
        assert_eq!(seen(path).unwrap().1, 0o600);
    }
    // One that others could read is made private again.
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o644)).unwrap();
    bench.publish(1001);
    assert_eq!(seen(&plain).unwrap().1, 0o600);
}

#[test]
fn a_failure_is_not_repeated_without_a_rest() {
    let mut bench = Bench::of(ROTATED);
    bench.wake(0);
    fs::remove_dir_all(bench.state().published()).unwrap();
    fs::write(bench.state().published(), "in the way").unwrap();
    assert!(bench.publisher.advance_secrets(at(1000)).is_err());
    assert_eq!(bench.rest(1000), None);
}
