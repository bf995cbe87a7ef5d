//! `/oauth2/introspect`, RFC 7662.

use axum::body::Body;
use axum::response::{IntoResponse, Response};

use crate::routes::back_channel::{Shared, answer, call, form};
use crate::visit::Visit;

pub(crate) async fn post(visit: Visit, body: Body) -> Response {
    let form = match form(&visit, body, Shared::No).await {
        Ok(form) => form,
        Err(refused) => return refused.into_response(),
    };
    let engine = &visit.web.engine;
    let result = engine
        .introspect(&visit.context(), call(&visit, &form))
        .await;
    answer(&visit, result, Shared::No)
}
