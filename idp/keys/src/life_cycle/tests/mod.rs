use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::generate::NewKey;
use crate::material::Material;
use crate::standing::Standing;

mod model;

/// Makes keys that are only names: what the life cycle does never looks inside.
#[derive(Default)]
struct Names(u32);

impl Generate for Names {
    fn key(&mut self, _: Purpose) -> Result<NewKey, GenerateFault> {
        self.0 += 1;
        Ok(NewKey {
            kid: KeyId::new(format!("k{:03}", self.0)),
            material: Material::new(vec![0; 32]),
        })
    }

    fn secret(&mut self) -> Result<crate::SecretValue, GenerateFault> {
        Err(GenerateFault)
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const ES256: Purpose = Purpose::Sign {
    alg: SigningAlgorithm::ES256,
};
const RS256: Purpose = Purpose::Sign {
    alg: SigningAlgorithm::RS256,
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + i64::try_from(seconds).unwrap()).unwrap()
}

fn policy() -> Policy {
    Policy {
        algorithms: [SigningAlgorithm::ES256].into(),
        rotation_interval: Period::from_secs(720 * HOUR),
        publish_ahead: Period::from_secs(24 * HOUR),
        jwks_max_age: Period::from_secs(HOUR),
        skew: Period::from_secs(30),
        longest_token_life: Period::from_secs(10 * HOUR),
        longest_sealed_life: Period::from_secs(HOUR),
    }
}

/// One realm with one process that serves every revision at once, as `dev` has it.
struct Driver {
    policy: Policy,
    keyring: Keyring,
    names: Names,
}

impl Driver {
    fn new(policy: Policy) -> Self {
        Self {
            policy,
            keyring: Keyring::empty("a.main".into()),
            names: Names::default(),
        }
    }

    fn plan(&self, now: u64, served: u64) -> Plan {
        let acknowledgements = Acknowledgements::of_one("dev", served);
        advance(&self.policy, &self.keyring, at(now), &acknowledgements)
    }

    fn apply(&mut self, plan: &Plan, now: u64) {
        self.keyring = apply(&self.keyring, plan, at(now), &mut self.names).unwrap();
    }

    /// Advances until there is nothing left to do, with everything acknowledged.
    fn settle(&mut self, now: u64) -> Plan {
        for _ in 0..10 {
            let plan = self.plan(now, self.keyring.revision);
            if plan.is_empty() {
                return plan;
            }
            self.apply(&plan, now);
        }
        panic!("the life cycle does not come to rest");
    }

    fn current(&self, purpose: Purpose, now: u64) -> &str {
        self.keyring.current(purpose, at(now)).unwrap().kid.as_str()
    }
}

/// KC-KEY-01: a new realm signs at once, with one key of each purpose.
#[test]
fn an_empty_keyring_is_filled_and_used_at_once() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    for purpose in [
        ES256,
        Purpose::Seal,
        Purpose::DataKey,
        Purpose::BlindIndex,
        Purpose::Pairwise,
        Purpose::Pepper,
    ] {
        assert!(driver.keyring.current(purpose, at(0)).is_some());
        assert_eq!(driver.keyring.of(purpose).count(), 1);
    }
    // RSA keys are made only where some client asks for RSA.
    assert_eq!(driver.keyring.of(RS256).count(), 0);
    assert_eq!(driver.keyring.published(at(0)).count(), 1);
}

/// KC-KEY-02: a month later a successor is published, used a day after, and the former one goes
/// once nothing that it signed lives.
#[test]
fn a_scheduled_rotation_publishes_a_day_ahead() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    let first = driver.current(ES256, 0).to_owned();
    let idle = driver.settle(720 * HOUR - 1);
    assert_eq!(idle.next_at, Some(at(720 * HOUR)));
    assert_eq!(driver.keyring.of(ES256).count(), 1);

    let made = 720 * HOUR;
    driver.settle(made);
    assert_eq!(driver.keyring.published(at(made)).count(), 2);
    let used = made + 24 * HOUR;
    assert_eq!(driver.current(ES256, used - 1), first);
    let second = driver.current(ES256, used).to_owned();
    assert_ne!(second, first);

    driver.settle(used + 29);
    assert!(matches!(
        driver.keyring.find(&KeyId::new(&*first)).unwrap().stage,
        Stage::Active { .. }
    ));
    let settled = used + 30;
    driver.settle(settled);
    let gone = settled + 10 * HOUR + 2 * 30;
    assert_eq!(driver.keyring.published(at(gone - 1)).count(), 2);
    assert_eq!(driver.keyring.published(at(gone)).count(), 1);
    driver.settle(gone);
    assert!(driver.keyring.find(&KeyId::new(first)).is_none());
    assert_eq!(driver.current(ES256, gone), second);
}

