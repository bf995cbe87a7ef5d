//! A certificate authority of our own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// An authority, and a certificate that it gave to a host.
#[derive(Debug)]
pub struct Certificates {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, PEM.
    pub authority: String,
}

impl Certificates {
    /// For a host of this name.
    pub fn of(host: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // One name for both would make the host's certificate look self-signed.
        root.distinguished_name
            .push(DnType::CommonName, "Scenario authority");
        let authority = root.self_signed(&key).expect("a certificate").pem();
        let certificates = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            issuer: Issuer::new(root, key),
            authority,
        };
        std::fs::write(certificates.authority_file(), &certificates.authority)
            .expect("it can be written");
        let mut params = CertificateParams::new([host.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, host);
        certificates.give(params, "cert.pem", "key.pem");
        certificates
    }

    /// Files of a certificate and its key for a client of this name, in this organisation.
    pub fn of_client(&self, name: &str, organisation: &str) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::default();
        let subject = &mut params.distinguished_name;
        subject.push(DnType::CommonName, name);
        subject.push(DnType::OrganizationName, organisation);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.give(params, &format!("{name}.pem"), &format!("{name}.key"))
    }

    /// Serves with the host's certificate.
    pub fn acceptor(&self) -> TlsAcceptor {
        let certificate = CertificateDer::from_pem_file(self.certificate()).expect("PEM");
        let key = PrivateKeyDer::from_pem_file(self.key()).expect("PEM");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a certificate with its key");
        TlsAcceptor::from(Arc::new(config))
    }

    fn give(
        &self,
        mut params: CertificateParams,
        certificate: &str,
        key: &str,
    ) -> (PathBuf, PathBuf) {
        params.use_authority_key_identifier_extension = true;
        let (certificate, file) = (self.path(certificate), self.path(key));
        let key = KeyPair::generate().expect("a key");
        let given = params.signed_by(&key, &self.issuer).expect("a certificate");
        std::fs::write(&certificate, given.pem()).expect("it can be written");
        std::fs::write(&file, key.serialize_pem()).expect("it can be written");
        (certificate, file)
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }

    /// File of the authority's certificate.
    pub fn authority_file(&self) -> PathBuf {
        self.path("authority.pem")
    }

    /// File of the host's certificate.
    pub fn certificate(&self) -> PathBuf {
        self.path("cert.pem")
    }

    /// File of its key.
    pub fn key(&self) -> PathBuf {
        self.path("key.pem")
    }
}
