//! Peers that hold connections open and say nothing, or little by little.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::Client;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::{SECRET, at, client_credentials, http};
use crate::support::child::Running;
use crate::support::child::Told;
use crate::support::dev::{Dev, scenario_folder};
use crate::support::network::Network;
use crate::support::pods::Pods;
use crate::support::region_database::RegionDatabase;

/// What a peer says, and then no more.
fn halves(issuer: &Url) -> [String; 4] {
    let host = format!("host: {}", issuer.authority());
    let path = |path: &str| at(issuer, path).path().to_owned();
    [
        String::new(),
        format!("GET {} HTTP/1.1\r\n{host}\r\n", path("/oauth2/jwks")),
        format!(
            "POST {} HTTP/1.1\r\n{host}\r\ncontent-length: 100\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\ngrant_type=",
            path("/oauth2/token")
        ),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ]
}

/// A form whose body is as long as one may be, of which the first byte is said.
fn long_form(issuer: &Url) -> String {
    halves(issuer)[2].replace("content-length: 100", "content-length: 65536")
}

fn address(dev: &Dev) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], dev.issuer.port().unwrap()))
}

async fn hold(address: SocketAddr, count: usize, says: &[String]) -> Vec<TcpStream> {
    let mut held = Vec::with_capacity(count);
    for number in 0..count {
        let connected = TcpStream::connect(address);
        let Ok(Ok(mut stream)) = tokio::time::timeout(Duration::from_secs(10), connected).await
        else {
            panic!("after {number} connections there is no other");
        };
        if let Some(said) = says.get(number % says.len().max(1)) {
            stream.write_all(said.as_bytes()).await.unwrap();
        }
        held.push(stream);
    }
    held
}