/// A key is never used before every pod has it; who keeps it waiting is named.
#[test]
fn a_pod_that_does_not_acknowledge_blocks_the_rotation_and_is_named() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    let made = 720 * HOUR;
    let plan = driver.plan(made, driver.keyring.revision);
    driver.apply(&plan, made);
    let behind = driver.keyring.revision - 1;
    let pending = driver.keyring.of(ES256).last().unwrap().kid.clone();
    let blocked = |plan: &Plan| plan.blocked.iter().find(|b| b.kid == pending).cloned();
    for now in [made, made + HOUR] {
        let plan = driver.plan(now, behind);
        assert!(plan.is_empty());
        assert_eq!(blocked(&plan), None);
    }
    let late = made + 24 * HOUR;
    let plan = driver.plan(late, behind);
    assert!(plan.is_empty());
    let named = blocked(&plan).unwrap();
    assert_eq!(named.pods, ["dev"]);
    assert_eq!(named.revision, driver.keyring.revision);
    assert_eq!(driver.current(ES256, late), "k001");

    // Once it has, caches are still waited for.
    let plan = driver.plan(late, driver.keyring.revision);
    let wait = HOUR + 30;
    assert!(
        plan.activate
            .iter()
            .any(|activation| activation.sign_after == at(late + wait))
    );
}

#[test]
fn without_a_pod_nothing_is_activated() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    let made = 720 * HOUR;
    let plan = driver.plan(made, driver.keyring.revision);
    driver.apply(&plan, made);
    let nobody = Acknowledgements::default();
    let plan = advance(
        &driver.policy,
        &driver.keyring,
        at(made + 48 * HOUR),
        &nobody,
    );
    assert!(plan.is_empty());
}

/// A former key stays while a pod does not know that it has been succeeded.
#[test]
fn a_key_is_not_retired_while_a_pod_may_still_use_it() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    driver.settle(720 * HOUR);
    let late = 800 * HOUR;
    let plan = driver.plan(late, driver.keyring.revision - 1);
    assert!(plan.retire.is_empty());
    assert!(plan.blocked.iter().all(|blocked| blocked.pods == ["dev"]));
    assert!(!plan.blocked.is_empty());
    assert_eq!(
        driver.plan(late, driver.keyring.revision).retire[0].kid,
        KeyId::new("k001")
    );
}

/// An algorithm that some client asks for is added beside the others, and taken away without
/// breaking what was signed.
#[test]
fn a_change_of_algorithm_adds_and_removes() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    driver.policy.algorithms.insert(SigningAlgorithm::RS256);
    driver.settle(HOUR);
    assert!(driver.keyring.current(RS256, at(HOUR)).is_none());
    let used = HOUR + HOUR + 30;
    assert!(driver.keyring.current(RS256, at(used)).is_some());
    assert!(driver.keyring.current(ES256, at(used)).is_some());

    driver.policy.algorithms.remove(&SigningAlgorithm::RS256);
    driver.settle(used);
    assert!(driver.keyring.current(RS256, at(used)).is_none());
    let gone = used + 10 * HOUR + 2 * 30;
    assert_eq!(driver.keyring.accepted(RS256, at(gone - 1)).count(), 1);
    assert_eq!(driver.keyring.accepted(RS256, at(gone)).count(), 0);
}

/// A pod whose clock is ahead signs longer tokens, and another such pod drops keys earlier: the
/// key is still published when the last token ends.
#[test]
fn a_key_outlives_tokens_of_pods_that_are_ahead() {
    let mut driver = Driver::new(policy());
    driver.policy.algorithms.insert(SigningAlgorithm::RS256);
    driver.settle(0);
    let (now, ahead) = (HOUR, 30);
    let token_ends = now + ahead + 10 * HOUR;
    driver.policy.algorithms.remove(&SigningAlgorithm::RS256);
    driver.settle(now);
    let last_moment = at(token_ends - 1 + ahead);
    assert_eq!(driver.keyring.accepted(RS256, last_moment).count(), 1);
    assert!(
        driver
            .keyring
            .published(last_moment)
            .any(|entry| entry.purpose == RS256)
    );
}

