//! The certificate and key of a listener, read again when the files change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::lifecycle::Lifecycle;

/// How often the files are looked at. Renewed certificates overlap by days.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Why a certificate and key cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// Not readable.
    #[error("cannot read {}: {fault}; name a file that this user may read", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        fault: std::io::Error,
    },
    /// Not PEM, or without what is looked for.
    #[error("{} holds no {label} ({fault}); PEM is wanted, with a line -----BEGIN {label}-----", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// What is looked for.
        label: &'static str,
        /// Why.
        fault: pem::Error,
    },
    /// They do not fit together, or the algorithm is not supported.
    #[error(
        "{} and {} cannot be used together ({fault}); the key must be that of the first certificate",
        certificate.display(), key.display()
    )]
    Unusable {
        /// File of the certificate chain.
        certificate: PathBuf,
        /// File of the key.
        key: PathBuf,
        /// Why.
        fault: rustls::Error,
    },
}

/// A certificate chain and its key, as PEM files.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
    pair: Arc<ArcSwap<Pair>>,
}

/// What was read from both files.
#[derive(Debug)]
struct Pair {
    config: Arc<ServerConfig>,
    /// When the certificate ends; none when it does not say so in a way that is understood.
    expiry: Option<Timestamp>,
}

impl TlsFiles {
    /// Reads both files.
    ///
    /// # Errors
    /// [`TlsFault`] when they cannot be served with.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsFault> {
        let pair = read(certificate, key)?;
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            pair: Arc::new(ArcSwap::from_pointee(pair)),
        })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.pair.load().config))
    }

    /// When the certificate that is served with ends; those of its authorities are not looked at.
    pub(crate) fn expiry(&self) -> Option<Timestamp> {
        self.pair.load().expiry
    }

    /// Looks at the files until the stop. A pair that cannot be used is reported and the former
    /// one stays.
    pub async fn reload(self, life: Lifecycle) {
        let mut seen = self.fingerprint().await;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = life.stopped() => return,
            }
            let now = self.fingerprint().await;
            if now == seen {
                continue;
            }
            self.read_again();
            seen = now;
        }
    }

    fn read_again(&self) {
        match read(&self.certificate, &self.key) {
            Ok(pair) => {
                self.pair.store(Arc::new(pair));
                tracing::info!("certificate replaced");
            }
            Err(fault) => tracing::error!(
                error = &fault as &dyn std::error::Error,
                "the new certificate is not used"
            ),
        }
    }

    async fn fingerprint(&self) -> (Option<Fingerprint>, Option<Fingerprint>) {
        (
            fingerprint(&self.certificate).await,
            fingerprint(&self.key).await,
        )
    }
}

/// Device, inode, length and time of change of what the path leads to. Kubernetes swaps a
/// symbolic link, which changes the inode.
type Fingerprint = (u64, u64, u64, i64, i64);

async fn fingerprint(path: &Path) -> Option<Fingerprint> {
    use std::os::unix::fs::MetadataExt;
    let file = tokio::fs::metadata(path).await.ok()?;
    Some((
        file.dev(),
        file.ino(),
        file.len(),
        file.mtime(),
        file.mtime_nsec(),
    ))
}

fn read(certificate: &Path, key: &Path) -> Result<Pair, TlsFault> {
    let bytes = read_file(certificate)?;
    let chain = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|chain| match chain.as_slice() {
            [] => Err(pem::Error::NoItemsFound),
            _ => Ok(chain),
        })
        .map_err(form(certificate, "CERTIFICATE"))?;
    let expiry = chain.first().and_then(expiry);
    let private =
        PrivateKeyDer::from_pem_slice(&read_file(key)?).map_err(form(key, "PRIVATE KEY"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, private)
        })
        .map_err(|fault| TlsFault::Unusable {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            fault,
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Pair {
        config: Arc::new(config),
        expiry,
    })
}

/// `notAfter`, RFC 5280 section 4.1.2.5.
fn expiry(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsFault> {
    std::fs::read(path).map_err(|fault| TlsFault::Read {
        path: path.to_owned(),
        fault,
    })
}

fn form(path: &Path, label: &'static str) -> impl FnOnce(pem::Error) -> TlsFault {
    move |fault| TlsFault::Form {
        path: path.to_owned(),
        label,
        fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::Listener;
    use axum::routing::get;

    struct Pair {
        folder: tempfile::TempDir,
    }

    impl Pair {
        fn new() -> Self {
            let pair = Self {
                folder: tempfile::tempdir().unwrap(),
            };
            pair.renew();
            pair
        }

        fn renew(&self) {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            std::fs::write(self.certificate(), made.cert.pem()).unwrap();
            std::fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
        }

        fn certificate(&self) -> PathBuf {
            self.folder.path().join("cert.pem")
        }

        fn key(&self) -> PathBuf {
            self.folder.path().join("key.pem")
        }

        fn load(&self) -> Result<TlsFiles, TlsFault> {
            TlsFiles::load(&self.certificate(), &self.key())
        }

        /// Whether a client that trusts the certificate now in the file is answered.
        async fn is_answered(&self, port: u16) -> bool {
            let pem = std::fs::read(self.certificate()).unwrap();
            reqwest::Client::builder()
                .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
                .build()
                .unwrap()
                .get(format!("https://localhost:{port}/"))
                .send()
                .await
                .is_ok()
        }
    }

    #[tokio::test]
    async fn a_replaced_pair_is_served_and_a_broken_one_is_not() {
        let pair = Pair::new();
        let tls = pair.load().unwrap();
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let router = axum::Router::new().route("/", get(|| async { "hello" }));
        let life = Lifecycle::new();
        let listener = Listener::new(socket, router).with_tls(tls.clone());
        tokio::spawn(listener.serve(life.clone()));
        assert!(pair.is_answered(port).await);

        pair.renew();
        assert!(!pair.is_answered(port).await, "the former one is served");
        tls.read_again();
        assert!(pair.is_answered(port).await);

        let good = std::fs::read(pair.certificate()).unwrap();
        std::fs::write(pair.certificate(), "broken").unwrap();
        tls.read_again();
        std::fs::write(pair.certificate(), good).unwrap();
        assert!(pair.is_answered(port).await, "the last good one stays");
    }

    #[tokio::test]
    async fn a_pair_that_does_not_fit_is_refused() {
        let (pair, other) = (Pair::new(), Pair::new());
        std::fs::copy(other.key(), pair.key()).unwrap();
        assert!(matches!(pair.load(), Err(TlsFault::Unusable { .. })));
        std::fs::copy(pair.certificate(), pair.key()).unwrap();
        let swapped = pair.load().unwrap_err();
        assert!(
            swapped.to_string().contains("-----BEGIN PRIVATE KEY-----"),
            "{swapped}"
        );
        std::fs::write(pair.certificate(), "").unwrap();
        assert!(matches!(pair.load(), Err(TlsFault::Form { .. })));
        std::fs::remove_file(pair.certificate()).unwrap();
        assert!(matches!(pair.load(), Err(TlsFault::Read { .. })));
    }
}
