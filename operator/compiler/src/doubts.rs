//! Objects that are there but cannot be counted on: what lacks one of them is a consequence of its
//! fault, and only the fault itself is worth a person's time.

use std::collections::{BTreeMap, BTreeSet};

use crate::object::{Kind, RealmKey};

/// Something that others look for and do not find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Absent {
    kind: Kind,
    namespace: String,
    /// The realm that it was looked for in, for kinds that belong to one.
    realm: Option<RealmKey>,
    /// None where any object of the kind would do.
    name: Option<String>,
}

impl Absent {
    /// An object by its name.
    pub(crate) fn object(kind: Kind, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            realm: None,
            name: Some(name.to_owned()),
        }
    }

    /// Any object of a kind in a namespace.
    pub(crate) fn any_in(kind: Kind, namespace: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            realm: None,
            name: None,
        }
    }

    /// An object of a realm, by what others call it.
    pub(crate) fn member(kind: Kind, realm: &RealmKey, name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            ..Self::any_member(kind, realm)
        }
    }

    /// Any object of a kind in a realm.
    pub(crate) fn any_member(kind: Kind, realm: &RealmKey) -> Self {
        Self {
            kind,
            namespace: realm.namespace.clone(),
            realm: Some(realm.clone()),
            name: None,
        }
    }
}

/// A document that does not say, or not readably, what it declares; as much as its text shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) namespace: Option<String>,
    pub(crate) kind: Option<Kind>,
    pub(crate) name: Option<String>,
}

impl Unread {
    /// What the text of a document seems to declare.
    pub(crate) fn of(text: &str) -> Self {
        Self {
            namespace: apparent(text, "namespace"),
            kind: apparent(text, "kind").and_then(|kind| {
                let mut kinds = Kind::OURS.into_iter().chain([Kind::Secret]);
                kinds.find(|known| known.as_str() == kind)
            }),
            name: text
                .split_once("metadata")
                .and_then(|(_, rest)| apparent(rest, "name")),
        }
    }

    /// Whether it may be what is absent: whatever it leaves open, it may be. A kind without
    /// namespace has an empty one.
    fn may_be(&self, absent: &Absent) -> bool {
        fn open_or<T: PartialEq>(said: Option<&T>, sought: Option<&T>) -> bool {
            said.is_none() || sought.is_none() || said == sought
        }
        open_or(self.kind.as_ref(), Some(&absent.kind))
            && (!absent.kind.is_namespaced()
                || open_or(self.namespace.as_ref(), Some(&absent.namespace)))
            // Others may call it otherwise than by its name.
            && (matches!(absent.kind, Kind::Client | Kind::Scope)
                || open_or(self.name.as_ref(), absent.name.as_ref()))
    }
}

/// The first value that seems to stand under a key, in text that cannot be read.
fn apparent(text: &str, key: &str) -> Option<String> {
    text.match_indices(key).find_map(|(start, _)| {
        let before = text.get(..start)?.chars().next_back();
        if before.is_some_and(char::is_alphanumeric) {
            return None;
        }
        let rest = text.get(start + key.len()..)?;
        let rest = rest.trim_start_matches(['"', '\'']).trim_start();
        let rest = rest.strip_prefix(':')?.trim_start();
        let value: String = rest
            .trim_start_matches(['"', '\''])
            .chars()
            .take_while(|character| character.is_ascii_alphanumeric() || *character == '-')
            .collect();
        (!value.is_empty()).then_some(value)
    })
}

/// What an object that exists is to those who look for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doubtful<'a> {
    pub(crate) kind: Kind,
    /// That of its realm, where it belongs to one.
    pub(crate) namespace: &'a str,
    /// None where that cannot be told.
    pub(crate) realm: Option<&'a RealmKey>,
    /// What others call it; none where that cannot be told.
    pub(crate) called: Option<&'a str>,
}

/// What others call an object, and its realm.
type Called = (Option<String>, Option<RealmKey>);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    /// By kind and namespace.
    known: BTreeMap<(Kind, String), BTreeSet<Called>>,
    unread: Vec<Unread>,
}

impl Doubts {
    pub(crate) fn add(&mut self, doubtful: Doubtful<'_>) {
        let Doubtful {
            kind,
            namespace,
            realm,
            called,
        } = doubtful;
        self.known
            .entry((kind, namespace.to_owned()))
            .or_default()
            .insert((called.map(str::to_owned), realm.cloned()));
    }

    pub(crate) fn add_unread(&mut self, unread: Unread) {
        // Many files may be unreadable, and all say the same of themselves: nothing.
        if !self.unread.contains(&unread) {
            self.unread.push(unread);
        }
    }

    /// Whether what is absent may be one of the objects in doubt.
    pub(crate) fn explain(&self, absent: &Absent) -> bool {
        let Absent {
            kind,
            namespace,
            realm,
            name,
        } = absent;
        let is_of_realm = |of: &Option<RealmKey>| of.is_none() || realm.is_none() || of == realm;
        let known = self.known.get(&(*kind, namespace.clone()));
        let known = known.is_some_and(|known| match name {
            None => known.iter().any(|(_, of)| is_of_realm(of)),
            Some(_) => [None, Some(name)].into_iter().any(|called| {
                let from = (called.cloned().flatten(), None);
                known
                    .range(from.clone()..)
                    .take_while(|(called, _)| *called == from.0)
                    .any(|(_, of)| is_of_realm(of))
            }),
        });
        known || self.unread.iter().any(|unread| unread.may_be(absent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(name: &str) -> RealmKey {
        RealmKey {
            namespace: "identity".to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn text_that_cannot_be_read_shows_what_it_means_to_be() {
        let text = "apiVersion: x/v1\nkind: Realm\nmetadata:\n  namespace: identity\n  name: 'main'\nspec: {\n";
        assert_eq!(
            Unread::of(text),
            Unread {
                namespace: Some("identity".to_owned()),
                kind: Some(Kind::Realm),
                name: Some("main".to_owned()),
            }
        );
        assert_eq!(
            Unread::of("spec: {name: x}\nrealmkind: 3"),
            Unread::default()
        );
    }

    #[test]
    fn an_object_in_doubt_explains_that_it_is_not_found_and_nothing_else() {
        let mut doubts = Doubts::default();
        doubts.add(Doubtful {
            kind: Kind::AuthFlow,
            namespace: "identity",
            realm: Some(&realm("main")),
            called: Some("strict"),
        });
        let flow = |key: &str, name: &str| Absent::member(Kind::AuthFlow, &realm(key), name);
        assert!(doubts.explain(&flow("main", "strict")));
        assert!(doubts.explain(&Absent::any_member(Kind::AuthFlow, &realm("main"))));
        assert!(!doubts.explain(&flow("main", "lax")));
        assert!(!doubts.explain(&flow("staff", "strict")));
        assert!(!doubts.explain(&Absent::any_member(Kind::AuthMethod, &realm("main"))));
    }

    #[test]
    fn what_is_unread_may_be_all_that_it_leaves_open() {
        let mut doubts = Doubts::default();
        doubts.add_unread(Unread {
            namespace: Some("identity".to_owned()),
            kind: None,
            name: Some("main".to_owned()),
        });
        let sought = |kind, namespace, name| Absent::object(kind, namespace, name);
        assert!(doubts.explain(&sought(Kind::Realm, "identity", "main")));
        assert!(doubts.explain(&sought(Kind::Region, "", "main")));
        assert!(!doubts.explain(&sought(Kind::Realm, "identity", "mian")));
        assert!(!doubts.explain(&sought(Kind::Realm, "team-a", "main")));
    }
}
