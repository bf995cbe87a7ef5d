//! Watching the folder: editors save in several steps, so a save is over when nothing has
//! happened for a moment.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use notify::event::{CreateKind, RemoveKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::control::Question;
use super::state;
use crate::folder::Changed;

/// A save is over when nothing happened for so long.
const QUIET: Duration = Duration::from_millis(50);

/// A folder that never rests is looked at so often nevertheless.
const LONGEST: Duration = Duration::from_millis(500);

/// What wakes the publisher.
#[derive(Debug)]
pub(crate) enum Wake {
    /// Files changed, first at this moment.
    Files(Instant, Changed),
    /// A command asks for something.
    Asked(Question),
    /// Nothing happened for as long as was asked.
    Time,
    /// The stop.
    Stop,
}

#[derive(Debug)]
enum Signal {
    Files(Instant, Changed),
    Asked(Question),
    Stop,
}

/// The folder, watched.
pub(crate) struct FolderWatch {
    signals: Receiver<Signal>,
    stop: Sender<Signal>,
    /// Asked while a save was under way, which is answered first.
    asked: VecDeque<Question>,
    _watcher: RecommendedWatcher,
}

/// Wakes the watch for the stop.
#[derive(Clone, Debug)]
pub(crate) struct Stopper(Sender<Signal>);

impl Stopper {
    pub(crate) fn stop(&self) {
        let _ = self.0.send(Signal::Stop);
    }
}

/// Brings the questions of commands.
#[derive(Clone, Debug)]
pub(crate) struct Asker(Sender<Signal>);

impl Asker {
    /// After the stop nobody answers, which the question tells its asker.
    pub(crate) fn ask(&self, question: Question) {
        let _ = self.0.send(Signal::Asked(question));
    }
}

impl FolderWatch {
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder
            .canonicalize()
            .with_context(|| format!("cannot read {}", folder.display()))?;
        let (stop, signals) = channel();
        let files = stop.clone();
        let root = folder.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let changed = match event {
                Ok(event) => changed(&root, &event),
                Err(_) => Some(Changed::Anything),
            };
            if let Some(changed) = changed {
                let _ = files.send(Signal::Files(Instant::now(), changed));
            }
        })
        .context("cannot watch files")?;
        watcher
            .watch(&folder, RecursiveMode::Recursive)
            .with_context(|| format!("cannot watch {}", folder.display()))?;
        Ok(Self {
            signals,
            stop,
            asked: VecDeque::new(),
            _watcher: watcher,
        })
    }

    pub(crate) fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    pub(crate) fn asker(&self) -> Asker {
        Asker(self.stop.clone())
    }

    /// Waits for a whole save or a question, at most `patience` for its beginning.
    pub(crate) fn next(&mut self, patience: Duration) -> Wake {
        if let Some(question) = self.asked.pop_front() {
            return Wake::Asked(question);
        }
        let (first, mut changed) = match self.signals.recv_timeout(patience) {
            Ok(Signal::Files(at, changed)) => (at, changed),
            Ok(Signal::Asked(question)) => return Wake::Asked(question),
            Err(RecvTimeoutError::Timeout) => return Wake::Time,
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return Wake::Stop,
        };
        while first.elapsed() < LONGEST {
            match self.signals.recv_timeout(QUIET) {
                Ok(Signal::Files(_, more)) => changed = changed.and(more),
                Ok(Signal::Asked(question)) => self.asked.push_back(question),
                Err(RecvTimeoutError::Timeout) => break,
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return Wake::Stop,
            }
        }
        Wake::Files(first, changed)
    }
}

/// What an event may have changed of what is read; none when nothing.
fn changed(root: &Path, event: &Event) -> Option<Changed> {
    if matches!(event.kind, EventKind::Access(_)) {
        return None;
    }
    if event.need_rescan() || event.paths.is_empty() {
        return Some(Changed::Anything);
    }
    let of_folder = matches!(
        event.kind,
        EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder)
    );
    let concerned = event.paths.iter().filter(|path| concerns(root, path));
    concerned
        .map(|path| match path.strip_prefix(root) {
            Ok(file) if !of_folder && crate::folder::is_manifest(file) => {
                Changed::Files([file.to_owned()].into())
            }
            _ => Changed::Anything,
        })
        .reduce(Changed::and)
}

