use realmwright_keys::{Acknowledgements, Policy, SystemGenerator, advance};
use realmwright_snapshot::{Period, SigningAlgorithm};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

const HOUR: Period = Period::from_secs(3600);

/// A realm that signs by two algorithms, settled.
fn keyring() -> Keyring {
    let policy = Policy {
        algorithms: [SigningAlgorithm::ES256, SigningAlgorithm::EdDSA].into(),
        rotation_interval: Period::from_secs(720 * 3600),
        publish_ahead: HOUR,
        jwks_max_age: HOUR,
        skew: Period::ZERO,
        longest_token_life: HOUR,
        longest_sealed_life: HOUR,
    };
    let empty = Keyring::empty("a.main".into());
    let served = Acknowledgements::of_one("dev", 0);
    let plan = advance(&policy, &empty, at(0), &served);
    apply(&empty, &plan, at(0), &mut SystemGenerator::default()).unwrap()
}

fn wanted(keys: Which, cause: Cause) -> Wanted {
    Wanted {
        realm: None,
        keys,
        cause,
    }
}

fn ask(keyring: &Keyring, wanted: &Wanted) -> anyhow::Result<(Keyring, Replaced)> {
    replace(keyring, wanted, at(1), &mut SystemGenerator::default())
}

fn in_use(keyring: &Keyring, purpose: Purpose) -> KeyId {
    keyring.current(purpose, at(1)).unwrap().kid.clone()
}

const ES256: Purpose = Purpose::Sign {
    alg: SigningAlgorithm::ES256,
};

#[test]
fn signing_keys_of_every_algorithm_are_rotated() {
    let keyring = keyring();
    let sign = wanted(Which::InUseFor(PurposeName::Sign), Cause::Planned);
    let (next, replaced) = ask(&keyring, &sign).unwrap();
    assert_eq!(replaced.keys.len(), 2);
    for key in &replaced.keys {
        assert_eq!(key.former, in_use(&next, key.purpose), "it signs on");
        assert_eq!(key.used_from, None, "nobody serves the successor yet");
        let successor = key.successor.as_ref().unwrap();
        assert!(keyring.find(successor).is_none() && next.find(successor).is_some());
    }
}

/// KC-KEY-03.
#[test]
fn a_compromised_key_is_gone_and_the_others_stay() {
    let keyring = keyring();
    let kid = in_use(&keyring, ES256);
    let key = wanted(Which::Key(kid.clone()), Cause::Compromised);
    let (next, replaced) = ask(&keyring, &key).unwrap();
    let [replaced] = replaced.keys.as_slice() else {
        panic!("{replaced:?}");
    };
    assert_eq!(replaced.former, kid);
    assert_eq!(replaced.successor, Some(in_use(&next, ES256)));
    assert_eq!(replaced.used_from, Some(at(1)));
    assert!(next.find(&kid).is_none());
    let other = Purpose::Sign {
        alg: SigningAlgorithm::EdDSA,
    };
    assert_eq!(in_use(&next, other), in_use(&keyring, other));
}

/// A key that signs nothing yet takes nothing along, and needs no successor of its own.
#[test]
fn an_upcoming_key_may_be_compromised_but_not_rotated() {
    let sign = wanted(Which::InUseFor(PurposeName::Sign), Cause::Planned);
    let (keyring, replaced) = ask(&keyring(), &sign).unwrap();
    let upcoming = replaced.keys[0].successor.clone().unwrap();
    let planned = wanted(Which::Key(upcoming.clone()), Cause::Planned);
    let said = ask(&keyring, &planned).unwrap_err().to_string();
    assert!(said.contains("not in use"), "{said}");
    let compromised = wanted(Which::Key(upcoming.clone()), Cause::Compromised);
    let (next, replaced) = ask(&keyring, &compromised).unwrap();
    assert_eq!(replaced.keys[0].successor, None);
    assert!(next.find(&upcoming).is_none());
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let keyring = keyring();
    let of = |name| Which::InUseFor(name);
    let nobody = Which::Key(KeyId::new("nobody"));
    for (keys, reason) in [
        (of(PurposeName::Pepper), "only by a migration"),
        (of(PurposeName::Pairwise), "only by a migration"),
        (of(PurposeName::BlindIndex), "only by a migration"),
        (of(PurposeName::Encrypt), "no key in use for encrypt"),
        (nobody, "no key nobody"),
    ] {
        for cause in [Cause::Planned, Cause::Compromised] {
            let said = ask(&keyring, &wanted(keys.clone(), cause)).unwrap_err();
            let said = said.to_string();
            assert!(said.contains(reason), "{keys:?} {cause:?}: {said}");
        }
    }
}

#[test]
fn the_realm_that_is_meant_is_found_or_named() {
    let realms: Vec<RealmId> = ["a.main", "a.other"].map(RealmId::from).into();
    let pick = |wanted: Option<&str>, there: &[RealmId]| {
        let wanted = wanted.map(RealmId::from);
        choose(wanted.as_ref(), there.iter())
            .cloned()
            .map_err(|fault| fault.to_string())
    };
    assert_eq!(pick(None, &realms[..1]), Ok("a.main".into()));
    assert_eq!(pick(Some("a.other"), &realms), Ok("a.other".into()));
    for wanted in [None, Some("a.nobody")] {
        let said = pick(wanted, &realms).unwrap_err();
        assert!(said.contains("a.main, a.other"), "{said}");
    }
    assert!(pick(None, &[]).is_err());
}
