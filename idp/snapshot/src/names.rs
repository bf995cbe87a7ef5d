//! Names and identifiers. The compiler has checked their form; here the types only keep one kind
//! from being passed for another.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps a text whose form the caller answers for.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    )*};
}

names! {
    /// The realm's immutable id, `<namespace>.<name>` by default: the first column of every table.
    RealmId;
    /// Name of a `Region`.
    RegionName;
    /// Name of an instance of a region: one Deployment, one database.
    InstanceName;
    /// ISO 3166-1 alpha-2 code of the country whose law holds the region's data.
    Country;
    /// One identifier of an application for all protocols (OAuth `client_id`, SAML `entityID`).
    /// Identifiers that begin with `dyn~` are reserved for dynamic registration.
    ClientId;
    /// OAuth scope token, RFC 6749 section 3.3.
    ScopeName;
    /// Name of an attribute of the realm's schema. `sub` is built in.
    AttributeName;
    /// Name of an `AuthMethod` in its realm.
    MethodName;
    /// Name of an `AuthFlow` in its realm.
    FlowName;
    /// Name of a realm or client role.
    RoleName;
    /// Clients of one privacy domain see one pairwise subject (APP-06).
    PrivacyDomain;
    /// BCP 47 language tag, such as `uk` or `en`.
    Locale;
    /// Where a secret value is found in the secret bundle. Never the value.
    SecretHandle;
    /// Source text of a condition, in our subset of CEL. The compiler has checked its type.
    Expression;
}
