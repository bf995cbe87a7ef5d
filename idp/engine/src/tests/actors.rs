//! What a browser and an application do.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use realmwright_snapshot::{ClientSnapshot, OidcClient, RealmSnapshot};
use realmwright_store::Maintenance as _;
use serde_json::Value;

use super::fixture::*;
use crate::ports::Clock as _;
use crate::{
    Answer, BackChannelCall, CallFault, ClientResponse, CookieChange, CookiePurpose, Cookies,
    FormTarget, JsonAnswer, LoginPage, Reply, Step, StepView,
};

/// A browser: keeps cookies.
#[derive(Debug, Default)]
pub(crate) struct Browser(pub(crate) Cookies);
pub(crate) const VERIFIER: &str = "a-verifier-of-enough-letters-for-rfc-7636-to-take";
pub(crate) const PASSWORD: &str = "Correct-Horse-7";

/// The `S256` challenge of [`VERIFIER`].
pub(crate) fn challenge() -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, VERIFIER.as_bytes());
    URL_SAFE_NO_PAD.encode(hash)
}

/// An authorization request of `client` with more parameters.
pub(crate) fn request(client: &str, more: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut pairs = vec![
        ("client_id", client),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("state", "s-1"),
        ("nonce", "n-1"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    pairs.extend_from_slice(more);
    if !more.iter().any(|(name, _)| *name == "scope") {
        pairs.push(("scope", "openid profile email"));
    }
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

impl Browser {
    pub(crate) fn take(&mut self, reply: Reply) -> Step {
        for cookie in reply.cookies {
            let (purpose, value) = match cookie {
                CookieChange::Set { purpose, value, .. } => (purpose, Some(value)),
                CookieChange::Remove(purpose) => (purpose, None),
            };
            match purpose {
                CookiePurpose::Session => self.0.session = value,
                CookiePurpose::Login => self.0.login = value,
            }
        }
        reply.step
    }

    pub(crate) async fn authorize(&mut self, world: &World, request: &str) -> Step {
        let reply = world
            .engine
            .authorize(&world.context(), request, &self.0)
            .await
            .unwrap();
        self.take(reply)
    }

    /// Posts an answer to a page and follows to the next one.
    pub(crate) async fn answer(&mut self, world: &World, page: &LoginPage, answer: Answer) -> Step {
        let step = self.post(world, page, answer).await.unwrap();
        self.follow(world, step).await
    }

    pub(crate) async fn post(
        &mut self,
        world: &World,
        page: &LoginPage,
        answer: Answer,
    ) -> Result<Step, crate::EngineFault> {
        let cx = world.context();
        let reply = match &page.target {
            FormTarget::Sealed(sealed) => {
                world.engine.begin_login(&cx, sealed, answer, &self.0).await
            }
            FormTarget::Login { id, version } => {
                world
                    .engine
                    .submit_login(&cx, *id, *version, answer, &self.0)
                    .await
            }
        };
        world.align();
        Ok(self.take(reply?))
    }

    pub(crate) async fn follow(&mut self, world: &World, step: Step) -> Step {
        let Step::Continue(id) = step else {
            return step;
        };
        let reply = world
            .engine
            .show_login(&world.context(), id, &self.0)
            .await
            .unwrap();
        self.take(reply)
    }

    /// Logs in with a password, from the request to the response.
    pub(crate) async fn log_in(&mut self, world: &World, request: &str) -> ClientResponse {
        let page = page(self.authorize(world, request).await);
        let step = self
            .answer(world, &page, password("olena@example.com", PASSWORD))
            .await;
        response(step)
    }
}

pub(crate) fn page(step: Step) -> LoginPage {
    match step {
        Step::Page(page) => *page,
        other => panic!("not a page: {other:?}"),
    }
}

pub(crate) fn response(step: Step) -> ClientResponse {
    match step {
        Step::Respond(response) => response,
        other => panic!("not a response: {other:?}"),
    }
}

pub(crate) fn parameter<'a>(response: &'a ClientResponse, name: &str) -> Option<&'a str> {
    let mut found = response.parameters.iter().filter(|(key, _)| key == name);
    found.next().map(|(_, value)| value.as_str())
}

pub(crate) fn code(response: &ClientResponse) -> String {
    parameter(response, "code")
        .unwrap_or_else(|| panic!("no code: {response:?}"))
        .to_owned()
}

pub(crate) fn error(response: &ClientResponse) -> &str {
    parameter(response, "error").unwrap_or("")
}

pub(crate) fn password(login: &str, password: &str) -> Answer {
    Answer::Password {
        login: login.into(),
        password: password.to_owned().into(),
    }
}

pub(crate) fn new_password(password: &str) -> Answer {
    Answer::NewPassword {
        current: None,
        password: password.to_owned().into(),
        repeated: password.to_owned().into(),
    }
}

pub(crate) fn is_password(page: &LoginPage) -> bool {
    matches!(page.view, StepView::Password { .. })
}

/// The claims of a JWT, unchecked.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

pub(crate) fn basic(client: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")))
}

impl World {
    /// A person with a password.
    pub(crate) async fn person(&self, email: &str) -> String {
        let account = self
            .engine
            .create_account(
                &self.realm,
                &crate::accounts::AccountsCaller::process(),
                crate::accounts::NewAccount {
                    attributes: [
                        ("email".to_owned(), Value::from(email)),
                        ("name".to_owned(), Value::from("Olena")),
                    ]
                    .into(),
                    password: Some(crate::accounts::NewPassword {
                        value: None,
                        hash: Some(plain_hash(PASSWORD).into()),
                        must_change: false,
                    }),
                    ..Default::default()
                },
            )
            .await
            .unwrap();
        account.sub
    }

    pub(crate) async fn token(&self, client: &str, form: &str) -> Result<JsonAnswer, CallFault> {
        let authorization = basic(client, CLIENT_SECRET);
        self.engine
            .token(
                &self.context(),
                BackChannelCall {
                    form,
                    authorization: Some(&authorization),
                },
            )
            .await
    }

    pub(crate) async fn redeem(&self, client: &str, code: &str) -> Result<JsonAnswer, CallFault> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", REDIRECT)
            .append_pair("code_verifier", VERIFIER)
            .finish();
        self.token(client, &form).await
    }

    pub(crate) async fn refresh(&self, client: &str, token: &str) -> Result<JsonAnswer, CallFault> {
        self.token(
            client,
            &format!("grant_type=refresh_token&refresh_token={token}"),
        )
        .await
    }

    pub(crate) async fn userinfo(&self, token: &str) -> Result<JsonAnswer, CallFault> {
        let authorization = format!("Bearer {token}");
        self.engine
            .userinfo(
                &self.context(),
                BackChannelCall {
                    form: "",
                    authorization: Some(&authorization),
                },
            )
            .await
    }

    pub(crate) async fn introspect(&self, client: &str, token: &str) -> Value {
        let authorization = basic(client, CLIENT_SECRET);
        let form = format!("token={token}");
        let call = BackChannelCall {
            form: &form,
            authorization: Some(&authorization),
        };
        self.engine
            .introspect(&self.context(), call)
            .await
            .unwrap()
            .body
    }

    pub(crate) async fn revoke(&self, client: &str, token: &str) -> Result<JsonAnswer, CallFault> {
        let authorization = basic(client, CLIENT_SECRET);
        let form = format!("token={token}");
        let call = BackChannelCall {
            form: &form,
            authorization: Some(&authorization),
        };
        self.engine.revoke(&self.context(), call).await
    }

    /// Kinds of the events recorded about a person or a client, oldest first.
    pub(crate) async fn events(&self) -> Vec<String> {
        let payloads = self.payloads().await.into_iter();
        payloads
            .filter_map(|payload| payload["kind"].as_str().map(str::to_owned))
            .collect()
    }

    /// What the log says of the events of a kind.
    pub(crate) async fn logged(&self, kind: &str) -> Vec<Value> {
        let payloads = self.payloads().await.into_iter();
        payloads
            .filter(|payload| payload["kind"] == kind)
            .map(|mut payload| payload["fields"].take())
            .collect()
    }

    async fn payloads(&self) -> Vec<Value> {
        let realms = [self.realm.id().clone()];
        let rows = self.store.claim_outbox(&realms, 500, Duration::ZERO);
        rows.await
            .unwrap()
            .into_iter()
            .map(|row| row.payload)
            .collect()
    }
}

