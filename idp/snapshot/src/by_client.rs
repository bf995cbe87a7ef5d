//! Values by client, spread over shards that are shared by pointer: whoever holds the former
//! version sees by 256 comparisons which few clients an edit concerned, however large the realm.

use std::collections::{BTreeMap, btree_map};
use std::iter::FlatMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::{ClientId, ClientSnapshot};

/// One of the 256 shards of a realm's clients.
///
/// Clients are spread by the hash of their identifier. One edited client of 100,000 then concerns
/// about 400 others, and the number of shards never changes with the realm's size, so that
/// neighbours stay together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// The shard of a client.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let [first, ..] = *blake3::hash(id.as_bytes()).as_bytes();
        Self(first)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl From<u8> for Shard {
    fn from(number: u8) -> Self {
        Self(number)
    }
}

/// The clients of one shard with their values, by identifier.
pub type ShardMap<V> = BTreeMap<ClientId, V>;

/// The clients of one shard.
pub type ClientShard = ShardMap<Arc<ClientSnapshot>>;

/// Something for each shard that has clients.
pub type PerShard<W> = BTreeMap<Shard, Arc<W>>;

/// Values by client. A clone costs 256 pointers at most. Iteration goes shard by shard.
#[derive(Clone, Debug, PartialEq)]
pub struct ByClient<V> {
    shards: PerShard<ShardMap<V>>,
}

impl<V> Default for ByClient<V> {
    fn default() -> Self {
        Self {
            shards: BTreeMap::new(),
        }
    }
}

impl<V> ByClient<V> {
    /// No client.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a client.
    #[must_use]
    pub fn get<Q: AsRef<str> + ?Sized>(&self, id: &Q) -> Option<&V> {
        let id = id.as_ref();
        self.shards.get(&Shard::of(id))?.get(id)
    }

    /// Whether the client is there.
    #[must_use]
    pub fn contains_key<Q: AsRef<str> + ?Sized>(&self, id: &Q) -> bool {
        self.get(id).is_some()
    }

    /// How many clients there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.values().map(|shard| shard.len()).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    /// Clients with their values.
    pub fn iter(&self) -> Entries<'_, V> {
        self.shards.values().flat_map(|shard| shard.as_ref())
    }

    /// Clients.
    pub fn keys(&self) -> impl Iterator<Item = &ClientId> {
        self.iter().map(|(id, _)| id)
    }

    /// Values.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The shards that have clients, in order.
    pub fn shards(&self) -> impl Iterator<Item = (Shard, &Arc<ShardMap<V>>)> {
        self.shards.iter().map(|(shard, map)| (*shard, map))
    }

    /// One shard; none when it has no client.
    #[must_use]
    pub fn shard(&self, shard: Shard) -> Option<&Arc<ShardMap<V>>> {
        self.shards.get(&shard)
    }

    /// Shards that are not those of `former`, by pointer: every client that differs is in one.
    pub fn changed<'a>(
        &'a self,
        former: Option<&'a Self>,
    ) -> impl Iterator<Item = (Shard, &'a Arc<ShardMap<V>>)> {
        self.shards().filter(move |(shard, map)| {
            former
                .and_then(|former| former.shard(*shard))
                .is_none_or(|former| !Arc::ptr_eq(former, map))
        })
    }

    /// Puts a whole shard in the place of the one before; an empty one takes it away.
    pub fn set_shard(&mut self, shard: Shard, map: Arc<ShardMap<V>>) {
        if map.is_empty() {
            self.shards.remove(&shard);
        } else {
            self.shards.insert(shard, map);
        }
    }

    /// Something made of each shard. Where `known` gives what was made of other clients, that of
    /// the shards that are the same by pointer is taken from there instead.
    pub fn per_shard<W>(
        &self,
        known: Option<(&Self, &PerShard<W>)>,
        make: impl Fn(&ShardMap<V>) -> W,
    ) -> PerShard<W> {
        let make_or_share = |shard: &Shard, map: &Arc<ShardMap<V>>| {
            let shared = known
                .filter(|(former, _)| {
                    let former = former.shards.get(shard);
                    former.is_some_and(|former| Arc::ptr_eq(former, map))
                })
                .and_then(|(_, made)| made.get(shard));
            shared.map_or_else(|| Arc::new(make(map)), Arc::clone)
        };
        self.shards
            .iter()
            .map(|(shard, map)| (*shard, make_or_share(shard, map)))
            .collect()
    }

    /// Another value for each client, shared with `known` as in [`Self::per_shard`].
    pub fn derive<W>(
        &self,
        known: Option<(&Self, &ByClient<W>)>,
        derive: impl Fn(&ClientId, &V) -> W,
    ) -> ByClient<W> {
        let known = known.map(|(former, derived)| (former, &derived.shards));
        ByClient {
            shards: self.per_shard(known, |map| {
                map.iter()
                    .map(|(id, value)| (id.clone(), derive(id, value)))
                    .collect()
            }),
        }
    }
}

