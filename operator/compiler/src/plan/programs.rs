//! Applications that get tokens in their own name (`client_credentials`). Nobody logs in for these,
//! so what differs is looked for in what they may ask.

use std::collections::{BTreeMap, BTreeSet};

use realmwright_decision::own_token::{OwnRequest, OwnToken};
use realmwright_decision::simulate::Refused;
use realmwright_snapshot::{ClientId, RealmSnapshot, ScopeName};
use serde_json::{Map, Value as Json};

use super::changes::{Change, Effect, Evidence};
use super::inputs::{OwnScopes, own_scopes};
use super::sample::{Choices, Pool, monday};
use super::search::{MOST_SEARCHES, REPRESENTATIVES, SEARCHED};
use super::witness::{Witness, names_text};
use super::{Class, Side};

/// What comes of a request.
pub(super) type Answer = Result<OwnToken, Refused>;

/// How what comes of one request in an application's own name differs between two configurations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnFinding {
    /// A token before, refused after.
    Stops,
    /// Refused before, a token after.
    Opens,
    /// Refused by something else.
    RefusalChanges,
    /// Other scopes are granted.
    Scopes,
    /// Other audiences.
    Audiences,
    /// A claim that was not there.
    ClaimAppears(String),
    /// A claim that is no longer there.
    ClaimDisappears(String),
    /// A claim with another value.
    ClaimDiffers(String),
}

impl OwnFinding {
    /// Where it was announced.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Stops | Self::Opens | Self::RefusalChanges => Class::OwnResult,
            Self::Scopes => Class::OwnScopes,
            Self::Audiences => Class::OwnAudiences,
            Self::ClaimAppears(name) | Self::ClaimDisappears(name) | Self::ClaimDiffers(name) => {
                Class::OwnClaim(name.clone())
            }
        }
    }
}

/// How two answers to one request differ.
#[must_use]
pub fn own_findings(old: &Answer, new: &Answer) -> BTreeSet<OwnFinding> {
    match (old, new) {
        (Ok(old), Ok(new)) => tokens(old, new),
        (Ok(_), Err(_)) => BTreeSet::from([OwnFinding::Stops]),
        (Err(_), Ok(_)) => BTreeSet::from([OwnFinding::Opens]),
        (Err(old), Err(new)) if old != new => BTreeSet::from([OwnFinding::RefusalChanges]),
        (Err(_), Err(_)) => BTreeSet::new(),
    }
}

fn tokens(old: &OwnToken, new: &OwnToken) -> BTreeSet<OwnFinding> {
    let OwnToken {
        scopes,
        claims,
        audiences,
    } = old;
    let mut found = BTreeSet::new();
    if *scopes != new.scopes {
        found.insert(OwnFinding::Scopes);
    }
    if *audiences != new.audiences {
        found.insert(OwnFinding::Audiences);
    }
    found.extend(claims_differ(claims, &new.claims));
    found
}

fn claims_differ<'a>(
    old: &'a Map<String, Json>,
    new: &'a Map<String, Json>,
) -> impl Iterator<Item = OwnFinding> + 'a {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| match (old.get(name), new.get(name)) {
            (None, _) => Some(OwnFinding::ClaimAppears(name.clone())),
            (_, None) => Some(OwnFinding::ClaimDisappears(name.clone())),
            (before, after) => (before != after).then(|| OwnFinding::ClaimDiffers(name.clone())),
        })
}

/// Applications that change in the same way are searched together: the same may differ, in what
/// they ask for by the same scopes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alike<'a> {
    classes: BTreeSet<&'a Class>,
    scopes: [OwnScopes<'a>; 2],
}

