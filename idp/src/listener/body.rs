//! The body of a request, within its time.
//!
//! What counts is how long a handler waits for its peer, not how long it takes over what it has.
//! That time is for the whole body: a limit from one piece to the next, as nginx has it, lets a
//! body drip, and a least rate, as Apache and Kestrel have it, gives whoever sends much at first
//! the right to stall. Bodies are short here, so that the whole is enough for honest peers. Where a
//! handler takes long ones of peers that it knows ([`BodyTime`]), each piece has the time anew.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use realmwright_web::{BodyTime, SlowBody};
use tokio::time::{Instant, sleep};

use super::Limits;
use crate::crowd::Crowd;
use crate::watch::Watch;

/// A body that ends with [`SlowBody`] when it does not come in time.
pub(super) struct TimedBody {
    body: Incoming,
    limits: Limits,
    crowd: Crowd,
    watch: Watch,
    time: BodyTime,
    waited: Duration,
    waiting: Option<Waiting>,
    given_up: bool,
}

struct Waiting {
    since: Instant,
    overdue: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl TimedBody {
    pub(super) fn new(
        body: Incoming,
        limits: Limits,
        crowd: Crowd,
        watch: Watch,
        time: BodyTime,
    ) -> Self {
        Self {
            body,
            limits,
            crowd,
            watch,
            time,
            waited: Duration::ZERO,
            waiting: None,
            given_up: false,
        }
    }

    /// Who is known keeps its place, so long as it goes on; others as long as nobody needs it.
    fn wait(&self) -> Waiting {
        let left = self.limits.body_read.saturating_sub(self.waited);
        let left_if_crowded = self.limits.crowded_idle.saturating_sub(self.waited);
        let crowd = (!self.time.is_renewed()).then(|| self.crowd.clone());
        Waiting {
            since: Instant::now(),
            overdue: Box::pin(async move {
                let reclaimed = async {
                    let Some(crowd) = crowd else {
                        return std::future::pending().await;
                    };
                    sleep(left_if_crowded).await;
                    crowd.reclaims(|| true).await;
                };
                tokio::select! {
                    () = sleep(left) => {}
                    () = reclaimed => {}
                }
            }),
        }
    }

    fn has_arrived(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            self.waited += waiting.since.elapsed();
        }
        if self.time.is_renewed() {
            self.waited = Duration::ZERO;
            self.watch.goes_on();
        }
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.given_up {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.has_arrived();
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let mut waiting = self.waiting.take().unwrap_or_else(|| self.wait());
        let overdue = waiting.overdue.as_mut().poll(cx);
        self.waiting = Some(waiting);
        ready!(overdue);
        self.given_up = true;
        self.watch.give_up();
        Poll::Ready(Some(Err(SlowBody.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.given_up || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
