//! `/oauth2/logout`, OpenID Connect RP-Initiated Logout 1.0 (KC-LO-01, OIDC-30).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use realmwright_engine::LogoutAnswer;
use realmwright_protocol::Parameters;
use realmwright_protocol::endpoints::Endpoint;

use crate::pages::ErrorKind;
use crate::routes::authorize::{read, with_cookies};
use crate::routes::form::{Sender, sender};
use crate::routes::reply::reply;
use crate::visit::Visit;

pub(crate) async fn get(visit: Visit) -> Response {
    let query = visit.uri.query().unwrap_or_default().to_owned();
    ask(&visit, &query).await
}

/// The request of an application, or a person's answer to our question.
pub(crate) async fn post(visit: Visit, body: Body) -> Response {
    let form = match read(&visit, body).await {
        Ok(form) => form,
        Err(page) => return page.into_response(),
    };
    let parameters = match Parameters::parse(form.as_bytes()) {
        Ok(parameters) => parameters,
        Err(fault) => return visit.error(ErrorKind::Request, Some(&fault.to_string())),
    };
    let Some(sealed) = parameters.get("sealed") else {
        if let Some(redirect) = with_cookies(&visit, Endpoint::EndSession, &form) {
            return redirect;
        }
        return ask(&visit.wishing(parameters.get("ui_locales")), &form).await;
    };
    if sender(&visit.headers, &visit.origin()) == Sender::Foreign {
        return visit.error(ErrorKind::ForeignForm, None);
    }
    let answer = match parameters.get("answer") {
        Some("yes") => LogoutAnswer::LogOut,
        Some("no") => LogoutAnswer::Stay,
        _ => return visit.error(ErrorKind::Request, Some("answer")),
    };
    let engine = &visit.web.engine;
    let result = engine
        .confirm_logout(&visit.context(), sealed, answer, &visit.cookies())
        .await;
    reply(&visit, result)
}

async fn ask(visit: &Visit, parameters: &str) -> Response {
    let engine = &visit.web.engine;
    let result = engine
        .logout(&visit.context(), parameters, &visit.cookies())
        .await;
    reply(visit, result)
}
