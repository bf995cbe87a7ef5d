//! Texts with a form: names, addresses, expressions.
//!
//! The form is in the schema only, so that Kubernetes, the webhook and the compiler report
//! every fault of an object and not only the first. The types keep one
//! kind of text from being passed for another.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

fn no_fragment() -> Value {
    json!({
        "rule": "!self.contains('#')",
        "message": "a return address must not have a fragment (`#`)",
    })
}

fn no_query() -> Value {
    json!({"rule": "!self.contains('?')", "message": "a prefix must not have a query (`?`)"})
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident { $($keyword:literal: $value:expr),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
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

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", $($keyword: $value),+ })
            }
        }
    )+};
}

names! {
    /// Name of a Kubernetes object, RFC 1123 subdomain.
    ObjectName {
        "minLength": 1, "maxLength": 253,
        "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    }
    /// Name of a Kubernetes namespace, RFC 1123 label.
    Namespace {
        "minLength": 1, "maxLength": 63,
        "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    }
    /// Key in a Secret.
    SecretKey {
        "minLength": 1, "maxLength": 253,
        "pattern": r"^[-._a-zA-Z0-9]+$",
    }
    /// Name of an instance of a region. It has no hyphen, so that the namespaces
    /// `rw-<region>-<instance>` of different pairs differ.
    InstanceName {
        "minLength": 1, "maxLength": 28,
        "pattern": r"^[a-z][a-z0-9]*$",
    }
    /// Country, ISO 3166-1 alpha-2, such as `UA`.
    CountryCode {
        "minLength": 2, "maxLength": 2,
        "pattern": r"^[A-Z]{2}$",
    }
    /// Host name, or `*.` and a suffix for every host one label below it.
    HostPattern {
        "minLength": 1, "maxLength": 253,
        "pattern": r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    }
    /// Immutable id of a realm: a namespace, a dot, and a name.
    RealmId {
        "minLength": 3, "maxLength": 190,
        "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$",
    }
    /// Quantity of a resource as Kubernetes writes it, such as `250m` or `64Mi`.
    Quantity {
        "minLength": 1, "maxLength": 32,
        "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$",
    }
    /// Language tag, BCP 47, such as `uk` or `pt-BR`.
    Locale {
        "minLength": 2, "maxLength": 35,
        "pattern": r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$",
    }
    /// Name of an attribute of the realm's schema.
    AttributeName {
        "minLength": 1, "maxLength": 63,
        "pattern": r"^[A-Za-z_][A-Za-z0-9_]*$",
    }
    /// Name of a realm or client role. No colon: `client:role` is how expressions name a client's.
    RoleName {
        "minLength": 1, "maxLength": 255,
        "pattern": r"^[^\s:]([^\t\r\n:]*[^\s:])?$",
    }
    /// Full path of a group, such as `/Staff/Helpdesk`.
    GroupPath {
        "minLength": 2, "maxLength": 1024,
        "pattern": r"^(/[^/]+)+$",
    }
    /// OAuth scope token, RFC 6749 section 3.3.
    ScopeToken {
        "minLength": 1, "maxLength": 255,
        "pattern": r"^[\x21\x23-\x5B\x5D-\x7E]+$",
    }
    /// Identifier of an application for all protocols: OAuth `client_id`, SAML `entityID` (APP-01).
    ClientIdentifier {
        "minLength": 1, "maxLength": 1024,
        "pattern": r"^[\x21-\x7E]+$",
    }
    /// Name of a claim; dots make nested objects.
    ClaimName {
        "minLength": 1, "maxLength": 255,
        "pattern": r"^[^\s.]+(\.[^\s.]+)*$",
    }
    /// Value of `aud`, RFC 7519 section 4.1.3.
    Audience {
        "minLength": 1, "maxLength": 1024,
        "pattern": r"^[\x21-\x7E]+$",
    }
    /// Free label that conditions read.
    Tag {
        "minLength": 1, "maxLength": 63,
        "pattern": r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    }
    /// Short name of a rule or case, for audit, tests and messages.
    Label {
        "minLength": 1, "maxLength": 63,
        "pattern": r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    }
    /// One line for people that is not shown to those who log in.
    Line {
        "minLength": 1, "maxLength": 255,
        "pattern": r"^[^\r\n]*$",
    }
    /// Expression in our subset of CEL.
    Expression {
        "minLength": 1, "maxLength": 2048,
    }
    /// Regular expression without look-around and back references, matched in linear time.
    Pattern {
        "minLength": 1, "maxLength": 1024,
    }
    /// Address of a web page or service.
    HttpUrl {
        "minLength": 8, "maxLength": 1024,
        "pattern": r"^https?://[^\s/?#][^\s]*$",
    }
    /// Address that a browser is sent back to: `https`, loopback `http`, or the scheme of a native
    /// application. No fragment, RFC 6749 section 3.1.2.
    RedirectUri {
        "minLength": 3, "maxLength": 1024,
        "pattern": r"^[A-Za-z][-+.A-Za-z0-9]*:[^\s]+$",
        "x-kubernetes-validations": [no_fragment()],
    }
    /// Beginning of such addresses. No query.
    RedirectUriPrefix {
        "minLength": 3, "maxLength": 1024,
        "pattern": r"^[A-Za-z][-+.A-Za-z0-9]*:[^\s]+$",
        "x-kubernetes-validations": [no_fragment(), no_query()],
    }
    /// Origin of a web page without trailing slash, or `+` for the origins of all redirect
    /// addresses (KC-CL-01).
    WebOrigin {
        "minLength": 1, "maxLength": 255,
        "pattern": r"^(\+|https?://[^\s/?#*]+)$",
    }
    /// IPv4 or IPv6 address.
    IpAddress {
        "minLength": 2, "maxLength": 45,
        "pattern": r"^[0-9A-Fa-f:.]+$",
    }
}
