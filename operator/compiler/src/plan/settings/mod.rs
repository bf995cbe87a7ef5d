//! What no single login shows: lifetimes, keys, addresses, authentication, protection. Each says
//! the old and the new value. Values are destructured without `..`, so that a new field has to be
//! thought of here.

mod client;
mod realm;

use std::collections::BTreeSet;
use std::fmt::Display;

use realmwright_snapshot::{ClientId, Period, RealmSnapshot};

use super::Standing;
use super::changes::{Change, Effect, period};

/// Everything that the values alone say.
pub(super) fn changes(
    old: &RealmSnapshot,
    new: &RealmSnapshot,
    edited: &BTreeSet<&ClientId>,
) -> Vec<Change> {
    let RealmSnapshot {
        core,
        // What scopes and flows do is seen in logins.
        scopes,
        methods,
        flows: _,
        clients,
    } = old;
    let mut changes = Vec::new();
    realm::core(core, &new.core, &mut changes);
    realm::methods(methods, &new.methods, &mut changes);
    realm::scopes(scopes, &new.scopes, &mut changes);
    for id in edited.iter().copied() {
        match (clients.get(id), new.clients.get(id)) {
            (Some(before), Some(after)) => {
                client::changes(before, after, &mut changes);
            }
            (Some(_), None) => changes.push(
                Change::new(
                    Effect::ApplicationRemoved,
                    "is removed: its logins, tokens and logouts are refused",
                )
                .of(id)
                .risky("an application stops"),
            ),
            (None, Some(_)) => {
                changes.push(Change::new(Effect::ApplicationAdded, "is added").of(id))
            }
            (None, None) => {}
        }
    }
    changes
}

/// A whole placement that appears or goes.
pub(super) fn placement(realm: &RealmSnapshot, standing: Standing) -> Change {
    let number = realm.clients.len();
    let applications = if number == 1 {
        "application"
    } else {
        "applications"
    };
    let issuer = &realm.core.issuer;
    match standing {
        Standing::Removed => Change::new(
            Effect::Placement,
            format!("{issuer} is no longer served, with {number} {applications}"),
        )
        .risky("every login and token of it stops"),
        Standing::Added | Standing::Kept => Change::new(
            Effect::Placement,
            format!("{issuer} is served, with {number} {applications}"),
        ),
    }
}

/// Which way a number is the weaker one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weaker {
    Longer,
    Shorter,
}

/// A length of time that differs.
fn time(
    effect: Effect,
    what: &str,
    (old, new): (Period, Period),
    risk: Option<(Weaker, &'static str)>,
) -> Option<Change> {
    (old != new).then(|| {
        let longer = new > old;
        let word = if longer { "longer" } else { "shorter" };
        let change =
            Change::new(effect, format!("{what}: {word}")).values(period(old), period(new));
        match risk {
            Some((weaker, why)) => change.risky_if((weaker == Weaker::Longer) == longer, why),
            None => change,
        }
    })
}

/// A number that differs.
fn number(
    effect: Effect,
    what: &str,
    (old, new): (u32, u32),
    risk: Option<(Weaker, &'static str)>,
) -> Option<Change> {
    (old != new).then(|| {
        let change = Change::new(effect, what).values(old.to_string(), new.to_string());
        match risk {
            Some((weaker, why)) => change.risky_if((weaker == Weaker::Longer) == (new > old), why),
            None => change,
        }
    })
}

/// A value that differs, as it is written.
fn value<T: PartialEq>(
    effect: Effect,
    what: &str,
    (old, new): (&T, &T),
    text: impl Fn(&T) -> String,
) -> Option<Change> {
    (old != new).then(|| Change::new(effect, what).values(text(old), text(new)))
}

/// Items that a list gains and loses, each by itself.
fn items<T: Ord + Display>(
    old: impl IntoIterator<Item = T>,
    new: impl IntoIterator<Item = T>,
    gained: impl Fn(&T) -> Change,
    lost: impl Fn(&T) -> Change,
) -> Vec<Change> {
    let (old, new): (BTreeSet<T>, BTreeSet<T>) =
        (old.into_iter().collect(), new.into_iter().collect());
    let gains = new.difference(&old).map(gained);
    gains.chain(old.difference(&new).map(lost)).collect()
}

/// Says these words of an item.
fn said<T: Display>(effect: Effect, words: &str) -> impl Fn(&T) -> Change {
    move |item| Change::new(effect, format!("{words} {item}"))
}

/// The same, of an item that should be looked at twice.
fn warned<T: Display>(effect: Effect, words: &str, why: &'static str) -> impl Fn(&T) -> Change {
    let said = said(effect, words);
    move |item| said(item).risky(why)
}

fn or_none(value: Option<&impl Display>) -> String {
    value.map_or_else(|| "none".to_owned(), ToString::to_string)
}

const fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
