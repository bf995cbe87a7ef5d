//! oauth2-proxy with the configuration of `examples/clients/oauth2-proxy`: login, claims for the
//! application, refresh, userinfo, rotation of keys in mid-session, logout, and what is refused
//! (KC-AZ-01, KC-TK-04, KC-UI-01, KC-LO-01, KC-KEY-02, KC-KEY-03).

use std::process::Command;

use reqwest::StatusCode;
use tempfile::TempDir;
use url::Url;

use crate::support::binaries::tool;
use crate::support::child::Running;
use crate::support::dev::LOGIN;
use crate::support::examples::{GUEST, example, free_site, generated_secret, serve_examples};
use crate::support::person::Person;
use crate::support::secured::{
    Secured, answers, key_of, log_in, log_in_for, log_out, text, trimmed, until,
};
use crate::support::upstream::{self, Asked};

const EXAMPLE: &str = "https://tools.example.com";

/// A proxy before an application.
struct Proxy {
    _running: Running,
    _folder: TempDir,
    site: Url,
}

impl Proxy {
    async fn start(served: &Secured, site: &Url) -> Self {
        let application = upstream::start().await;
        let folder = TempDir::new().expect("a temporary folder");
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("it can be written");
            path
        };
        let secret = generated_secret(served.dev.folder(), "oauth2-proxy");
        write("client-secret", &secret);
        write("cookie-secret", "thirty-two-octets-of-a-scenario-");
        write("authority.pem", &served.certificates.authority);
        for (name, file) in [
            ("cert.pem", served.certificates.certificate()),
            ("key.pem", served.certificates.key()),
        ] {
            std::fs::copy(file, folder.path().join(name)).expect("it can be copied");
        }
        let issuer = &served.dev.issuer;
        let provider = format!("localhost:{}", issuer.port().expect("a port"));
        let port = site.port().expect("a port");
        let config = example(
            "oauth2-proxy/oauth2-proxy.cfg",
            &[
                ("https://id.example.com/main", trimmed(issuer)),
                ("id.example.com", &provider),
                (EXAMPLE, trimmed(site)),
                ("/etc/oauth2-proxy", text(folder.path())),
                ("http://127.0.0.1:9000/", application.as_str()),
                ("127.0.0.1:4443", &format!("127.0.0.1:{port}")),
                (r#"cookie_refresh = "4m""#, r#"cookie_refresh = "1s""#),
            ],
        );
        let config = write("oauth2-proxy.cfg", &config);
        let running = Running::start(
            Command::new(tool("oauth2-proxy"))
                .arg("--config")
                .arg(config),
        );
        // It does not say when it listens.
        answers(&running, &served.network(), &site.join("ping").unwrap()).await;
        Self {
            _running: running,
            _folder: folder,
            site: site.clone(),
        }
    }

    fn at(&self, path: &str) -> Url {
        self.site.join(path).unwrap()
    }

    /// What the application is asked with, once the proxy has other tokens than this one.
    async fn after(&self, person: &Person, access_token: &str) -> Asked {
        until("other tokens", async || {
            let page = person.open(&self.at("anything")).await.unwrap();
            let asked = Asked::of(&page.page());
            (asked.header(ACCESS) != access_token).then_some(asked)
        })
        .await
    }
}

const ACCESS: &str = "x-forwarded-access-token";

fn id_token(asked: &Asked) -> &str {
    let authorization = asked.header("authorization");
    authorization.strip_prefix("Bearer ").expect("an id token")
}

#[tokio::test]
async fn people_come_and_go_while_keys_are_rotated() {
    let site = free_site();
    let served = serve_examples(&[(EXAMPLE, trimmed(&site))]);
    let proxy = Proxy::start(&served, &site).await;
    let (dev, person) = (&served.dev, served.person());

    let asked = Asked::of(&log_in_for(&person, &proxy.at("anything"), LOGIN).await);
    assert_eq!(asked.header("x-forwarded-email"), LOGIN);
    assert_eq!(asked.header("x-forwarded-groups"), "staff");
    assert_eq!(key_of(id_token(&asked)), dev.signing_key());
    let first = asked.header(ACCESS).to_owned();
    let asked = proxy.after(&person, &first).await;
    let refreshed = asked.header(ACCESS).to_owned();

    let second = dev.rotate();
    let asked = proxy.after(&person, &refreshed).await;
    assert_eq!(key_of(id_token(&asked)), second);
    assert!(served.honours(&refreshed).await);
    let by_second = asked.header(ACCESS).to_owned();

    let third = dev.compromise();
    assert!(!served.honours(&by_second).await);
    let asked = proxy.after(&person, &by_second).await;
    assert_eq!(key_of(id_token(&asked)), third);
    assert_eq!(asked.header("x-forwarded-email"), LOGIN);
    let newcomer = served.person();
    Asked::of(&log_in_for(&newcomer, &proxy.at("anything"), LOGIN).await);

    let mut end = Url::parse(&format!("{}/oauth2/logout", trimmed(&dev.issuer))).unwrap();
    end.query_pairs_mut()
        .append_pair("client_id", "oauth2-proxy")
        .append_pair("post_logout_redirect_uri", site.as_str());
    let mut out = proxy.at("oauth2/sign_out");
    out.query_pairs_mut().append_pair("rd", end.as_str());
    let sent = person.open(&out).await.unwrap().left();
    assert_eq!(sent, end);
    assert_eq!(log_out(&person, &sent).await, site);
    let sent = person.open(&proxy.at("anything")).await.unwrap().left();
    let page = person.open(&sent).await.unwrap().page();
    assert!(page.asks_for("password"), "still logged in");
}

#[tokio::test]
async fn who_may_not_in_is_refused() {
    let site = free_site();
    let served = serve_examples(&[(EXAMPLE, trimmed(&site))]);
    let proxy = Proxy::start(&served, &site).await;
    let anything = proxy.at("anything");

    let refused = log_in_for(&served.person(), &anything, GUEST).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");

    // An answer that another browser began: its state is not in the cookie of this one.
    let person = served.person();
    let sent = person.open(&anything).await.unwrap().left();
    let page = person.open(&sent).await.unwrap().page();
    let back = log_in(&person, &page, LOGIN).await;
    let stranger = served.person().open(&back).await.unwrap().page();
    assert!(!stranger.status.is_success(), "{stranger:?}");
}
