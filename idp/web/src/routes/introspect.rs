//! `/oauth2/introspect`, RFC 7662.

use axum::body::Body;
use axum::response::Response;

use crate::routes::back_channel::{Shared, answer, call, form};
use crate::visit::Visit;

pub(crate) async fn post(visit: Visit, body: Body) -> Response {
    let form = match form(&visit, body, Shared::No).await {
        Ok(form) => form,
        Err(refusal) => return refusal,
    };
    let engine = &visit.web.engine;
    let result = engine
        .introspect(&visit.context(), call(&visit, &form))
        .await;
    answer(&visit, result, Shared::No)
}
