//! Bodies that stall or drip.

use std::collections::VecDeque;

use axum::Extension;
use axum::routing::post;
use bytes::Bytes;
use futures::stream;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::*;

fn limits() -> Limits {
    Limits {
        header_read: Duration::from_millis(500),
        body_read: Duration::from_secs(1),
        request: Duration::from_secs(3),
        crowded_idle: Duration::from_millis(100),
        ..Limits::default()
    }
}

/// What a handler of ours answers, which reads a body as a whole.
async fn told(body: Body) -> (StatusCode, String) {
    match body.collect().await {
        Ok(whole) => (StatusCode::OK, whole.to_bytes().len().to_string()),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, String::new()),
    }
}

/// Answers each piece of a body when it comes.
async fn echo(Extension(time): Extension<BodyTime>, body: Body) -> Body {
    time.renew_with_each_piece();
    Body::from_stream(body.into_data_stream())
}

/// Begins to read when its answer could have been long there.
async fn late(body: Body) -> (StatusCode, String) {
    sleep(limits().body_read * 2).await;
    told(body).await
}

fn router() -> Router {
    hello()
        .route("/form", post(told))
        .route("/echo", post(echo))
        .route("/late", post(late))
}

fn head(path: &str, length: usize) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n").into_bytes()
}

/// Sends an octet each time, until it cannot.
fn drip(mut to: impl AsyncWrite + Unpin + Send + 'static, every: Duration) {
    tokio::spawn(async move {
        loop {
            sleep(every).await;
            if to.write_all(b"a").await.is_err() {
                return;
            }
        }
    });
}

async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8_lossy(&all).to_lowercase()
}

/// RFC 9110 section 15.5.9.
fn assert_given_up(answer: &str) {
    assert!(answer.starts_with("http/1.1 408"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_or_drips_is_answered_408_and_its_connection_closed() {
    for every in [Duration::from_millis(10), Duration::from_secs(3600)] {
        let (mut read, mut write) = tokio::io::split(connect(router(), limits()));
        write.write_all(&head("/form", 1_000_000)).await.unwrap();
        let since = Instant::now();
        drip(write, every);
        assert_given_up(&answer(&mut read).await);
        assert_near(since.elapsed(), limits().body_read);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_in_time_is_read_and_the_connection_goes_on() {
    let mut stream = connect(router(), limits());
    for _ in 0..3 {
        stream.write_all(&head("/form", 4)).await.unwrap();
        for _ in 0..4 {
            sleep(limits().body_read / 5).await;
            stream.write_all(b"a").await.unwrap();
        }
        let mut buffer = vec![0; 4096];
        let length = stream.read(&mut buffer).await.unwrap();
        let told = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(
            told.starts_with("HTTP/1.1 200") && told.ends_with('4'),
            "{told}"
        );
    }
}

/// It is not the peer that is waited for.
#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_its_time_costs_the_body_none() {
    let mut stream = connect(router(), limits());
    stream.write_all(&head("/late", 2)).await.unwrap();
    stream.write_all(b"a").await.unwrap();
    sleep(limits().body_read * 2).await;
    stream.write_all(b"a").await.unwrap();
    let mut told = [0; 12];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 200");
}

/// As an import: it may take longer than any request, and ends when nothing comes any more.
#[tokio::test(start_paused = true)]
async fn a_long_body_lasts_as_long_as_it_goes_on() {
    let (mut read, mut write) = tokio::io::split(connect(router(), limits()));
    write.write_all(&head("/echo", 1000)).await.unwrap();
    let since = Instant::now();
    let pieces = tokio::spawn(async move {
        for _ in 0..10 {
            sleep(limits().body_read * 8 / 10).await;
            write.write_all(b"b").await.unwrap();
        }
        write
    });
    let told = answer(&mut read).await;
    assert!(told.starts_with("http/1.1 200"), "{told}");
    assert_eq!(told.matches("\r\n1\r\nb").count(), 10, "{told}");
    let lasted = limits().body_read * 8;
    assert!(lasted > limits().request);
    assert_near(since.elapsed(), lasted + limits().body_read);
    drop(pieces);
}

/// Whoever takes no answers is not waited for without end, however much of a body there is.
#[tokio::test(start_paused = true)]
async fn a_long_body_whose_answers_nobody_takes_ends() {
    let (read, mut write) = tokio::io::split(connect(router(), limits()));
    write.write_all(&head("/echo", 1 << 30)).await.unwrap();
    let since = Instant::now();
    while write.write_all(&[b'b'; 4096]).await.is_ok() {}
    assert_near(since.elapsed(), limits().request);
    drop(read);
}

/// When places run out, a body has no longer than a head.
#[tokio::test]
async fn bodies_that_drip_make_room() {
    let limits = Limits {
        connections: 8,
        body_read: Duration::from_secs(600),
        ..limits()
    };
    let (address, _life) = start(router(), limits).await;
    let mut held = VecDeque::new();
    for _ in 0..20 {
        let stream = TcpStream::connect(address).await.unwrap();
        let (read, mut write) = stream.into_split();
        write.write_all(&head("/form", 1_000_000)).await.unwrap();
        drip(write, Duration::from_millis(20));
        held.push_back(read);
    }
    let mut late = TcpStream::connect(address).await.unwrap();
    assert!(exchange(&mut late).await.ends_with("hello"));
    let mut first = held.pop_front().unwrap();
    assert_given_up(&answer(&mut first).await);
}

/// RFC 9113 section 6.8: what has begun is answered, and there is nothing further.
#[tokio::test(start_paused = true)]
async fn a_stream_that_drips_ends_its_http2_connection() {
    let io = TokioIo::new(connect(router(), limits()));
    let exec = TokioExecutor::new();
    let shaken = hyper::client::conn::http2::handshake(exec, io).await;
    let (mut sender, connection) = shaken.unwrap();
    let connection = tokio::spawn(connection);
    let drops = stream::unfold((), |()| async {
        sleep(Duration::from_millis(10)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b"a")), ()))
    });
    let request = |path: &str, body| {
        let request = Request::post(format!("http://x{path}"));
        request.body(body).unwrap()
    };
    let dripping = sender.send_request(request("/form", Body::from_stream(drops)));
    let mut another = sender.clone();
    let whole = another.send_request(request("/form", Body::new(Full::from("all"))));
    let since = Instant::now();
    let (dripping, whole) = futures::join!(dripping, whole);
    assert_eq!(whole.unwrap().status(), StatusCode::OK);
    let dripping = dripping.unwrap();
    assert_eq!(dripping.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(dripping.headers().get(CONNECTION).is_none());
    assert_near(since.elapsed(), limits().body_read);
    let _ended = connection.await;
}
