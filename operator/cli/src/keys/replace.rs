//! What is to be replaced in a keyring, and what came of it. Pure; whoever holds the lock of the
//! state keeps the result.

use anyhow::{Context, bail};
use jiff::Timestamp;
use realmwright_idp::key_journal::{KeyCause, KeyReplaced};
use realmwright_keys::{
    Generate, KeyId, KeyStanding, Keyring, Plan, Purpose, Rotation, Standing, apply, compromise,
    rotate_early,
};
use realmwright_snapshot::RealmId;
use serde::{Deserialize, Serialize};

use crate::arguments::PurposeName;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// Which realm; may be left out where there is one.
    pub(crate) realm: Option<RealmId>,
    pub(crate) keys: Which,
    pub(crate) cause: Cause,
}

/// Which keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Which {
    /// Those in use for a purpose: for `sign` one for each algorithm.
    InUseFor(PurposeName),
    /// This one.
    Key(KeyId),
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Cause {
    /// Nobody notices: the successor is published first.
    Planned,
    /// Somebody else knows the key: it goes at once (KC-KEY-03).
    Compromised,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replaced {
    pub(crate) realm: RealmId,
    pub(crate) cause: Cause,
    pub(crate) at: Timestamp,
    pub(crate) keys: Vec<ReplacedKey>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplacedKey {
    #[serde(flatten)]
    pub(crate) purpose: Purpose,
    pub(crate) former: KeyId,
    /// None where the former one was in use no more.
    pub(crate) successor: Option<KeyId>,
    /// When the successor is used; none while that is open.
    pub(crate) used_from: Option<Timestamp>,
}

/// The realm that is meant among those there are.
pub(crate) fn choose<'r>(
    wanted: Option<&RealmId>,
    there: impl Iterator<Item = &'r RealmId>,
) -> anyhow::Result<&'r RealmId> {
    let there: Vec<&RealmId> = there.collect();
    let names: Vec<&str> = there.iter().map(|realm| realm.as_str()).collect();
    let names = names.join(", ");
    match (wanted, there.as_slice()) {
        (_, []) => bail!("there is no realm"),
        (Some(wanted), _) => {
            let found = there.into_iter().find(|realm| *realm == wanted);
            found.with_context(|| format!("there is no realm {wanted}; there is {names}"))
        }
        (None, [only]) => Ok(only),
        (None, _) => bail!("there are several realms: say --realm with one of {names}"),
    }
}

/// The keyring after it, and what was replaced.
pub(crate) fn replace(
    keyring: &Keyring,
    wanted: &Wanted,
    now: Timestamp,
    generator: &mut dyn Generate,
) -> anyhow::Result<(Keyring, Replaced)> {
    let mut next = keyring.clone();
    let mut keys = Vec::new();
    for former in chosen(keyring, wanted, now)? {
        let plan = plan(&next, &former, wanted.cause, now)?;
        next = apply(&next, &plan, now, generator).context("a key cannot be made")?;
        keys.push(ReplacedKey {
            purpose: former.purpose,
            successor: successor(&next, &former, now),
            used_from: None,
            former: former.kid,
        });
    }
    let mut replaced = Replaced {
        realm: keyring.realm.clone(),
        cause: wanted.cause,
        at: now,
        keys,
    };
    replaced.date(&next, now);
    Ok((next, replaced))
}

fn chosen(keyring: &Keyring, wanted: &Wanted, now: Timestamp) -> anyhow::Result<Vec<KeyStanding>> {
    let realm = &keyring.realm;
    let mut keys = keyring.standings(now);
    match &wanted.keys {
        Which::Key(kid) => keys.retain(|key| key.kid == *kid),
        Which::InUseFor(name) => {
            keys.retain(|key| key.standing == Standing::InUse && name.names(key.purpose));
        }
    }
    match (&wanted.keys, keys.as_slice()) {
        (Which::Key(kid), []) => bail!("realm {realm} has no key {kid}; `keys list` shows them"),
        (Which::InUseFor(name), []) => bail!("realm {realm} has no key in use for {name}"),
        _ => Ok(keys),
    }
}

fn plan(
    keyring: &Keyring,
    key: &KeyStanding,
    cause: Cause,
    now: Timestamp,
) -> anyhow::Result<Plan> {
    match cause {
        Cause::Compromised => Ok(compromise(keyring, &key.kid, now)?),
        Cause::Planned if key.standing == Standing::InUse => {
            Ok(rotate_early(keyring, key.purpose, now)?)
        }
        Cause::Planned => bail!(
            "key {} is not in use, so that it needs no successor; say --compromised where somebody \
             else knows it",
            key.kid
        ),
    }
}

fn successor(keyring: &Keyring, former: &KeyStanding, now: Timestamp) -> Option<KeyId> {
    if former.standing != Standing::InUse {
        return None;
    }
    let keys = keyring.standings(now).into_iter();
    let mut others = keys.filter(|key| key.purpose == former.purpose && key.kid != former.kid);
    let successor = others.rfind(|key| key.standing != Standing::Former);
    successor.map(|key| key.kid)
}

impl Replaced {
    /// Says when each successor is used, as the keyring has it.
    pub(crate) fn date(&mut self, keyring: &Keyring, now: Timestamp) {
        let keys = keyring.standings(now);
        for replaced in &mut self.keys {
            let successor = keys
                .iter()
                .find(|key| Some(&key.kid) == replaced.successor.as_ref());
            replaced.used_from = successor.and_then(|key| key.used_from);
        }
    }

    /// What the audit says of it.
    pub(crate) fn events(&self) -> Vec<KeyReplaced> {
        let keys = self.keys.iter().map(|key| KeyReplaced {
            purpose: key.purpose.to_string(),
            former: key.former.to_string(),
            successor: key.successor.as_ref().map(ToString::to_string),
            cause: match self.cause {
                Cause::Planned => KeyCause::Planned,
                Cause::Compromised => KeyCause::Compromised,
            },
            at: self.at,
        });
        keys.collect()
    }
}

impl ReplacedKey {
    /// What ends with a compromised key, for those who decide about it.
    pub(crate) const fn ends(&self) -> &'static str {
        match self.purpose.rotation() {
            Rotation::Published => {
                "every token that it signed is refused from now on; applications refuse new ones \
                 until they fetch the JWKS again; sessions, refresh tokens and opaque access tokens \
                 go on"
            }
            Rotation::Private => "logins and logouts that are under way begin anew",
            Rotation::Retained => {
                "nothing ends: what it encrypted is read with it until it was written anew"
            }
            Rotation::Migration => "it is replaced only by a migration",
        }
    }
}

#[cfg(test)]
mod tests;
