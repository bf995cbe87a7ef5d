//! One thing that a change does, as a reviewer reads it.

use std::collections::BTreeMap;

use realmwright_snapshot::{ClientId, Period};
use serde::Serialize;

use super::witness::Witness;

/// What kind of thing changes. The order is that of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// A realm appears in a region or goes.
    Placement,
    /// Addresses of the realm.
    Issuer,
    /// An application appears.
    ApplicationAdded,
    /// An application goes.
    ApplicationRemoved,
    /// People who got in are refused.
    LoginStops,
    /// People who were refused get in.
    LoginOpens,
    /// Whether single sign-on needs a page.
    SilentLogin,
    /// People are refused as before, but otherwise.
    RefusalChanges,
    /// People are asked for more.
    StepsAdded,
    /// People are asked for less.
    StepsRemoved,
    /// People are asked for something else.
    StepsChange,
    /// An application may ask for more scopes.
    ScopeGained,
    /// An application may ask for fewer scopes.
    ScopeLost,
    /// Other scopes are granted to a request that names none.
    ScopesGranted,
    /// A datum reaches an application that did not get it.
    ClaimReaches,
    /// A datum no longer reaches an application.
    ClaimStops,
    /// A claim has another value.
    ClaimChanges,
    /// People are asked for consent more often.
    ConsentAsked,
    /// Data leaves without a consent that was asked before.
    ConsentDropped,
    /// Access tokens are for others.
    Audiences,
    /// Sessions hold something else, or end others.
    Session,
    /// People appear as others to an application.
    Subjects,
    /// How long sessions live.
    SessionLifetime,
    /// How long tokens live.
    TokenLifetime,
    /// Signing keys and algorithms.
    Keys,
    /// How an application proves who it is.
    Authentication,
    /// Where answers may go.
    Addresses,
    /// What an application may ask for.
    Protocol,
    /// Methods of logging in.
    Methods,
    /// Guards against guessing and overload.
    Protection,
    /// How long records are kept.
    Records,
    /// Roles.
    Roles,
    /// The attribute schema.
    Attributes,
    /// Accounts that are created.
    Accounts,
    /// Names, texts, languages, links.
    Texts,
}

/// What shows that a change is real.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Evidence {
    /// Somebody for whom it differs, confirmed by the decision crate.
    Witness(Box<Witness>),
    /// It may differ, but nobody was found for whom it does.
    NoneFound {
        /// How many logins were tried.
        samples: usize,
    },
}

/// One thing that changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What kind of thing.
    pub effect: Effect,
    /// The applications that it concerns; empty when it concerns the realm.
    pub applications: Vec<ClientId>,
    /// What happens, in words.
    pub text: String,
    /// Why it should be looked at twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<&'static str>,
    /// The former value, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The new value, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What shows it; none where the values alone do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

impl Change {
    pub(super) fn new(effect: Effect, text: impl Into<String>) -> Self {
        Self {
            effect,
            applications: Vec::new(),
            text: text.into(),
            risk: None,
            before: None,
            after: None,
            evidence: None,
        }
    }

    pub(super) fn of(mut self, application: &ClientId) -> Self {
        self.applications.push(application.clone());
        self
    }

    pub(super) const fn risky(mut self, why: &'static str) -> Self {
        self.risk = Some(why);
        self
    }

    pub(super) const fn risky_if(self, risky: bool, why: &'static str) -> Self {
        if risky { self.risky(why) } else { self }
    }

    pub(super) fn values(mut self, before: impl Into<String>, after: impl Into<String>) -> Self {
        self.before = Some(before.into());
        self.after = Some(after.into());
        self
    }

    pub(super) fn shown_by(mut self, evidence: Evidence) -> Self {
        self.evidence = Some(evidence);
        self
    }
}

/// Puts together what happens to several applications in the same way; the risky first.
pub(super) fn grouped(changes: Vec<Change>) -> Vec<Change> {
    let mut groups: BTreeMap<_, Change> = BTreeMap::new();
    for change in changes {
        let key = (
            change.risk.is_none(),
            change.effect,
            change.text.clone(),
            change.before.clone(),
            change.after.clone(),
            matches!(change.evidence, Some(Evidence::NoneFound { .. })),
        );
        match groups.entry(key) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(change);
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                place.get_mut().applications.extend(change.applications);
            }
        }
    }
    let mut changes: Vec<Change> = groups.into_values().collect();
    for change in &mut changes {
        change.applications.sort();
        change.applications.dedup();
    }
    changes
}

/// A length of time as YAML writes it.
pub(super) fn period(period: Period) -> String {
    let millis = period.as_millis();
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1000, "s"),
        (1, "ms"),
    ];
    let mut rest = millis;
    let mut text = String::new();
    for (length, unit) in units {
        if rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}
