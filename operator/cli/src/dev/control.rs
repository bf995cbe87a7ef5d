//! How a command reaches the `dev` that runs on a folder: a socket in the state, one line of JSON
//! each way. The folder, which is its owner's alone, says who may ask.
//!
//! Only the holder of the lock writes the state; so whoever finds it locked asks here.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use realmwright_idp::lifecycle::Lifecycle;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::oneshot;

use super::state::State;
use super::watch::Asker;
use crate::keys::replace::{Replaced, Wanted};

/// No question is longer, in bytes.
const LONGEST: u64 = 64 * 1024;

/// An edit of a large folder may be under way.
const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_secs(1);

/// The answer, or why there is none.
pub(crate) type Answer = Result<Replaced, String>;

/// What a command asks for.
#[derive(Debug)]
pub(crate) struct Question {
    /// Keys to replace.
    pub(crate) wanted: Wanted,
    answer: oneshot::Sender<Answer>,
}

impl Question {
    /// A question, and where its answer comes.
    fn new(wanted: Wanted) -> (Self, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        (Self { wanted, answer }, answered)
    }

    /// Answers. Whoever asked may be gone, and then nobody hears it.
    pub(crate) fn answer(self, answer: Answer) {
        let _ = self.answer.send(answer);
    }
}

/// The socket. A path through the open folder is short, however deep that lies: the address of a
/// socket holds 108 bytes (unix(7)).
fn socket(state: &State) -> anyhow::Result<(File, PathBuf)> {
    let root = state.root();
    let folder = File::open(root).with_context(|| format!("cannot open {}", root.display()))?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    Ok((folder, path.join(State::CONTROL)))
}

/// Listens; what a former run left is in nobody's use, as this one holds the lock.
pub(crate) fn listen(state: &State) -> anyhow::Result<UnixListener> {
    let (_folder, path) = socket(state)?;
    if let Err(fault) = fs::remove_file(&path)
        && fault.kind() != std::io::ErrorKind::NotFound
    {
        return Err(fault).context("the former control socket cannot be removed");
    }
    UnixListener::bind(&path).with_context(|| {
        let root = state.root().display();
        format!("cannot listen at {root}/{}", State::CONTROL)
    })
}

/// Brings every question to the desk, until the stop.
pub(crate) async fn answer_all(listener: UnixListener, desk: Asker, life: Lifecycle) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(fault) => {
                    tracing::warn!(error = %fault, "a command cannot be heard");
                    // Such as no descriptor being left, which passes.
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
            () = life.stopped() => return,
        };
        let desk = desk.clone();
        life.spawn(async move {
            if let Err(fault) = answer(stream, &desk).await {
                tracing::warn!(error = format!("{fault:#}"), "a command cannot be answered");
            }
        });
    }
}

async fn answer(stream: tokio::net::UnixStream, desk: &Asker) -> anyhow::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(reader.take(LONGEST));
    tokio::time::timeout(PATIENCE, reader.read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Ok(wanted) => {
            let (question, answered) = Question::new(wanted);
            desk.ask(question);
            let stops = |_| Err("`realmwright dev` stops".to_owned());
            answered.await.unwrap_or_else(stops)
        }
        Err(fault) => Err(format!(
            "`realmwright dev` does not understand the question; are both of one version? {fault}"
        )),
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    Ok(())
}

/// Asks the `dev` that holds the lock.
pub(crate) fn ask(state: &State, wanted: &Wanted) -> anyhow::Result<Replaced> {
    let (_folder, path) = socket(state)?;
    let mut stream = UnixStream::connect(&path).context(
        "a `realmwright dev` holds this folder and does not answer: it starts, ends, or is of an \
         older version",
    )?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(wanted)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .with_context(|| format!("`realmwright dev` does not answer within {PATIENCE:?}"))?;
    let answer: Answer =
        serde_json::from_str(&answer).context("`realmwright dev` gives no answer")?;
    answer.map_err(|said| anyhow!(said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::PurposeName;
    use crate::dev::watch::{FolderWatch, Wake};
    use crate::keys::replace::{Cause, Which};

    fn wanted() -> Wanted {
        Wanted {
            realm: None,
            keys: Which::InUseFor(PurposeName::Seal),
            cause: Cause::Planned,
        }
    }

    /// A folder that is served, so deep that its address holds no path to a socket in it.
    fn deep() -> (tempfile::TempDir, State, FolderWatch) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a".repeat(200));
        fs::create_dir(&folder).unwrap();
        let state = State::of(&folder);
        drop(state.prepare().unwrap());
        let watch = FolderWatch::new(&folder).unwrap();
        (root, state, watch)
    }

    #[tokio::test]
    async fn a_command_is_answered_however_deep_the_folder_lies() {
        let (_root, state, mut watch) = deep();
        let life = Lifecycle::new();
        // What a killed one left is in nobody's way.
        drop(listen(&state).unwrap());
        let listener = listen(&state).unwrap();
        life.spawn(answer_all(listener, watch.asker(), life.clone()));
        let desk = std::thread::spawn(move || {
            let Wake::Asked(question) = watch.next(PATIENCE) else {
                panic!("nobody asks");
            };
            assert_eq!(question.wanted, wanted());
            question.answer(Err("not today".to_owned()));
        });
        let answer = tokio::task::spawn_blocking(move || ask(&state, &wanted()));
        let said = answer.await.unwrap().unwrap_err().to_string();
        assert_eq!(said, "not today");
        desk.join().unwrap();
        life.stop();
    }

    #[tokio::test]
    async fn what_is_no_question_is_said_to_be_none() {
        let (_root, state, watch) = deep();
        let life = Lifecycle::new();
        let listener = listen(&state).unwrap();
        life.spawn(answer_all(listener, watch.asker(), life.clone()));
        let (_folder, path) = socket(&state).unwrap();
        let mut stream = tokio::net::UnixStream::connect(path).await.unwrap();
        stream.write_all(b"hello\n").await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        let answer: Answer = serde_json::from_str(&said).unwrap();
        assert!(answer.unwrap_err().contains("does not understand"));
        life.stop();
    }

    #[test]
    fn nobody_who_answers_is_said() {
        let (_root, state, _watch) = deep();
        let said = ask(&state, &wanted()).unwrap_err().to_string();
        assert!(said.contains("does not answer"), "{said}");
    }

    /// Whichever is heard of first, both are.
    #[test]
    fn a_question_in_the_midst_of_a_save_is_not_forgotten() {
        let (root, _state, mut watch) = deep();
        let folder = root.path().join("a".repeat(200));
        let asker = watch.asker();
        fs::write(folder.join("a.yaml"), "a: 1").unwrap();
        let asked = std::thread::spawn(move || {
            let (question, answered) = Question::new(wanted());
            asker.ask(question);
            answered
        });
        let _answered = asked.join().unwrap();
        let mut seen = [watch.next(PATIENCE), watch.next(PATIENCE)];
        seen.sort_by_key(|wake| matches!(wake, Wake::Asked(_)));
        assert!(
            matches!(seen, [Wake::Files(..), Wake::Asked(_)]),
            "{seen:?}"
        );
    }
}
