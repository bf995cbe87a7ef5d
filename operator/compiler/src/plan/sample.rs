//! People and requests to try a change on: drawn from what both configurations name, so that
//! their conditions are met often. The stream of choices is fixed; a plan comes out the same
//! whenever it is made.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use realmwright_decision::facts::{Authentication, Person, Prompt, Request, Session};
use realmwright_decision::own_token::OwnRequest;
use realmwright_decision::simulate::SimulatedLogin;
use realmwright_snapshot::{
    AttributeName, AttributeValue, ClientId, Expression, MethodName, Period, RealmSnapshot,
    RoleRef, ScopeName, ValueKind,
};
use regex::Regex;

use super::inputs::expressions;

/// 2026-01-05T09:00:00Z.
pub(super) fn monday() -> Timestamp {
    Timestamp::from_second(1_767_603_600).unwrap_or_default()
}

/// A stream of choices that is the same everywhere.
pub(super) struct Choices(blake3::OutputReader);

impl Choices {
    pub(super) fn new(seed: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(seed.as_bytes());
        Self(hasher.finalize_xof())
    }

    fn number(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u32::try_from(end).unwrap_or(u32::MAX).max(1);
        usize::try_from(self.number() % end).unwrap_or(0)
    }

    /// True so many times of a hundred.
    fn percent(&mut self, share: u32) -> bool {
        self.number() % 100 < share
    }

    fn one<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// An hour of a week.
    fn moment(&mut self) -> Timestamp {
        let hours = i64::try_from(self.below(24 * 7)).unwrap_or(0);
        monday()
            .checked_add(SignedDuration::from_hours(hours))
            .unwrap_or_default()
    }

    /// Each item with a chance of so many of a hundred.
    fn some<T: Clone>(&mut self, items: &[T], share: u32) -> Vec<T> {
        items
            .iter()
            .filter(|_| self.percent(share))
            .cloned()
            .collect()
    }
}

/// What people and requests are drawn from.
pub(super) struct Pool {
    attributes: Vec<(AttributeName, ValueKind)>,
    texts: Vec<String>,
    numbers: Vec<i64>,
    roles: Vec<RoleRef>,
    groups: Vec<String>,
    methods: Vec<(MethodName, u8)>,
    credentials: Vec<String>,
    addresses: Vec<IpAddr>,
    session_claims: Vec<String>,
    ages: Vec<SignedDuration>,
}

impl Pool {
    pub(super) fn new(old: &RealmSnapshot, new: &RealmSnapshot) -> Self {
        let both = [old, new];
        let named = Literals::of(both.into_iter().flat_map(expressions));
        let distinct = |items: Vec<RoleRef>| -> Vec<RoleRef> {
            items
                .into_iter()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect()
        };
        let methods = || both.into_iter().flat_map(|realm| realm.methods.values());
        Self {
            attributes: both
                .into_iter()
                .flat_map(|realm| &realm.core.attributes)
                .filter(|attribute| attribute.computed.is_none())
                .map(|attribute| (attribute.name.clone(), attribute.kind))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            roles: distinct(both.into_iter().flat_map(roles).collect()),
            groups: named
                .texts
                .iter()
                .filter(|text| text.starts_with('/'))
                .cloned()
                .chain(["/Office".to_owned()])
                .collect(),
            methods: methods()
                .map(|method| (method.name.clone(), method.kind.factor()))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            credentials: methods()
                .map(|method| method.kind.credential().to_owned())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            addresses: named.addresses.into_iter().chain([elsewhere()]).collect(),
            session_claims: both
                .into_iter()
                .flat_map(|realm| realm.core.session_claims.iter().cloned())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            ages: named
                .ages
                .into_iter()
                .chain([1, 60, 3 * 1440].map(SignedDuration::from_mins))
                .collect(),
            texts: named.texts.into_iter().chain(["x".to_owned()]).collect(),
            numbers: named.numbers.into_iter().chain([0, 1]).collect(),
        }
    }

    /// A login to `client`, which may ask for `scopes`.
    pub(super) fn login(
        &self,
        client: &ClientId,
        scopes: &[ScopeName],
        choices: &mut Choices,
    ) -> SimulatedLogin {
        let now = choices.moment();
        SimulatedLogin {
            person: self.person(choices),
            client: client.clone(),
            request: self.request(scopes, choices),
            session: choices.percent(40).then(|| self.session(now, choices)),
            consented: if choices.percent(50) {
                choices.some(scopes, 50)
            } else {
                Vec::new()
            },
            answers: self
                .methods
                .iter()
                .filter_map(|_| choices.one(&self.methods).map(|(name, _)| name.clone()))
                .collect(),
            now,
        }
    }

    /// Somebody with every credential who asks `client` for one scope.
    pub(super) fn somebody(&self, client: &ClientId, scope: &ScopeName) -> SimulatedLogin {
        SimulatedLogin {
            person: Person {
                sub: "sample".to_owned(),
                credentials: self.credentials.iter().cloned().collect(),
                ..Person::default()
            },
            client: client.clone(),
            request: Request {
                scopes: vec![scope.clone()],
                ip: Some(elsewhere()),
                ..Request::default()
            },
            session: None,
            consented: Vec::new(),
            answers: Vec::new(),
            now: monday(),
        }
    }

    /// `client` itself, which asks in its own name for some of `scopes`.
    pub(super) fn own(
        client: &ClientId,
        scopes: &[ScopeName],
        choices: &mut Choices,
    ) -> OwnRequest {
        let mut scopes = choices.some(scopes, 50);
        if choices.percent(50) {
            scopes.reverse();
        }
        OwnRequest {
            client: client.clone(),
            scopes,
            now: choices.moment(),
        }
    }

