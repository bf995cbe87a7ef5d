//! The secrets of a realm: what the folder supplies, what is made here, and when what was made is
//! replaced (OIDC-10, OIDC-11).
//!
//! The stored bundle is what holds. The manifests in the folder of secrets tell the owners of
//! made values what it says, and are written before it, so that a run that ends in between goes
//! on with the value that was told.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use jiff::Timestamp;
use realmwright_artefacts::Offer;
use realmwright_compiler::{
    Compilation, CompiledRealm, SecretKey, SecretNeed, SecretOrigin, SecretPurpose,
};
use realmwright_keys::{
    Acknowledgements, Generate, SecretBundle, SecretPolicy, SecretStep, SecretValue, SecretValues,
    advance_secret, secret_policies, supply,
};
use realmwright_snapshot::{RealmId, SecretHandle};
use secrecy::ExposeSecret;

use super::{POD, Placement, Publisher};
use crate::arguments::Format;
use crate::dev::state::State;
use crate::output::{BOLD, GOOD, Output};

/// A secret that was replaced by schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    pub(crate) realm: RealmId,
    /// Where the new value lies.
    pub(crate) secret: SecretKey,
    /// The former value is refused from then on.
    pub(crate) former_until: Option<Timestamp>,
}

impl Replaced {
    /// Says it, without any value.
    pub(crate) fn tell(&self, output: Output) {
        let Self {
            realm,
            secret,
            former_until,
        } = self;
        if output.format == Format::Json {
            output.line(serde_json::json!({"secretReplaced": {
                "realm": realm,
                "secret": secret.to_string(),
                "formerUntil": former_until,
            }}));
            return;
        }
        let until = former_until.map_or_else(String::new, |until| {
            format!("; the former value is accepted until {until:.0}")
        });
        output.line(format_args!(
            "{} {}  {secret}{until}",
            output.paint(GOOD, "secret replaced"),
            output.paint(BOLD, realm),
        ));
    }
}

impl Publisher {
    /// The bundle that the manifests and the former bundle give.
    pub(super) fn secrets(
        &mut self,
        compiled: &CompiledRealm,
        compilation: &Compilation,
        former: Option<&Offer>,
        now: Timestamp,
    ) -> anyhow::Result<SecretBundle> {
        let policies = secret_policies(&compiled.snapshot);
        let mut next = SecretBundle::empty(compiled.id.clone());
        let nothing = next.clone();
        let former = former.map_or(&nothing, |former| &former.secrets);
        for need in compiled.secrets.iter() {
            // A client may name a Secret that is made for another one: it is made all the same.
            if next.secrets.contains_key(&need.handle) {
                continue;
            }
            let policy = policies
                .get(&need.handle)
                .copied()
                .unwrap_or(SecretPolicy::BY_HAND);
            let values = self.secret(need, policy, compilation, former, now)?;
            next.secrets.insert(need.handle.clone(), values);
        }
        next.revision = if next.secrets == former.secrets {
            former.revision
        } else {
            former.revision + 1
        };
        Ok(next)
    }

    fn secret(
        &mut self,
        need: &SecretNeed,
        policy: SecretPolicy,
        compilation: &Compilation,
        former: &SecretBundle,
        now: Timestamp,
    ) -> anyhow::Result<SecretValues> {
        let key = need.origin.key();
        let supplied = compilation.secrets.get(key);
        let value = match (supplied, &need.origin) {
            (Some(bytes), _) => {
                let text = std::str::from_utf8(bytes.expose_secret())
                    .map_err(|_| anyhow!("Secret {key} is not text"))?;
                SecretValue::new(text.trim_end_matches(['\r', '\n']))
            }
            (None, SecretOrigin::Generated(_)) => {
                self.generator.secret().context("a secret cannot be made")?
            }
            (None, SecretOrigin::Secret(_)) => bail!(
                "Secret {key} is not among the manifests; put it into the folder, or into {} where \
                 it is not committed",
                self.state.secrets().display()
            ),
        };
        let former = former.get(&need.handle);
        let values = match need.purpose {
            SecretPurpose::ClientSecret => supply(former, value, policy.overlap, now)
                .with_context(|| format!("Secret {key} is refused"))?,
            SecretPurpose::PasswordHash => match former {
                Some(former) if former.current == value => former.clone(),
                _ => SecretValues::of(value, now),
            },
        };
        let is_new = supplied.is_none();
        if is_new || (former != Some(&values) && is_made_here(&self.state, need)) {
            self.state.keep_secret(key, &values)?;
        }
        Ok(values)
    }

