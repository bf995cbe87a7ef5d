//! `docs/ERRORS.md`: every error that an outsider can meet, from the types that say them.

use std::fmt::Write as _;

use fluent::FluentArgs;
use realmwright_protocol::oauth2::ErrorCode;

use crate::api::ProblemKind;
use crate::pages::ErrorKind;
use crate::texts::Texts;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ERRORS.md");

const HEAD: &str = "# Errors

Every error that applications, browsers and callers of the accounts API can meet. This page is
generated from the types that say them (`make generate`); a test holds it.

What is answered tells an outsider no more than they must know: an unknown client and a wrong
secret, an unknown person and a wrong password, a locked account and a missing factor have one
answer each. The log has the reason, under the number that pages and answers show.
";

const APPLICATIONS: &str = "
## To applications

The authorization endpoint sends the code back to the application: `error`, `error_description`,
`state` and `iss` at the redirect address, by the response mode of the request. It never does so
before client and redirect address are known to be right; then there is a page instead. The other
endpoints answer JSON with `error` and `error_description` and the status of the table, never cached.
Userinfo says the code in `WWW-Authenticate` as well, RFC 6750.

| code | status of JSON | where | when |
|---|---|---|---|
";

const PAGES: &str = "
## Pages

A browser that cannot be sent on sees a page in its language, with a number that the log has too. A
denial by a flow or an access rule is a page of its own: 403, with the author's message. Its number, and
the reference in a description, is what [`realmwright why-denied`](why-denied.md) and
`GET /api/v1/denials/{id}` take.

| page | status | when | text |
|---|---|---|---|
";

const PROBLEMS: &str = "
## Accounts API

Problems by RFC 9457, `application/problem+json`; `type` is the name as a fragment. A token that does
not open the API has the code of RFC 6750 as its name: `#invalid_token` (401), `#insufficient_scope`
(403), `#invalid_request` (400), and the same in `WWW-Authenticate`. A path that is not there, or
does not take the method, is `about:blank` with 404 or 405.

| name | status | title | when |
|---|---|---|---|
";

/// Where a code is said, and when.
const fn of_code(code: ErrorCode) -> (&'static str, &'static str) {
    match code {
        ErrorCode::InvalidRequest => (
            "everywhere",
            "A parameter is missing, repeated or malformed; PKCE, `state` or `nonce` is missing where \
             it is demanded; a client authenticates in two ways at once. JSON has 408 for a body that \
             comes too slowly, 413 for one that is too large and 415 for one that is no form.",
        ),
        ErrorCode::InvalidClient => (
            "token, introspection, revocation",
            "The client is unknown, its secret or assertion is wrong, used or expired, or it \
             authenticates in another way than it registered. `WWW-Authenticate: Basic` where the \
             header was used.",
        ),
        ErrorCode::InvalidGrant => (
            "token",
            "The code or the refresh token is unknown, used, expired, revoked or of another client; \
             `redirect_uri` or `code_verifier` does not fit; the session has ended; or a rule denies \
             now what it once allowed, and then the description has a reference (below).",
        ),
        ErrorCode::UnauthorizedClient => {
            ("authorization, token", "The client may not use this grant.")
        }
        ErrorCode::UnsupportedGrantType => ("token", "Nobody may use this grant."),
        ErrorCode::UnsupportedResponseType => (
            "authorization",
            "The client may not use this response type.",
        ),
        ErrorCode::InvalidScope => (
            "authorization, token",
            "A scope is malformed, unknown, not allowed for the client, beyond what was granted, a \
             system scope in a person's name, or a person's scope in a client's; or none was asked \
             for and the client has no default.",
        ),
        ErrorCode::InvalidTarget => (
            "authorization, token",
            "`resource` names an API that the granted scopes do not reach, RFC 8707.",
        ),
        ErrorCode::InvalidToken => (
            "userinfo",
            "The access token is unknown, expired, revoked or for somebody else.",
        ),
        ErrorCode::InsufficientScope => ("userinfo", "The access token has no scope `openid`."),
        ErrorCode::AccessDenied => (
            "authorization",
            "A flow or an access rule denies, and then the description has a reference (below); the \
             person refused consent, or gave up.",
        ),
        ErrorCode::LoginRequired => (
            "authorization",
            "`prompt=none`, and something would have to be asked, or another person is logged in than \
             `id_token_hint` names.",
        ),
        ErrorCode::ConsentRequired => (
            "authorization",
            "`prompt=none`, and the person would have to consent.",
        ),
        ErrorCode::RequestNotSupported => ("authorization", "`request` is not supported."),
        ErrorCode::RequestUriNotSupported => ("authorization", "`request_uri` is not supported."),
        ErrorCode::RegistrationNotSupported => {
            ("authorization", "`registration` is not supported.")
        }
        ErrorCode::ServerError => (
            "token, introspection, revocation, userinfo",
            "The mistake is ours; the description has the number that the log has.",
        ),
        ErrorCode::TemporarilyUnavailable => (
            "token, introspection, revocation, userinfo",
            "The database or another part does not answer, or this process is behind. `Retry-After` \
             says when to try again. 429 instead of 503 after too many failures from one address.",
        ),
    }
}

