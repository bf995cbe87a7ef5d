use super::*;
use realmwright_artefacts::AdmitFault;
use realmwright_snapshot::{Digest, LocalizedText};

use crate::fixture::{keyring, now, offer, offer_of, snapshot, swap};

fn issuer_at(swap: &HotSwap, host: &str, path: &str) -> Option<(String, String)> {
    let set = swap.current();
    let (served, rest) = set.route(host, path)?;
    Some((served.id().to_string(), rest.to_owned()))
}

#[test]
fn a_realm_is_found_by_host_and_the_longest_path_at_segment_boundaries() {
    let swap = swap();
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
    let swap = swap();
    let snapshot = snapshot("a.main", "https://id.example.com");
    let keys = keyring(&snapshot);
    swap.accept(offer_of(&snapshot, keys.clone(), 5), now())
        .unwrap();
    let fault = swap
        .accept(offer_of(&snapshot, keys.clone(), 4), now())
        .unwrap_err();
    assert!(
        matches!(fault, OfferFault::Admit(AdmitFault::Envelope(_))),
        "{fault}"
    );
    let served = swap.current();
    let realm = served.get(snapshot_id(&snapshot)).unwrap();
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
    let swap = swap();
    let offer = offer("a.main", "https://id.example.com", 1);
    swap.accept(offer.clone(), now()).unwrap();
    let before = swap.current();
    assert_eq!(swap.accept(offer, now()).unwrap(), Accepted::Same);
    assert!(Arc::ptr_eq(&before, &swap.current()));
}

#[test]
fn an_older_keyring_or_an_incomplete_offer_is_refused() {
    let swap = swap();
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
            OfferFault::Admit(AdmitFault::OlderKeyring {
                offered: 6,
                served: 7
            })
        ),
        "{fault}"
    );
    keys.revision = 8;
    let mut early = offer_of(&snapshot, keys, 2);
    early.envelope.min_keyring = 9;
    let fault = swap.accept(early, now()).unwrap_err();
    assert!(
        matches!(
            fault,
            OfferFault::Admit(AdmitFault::Incomplete { keyring: 9, .. })
        ),
        "{fault}"
    );
}

