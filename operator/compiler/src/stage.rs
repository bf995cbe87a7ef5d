//! The per-object stages with memory: what was parsed or lowered once under the same digests is
//! taken from there.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rayon::prelude::*;
use realmwright_snapshot::Digest;

/// What a stage gives for its tasks.
#[derive(Debug)]
pub(crate) struct Results<V> {
    /// One for each task, in their order.
    pub(crate) values: Vec<Arc<V>>,
    /// How many were not remembered.
    pub(crate) made: usize,
}

/// What was made of an object last, kept on the object itself: it needs no look-up, and goes when
/// the object goes.
pub(crate) struct Made<V>(Mutex<Option<(Digest, Arc<V>)>>);

impl<V> Default for Made<V> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<V> fmt::Debug for Made<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").finish_non_exhaustive()
    }
}

impl<V> Made<V> {
    /// What was made of it, if that was against the same.
    fn get(&self, against: Digest) -> Option<Arc<V>> {
        let made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        made.as_ref()
            .filter(|(made_against, _)| *made_against == against)
            .map(|(_, value)| Arc::clone(value))
    }

    fn set(&self, against: Digest, value: &Arc<V>) {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *made = Some((against, Arc::clone(value)));
    }
}

/// What is made of each task against something with the digest; what is not remembered is worked
/// out, on all cores.
pub(crate) fn make<'a, T: Sync, V: Send + Sync + 'a>(
    tasks: &[T],
    against: Digest,
    made: impl Fn(&T) -> &'a Made<V>,
    work: impl Fn(&T) -> V + Sync,
) -> Results<V> {
    let results = all(tasks, |task| made(task).get(against), work);
    for (task, value) in &results.fresh {
        made(task).set(against, value);
    }
    results.into()
}

/// Results by key, for as long as somebody else holds them.
#[derive(Debug)]
pub(crate) struct Known<K, V> {
    results: HashMap<K, Weak<V>>,
    /// Beyond so many it is looked for those that nobody holds.
    tolerated: usize,
}

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Self {
            results: HashMap::new(),
            tolerated: 0,
        }
    }
}

impl<K: Copy + Eq + Hash + Sync, V: Send + Sync> Known<K, V> {
    /// The results for all keys; what nobody holds is worked out, on all cores.
    pub(crate) fn all<T: Sync>(
        &mut self,
        tasks: &[(K, T)],
        work: impl Fn(&T) -> V + Sync,
    ) -> Results<V> {
        let recall = |(key, _): &(K, T)| self.results.get(key)?.upgrade();
        let results = all(tasks, recall, |(_, task)| work(task));
        let fresh = results.fresh.iter();
        let fresh = fresh.map(|((key, _), value)| (*key, Arc::downgrade(value)));
        self.results.extend(fresh);
        if self.results.len() > self.tolerated {
            self.results.retain(|_, value| value.strong_count() > 0);
            self.tolerated = self.results.len() * 2;
        }
        results.into()
    }
}

struct Worked<'t, T, V> {
    values: Vec<Arc<V>>,
    fresh: Vec<(&'t T, Arc<V>)>,
}

impl<T, V> From<Worked<'_, T, V>> for Results<V> {
    fn from(worked: Worked<'_, T, V>) -> Self {
        Self {
            made: worked.fresh.len(),
            values: worked.values,
        }
    }
}

fn all<T: Sync, V: Send + Sync>(
    tasks: &[T],
    recall: impl FnMut(&T) -> Option<Arc<V>>,
    work: impl Fn(&T) -> V + Sync,
) -> Worked<'_, T, V> {
    let found: Vec<Option<Arc<V>>> = tasks.iter().map(recall).collect();
    let missing: Vec<&T> = tasks
        .iter()
        .zip(&found)
        .filter(|(_, found)| found.is_none())
        .map(|(task, _)| task)
        .collect();
    let made: Vec<Arc<V>> = missing
        .par_iter()
        .map(|task| Arc::new(work(task)))
        .collect();
    let fresh = missing.into_iter().zip(made.iter().cloned()).collect();
    let mut made = made.into_iter();
    let values = found
        .into_iter()
        .filter_map(|found| found.or_else(|| made.next()))
        .collect();
    Worked { values, fresh }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(results: &Results<u32>) -> (Vec<u32>, usize) {
        let values = results.values.iter().map(|value| **value).collect();
        (values, results.made)
    }

    #[test]
    fn what_was_made_is_remembered_as_long_as_it_was_against_the_same() {
        let objects: Vec<(u32, Made<u32>)> = (0..200).map(|n| (n, Made::default())).collect();
        let run = |range: std::ops::Range<usize>, against: &str| {
            let tasks: Vec<&(u32, Made<u32>)> = objects[range].iter().collect();
            let against = Digest::of(against.as_bytes());
            seen(&make(&tasks, against, |task| &task.1, |task| task.0 * 2))
        };
        let expected: Vec<u32> = (0..200).map(|n| n * 2).collect();
        assert_eq!(run(50..60, "one"), (expected[50..60].to_vec(), 10));
        assert_eq!(run(0..200, "one"), (expected.clone(), 190));
        assert_eq!(run(0..200, "one"), (expected.clone(), 0));
        assert_eq!(run(0..200, "two"), (expected, 200));
    }

    fn tasks(keys: std::ops::Range<u32>) -> Vec<(u32, u32)> {
        keys.map(|key| (key, key * 2)).collect()
    }

    #[test]
    fn what_is_held_is_known_and_what_is_not_is_forgotten() {
        let mut known = Known::default();
        let held = known.all(&tasks(0..100), |task| *task);
        drop(known.all(&tasks(100..200), |task| *task));
        assert_eq!(known.all(&tasks(0..200), |task| *task).made, 100);
        assert_eq!(
            seen(&held).0,
            seen(&known.all(&tasks(0..100), |task| *task)).0
        );
        for round in 0..20 {
            drop(known.all(&tasks(round * 1000..(round + 1) * 1000), |task| *task));
        }
        assert!(known.results.len() < 5000);
        drop(held);
    }
}
