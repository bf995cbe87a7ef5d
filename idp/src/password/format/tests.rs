use super::*;

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

const COST: PasswordHashing = PasswordHashing {
    memory_kib: 19_456,
    iterations: 2,
    parallelism: 1,
};

#[test]
fn hashes_of_other_software_verify_and_only_with_their_password() {
    for (password, text) in FOREIGN {
        let hash = PasswordHash::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(hash.verify(password.as_bytes()), Ok(true), "{text}");
        assert_eq!(hash.verify(b"Password"), Ok(false), "{text}");
        assert_eq!(hash.verify(b""), Ok(false), "{text}");
        assert!(needs_upgrade(text, COST), "{text}");
        assert!(!format!("{hash:?}").contains("c29tZXNhbHQ"));
    }
}

#[test]
fn our_own_hash_needs_an_upgrade_only_when_the_cost_changes() {
    let cheap = PasswordHashing {
        memory_kib: 64,
        ..COST
    };
    let text = argon2id(b"secret", &[1; 16], cheap).unwrap();
    assert!(!needs_upgrade(&text, cheap));
    assert!(needs_upgrade(&text, COST));
}

#[test]
fn what_would_cost_too_much_is_refused_before_it_costs_anything() {
    for (text, format) in [
        (
            "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "argon2",
        ),
        (
            "$argon2id$v=19$m=65536,t=4000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "argon2",
        ),
        (
            "$scrypt$ln=30,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$gEeb/KeWbm5g+kBQOFr1yJbkjBxxxDOkhSmrSXFFwOg",
            "scrypt",
        ),
        (
            "$scrypt$ln=4294967295,r=4294967295,p=1$MDEyMzQ1Njc4OWFiY2RlZg$gEeb/KeWbm5g+kBQOFr1yJbkjBxxxDOkhSmrSXFFwOg",
            "scrypt",
        ),
        (
            "$pbkdf2-sha256$i=4000000000$MDEyMzQ1Njc4OWFiY2RlZg$tiKWHy4FAGCWE8gn6GtKhaxD2OeeAUUWXFT/p1aaNl8",
            "pbkdf2",
        ),
        (
            "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "bcrypt",
        ),
    ] {
        assert_eq!(
            PasswordHash::parse(text).unwrap_err(),
            FormatFault::TooExpensive(format),
            "{text}"
        );
    }
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
        "$argon2id$v=19$m=65536,t=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,m=8,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=99$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=2,p=1$c2Fs$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$AAAA",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$*",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y$extra",
        "$argon2id$v=19$m=0,t=0,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$pbkdf2-sha256$i=0$MDEyMzQ1Njc4OWFiY2RlZg$tiKWHy4FAGCWE8gn6GtKhaxD2OeeAUUWXFT",
        "$pbkdf2-sha256$i=x$MDEyMzQ1Njc4OWFiY2RlZg$tiKWHy4FAGCWE8gn6GtKhaxD2OeeAUUWXFT",
        "$2b$05$short",
        "$2b$xx$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        &long,
    ] {
        assert!(PasswordHash::parse(text).is_err(), "{text}");
    }
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
