//! All paths in one table: the router is made from it, and a test holds that each path refuses
//! whom it must.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get, post};
use realmwright_protocol::endpoints::{self, Endpoint, Sharing};
use realmwright_snapshot::Layout;

use crate::api;
use crate::entry::{Entry, SERVER_METADATA, enter, note_endpoint};
use crate::routes::{
    assets, authorize, cors, discovery, introspect, jwks, login, logout, missing, revoke, token,
    userinfo,
};
use crate::web::Web;

/// Who may get an answer from a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Everybody: the answer is public.
    Public,
    /// Browsers of people; the request itself is judged.
    Browser,
    /// A browser with the cookies of a login under way.
    Login,
    /// An application that proves who it is.
    Client,
    /// The bearer of an access token.
    Bearer,
    /// The bearer of a token with the scope `realmwright:accounts`.
    Accounts,
}

/// A path under the issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The path, with `{name}` for a segment that varies.
    pub path: String,
    /// Methods that it answers.
    pub methods: Vec<&'static str>,
    /// Who may get an answer.
    pub audience: Audience,
}

/// Every path of a realm.
#[must_use]
pub fn routes(layout: Layout) -> Vec<Route> {
    let mut routes: Vec<Route> = endpoints::ALL
        .iter()
        .filter(|endpoint| **endpoint != Endpoint::Api)
        .map(|endpoint| Route {
            path: endpoints::path(layout, *endpoint).to_owned(),
            methods: endpoints::methods(*endpoint)
                .iter()
                .map(|method| match method {
                    endpoints::Method::Get => "GET",
                    endpoints::Method::Post => "POST",
                })
                .collect(),
            audience: audience(*endpoint),
        })
        .collect();
    routes.push(Route {
        path: SERVER_METADATA.to_owned(),
        methods: vec!["GET"],
        audience: Audience::Public,
    });
    routes.extend(api::routes(endpoints::path(layout, Endpoint::Api)));
    routes
}

const fn audience(endpoint: Endpoint) -> Audience {
    match endpoint {
        Endpoint::Discovery | Endpoint::Jwks | Endpoint::Asset => Audience::Public,
        Endpoint::Authorization | Endpoint::EndSession => Audience::Browser,
        Endpoint::LoginStart | Endpoint::LoginStep => Audience::Login,
        Endpoint::Token | Endpoint::Introspection | Endpoint::Revocation => Audience::Client,
        Endpoint::UserInfo => Audience::Bearer,
        Endpoint::Api => Audience::Accounts,
    }
}

fn handlers(endpoint: Endpoint) -> MethodRouter {
    match endpoint {
        Endpoint::Discovery => get(discovery::get),
        Endpoint::Jwks => get(jwks::get),
        Endpoint::Asset => get(assets::get),
        Endpoint::Authorization => get(authorize::get).post(authorize::post),
        Endpoint::EndSession => get(logout::get).post(logout::post),
        Endpoint::LoginStart => get(login::nowhere).post(login::begin),
        Endpoint::LoginStep => get(login::show).post(login::submit),
        Endpoint::Token => post(token::post),
        Endpoint::Introspection => post(introspect::post),
        Endpoint::Revocation => post(revoke::post),
        Endpoint::UserInfo => get(userinfo::get).post(userinfo::post),
        Endpoint::Api => MethodRouter::new(),
    }
}

/// The router for every realm. The listener inserts [`crate::Transport`] into each request.
pub fn router(web: Web) -> Router {
    let layout = Layout::Realmwright;
    let mut endpoints_router = Router::new().route(SERVER_METADATA, get(discovery::get));
    for endpoint in endpoints::ALL {
        let path = endpoints::path(layout, *endpoint);
        if *endpoint == Endpoint::Api {
            endpoints_router = endpoints_router.merge(api::router(path));
            continue;
        }
        let handlers = match endpoints::sharing(*endpoint) {
            Sharing::Public => handlers(*endpoint).options(cors::preflight_public),
            Sharing::Clients => handlers(*endpoint).options(cors::preflight_clients),
            Sharing::SameOrigin => handlers(*endpoint),
        };
        endpoints_router = endpoints_router.route(path, handlers);
    }
    let endpoints_router = endpoints_router
        .method_not_allowed_fallback(missing::method)
        .route_layer(from_fn(note_endpoint))
        .fallback(missing::path);
    Router::new().fallback(enter).with_state(Entry {
        web: Arc::new(web),
        endpoints: endpoints_router,
    })
}
