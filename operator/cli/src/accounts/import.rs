//! Import of many accounts from a file of JSON objects, one a line.
//!
//! How far a run came is noted beside the file after every account that was taken, together with
//! a mark of the file's content: a run after an interruption goes on there. An account that the
//! server has already (the note was lost) is counted as taken, so that nothing is made twice.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Api, Refused};
use crate::Outcome;
use crate::arguments::Format;
use crate::output::{BAD, GOOD, Output};

/// No account comes near.
const MAX_LINE: usize = 1024 * 1024;

/// The note is written after so many accounts, and at the end.
const NOTE_EVERY: u64 = 50;

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

/// One line of the file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    attributes: serde_json::Map<String, Value>,
    #[serde(default)]
    password_hash: Option<String>,
    #[serde(default)]
    must_change_password: bool,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    required_factors: u8,
    #[serde(default)]
    locked: bool,
}

impl Line {
    /// As the API takes it.
    fn into_request(self) -> Value {
        let Self {
            sub,
            name,
            attributes,
            password_hash,
            must_change_password,
            roles,
            groups,
            required_factors,
            locked,
        } = self;
        let password =
            password_hash.map(|hash| json!({"hash": hash, "mustChange": must_change_password}));
        json!({
            "sub": sub,
            "name": name,
            "attributes": attributes,
            "password": password,
            "roles": roles,
            "groups": groups,
            "requiredFactors": required_factors,
            "locked": locked,
        })
    }
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
    let mut number = 0;
    let mut stopped = None;
    while let Some(text) = next_line(&mut reader)? {
        number += 1;
        if number <= skip {
            continue;
        }
        if !text.trim().is_empty()
            && let Err(fault) = take(api, &text, number, &mut report).await
        {
            stopped = Some(fault);
            break;
        }
        if settings.on_refusal == OnRefusal::Stop && !report.refused.is_empty() {
            break;
        }
        note.lines = number;
        bar.set_position(number);
        if number % NOTE_EVERY == 0 {
            write_note(&note_path, &note)?;
        }
    }
    bar.finish_and_clear();
    if stopped.is_none() && report.refused.is_empty() {
        let _ = std::fs::remove_file(&note_path);
    } else {
        write_note(&note_path, &note)?;
    }
    tell(&report, total, note.lines, output)?;
    if let Some(fault) = stopped {
        return Err(fault.context(format!("stopped at line {number}; run it again to go on")));
    }
    Ok(if report.refused.is_empty() {
        Outcome::Good
    } else {
        Outcome::Wrong
    })
}

/// Sends one line. An error means that going on makes no sense: no connection, no permission.
async fn take(api: &mut Api, text: &str, number: u64, report: &mut Report) -> anyhow::Result<()> {
    let refused = |reason: String| RefusedLine {
        line: number,
        reason,
    };
    let line: Line = match serde_json::from_str(text) {
        Ok(line) => line,
        Err(fault) => {
            report.refused.push(refused(fault.to_string()));
            return Ok(());
        }
    };
    // Only an account that names itself can be known again.
    let named = line.sub.is_some() || line.name.is_some();
    match api
        .send(Method::POST, &[], Some(&line.into_request()))
        .await
    {
        Ok(_) => report.created += 1,
        Err(fault) => match fault.downcast::<Refused>() {
            Ok(Refused(reason)) if named && reason.contains("exists") => report.present += 1,
            Ok(Refused(reason)) => report.refused.push(refused(reason)),
            Err(fault) => return Err(fault),
        },
    }
    Ok(())
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
    fn a_line_becomes_a_request() {
        let line: Line = serde_json::from_str(
            r#"{"name":"ann","attributes":{"email":"a@b"},"passwordHash":"$2b$x","locked":true}"#,
        )
        .unwrap();
        let request = line.into_request();
        assert_eq!(request["name"], "ann");
        assert_eq!(request["password"]["hash"], "$2b$x");
        assert_eq!(request["locked"], true);
        assert!(request["sub"].is_null());
    }

    #[test]
    fn an_unknown_member_is_refused() {
        assert!(serde_json::from_str::<Line>(r#"{"pasword":"x"}"#).is_err());
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
