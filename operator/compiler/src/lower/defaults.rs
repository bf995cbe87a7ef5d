//! Every default that the documentation of the resources promises, in one place.

use realmwright_snapshot::{
    CharacterGroup, Locale, Locales, PasswordHashing, Period, SigningAlgorithm, TokenFormat,
};

pub(crate) const INSTANCE: &str = "default";
pub(crate) const REQUIRED_FACTORS: u8 = 1;

pub(crate) const SESSION_IDLE: Period = Period::from_secs(30 * 60);
pub(crate) const SESSION_LIFETIME: Period = Period::from_secs(10 * 3600);
pub(crate) const LOGIN_LIFETIME: Period = Period::from_secs(30 * 60);

pub(crate) const CODE_LIFETIME: Period = Period::from_secs(60);
pub(crate) const ACCESS_TOKEN_FORMAT: TokenFormat = TokenFormat::Jwt;
pub(crate) const ACCESS_TOKEN_LIFETIME: Period = Period::from_secs(5 * 60);
pub(crate) const ID_TOKEN_LIFETIME: Period = Period::from_secs(5 * 60);
pub(crate) const REFRESH_IDLE: Period = Period::from_secs(30 * 60);
pub(crate) const REFRESH_LIFETIME: Period = Period::from_secs(10 * 3600);
pub(crate) const REUSE_INTERVAL: Period = Period::from_secs(10);

pub(crate) const SECRET_OVERLAP: Period = Period::from_secs(24 * 3600);

pub(crate) const SIGNING_ALGORITHM: SigningAlgorithm = SigningAlgorithm::ES256;
pub(crate) const ROTATION_INTERVAL: Period = Period::from_secs(720 * 3600);
pub(crate) const PUBLISH_AHEAD: Period = Period::from_secs(24 * 3600);
pub(crate) const JWKS_MAX_AGE: Period = Period::from_secs(3600);

pub(crate) const RESPONSE_FLOOR: Period = Period::from_millis(500);
pub(crate) const ATTEMPTS_PER_ADDRESS: u32 = 100;
pub(crate) const ATTEMPTS_PER_LOGIN: u32 = 20;
pub(crate) const ATTEMPT_WINDOW: Period = Period::from_secs(15 * 60);
pub(crate) const QUEUE_LENGTH: u32 = 200;
pub(crate) const QUEUE_MAX_WAIT: Period = Period::from_secs(5);

pub(crate) const MIN_LENGTH: u32 = 8;
pub(crate) const MAX_LENGTH: u32 = 256;
pub(crate) const LOCKOUT_FAILURES: u32 = 5;
pub(crate) const LOCKOUT_DURATION: Period = Period::from_secs(60);
pub(crate) const HASHING: PasswordHashing = PasswordHashing {
    memory_kib: 19456,
    iterations: 2,
    parallelism: 1,
};

pub(crate) const OTP_DIGITS: u32 = 6;
pub(crate) const OTP_PERIOD: Period = Period::from_secs(30);
pub(crate) const OTP_WINDOW: u32 = 1;
pub(crate) const OTP_ATTEMPTS: u32 = 5;
pub(crate) const OTP_LOCK: Period = Period::from_secs(15 * 60);
pub(crate) const RECOVERY_CODES: u32 = 10;
/// Expression for the account's name in an authenticator app where the realm has no display name
/// of people.
pub(crate) const ACCOUNT_LABEL: &str = "person.sub";

/// What clients inherit from their realm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens {
    pub(crate) code_lifetime: Period,
    pub(crate) access_format: TokenFormat,
    pub(crate) access_lifetime: Period,
    pub(crate) id_lifetime: Period,
    pub(crate) refresh_idle: Period,
    pub(crate) refresh_lifetime: Period,
    pub(crate) reuse_interval: Period,
    pub(crate) algorithm: SigningAlgorithm,
}

pub(crate) fn locales() -> Locales {
    Locales {
        supported: ["en", "uk", "ru"].map(Locale::from).to_vec(),
        default: Locale::from("en"),
        ignore_browser: false,
    }
}

pub(crate) fn character_groups() -> Vec<CharacterGroup> {
    [
        ("digits", "[0-9]"),
        ("lowerCase", r"\p{Ll}"),
        ("upperCase", r"\p{Lu}"),
        ("others", r"[^0-9\p{Ll}\p{Lu}]"),
    ]
    .into_iter()
    .map(|(name, characters)| CharacterGroup {
        name: name.to_owned(),
        characters: characters.to_owned(),
        min: 1,
    })
    .collect()
}
