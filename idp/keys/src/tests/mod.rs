//! Artefacts, keys, secrets and bind.

use jiff::Timestamp;
use proptest::prelude::*;
use realmwright_snapshot::{
    ClientAuthentication, Period, SecretHandle, SecretRotation, SigningAlgorithm, sample,
};
use rstest::rstest;

use crate::{
    Acknowledgements, Generate, KeyEntry, KeyFault, KeyId, Keyring, KeyringFault, Material, Policy,
    PublicJwk, PublicKeyMembers, Purpose, RsaSize, SecretBundle, SecretPolicy, SecretStep,
    SecretValue, SecretValues, Stage, SupplyFault, SystemGenerator, advance, advance_secret, apply,
    rotate, secret_policies, supply,
};

mod secrets;

const ALGORITHMS: [SigningAlgorithm; 4] = [
    SigningAlgorithm::ES256,
    SigningAlgorithm::RS256,
    SigningAlgorithm::PS256,
    SigningAlgorithm::EdDSA,
];

fn generator() -> SystemGenerator {
    SystemGenerator {
        rsa: RsaSize::Bits2048,
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn keyring() -> Keyring {
    let policy = Policy {
        algorithms: ALGORITHMS.into(),
        rotation_interval: Period::from_secs(3600),
        publish_ahead: Period::from_secs(60),
        jwks_max_age: Period::from_secs(60),
        skew: Period::from_secs(30),
        longest_token_life: Period::from_secs(300),
        longest_sealed_life: Period::from_secs(300),
    };
    let empty = Keyring::empty("a.main".into());
    let plan = advance(&policy, &empty, at(0), &Acknowledgements::default());
    apply(&empty, &plan, at(0), &mut generator()).unwrap()
}

/// RFC 7638 section 3.1 and RFC 8037 appendix A.3
#[test]
fn thumbprints_are_those_of_the_rfcs() {
    let rsa = PublicKeyMembers::Rsa {
        e: "AQAB".to_owned(),
        n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw".to_owned(),
    };
    assert_eq!(
        rsa.thumbprint(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
    let okp = PublicKeyMembers::Okp {
        crv: "Ed25519".to_owned(),
        x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned(),
    };
    assert_eq!(
        okp.thumbprint(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

/// KC-KEY-05
#[test]
fn every_algorithm_gets_a_key_of_its_kind() {
    for alg in ALGORITHMS {
        let key = generator().key(Purpose::Sign { alg }).unwrap();
        let jwk = PublicJwk::of_private_key(&key.kid, alg, &key.material).unwrap();
        assert_eq!(key.kid, KeyId::new(jwk.members.thumbprint()));
        let json = serde_json::to_value(&jwk).unwrap();
        assert_eq!(json["alg"], alg.as_str());
        assert_eq!(json["use"], "sig");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(json.get(private).is_none());
        }
        assert_ne!(generator().key(Purpose::Sign { alg }).unwrap().kid, key.kid);
    }
}

#[test]
fn rsa_keys_have_the_length_that_was_asked_for() {
    for (rsa, letters) in [(RsaSize::Bits2048, 342), (RsaSize::Bits3072, 512)] {
        let key = SystemGenerator { rsa }
            .key(Purpose::Sign {
                alg: SigningAlgorithm::PS256,
            })
            .unwrap();
        let members = PublicKeyMembers::of_private_key(SigningAlgorithm::PS256, &key.material);
        let Ok(PublicKeyMembers::Rsa { n, .. }) = members else {
            panic!("not RSA");
        };
        assert_eq!(n.len(), letters);
    }
}

#[test]
fn a_key_of_another_kind_has_no_jwk() {
    let key = generator()
        .key(Purpose::Sign {
            alg: SigningAlgorithm::ES256,
        })
        .unwrap();
    for alg in [SigningAlgorithm::RS256, SigningAlgorithm::EdDSA] {
        assert_eq!(
            PublicJwk::of_private_key(&key.kid, alg, &key.material),
            Err(KeyFault::Material)
        );
    }
    let keyring = keyring();
    let seal = keyring.of(Purpose::Seal).next().unwrap();
    assert_eq!(seal.public_jwk(), Err(KeyFault::NotASigningKey));
    assert_eq!(seal.material.expose().len(), 32);
}

#[test]
fn a_keyring_comes_back_from_its_file() {
    let keyring = keyring();
    let json = keyring.to_json().unwrap();
    assert_eq!(Keyring::from_json(&json).unwrap(), keyring);
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let entry = &value["entries"][0];
    for member in [
        "kid",
        "purpose",
        "material",
        "createdAt",
        "state",
        "signAfter",
    ] {
        assert!(entry.get(member).is_some(), "{member}");
    }
}

#[test]
fn a_broken_file_is_refused_without_quoting_it() {
    let fault = Keyring::from_json(br#"{"realm": "a", "material": "hush-hush"}"#).unwrap_err();
    assert!(matches!(fault, KeyringFault::Form { line: 1, .. }));
    assert!(!format!("{fault} {fault:?}").contains("hush"));
    let fault = SecretBundle::from_json(b"[\"hush-hush\"]").unwrap_err();
    assert!(!format!("{fault} {fault:?}").contains("hush"));

    let mut twice = keyring();
    twice.entries.push(twice.entries[0].clone());
    assert!(matches!(
        Keyring::from_json(&twice.to_json().unwrap()),
        Err(KeyringFault::Duplicate(_))
    ));
}

/// `design.md` section 8: secrets are redacted by type.
#[test]
fn debug_shows_no_material_and_no_secret() {
    let keyring = keyring();
    let shown = format!("{keyring:?}");
    for entry in &keyring.entries {
        let octets = format!("{:?}", entry.material.expose());
        assert!(!shown.contains(octets.trim_matches(['[', ']'])));
    }
    assert!(shown.contains("redacted"));
    let values = SecretValues::of(SecretValue::new("hush-hush-hush-hush"), at(0));
    assert!(!format!("{values:?}").contains("hush"));
}

#[test]
fn a_pod_rebuilds_what_it_derived_when_the_clock_changes_it() {
    let mut keyring = keyring();
    assert_eq!(keyring.next_change(at(0)), None);
    keyring.entries.push(KeyEntry {
        kid: KeyId::new("next"),
        purpose: Purpose::Seal,
        material: Material::new(vec![0; 32]),
        created_at: at(0),
        published_at: at(0),
        published_revision: 2,
        longest_life: Period::ZERO,
        stage: Stage::Active {
            sign_after: at(50),
            since_revision: 3,
        },
    });
    assert_eq!(keyring.next_change(at(0)), Some(at(50)));
    let current = |now| keyring.current(Purpose::Seal, at(now)).unwrap();
    assert_ne!(current(49).kid.as_str(), "next");
    assert_eq!(current(50).kid.as_str(), "next");
}
