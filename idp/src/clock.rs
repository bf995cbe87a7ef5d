//! Time, as the machine tells it. The one place that asks.

use async_trait::async_trait;
use jiff::Timestamp;
use realmwright_engine::ports::Clock;

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
        let left = instant.duration_since(self.now());
        if let Ok(left) = std::time::Duration::try_from(left) {
            tokio::time::sleep(left).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[tokio::test]
    async fn an_instant_that_has_passed_is_not_waited_for() {
        let clock = SystemClock;
        let past = clock.now() - SignedDuration::from_hours(1);
        tokio::time::timeout(std::time::Duration::from_secs(1), clock.sleep_until(past))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_future_instant_is_waited_for() {
        let clock = SystemClock;
        let soon = clock.now() + SignedDuration::from_millis(30);
        clock.sleep_until(soon).await;
        assert!(clock.now() >= soon);
    }
}
