//! The way to the collector: our HTTP client with our TLS, each request once and not for long.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

/// One request takes at most so long.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Spans,
    Metrics,
}

/// Why nothing was sent. An address may hold a password, so that none is in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendFault {
    #[error(
        "its certificate is not accepted; OTEL_EXPORTER_OTLP_CERTIFICATE takes a file with the \
         authority that it is from"
    )]
    Certificate(#[source] reqwest::Error),
    #[error("it cannot be reached")]
    Connection(#[source] reqwest::Error),
}

impl From<reqwest::Error> for SendFault {
    fn from(fault: reqwest::Error) -> Self {
        let fault = fault.without_url();
        if is_about_a_certificate(&fault) {
            Self::Certificate(fault)
        } else {
            Self::Connection(fault)
        }
    }
}

/// I/O errors wrap others, which are none of their sources.
fn is_about_a_certificate(fault: &(dyn Error + 'static)) -> bool {
    causes(fault).any(|cause| match cause.downcast_ref::<io::Error>() {
        Some(wrapper) => wrapper
            .get_ref()
            .is_some_and(|wrapped| is_about_a_certificate(wrapped)),
        None => matches!(
            cause.downcast_ref(),
            Some(rustls::Error::InvalidCertificate(_))
        ),
    })
}

/// The collector that the operator named. It may be anywhere: no address guard.
#[derive(Clone, Debug)]
pub(super) struct Collector {
    client: reqwest::Client,
    runtime: Handle,
}

/// The collector for one signal. It says once that nothing is taken, and once that it is again.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    collector: Collector,
    signal: Signal,
    is_failing: Arc<AtomicBool>,
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

    /// The way of one signal.
    pub(super) fn sender(&self, signal: Signal) -> Sender {
        Sender {
            collector: self.clone(),
            signal,
            is_failing: Arc::default(),
        }
    }
}

impl Sender {
    /// The answer, whatever its status.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, SendFault> {
        let answer = self.answer(request).await.map_err(SendFault::from);
        self.tell(&answer);
        answer
    }

    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, reqwest::Error> {
        let answer = self.collector.client.execute(request.try_into()?).await?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        *response.body_mut() = answer.bytes().await?;
        Ok(response)
    }

    fn tell(&self, answer: &Result<Response<Bytes>, SendFault>) {
        let refusal = match answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("status {}", answer.status().as_u16())),
            Err(fault) => Some(with_causes(fault)),
        };
        let failed_before = self.is_failing.swap(refusal.is_some(), Ordering::Relaxed);
        match (self.signal, refusal) {
            (Signal::Spans, Some(error)) if !failed_before => tracing::warn!(
                error,
                "the collector does not take spans; they are lost, and counted in \
                 realmwright_spans"
            ),
            (Signal::Metrics, Some(error)) if !failed_before => {
                tracing::warn!(error, "the collector does not take metrics");
            }
            (Signal::Spans, None) if failed_before => {
                tracing::info!("the collector takes spans again");
            }
            (Signal::Metrics, None) if failed_before => {
                tracing::info!("the collector takes metrics again");
            }
            _ => {}
        }
    }
}

/// A fault, what caused it, and so on.
fn causes<'f>(fault: &'f (dyn Error + 'static)) -> impl Iterator<Item = &'f (dyn Error + 'static)> {
    std::iter::successors(Some(fault), |&cause| cause.source())
}

fn with_causes(fault: &SendFault) -> String {
    let texts: Vec<String> = causes(fault).map(ToString::to_string).collect();
    texts.join(": ")
}

/// For the thread that exports spans, which is none of Tokio's.
#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let own = self.clone();
        let sending = self
            .collector
            .runtime
            .spawn(async move { own.send(request).await });
        Ok(sending.await??)
    }
}
