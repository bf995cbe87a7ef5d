//! Query and form parameters, `application/x-www-form-urlencoded`, read strictly.
//!
//! RFC 6749 sections 3.1 and 3.2 and appendix B: no parameter occurs twice, one without a value
//! is treated as absent, unknown ones are ignored.

use std::fmt;

use percent_encoding::percent_decode;

use crate::Fault;

/// Longest query or form. An assertion of a client is the largest thing that fits.
pub const MAX_BYTES: usize = 64 * 1024;
/// Most parameters.
pub const MAX_COUNT: usize = 100;

/// Why bytes are not parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParametersFault {
    /// Beyond [`MAX_BYTES`] or [`MAX_COUNT`].
    #[error("the request has too many parameters or is too long")]
    TooLarge,
    /// A `%` without two hexadecimal digits, or octets that are no UTF-8.
    #[error("the parameters are not encoded correctly")]
    Encoding,
    /// A NUL, which no parameter may hold.
    #[error("a parameter holds a forbidden character")]
    Nul,
    /// A parameter that may occur once only.
    #[error("parameter {0} occurs more than once")]
    Repeated(String),
}

impl ParametersFault {
    /// Always the caller's.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        Fault::Client
    }
}

/// Parameters of a request, in the order they came. `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    entries: Vec<(String, String)>,
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.entries.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Parameters {
    /// Reads a query (without `?`) or a form.
    ///
    /// # Errors
    /// [`ParametersFault`], but never for a repeated parameter: whether an error may be sent to
    /// the application is only known once client and redirect address are. Ask
    /// [`Self::refuse_repeated`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ParametersFault> {
        if bytes.len() > MAX_BYTES {
            return Err(ParametersFault::TooLarge);
        }
        let mut entries = Vec::new();
        for pair in bytes.split(|octet| *octet == b'&') {
            if pair.is_empty() {
                continue;
            }
            if entries.len() == MAX_COUNT {
                return Err(ParametersFault::TooLarge);
            }
            let mut halves = pair.splitn(2, |octet| *octet == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if !value.is_empty() {
                entries.push((name, value));
            }
        }
        Ok(Self { entries })
    }

    /// The value of a parameter; none when it is absent, empty, or occurs more than once.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            None => first,
            Some(_) => None,
        }
    }

    /// The values of a parameter that may occur several times, such as `resource`
    /// (RFC 8707 section 2).
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.entries
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All parameters, in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a parameter occurs, once or several times.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Refuses a parameter that occurs more than once.
    ///
    /// # Errors
    /// [`ParametersFault::Repeated`].
    pub fn refuse_repeated(&self) -> Result<(), ParametersFault> {
        let mut seen = std::collections::BTreeSet::new();
        for (name, _) in &self.entries {
            if !seen.insert(name) && name != "resource" {
                return Err(ParametersFault::Repeated(printable(name)));
            }
        }
        Ok(())
    }
}

/// A name that may stand in an error description (RFC 6749 section 5.2 allows no more).
fn printable(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.'))
        .take(64)
        .collect()
}

fn decode(octets: &[u8]) -> Result<String, ParametersFault> {
    let mut rest = octets;
    while let Some(at) = rest.iter().position(|octet| *octet == b'%') {
        match rest.get(at + 1..at + 3) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => {}
            _ => return Err(ParametersFault::Encoding),
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    let spaced: Vec<u8> = octets
        .iter()
        .map(|octet| if *octet == b'+' { b' ' } else { *octet })
        .collect();
    let text = percent_decode(&spaced)
        .decode_utf8()
        .map_err(|_| ParametersFault::Encoding)?;
    if text.contains('\0') {
        return Err(ParametersFault::Nul);
    }
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_values_and_leaves_empty_ones_out() {
        let read = Parameters::parse(b"a=1&b=&c&d=x+y%20z&e=%D1%8F&&f==").unwrap();
        assert_eq!(read.get("a"), Some("1"));
        assert_eq!(read.get("b"), None);
        assert!(!read.contains("c"));
        assert_eq!(read.get("d"), Some("x y z"));
        assert_eq!(read.get("e"), Some("я"));
        assert_eq!(read.get("f"), Some("="));
    }

    #[test]
    fn a_repeated_parameter_has_no_value_and_is_refused() {
        let read = Parameters::parse(b"scope=a&scope=b&state=s").unwrap();
        assert_eq!(read.get("scope"), None);
        assert!(read.contains("scope"));
        assert_eq!(
            read.refuse_repeated(),
            Err(ParametersFault::Repeated("scope".to_owned()))
        );
        let resources = Parameters::parse(b"resource=a&resource=b").unwrap();
        assert_eq!(resources.refuse_repeated(), Ok(()));
        assert_eq!(resources.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn refuses_what_is_not_encoded_correctly() {
        for bytes in [
            &b"a=%"[..],
            b"a=%2",
            b"a=%zz",
            b"a=%FF",
            b"%C3=1",
            b"a=%ED%A0%80",
        ] {
            assert_eq!(Parameters::parse(bytes), Err(ParametersFault::Encoding));
        }
        assert_eq!(Parameters::parse(b"a=%00"), Err(ParametersFault::Nul));
        assert_eq!(Parameters::parse(b"a\0=1"), Err(ParametersFault::Nul));
    }

    #[test]
    fn refuses_more_than_fits() {
        assert_eq!(
            Parameters::parse(&vec![b'a'; MAX_BYTES + 1]),
            Err(ParametersFault::TooLarge)
        );
        assert_eq!(
            Parameters::parse("a=1&".repeat(MAX_COUNT + 1).as_bytes()),
            Err(ParametersFault::TooLarge)
        );
    }

    #[test]
    fn debug_shows_no_values() {
        let read = Parameters::parse(b"client_secret=hush-hush").unwrap();
        assert!(!format!("{read:?}").contains("hush"));
        assert!(format!("{read:?}").contains("client_secret"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Parameters::parse(&bytes);
        }

        #[test]
        fn what_an_encoder_writes_is_read_back(
            pairs in proptest::collection::btree_map("[^\0]{1,12}", "[^\0]{1,24}", 0..8)
        ) {
            let text = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&pairs)
                .finish();
            let read = Parameters::parse(text.as_bytes()).unwrap();
            for (name, value) in &pairs {
                prop_assert_eq!(read.get(name), Some(value.as_str()));
            }
            prop_assert_eq!(read.refuse_repeated(), Ok(()));
        }
    }
}
