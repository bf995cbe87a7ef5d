//! Waiting for conditions.

use std::time::{Duration, Instant};

use reqwest::Client;
use url::Url;

use crate::child::Running;

const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is something to see.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < end, "no {what} within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until a process answers well at an address.
pub async fn answers(running: &Running, http: &Client, address: &Url) {
    let look = async || {
        let answer = http.get(address.clone()).send().await;
        let is_well = answer.is_ok_and(|answer| answer.status().is_success());
        assert!(!running.has_ended(), "{}", running.text());
        is_well.then_some(())
    };
    until(&format!("answer at {address}"), look).await;
}
