//! `dev` over TLS, with a certificate authority that whoever speaks to it has to trust, and what
//! people do at an application that it protects.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use realmwright_e2e::wait;
pub(crate) use realmwright_e2e::wait::until;
use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use super::certificates::Certificates;
use super::child::Running;
use super::dev::{ANY_PORT, Dev, PASSWORD};
use super::network::Network;
use super::person::{Page, Person};

/// The host that everything of such a scenario is served at.
pub(crate) const HOST: &str = "localhost";

/// What is served, and whom to trust.
pub(crate) struct Secured {
    pub(crate) dev: Dev,
    pub(crate) certificates: Certificates,
}

impl Secured {
    /// Serves a folder.
    pub(crate) fn start(folder: TempDir) -> Self {
        let certificates = Certificates::of(HOST);
        let (certificate, key) = (certificates.certificate(), certificates.key());
        let arguments = [
            "--host",
            HOST,
            "--tls-cert",
            text(&certificate),
            "--tls-key",
            text(&key),
        ];
        let dev = Dev::start_with(folder, ANY_PORT, &arguments);
        Self { dev, certificates }
    }

    /// File with the certificate of the authority, PEM.
    pub(crate) fn authority(&self) -> PathBuf {
        self.certificates.authority_file()
    }

    /// Whoever trusts the authority, and no other.
    pub(crate) fn network(&self) -> Network {
        Network::trusting(&self.certificates.authority)
    }

    /// Somebody with a browser.
    pub(crate) fn person(&self) -> Person {
        Person::over(&self.network())
    }

    /// Whether userinfo takes an access token.
    pub(crate) async fn honours(&self, access_token: &str) -> bool {
        let issuer = trimmed(&self.dev.issuer);
        let http = self.network().http().build().expect("a client");
        let request = http.get(format!("{issuer}/oauth2/userinfo"));
        let answer = request.bearer_auth(access_token).send().await.unwrap();
        answer.status().is_success()
    }
}

/// Waits until a process answers well at an address.
pub(crate) async fn answers(running: &Running, network: &Network, address: &Url) {
    let http = network.http().build().expect("a client");
    wait::answers(running, &http, address).await;
}

/// An address as it is written before a path.
pub(crate) fn trimmed(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// A path for arguments.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Which key signed a token.
pub(crate) fn key_of(token: &str) -> String {
    let head = token.split('.').next().expect("a first part");
    let decoded = URL_SAFE_NO_PAD.decode(head).expect("base64url");
    let header: Value = serde_json::from_slice(&decoded).expect("JSON");
    header["kid"].as_str().expect("a key").to_owned()
}

/// Logs somebody in on a login page; where the browser is sent then.
pub(crate) async fn log_in(person: &Person, page: &Page, login: &str) -> Url {
    let fields = [("login", login), ("password", PASSWORD)];
    person.submit(page, &fields).await.unwrap().left()
}

/// Opens a page that a login protects, and logs in; what the browser shows in the end.
pub(crate) async fn log_in_for(person: &Person, protected: &Url, login: &str) -> Page {
    let sent = person.open(protected).await.unwrap().left();
    let page = person.open(&sent).await.unwrap().page();
    let back = log_in(person, &page, login).await;
    person.open(&back).await.unwrap().page()
}

/// Confirms a logout at the address that an application sends to; where the browser is sent then.
pub(crate) async fn log_out(person: &Person, end: &Url) -> Url {
    let page = person.open(end).await.unwrap().page();
    let answer = [("answer", "yes")];
    person.submit(&page, &answer).await.unwrap().left()
}
