//! `/oauth2/userinfo`, OpenID Connect Core 1.0 section 5.3 (KC-UI-01).

use axum::body::Body;
use axum::response::{IntoResponse, Response};

use crate::routes::back_channel::{Shared, answer, call, form};
use crate::routes::form::has_media_type;
use crate::visit::Visit;

pub(crate) async fn get(visit: Visit) -> Response {
    ask(&visit, "").await
}

/// The token comes in the header, or in the form (RFC 6750 section 2.2).
pub(crate) async fn post(visit: Visit, body: Body) -> Response {
    if !has_media_type(&visit.headers, "application/x-www-form-urlencoded") {
        return ask(&visit, "").await;
    }
    match form(&visit, body, Shared::WithClients).await {
        Ok(form) => ask(&visit, &form).await,
        Err(refused) => refused.into_response(),
    }
}

async fn ask(visit: &Visit, form: &str) -> Response {
    let engine = &visit.web.engine;
    let result = engine.userinfo(&visit.context(), call(visit, form)).await;
    answer(visit, result, Shared::WithClients)
}