impl<V: Clone> ByClient<V> {
    /// The value of a client, to be changed; its shard is no longer shared then.
    pub fn get_mut<Q: AsRef<str> + ?Sized>(&mut self, id: &Q) -> Option<&mut V> {
        let id = id.as_ref();
        let shard = self.shards.get_mut(&Shard::of(id))?;
        shard
            .contains_key(id)
            .then(|| Arc::make_mut(shard).get_mut(id))
            .flatten()
    }

    /// Sets the value of a client and returns the one before.
    pub fn insert(&mut self, id: ClientId, value: V) -> Option<V> {
        let shard = self.shards.entry(Shard::of(id.as_str())).or_default();
        Arc::make_mut(shard).insert(id, value)
    }

    /// Takes a client away and returns its value.
    pub fn remove<Q: AsRef<str> + ?Sized>(&mut self, id: &Q) -> Option<V> {
        let id = id.as_ref();
        let shard = Shard::of(id);
        let map = self.shards.get_mut(&shard)?;
        let removed = map
            .contains_key(id)
            .then(|| Arc::make_mut(map).remove(id))
            .flatten();
        if map.is_empty() {
            self.shards.remove(&shard);
        }
        removed
    }
}

/// A shard of these clients: the `former` one where each is as it was there. Only what is another
/// object is compared.
#[must_use]
pub fn shared_shard(
    former: Option<&Arc<ClientShard>>,
    clients: &[&Arc<ClientSnapshot>],
) -> Arc<ClientShard> {
    match former.filter(|former| has_all(former, clients)) {
        Some(former) => Arc::clone(former),
        None => {
            let entries = clients.iter();
            let entries = entries.map(|client| (client.id.clone(), Arc::clone(client)));
            Arc::new(entries.collect())
        }
    }
}

/// Whether a shard has these clients and no other. Addresses are compared first, without a look
/// at what lies there.
fn has_all(shard: &ClientShard, members: &[&Arc<ClientSnapshot>]) -> bool {
    if shard.len() != members.len() {
        return false;
    }
    let mut there: Vec<_> = shard.values().map(Arc::as_ptr).collect();
    let mut here: Vec<_> = members.iter().map(|client| Arc::as_ptr(client)).collect();
    there.sort_unstable();
    here.sort_unstable();
    there == here
        || members
            .iter()
            .all(|client| shard.get(&client.id).is_some_and(|there| there == *client))
}

impl<V> FromIterator<(ClientId, V)> for ByClient<V> {
    fn from_iter<I: IntoIterator<Item = (ClientId, V)>>(entries: I) -> Self {
        let mut shards: BTreeMap<Shard, ShardMap<V>> = BTreeMap::new();
        for (id, value) in entries {
            let shard = shards.entry(Shard::of(id.as_str())).or_default();
            shard.insert(id, value);
        }
        Self {
            shards: shards
                .into_iter()
                .map(|(shard, map)| (shard, Arc::new(map)))
                .collect(),
        }
    }
}

