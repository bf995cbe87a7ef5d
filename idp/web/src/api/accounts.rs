//! People's accounts, their sessions and credentials.

use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, LOCATION};
use http::{HeaderValue, StatusCode};
use realmwright_engine::accounts::{
    Account, AccountChange, AccountSearch, AccountState, AccountsCaller, AccountsError, NewAccount,
    NewPassword,
};
use realmwright_protocol::Parameters;
use realmwright_protocol::endpoints::Endpoint;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::{Problem, refuse};
use crate::routes::form::{has_media_type, read_limited};
use crate::visit::{Refused, Visit};

/// Largest body of one account.
const LARGEST_BODY: usize = 256 * 1024;

/// An answer, or the refusal.
pub(super) type Answer = Result<Response, Refused>;

/// Who calls.
pub(crate) async fn caller(visit: &Visit) -> Result<AccountsCaller, Refused> {
    let authorization = visit
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    visit
        .web
        .engine
        .accounts_caller(&visit.context(), authorization)
        .await
        .map_err(|error| refuse(visit, &error).into())
}

/// The value of a call, or its refusal.
pub(super) fn settle<T>(visit: &Visit, result: Result<T, AccountsError>) -> Result<T, Refused> {
    result.map_err(|error| refuse(visit, &error).into())
}

pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (
            status,
            [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            body,
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// An account with its version as entity tag.
fn versioned(status: StatusCode, account: &Account) -> Response {
    let mut response = json(status, account);
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", account.version)) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

async fn body<T: DeserializeOwned>(
    visit: &Visit,
    body: Body,
    media_types: &[&str],
) -> Result<T, Refused> {
    if !media_types
        .iter()
        .any(|expected| has_media_type(&visit.headers, expected))
    {
        return Err(Problem::media_type(&media_types.join(" or ")).into());
    }
    let octets = read_limited(body, LARGEST_BODY)
        .await
        .map_err(Problem::body)?;
    serde_json::from_slice(&octets).map_err(|fault| Problem::request(without_values(&fault)).into())
}

/// What is wrong with JSON, without quoting what it holds: that may be personal.
pub(crate) fn without_values(fault: &serde_json::Error) -> String {
    let what = match fault.classify() {
        serde_json::error::Category::Data => "does not have the expected fields",
        _ => "is not JSON",
    };
    format!(
        "the body {what} (line {}, column {})",
        fault.line(),
        fault.column()
    )
}

const JSON: &[&str] = &["application/json"];
const MERGE_PATCH: &[&str] = &["application/merge-patch+json", "application/json"];

/// Query of a list: attributes by name, `state`, `limit`, `after`.
fn search(query: &str) -> Result<AccountSearch, Refused> {
    let parameters =
        Parameters::parse(query.as_bytes()).map_err(|fault| Problem::request(fault.to_string()))?;
    parameters
        .refuse_repeated()
        .map_err(|fault| Problem::request(fault.to_string()))?;
    let mut search = AccountSearch::default();
    for (name, value) in parameters.iter() {
        match name {
            "state" => {
                search.state = Some(match value {
                    "active" => AccountState::Active,
                    "locked" => AccountState::Locked,
                    _ => return Err(Problem::request("state is neither active nor locked").into()),
                });
            }
            "limit" => {
                search.limit = value
                    .parse()
                    .ok()
                    .filter(|limit| (1..=500).contains(limit))
                    .ok_or_else(|| Problem::request("limit is not a number from 1 to 500"))?;
            }
            "after" => search.after = Some(value.to_owned()),
            _ => match name.strip_prefix("attributes.") {
                Some(attribute) => search
                    .attributes
                    .push((attribute.to_owned(), value.to_owned())),
                None => {
                    return Err(Problem::request(
                        "parameters are state, limit, after and attributes.<name>",
                    )
                    .into());
                }
            },
        }
    }
    Ok(search)
}

pub(crate) async fn find(visit: Visit) -> Answer {
    caller(&visit).await?;
    let query = visit.uri.query().unwrap_or_default();
    let search = search(query)?;
    let result = visit.web.engine.find_accounts(&visit.realm, search).await;
    Ok(json(StatusCode::OK, &settle(&visit, result)?))
}

pub(crate) async fn create(visit: Visit, content: Body) -> Answer {
    let caller = caller(&visit).await?;
    let account: NewAccount = body(&visit, content, JSON).await?;
    let engine = &visit.web.engine;
    let result = engine.create_account(&visit.realm, &caller, account).await;
    let account = settle(&visit, result)?;
    let mut response = versioned(StatusCode::CREATED, &account);
    let sub =
        percent_encoding::utf8_percent_encode(&account.sub, percent_encoding::NON_ALPHANUMERIC);
    let location = format!("{}/accounts/{sub}", visit.path(Endpoint::Api));
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

pub(crate) async fn read(visit: Visit, Path(sub): Path<String>) -> Answer {
    caller(&visit).await?;
    let result = visit.web.engine.account(&visit.realm, &sub).await;
    Ok(versioned(StatusCode::OK, &settle(&visit, result)?))
}

pub(crate) async fn change(visit: Visit, Path(sub): Path<String>, content: Body) -> Answer {
    let caller = caller(&visit).await?;
    let mut change: AccountChange = body(&visit, content, MERGE_PATCH).await?;
    if let Some(version) = expected_version(&visit)? {
        change.version = Some(version);
    }
    let engine = &visit.web.engine;
    let result = engine
        .change_account(&visit.realm, &caller, &sub, change)
        .await;
    Ok(versioned(StatusCode::OK, &settle(&visit, result)?))
}

/// `If-Match` with one version, RFC 9110 section 13.1.1; `*` matches any.
fn expected_version(visit: &Visit) -> Result<Option<i64>, Refused> {
    let Some(tag) = visit.headers.get(IF_MATCH) else {
        return Ok(None);
    };
    let tag = tag.to_str().unwrap_or_default().trim();
    if tag == "*" {
        return Ok(None);
    }
    tag.strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"'))
        .and_then(|version| version.parse().ok())
        .map(Some)
        .ok_or_else(|| Problem::precondition("expected one entity tag of the account, or *").into())
}

pub(crate) async fn erase(visit: Visit, Path(sub): Path<String>) -> Answer {
    let caller = caller(&visit).await?;
    let engine = &visit.web.engine;
    settle(
        &visit,
        engine.erase_account(&visit.realm, &caller, &sub).await,
    )?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn set_password(visit: Visit, Path(sub): Path<String>, content: Body) -> Answer {
    let caller = caller(&visit).await?;
    let password: NewPassword = body(&visit, content, JSON).await?;
    let engine = &visit.web.engine;
    let result = engine
        .set_password(&visit.realm, &caller, &sub, password)
        .await;
    settle(&visit, result)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn sessions(visit: Visit, Path(sub): Path<String>) -> Answer {
    caller(&visit).await?;
    let result = visit.web.engine.account_sessions(&visit.realm, &sub).await;
    let sessions = settle(&visit, result)?;
    Ok(json(
        StatusCode::OK,
        &serde_json::json!({"items": sessions}),
    ))
}

pub(crate) async fn end_sessions(visit: Visit, Path(sub): Path<String>) -> Answer {
    end(&visit, &sub, None).await
}

pub(crate) async fn end_session(
    visit: Visit,
    Path((sub, session)): Path<(String, String)>,
) -> Answer {
    end(&visit, &sub, Some(&session)).await
}

async fn end(visit: &Visit, sub: &str, session: Option<&str>) -> Answer {
    let caller = caller(visit).await?;
    let engine = &visit.web.engine;
    let result = engine
        .end_account_sessions(&visit.realm, &caller, sub, session)
        .await;
    settle(visit, result)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn reset_factor(
    visit: Visit,
    Path((sub, kind)): Path<(String, String)>,
) -> Answer {
    let caller = caller(&visit).await?;
    let engine = &visit.web.engine;
    let result = engine
        .reset_factor(&visit.realm, &caller, &sub, &kind)
        .await;
    settle(&visit, result)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn export(visit: Visit, Path(sub): Path<String>) -> Answer {
    let caller = caller(&visit).await?;
    let engine = &visit.web.engine;
    let result = engine.export_account(&visit.realm, &caller, &sub).await;
    Ok(json(StatusCode::OK, &settle(&visit, result)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_searched_by_attributes() {
        let search = search("attributes.email=a%40b&state=locked&limit=7&after=x").unwrap();
        assert_eq!(search.attributes, [("email".to_owned(), "a@b".to_owned())]);
        assert_eq!(search.state, Some(AccountState::Locked));
        assert_eq!((search.limit, search.after.as_deref()), (7, Some("x")));
    }

    #[test]
    fn queries_that_mean_nothing_are_refused() {
        for query in [
            "email=a",
            "limit=0",
            "limit=501",
            "limit=x",
            "state=gone",
            "state=active&state=locked",
            "after=%ff",
        ] {
            assert!(search(query).is_err(), "{query}");
        }
    }

    #[test]
    fn messages_about_json_do_not_quote_it() {
        let fault = serde_json::from_str::<NewAccount>(r#"{"sub": "x", "pasword": "hunter2"}"#)
            .unwrap_err();
        let text = without_values(&fault);
        assert!(
            !text.contains("hunter2") && !text.contains("pasword"),
            "{text}"
        );
        assert!(text.contains("line 1"), "{text}");
    }
}
