//! The way to the collector: our HTTP client with our TLS, each request once and not for long.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

/// One request takes at most so long.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// The collector that the operator named. It may be anywhere: no address guard.
#[derive(Clone, Debug)]
pub(super) struct Collector {
    client: reqwest::Client,
    runtime: Handle,
}

impl Collector {
    /// `OTEL_EXPORTER_OTLP_CERTIFICATE` names a file of authorities, PEM, that count beside those
    /// of the system.
    pub(super) fn new(environment: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .user_agent(concat!("realmwright/", env!("CARGO_PKG_VERSION")));
        if let Some(file) = environment("OTEL_EXPORTER_OTLP_CERTIFICATE") {
            let said = || format!("OTEL_EXPORTER_OTLP_CERTIFICATE: cannot read {file}");
            let pem = std::fs::read(&file).with_context(said)?;
            let authorities = reqwest::Certificate::from_pem_bundle(&pem).with_context(said)?;
            builder = builder.tls_certs_merge(authorities);
        }
        Ok(Self {
            client: builder
                .build()
                .context("no HTTP client for the collector")?,
            runtime: Handle::current(),
        })
    }

    pub(super) async fn send(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, reqwest::Error> {
        let told = async {
            let answer = self.client.execute(request.try_into()?).await?;
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            *response.body_mut() = answer.bytes().await?;
            Ok(response)
        };
        // An address may hold a password.
        told.await.map_err(reqwest::Error::without_url)
    }
}

/// For the thread that exports spans, which is none of Tokio's.
#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let own = self.clone();
        let sending = self.runtime.spawn(async move { own.send(request).await });
        Ok(sending.await??)
    }
}
