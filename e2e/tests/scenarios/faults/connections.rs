//! Peers that hold connections open and say nothing, or little by little.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{at, client_credentials, http};
use crate::support::child::Running;
use crate::support::dev::Dev;
use crate::support::network::Network;

/// What a peer says, and then no more.
fn halves(dev: &Dev) -> [String; 4] {
    let host = format!("host: {}", dev.issuer.authority());
    let path = |path: &str| at(&dev.issuer, path).path().to_owned();
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

async fn hold(dev: &Dev, count: usize, says: &[String]) -> Vec<TcpStream> {
    let port = dev.issuer.port().unwrap();
    let mut held = Vec::with_capacity(count);
    for number in 0..count {
        let connected = TcpStream::connect(("127.0.0.1", port));
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
async fn head(stream: &mut TcpStream) -> String {
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
    let held = hold(&dev, count, &halves(&dev)).await;
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
    let mut held = hold(&dev, 50, &halves(&dev)[2..3]).await;
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
        let mut streams = hold(&dev, 1, &[]).await;
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
