//! Import of many accounts from a file of JSON objects, one a line.
//!
//! How far a run came is noted beside the file after every request, together with the lines that
//! were refused and a mark of the file's content: a run after an interruption goes on there, and
//! tries what was refused again. The server passes over an account that it has already under the
//! same name, so that a line sent twice makes nothing twice.

use std::collections::BTreeSet;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::api::{Api, LineOutcome};
use crate::Outcome;
use crate::arguments::Format;
use crate::output::{BAD, GOOD, Output};

/// What the server takes.
const MAX_LINE: usize = 256 * 1024;

/// One request carries so many lines: plain passwords among them cost tens of milliseconds each,
/// and the request has a time limit.
const CHUNK_LINES: usize = 100;

/// A run ends at so many refused lines: something is wrong with all of them.
const MOST_REFUSED: usize = 10_000;

/// And at most about so many bytes.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// What a refused account does to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnRefusal {
    Stop,
    GoOn,
}

/// Where a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    AtFirst,
    WhereStopped,
}

/// What to import, and how.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) file: &'a Path,
    pub(crate) on_refusal: OnRefusal,
    pub(crate) begin: Begin,
}

/// How far a run came.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// Of which file: its length and a hash of its first and last part.
    mark: String,
    /// Lines that were sent.
    lines: u64,
    /// Those of them that were refused, by number.
    #[serde(default)]
    refused: BTreeSet<u64>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// Lines that a former run has done.
    before: u64,
    created: u64,
    present: u64,
    refused: Vec<RefusedLine>,
}

#[derive(Debug, Serialize)]
struct RefusedLine {
    line: u64,
    reason: String,
}

pub(crate) async fn run(
    api: &mut Api,
    settings: &Settings<'_>,
    output: Output,
) -> anyhow::Result<Outcome> {
    let file = settings.file;
    let mark = mark_of(file)?;
    let note_path = note_path(file);
    let mut note = match settings.begin {
        Begin::AtFirst => None,
        Begin::WhereStopped => former(&note_path, &mark),
    }
    .unwrap_or(Note {
        mark,
        ..Note::default()
    });
    let total = count_lines(file)?;
    let bar = progress(total, output);
    let mut report = Report {
        before: note.lines.saturating_sub(note.refused.len() as u64),
        ..Report::default()
    };
    let mut lines = Lines::new(BufReader::new(open(file)?), &note);
    let mut stopped = None;
    loop {
        bar.set_position(note.lines);
        let chunk = lines.chunk()?;
        let Some(last) = chunk.numbers.last() else {
            break;
        };
        match take(api, &chunk, &mut note, &mut report).await {
            Ok(()) => note.lines = note.lines.max(*last),
            Err(fault) => {
                stopped = Some(fault);
                break;
            }
        }
        write_note(&note_path, &note)?;
        if settings.on_refusal == OnRefusal::Stop && !note.refused.is_empty() {
            break;
        }
        if note.refused.len() >= MOST_REFUSED {
            stopped = Some(anyhow!("{MOST_REFUSED} lines were refused"));
            break;
        }
    }
    bar.finish_and_clear();
    if stopped.is_none() && note.refused.is_empty() {
        let _ = std::fs::remove_file(&note_path);
    }
    tell(&report, total, &note, output)?;
    if let Some(fault) = stopped {
        let sent = note.lines;
        return Err(fault.context(format!("stopped after line {sent}; run it again to go on")));
    }
    Ok(if note.refused.is_empty() {
        Outcome::Good
    } else {
        Outcome::Wrong
    })
}

/// Sends some lines. An error means that going on makes no sense: no connection, no permission.
async fn take(
    api: &mut Api,
    chunk: &Chunk,
    note: &mut Note,
    report: &mut Report,
) -> anyhow::Result<()> {
    let answers = api.import(chunk.text.clone()).await?;
    for number in &chunk.numbers {
        note.refused.remove(number);
    }
    for answer in answers {
        let Some(number) = chunk.number(answer.line) else {
            bail!(
                "the server answers for line {}, which was not sent",
                answer.line
            );
        };
        match answer.outcome {
            LineOutcome::Created => report.created += 1,
            LineOutcome::Exists => report.present += 1,
            LineOutcome::Failed => {
                note.refused.insert(number);
                report.refused.push(RefusedLine {
                    line: number,
                    reason: answer.reason(),
                });
            }
        }
    }
    Ok(())
}

/// Some lines, for one request.
#[derive(Debug, Default)]
struct Chunk {
    /// Of each line, in the file; from 1.
    numbers: Vec<u64>,
    text: String,
}

impl Chunk {
    /// The number in the file of a line of the request.
    fn number(&self, line: u64) -> Option<u64> {
        let index = usize::try_from(line.checked_sub(1)?).ok()?;
        self.numbers.get(index).copied()
    }
}

/// The lines of a file that are to be sent: those that a former run left, and those that were
/// refused.
struct Lines<R> {
    reader: R,
    /// The last line that was read.
    number: u64,
    sent: u64,
    refused: BTreeSet<u64>,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R, note: &Note) -> Self {
        Self {
            reader,
            number: 0,
            sent: note.lines,
            refused: note.refused.clone(),
        }
    }

    /// The next ones; empty at the end.
    fn chunk(&mut self) -> anyhow::Result<Chunk> {
        let mut chunk = Chunk::default();
        while chunk.numbers.len() < CHUNK_LINES && chunk.text.len() < CHUNK_BYTES {
            let Some(line) = next_line(&mut self.reader)? else {
                break;
            };
            self.number += 1;
            if self.number <= self.sent && !self.refused.contains(&self.number) {
                continue;
            }
            chunk.numbers.push(self.number);
            chunk.text.push_str(&line);
            chunk.text.push('\n');
        }
        Ok(chunk)
    }
}

