//! The listener: accepts connections and serves HTTP/1.1 and HTTP/2 on them, with a limit on
//! everything that a peer could draw out.
//!
//! `axum::serve` has no limit on how slowly a request may arrive, so this is built on hyper
//! directly. Each connection is watched: the head of a request must be complete within
//! [`Limits::header_read`], an answer be taken within [`Limits::request`], and between requests a
//! connection may be idle for [`Limits::idle`]. When all places are taken, those that are idle for
//! [`Limits::crowded_idle`] make room.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use realmwright_web::Transport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::crowd::Crowd;
use crate::lifecycle::Lifecycle;
use crate::tls::TlsFiles;
use crate::watch::{Verdict, Watch, WatchedIo};

/// Pause after `accept` failed for want of a file descriptor or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
    /// From the end of the head to the last byte of the answer.
    pub request: Duration,
    /// Between two requests of one connection.
    pub idle: Duration,
    /// The same when others wait for a place, also before and within a head.
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
        let crowd = Crowd::new(limits.connections, limits.crowded_idle);
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
            () = self.crowd.reclaims(&watch) => {
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
            ..
        } = self;
        let io = TokioIo::new(WatchedIo::new(stream, watch.clone()));
        let seen = watch.clone();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let running = seen.begin(request.version());
            let router = router.clone();
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(transport);
                let Ok(response) = router.oneshot(request).await;
                Ok::<_, Infallible>(response.map(|body| running.until_end_of(body)))
            }
        });
        let mut connection = pin!(server.serve_connection(io, service));
        let mut reclaimed = pin!(crowd.reclaims(&watch));
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

#[cfg(test)]
mod tests;
