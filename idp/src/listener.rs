//! The listener: accepts connections and serves HTTP/1.1 and HTTP/2 on them, with a limit on
//! everything that a peer could draw out.
//!
//! `axum::serve` has no limit on how slowly a request may arrive, so this is built on hyper
//! directly. Each connection is watched: the head of a request must be complete within
//! [`Limits::header_read`], its body within [`Limits::body_read`], an answer be taken within
//! [`Limits::request`], and between requests a connection may be idle for [`Limits::idle`]. When
//! all places are taken, those that are idle for [`Limits::crowded_idle`] make room.

mod body;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use hyper::body::{Body as _, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use realmwright_web::{BodyTime, Transport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use self::body::TimedBody;
use crate::crowd::Crowd;
use crate::lifecycle::Lifecycle;
use crate::tls::TlsFiles;
use crate::watch::{Verdict, Watch, WatchedIo};

/// Pause after `accept` failed for want of a file descriptor or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const MANAGEMENT_CONNECTIONS: usize = 64;

/// Why an address cannot be listened on, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {fault}; {option} takes another address")]
pub struct BindFault {
    address: SocketAddr,
    option: &'static str,
    fault: std::io::Error,
}

/// Takes an address for a listener. `option` is where the address was named.
///
/// # Errors
/// [`BindFault`] when it is taken, or not of this machine.
pub async fn bind(address: SocketAddr, option: &'static str) -> Result<TcpListener, BindFault> {
    TcpListener::bind(address).await.map_err(|fault| BindFault {
        address,
        option,
        fault,
    })
}

/// What a peer may draw out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the first byte of a request (on a new connection: from its acceptance) to the end of
    /// its head. The TLS handshake has as long again.
    pub header_read: Duration,
    /// How long is waited for a body in all, or for each piece of one whose handler says so
    /// ([`BodyTime`]). Then it is answered with 408 and the connection ends (RFC 9110 section
    /// 15.5.9).
    pub body_read: Duration,
    /// From the end of the head to the last byte of the answer; where each piece of the body has
    /// its time, from one piece of body or answer to the next.
    pub request: Duration,
    /// Between two requests of one connection.
    pub idle: Duration,
    /// The same when others wait for a place, also before and within a head or a body.
    pub crowded_idle: Duration,
    /// Open connections. A further one waits for a place, those behind it in the kernel's queue.
    pub connections: usize,
    /// Bytes of a request's head, at least 8192.
    pub header_bytes: usize,
    /// Requests at once on one HTTP/2 connection.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_read: Duration::from_secs(10),
            body_read: Duration::from_secs(10),
            request: Duration::from_secs(60),
            idle: Duration::from_secs(75),
            crowded_idle: Duration::from_secs(1),
            connections: 4096,
            header_bytes: 32 * 1024,
            streams: 64,
        }
    }
}

/// A bound socket with what is served on it.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    limits: Limits,
    tls: Option<TlsFiles>,
    router: Router,
}

impl Listener {
    /// Takes a bound socket.
    #[must_use]
    pub fn new(socket: TcpListener, router: Router) -> Self {
        Self {
            socket,
            limits: Limits::default(),
            tls: None,
            router,
        }
    }

    /// For probes and metrics, which few ask for.
    #[must_use]
    pub fn for_management(socket: TcpListener, router: Router) -> Self {
        let limits = Limits {
            connections: MANAGEMENT_CONNECTIONS,
            ..Limits::default()
        };
        Self::new(socket, router).with_limits(limits)
    }