    /// Acts on the times of secrets; returns those that were replaced.
    pub(crate) fn advance_secrets(&mut self, now: Timestamp) -> anyhow::Result<Vec<Replaced>> {
        self.secrets_due = None;
        let mut due: Option<Timestamp> = None;
        let mut replaced = Vec::new();
        let realms: Vec<RealmId> = self.served.keys().cloned().collect();
        for realm in realms {
            let (told, next) = self.advance_secrets_of(&realm, now)?;
            if !told.is_empty() {
                self.note_running()?;
            }
            replaced.extend(told);
            due = due.into_iter().chain(next).min();
        }
        self.secrets_due = due;
        Ok(replaced)
    }

    /// How long nothing has to be done about secrets; none where nothing is known to be due.
    pub(crate) fn secrets_rest(&self, now: Timestamp) -> Option<std::time::Duration> {
        let left = self.secrets_due?.duration_since(now);
        Some(std::time::Duration::try_from(left).unwrap_or_default())
    }

    /// Steps until there is nothing to do: a new value is first served, then told.
    fn advance_secrets_of(
        &mut self,
        realm: &RealmId,
        now: Timestamp,
    ) -> anyhow::Result<(Vec<Replaced>, Option<Timestamp>)> {
        let mut replaced = Vec::new();
        loop {
            let Some(placement) = self.served.get(realm) else {
                return Ok((replaced, None));
            };
            let Placement {
                compiled, offer, ..
            } = placement;
            let mut turn = Turn::take(
                &self.state,
                &mut self.generator,
                compiled,
                &offer.secrets,
                now,
            )?;
            if turn.changed.is_empty() {
                return Ok((replaced, turn.next_at));
            }
            replaced.append(&mut turn.replaced);
            let offer = Offer {
                secrets: Arc::new(turn.applied(&offer.secrets)),
                ..offer.clone()
            };
            self.offer(&offer, now)?;
            if let Some(placement) = self.served.get_mut(realm) {
                placement.offer = offer;
            }
        }
    }

    /// Writes anew the files with plain secrets that programs were given.
    pub(super) fn renew_client_secrets(&self, realm: &RealmId) -> anyhow::Result<()> {
        for client in self.state.clients_with_secret(realm.as_str())? {
            self.keep_client_secret(realm, &client)?;
        }
        Ok(())
    }
}

/// Whether the value was made here. Nobody else's Secret is overwritten.
fn is_made_here(state: &State, need: &SecretNeed) -> bool {
    matches!(&need.origin, SecretOrigin::Generated(key) if state.holds_secret(key))
}

/// One step of every secret of a realm.
#[derive(Default)]
struct Turn {
    /// Values that differ from the served ones.
    changed: BTreeMap<SecretHandle, SecretValues>,
    replaced: Vec<Replaced>,
    /// Nothing has to be done before.
    next_at: Option<Timestamp>,
}

impl Turn {
    /// Takes the step, and tells the owners of made values.
    fn take(
        state: &State,
        generator: &mut dyn Generate,
        compiled: &CompiledRealm,
        served: &SecretBundle,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let policies = secret_policies(&compiled.snapshot);
        let acknowledgements = Acknowledgements::of_one(POD, served.revision);
        let mut turn = Self::default();
        for need in compiled.secrets.iter() {
            let policy = policies.get(&need.handle);
            let Some(values) = served
                .get(&need.handle)
                .filter(|values| policy.is_some() || is_rotating(values))
            else {
                continue;
            };
            let made_here = is_made_here(state, need);
            let step = advance_secret(
                policy
                    .filter(|_| made_here)
                    .copied()
                    .unwrap_or(SecretPolicy::BY_HAND),
                values,
                served.revision + 1,
                now,
                &acknowledgements,
                generator,
            )
            .context("a secret cannot be made")?;
            let (values, is_told) = match step {
                SecretStep::Wait(at) => {
                    turn.next_at = turn.next_at.into_iter().chain(at).min();
                    continue;
                }
                SecretStep::Store(values) => (values, false),
                SecretStep::Tell(values) => (values, true),
            };
            if made_here {
                state.keep_secret(need.origin.key(), &values)?;
            }
            if is_told {
                turn.replaced.push(Replaced {
                    realm: compiled.id.clone(),
                    secret: need.origin.key().clone(),
                    former_until: values.previous.as_ref().map(|former| former.not_after),
                });
            }
            turn.changed.insert(need.handle.clone(), values);
        }
        Ok(turn)
    }

    /// The bundle after the step.
    fn applied(self, served: &SecretBundle) -> SecretBundle {
        let mut next = served.clone();
        next.revision += 1;
        next.secrets.extend(self.changed);
        next
    }
}

const fn is_rotating(values: &SecretValues) -> bool {
    values.previous.is_some() || values.upcoming.is_some()
}
