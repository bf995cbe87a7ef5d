//! An application on the independent `openidconnect` library, with a redirect address of its own.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::get;
use openidconnect::core::{
    CoreClient, CoreIdTokenClaims, CoreProviderMetadata, CoreResponseType, CoreTokenResponse,
};
use openidconnect::{
    AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RefreshToken, Scope, TokenResponse,
};
use tokio::sync::mpsc;
use url::Url;

use super::network::Network;

type Discovered = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A running application.
pub(crate) struct Application {
    issuer: Url,
    client: Discovered,
    http: reqwest::Client,
    redirect: Url,
    answers: mpsc::UnboundedReceiver<Vec<(String, String)>>,
}

/// A login that was begun.
pub(crate) struct Begun {
    /// Where the browser goes.
    pub(crate) url: Url,
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// What came of a login.
pub(crate) struct LoggedIn {
    pub(crate) tokens: CoreTokenResponse,
    pub(crate) claims: CoreIdTokenClaims,
}

impl Application {
    /// Listens for answers and discovers the issuer.
    pub(crate) async fn start(issuer: &Url, client: &str, secret: Option<&str>) -> Self {
        Self::over(&Network::default(), issuer, client, secret).await
    }

    /// The same, over this network.
    pub(crate) async fn over(
        network: &Network,
        issuer: &Url,
        client: &str,
        secret: Option<&str>,
    ) -> Self {
        let (sender, answers) = mpsc::unbounded_channel();
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let routes = Router::new()
            .route("/callback", get(callback).post(posted))
            .route("/", get(|| async { "Goodbye" }))
            .with_state(sender);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let redirect =
            Url::parse(&format!("http://127.0.0.1:{port}/callback")).expect("an address");

        let http = network.http().build().expect("a client");
        let metadata = CoreProviderMetadata::discover_async(
            IssuerUrl::new(issuer.as_str().trim_end_matches('/').to_owned()).expect("an issuer"),
            &|request| send(&http, request),
        )
        .await
        .expect("the issuer can be discovered");
        let client = CoreClient::from_provider_metadata(
            metadata,
            ClientId::new(client.to_owned()),
            secret.map(|secret| ClientSecret::new(secret.to_owned())),
        )
        .set_redirect_uri(RedirectUrl::from_url(redirect.clone()));
        Self {
            issuer: issuer.clone(),
            client,
            http,
            redirect,
            answers,
        }
    }

    /// Address of its first page, registered for the return after a logout.
    pub(crate) fn home(&self) -> Url {
        self.redirect.join("/").expect("an address")
    }

    /// Begins a login.
    pub(crate) fn begin(&self, scopes: &[&str], parameters: &[(&str, &str)]) -> Begun {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = self
            .client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .set_pkce_challenge(challenge);
        for scope in scopes {
            request = request.add_scope(Scope::new((*scope).to_owned()));
        }
        for (name, value) in parameters {
            request = request.add_extra_param(*name, *value);
        }
        let (url, state, nonce) = request.url();
        Begun {
            url,
            state,
            nonce,
            verifier,
        }
    }

    /// Where a browser goes to log out, and to come back to [`Application::home`].
    pub(crate) fn log_out(&self, logged_in: &LoggedIn) -> Url {
        let mut end = self.issuer.clone();
        let base = end.path().trim_end_matches('/').to_owned();
        end.set_path(&format!("{base}/oauth2/logout"));
        let hint = logged_in.tokens.id_token().expect("an id token");
        end.query_pairs_mut()
            .append_pair("id_token_hint", &hint.to_string())
            .append_pair("post_logout_redirect_uri", self.home().as_str());
        end
    }

    /// The next answer at the redirect address.
    pub(crate) async fn answer(&mut self) -> Vec<(String, String)> {
        let limit = std::time::Duration::from_secs(20);
        tokio::time::timeout(limit, self.answers.recv())
            .await
            .expect("an answer in time")
            .expect("the listener runs")
    }

    /// Takes the answer to a login and redeems its code.
    pub(crate) async fn finish(&mut self, begun: Begun) -> LoggedIn {
        let answer = self.answer().await;
        let value = |wanted: &str| {
            answer
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.clone())
        };
        assert_eq!(
            value("state").as_ref(),
            Some(begun.state.secret()),
            "{answer:?}"
        );
        let code = value("code").unwrap_or_else(|| panic!("no code: {answer:?}"));
        let tokens = self
            .client
            .exchange_code(AuthorizationCode::new(code))
            .expect("a token endpoint")
            .set_pkce_verifier(begun.verifier)
            .request_async(&|request| send(&self.http, request))
            .await
            .expect("the code is redeemed");
        let claims = tokens
            .id_token()
            .expect("an id token")
            .claims(&self.client.id_token_verifier(), &begun.nonce)
            .expect("the id token verifies")
            .clone();
        LoggedIn { tokens, claims }
    }

    /// Redeems a refresh token.
    pub(crate) async fn refresh(&self, token: &RefreshToken) -> Result<CoreTokenResponse, String> {
        self.client
            .exchange_refresh_token(token)
            .expect("a token endpoint")
            .request_async(&|request| send(&self.http, request))
            .await
            .map_err(|fault| format!("{fault:?}"))
    }

    /// The userinfo answer.
    pub(crate) async fn userinfo(
        &self,
        tokens: &CoreTokenResponse,
    ) -> Result<openidconnect::core::CoreUserInfoClaims, String> {
        use openidconnect::OAuth2TokenResponse;
        self.client
            .user_info(tokens.access_token().clone(), None)
            .expect("a userinfo endpoint")
            .request_async(&|request| send(&self.http, request))
            .await
            .map_err(|fault| format!("{fault:?}"))
    }
}

async fn callback(
    State(sender): State<mpsc::UnboundedSender<Vec<(String, String)>>>,
    RawQuery(query): RawQuery,
) -> &'static str {
    take(&sender, &query.unwrap_or_default())
}

/// The same for the response mode `form_post`.
async fn posted(
    State(sender): State<mpsc::UnboundedSender<Vec<(String, String)>>>,
    form: String,
) -> &'static str {
    take(&sender, &form)
}

fn take(sender: &mpsc::UnboundedSender<Vec<(String, String)>>, answer: &str) -> &'static str {
    let parameters = url::form_urlencoded::parse(answer.as_bytes());
    let _ = sender.send(parameters.into_owned().collect());
    "Welcome"
}

async fn send(
    http: &reqwest::Client,
    request: HttpRequest,
) -> Result<HttpResponse, reqwest::Error> {
    let answer = http.execute(request.try_into()?).await?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.to_vec();
    Ok(response)
}
