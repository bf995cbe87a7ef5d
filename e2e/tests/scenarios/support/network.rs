//! The way from browsers and applications to what is served: who answers to its name, and whom
//! they trust.

use std::future::ready;
use std::iter::once;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::{Certificate, ClientBuilder};

/// Shared by everybody who goes this way.
#[derive(Clone, Default)]
pub(crate) struct Network {
    balancer: Option<Balancer>,
    authority: Option<Certificate>,
    proxy: Option<(IpAddr, HeaderMap)>,
}

/// Leads every new connection to the pod that was chosen last.
#[derive(Clone, Debug)]
pub(crate) struct Balancer(Arc<Mutex<IpAddr>>);

impl Balancer {
    pub(crate) fn new(first: IpAddr) -> Self {
        Self(Arc::new(Mutex::new(first)))
    }

    pub(crate) fn choose(&self, pod: IpAddr) {
        *self.0.lock().expect("no panic") = pod;
    }
}

impl Resolve for Balancer {
    fn resolve(&self, _: Name) -> Resolving {
        // The port is that of the address which is asked for.
        let pod = SocketAddr::new(*self.0.lock().expect("no panic"), 0);
        Box::pin(ready(Ok(Box::new(once(pod)) as Addrs)))
    }
}

impl Network {
    /// Every name leads to a pod.
    pub(crate) fn through(balancer: &Balancer) -> Self {
        Self {
            balancer: Some(balancer.clone()),
            ..Self::default()
        }
    }

    /// The same through a proxy at this address, which adds these headers.
    pub(crate) fn behind(self, proxy: IpAddr, headers: HeaderMap) -> Self {
        Self {
            proxy: Some((proxy, headers)),
            ..self
        }
    }

    /// Every name leads to this machine, and certificates of this authority alone are trusted.
    pub(crate) fn trusting(authority: &str) -> Self {
        Self {
            balancer: Some(Balancer::new(Ipv4Addr::LOCALHOST.into())),
            authority: Some(Certificate::from_pem(authority.as_bytes()).expect("it is PEM")),
            ..Self::default()
        }
    }

    /// A client that goes this way and follows no redirect.
    pub(crate) fn http(&self) -> ClientBuilder {
        let mut builder = ClientBuilder::new()
            .no_proxy()
            // A connection of before a kill would fail the first request after it, and would lead
            // to the former pod.
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(std::time::Duration::from_secs(20));
        if let Some(balancer) = &self.balancer {
            builder = builder.dns_resolver(Arc::new(balancer.clone()));
        }
        if let Some(authority) = &self.authority {
            builder = builder.tls_certs_only([authority.clone()]);
        }
        if let Some((proxy, headers)) = &self.proxy {
            builder = builder
                .local_address(*proxy)
                .default_headers(headers.clone());
        }
        builder
    }
}