/// Whether a change of this path may change what is read: a manifest, or a folder, which may hold
/// some. The state of `dev` itself does not count, but the Secrets in it do.
fn concerns(root: &Path, path: &Path) -> bool {
    let Ok(inside) = path.strip_prefix(root) else {
        return false;
    };
    let secrets = PathBuf::from(state::NAME).join("secrets");
    if let Ok(secret) = inside.strip_prefix(&secrets) {
        return crate::folder::is_manifest(secret);
    }
    let hidden = inside
        .components()
        .any(|part| part.as_os_str().to_string_lossy().starts_with('.'));
    !hidden && (crate::folder::is_manifest(path) || path.extension().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_read_concerns_us() {
        let root = Path::new("/f");
        for path in [
            "/f/a.yaml",
            "/f/x/b.yml",
            "/f/x",
            "/f/.realmwright/secrets/s.yaml",
        ] {
            assert!(concerns(root, Path::new(path)), "{path}");
        }
        for path in [
            "/f/.realmwright/database.sqlite-wal",
            "/f/.realmwright/secrets/s.yaml.new",
            "/f/.git/index",
            "/f/.a.yaml.swp",
            "/f/a.yaml~",
            "/f/README.md",
            "/g/a.yaml",
        ] {
            assert!(!concerns(root, Path::new(path)), "{path}");
        }
    }

    fn saves(folder: &Path, save: impl FnOnce(&Path)) -> Wake {
        let mut watch = FolderWatch::new(folder).unwrap();
        save(folder);
        watch.next(Duration::from_secs(5))
    }

    #[test]
    fn a_plain_save_and_a_save_by_rename_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let wake = saves(folder.path(), |folder| {
            std::fs::write(folder.join("a.yaml"), "a: 1").unwrap();
        });
        assert!(matches!(wake, Wake::Files(..)), "{wake:?}");
        let wake = saves(folder.path(), |folder| {
            let beside = folder.join("4913");
            std::fs::write(&beside, "a: 2").unwrap();
            std::fs::rename(beside, folder.join("a.yaml")).unwrap();
        });
        assert!(matches!(wake, Wake::Files(..)), "{wake:?}");
    }

    /// So that one edit of many files reads one.
    #[test]
    fn a_save_names_its_file_and_a_new_folder_names_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let wake = saves(folder.path(), |folder| {
            std::fs::write(folder.join("a.yaml"), "a: 1").unwrap();
        });
        let Wake::Files(_, changed) = wake else {
            panic!("{wake:?}");
        };
        assert_eq!(changed, Changed::Files([PathBuf::from("a.yaml")].into()));
        let wake = saves(folder.path(), |folder| {
            std::fs::create_dir(folder.join("b")).unwrap();
        });
        assert!(
            matches!(wake, Wake::Files(_, Changed::Anything)),
            "{wake:?}"
        );
    }

    #[test]
    fn many_writes_are_one_save() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = FolderWatch::new(folder.path()).unwrap();
        for number in 0..20 {
            std::fs::write(folder.path().join("a.yaml"), format!("a: {number}")).unwrap();
        }
        assert!(matches!(
            watch.next(Duration::from_secs(5)),
            Wake::Files(..)
        ));
        assert!(matches!(watch.next(Duration::from_millis(200)), Wake::Time));
    }

    #[test]
    fn reading_and_our_own_state_wake_nobody() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(state::NAME)).unwrap();
        std::fs::write(folder.path().join("a.yaml"), "a: 1").unwrap();
        let mut watch = FolderWatch::new(folder.path()).unwrap();
        let _ = std::fs::read(folder.path().join("a.yaml"));
        std::fs::write(folder.path().join(state::NAME).join("database.sqlite"), "x").unwrap();
        assert!(matches!(watch.next(Duration::from_millis(300)), Wake::Time));
    }

    #[test]
    fn the_stop_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = FolderWatch::new(folder.path()).unwrap();
        watch.stopper().stop();
        assert!(matches!(watch.next(Duration::from_secs(5)), Wake::Stop));
    }
}
