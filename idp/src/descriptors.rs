//! File descriptors: each open connection takes one. Where there are too few, connections are no
//! longer accepted and the database is out of reach, so that the places of the listener must fit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Left for what is no connection of a browser or application: the management listener and its
/// connections, the database, files that are read, calls to others.
const OTHERS: u64 = 256;

/// What a limit lets be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fit {
    /// What the soft limit must become, where it is too low.
    raise: Option<u64>,
    /// Connections that there is room for then.
    connections: usize,
}

/// The soft limit that so many connections need.
fn needed(connections: usize) -> u64 {
    u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_add(OTHERS)
}

/// `soft` and `hard` are `getrlimit(2)`'s, none where there is no limit.
fn fit(soft: Option<u64>, hard: Option<u64>, connections: usize) -> Fit {
    let attainable = needed(connections).min(hard.unwrap_or(u64::MAX));
    let raise = soft
        .is_some_and(|soft| soft < attainable)
        .then_some(attainable);
    Fit {
        raise,
        connections: connections_within(raise.or(soft), connections),
    }
}

/// Half of a limit that is very low: some connections, and the database.
fn connections_within(limit: Option<u64>, connections: usize) -> usize {
    let Some(limit) = limit else {
        return connections;
    };
    let room = limit.saturating_sub(OTHERS).max(limit / 2);
    usize::try_from(room).map_or(connections, |room| room.min(connections))
}

/// Raises the soft limit of this process to what so many connections need. Says how many there is
/// room for, and warns where that is fewer.
#[must_use]
pub fn make_room(connections: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let mut fit = fit(limit.current, limit.maximum, connections);
    if let Some(raise) = fit.raise {
        let raised = Rlimit {
            current: Some(raise),
            maximum: limit.maximum,
        };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => tracing::debug!(from = limit.current, to = raise, "open files"),
            Err(fault) => {
                tracing::warn!(error = %fault, to = raise, "the limit of open files cannot be raised");
                fit.connections = connections_within(limit.current, connections);
            }
        }
    }
    if fit.connections < connections {
        tracing::warn!(
            wanted = connections,
            connections = fit.connections,
            open_files = limit.maximum.or(limit.current),
            "there is not room for all connections: further ones wait; raise the hard limit of open \
             files to {} (LimitNOFILE= of systemd, --ulimit nofile= of containers, ulimit -Hn), or want \
             fewer (--max-connections of realmwright-idp)",
            needed(connections),
        );
    }
    fit.connections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_what_is_needed_as_far_as_the_hard_one_lets_it() {
        for (soft, hard, raise, connections) in [
            // The usual one of a login, and of a service.
            (Some(1024), Some(1_048_576), Some(4352), 4096),
            (Some(1024), None, Some(4352), 4096),
            // Enough.
            (Some(20_000), Some(20_000), None, 4096),
            (Some(4352), Some(4352), None, 4096),
            (None, None, None, 4096),
            // Not enough.
            (Some(1024), Some(2048), Some(2048), 1792),
            (Some(1024), Some(1024), None, 768),
            (Some(64), Some(256), Some(256), 128),
            (Some(16), Some(16), None, 8),
        ] {
            let expected = Fit { raise, connections };
            assert_eq!(fit(soft, hard, 4096), expected, "{soft:?} {hard:?}");
        }
    }
}
