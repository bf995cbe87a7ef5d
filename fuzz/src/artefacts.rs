//! What a pod serves from: snapshots, keyrings and secret bundles.

use std::sync::OnceLock;

use jiff::Timestamp;
use realmwright_keys::{
    Acknowledgements, Keyring, Material, Policy, SecretBundle, SecretValue, advance, bind,
};
use realmwright_snapshot::{
    Digest, Envelope, FORMAT, RealmSnapshot, RootManifest, Sealed, Sealer, canonical_json, open,
    sample,
};
use serde::{Deserialize, Serialize};

use crate::splice::splice;

fn realm() -> &'static RealmSnapshot {
    static REALM: OnceLock<RealmSnapshot> = OnceLock::new();
    REALM.get_or_init(|| sample::realm([sample::client("app")]))
}

fn sealed() -> &'static Sealed {
    static SEALED: OnceLock<Sealed> = OnceLock::new();
    SEALED.get_or_init(|| Sealer::new().seal(realm()).expect("the sample seals"))
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("an instant")
}

/// One part, and the bytes that are left for it.
fn part(bytes: &[u8]) -> (usize, &[u8]) {
    let (which, rest) = bytes.split_first().unwrap_or((&0, bytes));
    (usize::from(*which) % sealed().root.parts.len(), rest)
}

/// Foreign bytes in a part as it is shipped: it does not open, or unpacks to what was sealed.
pub(crate) fn snapshot_part(bytes: &[u8]) {
    let (which, bytes) = part(bytes);
    let (name, digest) = &sealed().root.parts[which];
    let mut foreign = sealed().clone();
    let shipped = splice(&foreign.parts[digest], bytes);
    foreign.parts.insert(*digest, shipped.into());
    if let Ok(opened) = open(&foreign, None) {
        assert_eq!(opened, *realm(), "{name:?}");
    }
}

/// Foreign bytes in the content of a part that is then properly sealed, as a faulty publisher might
/// do: what opens is sealed again to the same.
pub(crate) fn snapshot_content(bytes: &[u8]) {
    static OURS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let (which, bytes) = part(bytes);
    let mut foreign = sealed().clone();
    let ours = OURS.get_or_init(|| {
        let parts = sealed().root.parts.iter();
        let unpacked = parts.map(|(_, digest)| zstd::decode_all(&*sealed().parts[digest]));
        unpacked.collect::<Result<_, _>>().expect("they unpack")
    });
    let content = splice(&ours[which], bytes);
    let digest = Digest::of(&content);
    foreign.root.parts[which].1 = digest;
    foreign.digest = root_digest(&foreign.root);
    let packed = zstd::encode_all(content.as_slice(), 1).expect("memory");
    foreign.parts.insert(digest, packed.into());
    let Ok(opened) = open(&foreign, None) else {
        return;
    };
    let again = Sealer::new().seal(&opened).expect("what opened seals");
    assert_eq!(open(&again, None).expect("what was sealed opens"), opened);
    let beside = open(&foreign, Some((sealed(), realm()))).expect("opens beside a former one");
    assert_eq!(beside, opened);
    let id = &opened.core.id;
    let (keyring, bundle) = (Keyring::empty(id.clone()), SecretBundle::empty(id.clone()));
    let _ = bind(&opened, &keyring, &bundle, now(), None);
}

/// Foreign bytes in the file that names a snapshot: a manifest opens only under its own digest,
/// and only with the parts that it names.
pub(crate) fn snapshot_manifest(bytes: &[u8]) {
    #[derive(Serialize, Deserialize)]
    struct File {
        envelope: Envelope,
        root: RootManifest,
    }
    static OURS: OnceLock<Vec<u8>> = OnceLock::new();
    let ours = OURS.get_or_init(|| {
        let core = &realm().core;
        let file = File {
            envelope: Envelope {
                format: FORMAT,
                requires: Vec::new(),
                realm: core.id.clone(),
                region: core.region.clone(),
                incarnation: 1,
                revision: 2,
                parent: None,
                digest: sealed().digest,
                min_keyring: 1,
                min_secrets: 1,
            },
            root: sealed().root.clone(),
        };
        serde_json::to_vec(&file).expect("a manifest is JSON")
    });
    let Ok(File { envelope, root }) = serde_json::from_slice(&splice(ours, bytes)) else {
        return;
    };
    assert_eq!(
        envelope.admit(None).is_ok(),
        envelope.format == FORMAT && envelope.requires.is_empty()
    );
    let named = Sealed {
        digest: envelope.digest,
        root,
        parts: sealed().parts.clone(),
    };
    let own = root_digest(&named.root);
    let opened = open(&named, None);
    assert!(opened.is_err() || named.digest == own);
    assert!(own != sealed().digest || named.digest != own || opened.is_ok());
    let resealed = Sealed {
        digest: own,
        ..named
    };
    let alone = open(&resealed, None).ok();
    assert_eq!(alone, open(&resealed, Some((sealed(), realm()))).ok());
}

fn root_digest(root: &RootManifest) -> Digest {
    Digest::of(&canonical_json(root).expect("a manifest is JSON"))
}

/// A keyring: read, written and read again it is the same, and no key is printed.
pub(crate) fn keyring(bytes: &[u8]) {
    let Ok(mut keyring) = Keyring::from_json(bytes) else {
        return;
    };
    let written = keyring.to_json().expect("a keyring is JSON");
    assert_eq!(
        Keyring::from_json(&written).expect("what was written reads"),
        keyring
    );
    for entry in &keyring.entries {
        let current = keyring.current(entry.purpose, now());
        assert!(
            current.is_none_or(|current| current.is_usable(now()) && current.is_accepted(now()))
        );
        let _ = entry.public_jwk();
    }
    assert!(keyring.next_change(now()).is_none_or(|next| next > now()));
    let _ = bind(
        realm(),
        &keyring,
        &SecretBundle::empty(keyring.realm.clone()),
        now(),
        None,
    );
    let _ = advance(
        &Policy::of(&realm().core),
        &keyring,
        now(),
        &Acknowledgements::of_one("pod", keyring.revision),
    );
    let printed = format!("{keyring:?}");
    for entry in &mut keyring.entries {
        entry.material = Material::new(vec![7; 3]);
    }
    assert_eq!(printed, format!("{keyring:?}"), "key material is printed");
}

/// A secret bundle: read, written and read again it is the same, and no secret is printed.
pub(crate) fn secret_bundle(bytes: &[u8]) {
    let Ok(mut bundle) = SecretBundle::from_json(bytes) else {
        return;
    };
    let written = bundle.to_json().expect("a bundle is JSON");
    assert_eq!(
        SecretBundle::from_json(&written).expect("what was written reads"),
        bundle
    );
    let _ = bind(
        realm(),
        &Keyring::empty(bundle.realm.clone()),
        &bundle,
        now(),
        None,
    );
    let printed = format!("{bundle:?}");
    for values in bundle.secrets.values_mut() {
        values.current = SecretValue::new("another");
        if let Some(previous) = &mut values.previous {
            previous.value = SecretValue::new("another");
        }
        if let Some(upcoming) = &mut values.upcoming {
            upcoming.value = SecretValue::new("another");
        }
    }
    assert_eq!(printed, format!("{bundle:?}"), "a secret is printed");
}
