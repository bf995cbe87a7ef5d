//! The description of the API, OpenAPI 3.1: `/api/v1/openapi.json`, and committed as
//! `docs/reference/accounts-api.json`.
//!
//! The bodies are described by twins of the engine's types; tests hold them to each other.

mod paths;
mod schemas;

use std::sync::OnceLock;

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use utoipa::openapi::security::{ClientCredentials, Flow, OAuth2, Scopes, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Realmwright accounts API",
        version = "1",
        description = "People's accounts of one realm: create, find, change, lock, erase, export, import; and why people were refused. \
                       The base address is the realm's issuer with `/api/v1` behind it. Every call needs an \
                       access token from `client_credentials` with the system scope `realmwright:accounts`. \
                       Errors are RFC 9457 problems; `type` names the problem as a fragment, `instance` is \
                       the number that the log has as well."
    ),
    servers((url = ".")),
    modifiers(&Bearer),
    paths(
        paths::find,
        paths::create,
        paths::import,
        paths::read,
        paths::change,
        paths::erase,
        paths::set_password,
        paths::sessions,
        paths::end_sessions,
        paths::end_session,
        paths::reset_factor,
        paths::export,
        paths::denial,
    ),
    components(schemas(
        schemas::Account,
        schemas::AccountState,
        schemas::AccountCredential,
        schemas::AccountPage,
        schemas::AccountSession,
        schemas::AccountSessions,
        schemas::NewAccount,
        schemas::NewPassword,
        schemas::AccountChange,
        schemas::ImportAnswer,
        schemas::ImportOutcome,
        schemas::Denial,
        schemas::DataClass,
        schemas::Moment,
        schemas::Why,
        schemas::JudgedRule,
        schemas::JudgedAtom,
        schemas::RuleList,
        schemas::Verdict,
        schemas::Problem,
    ))
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scopes = Scopes::from_iter([("realmwright:accounts", "Manage people's accounts")]);
        let flow = Flow::ClientCredentials(ClientCredentials::new("../../oauth2/token", scopes));
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("oauth2", SecurityScheme::OAuth2(OAuth2::new([flow])));
    }
}

/// The description as JSON, with a line end.
#[must_use]
pub fn document() -> String {
    let mut text = Description::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

pub(crate) async fn get() -> Response {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    let document = DOCUMENT.get_or_init(document).as_str();
    ([(CONTENT_TYPE, "application/json")], document).into_response()
}

#[cfg(test)]
mod tests;