/// Caches are waited for all the same.
#[test]
fn one_process_waits_for_no_other_clock() {
    let mut driver = Driver::new(policy().in_one_process());
    driver.settle(0);
    driver.policy.algorithms.insert(SigningAlgorithm::RS256);
    driver.settle(HOUR);
    assert!(driver.keyring.current(RS256, at(2 * HOUR - 1)).is_none());
    assert!(driver.keyring.current(RS256, at(2 * HOUR)).is_some());
}

/// KC-KEY-02: by hand as by schedule, the successor is published, waits, and signs; the former
/// key goes after the last thing that it signed.
#[test]
fn a_rotation_by_hand_goes_as_one_by_schedule() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    let former = driver.current(ES256, HOUR).to_owned();
    let plan = rotate_early(&driver.keyring, ES256, at(HOUR)).unwrap();
    driver.apply(&plan, HOUR);
    assert_eq!(driver.keyring.published(at(HOUR)).count(), 2);
    driver.settle(HOUR);
    let signs = 25 * HOUR;
    assert_eq!(driver.current(ES256, signs - 1), former);
    assert_ne!(driver.current(ES256, signs), former);
    driver.settle(signs + MINUTE);
    let is_published = |driver: &Driver, now| {
        let mut published = driver.keyring.published(at(now));
        published.any(|entry| entry.kid.as_str() == former)
    };
    assert!(is_published(&driver, signs + 10 * HOUR));
    driver.settle(signs + 11 * HOUR);
    assert!(!is_published(&driver, signs + 11 * HOUR));
}

#[test]
fn a_rotation_begun_is_not_begun_again() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    let plan = rotate_early(&driver.keyring, ES256, at(1)).unwrap();
    driver.apply(&plan, 1);
    let is_under_way = |driver: &Driver| {
        let again = rotate_early(&driver.keyring, ES256, at(2));
        matches!(again, Err(ReplaceFault::UnderWay(_)))
    };
    assert!(is_under_way(&driver));
    driver.settle(2);
    assert!(is_under_way(&driver), "it has a time, and is not in use");
}

#[test]
fn a_purpose_without_a_key_is_not_rotated() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    assert_eq!(
        rotate_early(&driver.keyring, RS256, at(1)),
        Err(ReplaceFault::Unused(RS256))
    );
}

#[test]
fn standings_follow_a_rotation() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    let standings = |driver: &Driver, now| {
        let keys = driver.keyring.standings(at(now));
        let signing = keys.into_iter().filter(|key| key.purpose == ES256);
        let told = signing.map(|key| (key.standing, key.used_from, key.accepted_until));
        told.collect::<Vec<_>>()
    };
    let first = (Standing::InUse, Some(at(0)), None);
    assert_eq!(standings(&driver, 1), [first]);
    let plan = rotate_early(&driver.keyring, ES256, at(HOUR)).unwrap();
    driver.apply(&plan, HOUR);
    let waits = (Standing::Upcoming, None, None);
    assert_eq!(standings(&driver, HOUR), [first, waits]);
    driver.settle(HOUR);
    let signs = 25 * HOUR;
    let scheduled = (Standing::Upcoming, Some(at(signs)), None);
    assert_eq!(standings(&driver, HOUR), [first, scheduled]);
    let former = (Standing::Former, Some(at(0)), None);
    let second = (Standing::InUse, Some(at(signs)), None);
    assert_eq!(standings(&driver, signs), [former, second]);
    driver.settle(signs + MINUTE);
    let until = signs + MINUTE + 10 * HOUR + MINUTE;
    let retiring = (Standing::Former, Some(at(0)), Some(at(until)));
    assert_eq!(standings(&driver, signs + MINUTE), [retiring, second]);
    assert_eq!(standings(&driver, until), [second]);
}

