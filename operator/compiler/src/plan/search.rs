//! Looks for somebody for whom what may differ does differ.

use std::collections::{BTreeMap, BTreeSet};

use realmwright_decision::claims::{Target, outermost};
use realmwright_decision::simulate::{Simulated, SimulatedLogin};
use realmwright_snapshot::{
    ClientId, ClientSnapshot, DataClass, Expression, FlowName, GrantType, RealmSnapshot, ScopeName,
};

use super::changes::{Change, Effect, Evidence};
use super::sample::{Choices, Pool};
use super::witness::{Finding, Shown, Witness, findings, gets, minimal};
use super::{Class, Side};

/// So many logins are tried for applications that change in the same way.
pub const SEARCHED: usize = 600;

/// Beyond so many ways to change, the rest is announced without a search.
pub(super) const MOST_SEARCHES: usize = 100;

/// So many applications stand for those that change in the same way.
pub(super) const REPRESENTATIVES: usize = 3;

/// Applications that change in the same way are searched together: the same may differ, under the
/// same flow and the same access rules.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alike<'a> {
    classes: BTreeSet<&'a Class>,
    flows: [Option<&'a FlowName>; 2],
    access: [Vec<&'a Expression>; 2],
    scopes: [BTreeSet<ScopeName>; 2],
    reach: [Reach; 2],
}

/// What can reach an application in a person's name, with the strictest class of it.
type Reach = BTreeMap<(Target, String), DataClass>;

/// What differs in logins, with who shows it.
pub(super) fn changes(
    old: &Side<'_>,
    new: &Side<'_>,
    announced: &BTreeMap<ClientId, BTreeSet<Class>>,
) -> Vec<Change> {
    let mut groups: BTreeMap<Alike<'_>, Vec<&ClientId>> = BTreeMap::new();
    for (id, classes) in announced {
        let (Some(before), Some(after)) =
            (old.snapshot.clients.get(id), new.snapshot.clients.get(id))
        else {
            continue;
        };
        let classes: BTreeSet<&Class> = classes.iter().filter(|class| !class.is_own()).collect();
        if classes.is_empty() || !(lets_people_in(before) || lets_people_in(after)) {
            continue;
        }
        let alike = Alike {
            classes,
            flows: [before.flow.as_ref(), after.flow.as_ref()],
            access: [access(before), access(after)],
            scopes: [scopes(old.snapshot, before), scopes(new.snapshot, after)],
            reach: [reach(old.snapshot, before), reach(new.snapshot, after)],
        };
        groups.entry(alike).or_default().push(id);
    }
    if groups.is_empty() {
        return Vec::new();
    }
    let pool = Pool::new(old.snapshot, new.snapshot);
    let mut changes = Vec::new();
    for (at, (alike, applications)) in groups.iter().enumerate() {
        let samples = if at < MOST_SEARCHES { SEARCHED } else { 0 };
        let search = Search {
            old,
            new,
            pool: &pool,
            samples,
        };
        for change in search.tell(alike, applications) {
            changes.push(Change {
                applications: applications.iter().map(|id| (*id).clone()).collect(),
                ..change
            });
        }
    }
    changes
}

fn lets_people_in(client: &ClientSnapshot) -> bool {
    let oidc = client.oidc.as_ref();
    oidc.is_some_and(|oidc| oidc.grant_types.contains(&GrantType::AuthorizationCode))
}

fn access(client: &ClientSnapshot) -> Vec<&Expression> {
    let rules = client.access.rules.as_deref().unwrap_or_default();
    rules.iter().map(|rule| &rule.when).collect()
}

fn reach(realm: &RealmSnapshot, client: &ClientSnapshot) -> Reach {
    let scopes = scopes(realm, client);
    let of_scopes = scopes
        .iter()
        .filter_map(|name| realm.scopes.get(name))
        .flat_map(|scope| &scope.claims);
    let mut reached = Reach::new();
    for claim in of_scopes.chain(&client.claims) {
        for target in Target::ALL {
            if target.is_among(claim.targets) {
                let key = (target, outermost(&claim.claim));
                let class = reached.entry(key).or_insert(claim.data_class);
                *class = (*class).max(claim.data_class);
            }
        }
    }
    reached
}

/// Scopes that it may ask for in a person's name: none of those for programs.
fn scopes(realm: &RealmSnapshot, client: &ClientSnapshot) -> BTreeSet<ScopeName> {
    let oidc = client.oidc.iter();
    oidc.flat_map(|oidc| oidc.scopes.allowed.iter().chain(&oidc.scopes.default))
        .filter(|name| realm.scopes.get(*name).is_some_and(|scope| !scope.system))
        .cloned()
        .collect()
}

struct Search<'a> {
    old: &'a Side<'a>,
    new: &'a Side<'a>,
    pool: &'a Pool,
    samples: usize,
}

