//! The accounts API, `/api/v1` under the issuer: JSON for applications with the scope
//! `realmwright:accounts`. Errors are RFC 9457 problems, changes are conditional by `If-Match`,
//! lists continue by a cursor.

mod accounts;
mod denials;
mod import;
mod lines;
mod openapi;
mod problem;

use axum::Router;
use axum::routing::{MethodRouter, delete, get, post, put};

pub use openapi::document;
#[cfg(test)]
pub(crate) use problem::ProblemKind;

use crate::router::{Audience, Route};

/// A path of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ApiPath {
    Description,
    Accounts,
    Import,
    Account,
    Password,
    Sessions,
    Session,
    Credential,
    Export,
    Denial,
}

impl ApiPath {
    const ALL: [Self; 10] = [
        Self::Description,
        Self::Accounts,
        Self::Import,
        Self::Account,
        Self::Password,
        Self::Sessions,
        Self::Session,
        Self::Credential,
        Self::Export,
        Self::Denial,
    ];

    const fn path(self) -> &'static str {
        match self {
            Self::Description => "/openapi.json",
            Self::Accounts => "/accounts",
            // Not `/accounts/import`, which is the account of somebody called so.
            Self::Import => "/accounts:import",
            Self::Account => "/accounts/{sub}",
            Self::Password => "/accounts/{sub}/password",
            Self::Sessions => "/accounts/{sub}/sessions",
            Self::Session => "/accounts/{sub}/sessions/{session}",
            Self::Credential => "/accounts/{sub}/credentials/{kind}",
            Self::Export => "/accounts/{sub}/export",
            Self::Denial => "/denials/{id}",
        }
    }

    const fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Description | Self::Export | Self::Denial => &["GET"],
            Self::Accounts => &["GET", "POST"],
            Self::Import => &["POST"],
            Self::Account => &["GET", "PATCH", "DELETE"],
            Self::Password => &["PUT"],
            Self::Sessions => &["GET", "DELETE"],
            Self::Session | Self::Credential => &["DELETE"],
        }
    }

    const fn audience(self) -> Audience {
        match self {
            Self::Description => Audience::Public,
            _ => Audience::Accounts,
        }
    }

    fn handlers(self) -> MethodRouter {
        match self {
            Self::Description => get(openapi::get),
            Self::Accounts => get(accounts::find).post(accounts::create),
            Self::Import => post(import::post),
            Self::Account => get(accounts::read)
                .patch(accounts::change)
                .delete(accounts::erase),
            Self::Password => put(accounts::set_password),
            Self::Sessions => get(accounts::sessions).delete(accounts::end_sessions),
            Self::Session => delete(accounts::end_session),
            Self::Credential => delete(accounts::reset_factor),
            Self::Export => get(accounts::export),
            Self::Denial => get(denials::read),
        }
    }
}

/// The API under `base`, as rows of the table.
pub(crate) fn routes(base: &str) -> Vec<Route> {
    ApiPath::ALL
        .iter()
        .map(|path| Route {
            path: format!("{base}{}", path.path()),
            methods: path.methods().to_vec(),
            audience: path.audience(),
        })
        .collect()
}

/// The API under `base`.
pub(crate) fn router(base: &str) -> Router {
    ApiPath::ALL.iter().fold(Router::new(), |router, path| {
        router.route(&format!("{base}{}", path.path()), path.handlers())
    })
}
