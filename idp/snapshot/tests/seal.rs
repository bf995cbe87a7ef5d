//! Sealing: whole or nothing (design.md promise 2), work that grows with the edit (promise 3).
#![expect(
    clippy::unwrap_used,
    reason = "a fixture that cannot be made fails the test"
)]

use std::sync::Arc;

use proptest::prelude::*;
use realmwright_snapshot::{
    Digest, Envelope, EnvelopeFault, FORMAT, LocalizedText, PartName, RealmSnapshot, SealFault,
    Sealed, Sealer, canonical_json, open, sample,
};

fn seal(realm: &RealmSnapshot) -> Sealed {
    Sealer::new().seal(realm).unwrap()
}

fn realm_of(count: usize) -> RealmSnapshot {
    sample::realm((0..count).map(|n| sample::client(&format!("client-{n}"))))
}

fn edit(realm: &mut RealmSnapshot, id: &str) {
    let client = realm.clients.get_mut(id).unwrap();
    Arc::make_mut(client).display_name = LocalizedText::from([("en", "Edited")]);
}

#[test]
fn a_sealed_realm_opens_to_itself() {
    let realm = realm_of(300);
    assert_eq!(open(&seal(&realm), None).unwrap(), realm);
}

#[test]
fn an_edited_client_changes_one_part_and_leaves_the_others() {
    let mut realm = realm_of(1000);
    let mut sealer = Sealer::new();
    let before = sealer.seal(&realm).unwrap();
    edit(&mut realm, "client-500");
    let after = sealer.seal(&realm).unwrap();
    let changed: Vec<_> = after
        .root
        .parts
        .iter()
        .filter(|part| !before.root.parts.contains(part))
        .collect();
    assert!(matches!(changed[..], [(PartName::Clients(_), _)]));
    assert_eq!(sealer.made(), 1);
    assert_ne!(before.digest, after.digest);
    assert_eq!(after.digest, seal(&realm).digest, "memory never shows");
}

#[test]
fn opening_shares_the_clients_of_unchanged_parts() {
    let mut realm = realm_of(1000);
    let first = seal(&realm);
    let served = open(&first, None).unwrap();
    edit(&mut realm, "client-500");
    let next = open(&seal(&realm), Some((&first, &served))).unwrap();
    assert_eq!(next, realm);
    let shared = next
        .clients
        .iter()
        .filter(|(id, client)| Arc::ptr_eq(client, served.clients.get(*id).unwrap()))
        .count();
    assert!(shared >= 980, "only {shared} of 1000 clients are shared");
}

#[test]
fn a_removed_client_is_not_resurrected_by_sharing() {
    let mut realm = realm_of(10);
    let first = seal(&realm);
    let served = open(&first, None).unwrap();
    realm.clients.remove("client-3");
    let next = open(&seal(&realm), Some((&first, &served))).unwrap();
    assert!(!next.clients.contains_key("client-3"));
}

/// A client in a part that its identifier does not name would be there and never found, or found
/// twice.
#[test]
fn a_client_in_another_part_is_refused() {
    let sealed = seal(&realm_of(2));
    let clients: Vec<usize> = (0..sealed.root.parts.len())
        .filter(|index| matches!(sealed.root.parts[*index].0, PartName::Clients(_)))
        .collect();
    let [first, second] = clients[..] else {
        unreachable!("two clients in two parts");
    };
    let mut swapped = sealed;
    let other = swapped.root.parts[second].1;
    swapped.root.parts[first].1 = other;
    swapped.digest = Digest::of(&canonical_json(&swapped.root).unwrap());
    let name = swapped.root.parts[first].0.clone();
    assert!(matches!(open(&swapped, None), Err(SealFault::Misplaced(part)) if part == name));
}

