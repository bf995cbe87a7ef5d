//! The database clock: an embedded database has that of its process.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset: AtomicI64,
}

impl Clock {
    /// Microseconds since the epoch, shifted by the offset of tests.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock of the database"
    )]
    pub(crate) fn now(&self) -> i64 {
        Timestamp::now()
            .as_microsecond()
            .saturating_add(self.offset.load(Ordering::Relaxed))
    }

    pub(crate) fn set_offset(&self, offset: SignedDuration) {
        let micros = i64::try_from(offset.as_micros()).unwrap_or(i64::MAX);
        self.offset.store(micros, Ordering::Relaxed);
    }
}
