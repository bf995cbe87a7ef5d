use std::fs;
use std::path::Path;

use realmwright_keys::Keyring;

use super::*;
use crate::clock::SystemClock;
use crate::fixture::{keyring, now, offer, offer_of, snapshot, swap};
use crate::hot_swap::HotSwap;
use crate::served::{Preparation, Served};

const ID: &str = "a.main";
const ISSUER: &str = "https://id.example.com";

fn folder() -> (tempfile::TempDir, Directory) {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::new(folder.path());
    (folder, directory)
}

fn source(directory: &Directory) -> (DirectorySource, Arc<HotSwap>) {
    let swap = swap();
    let source = DirectorySource::new(directory.clone(), Arc::clone(&swap), Arc::new(SystemClock));
    (source, swap)
}

fn revision(swap: &HotSwap) -> Option<u64> {
    swap.current()
        .get(&RealmId::from(ID))
        .map(|served| served.version().revision)
}

#[test]
fn what_is_stored_is_loaded() {
    let (_folder, directory) = folder();
    let offer = offer(ID, ISSUER, 3);
    directory.store(&offer).unwrap();
    let heads = directory.heads().unwrap();
    let (realm, head) = heads.first_key_value().unwrap();
    let loaded = directory.load(realm, *head).unwrap();
    assert!(loaded.is_same_as(&offer));
    Served::new(loaded, None, Preparation::Before, now()).unwrap();
}

#[test]
fn artefacts_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, directory) = folder();
    directory.store(&offer(ID, ISSUER, 1)).unwrap();
    let keys = folder.path().join(ID).join("keyrings/1.json");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&keys), 0o600);
    assert_eq!(mode(keys.parent().unwrap()), 0o700);
}

#[test]
fn the_source_follows_the_head() {
    let (folder, directory) = folder();
    let (mut source, swap) = source(&directory);
    source.look().unwrap();
    assert!(swap.current().is_empty());

    let values = snapshot(ID, ISSUER);
    let keys = keyring(&values);
    directory
        .store(&offer_of(&values, keys.clone(), 1))
        .unwrap();
    source.look().unwrap();
    assert_eq!(revision(&swap), Some(1));
    directory.store(&offer_of(&values, keys, 2)).unwrap();
    source.look().unwrap();
    assert_eq!(revision(&swap), Some(2));
    assert!(*source.is_served().borrow());

    fs::remove_dir_all(folder.path().join(ID)).unwrap();
    source.look().unwrap();
    assert!(
        swap.current().is_empty(),
        "a realm that is gone is not served"
    );
}

/// Readiness means all three artefacts.
#[test]
fn a_keyring_that_is_behind_its_head_is_not_served_as_the_head_says() {
    let (folder, directory) = folder();
    let (mut source, swap) = source(&directory);
    let values = snapshot(ID, ISSUER);
    let keys = keyring(&values);
    directory
        .store(&offer_of(&values, keys.clone(), 1))
        .unwrap();
    source.look().unwrap();
    let newer = Keyring {
        revision: keys.revision + 1,
        ..keys
    };
    directory.store(&offer_of(&values, newer, 1)).unwrap();
    fs::write(folder.path().join(ID).join("keyrings/2.json"), b"{").unwrap();
    source.look().unwrap();
    assert_eq!(revision(&swap), Some(1));
    assert!(!*source.is_served().borrow());
}

#[test]
fn an_older_head_is_refused() {
    let (_folder, directory) = folder();
    let (mut source, swap) = source(&directory);
    let values = snapshot(ID, ISSUER);
    let keys = keyring(&values);
    directory
        .store(&offer_of(&values, keys.clone(), 5))
        .unwrap();
    source.look().unwrap();
    directory.store(&offer_of(&values, keys, 4)).unwrap();
    source.look().unwrap();
    assert_eq!(revision(&swap), Some(5));
}

#[test]
fn altered_parts_are_refused_and_the_former_goes_on() {
    let (folder, directory) = folder();
    let (mut source, swap) = source(&directory);
    let mut values = snapshot(ID, ISSUER);
    let keys = keyring(&values);
    directory
        .store(&offer_of(&values, keys.clone(), 1))
        .unwrap();
    source.look().unwrap();

    values.core.required_factors = 2;
    let next = offer_of(&values, keys, 2);
    directory.store(&next).unwrap();
    let [(_, core), (_, scopes), ..] = next.sealed.root.parts.as_slice() else {
        panic!("a core and scopes");
    };
    let part = folder.path().join(ID).join(format!("parts/{core}"));
    fs::write(&part, &next.sealed.parts[scopes]).unwrap();
    source.look().unwrap();
    assert_eq!(revision(&swap), Some(1));
    assert!(!*source.is_served().borrow(), "so the process is not ready");
}

