//! A folder as it was in a Git revision, read with the `git` command: nothing is checked out, and
//! nothing is fetched.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use realmwright_compiler::Manifests;

use crate::folder::is_committed_manifest;

/// More files, or larger ones, are no configuration.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// The manifests of `path` in `revision`, by their path in it. `beside` is in the work tree.
pub(super) fn read(beside: &Path, revision: &str, path: &str) -> anyhow::Result<Manifests> {
    if revision.starts_with('-') {
        bail!("{revision} is not a Git revision");
    }
    let path = path.trim_matches('/');
    let tree = match path {
        "" | "." => format!("{revision}^{{tree}}"),
        path => format!("{revision}:{path}"),
    };
    let listed = git(beside, &["ls-tree", "-r", "-z", "--full-tree", &tree], b"")
        .with_context(|| format!("cannot read {path} in the revision {revision}"))?;
    let mut names = Vec::new();
    let mut wanted = String::new();
    for entry in listed.split(|byte| *byte == 0) {
        let entry = String::from_utf8_lossy(entry);
        let Some((facts, name)) = entry.split_once('\t') else {
            continue;
        };
        let mut facts = facts.split(' ').skip(1);
        if let (Some("blob"), Some(object)) = (facts.next(), facts.next())
            && is_committed_manifest(Path::new(name))
        {
            names.push(name.to_owned());
            wanted.push_str(object);
            wanted.push('\n');
        }
    }
    let contents = git(beside, &["cat-file", "--batch"], wanted.as_bytes())?;
    let mut rest = contents.as_slice();
    let mut manifests = Manifests::new();
    for name in names {
        let (bytes, after) =
            blob(rest).with_context(|| format!("git gave no content of {name}"))?;
        manifests.insert(name, bytes);
        rest = after;
    }
    Ok(manifests)
}

/// One answer of `cat-file --batch`: a line that ends in the size, the bytes, a newline.
fn blob(answer: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = answer.iter().position(|byte| *byte == b'\n')?;
    let (head, rest) = answer.split_at_checked(end)?;
    let size: usize = std::str::from_utf8(head)
        .ok()?
        .rsplit(' ')
        .next()?
        .parse()
        .ok()?;
    let (bytes, rest) = rest.get(1..)?.split_at_checked(size)?;
    Some((bytes, rest.get(1..)?))
}

/// Path of a folder of a work tree, from its root.
pub(super) fn path_of(folder: &Path) -> anyhow::Result<String> {
    let prefix = git(folder, &["rev-parse", "--show-prefix"], b"")?;
    Ok(String::from_utf8_lossy(&prefix).trim().to_owned())
}

fn git(folder: &Path, arguments: &[&str], input: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        // What is not here is not fetched from elsewhere, so that nothing can hang.
        .envs([
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("LC_ALL", "C"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("git cannot be run")?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            // It ends early when git does not want the rest; its status then says why.
            stdin.map(|mut stdin| stdin.write_all(input))
        });
        child.wait_with_output()
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("git: {}", said.trim().trim_start_matches("fatal: "));
    }
    if output.stdout.len() > MOST_BYTES {
        bail!("more than {MOST_BYTES} bytes of YAML");
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_git_are_cut_by_their_size() {
        let answer = b"abc blob 4\na\nb\n\ndef blob 0\n\n";
        let (first, rest) = blob(answer).unwrap();
        assert_eq!(first, b"a\nb\n");
        let (second, rest) = blob(rest).unwrap();
        assert_eq!((second, rest), (&b""[..], &b""[..]));
        assert!(blob(b"abc missing\n").is_none());
        assert!(blob(b"abc blob 9\nshort\n").is_none());
    }

    #[test]
    fn a_revision_is_no_option() {
        assert!(read(Path::new("."), "--output=x", "").is_err());
    }
}
