//! `/assets/{file}`: style sheet, fonts, icon. Names hold a digest, so caches keep them for ever.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::pages::ErrorKind;
use crate::visit::Visit;
use crate::web::Web;

pub(crate) async fn get(visit: Visit, Path(name): Path<String>) -> Response {
    file(&visit.web, &name).unwrap_or_else(|| visit.error(ErrorKind::NotFound, None))
}

/// The file of this name.
pub(crate) fn file(web: &Web, name: &str) -> Option<Response> {
    let asset = web.assets.find(name)?;
    Some(
        (
            [
                (CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
                (
                    CACHE_CONTROL,
                    HeaderValue::from_static("public, max-age=31536000, immutable"),
                ),
            ],
            asset.content.clone(),
        )
            .into_response(),
    )
}