/// What differs in tokens that applications get in their own name, with a request that shows it.
pub(super) fn changes(
    old: &Side<'_>,
    new: &Side<'_>,
    announced: &BTreeMap<ClientId, BTreeSet<Class>>,
) -> Vec<Change> {
    let mut groups: BTreeMap<Alike<'_>, Vec<&ClientId>> = BTreeMap::new();
    for (id, classes) in announced {
        let classes: BTreeSet<&Class> = classes.iter().filter(|class| class.is_own()).collect();
        let scopes = (scopes_of(old.snapshot, id), scopes_of(new.snapshot, id));
        let (Some(before), Some(after)) = scopes else {
            continue;
        };
        if !classes.is_empty() {
            let scopes = [before, after];
            let alike = Alike { classes, scopes };
            groups.entry(alike).or_default().push(id);
        }
    }
    let mut changes = Vec::new();
    for (at, (alike, applications)) in groups.iter().enumerate() {
        let samples = if at < MOST_SEARCHES { SEARCHED } else { 0 };
        let search = Search {
            old,
            new,
            alike,
            applications,
            samples,
        };
        for change in search.tell() {
            changes.push(Change {
                applications: applications.iter().map(|id| (*id).clone()).collect(),
                ..change
            });
        }
    }
    changes
}

/// Scopes in its own name of an application that is there; none in a protocol that it does not
/// speak.
fn scopes_of<'a>(realm: &'a RealmSnapshot, id: &ClientId) -> Option<OwnScopes<'a>> {
    let client = realm.clients.get(id)?;
    let oidc = client.oidc.as_ref();
    Some(oidc.map_or_else(OwnScopes::default, |oidc| own_scopes(realm, oidc)))
}

/// Findings with the first request that shows each.
type Shown = BTreeMap<OwnFinding, OwnRequest>;

struct Search<'a> {
    old: &'a Side<'a>,
    new: &'a Side<'a>,
    alike: &'a Alike<'a>,
    applications: &'a [&'a ClientId],
    samples: usize,
}

impl Search<'_> {
    fn answers(&self, request: &OwnRequest) -> (Answer, Answer) {
        (self.old.own_token(request), self.new.own_token(request))
    }

    fn shows(&self, finding: &OwnFinding, request: &OwnRequest) -> bool {
        let (old, new) = self.answers(request);
        own_findings(&old, &new).contains(finding)
    }

    /// The default scopes, each scope alone, then any of them together.
    fn requests(&self) -> impl Iterator<Item = OwnRequest> {
        let [before, after] = &self.alike.scopes;
        let scopes: Vec<ScopeName> = before
            .allowed
            .union(&after.allowed)
            .map(|name| (*name).clone())
            .collect();
        let chosen = self.representatives();
        let mut simple = Vec::new();
        for id in chosen {
            simple.push(own(id, Vec::new()));
            simple.extend(scopes.iter().map(|name| own(id, vec![name.clone()])));
        }
        let mut choices = Choices::new(chosen.first().map_or("", |id| id.as_str()));
        let together = chosen.iter().cycle();
        let together = together.map(move |id| Pool::own(id, &scopes, &mut choices));
        simple.into_iter().chain(together).take(self.samples)
    }

    fn representatives(&self) -> &[&ClientId] {
        let some = self.applications.get(..REPRESENTATIVES);
        some.unwrap_or(self.applications)
    }

    fn run(&self) -> Shown {
        let mut shown = Shown::new();
        for request in self.requests() {
            let (old, new) = self.answers(&request);
            for finding in own_findings(&old, &new) {
                shown.entry(finding).or_insert_with(|| request.clone());
            }
        }
        // Whoever gains or loses the grant is refused otherwise in what it still cannot ask for.
        if shown.contains_key(&OwnFinding::Opens) || shown.contains_key(&OwnFinding::Stops) {
            shown.remove(&OwnFinding::RefusalChanges);
        }
        shown
    }

    fn tell(&self) -> Vec<Change> {
        let shown = self.run();
        let mut told = self.scopes();
        told.extend(self.default_scopes());
        for class in &self.alike.classes {
            let of_class: Vec<&OwnFinding> = shown
                .keys()
                .filter(|found| found.class() == **class)
                .collect();
            if of_class.is_empty() {
                told.extend(may_differ(class).map(|change| change.shown_by(self.none_found())));
            }
            for finding in of_class {
                told.extend(
                    differs(finding)
                        .map(|change| change.shown_by(self.evidence(finding, shown.get(finding)))),
                );
            }
        }
        told
    }

    /// Scopes that the applications may ask for in their own name.
    fn scopes(&self) -> Vec<Change> {
        let [before, after] = &self.alike.scopes;
        let gained = after.allowed.difference(&before.allowed).map(|name| {
            let change = Change::new(Effect::ScopeGained, format!("may ask for `{name}`"))
                .risky("a system scope gives a program power over the realm");
            (name, OwnFinding::Opens, change)
        });
        let lost = before.allowed.difference(&after.allowed).map(|name| {
            let text = format!("may no longer ask for `{name}`");
            let change =
                Change::new(Effect::ScopeLost, text).risky("requests that name it are refused");
            (name, OwnFinding::Stops, change)
        });
        gained
            .chain(lost)
            .map(|(name, finding, change)| {
                change.shown_by(self.asking(&finding, &[(*name).clone()]))
            })
            .collect()
    }

    fn default_scopes(&self) -> Option<Change> {
        let [before, after] = &self.alike.scopes;
        let (before, after) = (&before.default, &after.default);
        if before == after {
            return None;
        }
        let finding = match (before.is_empty(), after.is_empty()) {
            (true, _) => OwnFinding::Opens,
            (_, true) => OwnFinding::Stops,
            _ => OwnFinding::Scopes,
        };
        let change = Change::new(Effect::ScopesGranted, "scopes of a program that names none")
            .values(
                names_text(before.iter().copied()),
                names_text(after.iter().copied()),
            )
            .risky_if(after.is_empty(), "requests that name none are refused");
        Some(change.shown_by(self.asking(&finding, &[])))
    }

    /// What a request for exactly these scopes shows.
    fn asking(&self, finding: &OwnFinding, scopes: &[ScopeName]) -> Evidence {
        let requests = self
            .representatives()
            .iter()
            .map(|id| own(id, scopes.to_vec()));
        let found = requests
            .into_iter()
            .find(|request| self.shows(finding, request));
        self.evidence(finding, found.as_ref())
    }

    /// A request that shows a finding, without the scopes that it does not need, and both answers.
    fn evidence(&self, finding: &OwnFinding, request: Option<&OwnRequest>) -> Evidence {
        let Some(request) = request else {
            return self.none_found();
        };
        let mut request = request.clone();
        for scope in request.scopes.clone() {
            let mut smaller = request.clone();
            smaller.scopes.retain(|kept| *kept != scope);
            if !smaller.scopes.is_empty() && self.shows(finding, &smaller) {
                request = smaller;
            }
        }
        let (old, new) = self.answers(&request);
        Evidence::Witness(Box::new(Witness::own(request, finding, &old, &new)))
    }

    const fn none_found(&self) -> Evidence {
        Evidence::NoneFound {
            samples: self.samples,
        }
    }
}

