//! Why people were refused.

use axum::extract::Path;
use http::StatusCode;

use super::accounts::{Answer, caller, json, settle};
use crate::visit::Visit;

pub(crate) async fn read(visit: Visit, Path(id): Path<String>) -> Answer {
    caller(&visit).await?;
    let denial = visit.web.engine.denial(&visit.realm, &id).await;
    Ok(json(StatusCode::OK, &settle(&visit, denial)?))
}