    fn person(&self, choices: &mut Choices) -> Person {
        let attributes = self
            .attributes
            .iter()
            .filter(|_| choices.percent(75))
            .cloned()
            .collect::<Vec<_>>();
        Person {
            sub: "sample".to_owned(),
            attributes: attributes
                .into_iter()
                .map(|(name, kind)| (name, self.value(kind, choices)))
                .collect(),
            roles: choices.some(&self.roles, 25).into_iter().collect(),
            groups: choices.some(&self.groups, 30).into_iter().collect(),
            required_factors: if choices.percent(80) { 0 } else { 2 },
            credentials: if choices.percent(60) {
                self.credentials.iter().cloned().collect()
            } else {
                choices.some(&self.credentials, 60).into_iter().collect()
            },
            locked: choices.percent(4),
        }
    }

    fn value(&self, kind: ValueKind, choices: &mut Choices) -> AttributeValue {
        let text = |choices: &mut Choices| {
            let named = choices.one(&self.texts).cloned();
            named.unwrap_or_default()
        };
        match kind {
            ValueKind::String => AttributeValue::String(text(choices)),
            ValueKind::Number => {
                let near = i64::from(choices.number() % 3) - 1;
                let named = choices.one(&self.numbers).copied().unwrap_or_default();
                AttributeValue::Number(named.saturating_add(near))
            }
            ValueKind::Boolean => AttributeValue::Boolean(choices.percent(50)),
            ValueKind::Bytes => AttributeValue::Bytes(text(choices).into_bytes()),
            ValueKind::StringList => AttributeValue::StringList(choices.some(&self.texts, 30)),
        }
    }

    fn session(&self, now: Timestamp, choices: &mut Choices) -> Session {
        let age = choices.one(&self.ages).copied().unwrap_or_default();
        let near = SignedDuration::from_mins(i64::from(choices.number() % 3) - 1);
        let at = now.checked_sub(age + near).unwrap_or(now).min(now);
        let mut methods = choices.some(&self.methods, 50);
        if methods.is_empty() {
            methods.extend(choices.one(&self.methods).cloned());
        }
        Session {
            authentications: methods
                .into_iter()
                .map(|(method, factor)| Authentication { method, factor, at })
                .collect(),
            claims: choices
                .some(&self.session_claims, 30)
                .into_iter()
                .map(|name| (name, choices.one(&self.texts).cloned().into()))
                .collect(),
        }
    }

    fn request(&self, scopes: &[ScopeName], choices: &mut Choices) -> Request {
        let prompt = match choices.below(12) {
            0 => Some(Prompt::None),
            1 => Some(Prompt::Login),
            2 => Some(Prompt::Consent),
            3 => Some(Prompt::SelectAccount),
            _ => None,
        };
        Request {
            prompt: prompt.into_iter().collect(),
            scopes: match choices.below(4) {
                0 => Vec::new(),
                1 => scopes.to_vec(),
                _ => choices.some(scopes, 50),
            },
            max_age: choices.percent(10).then(|| Period::from_secs(600)),
            ip: choices
                .percent(90)
                .then(|| choices.one(&self.addresses).copied())
                .flatten(),
            acr_values: if choices.percent(20) {
                choices.some(&self.texts, 20)
            } else {
                Vec::new()
            },
            login_hint: None,
            ui_locales: Vec::new(),
        }
    }
}

fn roles(realm: &RealmSnapshot) -> Vec<RoleRef> {
    let of_realm = realm.core.roles.keys().map(|role| RoleRef {
        client: None,
        role: role.clone(),
    });
    let of_clients = realm.clients.iter().flat_map(|(id, client)| {
        client.roles.keys().map(|role| RoleRef {
            client: Some(id.clone()),
            role: role.clone(),
        })
    });
    of_realm.chain(of_clients).collect()
}

/// An address of the documentation range, in no network that anybody names.
fn elsewhere() -> IpAddr {
    IpAddr::from([203, 0, 113, 1])
}

/// What expressions compare with.
#[derive(Default)]
struct Literals {
    texts: BTreeSet<String>,
    numbers: BTreeSet<i64>,
    addresses: BTreeSet<IpAddr>,
    ages: BTreeSet<SignedDuration>,
}

impl Literals {
    /// Reads expressions as rows of texts and numbers; what lies between does not matter here.
    fn of<'e>(expressions: impl Iterator<Item = &'e Expression>) -> Self {
        let mut literals = Self::default();
        let Ok(token) = Regex::new(r#""([^"\\]*)"|'([^'\\]*)'|\b(\d{1,18})\b"#) else {
            return literals;
        };
        for found in expressions.flat_map(|text| token.captures_iter(text.as_str())) {
            if let Some(text) = found.get(1).or_else(|| found.get(2)) {
                literals.text(text.as_str());
            } else if let Some(number) = found.get(3).and_then(|n| n.as_str().parse().ok()) {
                literals.numbers.insert(number);
            }
        }
        literals
    }

    fn text(&mut self, text: &str) {
        if let Ok(network) = text.parse::<IpNet>() {
            self.addresses.extend(network.hosts().next());
        } else if let Ok(address) = text.parse::<IpAddr>() {
            self.addresses.insert(address);
        } else if let Ok(age) = text.parse::<SignedDuration>() {
            self.ages.insert(age.abs());
        }
        self.texts.insert(text.to_owned());
    }
}
