//! Limits of time are tried on connections in memory, where time is virtual; everything about
//! sockets on real ones, where a test waits for what happens and never for time.

mod bodies;

use super::*;
use axum::routing::get;
use std::future::pending;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Notify;
use tokio::time::{Instant, advance, sleep};

use crate::lifecycle::Ended;

/// Timers wake within a tick of a millisecond, and each limit is looked at twice.
const TICKS: Duration = Duration::from_millis(5);

fn quick() -> Limits {
    Limits {
        header_read: Duration::from_millis(300),
        request: Duration::from_secs(2),
        idle: Duration::from_millis(900),
        ..Limits::default()
    }
}

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

/// A connection in memory.
fn connect(router: Router, limits: Limits) -> DuplexStream {
    let (ours, theirs) = duplex(64 * 1024);
    let connection = Connection {
        server: Arc::new(builder(&limits)),
        limits,
        crowd: Crowd::new(limits.connections),
        router,
        life: Lifecycle::new(),
        transport: Transport {
            peer: SocketAddr::from(([127, 0, 0, 1], 1)),
            tls: false,
        },
    };
    tokio::spawn(connection.serve(theirs, Watch::new(limits)));
    ours
}

/// A listener on a real socket.
async fn start(router: Router, limits: Limits) -> (SocketAddr, Lifecycle) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let life = Lifecycle::new();
    let listener = Listener::new(socket, router).with_limits(limits);
    tokio::spawn(listener.serve(life.clone()));
    (address, life)
}

