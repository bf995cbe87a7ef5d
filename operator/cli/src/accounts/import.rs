//! Import of many accounts from a file of JSON objects, one a line.
//!
//! How far a run came is noted beside the file after every request, together with a mark of the
//! file's content: a run after an interruption goes on there. The server passes over an account
//! that it has already under the same name, so that a line sent twice makes nothing twice.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
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
const CHUNK_LINES: u64 = 100;

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
    /// Lines that are done.
    lines: u64,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
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
    let skip = match settings.begin {
        Begin::AtFirst => 0,
        Begin::WhereStopped => former(&note_path, &mark),
    };
    let total = count_lines(file)?;
    let bar = progress(total, output);
    bar.set_position(skip);
    let mut note = Note { mark, lines: skip };
    let mut report = Report::default();
    let mut reader = BufReader::new(open(file)?);
    for _ in 0..skip {
        next_line(&mut reader)?;
    }
    let mut stopped = None;
    loop {
        let chunk = next_chunk(&mut reader)?;
        if chunk.lines == 0 {
            break;
        }
        match take(api, chunk.text, note.lines, &mut report).await {
            Ok(()) => note.lines += chunk.lines,
            Err(fault) => {
                stopped = Some(fault);
                break;
            }
        }
        bar.set_position(note.lines);
        write_note(&note_path, &note)?;
        if settings.on_refusal == OnRefusal::Stop && !report.refused.is_empty() {
            break;
        }
    }
    bar.finish_and_clear();
    if stopped.is_none() && report.refused.is_empty() {
        let _ = std::fs::remove_file(&note_path);
    }
    tell(&report, total, note.lines, output)?;
    if let Some(fault) = stopped {
        let done = note.lines;
        return Err(fault.context(format!("stopped after line {done}; run it again to go on")));
    }
    Ok(if report.refused.is_empty() {
        Outcome::Good
    } else {
        Outcome::Wrong
    })
}

/// Sends some lines. An error means that going on makes no sense: no connection, no permission.
async fn take(api: &mut Api, text: String, before: u64, report: &mut Report) -> anyhow::Result<()> {
    for answer in api.import(text).await? {
        match answer.outcome {
            LineOutcome::Created => report.created += 1,
            LineOutcome::Exists => report.present += 1,
            LineOutcome::Failed => report.refused.push(RefusedLine {
                line: before + answer.line,
                reason: answer.reason(),
            }),
        }
    }
    Ok(())
}

/// Some lines, for one request.
struct Chunk {
    lines: u64,
    text: String,
}

fn next_chunk(reader: &mut impl BufRead) -> anyhow::Result<Chunk> {
    let mut chunk = Chunk {
        lines: 0,
        text: String::new(),
    };
    while chunk.lines < CHUNK_LINES && chunk.text.len() < CHUNK_BYTES {
        let Some(line) = next_line(reader)? else {
            break;
        };
        chunk.lines += 1;
        chunk.text.push_str(&line);
        chunk.text.push('\n');
    }
    Ok(chunk)
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

fn former(note_path: &Path, mark: &str) -> u64 {
    std::fs::read(note_path)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok())
        .filter(|note| note.mark == mark)
        .map_or(0, |note| note.lines)
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
        ProgressStyle::with_template("{bar:40.cyan/dim} {pos}/{len} accounts  {per_sec}  {eta}")
    {
        bar.set_style(style.progress_chars("━━─"));
    }
    bar
}

fn tell(report: &Report, total: u64, done: u64, output: Output) -> anyhow::Result<()> {
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
    output.line(format_args!(
        "{} {} created, {} there before, {} refused; {done} of {total} lines",
        output.paint(GOOD, "import:"),
        report.created,
        report.present,
        report.refused.len(),
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sent_in_chunks_and_none_is_lost() {
        let text = "{}\n".repeat(250);
        let mut reader = text.as_bytes();
        let mut sizes = Vec::new();
        loop {
            let chunk = next_chunk(&mut reader).unwrap();
            if chunk.lines == 0 {
                break;
            }
            assert_eq!(chunk.text.lines().count() as u64, chunk.lines);
            sizes.push(chunk.lines);
        }
        assert_eq!(sizes, [100, 100, 50]);
    }

    #[test]
    fn a_note_counts_for_its_own_file_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("people.ndjson");
        std::fs::write(&file, "{}\n{}\n{}").unwrap();
        let mark = mark_of(&file).unwrap();
        let path = note_path(&file);
        assert_eq!(former(&path, &mark), 0);
        let note = Note {
            mark: mark.clone(),
            lines: 2,
        };
        write_note(&path, &note).unwrap();
        assert_eq!(former(&path, &mark), 2);
        assert_eq!(count_lines(&file).unwrap(), 3);
        std::fs::write(&file, "{}\n{}\n{\"name\":\"x\"}").unwrap();
        assert_eq!(former(&path, &mark_of(&file).unwrap()), 0);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let endless = vec![b'x'; MAX_LINE + 10];
        assert!(next_line(&mut endless.as_slice()).is_err());
    }
}
