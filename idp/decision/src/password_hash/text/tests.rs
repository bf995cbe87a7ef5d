use super::super::cost;
use super::*;

const COST: PasswordHashing = PasswordHashing {
    memory_kib: 19_456,
    iterations: 2,
    parallelism: 1,
};

/// Costs at the corners of what is admitted: the dearest of each kind.
const CORNERS: &[(u32, u32, u32)] = &[
    (cost::MAX_ARGON2_MEMORY_KIB, 1, 1),
    (7168, cost::MAX_ARGON2_PASSES, cost::MAX_ARGON2_LANES),
    (65_536, 4, 4),
    (7168, 1, 1),
];

fn argon2id(memory_kib: u32, iterations: u32, parallelism: u32) -> String {
    format!(
        "$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}$c29tZXNhbHQ$\
         CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    )
}

#[test]
fn what_may_be_made_is_understood() {
    for &(memory_kib, iterations, parallelism) in CORNERS {
        let cost = PasswordHashing {
            memory_kib,
            iterations,
            parallelism,
        };
        assert!(admits(cost), "{cost:?}");
        let text = argon2id(memory_kib, iterations, parallelism);
        assert!(PasswordHash::parse(&text).is_ok(), "{text}");
    }
}

#[test]
fn what_would_cost_too_much_is_refused_before_it_costs_anything() {
    let pbkdf2 = |digest: &str, iterations: u32, bytes: usize| {
        let output = BASE64.encode(vec![7; bytes]);
        format!("$pbkdf2-{digest}$i={iterations}$MDEyMzQ1Njc4OWFiY2RlZg${output}")
    };
    let scrypt = |parameters: &str| {
        format!(
            "$scrypt${parameters}$MDEyMzQ1Njc4OWFiY2RlZg$gEeb/KeWbm5g+kBQOFr1yJbkjBxxxDOkhSmrSXFFwOg"
        )
    };
    for (text, family) in [
        (
            argon2id(cost::MAX_ARGON2_MEMORY_KIB + 1, 1, 1),
            Family::Argon2,
        ),
        (argon2id(cost::MAX_ARGON2_MEMORY_KIB, 2, 1), Family::Argon2),
        (argon2id(64, cost::MAX_ARGON2_PASSES + 1, 1), Family::Argon2),
        (
            argon2id(1024, 1, cost::MAX_ARGON2_LANES + 1),
            Family::Argon2,
        ),
        (argon2id(u32::MAX, u32::MAX, u32::MAX), Family::Argon2),
        (scrypt("ln=18,r=8,p=1"), Family::Scrypt),
        (scrypt("ln=17,r=8,p=2"), Family::Scrypt),
        (scrypt("ln=4294967295,r=4294967295,p=1"), Family::Scrypt),
        (scrypt("ln=63,r=4294967295,p=4294967295"), Family::Scrypt),
        (pbkdf2("sha256", 2_000_001, 32), Family::Pbkdf2),
        (pbkdf2("sha256", 1_000_001, 64), Family::Pbkdf2),
        (pbkdf2("sha1", 1_500_001, 20), Family::Pbkdf2),
        (pbkdf2("sha512", 1_000_001, 64), Family::Pbkdf2),
        (pbkdf2("sha512", u32::MAX, 64), Family::Pbkdf2),
        (
            "$2b$13$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".into(),
            Family::Bcrypt,
        ),
    ] {
        assert_eq!(
            PasswordHash::parse(&text).unwrap_err(),
            FormatFault::TooExpensive(family),
            "{text}"
        );
    }
    for text in [
        scrypt("ln=17,r=8,p=1"),
        pbkdf2("sha256", 2_000_000, 32),
        pbkdf2("sha512", 1_000_000, 64),
        "$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".into(),
    ] {
        assert!(PasswordHash::parse(&text).is_ok(), "{text}");
    }
}

#[test]
fn a_refusal_names_the_bound_and_not_the_hash() {
    let text = "$2b$13$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let fault = PasswordHash::parse(text).unwrap_err().to_string();
    assert_eq!(
        fault,
        "a bcrypt hash that costs more to check than is admitted (cost at most 12)"
    );
    let hash = PasswordHash::parse(&argon2id(64, 1, 1)).unwrap();
    assert_eq!(format!("{hash:?}"), "PasswordHash(Argon2)");
}

#[test]
fn malformed_texts_are_refused() {
    let long = format!("$argon2id${}", "a".repeat(5000));
    for text in [
        "",
        "$",
        "$$",
        "plain",
        "{SSHA}x",
        "$1$salt$hash",
        "$argon2id$",
        "$argon9$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,m=8,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=99$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=2,p=1$c2Fs$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$AAAA",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$*",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y$extra",
        "$argon2id$v=19$m=0,t=0,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=15,t=1,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$pbkdf2-sha256$i=0$MDEyMzQ1Njc4OWFiY2RlZg$tiKWHy4FAGCWE8gn6GtKhaxD2OeeAUUWXFT",
        "$pbkdf2-sha256$i=x$MDEyMzQ1Njc4OWFiY2RlZg$tiKWHy4FAGCWE8gn6GtKhaxD2OeeAUUWXFT",
        "$scrypt$ln=0,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$gEeb/KeWbm5g+kBQOFr1yJbkjBxxxDOkhSmrSXFFwOg",
        "$scrypt$ln=4,r=8,p=0$MDEyMzQ1Njc4OWFiY2RlZg$gEeb/KeWbm5g+kBQOFr1yJbkjBxxxDOkhSmrSXFFwOg",
        "$2b$05$short",
        "$2b$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$xx$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC!E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$05$CCCCCCCCCCCCCCCCCCCC£.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        &long,
    ] {
        assert!(PasswordHash::parse(text).is_err(), "{text}");
    }
}

#[test]
fn weaker_hashes_are_seen() {
    let weaker = |text: &str| PasswordHash::parse(text).unwrap().is_weaker_than(COST);
    assert!(!weaker(&argon2id(19_456, 2, 1)));
    assert!(!weaker(&argon2id(65_536, 3, 4)));
    assert!(weaker(&argon2id(12_288, 3, 1)));
    assert!(weaker(&argon2id(65_536, 1, 1)));
    assert!(weaker(
        &argon2id(19_456, 2, 1).replace("argon2id", "argon2i")
    ));
    assert!(weaker(
        "$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
    ));
    assert!(weaker(
        "$pbkdf2-sha256$i=600000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$tiKWHy4FAGCWE8gn6GtKhaxD2OeeAUUWXFT/p1aaNl8"
    ));
    assert!(!PasswordHash::of_nobody(COST, [1; 16], [2; 32]).is_weaker_than(COST));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_fail_otherwise(text in "\\PC{0,200}") {
        let _ = PasswordHash::parse(&text);
    }

    #[test]
    fn no_near_miss_makes_the_parser_fail_otherwise(
        id in "(argon2id|scrypt|pbkdf2-sha256|2b)",
        rest in "[$=,a-z0-9]{0,80}",
    ) {
        let _ = PasswordHash::parse(&format!("${id}${rest}"));
    }
}
