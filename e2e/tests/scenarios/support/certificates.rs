//! A certificate authority of our own.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// An authority, and a certificate that it gave to a host.
pub(crate) struct Certificates {
    folder: tempfile::TempDir,
    /// Its own certificate, PEM.
    pub(crate) authority: String,
}

impl Certificates {
    /// For a host of this name.
    pub(crate) fn of(host: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // One name for both would make the host's certificate look self-signed.
        root.distinguished_name
            .push(DnType::CommonName, "Scenario authority");
        let authority = root.self_signed(&key).expect("a certificate").pem();
        let issuer = Issuer::new(root, key);

        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([host.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, host);
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificates = Self { folder, authority };
        std::fs::write(certificates.authority_file(), &certificates.authority)
            .expect("it can be written");
        std::fs::write(certificates.certificate(), certificate.pem()).expect("it can be written");
        std::fs::write(certificates.key(), key.serialize_pem()).expect("it can be written");
        certificates
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }

    /// File of the authority's certificate.
    pub(crate) fn authority_file(&self) -> PathBuf {
        self.path("authority.pem")
    }

    /// File of the host's certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.path("cert.pem")
    }

    /// File of its key.
    pub(crate) fn key(&self) -> PathBuf {
        self.path("key.pem")
    }
}