#[test]
fn a_head_before_its_files_is_tried_again() {
    let (folder, directory) = folder();
    let (mut source, swap) = source(&directory);
    directory.store(&offer(ID, ISSUER, 1)).unwrap();
    let keyring = folder.path().join(ID).join("keyrings/1.json");
    let bytes = fs::read(&keyring).unwrap();
    fs::remove_file(&keyring).unwrap();
    source.look().unwrap();
    assert_eq!(revision(&swap), None);
    assert!(!*source.is_served().borrow(), "so the process is not ready");
    fs::write(&keyring, bytes).unwrap();
    source.look().unwrap();
    assert_eq!(revision(&swap), Some(1));
    assert!(*source.is_served().borrow());
}

#[test]
fn a_malformed_head_stops_nothing() {
    let (folder, directory) = folder();
    let (mut source, swap) = source(&directory);
    directory.store(&offer(ID, ISSUER, 1)).unwrap();
    source.look().unwrap();
    fs::write(folder.path().join(ID).join("head.json"), b"{").unwrap();
    assert!(matches!(source.look(), Err(DirectoryFault::Form { .. })));
    assert_eq!(revision(&swap), Some(1));
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_refused() {
    let (folder, directory) = folder();
    directory.store(&offer(ID, ISSUER, 1)).unwrap();
    let realm = folder.path().join(ID);
    fs::copy(
        realm.join("snapshots/1-1.json"),
        realm.join("snapshots/1-2.json"),
    )
    .unwrap();
    let head = Head {
        incarnation: 1,
        revision: 2,
        keyring: 1,
        secrets: 0,
    };
    assert!(matches!(
        directory.load(&RealmId::from(ID), head),
        Err(DirectoryFault::Misnamed(_))
    ));
}

#[test]
fn a_realm_id_is_never_a_path() {
    let (_folder, directory) = folder();
    for id in ["", "..", "../x", "a/b", ".hidden"] {
        assert!(
            matches!(
                directory.store(&offer(id, ISSUER, 1)),
                Err(DirectoryFault::Name(_))
            ),
            "{id}"
        );
    }
}

#[test]
fn five_revisions_are_kept_and_the_parts_that_they_use() {
    let (folder, directory) = folder();
    let mut values = snapshot(ID, ISSUER);
    let keys = keyring(&values);
    for revision in 1..=9 {
        values.core.required_factors = u8::try_from(revision).unwrap();
        directory
            .store(&offer_of(&values, keys.clone(), revision))
            .unwrap();
    }
    let count = |name: &str| {
        fs::read_dir(folder.path().join(ID).join(name))
            .unwrap()
            .count()
    };
    assert_eq!(count("snapshots"), 5);
    assert_eq!(count("keyrings"), 1);
    assert_eq!(
        count("parts"),
        5 + 2,
        "five cores, one part of scopes, one of flows"
    );
    let head = directory.heads().unwrap()[&RealmId::from(ID)];
    directory.load(&RealmId::from(ID), head).unwrap();
}

/// However many realms a folder has, one look says whether any of them moved.
#[test]
fn every_move_of_a_head_is_news() {
    let (folder, directory) = folder();
    assert_eq!(directory.news(), None);
    let mut known = Vec::new();
    for (id, revision) in [("a.main", 1), ("a.other", 1), ("a.main", 2), ("a.main", 3)] {
        directory.store(&offer(id, ISSUER, revision)).unwrap();
        let news = directory.news();
        assert!(!known.contains(&news), "{id} {revision}");
        assert_eq!(directory.news(), news);
        known.push(news);
    }
    let heads = directory.heads().unwrap();
    assert_eq!(heads.len(), 2, "the news are no realm");
    drop(folder);
}

/// A folder that others write makes no news, and is read all the same.
#[tokio::test]
async fn a_head_without_news_is_found_too() {
    let (folder, directory) = folder();
    let (source, swap) = source(&directory);
    let (elsewhere, other) = self::folder();
    other.store(&offer(ID, ISSUER, 1)).unwrap();
    let life = Lifecycle::new();
    let following = tokio::spawn(source.follow(life.clone()));
    fs::rename(elsewhere.path().join(ID), folder.path().join(ID)).unwrap();
    crate::fixture::until(|| revision(&swap) == Some(1)).await;
    life.stop();
    following.await.unwrap();
}
