use realmwright_keys::{SecretValue, SecretValues};
use realmwright_snapshot::{FORMAT, RealmSnapshot, RegionName, Sealer, SecretHandle, open, sample};

use super::*;

fn realm() -> RealmSnapshot {
    sample::realm([sample::client("demo")])
}

fn envelope(sealed: &Sealed, realm: &RealmSnapshot, revision: u64) -> Envelope {
    Envelope {
        format: FORMAT,
        requires: Vec::new(),
        realm: realm.core.id.clone(),
        region: RegionName::from("ua"),
        incarnation: 1,
        revision,
        parent: None,
        digest: sealed.digest,
        min_keyring: 1,
        min_secrets: 1,
    }
}

fn bundle(realm: &RealmSnapshot, secrets: usize, revision: u64) -> SecretBundle {
    let mut bundle = SecretBundle::empty(realm.core.id.clone());
    bundle.revision = revision;
    for number in 0..secrets {
        let value = SecretValue::new(format!("{number:064}"));
        let since = "2026-01-01T00:00:00Z".parse().unwrap();
        let handle = SecretHandle::from(format!("client/{number}").as_str());
        bundle
            .secrets
            .insert(handle, SecretValues::of(value, since));
    }
    bundle
}

fn offer(realm: &RealmSnapshot, revision: u64) -> Offer {
    let sealed = Sealer::new().seal(realm).unwrap();
    Offer {
        envelope: envelope(&sealed, realm, revision),
        sealed: Arc::new(sealed),
        keyring: Arc::new(Keyring {
            revision,
            ..Keyring::empty(realm.core.id.clone())
        }),
        secrets: Arc::new(bundle(realm, 1, revision)),
    }
}

/// What 10,000 clients come to, each different.
fn large() -> RealmSnapshot {
    let mut realm = realm();
    let clients = (0..10_000_u32).map(|number| {
        let mut client = sample::client(&format!("client-{number}"));
        let seed = Digest::of(client.id.as_str().as_bytes()).to_string();
        client.display_name = [("en", seed.as_str())].into();
        (client.id.clone(), Arc::new(client))
    });
    realm.clients = clients.collect();
    realm
}

fn written(offer: &Offer) -> Vec<Secret> {
    let mut objects = snapshot_objects(&offer.envelope, &offer.sealed).unwrap();
    let name = keyring_name(offer.realm(), offer.keyring.revision);
    objects.push(keyring_object(&offer.keyring, name).unwrap());
    objects.extend(bundle_objects(&offer.secrets).unwrap());
    objects
}

fn named<'a>(objects: &'a [Secret], name: &str) -> &'a Secret {
    let mut objects = objects.iter();
    objects
        .find(|object| object.metadata.name.as_deref() == Some(name))
        .unwrap_or_else(|| panic!("{name}"))
}

#[test]
fn a_small_snapshot_is_one_object_and_comes_back() {
    let realm = realm();
    let offer = offer(&realm, 3);
    let objects = snapshot_objects(&offer.envelope, &offer.sealed).unwrap();
    assert_eq!(objects.len(), 1);
    let read = read_snapshot(&objects[0]).unwrap();
    assert_eq!(read.missing().count(), 0);
    let (envelope, sealed) = read.sealed();
    assert_eq!(envelope, offer.envelope);
    assert_eq!(open(&sealed, None).unwrap(), realm);
}

/// One edited client of many ships one part.
#[test]
fn a_large_snapshot_is_an_object_for_each_part() {
    let mut realm = large();
    let before = offer(&realm, 1);
    let objects = snapshot_objects(&before.envelope, &before.sealed).unwrap();
    assert_eq!(objects.len(), before.sealed.root.parts.len() + 1);
    for object in &objects {
        assert!(serde_json::to_vec(object).unwrap().len() < 1024 * 1024);
        assert_eq!(object.immutable, Some(true));
    }
    let mut read = read_snapshot(objects.last().unwrap()).unwrap();
    let missing: Vec<Digest> = read.missing().copied().collect();
    for digest in missing {
        let part = named(&objects, &part_name(&realm.core.id, &digest));
        read.parts.insert(digest, read_part(part, &digest).unwrap());
    }
    let (_, sealed) = read.sealed();
    assert_eq!(open(&sealed, None).unwrap(), realm);

    let mut edited = sample::client("client-7");
    edited.display_name = [("en", "Another name")].into();
    realm.clients.insert(edited.id.clone(), Arc::new(edited));
    let after = offer(&realm, 2);
    let names = |offer: &Offer| -> BTreeSet<String> {
        let objects = snapshot_objects(&offer.envelope, &offer.sealed).unwrap();
        objects
            .iter()
            .map(|object| name_of(&object.metadata))
            .collect()
    };
    let news: Vec<String> = names(&after).difference(&names(&before)).cloned().collect();
    assert_eq!(news.len(), 2, "one part and the root: {news:?}");
}

