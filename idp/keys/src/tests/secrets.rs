use super::*;

const POLICY: SecretPolicy = SecretPolicy {
    interval: Some(Period::from_secs(1000)),
    overlap: Period::from_secs(100),
};

fn values() -> SecretValues {
    SecretValues::of(generator().secret().unwrap(), at(0))
}

fn step(values: &SecretValues, now: i64, served: u64) -> SecretStep {
    advance_secret(
        POLICY,
        values,
        7,
        at(now),
        &Acknowledgements::of_one("pod", served),
        &mut generator(),
    )
    .unwrap()
}

fn accepts(values: &SecretValues, value: &SecretValue, now: i64) -> bool {
    values
        .accepted()
        .any(|(accepted, end)| accepted == value && end.is_none_or(|end| at(now) < end))
}

/// OIDC-10: 256 bits, and never the same twice.
#[test]
fn a_generated_secret_is_long_and_new() {
    let (a, b) = (values().current, values().current);
    assert_eq!(a.expose().len(), 43);
    assert_ne!(a, b);
    assert_eq!(SupplyFault::check(&a), Ok(()));
}

/// OIDC-11: the new value is accepted before it is told, the old one after.
#[test]
fn a_rotation_is_never_noticed() {
    let first = values();
    assert_eq!(step(&first, 999, 6), SecretStep::Wait(Some(at(1000))));
    let SecretStep::Store(second) = step(&first, 1000, 6) else {
        panic!("no new value is made");
    };
    assert_eq!(second.current, first.current);
    let new = second.upcoming.clone().unwrap().value;
    assert!(accepts(&second, &new, 1000));

    // Nobody is told before every pod accepts it.
    assert_eq!(step(&second, 1001, 6), SecretStep::Wait(None));
    let SecretStep::Tell(third) = step(&second, 1002, 7) else {
        panic!("the owner is not told");
    };
    assert_eq!(third.current, new);
    assert!(accepts(&third, &first.current, 1101));
    assert!(!accepts(&third, &first.current, 1102));

    assert_eq!(step(&third, 1101, 7), SecretStep::Wait(Some(at(1102))));
    let SecretStep::Store(last) = step(&third, 1102, 7) else {
        panic!("the former value stays");
    };
    assert_eq!(last, SecretValues::of(new, at(1002)));
}

#[test]
fn a_rotation_under_way_is_not_begun_again() {
    let begun = rotate(&values(), 7, &mut generator()).unwrap();
    assert_eq!(rotate(&begun, 8, &mut generator()).unwrap(), begun);
}

#[test]
fn without_an_interval_nothing_happens_by_itself() {
    let policy = SecretPolicy {
        interval: None,
        ..POLICY
    };
    let pods = Acknowledgements::of_one("pod", 9);
    let step = advance_secret(policy, &values(), 7, at(1 << 30), &pods, &mut generator());
    assert_eq!(step.unwrap(), SecretStep::Wait(None));
}

/// OIDC-11: only what the realm says rotates.
#[test]
fn policies_are_those_that_the_realm_declares() {
    let mut rotated = sample::client("rotated");
    if let Some(oidc) = &mut rotated.oidc
        && let ClientAuthentication::Secret { rotation, .. } = &mut oidc.authentication
    {
        *rotation = Some(SecretRotation {
            interval: Period::from_secs(1000),
            overlap: Period::from_secs(100),
        });
    }
    let realm = sample::realm(vec![rotated, sample::client("kept")]);
    let handle = SecretHandle::from("identity/rotated/client-secret");
    assert_eq!(secret_policies(&realm), [(&handle, POLICY)].into());
}

/// OIDC-11
#[test]
fn a_supplied_secret_overlaps_with_the_former_one() {
    let first = supply(
        None,
        SecretValue::new("0123456789abcdef"),
        Period::ZERO,
        at(0),
    )
    .unwrap();
    let overlap = Period::from_secs(10);
    let again = supply(Some(&first), first.current.clone(), overlap, at(5)).unwrap();
    assert_eq!(again, first);
    let second = supply(
        Some(&first),
        SecretValue::new("fedcba9876543210"),
        overlap,
        at(5),
    )
    .unwrap();
    assert!(accepts(&second, &first.current, 14));
    assert!(!accepts(&second, &first.current, 15));
    assert!(accepts(&second, &second.current, 15));
}

#[rstest]
#[case("", SupplyFault::TooShort)]
#[case("0123456789abcde", SupplyFault::TooShort)]
#[case("0123456789abcdef\n", SupplyFault::Characters)]
#[case("пароль-пароль", SupplyFault::Characters)]
fn a_weak_or_unsendable_secret_is_refused(#[case] text: &str, #[case] fault: SupplyFault) {
    assert_eq!(
        supply(None, SecretValue::new(text), Period::ZERO, at(0)),
        Err(fault)
    );
}

#[test]
fn a_bundle_comes_back_from_its_file() {
    let mut bundle = SecretBundle::empty("a.main".into());
    let rotating = rotate(&values(), 7, &mut generator()).unwrap();
    bundle
        .secrets
        .insert(SecretHandle::from("a/demo/secret"), rotating);
    let json = bundle.to_json().unwrap();
    assert_eq!(SecretBundle::from_json(&json).unwrap(), bundle);
    assert!(bundle.get(&SecretHandle::from("other")).is_none());
}

proptest! {
    /// Whatever the owner was last told is accepted by every pod, whichever revision of the
    /// bundle it serves, at every moment of random schedules.
    #[test]
    fn what_the_owner_knows_is_always_accepted(
        events in proptest::collection::vec((0u8..3, 1i64..300), 1..60)
    ) {
        let mut now = 0;
        let mut revision = 1;
        let mut newest = values();
        let mut served = (1, newest.clone());
        let mut told = newest.current.clone();
        for (kind, seconds) in events {
            now += seconds;
            if kind == 0 {
                served = (revision, newest.clone());
                continue;
            }
            let pods = Acknowledgements::of_one("pod", served.0);
            let step = advance_secret(
                SecretPolicy { overlap: Period::from_secs(1 << 20), ..POLICY },
                &newest, revision + 1, at(now), &pods, &mut generator(),
            ).unwrap();
            match step {
                SecretStep::Wait(_) => {}
                SecretStep::Store(values) => {
                    revision += 1;
                    newest = values;
                }
                SecretStep::Tell(values) => {
                    revision += 1;
                    told = values.current.clone();
                    newest = values;
                }
            }
            prop_assert!(accepts(&served.1, &told, now));
            prop_assert!(accepts(&newest, &told, now));
        }
    }
}
