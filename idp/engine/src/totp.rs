//! Time-based one-time passwords, RFC 6238 over RFC 4226 (AUTH-TOTP-01).

use realmwright_snapshot::{OtpAlgorithm, TotpMethod};
use totp_rs::{Algorithm, Builder, Totp};

/// Octets of a new seed: the length of RFC 4226 section 4, R6.
pub(crate) const SEED_BYTES: usize = 20;

const fn algorithm(method: &TotpMethod) -> Algorithm {
    match method.algorithm {
        OtpAlgorithm::Sha1 => Algorithm::SHA1,
        OtpAlgorithm::Sha256 => Algorithm::SHA256,
        OtpAlgorithm::Sha512 => Algorithm::SHA512,
    }
}

fn generator(method: &TotpMethod, seed: &[u8], issuer: Option<&str>, label: &str) -> Totp {
    Builder::new()
        .with_algorithm(algorithm(method))
        .with_digits(u8::try_from(method.digits).unwrap_or(6))
        .with_step_duration(period(method))
        .with_skew(0)
        .with_secret(seed.to_vec())
        .with_issuer(issuer.map(|text| text.replace(':', " ")))
        .with_account_name(label.replace(':', " "))
        .build_noncompliant()
}

fn period(method: &TotpMethod) -> u64 {
    method.period.as_secs().max(1)
}

/// The step whose code was typed, when it is within the method's window at `now` (seconds of
/// Unix time) and later than the last accepted one: a step is accepted once.
pub(crate) fn matching_step(
    method: &TotpMethod,
    seed: &[u8],
    code: &str,
    now: i64,
    last_accepted: Option<u64>,
) -> Option<u64> {
    let typed: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let generator = generator(method, seed, None, "");
    let current = u64::try_from(now).ok()? / period(method);
    let first = current.saturating_sub(u64::from(method.backward));
    let last = current.saturating_add(u64::from(method.forward));
    // Every step of the window is compared, so that time does not tell which one was near.
    let mut found = None;
    for step in first..=last {
        let expected = generator.generate(step.saturating_mul(period(method)));
        let equal = crate::crypto::equal(expected.to_string().as_bytes(), typed.as_bytes());
        if equal && found.is_none() && last_accepted.is_none_or(|used| step > used) {
            found = Some(step);
        }
    }
    found
}

/// The address that an authenticator app reads, and the seed in base32; none when the label is
/// unusable.
pub(crate) fn provisioning(
    method: &TotpMethod,
    seed: &[u8],
    label: &str,
) -> Option<(String, String)> {
    let generator = generator(method, seed, Some(&method.issuer), label);
    Some((
        generator.to_url().ok()?,
        totp_rs::Secret::from(seed.to_vec()).to_base32(),
    ))
}
