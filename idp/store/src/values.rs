//! The stored form of attribute values, one for both databases: a kind and natural JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use realmwright_snapshot::{AttributeValue, Attributes};
use serde_json::Value;

use crate::{StoreError, StoredAttributes};

/// Kind as stored, and the value as JSON: text, integer, boolean, base64, or a list of texts.
#[must_use]
pub fn to_stored(value: &AttributeValue) -> (&'static str, Value) {
    match value {
        AttributeValue::String(text) => ("string", Value::from(text.as_str())),
        AttributeValue::Number(number) => ("number", Value::from(*number)),
        AttributeValue::Boolean(truth) => ("boolean", Value::from(*truth)),
        AttributeValue::Bytes(bytes) => ("bytes", Value::from(BASE64.encode(bytes))),
        AttributeValue::StringList(texts) => ("string_list", Value::from(texts.as_slice())),
    }
}

/// The opposite of [`to_stored`].
///
/// # Errors
/// `Inconsistent` when the value is not of its kind.
pub fn from_stored(kind: &str, value: Value) -> Result<AttributeValue, StoreError> {
    let parsed = match (kind, value) {
        ("string", Value::String(text)) => Some(AttributeValue::String(text)),
        ("number", Value::Number(number)) => number.as_i64().map(AttributeValue::Number),
        ("boolean", Value::Bool(truth)) => Some(AttributeValue::Boolean(truth)),
        ("bytes", Value::String(text)) => BASE64.decode(text).ok().map(AttributeValue::Bytes),
        ("string_list", list @ Value::Array(_)) => serde_json::from_value(list)
            .ok()
            .map(AttributeValue::StringList),
        _ => None,
    };
    parsed.ok_or_else(|| StoreError::Inconsistent {
        table: "attributes",
        detail: "a value is not of its kind".to_owned(),
    })
}

/// The values alone.
#[must_use]
pub fn unclassed(stored: StoredAttributes) -> Attributes {
    stored
        .into_iter()
        .map(|(name, attribute)| (name, attribute.value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives() {
        for value in [
            AttributeValue::String("Ґ\0".to_owned()),
            AttributeValue::Number(i64::MIN),
            AttributeValue::Boolean(false),
            AttributeValue::Bytes(vec![0, 255]),
            AttributeValue::StringList(vec![]),
            AttributeValue::StringList(vec!["a".to_owned(), String::new()]),
        ] {
            let (kind, json) = to_stored(&value);
            assert_eq!(from_stored(kind, json).expect("reads back"), value);
        }
    }

    #[test]
    fn a_value_of_another_kind_is_inconsistent_and_not_quoted() {
        for (kind, json) in [
            ("string", Value::from(1)),
            ("number", Value::from(1.5)),
            ("boolean", Value::from("true")),
            ("bytes", Value::from("not/base64!!")),
            ("string_list", serde_json::json!(["a", 1])),
            ("date", Value::from("secret")),
        ] {
            let error = from_stored(kind, json).expect_err("refused");
            assert_eq!(
                error.to_string(),
                "inconsistent data in table attributes: a value is not of its kind"
            );
        }
    }
}
