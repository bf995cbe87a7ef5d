use super::*;
use realmwright_decision::password_hash::FormatFault;

/// Written by other software: the reference implementation of Argon2, crypt_blowfish, Python's
/// hashlib.
const FOREIGN: &[(&str, &str)] = &[
    (
        "password",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ),
    (
        "password",
        "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    ),
    (
        "password",
        "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
    ),
    (
        "U*U",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    ),
    (
        "U*U",
        "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    ),
    (
        "U*U",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    ),
    (
        "secret",
        "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$tiKWHy4FAGCWE8gn6GtKhaxD2OeeAUUWXFT/p1aaNl8",
    ),
    (
        "secret",
        "$pbkdf2-sha512$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$vgFvU7zWIDgDAUi7d8ayt+cfRiPWVVWfv8iQRsGZaZviWzsSNgWYXEE5PmvI/VELMsOmEbqLz0PKuePNjOk41A",
    ),
    (
        "secret",
        "$pbkdf2$1000$.//7//v/.//7//v/.//7/w$e/l24XxuJLwOv6k4v2lBI80z/AU",
    ),
    (
        "secret",
        "pbkdf2_sha256$1000$saltText$dPMfPSsx38BIt5/nw92CCu7QOW2KtIXSbH0sI1MlZmo=",
    ),
    (
        "secret",
        "$scrypt$ln=4,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$gEeb/KeWbm5g+kBQOFr1yJbkjBxxxDOkhSmrSXFFwOg",
    ),
];

fn parsed(text: &str) -> PasswordHash {
    PasswordHash::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

#[test]
fn hashes_of_other_software_verify_and_only_with_their_password() {
    for (password, text) in FOREIGN {
        let hash = parsed(text);
        assert_eq!(verify(&hash, password.as_bytes()), Ok(true), "{text}");
        assert_eq!(verify(&hash, b"Password"), Ok(false), "{text}");
        assert_eq!(verify(&hash, b""), Ok(false), "{text}");
    }
}

/// Some writers of bcrypt leave bits set that no byte has.
#[test]
fn unused_bits_of_a_bcrypt_text_do_not_matter() {
    let hash = parsed("$2a$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
    assert_eq!(verify(&hash, b"U*U"), Ok(true));
}

/// Every cost that may be set makes hashes that verify: at the dearest corners, by real hashes.
#[test]
fn a_cost_that_is_admitted_verifies_its_own_hashes() {
    for (memory_kib, iterations, parallelism) in [
        (cost::MAX_ARGON2_MEMORY_KIB, 1, 1),
        (7168, cost::MAX_ARGON2_PASSES, cost::MAX_ARGON2_LANES),
        (7168, 1, 1),
    ] {
        let cost = PasswordHashing {
            memory_kib,
            iterations,
            parallelism,
        };
        let text = argon2id(b"correct horse", &[1; 16], cost).unwrap();
        let hash = parsed(&text);
        assert_eq!(verify(&hash, b"correct horse"), Ok(true), "{cost:?}");
        assert!(!hash.is_weaker_than(cost), "{cost:?}");
    }
}

#[test]
fn a_hash_that_could_not_be_checked_is_not_made() {
    for (memory_kib, iterations, parallelism) in [
        (cost::MAX_ARGON2_MEMORY_KIB + 8, 1, 1),
        (cost::MAX_ARGON2_MEMORY_KIB, 2, 1),
        (1024, 1, cost::MAX_ARGON2_LANES + 1),
    ] {
        let cost = PasswordHashing {
            memory_kib,
            iterations,
            parallelism,
        };
        let made = argon2id(b"correct horse", &[1; 16], cost);
        assert_eq!(made, Err(CheckFault::Cost));
        let text = format!(
            "$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}$c29tZXNhbHQ$\
             CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        );
        assert_eq!(
            PasswordHash::parse(&text),
            Err(FormatFault::TooExpensive(Family::Argon2))
        );
    }
}

/// What a check of the cost that is hashed with by default takes on one core; run with `make bench`.
#[test]
#[ignore = "a measurement, not a check"]
fn measure_argon2id() {
    use std::time::Instant;
    const ROUNDS: u32 = 50;
    let cost = PasswordHashing {
        memory_kib: 19_456,
        iterations: 2,
        parallelism: 1,
    };
    let hash = parsed(&argon2id(b"correct horse", &[1; 16], cost).unwrap());
    let start = Instant::now();
    for _ in 0..ROUNDS {
        assert_eq!(verify(&hash, b"correct horse"), Ok(true));
    }
    println!(
        "Argon2id of 19 MiB, twice over: {:?}",
        start.elapsed() / ROUNDS
    );
}
