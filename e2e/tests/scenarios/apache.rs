//! mod_auth_openidc under Apache, with the configuration of `examples/clients/apache`: login, claims
//! for the application, refresh, userinfo, rotation of keys in mid-session, logout, and what is
//! refused (KC-AZ-01, KC-TK-04, KC-UI-01, KC-LO-01, KC-KEY-02, KC-KEY-03).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reqwest::StatusCode;
use tempfile::TempDir;
use url::Url;

use crate::support::child::Running;
use crate::support::dev::LOGIN;
use crate::support::examples::{GUEST, example, free_site, generated_secret, serve_examples};
use crate::support::secured::{Secured, key_of, log_in, log_in_for, log_out, text, trimmed};
use crate::support::upstream::{self, Asked};

const EXAMPLE: &str = "https://www.example.com";

const START: Duration = Duration::from_secs(20);

const MODULES: &[&str] = &[
    "mpm_event",
    "authn_core",
    "authz_core",
    "authz_user",
    "socache_shmcb",
    "ssl",
    "proxy",
    "proxy_http",
    "auth_openidc",
];

/// A server of its own, in a folder of its own.
struct Apache {
    _running: Running,
    _folder: TempDir,
    site: Url,
}

impl Apache {
    fn start(served: &Secured, site: &Url, application: &Url) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        // Its workers are of another user than root, and read the authority.
        let all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), all).expect("it is ours");
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("it can be written");
            path
        };
        let authority = write("authority.pem", &served.certificates.authority);
        write("site.conf", &site_conf(served, site, &authority));
        let main = write("apache2.conf", &main_conf(served, site, application));
        let running = Running::start(
            Command::new("/usr/sbin/apache2")
                .args(["-D", "FOREGROUND", "-d", text(folder.path()), "-f"])
                .arg(main),
        );
        running.wait_for(0, START, "start of Apache", |line| {
            line.contains("resuming normal operations").then_some(())
        });
        Self {
            _running: running,
            _folder: folder,
            site: site.clone(),
        }
    }

    fn at(&self, path: &str) -> Url {
        self.site.join(path).unwrap()
    }
}

/// The example, at other addresses, and with everything refreshed at every request.
fn site_conf(served: &Secured, site: &Url, authority: &Path) -> String {
    let issuer = trimmed(&served.dev.issuer);
    let secret = generated_secret(served.dev.folder(), "apache");
    example(
        "apache/site.conf",
        &[
            ("https://id.example.com/main", issuer),
            (EXAMPLE, trimmed(site)),
            ("/etc/apache2/authority.pem", text(authority)),
            ("CLIENT-SECRET", &secret),
            ("COOKIE-SECRET", "of-this-scenario-alone"),
            ("RefreshInterval 300", "RefreshInterval 1"),
            ("BeforeExpiry 60", "BeforeExpiry 86400"),
        ],
    )
}

/// What a distribution brings: modules, the listener, the application behind.
fn main_conf(served: &Secured, site: &Url, application: &Url) -> String {
    let modules: String = MODULES
        .iter()
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .collect();
    let port = site.port().expect("a port");
    let (certificate, key) = (served.certificates.certificate(), served.certificates.key());
    format!(
        "{modules}\
         ServerName localhost\n\
         PidFile pid\n\
         DefaultRuntimeDir .\n\
         ErrorLog /dev/stderr\n\
         User www-data\n\
         Group www-data\n\
         StartServers 1\n\
         Listen 127.0.0.1:{port} https\n\
         <VirtualHost *:{port}>\n\
         SSLEngine on\n\
         SSLCertificateFile {}\n\
         SSLCertificateKeyFile {}\n\
         ProxyPass /oidc !\n\
         ProxyPass / {application}\n\
         Include site.conf\n\
         </VirtualHost>\n",
        text(&certificate),
        text(&key),
    )
}

#[tokio::test]
async fn people_come_and_go_while_keys_are_rotated() {
    let site = free_site();
    let served = serve_examples(&[(EXAMPLE, trimmed(&site))]);
    let apache = Apache::start(&served, &site, &upstream::start().await);
    let (dev, private) = (&served.dev, apache.at("private"));

    let person = served.person();
    let asked = Asked::of(&log_in_for(&person, &private, LOGIN).await);
    assert_eq!(asked.header("oidc_claim_email"), LOGIN);
    assert_eq!(asked.header("oidc_claim_groups"), "staff");
    let first = asked.header("oidc_access_token").to_owned();
    assert_eq!(key_of(&first), dev.signing_key());

    let again = async || {
        let page = person.open(&apache.at("private/staff")).await.unwrap();
        let asked = Asked::of(&page.page());
        assert_eq!(asked.header("oidc_claim_email"), LOGIN);
        asked.header("oidc_access_token").to_owned()
    };
    let refreshed = again().await;
    assert_ne!(refreshed, first);

    // The session goes on with tokens of the new key, and whoever logs in anew has an id token of it,
    // which the module verifies.
    let enter = async || {
        let newcomer = served.person();
        Asked::of(&log_in_for(&newcomer, &private, LOGIN).await);
    };
    let second = dev.rotate();
    let by_second = again().await;
    assert_eq!(key_of(&by_second), second);
    assert!(served.honours(&refreshed).await);
    enter().await;

    let third = dev.compromise();
    assert!(!served.honours(&by_second).await);
    assert_eq!(key_of(&again().await), third);
    enter().await;

    let mut end = apache.at("oidc/callback");
    end.query_pairs_mut()
        .append_pair("logout", apache.at("").as_str());
    let sent = person.open(&end).await.unwrap().left();
    assert_eq!(log_out(&person, &sent).await, apache.at(""));
    let sent = person.open(&private).await.unwrap().left();
    let page = person.open(&sent).await.unwrap().page();
    assert!(page.asks_for("password"), "still logged in");
}

#[tokio::test]
async fn who_may_not_in_is_refused() {
    let site = free_site();
    let served = serve_examples(&[(EXAMPLE, trimmed(&site))]);
    let apache = Apache::start(&served, &site, &upstream::start().await);
    let private = apache.at("private");

    let guest = served.person();
    Asked::of(&log_in_for(&guest, &private, GUEST).await);
    let staff = guest.open(&apache.at("private/staff")).await.unwrap();
    assert_eq!(staff.page().status, StatusCode::UNAUTHORIZED);

    // An answer that another browser began: its state is not in the cookie of this one.
    let person = served.person();
    let sent = person.open(&private).await.unwrap().left();
    let page = person.open(&sent).await.unwrap().page();
    let back = log_in(&person, &page, LOGIN).await;
    let stranger = served.person().open(&back).await.unwrap().page();
    assert!(!stranger.status.is_success(), "{stranger:?}");
}
