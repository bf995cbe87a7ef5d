//! What a relying party does, on the `openidconnect` crate. Metadata and keys are fetched anew
//! for each use: a demo should follow every change of the realm at once.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context;
use base64::Engine as _;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreIdToken, CoreTokenResponse,
};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IssuerUrl, LogoutRequest, Nonce, NonceVerifier,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, RefreshToken, RequestTokenError, Scope, TokenResponse,
    UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 1024 * 1024;

/// Where the application's secret comes from.
#[derive(Clone, Debug)]
pub(crate) enum Secret {
    None,
    Value(ClientSecret),
    File(PathBuf),
}

/// This application, as the provider knows it.
#[derive(Clone, Debug)]
pub(crate) struct RelyingParty {
    issuer: IssuerUrl,
    client_id: ClientId,
    secret: Secret,
    scopes: Vec<Scope>,
    redirect: RedirectUrl,
    after_logout: PostLogoutRedirectUrl,
    http: reqwest::Client,
}

/// What must come back with the response.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// What a login brought.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    id_token: CoreIdToken,
    refresh: Option<RefreshToken>,
    /// Claims of the verified id token.
    pub(crate) id_claims: serde_json::Value,
    /// Answer of the userinfo endpoint.
    pub(crate) user_info: serde_json::Value,
    /// Scopes that were granted.
    pub(crate) scopes: Vec<String>,
    /// Life of the access token.
    pub(crate) lifetime: Option<Duration>,
}

impl Tokens {
    pub(crate) const fn can_refresh(&self) -> bool {
        self.refresh.is_some()
    }
}

/// All claims, whatever their names.
#[derive(Debug, Default, Deserialize, Serialize)]
struct AllClaims {
    #[serde(flatten)]
    all: serde_json::Map<String, serde_json::Value>,
}

impl openidconnect::AdditionalClaims for AllClaims {}

/// The same nonce is not repeated in a refreshed id token (OIDC Core section 12.2).
struct AnyNonce;

impl NonceVerifier for AnyNonce {
    fn verify(self, _nonce: Option<&Nonce>) -> Result<(), String> {
        Ok(())
    }
}

/// Why a call of the provider failed.
#[derive(Debug, thiserror::Error)]
enum HttpFault {
    #[error("the provider does not answer")]
    NoAnswer(#[from] reqwest::Error),
    #[error("the provider's answer is not HTTP")]
    Form(#[from] openidconnect::http::Error),
    #[error("the provider's answer is too large")]
    TooLarge,
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl RelyingParty {
    pub(crate) fn new(
        issuer: IssuerUrl,
        client_id: ClientId,
        secret: Secret,
        scopes: Vec<Scope>,
        url: &Url,
        ca_file: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let mut http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // A token endpoint never redirects; following would carry the secret elsewhere.
            .redirect(reqwest::redirect::Policy::none());
        if let Some(file) = ca_file {
            let pem =
                std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            for certificate in reqwest::Certificate::from_pem_bundle(&pem)? {
                http = http.add_root_certificate(certificate);
            }
        }
        Ok(Self {
            issuer,
            client_id,
            secret,
            scopes,
            redirect: RedirectUrl::from_url(url.join("/callback")?),
            after_logout: PostLogoutRedirectUrl::from_url(url.join("/")?),
            http: http.build()?,
        })
    }

    pub(crate) fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    pub(crate) fn client_id(&self) -> &str {
        self.client_id.as_str()
    }

    /// Where the browser goes to log in.
    pub(crate) async fn begin(&self) -> anyhow::Result<(Url, Pending)> {
        let client = self.client(self.metadata().await?).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(self.scopes.iter().cloned())
            .set_pkce_challenge(challenge)
            .url();
        Ok((
            url,
            Pending {
                state,
                nonce,
                verifier,
            },
        ))
    }

    /// Exchanges the code and verifies the id token.
    pub(crate) async fn finish(&self, code: String, pending: Pending) -> anyhow::Result<Tokens> {
        let client = self.client(self.metadata().await?).await?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code))?
            .set_pkce_verifier(pending.verifier)
            .request_async(&self.http())
            .await
            .map_err(plainly)?;
        let nonce = pending.nonce;
        self.read(&client, &answer, &nonce, None).await
    }

    /// Exchanges the refresh token for a new set.
    pub(crate) async fn refresh(&self, former: &Tokens) -> anyhow::Result<Tokens> {
        let refresh = former
            .refresh
            .as_ref()
            .context("there is no refresh token")?;
        let client = self.client(self.metadata().await?).await?;
        let answer = client
            .exchange_refresh_token(refresh)?
            .request_async(&self.http())
            .await
            .map_err(plainly)?;
        self.read(&client, &answer, AnyNonce, Some(former)).await
    }

    /// Where the browser goes to end its session with the provider; none when it has no such
    /// endpoint.
    pub(crate) async fn logout(&self, tokens: &Tokens) -> anyhow::Result<Option<Url>> {
        let metadata = self.metadata().await?;
        let Some(endpoint) = metadata.additional_metadata().end_session_endpoint.clone() else {
            return Ok(None);
        };
        Ok(Some(
            LogoutRequest::from(endpoint)
                .set_id_token_hint(&tokens.id_token)
                .set_client_id(self.client_id.clone())
                .set_post_logout_redirect_uri(self.after_logout.clone())
                .http_get_url(),
        ))
    }

    async fn metadata(&self) -> anyhow::Result<ProviderMetadataWithLogout> {
        ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.http())
            .await
            .with_context(|| format!("cannot read the metadata of {}", self.issuer.as_str()))
    }