impl Search<'_> {
    fn run(&self, alike: &Alike<'_>, applications: &[&ClientId]) -> Shown {
        let [before, after] = &alike.reach;
        let gained = after.keys().filter(|key| !before.contains_key(*key));
        let lost = before.keys().filter(|key| !after.contains_key(*key));
        let appears = gained.map(|(target, name)| Finding::ClaimAppears(*target, name.clone()));
        let disappears = lost.map(|(target, name)| Finding::ClaimDisappears(*target, name.clone()));
        let reach: Vec<Finding> = appears.chain(disappears).collect();
        let mut shown = Shown::new();
        let [before, after] = &alike.scopes;
        let scopes: Vec<ScopeName> = before.union(after).cloned().collect();
        let chosen = applications.get(..REPRESENTATIVES).unwrap_or(applications);
        let seed = chosen.first().map_or("", |id| id.as_str());
        let mut choices = Choices::new(seed);
        for id in chosen.iter().cycle().take(self.samples) {
            let login = self.pool.login(id, &scopes, &mut choices);
            let (old, new) = self.simulate(&login);
            let claims = reach.iter().filter(|finding| shows(finding, &old, &new));
            for finding in findings(&old, &new).into_iter().chain(claims.cloned()) {
                shown.entry(finding).or_insert_with(|| login.clone());
            }
        }
        shown
    }

    fn simulate(&self, login: &SimulatedLogin) -> (Simulated, Simulated) {
        (self.old.simulate(login), self.new.simulate(login))
    }

    /// The announced classes in words, each with what was found.
    fn tell(&self, alike: &Alike<'_>, applications: &[&ClientId]) -> Vec<Change> {
        let mut told = self.scopes(alike, applications);
        let shown = self.run(alike, applications);
        told.extend(self.logins(alike, &shown));
        told.extend(self.claims(alike, &shown));
        told
    }

    fn logins(&self, alike: &Alike<'_>, shown: &Shown) -> Vec<Change> {
        let mut told = Vec::new();
        for class in &alike.classes {
            let Some(may_differ) = may_differ(class) else {
                continue;
            };
            let of_class: Vec<&Finding> = shown.keys().filter(|f| f.class() == **class).collect();
            if of_class.is_empty() {
                told.push(may_differ.shown_by(self.none_found()));
            }
            told.extend(of_class.into_iter().filter_map(|finding| {
                Some(differs(finding)?.shown_by(self.evidence(finding, shown)))
            }));
        }
        told
    }

    /// Claims that reach an application, no longer do, or may have another value.
    fn claims(&self, alike: &Alike<'_>, shown: &Shown) -> Vec<Change> {
        let [before, after] = &alike.reach;
        let announced = alike.classes.iter().filter_map(|class| match class {
            Class::Claim(target, name) => Some((*target, name.clone())),
            _ => None,
        });
        let gained = after.keys().filter(|key| !before.contains_key(*key));
        let lost = before.keys().filter(|key| !after.contains_key(*key));
        let keys: BTreeSet<(Target, String)> =
            announced.chain(gained.chain(lost).cloned()).collect();
        let mut claims: BTreeMap<(Effect, String), Vec<Target>> = BTreeMap::new();
        for (target, name) in keys {
            let key = (target, name);
            let effect = match (before.contains_key(&key), after.contains_key(&key)) {
                (false, true) => Effect::ClaimReaches,
                (true, false) => Effect::ClaimStops,
                (true, true) => Effect::ClaimChanges,
                // Of a scope that is never granted in a person's name.
                (false, false) => continue,
            };
            claims.entry((effect, key.1)).or_default().push(target);
        }
        claims
            .into_iter()
            .map(|((effect, name), targets)| {
                let finding = shown.keys().find(|finding| match finding.class() {
                    Class::Claim(target, claim) => claim == name && targets.contains(&target),
                    _ => false,
                });
                let evidence =
                    finding.map_or_else(|| self.none_found(), |f| self.evidence(f, shown));
                let class = Target::ALL
                    .into_iter()
                    .filter_map(|target| after.get(&(target, name.clone())).copied())
                    .max();
                claim(effect, finding, &name, (&targets, class)).shown_by(evidence)
            })
            .collect()
    }

    /// Scopes that the applications may ask for in a person's name, by their own lists or because
    /// the realm has them.
    fn scopes(&self, alike: &Alike<'_>, applications: &[&ClientId]) -> Vec<Change> {
        let [before, after] = &alike.scopes;
        let gained = after.difference(before).map(|name| {
            let change = Change::new(Effect::ScopeGained, format!("may ask for `{name}`"));
            (name, Finding::ScopeOpens, change)
        });
        let lost = before.difference(after).map(|name| {
            let text = format!("may no longer ask for `{name}`");
            let change = Change::new(Effect::ScopeLost, text);
            let why = "requests that name it are refused";
            (name, Finding::ScopeStops, change.risky(why))
        });
        gained
            .chain(lost)
            .map(|(name, finding, change)| {
                let mut logins = applications.iter().take(REPRESENTATIVES);
                let shown = logins.find_map(|id| {
                    let login = self.pool.somebody(id, name);
                    let (old, new) = self.simulate(&login);
                    shows(&finding, &old, &new).then_some(login)
                });
                change.shown_by(match shown {
                    Some(login) => {
                        let shown = Shown::from([(finding.clone(), login)]);
                        self.evidence(&finding, &shown)
                    }
                    None => self.none_found(),
                })
            })
            .collect()
    }

    const fn none_found(&self) -> Evidence {
        Evidence::NoneFound {
            samples: self.samples,
        }
    }

    /// The smallest login that shows a finding, with both outcomes of it.
    fn evidence(&self, finding: &Finding, shown: &Shown) -> Evidence {
        let Some(login) = shown.get(finding) else {
            return self.none_found();
        };
        let login = minimal(login.clone(), &mut |login| {
            let (old, new) = self.simulate(login);
            shows(finding, &old, &new)
        });
        let (old, new) = self.simulate(&login);
        Evidence::Witness(Box::new(Witness::new(login, finding, &old, &new)))
    }
}