/// When a page is shown.
const fn of_page(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::UnknownClient => "`client_id` names no application, or one that is switched off",
        ErrorKind::Redirect => "`redirect_uri` is missing or not registered",
        ErrorKind::Request => "the request or the form cannot be read",
        ErrorKind::LoginGone => {
            "the login has expired, was finished, had too many wrong answers, or is another browser's"
        }
        ErrorKind::NotFound => "no realm or no page has this address",
        ErrorKind::Method => "the address takes another method",
        ErrorKind::TooLarge => "the body or the header is too large",
        ErrorKind::TooSlow => "the body comes too slowly",
        ErrorKind::ForeignForm => "the form was sent from another origin",
        ErrorKind::TooManyAttempts => {
            "too many failed logins from this address; `Retry-After` says when to try again"
        }
        ErrorKind::Busy => "the queue of password checks is full; with `Retry-After`",
        ErrorKind::Unavailable => {
            "the database does not answer, or this process is behind; with `Retry-After`"
        }
        ErrorKind::Internal => "the mistake is ours",
        ErrorKind::LogoutReturn => "`post_logout_redirect_uri` is not registered",
    }
}

/// When a problem is said.
const fn of_problem(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::BadRequest => "the request, its query or its JSON cannot be read",
        ProblemKind::Precondition => "`If-Match` is missing where it is needed, or is no version",
        ProblemKind::Unauthorized => "there is no token",
        ProblemKind::NotFound => "no such account, session, credential or consent",
        ProblemKind::Taken => "the name, the identifier or a unique value is somebody else's",
        ProblemKind::Stale => "the account has another version than `If-Match` says",
        ProblemKind::TooSlow => "the body comes too slowly",
        ProblemKind::TooLarge => "the body is too large",
        ProblemKind::MediaType => "the body has another media type",
        ProblemKind::Invalid => "a field is not acceptable; `field` and `detail` say which and why",
        ProblemKind::Password => "the password breaks the policy; `rules` says how",
        ProblemKind::TooMany => "too many failures; with `Retry-After`",
        ProblemKind::Internal => "the mistake is ours; `instance` is the number that the log has",
        ProblemKind::Unavailable => "the database does not answer; with `Retry-After`",
    }
}

fn document() -> String {
    let texts = Texts::load().unwrap();
    let text = |key: &str| texts.get("en", key, &FluentArgs::new()).unwrap();
    let mut page = HEAD.to_owned() + APPLICATIONS;
    for code in ErrorCode::ALL {
        let (place, when) = of_code(*code);
        let status = match place {
            "authorization" => "-".to_owned(),
            _ => code.status().to_string(),
        };
        writeln!(
            page,
            "| `{}` | {status} | {place} | {when} |",
            code.as_str()
        )
        .unwrap();
    }
    page += PAGES;
    for kind in ErrorKind::ALL {
        let key = kind.key();
        let title = text(&format!("{key}-title"));
        let status = kind.status().as_u16();
        let when = of_page(*kind);
        writeln!(page, "| {title} | {status} | {when} | {} |", text(key)).unwrap();
    }
    page += PROBLEMS;
    for kind in ProblemKind::ALL {
        let (name, status) = (kind.name(), kind.status().as_u16());
        let when = of_problem(*kind);
        writeln!(page, "| `#{name}` | {status} | {} | {when} |", kind.title()).unwrap();
    }
    page
}

/// `REALMWRIGHT_WRITE=1 cargo test -p realmwright-web current` writes the file anew.
#[test]
fn the_committed_errors_are_current() {
    if std::env::var_os("REALMWRIGHT_WRITE").is_some() {
        std::fs::write(COMMITTED, document()).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap();
    assert_eq!(committed, document(), "write it anew, see above");
}

/// A page that is named twice, or a code that has two rows, would be of no use.
#[test]
fn every_error_has_one_row() {
    let document = document();
    let row = |name: &str| document.matches(&format!("\n| {name} |")).count();
    for code in ErrorCode::ALL {
        assert_eq!(row(&format!("`{}`", code.as_str())), 1, "{code:?}");
    }
    for kind in ProblemKind::ALL {
        assert_eq!(row(&format!("`#{}`", kind.name())), 1, "{kind:?}");
    }
    let rows = document
        .lines()
        .filter(|line| line.starts_with("| "))
        .count();
    let heads = 3;
    let expected = ErrorCode::ALL.len() + ErrorKind::ALL.len() + ProblemKind::ALL.len() + heads;
    assert_eq!(rows, expected);
}
