//! The pages and what their buttons do.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};

use crate::page;
use crate::relying_party::RelyingParty;
use crate::sessions::{Session, Sessions};

/// Realms at one host share its cookies whatever their ports, hence the telling name.
const COOKIE: &str = "realmwright-demo";

#[derive(Clone, Debug)]
struct Site {
    party: RelyingParty,
    sessions: Sessions,
}

/// The demo application.
pub(crate) fn router(party: RelyingParty) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/login", get(login))
        .route("/callback", get(callback))
        .route("/refresh", post(refresh))
        .route("/logout", post(logout))
        .with_state(Site {
            party,
            sessions: Sessions::default(),
        })
}

fn session_of(jar: &CookieJar) -> &str {
    jar.get(COOKIE).map_or("", Cookie::value)
}

/// `Lax`, as the response of the provider is a navigation from another site.
fn cookie(id: String) -> Cookie<'static> {
    Cookie::build((COOKIE, id))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .build()
}

fn html(page: String) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                  base-uri 'none'; frame-ancestors 'none'";
    let mut response = Html(page).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn home(State(site): State<Site>, jar: CookieJar) -> Response {
    let (tokens, fault) = site
        .sessions
        .with(session_of(&jar), |session| {
            (session.tokens.clone(), session.fault.take())
        })
        .unwrap_or_default();
    let view = page::View {
        issuer: site.party.issuer(),
        client: site.party.client_id(),
        tokens: tokens.as_ref(),
        fault: fault.as_deref(),
    };
    match page::render(&view) {
        Ok(page) => html(page),
        Err(fault) => {
            tracing::error!(error = %fault, "cannot render the page");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Replaces the session by one that shows a fault on the home page.
fn failed(site: &Site, jar: CookieJar, fault: &anyhow::Error) -> Response {
    tracing::warn!(error = format!("{fault:#}"), "it did not work");
    let session = Session {
        fault: Some(format!("{fault:#}")),
        ..Session::default()
    };
    renewed(site, jar, session, "/")
}

fn renewed(site: &Site, jar: CookieJar, session: Session, to: &str) -> Response {
    site.sessions.remove(session_of(&jar));
    match site.sessions.create(session) {
        Ok(id) => (jar.add(cookie(id)), Redirect::to(to)).into_response(),
        Err(fault) => {
            tracing::error!(error = %fault, "no randomness");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn login(State(site): State<Site>, jar: CookieJar) -> Response {
    match site.party.begin().await {
        Ok((url, pending)) => {
            let session = Session {
                pending: Some(pending),
                ..Session::default()
            };
            renewed(&site, jar, session, url.as_str())
        }
        Err(fault) => failed(&site, jar, &fault),
    }
}

/// What the provider sends the browser back with.
#[derive(Debug, Default)]
struct Answer {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    description: Option<String>,
    issuer: Option<String>,
}

impl Answer {
    fn parse(query: &str) -> anyhow::Result<Self> {
        let mut answer = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let place = match name.as_ref() {
                "code" => &mut answer.code,
                "state" => &mut answer.state,
                "error" => &mut answer.error,
                "error_description" => &mut answer.description,
                "iss" => &mut answer.issuer,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                anyhow::bail!("the response holds {name} twice");
            }
        }
        Ok(answer)
    }
}

async fn callback(State(site): State<Site>, jar: CookieJar, RawQuery(query): RawQuery) -> Response {
    let pending = site
        .sessions
        .with(session_of(&jar), |session| session.pending.take())
        .flatten();
    let finish = async {
        let answer = Answer::parse(query.as_deref().unwrap_or_default())?;
        let pending = pending.ok_or_else(|| {
            anyhow::anyhow!("this browser did not begin a login here, or it is already finished")
        })?;
        if answer.state.as_ref() != Some(pending.state.secret()) {
            anyhow::bail!("the response does not belong to the login that began here (state)");
        }
        // RFC 9207: against answers of another provider.
        if answer
            .issuer
            .is_some_and(|issuer| issuer != site.party.issuer())
        {
            anyhow::bail!("the response comes from another issuer");
        }
        if let Some(error) = answer.error {
            let description = answer.description.unwrap_or_default();
            anyhow::bail!("the login was refused: {error} {description}");
        }
        let code = answer
            .code
            .ok_or_else(|| anyhow::anyhow!("the response holds neither a code nor an error"))?;
        site.party.finish(code, pending).await
    };
    match finish.await {
        Ok(tokens) => {
            let session = Session {
                tokens: Some(tokens),
                ..Session::default()
            };
            renewed(&site, jar, session, "/")
        }
        Err(fault) => failed(&site, jar, &fault),
    }
}

fn tokens_of(site: &Site, jar: &CookieJar) -> Option<crate::relying_party::Tokens> {
    site.sessions
        .with(session_of(jar), |session| session.tokens.clone())
        .flatten()
}

async fn refresh(State(site): State<Site>, jar: CookieJar) -> Response {
    let Some(former) = tokens_of(&site, &jar) else {
        return Redirect::to("/").into_response();
    };
    match site.party.refresh(&former).await {
        Ok(tokens) => {
            let session = Session {
                tokens: Some(tokens),
                ..Session::default()
            };
            renewed(&site, jar, session, "/")
        }
        Err(fault) => failed(&site, jar, &fault),
    }
}

async fn logout(State(site): State<Site>, jar: CookieJar) -> Response {
    let Some(session) = site.sessions.remove(session_of(&jar)) else {
        return Redirect::to("/").into_response();
    };
    let jar = jar.remove(Cookie::build(COOKIE).path("/").build());
    let Some(tokens) = session.tokens else {
        return (jar, Redirect::to("/")).into_response();
    };
    match site.party.logout(&tokens).await {
        Ok(Some(url)) => (jar, Redirect::to(url.as_str())).into_response(),
        Ok(None) => (jar, Redirect::to("/")).into_response(),
        Err(fault) => failed(&site, jar, &fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read() {
        let answer = Answer::parse("code=a%20b&state=s&iss=https%3A%2F%2Fx&other=1").unwrap();
        assert_eq!(answer.code.as_deref(), Some("a b"));
        assert_eq!(answer.state.as_deref(), Some("s"));
        assert_eq!(answer.issuer.as_deref(), Some("https://x"));
        assert!(answer.error.is_none());
    }

    #[test]
    fn a_doubled_parameter_is_refused() {
        assert!(Answer::parse("code=a&code=b").is_err());
        assert!(Answer::parse("state=a&state=a").is_err());
    }
}
