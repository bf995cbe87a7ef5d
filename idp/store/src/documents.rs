//! What hangs together, read in one statement: the database answers with one JSON document, whose
//! members are columns under their names. Both databases write the same document, and this is the
//! one place that reads it.
//!
//! One statement sees one moment, and costs one round trip instead of eight. No document holds a
//! secret of a credential.

use std::collections::BTreeSet;

use realmwright_snapshot::{AttributeName, DataClass};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{
    AuthenticationRow, GrantRow, Result, SessionRow, StoreError, StoredAttribute, StoredAttributes,
    SubjectRow, TokenHash, values,
};

/// A person and what hangs on them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct StoredPerson {
    /// The person.
    pub subject: SubjectRow,
    /// All stored attributes.
    #[serde(deserialize_with = "attributes")]
    pub attributes: StoredAttributes,
    /// Kinds of credentials, such as `password`.
    pub credentials: BTreeSet<String>,
    /// Names of roles held directly: `role` or `client:role`; sorted.
    pub roles: Vec<String>,
    /// Full paths of groups, with a leading slash; sorted.
    pub groups: Vec<String>,
}

/// A session and what was passed in it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StoredSession {
    /// The session.
    pub row: SessionRow,
    /// Oldest first.
    pub authentications: Vec<AuthenticationRow>,
}

/// All that decides whether the tokens of a grant still count, and what they say.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Standing {
    /// The grant, ended or not.
    pub grant: GrantRow,
    /// Its session; none for a grant without one, and once the session has ended or expired.
    pub session: Option<StoredSession>,
    /// Its person; none for a client's own grant, and once the account is gone.
    pub person: Option<StoredPerson>,
}

/// A grant as a presented JWT finds it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Presented {
    /// Whether that JWT was revoked.
    pub revoked: bool,
    /// None when the grant is gone.
    pub standing: Option<Standing>,
}

/// Reads a document that a database wrote.
///
/// # Errors
/// `Inconsistent`, naming `table`, when it is not of its type.
pub fn read<T: DeserializeOwned>(table: &'static str, document: &str) -> Result<T> {
    // The reason may quote a value, and a value may be of a person.
    serde_json::from_str(document).map_err(|_| StoreError::Inconsistent {
        table,
        detail: "a row, or what hangs on it, is not of its type".to_owned(),
    })
}

#[derive(Deserialize)]
struct AttributeColumns {
    name: AttributeName,
    kind: String,
    value: Value,
    class: String,
}

fn attributes<'de, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<StoredAttributes, D::Error> {
    let rows = Vec::<AttributeColumns>::deserialize(from)?;
    let attribute = |row: AttributeColumns| {
        let value = values::from_stored(&row.kind, row.value).map_err(D::Error::custom)?;
        let class = DataClass::named(&row.class).ok_or_else(|| D::Error::custom("class"))?;
        Ok((row.name, StoredAttribute { value, class }))
    };
    rows.into_iter().map(attribute).collect()
}

/// Hexadecimal, as PostgreSQL writes bytes in JSON (`\x…`) and as SQLite's `hex` does.
impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || D::Error::custom("a hash of 32 bytes");
        let digits = text.strip_prefix("\\x").unwrap_or(&text).as_bytes();
        let (pairs, rest) = digits.as_chunks::<2>();
        let mut hash = [0; 32];
        if pairs.len() != hash.len() || !rest.is_empty() {
            return Err(wrong());
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            let digit = |digit: u8| {
                char::from(digit)
                    .to_digit(16)
                    .and_then(|d| u8::try_from(d).ok())
            };
            let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
                return Err(wrong());
            };
            *byte = high << 4 | low;
        }
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_in_both_forms() {
        let digits = "00ff".repeat(16);
        for text in [
            digits.clone(),
            digits.to_uppercase(),
            format!("\\x{digits}"),
        ] {
            let hash: TokenHash = serde_json::from_value(Value::from(text)).expect("a hash");
            assert_eq!(hash.0[..4], [0, 255, 0, 255]);
        }
        for text in [
            "",
            "00",
            &"0".repeat(63),
            &"g".repeat(64),
            &"0".repeat(66),
            &"é".repeat(32),
        ] {
            serde_json::from_value::<TokenHash>(Value::from(text)).expect_err(text);
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_and_not_quoted() {
        let error = read::<StoredSession>("sessions", r#"{"row":"planted"}"#).expect_err("refused");
        let said = error.to_string();
        assert!(
            said.starts_with("inconsistent data in table sessions"),
            "{said}"
        );
        assert!(!said.contains("planted"), "{said}");
    }
}
