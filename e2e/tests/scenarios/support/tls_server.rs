//! A server of one document over TLS, which keeps the heads of the requests.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::certificates::Certificates;
use super::dev::ANY_PORT;

/// Running until the test ends.
pub(crate) struct TlsServer {
    heads: Arc<Mutex<Vec<String>>>,
    pub(crate) port: u16,
}

impl TlsServer {
    pub(crate) async fn start(certificates: &Certificates, document: &'static str) -> Self {
        let acceptor = certificates.acceptor();
        let listener = TcpListener::bind(ANY_PORT).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(socket).await else {
                    continue;
                };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(octet) => head.push(octet),
                        Err(_) => break,
                    }
                }
                let head = String::from_utf8(head).expect("text");
                kept.lock().expect("no panic").push(head);
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{document}",
                    document.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { heads, port }
    }

    /// Heads of the requests that came.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }
}
