//! Time, as the machine tells it. The one place that asks.

use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use realmwright_engine::ports::Clock;
use rustix::time::{ClockId, clock_gettime};

/// Two clocks that differ by more do not tell the same time: rows and tokens would expire wrongly.
const MOST_DIFFERENCE: SignedDuration = SignedDuration::from_secs(5);

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port that everything else takes its time from"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, instant: Timestamp) {
        sleep(instant.duration_since(self.now())).await;
    }
}

async fn sleep(left: SignedDuration) {
    if let Ok(left) = Duration::try_from(left) {
        tokio::time::sleep(left).await;
    }
}

/// The clock of the machine, held against that of the database and against the time that has
/// passed.
///
/// A clock that jumps makes tokens that others accept for days, or accepts those that have long
/// expired, and nobody would know before the database was asked. Where the machine's clock jumps,
/// time is therefore counted on from when it was last right, which a jump does not touch, until the
/// database says that the machine's clock is right. Where the database agrees with neither, the
/// machine's clock stands.
#[derive(Debug)]
pub struct SteadyClock(ArcSwap<Trust>);

/// What the machine told at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    wall: Timestamp,
    /// Also while the machine sleeps.
    since_boot: Duration,
}

/// What is held of the machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trust {
    /// When it was last right.
    at: Reading,
    /// The database said that it is wrong since.
    is_wrong: bool,
}

fn differ(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() > MOST_DIFFERENCE
}

impl Reading {
    fn take() -> Self {
        let since_boot = clock_gettime(ClockId::Boottime);
        Self {
            wall: SystemClock.now(),
            since_boot: since_boot.try_into().unwrap_or_default(),
        }
    }
}

impl Trust {
    const fn in_wall(at: Reading) -> Self {
        Self {
            at,
            is_wrong: false,
        }
    }

    /// The time at a reading, had the clock gone on as it went.
    fn counted(&self, reading: &Reading) -> Timestamp {
        let passed = reading.since_boot.saturating_sub(self.at.since_boot);
        self.at.wall.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    fn time(&self, reading: &Reading) -> Timestamp {
        let counted = self.counted(reading);
        if self.is_wrong || differ(counted, reading.wall) {
            counted
        } else {
            reading.wall
        }
    }

    /// What to hold of it after the database told its time.
    fn after(&self, reading: Reading, database: Timestamp) -> Self {
        if differ(reading.wall, database) && !differ(self.counted(&reading), database) {
            Self {
                is_wrong: true,
                ..*self
            }
        } else {
            Self::in_wall(reading)
        }
    }
}

impl SteadyClock {
    /// Trusts the machine's clock at first.
    #[must_use]
    pub fn new() -> Self {
        Self(ArcSwap::from_pointee(Trust::in_wall(Reading::take())))
    }

    /// Hears the time of the database. Says whether the machine's clock agrees with it.
    pub(crate) fn hear(&self, database: Timestamp) -> bool {
        let reading = Reading::take();
        self.0.rcu(|trust| trust.after(reading, database));
        !differ(reading.wall, database)
    }
}

impl Default for SteadyClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        self.0.load().time(&Reading::take())
    }

    async fn sleep_until(&self, instant: Timestamp) {
        sleep(instant.duration_since(self.now())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    #[tokio::test]
    async fn an_instant_that_has_passed_is_not_waited_for() {
        let clock = SteadyClock::new();
        let past = clock.now() - SignedDuration::from_hours(1);
        tokio::time::timeout(Duration::from_secs(1), clock.sleep_until(past))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_future_instant_is_waited_for() {
        for clock in [&SystemClock as &dyn Clock, &SteadyClock::new()] {
            let soon = clock.now() + SignedDuration::from_millis(30);
            clock.sleep_until(soon).await;
            assert!(clock.now() >= soon);
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    /// So many seconds after the beginning, on a clock that is off by so many.
    fn reading(after: u64, off: i64) -> Reading {
        Reading {
            wall: at(i64::try_from(after).unwrap() + off),
            since_boot: Duration::from_secs(1000 + after),
        }
    }

    #[test]
    fn a_small_difference_is_the_machines_to_make() {
        let trust = Trust::in_wall(reading(0, 0));
        for off in [-5, -1, 0, 1, 5] {
            assert_eq!(trust.time(&reading(100, off)), at(100 + off));
        }
    }

    #[test]
    fn a_jump_is_not_followed_until_the_database_confirms_it() {
        for off in [-DAY, -6, 6, DAY] {
            let trust = Trust::in_wall(reading(0, 0));
            assert_eq!(trust.time(&reading(100, off)), at(100), "at once");
            // The machine is wrong.
            let wrong = trust.after(reading(101, off), at(101));
            assert_eq!(wrong.time(&reading(102, off)), at(102));
            assert_eq!(wrong.time(&reading(102, 0)), at(102), "and back");
            let again = wrong.after(reading(103, 0), at(103));
            assert_eq!(again, Trust::in_wall(reading(103, 0)));
            // The machine was wrong, and was set right.
            let set = trust.after(reading(101, off), at(101 + off));
            assert_eq!(set.time(&reading(102, off)), at(102 + off));
        }
    }

    /// Each of them small, all of them together not.
    #[test]
    fn steps_are_not_followed_once_they_amount_to_a_jump() {
        let trust = Trust::in_wall(reading(0, 0)).after(reading(1, 4), at(1));
        assert_eq!(trust.time(&reading(2, 4)), at(6), "as far as may be");
        let trust = trust.after(reading(3, 8), at(3));
        assert_eq!(trust.time(&reading(4, 8)), at(8), "and not further");
    }

    /// The pod is not ready then, by [`SteadyClock::hear`].
    #[test]
    fn where_the_database_agrees_with_nothing_the_machine_stands() {
        let trust = Trust::in_wall(reading(0, 0));
        let alone = trust.after(reading(100, 0), at(100 + DAY));
        assert_eq!(alone.time(&reading(101, 0)), at(101));
        let moved = trust.after(reading(100, -DAY), at(100 + DAY));
        assert_eq!(moved.time(&reading(101, -DAY)), at(101 - DAY));
    }

    #[test]
    fn the_database_is_heard() {
        let clock = SteadyClock::new();
        assert!(clock.hear(SystemClock.now()));
        assert!(!clock.hear(SystemClock.now() + SignedDuration::from_secs(7)));
        assert!(!differ(clock.now(), SystemClock.now()));
    }
}
