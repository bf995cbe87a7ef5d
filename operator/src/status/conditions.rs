//! Conditions by the Kubernetes conventions. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use realmwright_crds::conditions::{ConditionType, Reason};

/// The longest message that the API server takes is 32 KiB; people read less.
const LONGEST_MESSAGE: usize = 1024;

/// What a condition should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// Which.
    pub kind: ConditionType,
    /// `True`, `False`; none for `Unknown`.
    pub status: Option<bool>,
    /// Why.
    pub reason: Reason,
    /// In words; empty where there is nothing to add.
    pub message: String,
}

impl Say {
    /// A condition that holds.
    #[must_use]
    pub fn yes(kind: ConditionType, reason: Reason) -> Self {
        Self {
            kind,
            status: Some(true),
            reason,
            message: String::new(),
        }
    }

    /// One that does not, and why.
    #[must_use]
    pub fn no(kind: ConditionType, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: Some(false),
            reason,
            message: message.into(),
        }
    }
}

/// The conditions of now. The time of a transition stays as long as the status does.
#[must_use]
pub fn conditions(
    former: &[Condition],
    say: Vec<Say>,
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    let condition = |say: Say| {
        let kind = say.kind.as_str();
        let status = match say.status {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        let same = former
            .iter()
            .find(|former| former.type_ == kind && former.status == status);
        Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: say.reason.as_str().to_owned(),
            message: shortened(say.message),
            observed_generation: Some(generation),
            last_transition_time: same.map_or(Time(now), |same| same.last_transition_time.clone()),
        }
    };
    say.into_iter().map(condition).collect()
}

fn shortened(message: String) -> String {
    if message.chars().count() <= LONGEST_MESSAGE {
        return message;
    }
    let kept = message.chars().take(LONGEST_MESSAGE - 2);
    kept.chain(" …".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn accepted(status: bool) -> Vec<Say> {
        let kind = ConditionType::Accepted;
        vec![if status {
            Say::yes(kind, Reason::Accepted)
        } else {
            Say::no(kind, Reason::Invalid, "RW0301: no such realm")
        }]
    }

    #[test]
    fn the_time_of_a_transition_stays_as_long_as_the_status() {
        let first = conditions(&[], accepted(true), 1, at(0));
        let second = conditions(&first, accepted(true), 2, at(10));
        assert_eq!(
            second[0].last_transition_time,
            first[0].last_transition_time
        );
        assert_eq!(second[0].observed_generation, Some(2));
        let third = conditions(&second, accepted(false), 2, at(20));
        assert_eq!(third[0].last_transition_time, Time(at(20)));
        assert_eq!(third[0].status, "False");
        assert_eq!(third[0].reason, "Invalid");
    }

    #[test]
    fn a_long_message_is_cut_and_shows_it() {
        let message = "ї".repeat(5000);
        let say = Say::no(ConditionType::Compiled, Reason::CompileFailed, message);
        let made = conditions(&[], vec![say], 1, at(0));
        assert!(made[0].message.ends_with('…'));
        assert_eq!(made[0].message.chars().count(), LONGEST_MESSAGE);
    }
}
