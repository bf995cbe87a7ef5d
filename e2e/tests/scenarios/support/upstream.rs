//! An application behind a proxy: it answers with the headers that it was asked with.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::http::HeaderMap;
use axum::{Json, Router};
use url::Url;

use super::dev::ANY_PORT;
use super::person::Page;

/// Starts one; its address.
pub(crate) async fn start() -> Url {
    let listener = tokio::net::TcpListener::bind(ANY_PORT)
        .await
        .expect("a port");
    let address: SocketAddr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let application = Router::new().fallback(answer);
        axum::serve(listener, application).await.expect("it serves");
    });
    Url::parse(&format!("http://{address}/")).expect("an address")
}

async fn answer(headers: HeaderMap) -> Json<BTreeMap<String, String>> {
    let texts = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    Json(texts.collect())
}

/// The headers that the application was asked with.
#[derive(Debug)]
pub(crate) struct Asked(BTreeMap<String, String>);

impl Asked {
    /// From its answer.
    pub(crate) fn of(page: &Page) -> Self {
        let read = serde_json::from_str(&page.html);
        Self(read.unwrap_or_else(|fault| {
            panic!(
                "{fault}: the application did not answer: {} {}\n{}",
                page.status, page.url, page.html
            )
        }))
    }

    /// One header.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.0.get(name);
        value.unwrap_or_else(|| panic!("no {name} in {:?}", self.0))
    }
}