#[test]
fn a_bundle_of_any_size_comes_back_from_its_chunks() {
    let realm = realm();
    for (secrets, expected) in [(0, 1), (3, 1), (20_000, 4)] {
        let bundle = bundle(&realm, secrets, 7);
        let objects = bundle_objects(&bundle).unwrap();
        let first = named(&objects, &secrets_name(&realm.core.id, 7, 0));
        assert!(chunks(first) >= expected, "{}", chunks(first));
        let in_order: Vec<Secret> = (0..chunks(first))
            .map(|chunk| named(&objects, &secrets_name(&realm.core.id, 7, chunk)).clone())
            .collect();
        assert_eq!(read_bundle(&in_order).unwrap(), bundle);
        // Who finds the first finds all.
        assert_eq!(objects.last().unwrap().metadata.name, first.metadata.name);
    }
}

#[test]
fn the_head_comes_back_with_its_realm() {
    let head = Head {
        incarnation: 2,
        revision: 9,
        keyring: 4,
        secrets: 5,
    };
    let realm = RealmId::from("identity.main");
    let object = head_object(&realm, &head).unwrap();
    assert_eq!(read_head(&object).unwrap(), (realm, head));
}

#[test]
fn what_is_no_artefact_says_so_without_its_content() {
    let realm = realm();
    let offer = offer(&realm, 1);
    let mut objects = written(&offer);
    let planted = "planted-secret-1c9a";
    for object in &mut objects {
        for bytes in object.data.iter_mut().flat_map(BTreeMap::values_mut) {
            bytes.0 = planted.as_bytes().to_vec();
        }
    }
    let [snapshot, keyring, bundle] = objects.as_slice() else {
        panic!("three objects");
    };
    let faults = [
        read_snapshot(snapshot).map(|_| ()).unwrap_err(),
        read_keyring(keyring).map(|_| ()).unwrap_err(),
        read_bundle(std::slice::from_ref(bundle))
            .map(|_| ())
            .unwrap_err(),
    ];
    for fault in faults {
        let text = format!("{fault} {fault:?}");
        assert!(!text.contains(planted), "{text}");
    }
    let mut misnamed = written(&offer).remove(0);
    misnamed.metadata.name = Some(snapshot_name(&realm.core.id, (1, 2)));
    assert!(matches!(
        read_snapshot(&misnamed),
        Err(ObjectFault::Misnamed { .. })
    ));
}

#[test]
fn five_revisions_are_kept_and_the_parts_that_they_use() {
    let mut realm = large();
    let mut objects = Vec::new();
    let mut last = None;
    for revision in 1..=8 {
        let mut edited = sample::client("client-7");
        edited.display_name = [("en", format!("Name {revision}").as_str())].into();
        realm.clients.insert(edited.id.clone(), Arc::new(edited));
        let offer = offer(&realm, revision);
        let known: BTreeSet<String> = objects
            .iter()
            .map(|object: &Secret| name_of(&object.metadata))
            .collect();
        let news = written(&offer).into_iter();
        objects.extend(news.filter(|object| !known.contains(&name_of(&object.metadata))));
        last = Some(offer);
    }
    let gone = superfluous(&objects, &last.unwrap(), 5);
    let count = |artefact: Artefact| {
        let prefix = format!("{}.", artefact.as_str());
        gone.iter().filter(|name| name.starts_with(&prefix)).count()
    };
    assert_eq!(count(Artefact::Snapshot), 3);
    assert_eq!(count(Artefact::Keyring), 3);
    assert_eq!(count(Artefact::Secrets), 3);
    assert_eq!(count(Artefact::Part), 3, "the part that each edit replaced");
    objects.retain(|object| !gone.contains(&name_of(&object.metadata)));
    for revision in 4..=8 {
        let name = snapshot_name(&realm.core.id, (1, revision));
        let read = read_snapshot(named(&objects, &name)).unwrap();
        for digest in read.missing() {
            named(&objects, &part_name(&realm.core.id, digest));
        }
    }
}
