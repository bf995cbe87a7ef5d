//! Closed sets of messages, each with the key of its text.

use serde::{Serialize, Serializer};

/// Enums whose variants stand for texts. `Serialize` writes the key, templates translate it.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $key:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every variant.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Key of its text.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$variant => $key,)*
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.key())
            }
        }
    )*};
}

messages! {
    /// What has happened to the login since the person last saw it.
    Notice {
        /// It took too long and was begun anew.
        Restarted = "notice-restarted",
        /// The answer was to a former step.
        Moved = "notice-moved",
        /// The configuration changed and a method is gone.
        MethodGone = "notice-method-gone",
        /// A known person is asked again.
        Reauthenticate = "notice-reauthenticate",
    }

    /// What is wrong with the last answer. One text for an unknown person, a wrong password, a
    /// locked person and a missing factor.
    Failure {
        /// Login and password do not fit.
        Credentials = "failure-credentials",
        /// The one-time code does not fit.
        Code = "failure-code",
        /// The new password violates rules.
        Password = "failure-password",
        /// The new password was typed in two ways.
        Mismatch = "password-mismatch",
        /// The current password was typed wrongly.
        CurrentPassword = "failure-current-password",
        /// The browser sends no cookies back.
        NoCookies = "failure-no-cookies",
    }

    /// Names of methods that have none of their own.
    MethodLabel {
        /// Login and password.
        Password = "method-password",
        /// A code from an app.
        Totp = "method-totp",
    }

    /// Why a new password is asked for.
    PasswordChangeReason {
        /// Whoever made the account said so.
        Forced = "password-lead-forced",
        /// It is older than the policy allows.
        Expired = "password-lead-expired",
        /// It does not satisfy the policy.
        Policy = "password-lead-policy",
    }

    /// Whether the password just typed satisfies a rule.
    RuleState {
        /// It does.
        Met = "rule-met",
        /// It does not.
        Violated = "rule-violated",
    }
}

/// A method to choose.
#[derive(Clone, Debug, Serialize)]
pub struct MethodOption {
    /// What the form sends.
    pub name: String,
    /// What people read, in their language.
    pub label: String,
}

/// A rule for new passwords (AUTH-PWDPOL).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleView {
    /// Key of its text.
    pub key: &'static str,
    /// Its number, where it has one.
    pub count: u32,
    /// Names of character groups, where it is about these.
    pub groups: String,
    /// None before the first try.
    pub state: Option<RuleState>,
}

impl RuleView {
    /// Keys of all rules.
    pub const KEYS: [&'static str; 8] = [
        "rule-min-length",
        "rule-max-length",
        "rule-groups",
        "rule-dictionary",
        "rule-login",
        "rule-history",
        "rule-differing",
        "rule-min-age",
    ];

    /// At least so many characters.
    #[must_use]
    pub fn min_length(count: u32) -> Self {
        Self::new("rule-min-length", count)
    }

    /// At most so many characters.
    #[must_use]
    pub fn max_length(count: u32) -> Self {
        Self::new("rule-max-length", count)
    }

    /// Characters of at least `count` of the named groups.
    #[must_use]
    pub fn groups(count: u32, names: &[String]) -> Self {
        Self {
            groups: names.join(", "),
            ..Self::new("rule-groups", count)
        }
    }

    /// Not in the dictionary.
    #[must_use]
    pub fn dictionary() -> Self {
        Self::new("rule-dictionary", 0)
    }

    /// Without the login in it.
    #[must_use]
    pub fn login() -> Self {
        Self::new("rule-login", 0)
    }

    /// None of the last `count`.
    #[must_use]
    pub fn history(count: u32) -> Self {
        Self::new("rule-history", count)
    }

    /// Other than the former one in so many characters.
    #[must_use]
    pub fn differing(count: u32) -> Self {
        Self::new("rule-differing", count)
    }

    /// Not too soon after the last change.
    #[must_use]
    pub fn min_age() -> Self {
        Self::new("rule-min-age", 0)
    }

    /// With what the last try said about it.
    #[must_use]
    pub fn judged(mut self, state: RuleState) -> Self {
        self.state = Some(state);
        self
    }

    fn new(key: &'static str, count: u32) -> Self {
        Self {
            key,
            count,
            groups: String::new(),
            state: None,
        }
    }
}