pub(crate) fn field<'a>(answer: &'a JsonAnswer, name: &str) -> &'a str {
    answer.body[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {}", answer.body))
}

/// The OAuth error of a refusal.
pub(crate) fn refusal(result: Result<JsonAnswer, CallFault>) -> &'static str {
    match result {
        Err(CallFault::OAuth(error)) => error.error,
        other => panic!("not refused: {other:?}"),
    }
}

/// The realm with a change.
pub(crate) fn realm_with(change: impl FnOnce(&mut RealmSnapshot)) -> RealmSnapshot {
    let mut snapshot = realm();
    change(&mut snapshot);
    snapshot
}

/// Changes a client of a snapshot.
pub(crate) fn edit(
    snapshot: &mut RealmSnapshot,
    id: &str,
    change: impl FnOnce(&mut ClientSnapshot),
) {
    change(Arc::make_mut(snapshot.clients.get_mut(id).unwrap()));
}

pub(crate) fn edit_oidc(
    snapshot: &mut RealmSnapshot,
    id: &str,
    change: impl FnOnce(&mut OidcClient),
) {
    edit(snapshot, id, |client| change(client.oidc.as_mut().unwrap()));
}

impl World {
    pub(crate) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn stored_password(&self, sub: &str) -> realmwright_store::CredentialRow {
        use realmwright_store::Subjects as _;
        let sub = realmwright_store::SubjectId(sub.to_owned());
        let rows = self.store.credentials(self.realm.id(), &sub).await.unwrap();
        rows.into_iter().find(|row| row.kind == "password").unwrap()
    }
}
