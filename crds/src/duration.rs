//! Lengths of time in the format of Gateway API's GEP-2257.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time, such as `30m`, `1h30m` or `500ms`: one to four parts of one to five digits
/// and a unit out of `h`, `m`, `s`, `ms`. Units may repeat and are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(std::time::Duration);

/// The pattern of the schema.
pub const PATTERN: &str = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

/// A text that is not a duration of GEP-2257.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a duration such as 30s, 15m, 1h30m or 500ms (at most four parts of at most five digits)"
)]
pub struct DurationError;

impl Duration {
    /// The same for the standard library.
    #[must_use]
    pub const fn get(self) -> std::time::Duration {
        self.0
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let mut rest = text;
        let mut millis: u64 = 0;
        let mut parts = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            if parts == 4 || !(1..=5).contains(&digits) {
                return Err(DurationError);
            }
            let letters = tail.bytes().take_while(u8::is_ascii_lowercase).count();
            let (unit, tail) = tail.split_at(letters);
            let factor = match unit {
                "h" => 3_600_000,
                "m" => 60_000,
                "s" => 1000,
                "ms" => 1,
                _ => return Err(DurationError),
            };
            let number: u64 = number.parse().map_err(|_| DurationError)?;
            millis += number * factor;
            parts += 1;
            rest = tail;
        }
        if parts == 0 {
            return Err(DurationError);
        }
        Ok(Self(std::time::Duration::from_millis(millis)))
    }
}

impl fmt::Display for Duration {
    /// Writes the largest units first, so that the text is again a duration of GEP-2257; what is
    /// beyond 99999 hours does not exist in that format.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_millis();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            let number = rest / length;
            rest %= length;
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 2, "maxLength": 28, "pattern": PATTERN })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration as Std;

    use super::Duration;

    #[test]
    fn reads_and_writes_the_same_length() {
        for (text, millis, canonical) in [
            ("500ms", 500, "500ms"),
            ("90s", 90_000, "1m30s"),
            ("1h30m", 5_400_000, "1h30m"),
            ("720h", 2_592_000_000, "720h"),
            ("0s", 0, "0s"),
            ("1h1h", 7_200_000, "2h"),
            ("1h2m3s4ms", 3_723_004, "1h2m3s4ms"),
            ("00030s", 30_000, "30s"),
        ] {
            let read: Duration = text.parse().unwrap();
            assert_eq!(read.get(), Std::from_millis(millis), "{text}");
            assert_eq!(read.to_string(), canonical);
            assert_eq!(canonical.parse::<Duration>().unwrap(), read);
        }
    }

    #[test]
    fn refuses_what_the_pattern_refuses() {
        for text in [
            "",
            "5",
            "m",
            "1d",
            "1.5h",
            "-1s",
            "+1s",
            "1 h",
            "100000s",
            "1h1h1h1h1h",
            "1H",
            "1µs",
            "1hm",
            "٣s",
        ] {
            assert!(text.parse::<Duration>().is_err(), "{text:?}");
        }
    }
}
