//! Where a request came from. Forwarded headers count only from declared proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;
use http::uri::{Authority, Uri};
use ipnet::IpNet;

/// More entries of `X-Forwarded-For` are not read.
const MOST_HOPS: usize = 20;

/// What the listener knows of a connection; it inserts this as an extension of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    /// The other end of the socket; a proxy, where one stands before us.
    pub peer: SocketAddr,
    /// Whether this socket is encrypted.
    pub tls: bool,
}

/// Networks whose forwarded headers count. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts these networks.
    #[must_use]
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// What handlers know of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnInfo {
    /// Address of the person or application.
    pub peer: IpAddr,
    /// Whether the person's connection is encrypted.
    pub tls: bool,
    /// Host, and the port where it is not the scheme's own, in lower case.
    pub host: String,
    /// The declared proxy that stands before us.
    pub proxy: Option<IpAddr>,
}

/// The request does not say for which host it is, or says it in several ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request names no host, or several")]
pub struct NoHost;

impl ConnInfo {
    /// Reads transport and headers.
    ///
    /// `X-Forwarded-For` is read from its end: entries that declared proxies wrote about declared
    /// proxies are passed over, the first other one is the person. A proxy that is declared must
    /// set, not pass on, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    ///
    /// # Errors
    /// [`NoHost`].
    pub fn of(
        transport: Transport,
        uri: &Uri,
        headers: &HeaderMap,
        trusted: &TrustedProxies,
    ) -> Result<Self, NoHost> {
        let socket = transport.peer.ip().to_canonical();
        let proxy = trusted.contains(socket).then_some(socket);
        let (peer, tls) = if proxy.is_some() {
            (
                client_of(socket, headers, trusted),
                single(headers, "x-forwarded-proto")
                    .map_or(transport.tls, |scheme| scheme.eq_ignore_ascii_case("https")),
            )
        } else {
            (socket, transport.tls)
        };
        let forwarded = proxy.and_then(|_| single(headers, "x-forwarded-host"));
        let host = match (forwarded, uri.authority()) {
            (Some(host), _) => host.to_owned(),
            (None, Some(authority)) => authority.as_str().to_owned(),
            (None, None) => single(headers, "host").ok_or(NoHost)?.to_owned(),
        };
        Ok(Self {
            peer,
            tls,
            host: canonical_host(&host, tls).ok_or(NoHost)?,
            proxy,
        })
    }
}

fn client_of(socket: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    let entries: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut nearest = socket;
    for entry in entries.into_iter().rev().take(MOST_HOPS) {
        let Some(address) = address(entry.trim()) else {
            break;
        };
        nearest = address;
        if !trusted.contains(address) {
            break;
        }
    }
    nearest
}

/// An address, also with a port behind it or in brackets, as proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

/// The value of a header that occurs once.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?.trim();
    (values.next().is_none() && !value.is_empty() && !value.contains(',')).then_some(value)
}

fn canonical_host(host: &str, tls: bool) -> Option<String> {
    let authority: Authority = host.parse().ok()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let name = canonical_name(authority.host())?;
    let own = if tls { 443 } else { 80 };
    match authority.as_str().strip_prefix(authority.host())? {
        "" | ":" => Some(name),
        rest => {
            let digits = rest.strip_prefix(':')?;
            if !digits.bytes().all(|octet| octet.is_ascii_digit()) {
                return None;
            }
            let port: u16 = digits.parse().ok()?;
            Some(if port == own {
                name
            } else {
                format!("{name}:{port}")
            })
        }
    }
}

/// A name of letters, digits, `-`, `_` and `.`, without the dot of the root, or an IPv6 address in
/// its brackets (RFC 5952). A URI allows more, none of which names a host of ours.
fn canonical_name(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.'));
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        peer: &str,
        headers: &[(&'static str, &str)],
        trusted: &[&str],
    ) -> Result<ConnInfo, NoHost> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted = TrustedProxies::new(trusted.iter().map(|net| net.parse().unwrap()).collect());
        let transport = Transport {
            peer: SocketAddr::new(peer.parse().unwrap(), 4711),
            tls: false,
        };
        ConnInfo::of(transport, &Uri::from_static("/x"), &map, &trusted)
    }

    const HOST: (&str, &str) = ("host", "id.example.com");

    #[test]
    fn forwarded_headers_of_anybody_are_left_aside() {
        let info = of(
            "198.51.100.7",
            &[
                HOST,
                ("x-forwarded-for", "203.0.113.9"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "other.example.com"),
            ],
            &["10.0.0.0/8"],
        )
        .unwrap();
        assert_eq!(info.peer.to_string(), "198.51.100.7");
        assert!(!info.tls);
        assert_eq!(info.host, "id.example.com");
        assert_eq!(info.proxy, None);
    }

    #[test]
    fn the_list_is_read_from_its_end() {
        for (list, peer) in [
            ("203.0.113.9", "203.0.113.9"),
            ("1.1.1.1, 203.0.113.9, 10.2.2.2", "203.0.113.9"),
            ("1.1.1.1,10.2.2.2, 10.3.3.3", "1.1.1.1"),
            ("10.9.9.9", "10.9.9.9"),
            ("junk, 10.2.2.2", "10.2.2.2"),
            ("1.1.1.1, junk", "10.0.0.1"),
            ("", "10.0.0.1"),
            ("203.0.113.9:55001", "203.0.113.9"),
            ("[2001:db8::1]:55001", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            let info = of(
                "10.0.0.1",
                &[HOST, ("x-forwarded-for", list)],
                &["10.0.0.0/8"],
            )
            .unwrap();
            assert_eq!(info.peer.to_string(), peer, "{list}");
            assert_eq!(info.proxy, Some("10.0.0.1".parse().unwrap()));
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        let info = of(
            "10.0.0.1",
            &[
                HOST,
                ("x-forwarded-for", "1.1.1.1"),
                ("x-forwarded-for", "203.0.113.9"),
            ],
            &["10.0.0.0/8"],
        )
        .unwrap();
        assert_eq!(info.peer.to_string(), "203.0.113.9");
    }

    #[test]
    fn a_declared_proxy_says_scheme_and_host() {
        let info = of(
            "10.0.0.1",
            &[
                HOST,
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "Login.Example.com:443"),
            ],
            &["10.0.0.0/8"],
        )
        .unwrap();
        assert!(info.tls);
        assert_eq!(info.host, "login.example.com");
    }

    #[test]
    fn hosts_are_single_and_canonical() {
        for (host, expected) in [
            ("ID.example.com", Some("id.example.com")),
            ("id.example.com:80", Some("id.example.com")),
            ("id.example.com:8443", Some("id.example.com:8443")),
            ("id.example.com.", Some("id.example.com")),
            ("[::1]:8080", Some("[::1]:8080")),
            ("a@id.example.com", None),
            ("id.example.com, b", None),
            ("id.example.com/x", None),
            ("", None),
            ("&[::1]:8080", None),
            ("x[::1]", None),
            ("[::1]x", None),
            ("[::1", None),
            ("id.example.com:", Some("id.example.com")),
            ("id.example.com:port", None),
            (".:80", None),
            ("id.example.com:+80", None),
            ("id.example.com:65536", None),
            ("[0:0::1]:80", Some("[::1]")),
        ] {
            let info = of("198.51.100.7", &[("host", host)], &[]);
            assert_eq!(
                info.ok().map(|info| info.host).as_deref(),
                expected,
                "{host}"
            );
        }
        assert_eq!(of("198.51.100.7", &[HOST, HOST], &[]), Err(NoHost));
        assert_eq!(of("198.51.100.7", &[], &[]), Err(NoHost));
    }
}
