//! Sessions of the demo, in memory: they end with the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::TryRngCore;
use rand::rngs::OsRng;

use crate::relying_party::{Pending, Tokens};

/// So many browsers at once; the oldest key goes first, which for a demo is fair enough.
const MOST: usize = 1000;

/// What is known of one browser.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) pending: Option<Pending>,
    pub(crate) tokens: Option<Tokens>,
    /// What went wrong, shown once.
    pub(crate) fault: Option<String>,
}

/// All sessions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions(Arc<Mutex<BTreeMap<String, Session>>>);

impl Sessions {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes or reads the session of this cookie, when there is one.
    pub(crate) fn with<T>(&self, id: &str, work: impl FnOnce(&mut Session) -> T) -> Option<T> {
        self.all().get_mut(id).map(work)
    }

    /// A new session under a new id, against fixation.
    pub(crate) fn create(&self, session: Session) -> anyhow::Result<String> {
        let mut bytes = [0; 16];
        OsRng.try_fill_bytes(&mut bytes)?;
        let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut all = self.all();
        if all.len() >= MOST {
            all.pop_first();
        }
        all.insert(id.clone(), session);
        Ok(id)
    }

    pub(crate) fn remove(&self, id: &str) -> Option<Session> {
        self.all().remove(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_by_its_id_only() {
        let sessions = Sessions::default();
        let id = sessions.create(Session::default()).unwrap();
        assert_eq!(id.len(), 32);
        assert!(sessions.with(&id, |_| ()).is_some());
        assert!(sessions.with("other", |_| ()).is_none());
        assert!(sessions.remove(&id).is_some());
        assert!(sessions.with(&id, |_| ()).is_none());
    }

    #[test]
    fn there_is_a_most() {
        let sessions = Sessions::default();
        for _ in 0..MOST + 10 {
            sessions.create(Session::default()).unwrap();
        }
        assert_eq!(sessions.all().len(), MOST);
    }
}