/// What is answered, up to the end of its head or of the connection.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let mut octet = [0];
    while let Ok(1) = stream.read(&mut octet).await {
        answer.push(octet[0]);
        if answer.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn megabytes(running: &Running) -> u64 {
    running.resident_bytes() >> 20
}

/// So many connections that stall in each way there is: the others are served, memory stays within
/// `most_kilobytes` a connection, and all of it is given back.
async fn stalled_connections_harm_nobody(count: usize, most_kilobytes: u64) {
    let dev = Dev::start();
    let network = Network::default();
    let http = http(&network);
    client_credentials(&http, &dev.issuer).await.unwrap();
    let before = megabytes(dev.running());
    let held = hold(address(&dev), count, &halves(&dev.issuer)).await;
    let mut times = Vec::new();
    for _ in 0..20 {
        let since = Instant::now();
        let answer = client_credentials(&http, &dev.issuer).await.unwrap();
        assert_eq!(answer.status(), 200);
        times.push(since.elapsed());
    }
    let during = megabytes(dev.running());
    println!(
        "{count} stalled connections: {before} MB before, {during} MB with them; \
         a token takes {:?} at the median, {:?} at most",
        super::at_share(&mut times, 50),
        super::at_share(&mut times, 100),
    );
    let allowed = u64::try_from(count).unwrap() * most_kilobytes / 1024 + 16;
    assert!(during - before < allowed, "{before} MB, then {during} MB");
    drop(held);
    let answer = http.get(at(&dev.issuer, "/oauth2/jwks")).send().await;
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test]
async fn a_thousand_stalled_connections_harm_nobody() {
    stalled_connections_harm_nobody(1000, 64).await;
}

/// More than there are places (4096 by default).
#[tokio::test]
#[ignore = "needs 20,000 file descriptors: `make bench` runs it"]
async fn bench_ten_thousand_idle_connections() {
    stalled_connections_harm_nobody(10_000, 64).await;
}

/// A body that drips gets its answer, or the end of its time; in between others are served.
#[tokio::test]
async fn a_body_that_drips_delays_nobody() {
    let dev = Dev::start();
    let http = http(&Network::default());
    let mut held = hold(address(&dev), 50, &halves(&dev.issuer)[2..3]).await;
    for _ in 0..10 {
        for stream in &mut held {
            stream.write_all(b"a").await.unwrap();
        }
        let answer = client_credentials(&http, &dev.issuer).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    for stream in &mut held {
        stream.write_all(&[b'a'; 79]).await.unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 401", "no application, and so it is told");
    }
}

/// So many bodies that drip, more than there are places: who comes after them is served all the
/// same, and they are told why they are not.
async fn dripping_bodies_make_room(issuer: &Url, to: SocketAddr, http: &Client, count: usize) {
    let mut drippers = Vec::with_capacity(count);
    for stream in hold(to, count, &[long_form(issuer)]).await {
        let (mut read, mut write) = stream.into_split();
        drippers.push(tokio::spawn(async move {
            let dripping = async {
                while write.write_all(b"a").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                std::future::pending().await
            };
            tokio::select! {
                answer = head(&mut read) => answer,
                () = dripping => unreachable!("it is pending"),
            }
        }));
    }
    let since = Instant::now();
    let answer = client_credentials(http, issuer).await.unwrap();
    assert_eq!(answer.status(), 200);
    println!(
        "{count} bodies that drip: a token takes {:?}",
        since.elapsed()
    );
    let first = drippers.swap_remove(0).await.unwrap().to_lowercase();
    assert!(first.starts_with("http/1.1 408"), "{first}");
    assert!(first.contains("connection: close"), "{first}");
    for dripper in drippers {
        dripper.abort();
    }
}

/// A pod with so many places for connections, and its limits of open files.
fn pod(places: usize, open_files: Option<&'static str>) -> Pods {
    let told = Told {
        arguments: vec!["--max-connections".to_owned(), places.to_string()],
        open_files,
        ..Told::default()
    };
    Pods::start_told(1, scenario_folder(), RegionDatabase::migrated(), &told)
}

#[tokio::test]
async fn bodies_that_drip_keep_nobody_out() {
    let pods = pod(64, None);
    let (to, http) = (pods.first().address(), http(&pods.network()));
    dripping_bodies_make_room(pods.issuer(), to, &http, 150).await;
}

/// More than there are places (4096 by default).
#[tokio::test]
#[ignore = "needs 20,000 file descriptors: `make bench` runs it"]
async fn bench_five_thousand_dripping_bodies() {
    let dev = Dev::start();
    let http = http(&Network::default());
    dripping_bodies_make_room(&dev.issuer, address(&dev), &http, 5000).await;
}

/// `getrlimit(2)`: the soft limit is raised to what the connections need.
#[tokio::test]
async fn a_low_soft_limit_of_open_files_is_raised() {
    let pods = pod(400, Some("128:4096"));
    let pod = pods.first();
    assert_eq!(pod.running().most_open_files(), 656);
    let held = hold(pod.address(), 350, &halves(pods.issuer())).await;
    let http = http(&pods.network());
    let answer = client_credentials(&http, pods.issuer()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let text = pod.running().text();
    assert!(!text.contains("open files to"), "{text}");
    assert!(!text.contains("cannot accept"), "{text}");
    drop(held);
}

/// Connections beyond those that there is room for wait, and the database stays within reach.
#[tokio::test]
async fn a_low_hard_limit_of_open_files_is_told_and_kept() {
    let pods = pod(400, Some("128:300"));
    let pod = pods.first();
    assert_eq!(pod.running().most_open_files(), 300);
    let text = pod.running().text();
    for told in ["\"connections\":150", "hard limit of open files to 656"] {
        assert!(text.contains(told), "no {told}: {text}");
    }
    let held = hold(pod.address(), 350, &halves(pods.issuer())).await;
    let http = http(&pods.network());
    let answer = client_credentials(&http, pods.issuer()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let url = at(pods.issuer(), "/oauth2/introspect");
    let form = [("token", "none")];
    let request = http.post(url).basic_auth("service", Some(SECRET));
    assert_eq!(request.form(&form).send().await.unwrap().status(), 200);
    assert!(pod.is_ready().await);
    let text = pod.running().text();
    assert!(!text.contains("cannot accept"), "{text}");
    drop(held);
}

/// What is no HTTP, or two things at once (RFC 9112 section 6.3), is refused.
#[tokio::test]
async fn what_is_no_request_is_refused() {
    let dev = Dev::start();
    let path = at(&dev.issuer, "/oauth2/jwks").path().to_owned();
    let host = format!("host: {}", dev.issuer.authority());
    let many = "x: y\r\n".repeat(200);
    let long = "y".repeat(70_000);
    for (said, expected) in [
        (format!("GET {path} HTTP/1.1\r\n\r\n"), "400"),
        (
            format!("GET {path} HTTP/1.1\r\n{host}\r\n{host}\r\n\r\n"),
            "400",
        ),
        (format!("GET /\u{0} HTTP/1.1\r\n{host}\r\n\r\n"), "400"),
        (format!("GET {path} HTTP/9.9\r\n{host}\r\n\r\n"), ""),
        (format!("GET {path}\r\n\r\n"), ""),
        (
            format!("GET {path} HTTP/1.1\r\n{host}\r\nx: \u{0}\r\n\r\n"),
            "400",
        ),
        (
            format!("GET {path} HTTP/1.1\r\n{host}\r\n{many}\r\n"),
            "431",
        ),
        (
            format!("GET {path} HTTP/1.1\r\n{host}\r\nx: {long}\r\n\r\n"),
            "431",
        ),
        (format!("GET {path}?{long} HTTP/1.1\r\n{host}\r\n\r\n"), "4"),
        (
            format!(
                "POST {path} HTTP/1.1\r\n{host}\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n"
            ),
            "400",
        ),
        (
            format!("POST {path} HTTP/1.1\r\n{host}\r\ntransfer-encoding: gzip\r\n\r\n"),
            "400",
        ),
        (
            format!(
                "POST {path} HTTP/1.1\r\n{host}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n"
            ),
            "405",
        ),
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}".repeat(20), ""),
        ("nonsense\r\n\r\n".to_owned(), ""),
    ] {
        let mut streams = hold(address(&dev), 1, &[]).await;
        let mut stream = streams.pop().unwrap();
        // It may be refused before it has been said.
        let _ = stream.write_all(said.as_bytes()).await;
        let limit = Duration::from_secs(20);
        let shown: String = said.chars().take(80).collect();
        let answer = tokio::time::timeout(limit, head(&mut stream)).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer to {shown:?}"));
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(
            status.starts_with(expected) && !status.starts_with(['2', '5']),
            "{shown:?}: {answer}"
        );
    }
    let http = http(&Network::default());
    client_credentials(&http, &dev.issuer).await.unwrap();
    assert!(!dev.running().text().contains("panicked"));
}
