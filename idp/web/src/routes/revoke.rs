//! `/oauth2/revoke`, RFC 7009.

use axum::body::Body;
use axum::response::{IntoResponse, Response};

use crate::routes::back_channel::{Shared, answer, call, form};
use crate::visit::Visit;

pub(crate) async fn post(visit: Visit, body: Body) -> Response {
    let form = match form(&visit, body, Shared::WithClients).await {
        Ok(form) => form,
        Err(refused) => return refused.into_response(),
    };
    let engine = &visit.web.engine;
    let result = engine.revoke(&visit.context(), call(&visit, &form)).await;
    answer(&visit, result, Shared::WithClients)
}
