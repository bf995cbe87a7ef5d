//! What the engine tells a browser, as HTTP.

use axum::response::Response;
use http::StatusCode;
use http::header::SET_COOKIE;
use realmwright_engine::{
    ClientResponse, ClientView, EngineFault, ErrorKind as EngineErrorKind, ErrorPage,
    LoggedOutPage, LogoutPage, Reply, Step,
};
use realmwright_protocol::endpoints::Endpoint;
use realmwright_snapshot::ResponseMode;
use url::Url;

use crate::headers::PagePolicy;
use crate::pages::{
    BackLink, DeniedView, ErrorKind, ErrorView, Form, FormPostView, LoggedOutView, LogoutView,
    Page, SUBMIT_SCRIPT,
};
use crate::routes::login::step_address;
use crate::visit::Visit;

mod steps;

/// The answer to a browser.
pub(crate) fn reply(visit: &Visit, result: Result<Reply, EngineFault>) -> Response {
    let Reply { step, cookies } = match result {
        Ok(reply) => reply,
        Err(fault) => return visit.fault(&fault),
    };
    let mut response = match step {
        Step::Page(page) => steps::login_page(visit, *page),
        Step::Continue(login) => visit.see_other(&step_address(visit, login)),
        Step::Respond(answer) => respond(visit, answer),
        Step::Error(page) => error_page(visit, *page),
        Step::ConfirmLogout(page) => confirm_logout(visit, *page),
        Step::LoggedOut(page) => logged_out(visit, *page),
    };
    for change in &cookies {
        match visit.names.change(change) {
            Some(header) => {
                response.headers_mut().append(SET_COOKIE, header);
            }
            None => tracing::error!(realm = %visit.realm.id(), "a cookie cannot be written"),
        }
    }
    response
}

/// A response to the application, OAuth 2.0 Multiple Response Type Encoding Practices section 2.1
/// and Form Post Response Mode section 2; 303 by RFC 9700 section 4.12.
fn respond(visit: &Visit, answer: ClientResponse) -> Response {
    match answer.mode {
        ResponseMode::Query => {
            let mut redirect_uri = answer.redirect_uri;
            redirect_uri
                .query_pairs_mut()
                .extend_pairs(&answer.parameters);
            visit.see_other(redirect_uri.as_str())
        }
        ResponseMode::Fragment => {
            let mut encoder = Url::parse("x:").ok();
            let fragment = encoder.as_mut().and_then(|url| {
                url.query_pairs_mut().extend_pairs(&answer.parameters);
                url.query().map(str::to_owned)
            });
            let mut redirect_uri = answer.redirect_uri;
            redirect_uri.set_fragment(fragment.as_deref());
            visit.see_other(redirect_uri.as_str())
        }
        ResponseMode::FormPost => form_post(visit, answer),
    }
}

fn form_post(visit: &Visit, answer: ClientResponse) -> Response {
    let form_action = answer.form_action();
    let ClientResponse {
        redirect_uri,
        mode: _,
        parameters,
    } = answer;
    let form = parameters
        .into_iter()
        .fold(Form::to(redirect_uri.as_str()), |form, (name, value)| {
            form.with(name, value)
        });
    let page = Page::FormPost(FormPostView {
        form,
        application: redirect_uri.host_str().unwrap_or_default().to_owned(),
        script: SUBMIT_SCRIPT,
        failure: None,
    });
    let policy = PagePolicy::default()
        .with_form_action(Some(form_action))
        .submitting_itself();
    visit.page(StatusCode::OK, &page, &policy)
}

fn error_page(visit: &Visit, page: ErrorPage) -> Response {
    let ErrorPage {
        kind,
        message,
        client,
        detail,
        error_id,
    } = page;
    let id = error_id.unwrap_or_else(|| visit.web.error_id());
    let kind = match kind {
        EngineErrorKind::Denied => {
            return denied(visit, id, message, client, detail.as_deref());
        }
        EngineErrorKind::UnknownClient => ErrorKind::UnknownClient,
        EngineErrorKind::RedirectUri => ErrorKind::Redirect,
        EngineErrorKind::BadRequest => ErrorKind::Request,
        EngineErrorKind::LoginGone => ErrorKind::LoginGone,
        EngineErrorKind::LogoutRedirectUri => ErrorKind::LogoutReturn,
    };
    visit.log(&id, kind.key(), detail.as_deref());
    visit.error_page(ErrorView {
        again_href: client
            .as_ref()
            .and_then(|client| client.start_url.as_ref())
            .map(Url::to_string),
        back: client.and_then(back_link),
        ..ErrorView::new(kind, id)
    })
}

/// APP-12.
fn denied(
    visit: &Visit,
    id: String,
    message: Option<String>,
    client: Option<ClientView>,
    detail: Option<&str>,
) -> Response {
    visit.log(&id, "denied", detail);
    let page = Page::Denied(DeniedView {
        id,
        message,
        application: client.as_ref().map(|client| client.name.clone()),
        back: client.and_then(back_link),
        failure: None,
    });
    visit.page(StatusCode::FORBIDDEN, &page, &PagePolicy::default())
}

fn back_link(client: ClientView) -> Option<BackLink> {
    client.url.map(|url| BackLink {
        name: client.name,
        href: url.into(),
    })
}

fn confirm_logout(visit: &Visit, page: LogoutPage) -> Response {
    let view = Page::Logout(LogoutView {
        form: Form::to(visit.path(Endpoint::EndSession) + &visit.carried_query())
            .with("sealed", page.sealed),
        application: page.client.map(|client| client.name),
        failure: None,
    });
    let policy = PagePolicy::default().with_form_action(page.form_action);
    visit.page(StatusCode::OK, &view, &policy)
}

fn logged_out(visit: &Visit, page: LoggedOutPage) -> Response {
    if let Some(address) = page.return_to {
        return visit.see_other(address.as_str());
    }
    let view = Page::LoggedOut(LoggedOutView {
        ended: page.ended,
        back: page.client.and_then(back_link),
        failure: None,
    });
    visit.page(StatusCode::OK, &view, &PagePolicy::default())
}
