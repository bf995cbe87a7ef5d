//! What a connection is doing, so that its listener can tell a slow peer from an idle one.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Version;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use realmwright_web::BodyTime;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::listener::Limits;

/// Whether a connection may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    InTime,
    /// Too slow, and at what.
    Overdue(&'static str),
}

#[derive(Debug)]
struct Doing {
    /// Requests whose answer is not complete.
    running: usize,
    /// When the oldest span of work began in which at least one request was running.
    busy_since: Instant,
    /// When the first byte of an incomplete head arrived.
    head_since: Option<Instant>,
    idle_since: Instant,
    /// HTTP/2 frames arrive between requests too, so their bytes do not begin a head.
    http2: bool,
    /// A body came too slowly.
    given_up: bool,
}

/// Shared between the socket, the service and the listener of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    limits: Limits,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    doing: Mutex<Doing>,
    gives_up: Notify,
}

impl Watch {
    pub(crate) fn new(limits: Limits) -> Self {
        let now = Instant::now();
        Self {
            limits,
            shared: Arc::new(Shared {
                doing: Mutex::new(Doing {
                    running: 0,
                    busy_since: now,
                    head_since: Some(now),
                    idle_since: now,
                    http2: false,
                    given_up: false,
                }),
                gives_up: Notify::new(),
            }),
        }
    }

    fn doing(&self) -> MutexGuard<'_, Doing> {
        let doing = self.shared.doing.lock();
        doing.unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> (Instant, &'static str) {
        let doing = self.doing();
        if doing.running > 0 {
            (doing.busy_since + self.limits.request, "slow request")
        } else if let Some(since) = doing.head_since {
            (since + self.limits.header_read, "slow request head")
        } else {
            (doing.idle_since + self.limits.idle, "idle")
        }
    }

    /// When to look again at the latest. May be earlier than what holds by then, never later.
    pub(crate) fn deadline(&self) -> Instant {
        let (deadline, _) = self.state();
        // A head may begin while the listener sleeps until the end of idleness.
        deadline.min(Instant::now() + self.limits.header_read.min(self.limits.idle))
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let (deadline, what) = self.state();
        if Instant::now() >= deadline {
            Verdict::Overdue(what)
        } else {
            Verdict::InTime
        }
    }

    /// Whether nothing has been asked for so long, or not to the end.
    pub(crate) fn is_idle_for(&self, long: Duration) -> bool {
        let doing = self.doing();
        let since = doing.head_since.unwrap_or(doing.idle_since);
        doing.running == 0 && since.elapsed() >= long
    }

    /// A head is complete. `time` is what its body is given, if there is one.
    pub(crate) fn begin(&self, version: Version, time: Option<BodyTime>) -> Running {
        let mut doing = self.doing();
        doing.http2 = version == Version::HTTP_2;
        doing.head_since = None;
        if doing.running == 0 {
            doing.busy_since = Instant::now();
        }
        doing.running += 1;
        drop(doing);
        Running {
            watch: self.clone(),
            time,
        }
    }

    /// A request that may take long has come a step further.
    pub(crate) fn goes_on(&self) {
        self.doing().busy_since = Instant::now();
    }

    /// A body came too slowly: the connection ends with what runs on it.
    pub(crate) fn give_up(&self) {
        self.doing().given_up = true;
        self.shared.gives_up.notify_one();
    }

    /// Whether a body came too slowly: there is to be no further request.
    pub(crate) fn has_given_up(&self) -> bool {
        self.doing().given_up
    }

    /// Resolves once a body came too slowly.
    pub(crate) async fn gives_up(&self) {
        self.shared.gives_up.notified().await;
    }

    fn end(&self) {
        let mut doing = self.doing();
        doing.running = doing.running.saturating_sub(1);
        doing.idle_since = Instant::now();
        if doing.running > 0 {
            doing.busy_since = doing.idle_since;
        }
    }

    fn received(&self) {
        let mut doing = self.doing();
        if doing.running == 0 && !doing.http2 && doing.head_since.is_none() {
            doing.head_since = Some(Instant::now());
        }
    }
}

/// One request, until its answer is complete.
#[derive(Debug)]
pub(crate) struct Running {
    watch: Watch,
    time: Option<BodyTime>,
}

impl Running {
    /// The answer has come a piece further.
    fn goes_on(&self) {
        if self.time.as_ref().is_some_and(BodyTime::is_renewed) {
            self.watch.goes_on();
        }
    }

    pub(crate) fn until_end_of(self, body: Body) -> Body {
        Body::new(RunningBody {
            body,
            running: self,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.watch.end();
    }
}

struct RunningBody {
    body: Body,
    running: Running,
}

impl HttpBody for RunningBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.running.goes_on();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A socket that tells its watch when bytes arrive.
#[derive(Debug)]
pub(crate) struct WatchedIo<S> {
    stream: S,
    watch: Watch,
}

impl<S> WatchedIo<S> {
    pub(crate) const fn new(stream: S, watch: Watch) -> Self {
        Self { stream, watch }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.watch.received();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
