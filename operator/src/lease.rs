//! Who leads: one Lease, taken by compare-and-swap. The decision is pure; [`Lease::hold`] acts on
//! it. A leader that could not renew in time stops leading before anybody else begins to.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A leader that has not renewed for so long leads no more.
pub const LASTS: SignedDuration = SignedDuration::from_secs(15);

/// It stops acting so long before others may take over.
const STOP_BEFORE: SignedDuration = SignedDuration::from_secs(5);

const RENEW_EVERY: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What a look at the lease leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is free, or its holder is gone.
    Acquire,
    /// It is ours.
    Renew,
    /// Somebody else leads.
    Wait,
}

/// What is known of the lease. The holder's clock is not trusted: what counts is how long *we* have
/// seen it unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Who holds it; none when nobody does.
    pub holder: Option<String>,
    /// Version of the object when it last changed, and when we first saw that.
    pub unchanged_since: Option<(String, Timestamp)>,
}

impl Seen {
    /// What a look shows, after what was seen before.
    #[must_use]
    pub fn after(self, holder: Option<String>, version: String, now: Timestamp) -> Self {
        let unchanged_since = match self.unchanged_since {
            Some((known, since)) if known == version => Some((known, since)),
            _ => Some((version, now)),
        };
        Self {
            holder,
            unchanged_since,
        }
    }

    /// Whether `me` should take it, keep it, or wait.
    #[must_use]
    pub fn decide(&self, me: &str, now: Timestamp) -> Decision {
        match (&self.holder, &self.unchanged_since) {
            (Some(holder), _) if holder == me => Decision::Renew,
            (Some(_), Some((_, since))) if now.duration_since(*since) < LASTS => Decision::Wait,
            _ => Decision::Acquire,
        }
    }
}

/// The lease of this operator.
#[derive(Clone)]
pub struct Lease {
    api: Api<Object>,
    name: String,
    me: String,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease")
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}

fn now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long the lease was seen unchanged is told by this process's own clock"
    )]
    Timestamp::now()
}

impl Lease {
    /// The lease of this name, for the process called `me`.
    #[must_use]
    pub fn new(client: Client, namespace: &str, name: &str, me: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            me: me.to_owned(),
        }
    }

    /// Tries to lead until the stop, and gives the lease back then. `leads` says until when this
    /// process leads; none when it does not.
    pub async fn hold(self, leads: watch::Sender<Option<Timestamp>>, stop: CancellationToken) {
        let mut seen = Seen::default();
        loop {
            let rest = match self.turn(&mut seen).await {
                Ok(until) => {
                    leads.send_replace(until);
                    if until.is_some() {
                        RENEW_EVERY
                    } else {
                        LOOK_EVERY
                    }
                }
                Err(fault) => {
                    tracing::warn!(
                        error = &fault as &dyn std::error::Error,
                        "the lease cannot be read or written"
                    );
                    let over =
                        |until: &Option<Timestamp>| until.is_some_and(|until| until <= now());
                    leads.send_if_modified(|until| over(until) && until.take().is_some());
                    LOOK_EVERY
                }
            };
            if stop
                .run_until_cancelled(tokio::time::sleep(rest))
                .await
                .is_none()
            {
                break;
            }
        }
        if leads.send_replace(None).is_some()
            && let Err(fault) = self.release().await
        {
            tracing::warn!(
                error = &fault as &dyn std::error::Error,
                "the lease is not given back"
            );
        }
    }

    async fn turn(&self, seen: &mut Seen) -> Result<Option<Timestamp>, kube::Error> {
        let found = self.api.get_opt(&self.name).await?;
        let now = now();
        let holder = found
            .as_ref()
            .and_then(|lease| lease.spec.as_ref()?.holder_identity.clone());
        let version = found
            .as_ref()
            .and_then(|lease| lease.metadata.resource_version.clone());
        *seen = std::mem::take(seen).after(
            holder.filter(|holder| !holder.is_empty()),
            version.clone().unwrap_or_default(),
            now,
        );
        if seen.decide(&self.me, now) == Decision::Wait {
            return Ok(None);
        }
        let wanted = self.object(found.as_ref(), Some(&self.me), now);
        let written = match version {
            Some(_) => {
                self.api
                    .replace(&self.name, &PostParams::default(), &wanted)
                    .await
            }
            None => self.api.create(&PostParams::default(), &wanted).await,
        };
        match written {
            Ok(_) => Ok(now.checked_add(LASTS - STOP_BEFORE).ok()),
            // Somebody else was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn release(&self) -> Result<(), kube::Error> {
        let Some(found) = self.api.get_opt(&self.name).await? else {
            return Ok(());
        };
        let holder = found
            .spec
            .as_ref()
            .and_then(|spec| spec.holder_identity.as_deref());
        if holder != Some(self.me.as_str()) {
            return Ok(());
        }
        let wanted = self.object(Some(&found), None, now());
        match self
            .api
            .replace(&self.name, &PostParams::default(), &wanted)
            .await
        {
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            replaced => replaced.map(|_| ()),
        }
    }

    fn object(&self, found: Option<&Object>, holder: Option<&str>, now: Timestamp) -> Object {
        let former = found
            .and_then(|lease| lease.spec.clone())
            .unwrap_or_default();
        let same = former.holder_identity.as_deref() == holder;
        Object {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                resource_version: found.and_then(|lease| lease.metadata.resource_version.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: holder.map(str::to_owned),
                lease_duration_seconds: i32::try_from(LASTS.as_secs()).ok(),
                acquire_time: if same {
                    former.acquire_time
                } else {
                    Some(MicroTime(now))
                },
                renew_time: Some(MicroTime(now)),
                lease_transitions: Some(
                    former.lease_transitions.unwrap_or_default() + i32::from(!same),
                ),
                ..LeaseSpec::default()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn seen(holder: Option<&str>, version: &str, since: i64) -> Seen {
        Seen::default().after(holder.map(str::to_owned), version.to_owned(), at(since))
    }

    #[test]
    fn a_free_lease_is_taken_and_ones_own_is_renewed() {
        assert_eq!(seen(None, "1", 0).decide("me", at(0)), Decision::Acquire);
        assert_eq!(
            seen(Some("me"), "1", 0).decide("me", at(100)),
            Decision::Renew
        );
    }

    #[test]
    fn another_holder_is_waited_for_as_long_as_it_renews() {
        let first = seen(Some("other"), "1", 0);
        assert_eq!(first.decide("me", at(14)), Decision::Wait);
        assert_eq!(first.decide("me", at(15)), Decision::Acquire);
        let renewed = first
            .clone()
            .after(Some("other".into()), "2".into(), at(14));
        assert_eq!(renewed.decide("me", at(28)), Decision::Wait);
        let unchanged = first.after(Some("other".into()), "1".into(), at(14));
        assert_eq!(unchanged.decide("me", at(15)), Decision::Acquire);
    }

    /// A process that has just started has seen nothing for long.
    #[test]
    fn a_lease_that_looks_old_is_not_taken_at_the_first_look() {
        assert_eq!(
            seen(Some("dead"), "1", 1000).decide("me", at(1000)),
            Decision::Wait
        );
    }

    #[test]
    fn who_leads_stops_before_others_begin() {
        assert!(LASTS - STOP_BEFORE < LASTS);
        assert!(SignedDuration::try_from(RENEW_EVERY).unwrap() * 2 <= LASTS - STOP_BEFORE);
    }
}