/// Whether a login shows a finding. A claim may also appear because its scope was refused before.
fn shows(finding: &Finding, old: &Simulated, new: &Simulated) -> bool {
    match finding {
        Finding::ClaimAppears(target, name) => {
            gets(new, *target, name) && !gets(old, *target, name)
        }
        Finding::ClaimDisappears(target, name) => {
            gets(old, *target, name) && !gets(new, *target, name)
        }
        other => findings(old, new).contains(other),
    }
}

/// What is said of a class for which nobody was found.
fn may_differ(class: &Class) -> Option<Change> {
    let (effect, text) = match class {
        Class::Steps => (Effect::StepsChange, "what people are asked for may differ"),
        Class::Result => (Effect::RefusalChanges, "who gets in may differ"),
        Class::Scopes => (Effect::ScopesGranted, "the granted scopes may differ"),
        Class::Consent => (Effect::ConsentAsked, "what needs consent may differ"),
        Class::Audiences => (
            Effect::Audiences,
            "the audiences of access tokens may differ",
        ),
        Class::Session => (Effect::Session, "what the session holds may differ"),
        // Claims are told by their names, and what is not of people elsewhere.
        Class::Claim(..)
        | Class::OwnResult
        | Class::OwnScopes
        | Class::OwnAudiences
        | Class::OwnClaim(_) => return None,
    };
    Some(Change::new(effect, text))
}

