//! An authenticator app (RFC 6238) on an independent library.

use totp_rs::{Builder, Secret, Totp};

/// With one account.
pub(crate) struct Authenticator(Totp);

impl Authenticator {
    /// As somebody types in the seed that a page shows.
    pub(crate) fn with_seed(seed: &str) -> Self {
        let seed = Secret::try_from_base32(seed.replace(' ', "")).expect("base32");
        let totp = Builder::new().with_secret(seed).build();
        Self(totp.expect("parameters"))
    }

    /// What it shows after so many time steps from now.
    #[expect(
        clippy::disallowed_methods,
        reason = "an app on somebody's phone has its own clock"
    )]
    pub(crate) fn code(&self, steps: u64) -> String {
        let now = jiff::Timestamp::now().as_second();
        let now = u64::try_from(now).expect("it is past 1970");
        self.0.generate(now + 30 * steps).to_string()
    }
}