    /// Other limits than the default ones.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Encrypts with these files, which may be replaced while it runs.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsFiles) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Accepts until the stop is asked for. Connections end with their request then, those
    /// without one at once; [`Lifecycle::finish`] waits for them.
    pub async fn serve(self, life: Lifecycle) {
        let Self {
            socket,
            limits,
            tls,
            router,
        } = self;
        let crowd = Crowd::new(limits.connections);
        let server = Arc::new(builder(&limits));
        loop {
            let (stream, peer) = tokio::select! {
                accepted = socket.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(fault) => {
                        tracing::warn!(error = %fault, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
                () = life.stopped() => return,
            };
            let place = tokio::select! {
                place = crowd.place() => place,
                () = life.stopped() => return,
            };
            let Some(place) = place else { return };
            let acceptor = tls.as_ref().map(TlsFiles::acceptor);
            let connection = Connection {
                server: Arc::clone(&server),
                limits,
                crowd: crowd.clone(),
                router: router.clone(),
                life: life.clone(),
                transport: Transport {
                    peer,
                    tls: acceptor.is_some(),
                },
            };
            life.spawn(async move {
                connection.run(stream, acceptor).await;
                drop(place);
            });
        }
    }
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        // The watch of the connection is stricter and tells a slow head from an idle connection;
        // hyper's own limit cannot, as its clock also runs between requests.
        .header_read_timeout(None)
        .max_buf_size(limits.header_bytes.max(8192))
        .max_headers(100);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.streams)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    server
}

struct Connection {
    server: Arc<auto::Builder<TokioExecutor>>,
    limits: Limits,
    crowd: Crowd,
    router: Router,
    life: Lifecycle,
    transport: Transport,
}

impl Connection {
    async fn run(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        if let Err(fault) = stream.set_nodelay(true) {
            tracing::debug!(error = %fault, "cannot set TCP_NODELAY");
        }
        let watch = Watch::new(self.limits);
        let Some(acceptor) = acceptor else {
            return self.serve(stream, watch).await;
        };
        let shaken = tokio::time::timeout(self.limits.header_read, acceptor.accept(stream));
        let shaken = tokio::select! {
            shaken = shaken => shaken,
            () = self.crowd.reclaims(|| watch.is_idle_for(self.limits.crowded_idle)) => {
                tracing::debug!("TLS handshake given up for others");
                return;
            }
        };
        match shaken {
            Ok(Ok(stream)) => {
                let watch = Watch::new(self.limits);
                self.serve(stream, watch).await;
            }
            Ok(Err(fault)) => tracing::debug!(error = %fault, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn serve<S>(self, stream: S, watch: Watch)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self {
            server,
            crowd,
            router,
            life,
            transport,
            limits,
        } = self;
        let io = TokioIo::new(WatchedIo::new(stream, watch.clone()));
        let answering = Answering {
            limits,
            crowd: crowd.clone(),
            watch: watch.clone(),
            router,
            transport,
        };
        let service = hyper::service::service_fn(move |request| answering.answer(request));
        let mut connection = pin!(server.serve_connection(io, service));
        let mut reclaimed = pin!(crowd.reclaims(|| watch.is_idle_for(limits.crowded_idle)));
        let mut stopping = false;
        loop {
            let deadline = watch.deadline();
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(fault) = ended {
                        tracing::debug!(error = %fault, "connection ended");
                    }
                    return;
                }
                () = life.stopped(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = watch.gives_up(), if !stopping => {
                    tracing::debug!("slow request body");
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = reclaimed.as_mut() => {
                    tracing::debug!("idle connection closed for others");
                    return;
                }
                () = tokio::time::sleep_until(deadline) => match watch.verdict() {
                    Verdict::InTime => {}
                    Verdict::Overdue(what) => {
                        tracing::debug!(what, "connection closed");
                        return;
                    }
                },
            }
        }
    }
}

/// What the requests of a connection are answered with.
struct Answering {
    limits: Limits,
    crowd: Crowd,
    watch: Watch,
    router: Router,
    transport: Transport,
}

impl Answering {
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<> {
        let version = request.version();
        let (mut parts, body) = request.into_parts();
        let time = (!body.is_end_stream()).then(BodyTime::default);
        let running = self.watch.begin(version, time.clone());
        let body = match time {
            Some(time) => {
                parts.extensions.insert(time.clone());
                let (crowd, watch) = (self.crowd.clone(), self.watch.clone());
                Body::new(TimedBody::new(body, self.limits, crowd, watch, time))
            }
            None => Body::empty(),
        };
        parts.extensions.insert(self.transport);
        let request = Request::from_parts(parts, body);
        let (watch, router) = (self.watch.clone(), self.router.clone());
        async move {
            let Ok(mut response) = router.oneshot(request).await;
            // HTTP/2 says it by a frame (RFC 9113 section 8.2.2).
            if watch.has_given_up() && version < Version::HTTP_2 {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok(response.map(|body| running.until_end_of(body)))
        }
    }
}

#[cfg(test)]
mod tests;