#[test]
fn altered_missing_and_foreign_parts_are_refused() {
    let sealed = seal(&realm_of(3));
    let (name, digest) = sealed.root.parts[0].clone();

    let mut missing = sealed.clone();
    missing.parts.remove(&digest);
    assert!(matches!(open(&missing, None), Err(SealFault::Missing(part)) if part == name));

    let mut altered = sealed.clone();
    let other = altered.parts[&sealed.root.parts[1].1].clone();
    altered.parts.insert(digest, other);
    assert!(matches!(open(&altered, None), Err(SealFault::Digest(part)) if part == name));

    let mut garbage = sealed.clone();
    garbage.parts.insert(digest, b"not zstd".to_vec().into());
    assert!(matches!(open(&garbage, None), Err(SealFault::Compression(part, _)) if part == name));

    let mut renamed = sealed.clone();
    renamed.digest = Digest::of(b"another");
    assert!(matches!(open(&renamed, None), Err(SealFault::Root)));
}

#[test]
fn a_part_that_swells_beyond_any_real_one_is_refused() {
    let mut sealed = seal(&realm_of(1));
    let (name, digest) = sealed.root.parts[0].clone();
    let bomb =
        zstd::encode_all(std::io::Read::take(std::io::repeat(0), 65 * 1024 * 1024), 1).unwrap();
    sealed.parts.insert(digest, bomb.into());
    assert!(matches!(open(&sealed, None), Err(SealFault::TooLarge(part)) if part == name));
}

fn envelope(incarnation: u64, revision: u64) -> Envelope {
    Envelope {
        format: FORMAT,
        requires: Vec::new(),
        realm: "identity.sample".into(),
        region: "ua".into(),
        incarnation,
        revision,
        parent: None,
        digest: Digest::of(b"root"),
        min_keyring: 1,
        min_secrets: 1,
    }
}

#[test]
fn an_envelope_is_admitted_only_forwards() {
    assert_eq!(envelope(1, 5).admit(None), Ok(()));
    assert_eq!(envelope(1, 6).admit(Some(&envelope(1, 5))), Ok(()));
    assert_eq!(envelope(2, 1).admit(Some(&envelope(1, 5))), Ok(()));
    assert!(matches!(
        envelope(1, 4).admit(Some(&envelope(1, 5))),
        Err(EnvelopeFault::Older { .. })
    ));
    assert!(matches!(
        envelope(1, 9).admit(Some(&envelope(2, 1))),
        Err(EnvelopeFault::Older { .. })
    ));
}

#[test]
fn a_snapshot_that_requires_an_unknown_restriction_is_refused() {
    let mut strange = envelope(1, 1);
    strange.requires = vec!["step-up-by-moon-phase".to_owned()];
    assert!(matches!(
        strange.admit(None),
        Err(EnvelopeFault::Requires(_))
    ));
    let mut newer = envelope(1, 1);
    newer.format = FORMAT + 1;
    assert!(matches!(newer.admit(None), Err(EnvelopeFault::Format(_))));
}

proptest! {
    #[test]
    fn clients_in_any_order_give_one_digest(ids in proptest::collection::hash_set("[a-z]{1,8}", 1..20)) {
        let forwards = sample::realm(ids.iter().map(|id| sample::client(id)));
        let mut reversed: Vec<_> = ids.iter().collect();
        reversed.reverse();
        let backwards = sample::realm(reversed.into_iter().map(|id| sample::client(id)));
        prop_assert_eq!(seal(&forwards).digest, seal(&backwards).digest);
    }

    #[test]
    fn canonical_json_sorts_keys_at_every_depth(keys in proptest::collection::vec("[a-z]{1,4}", 0..8)) {
        let mut forwards = serde_json::Map::new();
        let mut backwards = serde_json::Map::new();
        for key in &keys {
            forwards.insert(key.clone(), serde_json::json!({"b": 1, "a": [key]}));
        }
        for key in keys.iter().rev() {
            backwards.insert(key.clone(), serde_json::json!({"a": [key], "b": 1}));
        }
        let forwards = canonical_json(&forwards).unwrap();
        prop_assert_eq!(&forwards, &canonical_json(&backwards).unwrap());
        let read: serde_json::Value = serde_json::from_slice(&forwards).unwrap();
        prop_assert_eq!(serde_json::to_vec(&read).is_ok(), true);
    }

    #[test]
    fn arbitrary_bytes_never_open(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let mut sealed = seal(&realm_of(1));
        let digest = sealed.root.parts[0].1;
        sealed.parts.insert(digest, bytes.into());
        prop_assert!(open(&sealed, None).is_err());
    }
}