/// See [`ByClient::iter`].
pub type Entries<'a, V> = FlatMap<
    btree_map::Values<'a, Shard, Arc<ShardMap<V>>>,
    &'a ShardMap<V>,
    fn(&'a Arc<ShardMap<V>>) -> &'a ShardMap<V>,
>;

impl<'a, V> IntoIterator for &'a ByClient<V> {
    type Item = (&'a ClientId, &'a V);
    type IntoIter = Entries<'a, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<V, const N: usize> From<[(ClientId, V); N]> for ByClient<V> {
    fn from(entries: [(ClientId, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<V: Serialize> Serialize for ByClient<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn clients(count: usize) -> ByClient<Arc<ClientSnapshot>> {
        sample::realm((0..count).map(|n| sample::client(&format!("client-{n}")))).clients
    }

    #[test]
    fn it_is_a_map() {
        let mut map = ByClient::new();
        assert!(map.is_empty());
        for (id, value) in [("a", 1), ("b", 2), ("c", 3)] {
            assert_eq!(map.insert(ClientId::from(id), value), None);
        }
        assert_eq!(map.insert(ClientId::from("b"), 4), Some(2));
        assert_eq!((map.len(), map.get("b"), map.get("d")), (3, Some(&4), None));
        if let Some(value) = map.get_mut("c") {
            *value = 5;
        }
        assert_eq!(map.get_mut("d"), None);
        assert_eq!([map.remove("a"), map.remove("a")], [Some(1), None]);
        let mut entries: Vec<_> = map
            .iter()
            .map(|(id, value)| (id.as_str(), *value))
            .collect();
        entries.sort_unstable();
        assert_eq!(entries, [("b", 4), ("c", 5)]);
        map.remove("b");
        map.remove("c");
        assert!(map.is_empty());
    }

    #[test]
    fn an_edit_unshares_one_shard_only() {
        let before = clients(1000);
        let mut edited = before.clone();
        if let Some(client) = edited.get_mut("client-500") {
            Arc::make_mut(client).consent_required = true;
        }
        let changed = edited.changed(Some(&before));
        let changed: Vec<_> = changed.map(|(shard, _)| shard).collect();
        assert_eq!(changed, [Shard::of("client-500")]);
        assert_eq!(edited.changed(None).count(), edited.shards().count());
    }

    #[test]
    fn a_shard_is_shared_when_each_client_is_as_it_was() {
        let [a, b, c] = ["a", "b", "c"].map(|id| Arc::new(sample::client(id)));
        let former = shared_shard(None, &[&a, &b]);
        let is_shared = |clients: &[&Arc<ClientSnapshot>]| {
            let shard = shared_shard(Some(&former), clients);
            assert_eq!(shard.len(), clients.len());
            Arc::ptr_eq(&shard, &former)
        };
        assert!(is_shared(&[&a, &b]));
        assert!(is_shared(&[&b, &a]));
        assert!(is_shared(&[&a, &Arc::new(sample::client("b"))]));
        let mut edited = sample::client("b");
        edited.consent_required = true;
        assert!(!is_shared(&[&a, &Arc::new(edited)]));
        assert!(!is_shared(&[&a]));
        assert!(!is_shared(&[&a, &c]));
        assert!(!is_shared(&[&a, &b, &c]));
    }

    #[test]
    fn what_is_derived_is_shared_where_its_source_is() {
        let before = clients(1000);
        let first = before.derive(None, |id, _| Arc::new(id.to_string()));
        let mut edited = before.clone();
        edited.get_mut("client-7").map(Arc::make_mut);
        edited.remove("client-8");
        let second = edited.derive(Some((&before, &first)), |id, _| Arc::new(id.to_string()));
        assert_eq!(second.len(), 999);
        let fresh = second.iter().filter(|(id, value)| {
            first
                .get(id.as_str())
                .is_none_or(|former| !Arc::ptr_eq(former, value))
        });
        assert!(fresh.count() < 20);
    }
}