#[test]
fn an_algorithm_that_was_never_used_goes_at_once() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    driver.policy.algorithms.insert(SigningAlgorithm::RS256);
    let plan = driver.plan(1, 0);
    driver.apply(&plan, 1);
    driver.policy.algorithms.remove(&SigningAlgorithm::RS256);
    let plan = driver.plan(2, 0);
    assert_eq!(plan.remove[0].cause, RemovalCause::NeverUsed);
    driver.apply(&plan, 2);
    assert_eq!(driver.keyring.of(RS256).count(), 0);
}

#[rstest]
#[case(Purpose::BlindIndex)]
#[case(Purpose::Pairwise)]
#[case(Purpose::Pepper)]
fn identifiers_are_never_rotated_by_themselves(#[case] purpose: Purpose) {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    let first = driver.current(purpose, 0).to_owned();
    for years in 1..5 {
        driver.settle(years * 8766 * HOUR);
    }
    assert_eq!(driver.current(purpose, 5 * 8766 * HOUR), first);
    let kid = KeyId::new(first);
    assert_eq!(
        compromise(&driver.keyring, &kid, at(1)),
        Err(ReplaceFault::Migration(purpose))
    );
    assert_eq!(
        rotate_early(&driver.keyring, purpose, at(1)),
        Err(ReplaceFault::Migration(purpose))
    );
}

/// What was encrypted at rest is read with the key it was encrypted with, for ever.
#[test]
fn data_keys_are_rotated_and_kept() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    for month in 1..4 {
        driver.settle(month * 721 * HOUR);
        driver.settle(month * 721 * HOUR + MINUTE);
    }
    let now = 4 * 720 * HOUR;
    assert_eq!(
        driver.keyring.accepted(Purpose::DataKey, at(now)).count(),
        4
    );
    assert_eq!(driver.keyring.accepted(Purpose::Seal, at(now)).count(), 1);
}

/// KC-KEY-03: the key goes at once, and signing goes on.
#[test]
fn a_compromised_key_is_replaced_without_waiting() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    let kid = KeyId::new(driver.current(ES256, HOUR));
    let plan = compromise(&driver.keyring, &kid, at(HOUR)).unwrap();
    assert_eq!(plan.remove[0].cause, RemovalCause::Compromised);
    assert_eq!(plan.create.len(), 1);
    assert_eq!(plan.create[0].start, Start::AtOnce);
    driver.apply(&plan, HOUR);
    assert!(driver.keyring.find(&kid).is_none());
    assert_ne!(driver.current(ES256, HOUR), kid.as_str());
    assert_eq!(
        compromise(&driver.keyring, &kid, at(HOUR)),
        Err(ReplaceFault::Unknown(kid))
    );
}

/// The successor that verifiers may know already is preferred to one that nobody knows.
#[test]
fn a_published_successor_takes_over_from_a_compromised_key() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    let made = 720 * HOUR;
    let plan = driver.plan(made, driver.keyring.revision);
    driver.apply(&plan, made);
    let kid = KeyId::new(driver.current(ES256, made));
    let plan = compromise(&driver.keyring, &kid, at(made)).unwrap();
    assert_eq!(plan.create, []);
    driver.apply(&plan, made);
    assert_ne!(driver.current(ES256, made), kid.as_str());
}

#[test]
fn a_compromised_data_key_is_followed_but_kept() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    let kid = KeyId::new(driver.current(Purpose::DataKey, 0));
    let plan = compromise(&driver.keyring, &kid, at(1)).unwrap();
    driver.apply(&plan, 1);
    assert_ne!(driver.current(Purpose::DataKey, 1), kid.as_str());
    assert!(driver.keyring.find(&kid).is_some());
}

#[test]
fn a_plan_with_nothing_to_do_changes_no_revision() {
    let mut driver = Driver::new(policy());
    driver.settle(0);
    let revision = driver.keyring.revision;
    driver.settle(1);
    assert_eq!(driver.keyring.revision, revision);
}

#[test]
fn a_generator_that_fails_leaves_the_keyring_alone() {
    struct Broken;
    impl Generate for Broken {
        fn key(&mut self, _: Purpose) -> Result<NewKey, GenerateFault> {
            Err(GenerateFault)
        }
        fn secret(&mut self) -> Result<crate::SecretValue, GenerateFault> {
            Err(GenerateFault)
        }
    }
    let driver = Driver::new(policy());
    let plan = driver.plan(0, 0);
    assert!(apply(&driver.keyring, &plan, at(0), &mut Broken).is_err());
}
