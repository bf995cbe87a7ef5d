//! Claims of a token whose signature was checked, read with the types of RFC 7519 section 4.1.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// The claims of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Wraps the members of a token's payload.
    #[must_use]
    pub const fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// The members.
    #[must_use]
    pub const fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The members, as a value of one's own.
    #[must_use]
    pub fn into_members(self) -> Map<String, Value> {
        self.0
    }

    /// A text; none when absent or of another type.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A NumericDate; none when absent, of another type or out of range. Fractions are dropped.
    #[must_use]
    pub fn instant(&self, name: &str) -> Option<Timestamp> {
        let number = self.0.get(name)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the cast saturates, and what is out of range is then refused"
        )]
        let second = number
            .as_i64()
            .or_else(|| number.as_f64().map(|fraction| fraction.floor() as i64))?;
        Timestamp::from_second(second).ok()
    }

    /// The audiences, whether written as one text or as a list; none when absent or of another
    /// type.
    #[must_use]
    pub fn audiences(&self) -> Option<Vec<&str>> {
        match self.0.get("aud")? {
            Value::String(one) => Some(vec![one]),
            Value::Array(many) => many.iter().map(Value::as_str).collect(),
            _ => None,
        }
    }
}
