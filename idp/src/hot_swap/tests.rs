use super::*;
use crate::fixture::{keyring, now, offer, offer_of, snapshot};

fn issuer_at(swap: &HotSwap, host: &str, path: &str) -> Option<(String, String)> {
    let set = swap.current();
    let (realm, rest) = set.route(host, path)?;
    Some((realm.id().to_string(), rest.to_owned()))
}

#[test]
fn a_realm_is_found_by_host_and_the_longest_path_at_segment_boundaries() {
    let swap = HotSwap::new();
    for (id, issuer) in [
        ("a.root", "https://id.example.com"),
        ("a.shop", "https://id.example.com/shop"),
        ("a.deep", "https://id.example.com/shop/deep"),
        ("b.port", "http://127.0.0.1:8080/x"),
    ] {
        swap.accept(offer(id, issuer, 1), now()).unwrap();
    }
    for (host, path, realm, rest) in [
        ("id.example.com", "/oauth2/token", "a.root", "/oauth2/token"),
        (
            "id.example.com",
            "/shop/oauth2/token",
            "a.shop",
            "/oauth2/token",
        ),
        ("ID.Example.com", "/shop", "a.shop", ""),
        ("id.example.com", "/shopping", "a.root", "/shopping"),
        ("id.example.com", "/shop/deep/x", "a.deep", "/x"),
        ("127.0.0.1:8080", "/x/login", "b.port", "/login"),
    ] {
        assert_eq!(
            issuer_at(&swap, host, path),
            Some((realm.to_owned(), rest.to_owned())),
            "{host}{path}"
        );
    }
    for (host, path) in [
        ("other.example.com", "/"),
        ("id.example.com:8443", "/"),
        ("127.0.0.1:8080", "/xy"),
        ("127.0.0.1", "/x"),
        ("", "/"),
    ] {
        assert_eq!(issuer_at(&swap, host, path), None, "{host}{path}");
    }
}

#[test]
fn an_older_revision_is_refused_and_the_newer_goes_on() {
    let swap = HotSwap::new();
    let snapshot = snapshot("a.main", "https://id.example.com");
    let keys = keyring(&snapshot);
    swap.accept(offer_of(&snapshot, keys.clone(), 5), now())
        .unwrap();
    let fault = swap
        .accept(offer_of(&snapshot, keys.clone(), 4), now())
        .unwrap_err();
    assert!(matches!(fault, OfferFault::Envelope(_)), "{fault}");
    let served = swap.current();
    let realm = served.realm(snapshot_id(&snapshot)).unwrap();
    assert_eq!(realm.version().revision, 5);

    let mut restored = offer_of(&snapshot, keys, 1);
    restored.envelope.incarnation = 2;
    swap.accept(restored, now()).unwrap();
}

fn snapshot_id(snapshot: &realmwright_snapshot::RealmSnapshot) -> &RealmId {
    &snapshot.core.id
}

#[test]
fn the_same_offer_swaps_nothing() {
    let swap = HotSwap::new();
    let offer = offer("a.main", "https://id.example.com", 1);
    swap.accept(offer.clone(), now()).unwrap();
    let before = swap.current();
    assert_eq!(swap.accept(offer, now()).unwrap(), Accepted::Same);
    assert!(Arc::ptr_eq(&before, &swap.current()));
}

#[test]
fn an_older_keyring_or_an_incomplete_offer_is_refused() {
    let swap = HotSwap::new();
    let snapshot = snapshot("a.main", "https://id.example.com");
    let mut keys = keyring(&snapshot);
    keys.revision = 7;
    swap.accept(offer_of(&snapshot, keys.clone(), 1), now())
        .unwrap();
    keys.revision = 6;
    let fault = swap
        .accept(offer_of(&snapshot, keys.clone(), 2), now())
        .unwrap_err();
    assert!(
        matches!(
            fault,
            OfferFault::OlderKeyring {
                offered: 6,
                served: 7
            }
        ),
        "{fault}"
    );
    keys.revision = 8;
    let mut early = offer_of(&snapshot, keys, 2);
    early.envelope.min_keyring = 9;
    let fault = swap.accept(early, now()).unwrap_err();
    assert!(
        matches!(fault, OfferFault::Incomplete { keyring: 9, .. }),
        "{fault}"
    );
}

