//! Comparison of redirect and return addresses as parsed URLs (OIDC-13, OIDC-30, KC-AZ-10,
//! KC-CL-05, KC-CL-11; RFC 9700 section 2.1, RFC 8252 sections 7.1 and 7.3).
//!
//! - Exact by default: every part of the parsed URL is equal. Loopback IP literals over plain
//!   http match with any port; `localhost` does not, because it may resolve elsewhere.
//! - A prefix matches at segment boundaries, with the same scheme, host and port.
//! - Its query has none of the parameters that the answer adds.
//! - What is sent to is what was compared: the parsed form, never the text of the request.

use std::fmt;

use realmwright_snapshot::own_parameter;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::Fault;

/// Longest address.
pub const MAX_BYTES: usize = 2048;

/// Schemes that run or read something instead of going to an application.
const FORBIDDEN_SCHEMES: &[&str] = &[
    "javascript",
    "data",
    "vbscript",
    "file",
    "blob",
    "about",
    "view-source",
    "filesystem",
];

/// An address that was found among the registered ones.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUri(Url);

impl RedirectUri {
    /// The parsed address.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.0
    }

    /// A registered address, used without a request naming it (OIDC-12, OIDC-31).
    #[must_use]
    pub const fn registered(url: Url) -> Self {
        Self(url)
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedirectUri")
            .field(&self.0.as_str())
            .finish()
    }
}

/// Why an address is refused. Nothing is ever sent to a refused address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    /// Not an absolute URL that may be an address of an application.
    #[error("the redirect address is malformed")]
    Malformed,
    /// Not registered for the application.
    #[error("the redirect address is not registered for the application")]
    Unregistered,
    /// Its query has a parameter that the answer adds: the application could take either.
    #[error("the redirect address has a parameter that the answer adds")]
    Ambiguous,
}

impl RedirectFault {
    /// Always the caller's.
    #[must_use]
    pub const fn fault(self) -> Fault {
        Fault::Client
    }
}

/// The registered addresses of an application.
#[derive(Clone, Copy, Debug)]
pub struct Registered<'a> {
    /// Compared whole.
    pub exact: &'a [Url],
    /// Compared at segment boundaries.
    pub prefixes: &'a [Url],
    /// Parameters that the answer adds.
    pub added: &'a [&'a str],
}

impl Registered<'_> {
    /// Finds an address of a request among the registered ones.
    ///
    /// # Errors
    /// [`RedirectFault`].
    pub fn find(&self, requested: &str) -> Result<RedirectUri, RedirectFault> {
        let url = parse(requested)?;
        let found = self
            .exact
            .iter()
            .any(|registered| *registered == url || is_same_loopback(registered, &url))
            || self.prefixes.iter().any(|prefix| lies_under(prefix, &url));
        if !found {
            return Err(RedirectFault::Unregistered);
        }
        if own_parameter(&url, self.added).is_some() {
            return Err(RedirectFault::Ambiguous);
        }
        Ok(RedirectUri(url))
    }
}

/// Parses an address of a request, refusing whatever browsers, proxies and applications are known
/// to read differently from a URL parser.
///
/// # Errors
/// [`RedirectFault::Malformed`].
pub fn parse(text: &str) -> Result<Url, RedirectFault> {
    let malformed = RedirectFault::Malformed;
    // The parser drops tabs and line ends and turns backslashes into slashes.
    if text.len() > MAX_BYTES
        || !text
            .bytes()
            .all(|octet| octet.is_ascii_graphic() && octet != b'\\')
    {
        return Err(malformed);
    }
    let url = Url::parse(text).map_err(|_| malformed)?;
    let scheme = url.scheme();
    if FORBIDDEN_SCHEMES.contains(&scheme)
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(malformed);
    }
    let after_scheme = text
        .split_once(':')
        .map(|(_, rest)| rest)
        .ok_or(malformed)?;
    let hierarchical = after_scheme.strip_prefix("//");
    if matches!(scheme, "http" | "https") && hierarchical.is_none() {
        return Err(malformed);
    }
    // An empty user part (`https://@host`) leaves no trace in the parsed URL.
    let authority_and_path = hierarchical.unwrap_or(after_scheme);
    let before_query = authority_and_path.split('?').next().unwrap_or_default();
    let (authority, path) = match (hierarchical, before_query.find('/')) {
        (Some(_), Some(slash)) => before_query.split_at(slash),
        (Some(_), None) => (before_query, ""),
        (None, _) => ("", before_query),
    };
    if authority.contains(['@', '%']) || path.split('/').any(is_dot_segment) {
        return Err(malformed);
    }
    Ok(url)
}

