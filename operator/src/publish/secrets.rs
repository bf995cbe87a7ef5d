//! The secret bundle of a placement: supplied values are read where their owners keep them, others
//! are made and written where the application reads them (OIDC-10, OIDC-11).

use async_trait::async_trait;
use jiff::Timestamp;
use realmwright_compiler::{SecretKey, SecretNeed, SecretOrigin, SecretPurpose};
use realmwright_keys::{
    Generate, SecretBundle, SecretPolicy, SecretStep, SecretValue, SecretValues, advance_secret,
    secret_policies, supply,
};

use super::{PublishFault, Publisher, Wanted};

/// Why a Secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFault {
    /// It is not there, or may not be read.
    #[error("Secret {0} is not there, or its namespace may not be read")]
    Missing(SecretKey),
    /// It was not made by us, and is never overwritten.
    #[error("Secret {0} would have to be written, and somebody else made it")]
    Foreign(SecretKey),
    /// The cluster refused.
    #[error("Secret {key} cannot be written")]
    Write {
        /// Which.
        key: SecretKey,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
}

/// Where Secrets of others are read, and those of ours written.
#[async_trait]
pub trait SecretSource: Send + Sync {
    /// The value at a key; none when it is not there.
    fn value(&self, key: &SecretKey) -> Option<SecretValue>;

    /// What this key of a Secret of ours holds; none when there is no such Secret.
    fn made(&self, key: &SecretKey) -> Result<Option<SecretValue>, SecretFault>;

    /// Writes a value that was made, with the one before it during an overlap.
    async fn write(&self, key: &SecretKey, values: &SecretValues) -> Result<(), SecretFault>;
}

impl Publisher {
    /// The bundle that the needs and the former bundle give, one step on; and when the clock alone
    /// asks for more.
    pub(super) async fn bundle(
        &mut self,
        wanted: Wanted<'_>,
        former: Option<&SecretBundle>,
        source: &dyn SecretSource,
    ) -> Result<(SecretBundle, Option<Timestamp>), PublishFault> {
        let Wanted { compiled, now, .. } = wanted;
        let policies = secret_policies(&compiled.snapshot);
        let mut next = SecretBundle::empty(compiled.id.clone());
        let nothing = next.clone();
        let former = former.unwrap_or(&nothing);
        let mut due: Option<Timestamp> = None;
        for need in compiled.secrets.iter() {
            if next.secrets.contains_key(&need.handle) {
                continue;
            }
            let policy = policies
                .get(&need.handle)
                .copied()
                .unwrap_or(SecretPolicy::BY_HAND);
            let known = former.get(&need.handle);
            let values = self.values(need, policy, known, source, now).await?;
            let (values, at) = self
                .step(need, policy, values, former, wanted, source)
                .await?;
            due = due.into_iter().chain(at).min();
            next.secrets.insert(need.handle.clone(), values);
        }
        next.revision = if next.secrets == former.secrets && former.revision > 0 {
            former.revision
        } else {
            former.revision + 1
        };
        Ok((next, due))
    }

    /// The values of now: what the owner supplies, or what was made.
    async fn values(
        &mut self,
        need: &SecretNeed,
        policy: SecretPolicy,
        known: Option<&SecretValues>,
        source: &dyn SecretSource,
        now: Timestamp,
    ) -> Result<SecretValues, PublishFault> {
        let value = match &need.origin {
            SecretOrigin::Secret(key) => source
                .value(key)
                .ok_or_else(|| SecretFault::Missing(key.clone()))?,
            SecretOrigin::Generated(key) => match (known, source.made(key)?) {
                (Some(known), Some(_)) => return Ok(known.clone()),
                // It was deleted, or has never been written.
                (Some(known), None) => {
                    source.write(key, known).await?;
                    return Ok(known.clone());
                }
                (None, Some(made)) => made,
                (None, None) => {
                    let values = SecretValues::of(self.generator.secret()?, now);
                    source.write(key, &values).await?;
                    return Ok(values);
                }
            },
        };
        Ok(match need.purpose {
            SecretPurpose::ClientSecret => supply(known, value, policy.overlap, now)?,
            SecretPurpose::PasswordHash => match known {
                Some(known) if known.current == value => known.clone(),
                _ => SecretValues::of(value, now),
            },
        })
    }

    /// One step of a rotation.
    async fn step(
        &mut self,
        need: &SecretNeed,
        policy: SecretPolicy,
        values: SecretValues,
        former: &SecretBundle,
        wanted: Wanted<'_>,
        source: &dyn SecretSource,
    ) -> Result<(SecretValues, Option<Timestamp>), PublishFault> {
        let is_rotating = values.previous.is_some() || values.upcoming.is_some();
        let is_ours = matches!(need.origin, SecretOrigin::Generated(_));
        if !is_rotating && (policy.interval.is_none() || !is_ours) {
            return Ok((values, None));
        }
        let policy = if is_ours {
            policy
        } else {
            SecretPolicy::BY_HAND
        };
        let revision = former.revision + 1;
        let step = advance_secret(
            policy,
            &values,
            revision,
            wanted.now,
            wanted.bundles,
            &mut self.generator,
        )?;
        Ok(match step {
            SecretStep::Wait(at) => (values, at),
            SecretStep::Store(next) => (next, None),
            SecretStep::Tell(next) => {
                source.write(need.origin.key(), &next).await?;
                (next, None)
            }
        })
    }
}