#[test]
fn what_is_not_whole_is_refused() {
    let swap = HotSwap::new();
    let good = offer("a.main", "https://id.example.com", 1);

    let mut altered = good.clone();
    let mut sealed = (*altered.sealed).clone();
    let digest = *sealed.parts.keys().next().unwrap();
    sealed.parts.insert(digest, vec![0; 10].into());
    altered.sealed = Arc::new(sealed);
    assert!(matches!(
        swap.accept(altered, now()),
        Err(OfferFault::Seal(_))
    ));

    let mut other_digest = good.clone();
    other_digest.envelope.digest = realmwright_snapshot::Digest::of(b"else");
    assert!(matches!(
        swap.accept(other_digest, now()),
        Err(OfferFault::Digest { .. })
    ));

    let mut unknown_feature = good.clone();
    unknown_feature.envelope.requires = vec!["teleport".into()];
    assert!(matches!(
        swap.accept(unknown_feature, now()),
        Err(OfferFault::Envelope(_))
    ));

    let mut other_realm = good.clone();
    other_realm.envelope.realm = RealmId::from("a.other");
    assert!(matches!(
        swap.accept(other_realm, now()),
        Err(OfferFault::OtherRealm(_))
    ));

    let mut no_keys = good;
    no_keys.keyring = Arc::new(realmwright_keys::Keyring {
        entries: Vec::new(),
        ..(*no_keys.keyring).clone()
    });
    assert!(matches!(
        swap.accept(no_keys, now()),
        Err(OfferFault::Prepare(_))
    ));

    assert!(swap.current().is_empty());
}

#[test]
fn a_request_keeps_its_realm_through_a_swap() {
    let swap = HotSwap::new();
    let mut values = snapshot("a.main", "https://id.example.com");
    let keys = keyring(&values);
    swap.accept(offer_of(&values, keys.clone(), 1), now())
        .unwrap();
    let (of_request, _) = swap.current().route("id.example.com", "/").unwrap();
    values.core.required_factors = 2;
    swap.accept(offer_of(&values, keys, 2), now()).unwrap();
    swap.retain(|_| false);
    assert_eq!(of_request.version().revision, 1);
    assert_eq!(of_request.snapshot().core.required_factors, 1);
    assert!(swap.current().is_empty());
}

#[test]
fn unchanged_values_are_shared_when_only_keys_change() {
    let swap = HotSwap::new();
    let values = snapshot("a.main", "https://id.example.com");
    let mut keys = keyring(&values);
    swap.accept(offer_of(&values, keys.clone(), 1), now())
        .unwrap();
    let before = Arc::clone(swap.current().realm(&values.core.id).unwrap().snapshot());
    keys.revision += 1;
    swap.accept(offer_of(&values, keys, 1), now()).unwrap();
    let after = Arc::clone(swap.current().realm(&values.core.id).unwrap().snapshot());
    assert!(Arc::ptr_eq(&before, &after));
}

#[test]
fn readers_never_see_a_torn_set() {
    let swap = Arc::new(HotSwap::new());
    let values = snapshot("a.main", "https://id.example.com");
    let keys = keyring(&values);
    swap.accept(offer_of(&values, keys.clone(), 1), now())
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut last = 0;
                while last < 50 {
                    let set = swap.current();
                    let (by_route, _) = set.route("id.example.com", "/").unwrap();
                    let by_id = set.realm(&values.core.id).unwrap();
                    assert!(Arc::ptr_eq(&by_route, by_id));
                    assert!(by_id.version().revision >= last, "never backwards");
                    last = by_id.version().revision;
                }
            });
        }
        for revision in 2..=50 {
            swap.accept(offer_of(&values, keys.clone(), revision), now())
                .unwrap();
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_login_waits_for_its_revision_and_no_longer_than_it_may() {
    let swap = Arc::new(HotSwap::new());
    let values = snapshot("a.main", "https://id.example.com");
    let keys = keyring(&values);
    swap.accept(offer_of(&values, keys.clone(), 1), now())
        .unwrap();
    let id = values.core.id.clone();
    let newer = SnapshotVersion {
        revision: 2,
        ..swap.current().realm(&id).unwrap().version()
    }
    .order();

    let waited = swap.at_least(&id, newer, Duration::from_millis(50)).await;
    assert!(waited.is_none());

    // The first of the two is asked first, finds nothing, and waits for the second.
    let (realm, swapped) =
        tokio::join!(swap.at_least(&id, newer, Duration::from_secs(10)), async {
            swap.accept(offer_of(&values, keys, 2), now())
        },);
    swapped.unwrap();
    assert_eq!(realm.unwrap().version().revision, 2);
}
