//! The operations, for their description only.
#![expect(
    dead_code,
    reason = "the functions carry descriptions and are never called"
)]

use super::schemas::{
    Account, AccountChange, AccountPage, AccountSessions, AccountState, Denial, ImportAnswer,
    NewAccount, NewPassword, Problem,
};

macro_rules! operation {
    ($name:ident, $($description:tt)*) => {
        #[utoipa::path(
            $($description)*
            security(("oauth2" = ["realmwright:accounts"]))
        )]
        pub(crate) fn $name() {}
    };
}

operation!(find,
    get, path = "/accounts", operation_id = "findAccounts",
    summary = "Find accounts by exact values of searchable attributes",
    params(
        ("attributes.{name}" = Option<String>, Query, description = "Value of a searchable attribute; may occur for several attributes, and all must match"),
        ("state" = Option<AccountState>, Query, description = "Only accounts in this state"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Accounts of a page; 50 when absent"),
        ("after" = Option<String>, Query, description = "`next` of the former page"),
    ),
    responses(
        (status = 200, body = AccountPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "An attribute is not searchable", body = Problem, content_type = "application/problem+json"),
    ),
);

operation!(
    create,
    post,
    path = "/accounts",
    operation_id = "createAccount",
    summary = "Create an account",
    request_body(content = NewAccount),
    responses(
        (
            status = 201,
            body = Account,
            headers(("ETag" = String), ("Location" = String))
        ),
        (
            status = 400,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 401,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 409,
            description = "Name, identifier or a unique attribute is taken",
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 422,
            body = Problem,
            content_type = "application/problem+json"
        ),
    ),
);

operation!(
    import,
    post,
    path = "/accounts:import",
    operation_id = "importAccounts",
    summary = "Create many accounts, one on each line",
    description = "Give each account a `sub` or a `name`: one that is there is answered with `exists` and stays as it is, so that a file may be sent again from its start. A wrong line does not stop the others.",
    request_body(content = NewAccount, content_type = "application/x-ndjson"),
    responses(
        (
            status = 200,
            description = "One answer for each line, as they are done",
            body = ImportAnswer,
            content_type = "application/x-ndjson"
        ),
        (
            status = 401,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 415,
            body = Problem,
            content_type = "application/problem+json"
        ),
    ),
);

operation!(
    read,
    get,
    path = "/accounts/{sub}",
    operation_id = "getAccount",
    summary = "Read an account",
    params(("sub" = String, Path)),
    responses(
        (status = 200, body = Account, headers(("ETag" = String))),
        (
            status = 401,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404,
            body = Problem,
            content_type = "application/problem+json"
        ),
    ),
);

operation!(change,
    patch, path = "/accounts/{sub}", operation_id = "changeAccount",
    summary = "Change an account",
    params(
        ("sub" = String, Path),
        ("If-Match" = Option<String>, Header, description = "Entity tag of the account that was read"),
    ),
    request_body(content = AccountChange, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, body = Account, headers(("ETag" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "The account has changed", body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
);

operation!(
    erase,
    delete,
    path = "/accounts/{sub}",
    operation_id = "eraseAccount",
    summary = "Delete everything about a person",
    params(("sub" = String, Path)),
    responses(
        (status = 204),
        (
            status = 401,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404,
            body = Problem,
            content_type = "application/problem+json"
        ),
    ),
);

operation!(
    set_password,
    put,
    path = "/accounts/{sub}/password",
    operation_id = "setPassword",
    summary = "Set the password, in plain text or as a hash",
    params(("sub" = String, Path)),
    request_body(content = NewPassword),
    responses(
        (status = 204),
        (
            status = 401,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 422,
            body = Problem,
            content_type = "application/problem+json"
        ),
    ),
);

operation!(
    sessions,
    get,
    path = "/accounts/{sub}/sessions",
    operation_id = "listSessions",
    summary = "List live sessions",
    params(("sub" = String, Path)),
    responses(
        (status = 200, body = AccountSessions),
        (
            status = 401,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404,
            body = Problem,
            content_type = "application/problem+json"
        ),
    ),
);

operation!(
    end_sessions,
    delete,
    path = "/accounts/{sub}/sessions",
    operation_id = "endSessions",
    summary = "End all sessions",
    params(("sub" = String, Path)),
    responses(
        (status = 204),
        (
            status = 401,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404,
            body = Problem,
            content_type = "application/problem+json"
        ),
    ),
);

operation!(
    end_session,
    delete,
    path = "/accounts/{sub}/sessions/{session}",
    operation_id = "endSession",
    summary = "End one session",
    params(("sub" = String, Path), ("session" = String, Path)),
    responses(
        (status = 204),
        (
            status = 401,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404,
            body = Problem,
            content_type = "application/problem+json"
        ),
    ),
);

operation!(
    reset_factor,
    delete,
    path = "/accounts/{sub}/credentials/{kind}",
    operation_id = "resetFactor",
    summary = "Remove all credentials of a kind and lift their bars",
    params(
        ("sub" = String, Path),
        (
            "kind" = String,
            Path,
            description = "`password`, `totp` (takes its recovery codes along) or `recovery_codes`"
        ),
    ),
    responses(
        (status = 204),
        (
            status = 401,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404,
            body = Problem,
            content_type = "application/problem+json"
        ),
    ),
);

operation!(export,
    get, path = "/accounts/{sub}/export", operation_id = "exportAccount",
    summary = "Everything about a person, by table",
    params(("sub" = String, Path)),
    responses(
        (status = 200, description = "Rows by the name of their table", body = std::collections::BTreeMap<String, serde_json::Value>),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
);

operation!(
    denial,
    get,
    path = "/denials/{id}",
    operation_id = "getDenial",
    summary = "Read why somebody was refused",
    description = "By the number on the page of the denial, or behind `reference` in the `error_description` that the application got. Hyphens may be left out, and capitals do not matter.",
    params(("id" = String, Path)),
    responses(
        (status = 200, body = Denial),
        (
            status = 401,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403,
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404,
            description = "Never recorded in this realm, or no longer kept",
            body = Problem,
            content_type = "application/problem+json"
        ),
    ),
);
