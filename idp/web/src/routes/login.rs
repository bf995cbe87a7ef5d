//! `/login` takes the first answer, with the request sealed in the form; `/login/{id}` shows the
//! current step and takes the answer to it.

use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use realmwright_engine::{Answer, LoginId};
use realmwright_protocol::Parameters;
use realmwright_protocol::endpoints::Endpoint;
use realmwright_snapshot::MethodName;
use secrecy::SecretString;
use uuid::Uuid;

use crate::pages::ErrorKind;
use crate::routes::authorize::read;
use crate::routes::form::{Sender, sender};
use crate::routes::reply::reply;
use crate::visit::{Refused, Visit};

pub(crate) async fn begin(visit: Visit, body: Body) -> Response {
    let form = match own_form(&visit, body).await {
        Ok(form) => form,
        Err(page) => return page.into_response(),
    };
    let Some(sealed) = form.get("request") else {
        return visit.error(ErrorKind::LoginGone, Some("request"));
    };
    // Empty fields never reach us from our page; they are answered as any wrong password.
    let answer = answer(&form).unwrap_or_else(|| Answer::Password {
        login: String::new(),
        password: SecretString::default(),
    });
    let engine = &visit.web.engine;
    let result = engine
        .begin_login(&visit.context(), sealed, answer, &visit.cookies())
        .await;
    reply(&visit, result)
}

/// Nothing is shown here, but the language menu of a page that answered a form leads here.
pub(crate) async fn nowhere(visit: Visit) -> Response {
    visit.error(ErrorKind::LoginGone, None)
}

pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    let Some(id) = login_id(&id) else {
        return visit.error(ErrorKind::NotFound, None);
    };
    let engine = &visit.web.engine;
    let result = engine
        .show_login(&visit.context(), id, &visit.cookies())
        .await;
    reply(&visit, result)
}

pub(crate) async fn submit(visit: Visit, Path(id): Path<String>, body: Body) -> Response {
    let Some(id) = login_id(&id) else {
        return visit.error(ErrorKind::NotFound, None);
    };
    let form = match own_form(&visit, body).await {
        Ok(form) => form,
        Err(page) => return page.into_response(),
    };
    let version = form.get("version").and_then(|version| version.parse().ok());
    let (Some(version), Some(answer)) = (version, answer(&form)) else {
        return visit.see_other(&step_address(&visit, id));
    };
    let engine = &visit.web.engine;
    let result = engine
        .submit_login(&visit.context(), id, version, answer, &visit.cookies())
        .await;
    reply(&visit, result)
}

/// Where the current step of a login is.
pub(crate) fn step_address(visit: &Visit, id: LoginId) -> String {
    let path = visit.path(Endpoint::LoginStep);
    path.replace("{id}", &id.to_string()) + &visit.carried_query()
}

fn login_id(text: &str) -> Option<LoginId> {
    Uuid::try_parse(text).ok().map(LoginId)
}

/// A form that one of our pages sent.
async fn own_form(visit: &Visit, body: Body) -> Result<Parameters, Refused> {
    if sender(&visit.headers, &visit.origin()) == Sender::Foreign {
        return Err(visit.error(ErrorKind::ForeignForm, None).into());
    }
    let form = read(visit, body).await?;
    Parameters::parse(form.as_bytes())
        .and_then(|form| form.refuse_repeated().map(|()| form))
        .map_err(|fault| {
            visit
                .error(ErrorKind::Request, Some(&fault.to_string()))
                .into()
        })
}

/// What the fields say; none when nothing was answered.
fn answer(form: &Parameters) -> Option<Answer> {
    let secret = |name: &str| form.get(name).map(SecretString::from);
    if let Some(method) = form.get("method") {
        return Some(Answer::Choose(MethodName::from(method)));
    }
    match form.get("decision") {
        Some("allow") => return Some(Answer::Consent),
        Some("deny") => return Some(Answer::RefuseConsent),
        Some("cancel") => return Some(Answer::Cancel),
        Some("other-way") => return Some(Answer::OtherWay),
        _ => {}
    }
    if form.get("skip").is_some() {
        return Some(Answer::SkipNewPassword);
    }
    if form.get("saved").is_some() {
        return Some(Answer::RecoveryCodesSeen);
    }
    if let Some(password) = secret("new_password") {
        return Some(Answer::NewPassword {
            current: secret("current_password"),
            password,
            repeated: secret("new_password_again").unwrap_or_default(),
        });
    }
    if let Some(code) = secret("recovery_code") {
        return Some(Answer::RecoveryCode(code));
    }
    if let Some(code) = secret("code") {
        return Some(Answer::Code(code));
    }
    let (login, password) = (form.get("login"), secret("password"));
    (login.is_some() || password.is_some()).then(|| Answer::Password {
        login: login.unwrap_or_default().to_owned(),
        password: password.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn answered(form: &str) -> Option<Answer> {
        answer(&Parameters::parse(form.as_bytes()).unwrap())
    }

    #[test]
    fn fields_say_which_answer_it_is() {
        assert!(answered("version=1").is_none());
        assert!(matches!(
            answered("method=otp&login=a"),
            Some(Answer::Choose(_))
        ));
        assert!(matches!(answered("decision=allow"), Some(Answer::Consent)));
        assert!(matches!(
            answered("decision=deny"),
            Some(Answer::RefuseConsent)
        ));
        assert!(matches!(
            answered("decision=other-way"),
            Some(Answer::OtherWay)
        ));
        assert!(answered("decision=perhaps").is_none());
        assert!(matches!(
            answered("saved=yes"),
            Some(Answer::RecoveryCodesSeen)
        ));
        assert!(matches!(
            answered("skip=yes"),
            Some(Answer::SkipNewPassword)
        ));
        assert!(matches!(answered("code=123456"), Some(Answer::Code(_))));
        assert!(matches!(
            answered("recovery_code=x"),
            Some(Answer::RecoveryCode(_))
        ));
        assert!(matches!(
            answered("login=a&new_password=b"),
            Some(Answer::NewPassword { current: None, .. })
        ));
    }

    #[test]
    fn passwords_are_taken_as_typed() {
        let Some(Answer::Password { login, password }) = answered("login=+a&password=%20b%2B+")
        else {
            panic!("not a password");
        };
        assert_eq!((login.as_str(), password.expose_secret()), (" a", " b+ "));
    }

    #[test]
    fn ids_are_uuids() {
        assert!(login_id("0190b6c4-7a10-7cc3-98d1-3f6b0c5a1f2e").is_some());
        assert!(login_id("../../etc").is_none());
    }
}