#[test]
fn what_is_not_whole_is_refused() {
    let swap = swap();
    let good = offer("a.main", "https://id.example.com", 1);

    let mut altered = good.clone();
    let mut sealed = (*altered.sealed).clone();
    let digest = *sealed.parts.keys().next().unwrap();
    sealed.parts.insert(digest, vec![0; 10].into());
    altered.sealed = Arc::new(sealed);
    assert!(matches!(
        swap.accept(altered, now()),
        Err(OfferFault::Admit(AdmitFault::Seal(_)) | OfferFault::Seal(_))
    ));

    let mut other_digest = good.clone();
    other_digest.envelope.digest = Digest::of(b"else");
    assert!(matches!(
        swap.accept(other_digest, now()),
        Err(OfferFault::Admit(AdmitFault::Digest { .. }))
    ));

    let mut unknown_feature = good.clone();
    unknown_feature.envelope.requires = vec!["teleport".into()];
    assert!(matches!(
        swap.accept(unknown_feature, now()),
        Err(OfferFault::Admit(AdmitFault::Envelope(_)))
    ));

    let mut other_realm = good.clone();
    other_realm.envelope.realm = RealmId::from("a.other");
    assert!(matches!(
        swap.accept(other_realm, now()),
        Err(OfferFault::Admit(AdmitFault::OtherRealm(_)))
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
    let swap = swap();
    let mut values = snapshot("a.main", "https://id.example.com");
    let keys = keyring(&values);
    swap.accept(offer_of(&values, keys.clone(), 1), now())
        .unwrap();
    let of_request = {
        let current = swap.current();
        let (served, _) = current.route("id.example.com", "/").unwrap();
        swap.realm(served).unwrap()
    };
    values.core.required_factors = 2;
    swap.accept(offer_of(&values, keys, 2), now()).unwrap();
    swap.retain(|_| false);
    assert_eq!(of_request.version().revision, 1);
    assert_eq!(of_request.snapshot().core.required_factors, 1);
    assert!(swap.current().is_empty());
}

#[test]
fn unchanged_values_are_shared_when_only_keys_change() {
    let swap = swap();
    let values = snapshot("a.main", "https://id.example.com");
    let mut keys = keyring(&values);
    swap.accept(offer_of(&values, keys.clone(), 1), now())
        .unwrap();
    let snapshot = || {
        let current = swap.current();
        let realm = swap.realm(current.get(&values.core.id).unwrap()).unwrap();
        Arc::clone(realm.snapshot())
    };
    let before = snapshot();
    keys.revision += 1;
    swap.accept(offer_of(&values, keys, 1), now()).unwrap();
    assert!(Arc::ptr_eq(&before, &snapshot()));
}

#[test]
fn readers_never_see_a_torn_set() {
    let swap = swap();
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
                    let by_id = set.get(&values.core.id).unwrap();
                    assert!(Arc::ptr_eq(by_route, by_id));
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
    let swap = swap();
    let values = snapshot("a.main", "https://id.example.com");
    let keys = keyring(&values);
    swap.accept(offer_of(&values, keys.clone(), 1), now())
        .unwrap();
    let id = values.core.id.clone();
    let newer = SnapshotVersion {
        revision: 2,
        ..swap.current().get(&id).unwrap().version()
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

fn wait_for(swap: &HotSwap, offer: Offer) -> Result<Accepted, OfferFault> {
    let mut answers = swap.accept_all(vec![offer], Preparation::WhenAsked, now());
    answers.pop().unwrap()
}

fn asked(swap: &HotSwap, id: &RealmId) -> Result<Arc<RuntimeRealm>, Unprepared> {
    let current = swap.current();
    swap.realm(current.get(id).unwrap())
}

fn without_keys(offer: Offer) -> Offer {
    Offer {
        keyring: Arc::new(realmwright_keys::Keyring {
            entries: Vec::new(),
            ..(*offer.keyring).clone()
        }),
        ..offer
    }
}

fn with_part_altered(offer: &Offer, part: usize) -> Offer {
    let mut sealed = (*offer.sealed).clone();
    let (_, digest) = sealed.root.parts[part];
    sealed.parts.insert(digest, vec![0; 10].into());
    Offer {
        sealed: Arc::new(sealed),
        ..offer.clone()
    }
}

#[test]
fn a_realm_that_waits_is_routed_and_prepared_once_by_whoever_asks() {
    let swap = swap();
    let offer = offer("a.main", "https://id.example.com", 3);
    let id = offer.realm().clone();
    wait_for(&swap, offer).unwrap();
    assert!(issuer_at(&swap, "id.example.com", "/x").is_some());
    let first = asked(&swap, &id).unwrap();
    assert_eq!(first.version().revision, 3);
    assert!(Arc::ptr_eq(&first, &asked(&swap, &id).unwrap()));
}

#[test]
fn a_waiting_realm_that_cannot_be_prepared_says_so_until_a_good_one_comes() {
    let swap = swap();
    let good = offer("a.main", "https://id.example.com", 1);
    let id = good.realm().clone();
    wait_for(&swap, without_keys(good.clone())).unwrap();
    wait_for(&swap, offer("a.other", "https://id.example.com/other", 1)).unwrap();
    assert_eq!(asked(&swap, &id).unwrap_err(), Unprepared);
    assert!(asked(&swap, &RealmId::from("a.other")).is_ok());
    let mut mended = good;
    mended.envelope.revision = 2;
    wait_for(&swap, mended).unwrap();
    assert!(asked(&swap, &id).is_ok());
}

/// What is altered in the core is found before it is served, and the rest by the background.
#[test]
fn what_is_altered_is_never_used() {
    let swap = swap();
    let good = offer("a.main", "https://id.example.com", 1);
    let id = good.realm().clone();
    assert!(matches!(
        wait_for(&swap, with_part_altered(&good, 0)),
        Err(OfferFault::Admit(AdmitFault::Seal(_)))
    ));
    assert!(swap.current().is_empty());
    wait_for(&swap, with_part_altered(&good, 1)).unwrap();
    swap.current().get(&id).unwrap().check(now());
    assert_eq!(asked(&swap, &id).unwrap_err(), Unprepared);
}

#[test]
fn a_check_keeps_nothing_of_a_good_realm() {
    let swap = swap();
    let offer = offer("a.main", "https://id.example.com", 1);
    let id = offer.realm().clone();
    wait_for(&swap, offer).unwrap();
    let served = Arc::clone(swap.current().get(&id).unwrap());
    served.check(now());
    assert!(served.is_waiting());
    assert!(asked(&swap, &id).is_ok());
    assert!(!served.is_waiting());
}

/// FLOW-04: also where nobody has asked for the former yet.
#[test]
fn a_bad_successor_of_a_waiting_realm_is_refused() {
    let swap = swap();
    let good = offer("a.main", "https://id.example.com", 1);
    let id = good.realm().clone();
    wait_for(&swap, good.clone()).unwrap();
    let mut bad = without_keys(good);
    bad.envelope.revision = 2;
    assert!(matches!(wait_for(&swap, bad), Err(OfferFault::Prepare(_))));
    assert_eq!(asked(&swap, &id).unwrap().version().revision, 1);
}

/// Preparing a large one would keep the first request waiting.
#[test]
fn a_large_realm_does_not_wait() {
    let swap = swap();
    let mut values = snapshot("a.main", "https://id.example.com");
    let words = (0..20_000_u64).map(|number| Digest::of(&number.to_be_bytes()).to_string());
    let name = words.collect::<String>();
    values.core.display_name = LocalizedText::from([("en", name.as_str())]);
    let keys = keyring(&values);
    wait_for(&swap, offer_of(&values, keys, 1)).unwrap();
    assert!(!swap.current().get(&values.core.id).unwrap().is_waiting());
}

#[test]
fn the_clock_moves_the_keys_of_realms_that_were_asked_for_and_leaves_the_others_waiting() {
    let swap = swap();
    for (id, path) in [("a.asked", "asked"), ("a.waits", "waits")] {
        let issuer = format!("https://id.example.com/{path}");
        wait_for(&swap, offer(id, &issuer, 1)).unwrap();
    }
    let (used, waits) = (RealmId::from("a.asked"), RealmId::from("a.waits"));
    let before = asked(&swap, &used).unwrap();
    swap.follow_keys(&[used.clone(), waits.clone()], now());
    assert!(!Arc::ptr_eq(&before, &asked(&swap, &used).unwrap()));
    assert!(swap.current().get(&waits).unwrap().is_waiting());
}
