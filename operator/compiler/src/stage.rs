//! The per-object stages with memory: what was parsed or lowered once under the same digests is
//! taken from there.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Results by key. Those that a run does not use are forgotten at its end, so that memory grows
/// with the input and not with its history.
#[derive(Debug)]
pub(crate) struct Memo<K, V> {
    former: HashMap<K, Arc<V>>,
    current: HashMap<K, Arc<V>>,
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self {
            former: HashMap::new(),
            current: HashMap::new(),
        }
    }
}

/// Fewer tasks than this are not worth a thread.
const MIN_PARALLEL: usize = 64;

impl<K: Copy + Eq + Hash, V> Memo<K, V> {
    /// A result of this run or the last one.
    fn recall(&mut self, key: K) -> Option<Arc<V>> {
        if let Some(value) = self.current.get(&key) {
            return Some(Arc::clone(value));
        }
        let value = self.former.remove(&key)?;
        self.current.insert(key, Arc::clone(&value));
        Some(value)
    }

    /// The results for all keys, in their order; what is not remembered is worked out, on several
    /// threads when it is much.
    pub(crate) fn all<T: Sync>(
        &mut self,
        tasks: &[(K, T)],
        work: impl Fn(&T) -> V + Sync,
    ) -> Vec<Arc<V>>
    where
        K: Sync,
        V: Send,
    {
        let found: Vec<Option<Arc<V>>> = tasks.iter().map(|(key, _)| self.recall(*key)).collect();
        let missing: Vec<&(K, T)> = tasks
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_none())
            .map(|(task, _)| task)
            .collect();
        let mut made = parallel(&missing, |(_, task)| work(task)).into_iter();
        tasks
            .iter()
            .zip(found)
            .filter_map(|((key, _), found)| {
                found.or_else(|| {
                    let value = Arc::new(made.next()?);
                    self.current.insert(*key, Arc::clone(&value));
                    Some(value)
                })
            })
            .collect()
    }

    /// Forgets what this run did not use.
    pub(crate) fn turn(&mut self) {
        self.former = std::mem::take(&mut self.current);
    }
}

/// Runs `work` over `tasks`, results in their order.
fn parallel<T: Sync, V: Send>(tasks: &[T], work: impl Fn(&T) -> V + Sync) -> Vec<V> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if threads == 1 || tasks.len() < MIN_PARALLEL {
        return tasks.iter().map(work).collect();
    }
    let size = tasks.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let workers: Vec<_> = tasks
            .chunks(size)
            .map(|chunk| scope.spawn(|| chunk.iter().map(&work).collect::<Vec<V>>()))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| match worker.join() {
                Ok(values) => values,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn remembers_one_run_and_keeps_the_order() {
        let runs = AtomicUsize::new(0);
        let mut memo = Memo::default();
        let mut all = |keys: std::ops::Range<u32>| {
            let tasks: Vec<(u32, u32)> = keys.map(|key| (key, key * 2)).collect();
            let values: Vec<u32> = memo
                .all(&tasks, |task| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    *task
                })
                .iter()
                .map(|value| **value)
                .collect();
            memo.turn();
            (values, runs.swap(0, Ordering::Relaxed))
        };
        let expected: Vec<u32> = (0..200).map(|key| key * 2).collect();
        assert_eq!(all(0..200), (expected.clone(), 200));
        assert_eq!(all(0..200), (expected.clone(), 0));
        assert_eq!(all(0..100), (expected[..100].to_vec(), 0));
        assert_eq!(all(0..200), (expected, 100));
    }
}