fn own(client: &ClientId, scopes: Vec<ScopeName>) -> OwnRequest {
    OwnRequest {
        client: client.clone(),
        scopes,
        now: monday(),
    }
}

/// A finding in words; none for what is told by the scopes.
fn differs(finding: &OwnFinding) -> Option<Change> {
    Some(match finding {
        OwnFinding::Stops | OwnFinding::Opens | OwnFinding::Scopes => return None,
        OwnFinding::RefusalChanges => Change::new(
            Effect::RefusalChanges,
            "its requests in its own name are refused by something else",
        ),
        OwnFinding::Audiences => Change::new(
            Effect::Audiences,
            "access tokens in its own name have other audiences",
        ),
        OwnFinding::ClaimAppears(name) => Change::new(
            Effect::ClaimReaches,
            format!("access tokens in its own name carry `{name}`"),
        ),
        OwnFinding::ClaimDisappears(name) => Change::new(
            Effect::ClaimStops,
            format!("access tokens in its own name no longer carry `{name}`"),
        ),
        OwnFinding::ClaimDiffers(name) => Change::new(
            Effect::ClaimChanges,
            format!("access tokens in its own name carry another `{name}`"),
        ),
    })
}

/// What is said of a class that no request showed; none for what is told by the scopes.
fn may_differ(class: &Class) -> Option<Change> {
    Some(match class {
        Class::OwnAudiences => Change::new(
            Effect::Audiences,
            "access tokens in its own name may have other audiences",
        ),
        Class::OwnClaim(name) => Change::new(
            Effect::ClaimChanges,
            format!("access tokens in its own name may carry `{name}` otherwise"),
        ),
        _ => return None,
    })
}
