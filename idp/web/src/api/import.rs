//! `POST /accounts:import`: one new account on each line (NDJSON), one answer on each line.
//!
//! Resumable: an account that is there under the same identifier or name is answered with
//! `exists` and stays as it is, so that a file may be sent again from its start. Each line is its
//! own transaction; a line that is wrong is answered and does not stop the others. A line is read
//! only when the answers to those before it have been taken. The body may take as long as it
//! needs, so long as it goes on.

use axum::Extension;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::{Stream, unfold};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use realmwright_engine::accounts::{AccountsCaller, AccountsError, NewAccount};
use serde::Serialize;

use super::accounts::{caller, without_values};
use super::lines::{LineFault, Lines};
use super::problem::Problem;
use crate::body::{BodyTime, SlowBody};
use crate::routes::form::has_media_type;
use crate::visit::{Refused, Visit};

const NDJSON: &str = "application/x-ndjson";

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

pub(crate) async fn post(
    visit: Visit,
    time: Option<Extension<BodyTime>>,
    body: Body,
) -> Result<Response, Refused> {
    let caller = caller(&visit).await?;
    if !has_media_type(&visit.headers, NDJSON) {
        return Err(Problem::media_type(NDJSON).into());
    }
    if let Some(Extension(time)) = time {
        time.renew_with_each_piece();
    }
    let import = Import {
        visit,
        caller,
        lines: Lines::of(pieces(body)),
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

/// What comes of a body, and why no more does.
fn pieces(body: Body) -> impl Stream<Item = Result<Bytes, LineFault>> + Send + 'static {
    body.into_data_stream().map_err(|fault| {
        if SlowBody::is(&fault) {
            LineFault::TooSlow
        } else {
            LineFault::Broken
        }
    })
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
