//! `POST /accounts:import`: one new account on each line (NDJSON), one answer on each line.
//!
//! Resumable: an account that is there under the same identifier or name is answered with
//! `exists` and stays as it is, so that a file may be sent again from its start. Each line is its
//! own transaction; a line that is wrong is answered and does not stop the others. A line is read
//! only when the answers to those before it have been taken.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt, unfold};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use realmwright_engine::accounts::{AccountsCaller, AccountsError, NewAccount};
use serde::Serialize;

use super::accounts::{caller, without_values};
use super::problem::Problem;
use crate::routes::form::has_media_type;
use crate::visit::{Refused, Visit};

const NDJSON: &str = "application/x-ndjson";
/// Longest line.
const LONGEST_LINE: usize = 256 * 1024;

/// The answer to one line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LineAnswer {
    /// Number of the line, from 1.
    line: u64,
    /// `created`, `exists` or `failed`.
    outcome: &'static str,
    /// Identifier of a created account.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

pub(crate) async fn post(visit: Visit, body: Body) -> Result<Response, Refused> {
    let caller = caller(&visit).await?;
    if !has_media_type(&visit.headers, NDJSON) {
        return Err(Problem::media_type(NDJSON).into());
    }
    let import = Import {
        visit,
        caller,
        lines: Lines::of(body),
        number: 0,
    };
    let answers = unfold(import, |mut import| async move {
        let answer = import.next().await?;
        let mut text = serde_json::to_vec(&answer).unwrap_or_default();
        text.push(b'\n');
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), import))
    });
    Ok((
        [(CONTENT_TYPE, HeaderValue::from_static(NDJSON))],
        Body::from_stream(answers),
    )
        .into_response())
}

struct Import {
    visit: Visit,
    caller: AccountsCaller,
    lines: Lines,
    number: u64,
}

impl Import {
    /// The answer to the next line that is not empty; none at the end.
    async fn next(&mut self) -> Option<LineAnswer> {
        loop {
            let line = self.lines.next().await?;
            self.number += 1;
            match line {
                Ok(line) if line.trim_ascii().is_empty() => {}
                Ok(line) => return Some(self.import(&line).await),
                Err(fault) => return Some(self.failed(Problem::request(fault.to_string()))),
            }
        }
    }

    async fn import(&mut self, line: &[u8]) -> LineAnswer {
        let account: NewAccount = match serde_json::from_slice(line) {
            Ok(account) => account,
            Err(fault) => return self.failed(Problem::request(without_values(&fault))),
        };
        let named = account.sub.is_some() || account.name.is_some();
        let engine = &self.visit.web.engine;
        let realm = &self.visit.realm;
        match engine.create_account(realm, &self.caller, account).await {
            Ok(account) => LineAnswer {
                line: self.number,
                outcome: "created",
                sub: Some(account.sub),
                problem: None,
            },
            Err(AccountsError::Taken { attribute: None }) if named => LineAnswer {
                line: self.number,
                outcome: "exists",
                sub: None,
                problem: None,
            },
            Err(error) => self.failed(Problem::of(&self.visit, &error)),
        }
    }

    fn failed(&self, problem: Problem) -> LineAnswer {
        LineAnswer {
            line: self.number,
            outcome: "failed",
            sub: None,
            problem: Some(problem),
        }
    }
}

/// Why no further line can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum LineFault {
    #[error("the line is longer than {LONGEST_LINE} bytes; the rest was not read")]
    TooLong,
    #[error("the body broke off; the rest was not read")]
    Broken,
}

/// The lines of a body, bounded each.
struct Lines {
    chunks: BoxStream<'static, Result<Bytes, axum::Error>>,
    buffer: BytesMut,
    ended: bool,
}

impl Lines {
    fn of(body: Body) -> Self {
        Self {
            chunks: body.into_data_stream().boxed(),
            buffer: BytesMut::new(),
            ended: false,
        }
    }

    async fn next(&mut self) -> Option<Result<Bytes, LineFault>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|octet| *octet == b'\n') {
                let mut line = self.buffer.split_to(end + 1);
                line.truncate(end);
                return Some(self.bounded(line.freeze()));
            }
            if self.ended {
                let rest = self.buffer.split().freeze();
                return (!rest.is_empty()).then(|| self.bounded(rest));
            }
            if self.buffer.len() > LONGEST_LINE {
                return Some(self.stop(LineFault::TooLong));
            }
            match self.chunks.next().await {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(_)) => return Some(self.stop(LineFault::Broken)),
                None => self.ended = true,
            }
        }
    }

    fn bounded(&mut self, line: Bytes) -> Result<Bytes, LineFault> {
        if line.len() > LONGEST_LINE {
            return self.stop(LineFault::TooLong);
        }
        Ok(line)
    }

    fn stop(&mut self, fault: LineFault) -> Result<Bytes, LineFault> {
        self.ended = true;
        self.buffer.clear();
        Err(fault)
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    async fn lines(chunks: Vec<&'static str>) -> Vec<Result<Bytes, LineFault>> {
        let chunks = chunks.into_iter().map(Ok::<_, std::io::Error>);
        let mut lines = Lines::of(Body::from_stream(stream::iter(chunks)));
        let mut all = Vec::new();
        while let Some(line) = lines.next().await {
            all.push(line);
        }
        all
    }

    #[tokio::test]
    async fn lines_do_not_depend_on_how_the_body_was_cut() {
        let expected = ["{\"a\":1}", "", "{\"b\":2}", "end"].map(|line| Ok(Bytes::from(line)));
        for chunks in [
            vec!["{\"a\":1}\n\n{\"b\":2}\nend"],
            vec!["{\"a\"", ":1}\n", "\n{\"b\":2}", "\nend"],
        ] {
            assert_eq!(lines(chunks).await, expected);
        }
        assert!(lines(vec![""]).await.is_empty());
        assert_eq!(lines(vec!["x\n"]).await, [Ok(Bytes::from("x"))]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_not_gathered() {
        let long: &'static str = Box::leak("x".repeat(LONGEST_LINE + 1).into_boxed_str());
        assert_eq!(
            lines(vec!["a\n", long, "\nb\n"]).await,
            [Ok(Bytes::from("a")), Err(LineFault::TooLong)]
        );
    }
}
