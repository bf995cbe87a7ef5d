//! One thing that a change does, as a reviewer reads it.

use std::collections::BTreeMap;

use realmwright_snapshot::{ClientId, Period};
use serde::{Serialize, Serializer};

use super::witness::Witness;

macro_rules! effects {
    ($($effect:ident $name:literal $title:literal)*) => {
        /// What kind of thing changes. The order is that of a plan.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Effect {
            $(#[doc = $title] $effect,)*
        }

        impl Effect {
            /// Its stable name for programs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$effect => $name,)*
                }
            }

            /// What it is, in words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$effect => $title,)*
                }
            }
        }
    };
}

impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

effects! {
    Placement "placement" "a realm appears in a region or goes"
    Issuer "issuer" "addresses of the realm"
    ApplicationAdded "application-added" "an application appears"
    ApplicationRemoved "application-removed" "an application goes"
    LoginStops "login-stops" "people who got in are refused"
    LoginOpens "login-opens" "people who were refused get in"
    SilentLogin "silent-login" "whether single sign-on needs a page"
    RefusalChanges "refusal-changes" "people are refused as before, but otherwise"
    StepsAdded "steps-added" "people are asked for more"
    StepsRemoved "steps-removed" "people are asked for less"
    StepsChange "steps-change" "people are asked for something else"
    ScopeGained "scope-gained" "an application may ask for more scopes"
    ScopeLost "scope-lost" "an application may ask for fewer scopes"
    ScopesGranted "scopes-granted" "other scopes are granted to a request that names none"
    ClaimReaches "claim-reaches" "a datum reaches an application that did not get it"
    ClaimStops "claim-stops" "a datum no longer reaches an application"
    ClaimChanges "claim-changes" "a claim has another value"
    ConsentAsked "consent-asked" "people are asked for consent more often"
    ConsentDropped "consent-dropped" "data leaves without a consent that was asked before"
    Audiences "audiences" "access tokens are for others"
    Session "session" "sessions hold something else, or end others"
    Subjects "subjects" "people appear as others to an application"
    SessionLifetime "session-lifetime" "how long sessions live"
    TokenLifetime "token-lifetime" "how long tokens live"
    Keys "keys" "signing keys and algorithms"
    Authentication "authentication" "how an application proves who it is"
    Addresses "addresses" "where answers may go"
    Protocol "protocol" "what an application may ask for"
    Methods "methods" "methods of logging in"
    Protection "protection" "guards against guessing and overload"
    Records "records" "how long records are kept"
    Roles "roles" "roles"
    Attributes "attributes" "the attribute schema"
    Accounts "accounts" "accounts that are created"
    Texts "texts" "names, texts, languages, links"
}

/// So many applications are named; the rest is counted.
const NAMED: usize = 5;

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
    /// What happens to whom, with the values where there are some: one sentence.
    #[must_use]
    pub fn words(&self) -> String {
        let words = format!("{}{}", subject(&self.applications), self.text);
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => format!("{words}  {before} -> {after}"),
            _ => words,
        }
    }

    /// Whether it may be and was not seen to.
    pub(super) const fn is_unfound(&self) -> bool {
        matches!(self.evidence, Some(Evidence::NoneFound { .. }))
    }

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

/// The applications that something concerns, as the beginning of a sentence.
pub(super) fn subject(applications: &[ClientId]) -> String {
    if applications.is_empty() {
        return String::new();
    }
    let named: Vec<&str> = applications
        .iter()
        .take(NAMED)
        .map(ClientId::as_str)
        .collect();
    let named = named.join(", ");
    match applications.len().saturating_sub(NAMED) {
        0 => format!("{named}: "),
        1 => format!("{named} and 1 other: "),
        more => format!("{named} and {more} others: "),
    }
}
