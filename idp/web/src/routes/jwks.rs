//! `/oauth2/jwks`: the public keys, RFC 7517 section 5.

use axum::response::Response;

use crate::routes::discovery::document;
use crate::visit::Visit;

pub(crate) async fn get(visit: Visit) -> Response {
    document(visit.realm.jwks(), &visit.headers)
}
