//! Documents of applications (`jwks_uri`), fetched without lending an application our place in
//! the network: https only, no redirects, no proxy, and no address of an internal range unless
//! the process was told of it. The addresses that were checked are the ones connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use ipnet::IpNet;
use realmwright_engine::ports::{FetchFault, Fetcher};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tracing::{Instrument as _, field, info_span};
use url::{Host, Url};

use crate::telemetry::context::hand_on;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Which addresses may be connected to.
#[derive(Clone, Debug, Default)]
pub struct AddressGuard {
    declared: Arc<[IpNet]>,
}

impl AddressGuard {
    /// Public addresses, and these networks.
    #[must_use]
    pub fn new(declared: Vec<IpNet>) -> Self {
        Self {
            declared: declared.into(),
        }
    }

    /// Whether `address` may be connected to.
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.declared.iter().any(|net| net.contains(&address)) || is_public(address)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// IANA special-purpose registry, RFC 6890 and later.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b)))
}

/// Only global unicast, without the ranges that embed or tunnel IPv4 and those for documents.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let global_unicast = first & 0xe000 == 0x2000;
    let special = match (first, second) {
        (0x2001, second) => second < 0x0200 || second == 0x0db8,
        (0x2002, _) => true,
        (0x3fff, second) => second < 0x1000,
        _ => false,
    };
    global_unicast && !special
}

#[derive(Debug)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the name leads to internal addresses only")
    }
}

impl std::error::Error for Refused {}

impl Resolve for AddressGuard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| guard.admits(address.ip()))
                .collect();
            if found.is_empty() {
                return Err(Box::new(Refused) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The fetcher of this process.
#[derive(Clone, Debug)]
pub struct GuardedFetcher {
    client: reqwest::Client,
    guard: AddressGuard,
}

impl GuardedFetcher {
    /// A fetcher behind `guard`.
    ///
    /// # Errors
    /// When the TLS library finds no root certificates.
    pub fn new(guard: AddressGuard) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(1)
            .dns_resolver(Arc::new(guard.clone()))
            .user_agent(concat!("realmwright/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, guard })
    }

    /// Whether the address itself is refused; names are judged when they are resolved.
    fn judge(&self, url: &Url) -> Result<(), FetchFault> {
        let admitted = match url.host() {
            Some(Host::Ipv4(address)) => self.guard.admits(address.into()),
            Some(Host::Ipv6(address)) => self.guard.admits(address.into()),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        if admitted && url.scheme() == "https" {
            Ok(())
        } else {
            Err(FetchFault::Refused)
        }
    }
}

fn fault_of(fault: &reqwest::Error) -> FetchFault {
    let mut source = std::error::Error::source(fault);
    while let Some(cause) = source {
        if cause.is::<Refused>() {
            return FetchFault::Refused;
        }
        source = cause.source();
    }
    let what = if fault.is_timeout() {
        "timeout"
    } else if fault.is_connect() {
        "no connection"
    } else {
        "broken answer"
    };
    FetchFault::NoAnswer(what.to_owned())
}

#[async_trait]
impl Fetcher for GuardedFetcher {
    async fn get(
        &self,
        url: &Url,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Vec<u8>, FetchFault> {
        // Host and port are configuration; path and query are left out, as everywhere.
        let span = info_span!(
            "fetch",
            otel.name = "GET",
            otel.kind = "client",
            http.request.method = "GET",
            server.address = url.host_str(),
            server.port = url.port_or_known_default().map(i64::from),
            error.type = field::Empty,
            otel.status_code = field::Empty,
        );
        let fetched = self.fetch(url, max_bytes, timeout).instrument(span.clone());
        let fetched = fetched.await;
        if let Err(fault) = &fetched {
            let kind = match fault {
                FetchFault::Refused => "refused",
                FetchFault::NoAnswer(_) => "no_answer",
                FetchFault::TooLarge(_) => "too_large",
            };
            span.record("error.type", kind);
            span.record("otel.status_code", "ERROR");
        }
        fetched
    }
}

impl GuardedFetcher {
    async fn fetch(
        &self,
        url: &Url,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Vec<u8>, FetchFault> {
        self.judge(url)?;
        let mut headers = HeaderMap::new();
        hand_on(&mut headers);
        let mut response = self
            .client
            .get(url.clone())
            .headers(headers)
            .timeout(timeout)
            .send()
            .await
            .map_err(|fault| fault_of(&fault))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchFault::NoAnswer(format!(
                "status {}",
                response.status().as_u16()
            )));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|fault| fault_of(&fault))? {
            if body.len() + chunk.len() > max_bytes {
                return Err(FetchFault::TooLarge(max_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(address: &str) -> bool {
        AddressGuard::default().admits(address.parse().unwrap())
    }

    #[test]
    fn internal_addresses_are_refused() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::",
            "::1",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:0:4136:e378::",
            "2001:db8::1",
        ] {
            assert!(!admits(address), "{address}");
        }
    }

    #[test]
    fn public_addresses_are_admitted() {
        for address in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700:4700::1111"] {
            assert!(admits(address), "{address}");
        }
    }

    #[test]
    fn a_declared_network_is_admitted_and_no_other() {
        let guard = AddressGuard::new(vec!["10.20.0.0/16".parse().unwrap()]);
        assert!(guard.admits("10.20.30.40".parse().unwrap()));
        assert!(guard.admits("::ffff:10.20.30.40".parse().unwrap()));
        assert!(!guard.admits("10.21.0.1".parse().unwrap()));
    }

    #[tokio::test]
    async fn names_addresses_and_schemes_that_lead_inside_are_refused() {
        let fetcher = GuardedFetcher::new(AddressGuard::default()).unwrap();
        for url in [
            "http://example.com/jwks",
            "https://127.0.0.1/jwks",
            "https://[::1]/jwks",
            "https://2130706433/jwks",
            "https://localhost/jwks",
        ] {
            let answer = fetcher
                .get(&url.parse().unwrap(), 1024, Duration::from_secs(5))
                .await;
            assert_eq!(answer, Err(FetchFault::Refused), "{url}");
        }
    }

    #[tokio::test]
    async fn a_silent_server_costs_no_more_than_the_timeout() {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let guard = AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap()]);
        let fetcher = GuardedFetcher::new(guard).unwrap();
        let url = format!("https://127.0.0.1:{port}/jwks").parse().unwrap();
        let answer = fetcher.get(&url, 1024, Duration::from_millis(200)).await;
        assert_eq!(answer, Err(FetchFault::NoAnswer("timeout".into())));
    }
}
