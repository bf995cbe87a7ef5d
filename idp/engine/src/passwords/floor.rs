//! The slowest check of a password that a realm has lately seen in this process.
//!
//! A check of an imported or older hash may take longer than that of the realm's own cost, which
//! is what a person who does not exist costs. No answer to a password comes earlier than the
//! slowest check would have let it (design section 8; decision 0012).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use realmwright_snapshot::RealmId;

/// A check counts for one to two of these.
const WINDOW: Duration = Duration::from_secs(30 * 60);

/// Nothing beyond counts: what is admitted takes a tenth of it on a present server, so that this
/// was a process that stood still, and must not hold up every login for an hour.
const MOST: Duration = Duration::from_secs(3);

/// By realm. The same for all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlowestChecks(Arc<Mutex<BTreeMap<RealmId, Slowest>>>);

#[derive(Clone, Copy, Debug)]
struct Slowest {
    since: Timestamp,
    in_window: Duration,
    before: Duration,
}

impl SlowestChecks {
    /// Notes a check that is just done; returns the slowest of late, this one among them.
    pub(crate) fn note(&self, realm: &RealmId, took: Duration, now: Timestamp) -> Duration {
        let took = took.min(MOST);
        let mut realms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slowest) = realms.get_mut(realm) {
            return slowest.note(took, now);
        }
        let first = Slowest {
            since: now,
            in_window: took,
            before: Duration::ZERO,
        };
        realms.insert(realm.clone(), first);
        took
    }
}

impl Slowest {
    fn note(&mut self, took: Duration, now: Timestamp) -> Duration {
        let age = now.duration_since(self.since);
        let windows = age.as_secs().unsigned_abs() / WINDOW.as_secs();
        if windows > 0 {
            self.before = match windows {
                1 => self.in_window,
                _ => Duration::ZERO,
            };
            self.in_window = Duration::ZERO;
            self.since = now;
        }
        self.in_window = self.in_window.max(took);
        self.in_window.max(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(minutes * 60)
    }

    const FAST: Duration = Duration::from_millis(40);
    const SLOW: Duration = Duration::from_millis(900);

    #[test]
    fn the_slowest_counts_for_a_while_and_then_no_more() {
        let checks = SlowestChecks::default();
        let realm = RealmId::from("identity.main");
        assert_eq!(checks.note(&realm, FAST, at(0)), FAST);
        assert_eq!(checks.note(&realm, SLOW, at(1)), SLOW);
        assert_eq!(checks.note(&realm, FAST, at(29)), SLOW);
        assert_eq!(checks.note(&realm, FAST, at(45)), SLOW);
        assert_eq!(checks.note(&realm, FAST, at(90)), FAST);
        assert_eq!(checks.note(&realm, SLOW, at(91)), SLOW);
        assert_eq!(checks.note(&realm, FAST, at(1000)), FAST, "long quiet");
    }

    #[test]
    fn realms_do_not_know_of_each_other_and_a_stall_is_bounded() {
        let checks = SlowestChecks::default();
        let (one, other) = (RealmId::from("a.one"), RealmId::from("a.other"));
        let stalled = Duration::from_secs(600);
        assert_eq!(checks.note(&one, stalled, at(0)), MOST);
        assert_eq!(checks.note(&other, FAST, at(0)), FAST);
        assert_eq!(checks.clone().note(&one, FAST, at(1)), MOST);
    }
}