async fn ask<S: AsyncWrite + Unpin>(stream: &mut S) {
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> String {
    ask(stream).await;
    let mut buffer = vec![0; 4096];
    let length = stream.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// Waits until the other side closes.
async fn closed<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

fn assert_near(took: Duration, limit: Duration) {
    assert!(took >= limit && took <= limit + TICKS, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let mut stream = connect(hello(), quick());
    let since = Instant::now();
    closed(&mut stream).await;
    assert_near(since.elapsed(), quick().header_read);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_cut_off_however_often_it_drips() {
    let (mut read, mut write) = tokio::io::split(connect(hello(), quick()));
    let since = Instant::now();
    let drip = tokio::spawn(async move {
        let _ = write.write_all(b"GET / HTTP/1.1\r\n").await;
        for number in 0.. {
            sleep(Duration::from_millis(50)).await;
            let line = format!("x-{number}: y\r\n");
            if write.write_all(line.as_bytes()).await.is_err() {
                return number;
            }
        }
        0
    });
    closed(&mut read).await;
    assert_near(since.elapsed(), quick().header_read);
    assert!(drip.await.unwrap() >= 5, "it dripped until the end");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_lives_longer_than_a_slow_head_and_then_ends() {
    let mut stream = connect(hello(), quick());
    assert!(exchange(&mut stream).await.ends_with("hello"));
    advance(Duration::from_millis(500)).await;
    assert!(exchange(&mut stream).await.ends_with("hello"), "still open");
    let since = Instant::now();
    closed(&mut stream).await;
    assert_near(since.elapsed(), quick().idle);
}

#[tokio::test(start_paused = true)]
async fn a_second_head_that_drips_is_cut_off_too() {
    let mut stream = connect(hello(), quick());
    assert!(exchange(&mut stream).await.ends_with("hello"));
    stream.write_all(b"GET / HT").await.unwrap();
    let since = Instant::now();
    closed(&mut stream).await;
    assert!(
        since.elapsed() < quick().idle,
        "a head has not as long as an idle connection: {:?}",
        since.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_take_longer_than_a_head_may() {
    let slow = Router::new().route(
        "/",
        get(|| async {
            sleep(quick().header_read * 2).await;
            "done"
        }),
    );
    let mut stream = connect(slow, quick());
    assert!(exchange(&mut stream).await.ends_with("done"));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_dropped() {
    let never = Router::new().route("/", get(pending::<&'static str>));
    let mut stream = connect(never, quick());
    ask(&mut stream).await;
    let since = Instant::now();
    closed(&mut stream).await;
    assert_near(since.elapsed(), quick().request);
}

#[tokio::test(start_paused = true)]
async fn a_head_beyond_the_limit_is_answered_431() {
    let limits = Limits {
        header_bytes: 8192,
        ..quick()
    };
    let mut stream = connect(hello(), limits);
    let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
}

#[tokio::test]
async fn beyond_the_cap_a_connection_waits_for_a_place() {
    let limits = Limits {
        connections: 1,
        crowded_idle: Duration::from_secs(60),
        ..Limits::default()
    };
    let (address, _life) = start(hello(), limits).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    assert!(exchange(&mut first).await.ends_with("hello"));
    let mut second = TcpStream::connect(address).await.unwrap();
    ask(&mut second).await;
    // Each exchange gives the listener the occasion to serve the second one too.
    for _ in 0..5 {
        assert!(exchange(&mut first).await.ends_with("hello"));
    }
    let mut buffer = vec![0; 4096];
    let early = second.try_read(&mut buffer).unwrap_err();
    assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock, "no place yet");
    drop(first);
    let length = second.read(&mut buffer).await.unwrap();
    assert!(String::from_utf8_lossy(&buffer[..length]).ends_with("hello"));
}

/// Who only holds connections open, with nothing or half a head, keeps nobody out; who is being
/// answered stays.
#[tokio::test]
async fn idle_connections_make_room() {
    let limits = Limits {
        connections: 8,
        crowded_idle: Duration::from_millis(50),
        ..Limits::default()
    };
    let held = Arc::new(Held::default());
    let (address, _life) = start(held.router(), limits).await;
    let running = tokio::spawn(reqwest::get(format!("http://{address}/held")));
    held.begun.notified().await;
    let mut idle = Vec::new();
    for number in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        }
        idle.push(stream);
    }
    let mut late = TcpStream::connect(address).await.unwrap();
    assert!(exchange(&mut late).await.ends_with("hello"));
    held.go.notify_one();
    let answer = running.await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "done");
}

/// A request that has begun, and ends when it is let go.
#[derive(Default)]
struct Held {
    begun: Notify,
    go: Notify,
}

impl Held {
    fn router(self: &Arc<Self>) -> Router {
        let held = Arc::clone(self);
        hello().route(
            "/held",
            get(|| async move {
                held.begun.notify_one();
                held.go.notified().await;
                "done"
            }),
        )
    }
}

#[tokio::test]
async fn a_stop_finishes_the_request_under_way_and_accepts_no_other() {
    let held = Arc::new(Held::default());
    let (address, life) = start(held.router(), Limits::default()).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    assert!(exchange(&mut idle).await.ends_with("hello"));
    let running = tokio::spawn(reqwest::get(format!("http://{address}/held")));
    held.begun.notified().await;
    life.stop();
    // An idle one goes at once, while the other is still under way.
    closed(&mut idle).await;
    held.go.notify_one();
    let answer = running.await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "done");
    assert_eq!(life.finish(Duration::from_secs(5)).await, Ended::Finished);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_second_signal_drops_what_is_under_way() {
    let held = Arc::new(Held::default());
    let (address, life) = start(held.router(), Limits::default()).await;
    let running = tokio::spawn(reqwest::get(format!("http://{address}/held")));
    held.begun.notified().await;
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
    let (address, _life) = start(router, Limits::default()).await;
    let answer = reqwest::get(format!("http://{address}/")).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "127.0.0.1 false");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_what_to_do() {
    let taken = bind(SocketAddr::from(([127, 0, 0, 1], 0)), "--listen")
        .await
        .unwrap();
    let address = taken.local_addr().unwrap();
    let fault = bind(address, "--listen").await.unwrap_err().to_string();
    assert!(
        fault.contains(&address.to_string()) && fault.contains("--listen takes another"),
        "{fault}"
    );
}