/// Whether a segment is `.` or `..` for anybody who reads the path, path parameters included.
fn is_dot_segment(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or_default();
    let plain = name.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

fn is_loopback_literal(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
            Some(Host::Ipv4(address)) => address.octets() == [127, 0, 0, 1],
            Some(Host::Ipv6(address)) => address.is_loopback(),
            _ => false,
        }
}

/// RFC 8252 section 7.3: a native application listens on whatever port it was given.
fn is_same_loopback(registered: &Url, requested: &Url) -> bool {
    is_loopback_literal(registered)
        && is_loopback_literal(requested)
        && registered.host() == requested.host()
        && registered.path() == requested.path()
        && registered.query() == requested.query()
}

fn lies_under(prefix: &Url, requested: &Url) -> bool {
    if prefix.scheme() != requested.scheme()
        || prefix.host() != requested.host()
        || prefix.port_or_known_default() != requested.port_or_known_default()
        || prefix.query().is_some()
        || prefix.cannot_be_a_base()
        || requested.cannot_be_a_base()
        || hides_a_separator(requested.path())
    {
        return false;
    }
    match requested.path().strip_prefix(prefix.path()) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || prefix.path().ends_with('/'),
        None => false,
    }
}

/// An encoded slash or backslash, or an encoded percent sign that hides one, becomes a segment
/// boundary for whoever decodes once too often.
fn hides_a_separator(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ["%2f", "%5c", "%25", "%00", "//"]
        .iter()
        .any(|trick| path.contains(trick))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use realmwright_snapshot::RESPONSE_PARAMETERS;
    use rstest::rstest;

    fn urls(texts: &[&str]) -> Vec<Url> {
        texts.iter().map(|text| Url::parse(text).unwrap()).collect()
    }

    fn exact(registered: &str, requested: &str) -> Result<RedirectUri, RedirectFault> {
        Registered {
            exact: &urls(&[registered]),
            prefixes: &[],
            added: RESPONSE_PARAMETERS,
        }
        .find(requested)
    }

    fn prefixed(prefix: &str, requested: &str) -> Result<RedirectUri, RedirectFault> {
        Registered {
            exact: &[],
            prefixes: &urls(&[prefix]),
            added: RESPONSE_PARAMETERS,
        }
        .find(requested)
    }

    /// KC-AZ-10, KC-AZ-11
    #[rstest]
    #[case("https://app.example/cb", "https://app.example/cb")]
    #[case("https://app.example/cb", "HTTPS://APP.example:443/cb")]
    #[case("https://app.example/cb?a=b", "https://app.example/cb?a=b")]
    #[case("https://app.example", "https://app.example/")]
    #[case("com.example.app:/oauth2redirect", "com.example.app:/oauth2redirect")]
    #[case("com.example.app://callback", "com.example.app://callback")]
    fn an_exact_address_is_found(#[case] registered: &str, #[case] requested: &str) {
        assert!(exact(registered, requested).is_ok());
    }

    /// KC-AZ-10, KC-AZ-11, KC-CL-11
    #[rstest]
    #[case("https://app.example/cb", "https://app.example/cb/")]
    #[case("https://app.example/cb", "https://app.example/CB")]
    #[case("https://app.example/cb", "https://app.example/cb?x=1")]
    #[case("https://app.example/cb", "https://app.example/")]
    #[case("https://app.example/cb", "http://app.example/cb")]
    #[case("https://app.example/cb", "https://app.example:8443/cb")]
    #[case("https://app.example/cb", "https://app.example.evil/cb")]
    #[case("https://app.example/cb", "https://evil.example/app.example/cb")]
    #[case("https://app.example/cb", "https://sub.app.example/cb")]
    #[case("https://app.example/*", "https://app.example/cb")]
    #[case("com.example.app:/cb", "com.example.app:/other")]
    #[case("com.example.app:/cb", "com.example.app.evil:/cb")]
    fn anything_but_the_exact_address_is_not(#[case] registered: &str, #[case] requested: &str) {
        assert_eq!(
            exact(registered, requested),
            Err(RedirectFault::Unregistered)
        );
    }

    #[rstest]
    #[case("https://app.example/cb#f")]
    #[case("https://app.example/cb#")]
    #[case("https://user@app.example/cb")]
    #[case("https://user:pass@app.example/cb")]
    #[case("https://@app.example/cb")]
    #[case("https:/app.example/cb")]
    #[case("https:app.example/cb")]
    #[case("https:\\\\app.example\\cb")]
    #[case("https://app.example\\@evil.example/cb")]
    #[case("https://app.example/x/../cb")]
    #[case("https://app.example/x/%2e%2e/cb")]
    #[case("https://app.example/x/.%2E/cb")]
    #[case("https://app.example/./cb")]
    #[case("https://app.example/..;/cb")]
    #[case("https://app.exam\tple/cb")]
    #[case(" https://app.example/cb")]
    #[case("https://app.example/cb\n")]
    #[case("https://%61pp.example/cb")]
    #[case("https://аpp.example/cb")]
    #[case("//app.example/cb")]
    #[case("/cb")]
    #[case("")]
    #[case("javascript:alert(1)")]
    #[case("data:text/html,x")]
    #[case("blob:https://app.example/cb")]
    fn tricks_are_malformed_even_where_they_would_parse_to_a_registered_address(
        #[case] requested: &str,
    ) {
        assert_eq!(
            exact("https://app.example/cb", requested),
            Err(RedirectFault::Malformed)
        );
        assert_eq!(
            prefixed("https://app.example/", requested),
            Err(RedirectFault::Malformed)
        );
    }

    #[test]
    fn an_address_that_is_too_long_is_malformed() {
        let long = format!("https://app.example/{}", "a".repeat(MAX_BYTES));
        assert_eq!(
            prefixed("https://app.example/", &long),
            Err(RedirectFault::Malformed)
        );
    }

    /// KC-CL-05, KC-CL-11: scenario 19, any port on loopback.
    #[rstest]
    #[case("http://127.0.0.1/callback", "http://127.0.0.1:34659/callback", true)]
    #[case("http://127.0.0.1:8080/callback", "http://127.0.0.1:1/callback", true)]
    #[case("http://[::1]/callback", "http://[::1]:5000/callback", true)]
    #[case("http://127.0.0.1/callback", "http://127.0.0.1:34659/other", false)]
    #[case(
        "http://127.0.0.1/callback",
        "http://127.0.0.1:34659/callback?x=1",
        false
    )]
    #[case("http://127.0.0.1/callback", "http://127.0.0.2:34659/callback", false)]
    #[case("http://127.0.0.1/callback", "http://[::1]:34659/callback", false)]
    #[case("http://127.0.0.1/callback", "https://127.0.0.1:34659/callback", false)]
    #[case("http://localhost/callback", "http://localhost:34659/callback", false)]
    #[case("http://127.0.0.1/callback", "http://localhost:34659/callback", false)]
    #[case(
        "http://127.0.0.1/callback",
        "http://127.0.0.1.evil.example:1/callback",
        false
    )]
    #[case(
        "http://app.example/callback",
        "http://app.example:34659/callback",
        false
    )]
    fn loopback_literals_match_with_any_port(
        #[case] registered: &str,
        #[case] requested: &str,
        #[case] found: bool,
    ) {
        assert_eq!(exact(registered, requested).is_ok(), found);
    }

    /// OIDC-13
    #[rstest]
    #[case("https://app.com", "https://app.com/", true)]
    #[case("https://app.com", "https://app.com/any/where", true)]
    #[case("https://app.com/a", "https://app.com/a", true)]
    #[case("https://app.com/a", "https://app.com/a?x=1", true)]
    #[case("https://app.com/a", "https://app.com/a/b", true)]
    #[case("https://app.com/a/", "https://app.com/a/b", true)]
    #[case(
        "com.example.app:/oauth2redirect",
        "com.example.app:/oauth2redirect/google",
        true
    )]
    #[case("https://app.com", "https://app.com.evil/", false)]
    #[case("https://app.com", "https://app.com:8443/", false)]
    #[case("https://app.com", "http://app.com/", false)]
    #[case("https://app.com/a", "https://app.com/ab", false)]
    #[case("https://app.com/a/", "https://app.com/a", false)]
    #[case("https://app.com/a", "https://app.com/a%2fb", false)]
    #[case("https://app.com/a", "https://app.com/a/b%2Fc", false)]
    #[case("https://app.com/a", "https://app.com/a/..%2f..", false)]
    #[case("https://app.com/a", "https://app.com/a/%5c..", false)]
    #[case("https://app.com/a", "https://app.com/a/%252e%252e/b", false)]
    #[case("https://app.com/a", "https://app.com/a//evil.example", false)]
    #[case("https://app.com/a?x=1", "https://app.com/a?x=1", false)]
    #[case("urn:ietf:wg:oauth:2.0", "urn:ietf:wg:oauth:2.0:oob", false)]
    fn prefixes_match_at_segment_boundaries(
        #[case] prefix: &str,
        #[case] requested: &str,
        #[case] found: bool,
    ) {
        assert_eq!(prefixed(prefix, requested).is_ok(), found, "{requested}");
    }

    /// RFC 9207 section 2.4, RFC 9700 section 4.4: no answer with two values of one parameter.
    #[rstest]
    #[case("https://app.com/a?code=x")]
    #[case("https://app.com/a?x=1&state=forged")]
    #[case("https://app.com/a?iss=https%3A%2F%2Fevil.example")]
    #[case("https://app.com/a?error=access_denied")]
    #[case("https://app.com/a?%63ode=x")]
    #[case("https://app.com/a/b?Code[]=x")]
    #[case("https://app.com/a?x;code=x")]
    fn an_address_with_a_parameter_of_the_answer_is_ambiguous(#[case] requested: &str) {
        assert_eq!(
            prefixed("https://app.com/a", requested),
            Err(RedirectFault::Ambiguous)
        );
        assert_eq!(exact(requested, requested), Err(RedirectFault::Ambiguous));
    }

    #[test]
    fn an_empty_registration_admits_nothing() {
        let registered = Registered {
            exact: &[],
            prefixes: &[],
            added: RESPONSE_PARAMETERS,
        };
        assert_eq!(
            registered.find("https://app.example/"),
            Err(RedirectFault::Unregistered)
        );
    }

    proptest! {
        /// OIDC-13: whatever is found under a prefix has its scheme, host and port, and its first
        /// segments, also after every further decoding.
        #[test]
        fn nothing_leaves_its_prefix(tail in "[ -~]{0,24}") {
            for glue in ["", "/"] {
                let requested = format!("https://app.com/a{glue}{tail}");
                if let Ok(found) = prefixed("https://app.com/a", &requested) {
                    let url = found.url();
                    prop_assert_eq!(url.host_str(), Some("app.com"));
                    prop_assert_eq!(url.port_or_known_default(), Some(443));
                    let segments: Vec<_> = url.path_segments().unwrap().collect();
                    prop_assert_eq!(segments[0], "a");
                    prop_assert!(!segments.iter().any(|s| is_dot_segment(s)));
                }
            }
        }

        #[test]
        fn no_host_but_the_registered_one_is_found(authority in "[ -~]{1,24}") {
            let requested = format!("https://{authority}/cb");
            if let Ok(found) = exact("https://app.example/cb", &requested) {
                prop_assert_eq!(found.url().as_str(), "https://app.example/cb");
            }
        }

        #[test]
        fn any_text_is_found_or_refused(text in "\\PC{0,80}") {
            let _ = prefixed("https://app.example/", &text);
        }
    }
}