    async fn client(&self, metadata: ProviderMetadataWithLogout) -> anyhow::Result<Client> {
        let secret = match &self.secret {
            Secret::None => None,
            Secret::Value(secret) => Some(secret.clone()),
            Secret::File(file) => {
                let secret = tokio::fs::read_to_string(file)
                    .await
                    .with_context(|| format!("cannot read {}", file.display()))?;
                Some(ClientSecret::new(secret.trim().to_owned()))
            }
        };
        Ok(
            CoreClient::from_provider_metadata(metadata, self.client_id.clone(), secret)
                .set_redirect_uri(self.redirect.clone()),
        )
    }

    async fn read(
        &self,
        client: &Client,
        answer: &CoreTokenResponse,
        nonce: impl NonceVerifier,
        former: Option<&Tokens>,
    ) -> anyhow::Result<Tokens> {
        let id_token = answer
            .id_token()
            .or_else(|| former.map(|former| &former.id_token))
            .context("the answer holds no id token")?;
        let claims = id_token
            .claims(&client.id_token_verifier(), nonce)
            .context("the id token is not valid")?;
        let user_info: UserInfoClaims<AllClaims, CoreGenderClaim> = client
            .user_info(
                answer.access_token().clone(),
                Some(claims.subject().clone()),
            )?
            .request_async(&self.http())
            .await
            .context("the userinfo endpoint does not answer")?;
        Ok(Tokens {
            id_claims: payload(id_token)?,
            user_info: serde_json::to_value(&user_info)?,
            scopes: answer
                .scopes()
                .unwrap_or(&self.scopes)
                .iter()
                .map(|scope| scope.as_str().to_owned())
                .collect(),
            lifetime: answer.expires_in(),
            refresh: answer
                .refresh_token()
                .or_else(|| former.and_then(|former| former.refresh.as_ref()))
                .cloned(),
            id_token: id_token.clone(),
        })
    }

    fn http(&self) -> impl Fn(HttpRequest) -> BoxFuture + use<> {
        let http = self.http.clone();
        move |request| Box::pin(send(http.clone(), request)) as BoxFuture
    }
}

type BoxFuture = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpFault>> + Send>>;

async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
    let mut answer = http.execute(request.try_into()?).await?;
    let mut response = openidconnect::http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(HttpFault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(response.body(body)?)
}

/// All claims of a verified id token, as it holds them: the library keeps only those it knows.
fn payload(id_token: &CoreIdToken) -> anyhow::Result<serde_json::Value> {
    let text = id_token.to_string();
    let payload = text
        .split('.')
        .nth(1)
        .context("the id token has no payload")?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// What the token endpoint said, in its own words.
fn plainly(fault: RequestTokenError<HttpFault, CoreErrorResponse>) -> anyhow::Error {
    match fault {
        RequestTokenError::ServerResponse(answer) => {
            anyhow::anyhow!("the token endpoint refused: {answer}")
        }
        other => anyhow::Error::new(other).context("the token endpoint does not answer"),
    }
}

type CoreErrorResponse =
    openidconnect::StandardErrorResponse<openidconnect::core::CoreErrorResponseType>;
