//! Where and how `realmwright dev` serves.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;

use tempfile::TempDir;
use url::Url;

use crate::support::application::{Application, LoggedIn};
use crate::support::certificates::Certificates;
use crate::support::dev::{ANY_PORT, Dev, LOGIN, PASSWORD, regions_folder, scenario_folder};
use crate::support::network::Network;
use crate::support::person::{Answer, Person};

const RIGHT: &[(&str, &str)] = &[("login", LOGIN), ("password", PASSWORD)];

async fn application(network: &Network, issuer: &Url) -> Application {
    Application::over(
        network,
        issuer,
        "app",
        Some("planted-client-secret-4f1c0e6b9a7d2835"),
    )
    .await
}

/// Logs in with a password; the answer that set the cookies, and what came of it.
async fn log_in(person: &Person, mut application: Application) -> (Answer, LoggedIn) {
    let begun = application.begin(&[], &[]);
    let page = person.open(&begun.url).await.unwrap().page();
    let answer = person.send(&page, RIGHT).await.unwrap();
    let left = person.follow(answer.clone(), || {}).await.unwrap().left();
    person.open(&left).await.unwrap();
    (answer, application.finish(begun).await)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// Design.md section 7, "Cookies": over https they are bound to host and encryption.
#[tokio::test]
async fn over_https_an_application_logs_in_and_cookies_are_bound_to_the_host() {
    let certificates = Certificates::of("id.test");
    let (certificate, key) = (certificates.certificate(), certificates.key());
    let dev = Dev::start_with(
        scenario_folder(),
        ANY_PORT,
        &[
            "--host",
            "id.test",
            "--tls-cert",
            text(&certificate),
            "--tls-key",
            text(&key),
        ],
    );
    let port = dev.issuer.port().expect("a port");
    assert_eq!(
        dev.issuer.as_str(),
        format!("https://id.test:{port}/quickstart")
    );
    let network = Network::trusting(&certificates.authority);
    let person = Person::over(&network);
    let application = application(&network, &dev.issuer).await;
    let (answer, logged_in) = log_in(&person, application).await;
    assert_eq!(
        logged_in.claims.issuer().as_str(),
        dev.issuer.as_str(),
        "what is declared and what is said are one"
    );
    assert!(!answer.cookies.is_empty());
    for cookie in &answer.cookies {
        assert!(cookie.starts_with("__Host-rw-"), "{cookie}");
        for attribute in ["; Secure", "; HttpOnly", "; Path=/"] {
            assert!(cookie.contains(attribute), "no {attribute} in {cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }

    let stranger = Certificates::of("id.test");
    let distrustful = Person::over(&Network::trusting(&stranger.authority));
    assert!(distrustful.open(&dev.issuer).await.is_err());
}

/// The same over plain http, which only this machine can be served with: neither prefix nor
/// `Secure`, since browsers would then drop them.
#[tokio::test]
async fn over_http_cookies_are_for_this_machine() {
    let listen = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let dev = Dev::start_with(scenario_folder(), listen, &[]);
    assert_eq!(dev.issuer.host_str(), Some("[::1]"));
    let network = Network::default();
    let application = application(&network, &dev.issuer).await;
    let (answer, _) = log_in(&Person::new(), application).await;
    assert!(!answer.cookies.is_empty());
    for cookie in &answer.cookies {
        assert!(
            cookie.starts_with("rw-") && cookie.contains("; HttpOnly"),
            "{cookie}"
        );
        assert!(!cookie.contains("Secure"), "{cookie}");
    }
}

async fn open_login(person: &Person, issuer: &Url) -> bool {
    let application = Application::over(&Network::default(), issuer, "app", None).await;
    let begun = application.begin(&[], &[]);
    let page = person.open(&begun.url).await.unwrap().page();
    page.asks_for("password")
}

async fn log_in_at(person: &Person, issuer: &Url) -> LoggedIn {
    let application = Application::over(&Network::default(), issuer, "app", None).await;
    log_in(person, application).await.1
}

fn serve_region(folder: TempDir, region: &str) -> Dev {
    Dev::start_with(folder, ANY_PORT, &["--region", region])
}

/// Of several realms each is served under its id, and a session is of one realm.
#[tokio::test]
async fn a_region_is_served_with_every_realm_that_is_placed_in_it() {
    let dev = serve_region(regions_folder(), "ua");
    let origin = dev.issuer.origin().ascii_serialization();
    let served: Vec<_> = dev
        .realms
        .iter()
        .map(|(realm, issuer)| (realm.as_str(), issuer.to_string()))
        .collect();
    assert_eq!(
        served,
        [
            ("guests.main", format!("{origin}/guests.main")),
            ("staff.main", format!("{origin}/staff.main/people")),
        ]
    );
    let person = Person::new();
    let staff = log_in_at(&person, &dev.realms["staff.main"]).await;
    assert!(
        open_login(&person, &dev.realms["guests.main"]).await,
        "a session of staff is none of guests"
    );
    let guest = log_in_at(&person, &dev.realms["guests.main"]).await;
    assert_ne!(staff.claims.subject(), guest.claims.subject());

    let abroad = serve_region(regions_folder(), "pl");
    let served: Vec<_> = abroad.realms.keys().map(String::as_str).collect();
    assert_eq!(served, ["staff.main"]);
    let colleague = log_in_at(&person, &abroad.issuer).await;
    assert_ne!(staff.claims.subject(), colleague.claims.subject());
}
