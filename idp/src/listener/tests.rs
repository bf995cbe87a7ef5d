use super::*;
use axum::routing::get;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::lifecycle::Ended;

fn quick() -> Limits {
    Limits {
        header_read: Duration::from_millis(300),
        request: Duration::from_secs(2),
        idle: Duration::from_millis(900),
        ..Limits::default()
    }
}

async fn start(router: Router, limits: Limits) -> (SocketAddr, Lifecycle) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let life = Lifecycle::new();
    let listener = Listener::new(socket, router).with_limits(limits);
    tokio::spawn(listener.serve(life.clone()));
    (address, life)
}

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" })).route(
        "/slow",
        get(|| async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            "done"
        }),
    )
}

/// How long until the other side closes.
async fn closed_after(stream: &mut TcpStream, since: Instant) -> Duration {
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest))
        .await
        .expect("the connection stays open");
    since.elapsed()
}

async fn exchange(stream: &mut TcpStream) -> String {
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut buffer = vec![0; 4096];
    let length = stream.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let (address, _life) = start(hello(), quick()).await;
    let since = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let took = closed_after(&mut stream, since).await;
    assert!((250..800).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test]
async fn a_head_that_drips_is_cut_off_however_often_it_drips() {
    let (address, _life) = start(hello(), quick()).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let since = Instant::now();
    let drip = tokio::spawn(async move {
        let _ = write.write_all(b"GET / HTTP/1.1\r\n").await;
        for number in 0..100 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if write
                .write_all(format!("x-{number}: y\r\n").as_bytes())
                .await
                .is_err()
            {
                return;
            }
        }
    });
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(4), read.read_to_end(&mut rest))
        .await
        .expect("the connection stays open");
    assert!(
        since.elapsed() < Duration::from_millis(800),
        "{:?}",
        since.elapsed()
    );
    drip.abort();
}

#[tokio::test]
async fn an_idle_connection_lives_longer_than_a_slow_head_and_then_ends() {
    let (address, _life) = start(hello(), quick()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(exchange(&mut stream).await.ends_with("hello"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(exchange(&mut stream).await.ends_with("hello"), "still open");
    let since = Instant::now();
    let took = closed_after(&mut stream, since).await;
    assert!((800..1500).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test]
async fn a_second_head_that_drips_is_cut_off_too() {
    let (address, _life) = start(hello(), quick()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(exchange(&mut stream).await.ends_with("hello"));
    stream.write_all(b"GET / HT").await.unwrap();
    let since = Instant::now();
    let took = closed_after(&mut stream, since).await;
    assert!(took.as_millis() < 700, "{took:?}");
}

#[tokio::test]
async fn an_answer_may_take_longer_than_a_head_may() {
    let (address, _life) = start(hello(), quick()).await;
    let answer = reqwest::get(format!("http://{address}/slow"))
        .await
        .unwrap();
    assert_eq!(answer.text().await.unwrap(), "done");
}

#[tokio::test]
async fn a_request_that_never_ends_is_dropped() {
    let never = Router::new().route("/", get(std::future::pending::<&'static str>));
    let limits = Limits {
        request: Duration::from_millis(400),
        ..quick()
    };
    let (address, _life) = start(never, limits).await;
    let since = Instant::now();
    assert!(reqwest::get(format!("http://{address}/")).await.is_err());
    assert!(since.elapsed() < Duration::from_millis(1200));
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_answered_431() {
    let limits = Limits {
        header_bytes: 8192,
        ..quick()
    };
    let (address, _life) = start(hello(), limits).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    let _ = stream.write_all(head.as_bytes()).await;
    let mut buffer = vec![0; 64];
    let length = stream.read(&mut buffer).await.unwrap_or(0);
    let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn beyond_the_cap_a_connection_waits_for_a_place() {
    let limits = Limits {
        connections: 1,
        ..quick()
    };
    let (address, _life) = start(hello(), limits).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    assert!(exchange(&mut first).await.ends_with("hello"));
    let mut second = TcpStream::connect(address).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), exchange(&mut second)).await;
    assert!(early.is_err(), "no place yet");
    drop(first);
    let mut buffer = vec![0; 4096];
    let length = tokio::time::timeout(Duration::from_secs(2), second.read(&mut buffer))
        .await
        .unwrap()
        .unwrap();
    assert!(String::from_utf8_lossy(&buffer[..length]).ends_with("hello"));
}

#[tokio::test]
async fn a_stop_finishes_the_request_under_way_and_accepts_no_other() {
    let (address, life) = start(hello(), quick()).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    assert!(exchange(&mut idle).await.ends_with("hello"));
    let running = tokio::spawn(async move {
        reqwest::get(format!("http://{address}/slow"))
            .await
            .unwrap()
            .text()
            .await
    });
    tokio::time::sleep(Duration::from_millis(150)).await;
    life.stop();
    let since = Instant::now();
    let took = closed_after(&mut idle, since).await;
    assert!(took.as_millis() < 200, "an idle one goes at once: {took:?}");
    assert_eq!(running.await.unwrap().unwrap(), "done");
    assert_eq!(life.finish(Duration::from_secs(5)).await, Ended::Finished);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_second_signal_drops_what_is_under_way() {
    let (address, life) = start(hello(), quick()).await;
    let running = tokio::spawn(reqwest::get(format!("http://{address}/slow")));
    tokio::time::sleep(Duration::from_millis(150)).await;
    life.stop();
    life.abort();
    assert_eq!(life.finish(Duration::from_secs(5)).await, Ended::Aborted);
    assert!(running.await.unwrap().is_err());
}

#[tokio::test]
async fn the_handler_knows_its_connection() {
    let router = Router::new().route(
        "/",
        get(
            |axum::Extension(transport): axum::Extension<Transport>| async move {
                format!("{} {}", transport.peer.ip(), transport.tls)
            },
        ),
    );
    let (address, _life) = start(router, quick()).await;
    let answer = reqwest::get(format!("http://{address}/")).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "127.0.0.1 false");
}
