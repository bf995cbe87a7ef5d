//! The syntax of our cookies, RFC 6265bis: names, attributes, reading and writing.
//!
//! Realms of one namespace may share a host by path, so a name holds a digest of the realm's id,
//! and `__Host-` binds it to the host. Without encryption (the Dev profile over http) neither
//! `__Host-` nor `Secure` can be used.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use realmwright_engine::{CookieChange, CookiePurpose, Cookies};
use realmwright_snapshot::{RealmCore, RealmId};
use secrecy::{ExposeSecret, SecretString};

/// A longer value is none of ours.
const LONGEST_VALUE: usize = 1024;
/// How long a choice of language is remembered.
const LANGUAGE_MAX_AGE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Names of a realm's cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CookieNames {
    session: String,
    login: String,
    language: String,
    secure: bool,
}

impl CookieNames {
    /// The names for a realm.
    #[must_use]
    pub(crate) fn of(core: &RealmCore) -> Self {
        Self::new(&core.id, core.issuer.scheme() == "https")
    }

    fn new(realm: &RealmId, secure: bool) -> Self {
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, realm.as_str().as_bytes());
        let realm: String = URL_SAFE_NO_PAD.encode(digest).chars().take(10).collect();
        let prefix = if secure { "__Host-" } else { "" };
        let name = |purpose: &str| format!("{prefix}rw-{purpose}-{realm}");
        Self {
            session: name("session"),
            login: name("login"),
            language: name("language"),
            secure,
        }
    }

    /// The realm's cookies of a request.
    #[must_use]
    pub(crate) fn read(&self, headers: &HeaderMap) -> Cookies {
        Cookies {
            session: find(headers, &self.session).map(SecretString::from),
            login: find(headers, &self.login).map(SecretString::from),
        }
    }

    /// The language that was chosen before.
    #[must_use]
    pub(crate) fn language<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        find(headers, &self.language)
    }

    /// `Set-Cookie` that remembers a language.
    #[must_use]
    pub(crate) fn set_language(&self, tag: &str) -> Option<HeaderValue> {
        self.write(&self.language, tag, LANGUAGE_MAX_AGE)
    }

    /// `Set-Cookie` of a change; none for a value with characters that cookies cannot hold.
    #[must_use]
    pub(crate) fn change(&self, change: &CookieChange) -> Option<HeaderValue> {
        match change {
            CookieChange::Set {
                purpose,
                value,
                max_age,
            } => self.write(self.name(*purpose), value.expose_secret(), *max_age),
            CookieChange::Remove(purpose) => self.write(self.name(*purpose), "", Duration::ZERO),
        }
    }

    fn name(&self, purpose: CookiePurpose) -> &str {
        match purpose {
            CookiePurpose::Session => &self.session,
            CookiePurpose::Login => &self.login,
        }
    }

    fn write(&self, name: &str, value: &str, max_age: Duration) -> Option<HeaderValue> {
        if value.len() > LONGEST_VALUE || !value.bytes().all(is_value_octet) {
            return None;
        }
        let secure = if self.secure { "; Secure" } else { "" };
        let mut header = HeaderValue::try_from(format!(
            "{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
            max_age.as_secs()
        ))
        .ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

/// What our values are made of: a part of `cookie-octet` of RFC 6265 section 4.1.1.
const fn is_value_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.')
}

/// The value of the cookie; the first where a browser sends several of one name.
fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .filter(|value| {
            !value.is_empty() && value.len() <= LONGEST_VALUE && value.bytes().all(is_value_octet)
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(secure: bool) -> CookieNames {
        CookieNames::new(&RealmId::from("identity.quickstart"), secure)
    }

    fn set(value: &str) -> CookieChange {
        CookieChange::Set {
            purpose: CookiePurpose::Session,
            value: SecretString::from(value),
            max_age: Duration::from_secs(60),
        }
    }

    #[test]
    fn cookies_are_bound_to_the_host_and_hidden_from_scripts() {
        let header = names(true).change(&set("abc.DEF-1_2")).unwrap();
        let text = header.to_str().unwrap();
        assert!(text.starts_with("__Host-rw-session-"), "{text}");
        assert!(
            text.ends_with("=abc.DEF-1_2; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"),
            "{text}"
        );
        assert!(!text.contains("Domain"));
        assert!(header.is_sensitive());
    }

    #[test]
    fn plain_http_uses_neither_prefix_nor_secure() {
        let text = names(false).change(&set("a")).unwrap();
        let text = text.to_str().unwrap();
        assert!(
            text.starts_with("rw-session-") && !text.contains("Secure"),
            "{text}"
        );
    }

    #[test]
    fn realms_of_one_host_do_not_share_cookies() {
        let other = CookieNames::new(&RealmId::from("identity.other"), true);
        assert_ne!(names(true).session, other.session);
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, names(true).change(&set("x")).unwrap());
        assert!(names(true).read(&headers).session.is_some());
        assert!(other.read(&headers).session.is_none());
    }

    #[test]
    fn a_value_cannot_bring_attributes() {
        for value in [
            "a; Domain=evil.example",
            "a,b",
            "a b",
            "\"a\"",
            "ї",
            "a\r\nX: y",
        ] {
            assert!(names(true).change(&set(value)).is_none(), "{value:?}");
        }
    }

    #[test]
    fn removal_is_an_empty_value_that_is_over() {
        let header = names(true)
            .change(&CookieChange::Remove(CookiePurpose::Login))
            .unwrap();
        assert!(header.to_str().unwrap().contains("=; Path=/; Max-Age=0;"));
    }

    proptest! {
        #[test]
        fn any_header_can_be_read(text in "[ -~]{0,200}") {
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, HeaderValue::try_from(text).unwrap());
            let _ = names(true).read(&headers);
        }

        #[test]
        fn what_is_written_is_read(value in "[A-Za-z0-9._-]{1,200}", before in "[a-z]{1,5}=[a-z]{0,5}") {
            let header = names(true).change(&set(&value)).unwrap();
            let pair = header.to_str().unwrap().split(';').next().unwrap().to_owned();
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, HeaderValue::try_from(format!("{before}; {pair}")).unwrap());
            let read = names(true).read(&headers).session.unwrap();
            prop_assert_eq!(read.expose_secret(), value.as_str());
        }
    }
}