fn open(file: &Path) -> anyhow::Result<File> {
    File::open(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The next line without its end; none at the end of the file.
fn next_line(reader: &mut impl BufRead) -> anyhow::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut limited = std::io::Read::take(&mut *reader, MAX_LINE as u64 + 1);
    if limited.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.len() > MAX_LINE {
        bail!("a line is longer than {MAX_LINE} bytes");
    }
    String::from_utf8(bytes)
        .map(|text| Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        .context("the file is not UTF-8")
}

fn count_lines(file: &Path) -> anyhow::Result<u64> {
    let mut reader = BufReader::new(open(file)?);
    let mut lines = 0;
    while next_line(&mut reader)?.is_some() {
        lines += 1;
    }
    Ok(lines)
}

fn note_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".progress");
    PathBuf::from(name)
}

/// Tells one file from another; not against malice.
fn mark_of(file: &Path) -> anyhow::Result<String> {
    let mut reader = BufReader::new(open(file)?);
    let mut hasher = DefaultHasher::new();
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        hasher.write(bytes);
        let length = bytes.len();
        reader.consume(length);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn former(note_path: &Path, mark: &str) -> Option<Note> {
    let bytes = std::fs::read(note_path).ok()?;
    let note: Note = serde_json::from_slice(&bytes).ok()?;
    let is_whole = note.refused.iter().all(|line| *line <= note.lines);
    (note.mark == mark && is_whole).then_some(note)
}

fn write_note(path: &Path, note: &Note) -> anyhow::Result<()> {
    let beside = path.with_extension("progress.new");
    std::fs::write(&beside, serde_json::to_vec(note)?)
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn progress(total: u64, output: Output) -> ProgressBar {
    if output.format == Format::Json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40.cyan/dim} {pos}/{len} accounts  {per_sec:.0}  {eta}")
    {
        bar.set_style(style.progress_chars("━━─"));
    }
    bar
}

fn tell(report: &Report, total: u64, note: &Note, output: Output) -> anyhow::Result<()> {
    if output.format == Format::Json {
        return output.json(report);
    }
    for refused in &report.refused {
        output.line(format_args!(
            "{} line {}: {}",
            output.paint(BAD, "refused"),
            refused.line,
            refused.reason
        ));
    }
    let mut parts = vec![
        format!("{} created", report.created),
        format!("{} there before", report.present),
        format!("{} refused", note.refused.len()),
    ];
    if report.before > 0 {
        parts.push(format!("{} done by a former run", report.before));
    }
    output.line(format_args!(
        "{} {}; {} of {total} lines",
        output.paint(GOOD, "import:"),
        parts.join(", "),
        note.lines,
    ));
    if !note.refused.is_empty() {
        let on = if note.lines < total {
            "; --keep-going goes on after them"
        } else {
            ""
        };
        output.line(format_args!(
            "mend the refused lines and run it again: what is there is passed over{on}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str, note: &Note) -> Vec<Vec<u64>> {
        let mut lines = Lines::new(text.as_bytes(), note);
        let mut chunks = Vec::new();
        loop {
            let chunk = lines.chunk().unwrap();
            assert_eq!(chunk.text.lines().count(), chunk.numbers.len());
            if chunk.numbers.is_empty() {
                return chunks;
            }
            chunks.push(chunk.numbers);
        }
    }

    #[test]
    fn lines_are_sent_in_chunks_and_none_is_lost() {
        let chunks = numbers(&"{}\n".repeat(250), &Note::default());
        let sizes: Vec<usize> = chunks.iter().map(Vec::len).collect();
        assert_eq!(sizes, [100, 100, 50]);
        assert!(chunks.into_iter().flatten().eq(1..=250));
    }

    /// A run goes on after the last, and what was refused is tried again.
    #[test]
    fn what_was_refused_is_not_done() {
        let note = Note {
            mark: String::new(),
            lines: 4,
            refused: BTreeSet::from([2]),
        };
        assert_eq!(numbers(&"{}\n".repeat(6), &note), [[2, 5, 6]]);
        let chunk = Chunk {
            numbers: vec![2, 5, 6],
            text: String::new(),
        };
        assert_eq!(chunk.number(2), Some(5));
        assert_eq!(chunk.number(0), None);
        assert_eq!(chunk.number(4), None);
    }

    #[test]
    fn a_note_counts_for_its_own_file_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("people.ndjson");
        std::fs::write(&file, "{}\n{}\n{}").unwrap();
        let mark = mark_of(&file).unwrap();
        let path = note_path(&file);
        assert_eq!(former(&path, &mark), None);
        let note = Note {
            mark: mark.clone(),
            lines: 2,
            refused: BTreeSet::from([1]),
        };
        write_note(&path, &note).unwrap();
        assert_eq!(former(&path, &mark), Some(note));
        assert_eq!(count_lines(&file).unwrap(), 3);
        std::fs::write(&file, "{}\n{}\n{\"name\":\"x\"}").unwrap();
        assert_eq!(former(&path, &mark_of(&file).unwrap()), None);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let endless = vec![b'x'; MAX_LINE + 10];
        assert!(next_line(&mut endless.as_slice()).is_err());
    }
}
