//! The shift of the database clock that tests may set.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::SignedDuration;

#[derive(Debug, Default)]
pub(crate) struct Clock {
    shift: AtomicI64,
}

impl Clock {
    /// What the `clock_micros` of the schema takes: microseconds, zero outside tests.
    pub(crate) fn shift(&self) -> i64 {
        self.shift.load(Ordering::Relaxed)
    }

    pub(crate) fn set_offset(&self, offset: SignedDuration) {
        let micros = i64::try_from(offset.as_micros()).unwrap_or(i64::MAX);
        self.shift.store(micros, Ordering::Relaxed);
    }
}