/// A finding in words; none for scopes and claims, which are told by their names.
fn differs(finding: &Finding) -> Option<Change> {
    Some(match finding {
        Finding::LoginStops => {
            Change::new(Effect::LoginStops, "people who could log in are refused")
                .risky("somebody loses access")
        }
        Finding::LoginOpens => {
            Change::new(Effect::LoginOpens, "people who were refused can log in")
                .risky("somebody gains access")
        }
        Finding::SilentStops => Change::new(
            Effect::SilentLogin,
            "single sign-on without a page (prompt=none) now needs one",
        ),
        Finding::SilentOpens => Change::new(
            Effect::SilentLogin,
            "single sign-on that needed a page no longer does",
        ),
        Finding::RefusalChanges => Change::new(
            Effect::RefusalChanges,
            "another rule refuses people, or lets them in",
        ),
        Finding::StepsAdded => Change::new(Effect::StepsAdded, "people are asked for more"),
        Finding::StepsRemoved => Change::new(Effect::StepsRemoved, "people are asked for less")
            .risky("a login becomes weaker"),
        Finding::StepsChange => {
            Change::new(Effect::StepsChange, "people are asked for something else")
        }
        Finding::Scopes => Change::new(
            Effect::ScopesGranted,
            "other scopes are granted to a request that names none",
        ),
        Finding::ConsentAsked => Change::new(Effect::ConsentAsked, "people are asked for consent"),
        Finding::ConsentDropped => Change::new(
            Effect::ConsentDropped,
            "people are no longer asked for consent",
        )
        .risky("data leaves without a consent that was asked before"),
        Finding::Audiences => Change::new(Effect::Audiences, "access tokens are for others"),
        Finding::Session => Change::new(
            Effect::Session,
            "the session holds something else, or other sessions end",
        ),
        Finding::ScopeStops
        | Finding::ScopeOpens
        | Finding::ClaimAppears(..)
        | Finding::ClaimDisappears(..)
        | Finding::ClaimDiffers(..) => return None,
    })
}

fn claim(
    effect: Effect,
    finding: Option<&Finding>,
    name: &str,
    (targets, class): (&[Target], Option<DataClass>),
) -> Change {
    let places: Vec<&str> = targets
        .iter()
        .map(|target| match target {
            Target::IdToken => "id token",
            Target::AccessToken => "access token",
            Target::UserInfo => "userinfo",
        })
        .collect();
    let places = places.join(", ");
    let data = match class {
        Some(DataClass::Medical) => " (medical)",
        Some(DataClass::Personal) => " (personal)",
        Some(DataClass::Pseudonymous) | None => "",
    };
    let text = match (effect, finding) {
        (Effect::ClaimReaches, _) => format!("can get `{name}`{data} in {places}"),
        (Effect::ClaimStops, _) => format!("can no longer get `{name}` in {places}"),
        (_, Some(Finding::ClaimAppears(..))) => {
            format!("gets `{name}`{data} in {places} where it did not")
        }
        (_, Some(Finding::ClaimDisappears(..))) => {
            format!("does not get `{name}` in {places} where it did")
        }
        _ => format!("`{name}`{data} has another value in {places}"),
    };
    let change = Change::new(effect, text);
    let leaves = effect == Effect::ClaimReaches && class > Some(DataClass::Pseudonymous);
    change.risky_if(
        leaves,
        "personal data reaches an application that did not get it",
    )
}
