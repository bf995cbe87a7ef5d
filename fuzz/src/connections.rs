//! What comes with a request: cookies, addresses that proxies forward, languages.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::header::{COOKIE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use realmwright_engine::{CookieChange, CookiePurpose};
use realmwright_snapshot::{Locale, Locales, sample};
use secrecy::{ExposeSecret, SecretString};

use crate::sources::connection::{ConnInfo, NoHost, Transport, TrustedProxies};
use crate::sources::cookies::CookieNames;
use crate::sources::negotiate::{Wishes, negotiate};

/// `Cookie` headers, a line each: what is read of them can be written, and is then read again.
/// The name of a cookie holds a digest, so `SESSION`, `LOGIN` and `LANGUAGE` stand for the names.
pub(crate) fn cookies(bytes: &[u8]) {
    let names = CookieNames::of(&sample::realm([]).core);
    let set = |purpose, value: &str| {
        names.change(&CookieChange::Set {
            purpose,
            value: SecretString::from(value),
            max_age: Duration::from_secs(60),
        })
    };
    let pair = |header: HeaderValue| -> Vec<u8> {
        let octets = header.as_bytes();
        octets
            .split(|octet| *octet == b';')
            .next()
            .unwrap_or_default()
            .to_vec()
    };
    let name = |header: Option<HeaderValue>| -> Vec<u8> {
        let pair = header.map(pair).unwrap_or_default();
        pair.split(|octet| *octet == b'=')
            .next()
            .unwrap_or_default()
            .to_vec()
    };
    let mut headers = HeaderMap::new();
    for line in bytes.split(|octet| *octet == b'\n') {
        let mut line = line.to_vec();
        for (placeholder, name) in [
            ("SESSION", name(set(CookiePurpose::Session, "x"))),
            ("LOGIN", name(set(CookiePurpose::Login, "x"))),
            ("LANGUAGE", name(names.set_language("x"))),
        ] {
            line = replace(&line, placeholder.as_bytes(), &name);
        }
        if let Ok(value) = HeaderValue::from_bytes(&line) {
            headers.append(COOKIE, value);
        }
    }
    let read = names.read(&headers);
    for (purpose, value) in [
        (CookiePurpose::Session, read.session),
        (CookiePurpose::Login, read.login),
    ] {
        let Some(value) = value else { continue };
        let written = set(purpose, value.expose_secret()).expect("what was read can be written");
        let mut headers = HeaderMap::new();
        headers.append(
            COOKIE,
            HeaderValue::from_bytes(&pair(written)).expect("a header"),
        );
        let again = names.read(&headers);
        let again = match purpose {
            CookiePurpose::Session => again.session,
            CookiePurpose::Login => again.login,
        };
        assert_eq!(
            again.expect("it is read again").expose_secret(),
            value.expose_secret()
        );
    }
    if let Some(tag) = names.language(&headers) {
        assert!(names.set_language(tag).is_some());
    }
}

fn replace(text: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(what.len()).position(|window| window == what) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(by);
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    out
}

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

/// Headers, a line each, `name: value`: from a stranger those of proxies count for nothing, and a
/// host is in one form.
pub(crate) fn forwarded_headers(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|octet| *octet == b'\n') {
        let mut halves = line.splitn(2, |octet| *octet == b':');
        let name = HeaderName::from_bytes(halves.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(halves.next().unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
    let of = |peer, headers: &HeaderMap| -> Result<ConnInfo, NoHost> {
        let transport = Transport {
            peer: SocketAddr::new(peer, 4711),
            tls: false,
        };
        ConnInfo::of(transport, &Uri::from_static("/x"), headers, &trusted)
    };
    let mut plain = headers.clone();
    for name in [
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "forwarded",
    ] {
        plain.remove(name);
    }
    let stranger = of(STRANGER, &headers);
    assert_eq!(stranger, of(STRANGER, &plain), "a stranger's word counts");
    if let Ok(info) = &stranger {
        assert_eq!((info.peer, info.tls, info.proxy), (STRANGER, false, None));
    }
    let proxied = of(PROXY, &headers);
    for info in [stranger, proxied].into_iter().flatten() {
        assert!(!info.host.is_empty());
        assert!(
            !info.host.contains(['@', '/', '?', '#', '\\', ',', ' ']),
            "{}",
            info.host
        );
        let mut named = HeaderMap::new();
        named.append(HOST, HeaderValue::try_from(&info.host).expect("a header"));
        if info.tls {
            named.append("x-forwarded-proto", HeaderValue::from_static("https"));
        }
        let again = of(PROXY, &named).expect("a host that was read is one");
        assert_eq!(again.host, info.host, "the form of a host is not its last");
    }
}

/// `Accept-Language`, and the tags of a request and a cookie, a line each: always a language of
/// the realm, and none that the realm does not have is preferred over its own.
pub(crate) fn languages(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut lines = text.split('\n');
    let wishes = Wishes {
        accept_language: lines.next(),
        ui_locales: lines.next(),
        remembered: lines.next(),
        chosen: lines.next(),
    };
    let mut locales = Locales {
        supported: ["en", "uk", "ru", "pt-BR", "zh-Hant-TW"]
            .map(Locale::from)
            .to_vec(),
        default: Locale::from("uk"),
        ignore_browser: false,
    };
    let chosen = negotiate(&locales, &wishes);
    assert!(locales.supported.contains(&chosen));
    locales.ignore_browser = true;
    let without = Wishes {
        accept_language: None,
        ..wishes
    };
    assert_eq!(negotiate(&locales, &wishes), negotiate(&locales, &without));
}
