//! How slowly a body may come: the listener watches it, handlers say what is to hold.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the listener ends a body with that came too slowly, so that it is answered with 408.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body came too slowly")]
pub struct SlowBody;

impl SlowBody {
    /// Whether this is what a body ended with.
    pub(crate) fn is(fault: &(dyn Error + 'static)) -> bool {
        std::iter::successors(Some(fault), |&fault| fault.source())
            .any(<dyn Error + 'static>::is::<Self>)
    }
}

/// Whether the time for a body is that for the whole of it, or for each piece. The listener
/// inserts this as an extension of each request that has a body.
#[derive(Clone, Debug, Default)]
pub struct BodyTime(Arc<AtomicBool>);

impl BodyTime {
    /// For each piece from now on, as the body may be long and the sender is known.
    pub fn renew_with_each_piece(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether each piece has the time anew.
    #[must_use]
    pub fn is_renewed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
