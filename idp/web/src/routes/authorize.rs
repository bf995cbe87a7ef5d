//! `/oauth2/authorize`, RFC 6749 section 3.1 and OpenID Connect Core 1.0 section 3.1.2 (OIDC-51,
//! KC-AZ-01).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use realmwright_protocol::Parameters;
use realmwright_protocol::endpoints::Endpoint;

use crate::pages::ErrorKind;
use crate::routes::form::{self, FormFault, Sender, sender};
use crate::routes::reply::reply;
use crate::visit::{Refused, Visit};

/// A longer address is not sent to browsers.
const LONGEST_QUERY: usize = 8 * 1024;

pub(crate) async fn get(visit: Visit) -> Response {
    let query = visit.uri.query().unwrap_or_default().to_owned();
    ask(&visit, &query).await
}

pub(crate) async fn post(visit: Visit, body: Body) -> Response {
    let form = match read(&visit, body).await {
        Ok(form) => form,
        Err(page) => return page.into_response(),
    };
    if let Some(redirect) = with_cookies(&visit, Endpoint::Authorization, &form) {
        return redirect;
    }
    let ui_locales = Parameters::parse(form.as_bytes())
        .ok()
        .and_then(|form| form.get("ui_locales").map(str::to_owned));
    ask(&visit.wishing(ui_locales.as_deref()), &form).await
}

async fn ask(visit: &Visit, parameters: &str) -> Response {
    let engine = &visit.web.engine;
    let result = engine
        .authorize(&visit.context(), parameters, &visit.cookies())
        .await;
    reply(visit, result)
}

/// The form of a browser, or the page that says why not.
pub(crate) async fn read(visit: &Visit, body: Body) -> Result<String, Refused> {
    form::read(&visit.headers, body).await.map_err(|fault| {
        let kind = match fault {
            FormFault::TooLarge => ErrorKind::TooLarge,
            FormFault::TooSlow => ErrorKind::TooSlow,
            FormFault::MediaType | FormFault::Unreadable => ErrorKind::Request,
        };
        visit.error(kind, Some(&fault.to_string())).into()
    })
}

/// A form that an application's page posts comes without our cookies (`SameSite=Lax`); the same
/// request as a GET brings them.
pub(crate) fn with_cookies(visit: &Visit, endpoint: Endpoint, form: &str) -> Option<Response> {
    let foreign = sender(&visit.headers, &visit.origin()) == Sender::Foreign;
    let printable = form.bytes().all(|octet| octet.is_ascii_graphic());
    (foreign && printable && form.len() <= LONGEST_QUERY)
        .then(|| visit.see_other(&format!("{}?{form}", visit.path(endpoint))))
}
